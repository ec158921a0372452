"""The model as an ONNX graph, by jax2onnx."""

import jax
from jax2onnx import to_onnx
from onnx import ModelProto

from {{ cookiecutter.package_name }} import model


def graph(trained: model.Model) -> ModelProto:
    """Return a graph from rows to the probability of a true target."""

    def probability(rows: jax.Array) -> jax.Array:
        standardized = (rows - trained.mean) / trained.scale
        return jax.nn.sigmoid(model.logits(trained.weights, standardized))

    return to_onnx(probability, [("N", len(model.columns(trained)))])
