{% if cookiecutter.framework == "none" %}
"""The model: logistic regression in a few lines of NumPy. Put your own here."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from {{ cookiecutter.package_name }}.files import ROOT, replacing

FILE = ROOT / "models" / "model.npz"


@dataclass
class Model:
    """Weights of the standardised features."""

    columns: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: float


def fit(features: pd.DataFrame, target: pd.Series) -> Model:
    """Train by gradient descent."""
    mean, scale = features.mean().to_numpy(), features.std().to_numpy()
    x, y = (features.to_numpy() - mean) / scale, target.to_numpy(dtype=float)
    model = Model(features.columns.to_numpy(dtype=str), mean, scale, np.zeros(x.shape[1]), 0.0)
    for _ in range(500):
        error = 1 / (1 + np.exp(-(x @ model.weights + model.bias))) - y
        model.weights = model.weights - 0.5 * (x.T @ error / len(y) + 0.001 * model.weights)
        model.bias -= 0.5 * error.mean()
    return model


def columns(model: Model) -> list[str]:
    """List the features that the model needs."""
    return list(model.columns)


def probability(model: Model, features: pd.DataFrame) -> np.ndarray:
    """Return the probability of a true target, from 0 to 1, for each row."""
    x = (features[columns(model)].to_numpy() - model.mean) / model.scale
    return 1 / (1 + np.exp(-(x @ model.weights + model.bias)))


def save(model: Model, file: Path) -> None:
    """Write the model."""
    with replacing(file) as path:
        np.savez(path, **vars(model))


def load(file: Path) -> Model:
    """Read a model that `save` wrote."""
    with np.load(file) as arrays:
        return Model(**{**arrays, "bias": float(arrays["bias"])})
{% elif cookiecutter.framework == "pytorch" %}
"""The model: a small neural network in PyTorch. Put your own here."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from {{ cookiecutter.package_name }} import gpu
from {{ cookiecutter.package_name }}.files import ROOT, replacing

FILE = ROOT / "models" / "model.pt"


