"""The model as MLflow keeps it: the file that training wrote, and this code around it."""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from {{ cookiecutter.package_name }} import model, predict


class Served(PythonModel):
    """Answers as `make predict` does."""

    def load_context(self, context: Any) -> None:
        """Read the file."""
        self.trained = model.load(Path(context.artifacts["file"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Return for each row the probability, and what it amounts to."""
        return predict.predict(model_input, self.trained)[["probability", "predicted"]]


set_model(Served())
