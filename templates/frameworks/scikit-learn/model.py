"""The model: logistic regression on standardized features. Put your own here."""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline as Model
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from {{ cookiecutter.package_name }}.files import ROOT, atomic_path

FILE = ROOT / "models" / "model.joblib"


def fit(features: pd.DataFrame, target: pd.Series) -> Model:
    """Return a model trained on these rows."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features, target)


def columns(model: Model) -> list[str]:
    """Return the names of the features that the model needs."""
    return list(model.feature_names_in_)


def probability(model: Model, features: pd.DataFrame) -> np.ndarray:
    """Return the probability of a true target, from 0 to 1, for each row."""
    return model.predict_proba(features[columns(model)])[:, 1]


def save(model: Model, file: Path) -> None:
    """Write the model to a file."""
    with atomic_path(file) as path:
        joblib.dump(model, path)


def load(file: Path) -> Model:
    """Read a model that `save` wrote. Loading can run code, so only load your own files."""
    return joblib.load(file)
