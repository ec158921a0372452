"""The model as an ONNX graph, by tf2onnx."""

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from onnx import ModelProto

from {{ cookiecutter.package_name }} import model


def graph(trained: model.Model) -> ModelProto:
    """Return a graph from rows to the probability of a true target."""
    columns = model.columns(trained)
    for layer in trained.layers:
        if isinstance(layer, keras.layers.Normalization):
            # tf2onnx would make tensors that a layer computed into inputs of the graph.
            layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)
    rows = tf.TensorSpec((None, len(columns)), tf.float32, name="rows")

    @tf.function(input_signature=[rows])
    def probability(rows: tf.Tensor) -> tf.Tensor:
        # The model has an input for each column.
        parts = tf.split(rows, len(columns), axis=1)
        return trained(dict(zip(columns, parts, strict=True)), training=False)

    converted, _ = tf2onnx.convert.from_function(probability, input_signature=[rows], opset=18)
    return converted
