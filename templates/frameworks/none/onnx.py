"""The model as an ONNX graph: the steps of `model.probability`. Write your own here."""

import numpy as np
from onnx import ModelProto, parser

from {{ cookiecutter.package_name }} import model


def numbers(values: np.ndarray | float) -> str:
    """Return numbers as ONNX's text format writes them."""
    return "{" + ", ".join(f"{value!r}" for value in np.ravel(values).tolist()) + "}"


# One step for each operation in `model.probability`.
STEPS = """{
    centered = Sub(rows, mean)
    standardized = Div(centered, scale)
    product = MatMul(standardized, weights)
    logit = Add(product, bias)
    probability = Sigmoid(logit)
}"""


def graph(trained: model.Model) -> ModelProto:
    """Return a graph from rows to the probability of a true target."""
    size = len(model.columns(trained))
    return parser.parse_model(f"""
        <ir_version: 8, opset_import: ["": 18]>
        logistic_regression (double[N,{size}] rows) => (double[N,1] probability) <
            double[{size}] mean = {numbers(trained.mean)},
            double[{size}] scale = {numbers(trained.scale)},
            double[{size},1] weights = {numbers(trained.weights)},
            double[1] bias = {numbers(trained.bias)}
        > {STEPS}
    """)
