"""The model: a small neural network in Keras. Put your own here."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import Model

from {{ cookiecutter.package_name }} import SEED, gpu
from {{ cookiecutter.package_name }}.files import ROOT, atomic_path

FILE = ROOT / "models" / "model.keras"


def inputs(features: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return each column by its name, which is the name of an input of the model."""
    return {name: features[[name]].to_numpy(dtype=np.float32) for name in features}


def fit(features: pd.DataFrame, target: pd.Series) -> Model:
    """Return a model trained on these rows, and print a line for each epoch."""
    keras.utils.set_random_seed(SEED)
    with tf.device(gpu.device()):
        entries = {name: keras.Input((1,), name=name) for name in features}
        standardized = keras.layers.Normalization()
        standardized.adapt(features.to_numpy(dtype=np.float32))
        x = standardized(keras.layers.Concatenate()(list(entries.values())))
        x = keras.layers.Dense(16, activation="relu")(x)
        model = Model(entries, keras.layers.Dense(1, activation="sigmoid")(x))
        model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.1), "binary_crossentropy")
        # A bar that moves, which is Keras' default, would fill a log.
        model.fit(inputs(features), target.to_numpy(dtype=float), epochs=40, verbose=2)
    return model


def columns(model: Model) -> list[str]:
    """Return the names of the features that the model needs."""
    return list(model.input)


def probability(model: Model, features: pd.DataFrame) -> np.ndarray:
    """Return the probability of a true target, from 0 to 1, for each row."""
    with tf.device(gpu.device()):
        return model.predict_on_batch(inputs(features[columns(model)])).squeeze(1)


def save(model: Model, file: Path) -> None:
    """Write the model to a file."""
    with atomic_path(file) as path:
        model.save(path)


def load(file: Path) -> Model:
    """Read a model that `save` wrote."""
    return keras.models.load_model(file)
