"""The model: logistic regression in a few lines of NumPy. Put your own here."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from {{ cookiecutter.package_name }}.files import ROOT, atomic_path

FILE = ROOT / "models" / "model.npz"


@dataclass
class Model:
    """Weights of the standardized features."""

    columns: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: float


def fit(features: pd.DataFrame, target: pd.Series) -> Model:
    """Return a model trained on these rows by gradient descent."""
    mean, scale = features.mean().to_numpy(), features.std().to_numpy()
    x, y = (features.to_numpy() - mean) / scale, target.to_numpy(dtype=float)
    model = Model(features.columns.to_numpy(dtype=str), mean, scale, np.zeros(x.shape[1]), 0.0)
    for _ in range(500):
        error = 1 / (1 + np.exp(-(x @ model.weights + model.bias))) - y
        model.weights = model.weights - 0.5 * (x.T @ error / len(y) + 0.001 * model.weights)
        model.bias -= 0.5 * error.mean()
    return model


def columns(model: Model) -> list[str]:
    """Return the names of the features that the model needs."""
    return list(model.columns)


def probability(model: Model, features: pd.DataFrame) -> np.ndarray:
    """Return the probability of a true target, from 0 to 1, for each row."""
    x = (features[columns(model)].to_numpy() - model.mean) / model.scale
    return 1 / (1 + np.exp(-(x @ model.weights + model.bias)))


def save(model: Model, file: Path) -> None:
    """Write the model to a file."""
    with atomic_path(file) as path:
        np.savez(path, **vars(model))


def load(file: Path) -> Model:
    """Read a model that `save` wrote."""
    with np.load(file) as arrays:
        return Model(**{**arrays, "bias": float(arrays["bias"])})
