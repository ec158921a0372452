"""The model as an ONNX graph, by PyTorch's exporter."""

import torch
from onnx import ModelProto
from torch import nn

from {{ cookiecutter.package_name }} import model


class Probability(nn.Module):
    """The model, and the function that turns its logits into probabilities."""

    def __init__(self, trained: model.Model) -> None:
        super().__init__()
        self.trained = trained

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.trained(rows))


def graph(trained: model.Model) -> ModelProto:
    """Return a graph from rows to the probability of a true target."""
    # An example with one row would fix the number of rows.
    example = torch.zeros(2, len(model.columns(trained)))
    program = torch.onnx.export(
        Probability(trained.cpu()).eval(),
        (example,),
        input_names=["rows"],
        output_names=["probability"],
        dynamic_shapes=({0: torch.export.Dim("n")},),
        opset_version=18,
        dynamo=True,
        verbose=False,
    )
    return program.model_proto
