"""The model that MLflow stores: the file that training wrote, and the code to predict with it."""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from {{ cookiecutter.package_name }} import model, predict


class Served(PythonModel):
    """A model that predicts as `make predict` does."""

    def load_context(self, context: Any) -> None:
        """Read the model file."""
        self.trained = model.load(Path(context.artifacts["file"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Return the probability and the predicted class of each row."""
        return predict.predict(model_input, self.trained)[["probability", "predicted"]]


set_model(Served())
