"""Convert the trained model to models/model.onnx, which the server reads."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
from onnx import ModelProto, helper

from {{ cookiecutter.package_name }} import features, model
from {{ cookiecutter.package_name }}.files import ROOT, atomic_path, exit_on_os_error

from services.modelserver import convert

FILE = ROOT / "models" / "model.onnx"
NAME = FILE.relative_to(ROOT)
# The version of the metadata, inputs and outputs. The server refuses a file of another version.
SCHEMA_FILE = Path(__file__).parent / "src" / "main" / "resources" / "schema-version"
# The largest difference from the probabilities of the original.
TOLERANCE = 1e-6


def commit(written: datetime) -> str:
    """Return the commit that was checked out at a time, or an empty string without a repository."""
    revision = "HEAD@{" + written.isoformat(timespec="seconds") + "}"
    command = ["git", "-C", str(ROOT), "rev-parse", "--quiet", "--verify", revision]
    # Git warns if the time is before the first commit.
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def metadata(trained: model.Model) -> dict[str, str]:
    """Return what the server must know about the model."""
    written = datetime.fromtimestamp(model.FILE.stat().st_mtime, UTC)
    return {
        "schema_version": SCHEMA_FILE.read_text().strip(),
        "columns": json.dumps(list(map(str, model.columns(trained)))),
        "classes": json.dumps([features.CLASSES[False], features.CLASSES[True]]),
        "trained": written.isoformat(timespec="seconds"),
        "commit": commit(written),
    }


def difference(exported: ModelProto, trained: model.Model, rows: pd.DataFrame) -> float:
    """Return the largest difference between the probabilities of the two models."""
    session = onnxruntime.InferenceSession(exported.SerializeToString())
    (rows_input,) = session.get_inputs()
    kind = np.float64 if rows_input.type == "tensor(double)" else np.float32
    values = rows[model.columns(trained)].to_numpy(dtype=kind)
    answer = session.run(None, {rows_input.name: values})[-1].reshape(len(rows), -1)[:, -1]
    return float(np.abs(answer - model.probability(trained, rows)).max())


def main() -> None:
    """Write the model with its metadata, if it predicts what the original predicts."""
    if not model.FILE.exists() or not features.TEST.exists():
        missing = model.FILE if features.TEST.exists() else features.TEST
        sys.exit(f"error: {missing.relative_to(ROOT)} is missing. Train the model: make train.")
    trained = model.load(model.FILE)
    exported = convert.graph(trained)
    helper.set_model_props(exported, metadata(trained))
    test = pd.read_parquet(features.TEST)
    largest = difference(exported, trained, test)
    # Also if it is not a number.
    if not largest <= TOLERANCE:
        sys.exit(
            f"error: a prediction of the ONNX model differs by {largest:.1e}."
            " See services/modelserver/README.md."
        )
    with atomic_path(FILE) as path:
        path.write_bytes(exported.SerializeToString())
    print(f"wrote {NAME}: the largest difference in {len(test)} predictions is {largest:.1e}")


if __name__ == "__main__":
    with exit_on_os_error():
        main()
