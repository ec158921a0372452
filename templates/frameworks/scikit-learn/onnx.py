"""The model as an ONNX graph, by skl2onnx."""

from onnx import ModelProto
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType

from {{ cookiecutter.package_name }} import model


def graph(trained: model.Model) -> ModelProto:
    """Return a graph from rows to the probability of each class, the last of which is true."""
    # Floats would round the features, and change the probabilities in the seventh digit. skl2onnx
    # compares with floats in trees, whatever this says: use FloatTensorType for them.
    rows = DoubleTensorType([None, len(model.columns(trained))])
    return to_onnx(
        trained,
        initial_types=[("rows", rows)],
        options={id(trained): {"zipmap": False}},
        target_opset={"": 18, "ai.onnx.ml": 3},
    )