class Model(nn.Module):
    """Two layers on standardised features; the result is the logit of a true target."""

    def __init__(self, columns: list[str], mean: list[float], scale: list[float]) -> None:
        super().__init__()
        self.settings = {"columns": columns, "mean": mean, "scale": scale}
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("scale", torch.tensor(scale))
        self.layers = nn.Sequential(nn.Linear(len(columns), 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers((x - self.mean) / self.scale).squeeze(1)


def tensor(frame: pd.DataFrame | pd.Series) -> torch.Tensor:
    """Return the values, on the device that computes."""
    return torch.tensor(frame.to_numpy(dtype=np.float32), device=gpu.device())


def fit(features: pd.DataFrame, target: pd.Series) -> Model:
    """Train."""
    torch.manual_seed(0)
    model = Model(list(features), features.mean().tolist(), features.std().tolist())
    model.to(gpu.device())
    x, y = tensor(features), tensor(target)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(200):
        loss = nn.functional.binary_cross_entropy_with_logits(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def columns(model: Model) -> list[str]:
    """List the features that the model needs."""
    return model.settings["columns"]


@torch.inference_mode()
def probability(model: Model, features: pd.DataFrame) -> np.ndarray:
    """Return the probability of a true target, from 0 to 1, for each row."""
    return torch.sigmoid(model(tensor(features[columns(model)]))).cpu().numpy()


def save(model: Model, file: Path) -> None:
    """Write the model, which can be read on any device."""
    with replacing(file) as path:
        torch.save({"settings": model.settings, "weights": model.state_dict()}, path)


def load(file: Path) -> Model:
    """Read a model that `save` wrote. Code in the file is not run."""
    saved = torch.load(file, map_location=gpu.device(), weights_only=True)
    model = Model(**saved["settings"]).to(gpu.device())
    model.load_state_dict(saved["weights"])
    return model.eval()
{% elif cookiecutter.framework == "tensorflow" %}
"""The model: a small neural network in Keras. Put your own here."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from {{ cookiecutter.package_name }} import gpu
from {{ cookiecutter.package_name }}.files import ROOT, replacing

FILE = ROOT / "models" / "model.keras"

Model = keras.Model


def inputs(features: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return each column by its name, as the model's inputs are called."""
    return {name: features[[name]].to_numpy(dtype=np.float32) for name in features}


def fit(features: pd.DataFrame, target: pd.Series) -> Model:
    """Train."""
    keras.utils.set_random_seed(0)
    with tf.device(gpu.device()):
        entries = {name: keras.Input((1,), name=name) for name in features}
        standardised = keras.layers.Normalization()
        standardised.adapt(features.to_numpy(dtype=np.float32))
        x = standardised(keras.layers.Concatenate()(list(entries.values())))
        x = keras.layers.Dense(16, activation="relu")(x)
        model = Model(entries, keras.layers.Dense(1, activation="sigmoid")(x))
        model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.1), "binary_crossentropy")
        model.fit(inputs(features), target.to_numpy(dtype=float), epochs=40, verbose=0)
    return model


def columns(model: Model) -> list[str]:
    """List the features that the model needs."""
    return list(model.input)


def probability(model: Model, features: pd.DataFrame) -> np.ndarray:
    """Return the probability of a true target, from 0 to 1, for each row."""
    with tf.device(gpu.device()):
        return model.predict_on_batch(inputs(features[columns(model)])).squeeze(1)


def save(model: Model, file: Path) -> None:
    """Write the model."""
    with replacing(file) as path:
        model.save(path)


def load(file: Path) -> Model:
    """Read a model that `save` wrote."""
    return keras.models.load_model(file)
{% elif cookiecutter.framework == "jax" %}
"""The model: a small neural network in JAX. Put your own here."""

from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd

from {{ cookiecutter.package_name }} import gpu
from {{ cookiecutter.package_name }}.files import ROOT, replacing

FILE = ROOT / "models" / "model.npz"


class Weights(NamedTuple):
    """Those of two layers."""

    first: jax.Array
    first_bias: jax.Array
    second: jax.Array
    second_bias: jax.Array


class Model(NamedTuple):
    """Weights for standardised features."""

    columns: list[str]
    mean: np.ndarray
    scale: np.ndarray
    weights: Weights


@jax.jit
def logits(weights: Weights, x: jax.Array) -> jax.Array:
    """Return the logit of a true target for each row."""
    hidden = jax.nn.relu(x @ weights.first + weights.first_bias)
    return (hidden @ weights.second + weights.second_bias).squeeze(1)


def standardised(features: pd.DataFrame, mean: np.ndarray, scale: np.ndarray) -> jax.Array:
    """Return the features on one scale, on the device that computes."""
    return jax.device_put((features.to_numpy(dtype=np.float32) - mean) / scale)


def fit(features: pd.DataFrame, target: pd.Series) -> Model:
    """Train."""
    gpu.device()
    mean = features.mean().to_numpy(dtype=np.float32)
    scale = features.std().to_numpy(dtype=np.float32)
    x, y = standardised(features, mean, scale), jnp.asarray(target.to_numpy(dtype=np.float32))
    layer = jax.nn.initializers.he_normal()
    one, two = jax.random.split(jax.random.key(0))
    weights = Weights(
        layer(one, (x.shape[1], 16)), jnp.zeros(16), layer(two, (16, 1)), jnp.zeros(1)
    )
    optimizer = optax.adamw(0.01, weight_decay=0.1)

    def loss(weights: Weights) -> jax.Array:
        return optax.sigmoid_binary_cross_entropy(logits(weights, x), y).mean()

    @jax.jit
    def step(weights: Weights, state: optax.OptState) -> tuple[Weights, optax.OptState]:
        updates, state = optimizer.update(jax.grad(loss)(weights), state, weights)
        return optax.apply_updates(weights, updates), state

    state = optimizer.init(weights)
    for _ in range(200):
        weights, state = step(weights, state)
    return Model(list(features), mean, scale, weights)


def columns(model: Model) -> list[str]:
    """List the features that the model needs."""
    return model.columns


def probability(model: Model, features: pd.DataFrame) -> np.ndarray:
    """Return the probability of a true target, from 0 to 1, for each row."""
    x = standardised(features[columns(model)], model.mean, model.scale)
    return np.asarray(jax.nn.sigmoid(logits(model.weights, x)))


def save(model: Model, file: Path) -> None:
    """Write the model."""
    parts = {**model._asdict(), **model.weights._asdict()}
    del parts["weights"]
    with replacing(file) as path:
        np.savez(path, **parts)


def load(file: Path) -> Model:
    """Read a model that `save` wrote."""
    gpu.device()
    with np.load(file) as parts:
        weights = Weights(*(jnp.asarray(parts[name]) for name in Weights._fields))
        return Model(parts["columns"].tolist(), parts["mean"], parts["scale"], weights)
{% else %}
"""The model: logistic regression on standardised features. Put your own here."""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from {{ cookiecutter.package_name }}.files import ROOT, replacing

FILE = ROOT / "models" / "model.joblib"

Model = Pipeline


def fit(features: pd.DataFrame, target: pd.Series) -> Model:
    """Train."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features, target)


def columns(model: Model) -> list[str]:
    """List the features that the model needs."""
    return list(model.feature_names_in_)


def probability(model: Model, features: pd.DataFrame) -> np.ndarray:
    """Return the probability of a true target, from 0 to 1, for each row."""
    return model.predict_proba(features[columns(model)])[:, 1]


def save(model: Model, file: Path) -> None:
    """Write the model."""
    with replacing(file) as path:
        joblib.dump(model, path)


def load(file: Path) -> Model:
    """Read a model that `save` wrote. Loading runs code in the file: read only your own."""
    return joblib.load(file)
{% endif %}
