"""The model: a small neural network in PyTorch. Put your own here."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from {{ cookiecutter.package_name }} import SEED, gpu
from {{ cookiecutter.package_name }}.files import ROOT, atomic_path

FILE = ROOT / "models" / "model.pt"
EPOCHS = 200


class Model(nn.Module):
    """Two layers on standardized features. The result is the logit of a true target."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, columns: list[str], mean: list[float], scale: list[float]) -> None:
        super().__init__()
        self.settings: dict[str, Any] = {"columns": columns, "mean": mean, "scale": scale}
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("scale", torch.tensor(scale))
        self.layers = nn.Sequential(nn.Linear(len(columns), 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers((x - self.mean) / self.scale).squeeze(1)


def tensor(frame: pd.DataFrame | pd.Series) -> torch.Tensor:
    """Return the values as a tensor on the device to compute on."""
    return torch.tensor(frame.to_numpy(dtype=np.float32), device=gpu.device())


def fit(features: pd.DataFrame, target: pd.Series) -> Model:
    """Return a model trained on these rows, and print how the loss falls."""
    torch.manual_seed(SEED)
    model = Model(list(features), features.mean().tolist(), features.std().tolist())
    model.to(gpu.device())
    x, y = tensor(features), tensor(target)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    for epoch in range(1, EPOCHS + 1):
        loss = nn.functional.binary_cross_entropy_with_logits(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch % 20 == 0:
            print(f"epoch {epoch} of {EPOCHS}: loss {loss.item():.4f}")
    return model.eval()


def columns(model: Model) -> list[str]:
    """Return the names of the features that the model needs."""
    return model.settings["columns"]


@torch.inference_mode()
def probability(model: Model, features: pd.DataFrame) -> np.ndarray:
    """Return the probability of a true target, from 0 to 1, for each row."""
    return torch.sigmoid(model(tensor(features[columns(model)]))).cpu().numpy()


def save(model: Model, file: Path) -> None:
    """Write the model to a file that can be read on any device."""
    with atomic_path(file) as path:
        torch.save({"settings": model.settings, "weights": model.state_dict()}, path)


def load(file: Path) -> Model:
    """Read a model that `save` wrote. Loading does not run code in the file."""
    saved = torch.load(file, map_location=gpu.device(), weights_only=True)
    model = Model(**saved["settings"]).to(gpu.device())
    model.load_state_dict(saved["weights"])
    return model.eval()
