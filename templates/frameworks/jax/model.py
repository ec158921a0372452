"""The model: a small neural network in JAX. Put your own here."""

from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd

from {{ cookiecutter.package_name }} import SEED, gpu
from {{ cookiecutter.package_name }}.files import ROOT, atomic_path

FILE = ROOT / "models" / "model.npz"
EPOCHS = 200


class Weights(NamedTuple):
    """Weights of the two layers."""

    first: jax.Array
    first_bias: jax.Array
    second: jax.Array
    second_bias: jax.Array


class Model(NamedTuple):
    """A network of two layers on standardized features."""

    columns: list[str]
    mean: np.ndarray
    scale: np.ndarray
    weights: Weights


@jax.jit
def logits(weights: Weights, x: jax.Array) -> jax.Array:
    """Return the logit of a true target for each row."""
    hidden = jax.nn.relu(x @ weights.first + weights.first_bias)
    return (hidden @ weights.second + weights.second_bias).squeeze(1)


def standardized(features: pd.DataFrame, mean: np.ndarray, scale: np.ndarray) -> jax.Array:
    """Return the features with mean 0 and deviation 1, on the device to compute on."""
    return jax.device_put((features.to_numpy(dtype=np.float32) - mean) / scale)


def fit(features: pd.DataFrame, target: pd.Series) -> Model:
    """Return a model trained on these rows, and print how the loss falls."""
    gpu.device()
    mean = features.mean().to_numpy(dtype=np.float32)
    scale = features.std().to_numpy(dtype=np.float32)
    x, y = standardized(features, mean, scale), jnp.asarray(target.to_numpy(dtype=np.float32))
    layer = jax.nn.initializers.he_normal()
    one, two = jax.random.split(jax.random.key(SEED))
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
    for epoch in range(1, EPOCHS + 1):
        weights, state = step(weights, state)
        if epoch % 20 == 0:
            print(f"epoch {epoch} of {EPOCHS}: loss {loss(weights):.4f}")
    return Model(list(features), mean, scale, weights)


def columns(model: Model) -> list[str]:
    """Return the names of the features that the model needs."""
    return model.columns


def probability(model: Model, features: pd.DataFrame) -> np.ndarray:
    """Return the probability of a true target, from 0 to 1, for each row."""
    x = standardized(features[columns(model)], model.mean, model.scale)
    return np.asarray(jax.nn.sigmoid(logits(model.weights, x)))


def save(model: Model, file: Path) -> None:
    """Write the model to a file."""
    parts = {**model._asdict(), **model.weights._asdict()}
    del parts["weights"]
    with atomic_path(file) as path:
        np.savez(path, **parts)


def load(file: Path) -> Model:
    """Read a model that `save` wrote."""
    gpu.device()
    with np.load(file) as parts:
        weights = Weights(*(jnp.asarray(parts[name]) for name in Weights._fields))
        return Model(parts["columns"].tolist(), parts["mean"], parts["scale"], weights)
