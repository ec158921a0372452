"""Write what the interactive figure of the data story shows. `make story` runs this."""

import json
from typing import Any

import pandas as pd

from {{ cookiecutter.package_name }} import evaluate, features, model, train
from {{ cookiecutter.package_name }}.files import ROOT, atomic_path, exit_on_os_error

PREDICTIONS = ROOT / "reports" / "predictions.json"
# Rows that a browser draws without delay, and measurements to choose from.
ROWS = 500
COLUMNS = 5


def predictions() -> dict[str, Any]:
    """Return the predictions for the test rows, with the measurements that the model relies on.

    Raises:
        OSError: There is no trained model.
    """
    for file in (model.FILE, features.TEST, train.METRICS):
        if not file.exists():
            name = file.relative_to(ROOT)
            raise OSError(f"{name} is missing. Train the model first: make train.")
    trained, test = model.load(model.FILE), pd.read_parquet(features.TEST)
    target = test.pop(features.TARGET)
    scores = pd.Series(model.probability(trained, test), test.index)
    lost = evaluate.permutation_importance(trained, test, target, repeats=3)
    chosen = test[lost.index].select_dtypes("number").iloc[:, :COLUMNS]
    sample = chosen.sample(min(ROWS, len(chosen)), random_state=0).sort_index()
    return {
        # The site shows the figure only next to the metrics of the same training run.
        "metrics": json.loads(train.METRICS.read_text()),
        "noun": features.ROWS,
        "classes": [features.CLASSES[False], features.CLASSES[True]],
        "columns": list(sample),
        "total": len(test),
        "rows": [
            {
                "label": str(label),
                "actual": bool(target[label]),
                "probability": round(float(scores[label]), 4),
                "values": [float(value) for value in sample.loc[label]],
            }
            for label in sample.index
        ],
    }


def main() -> None:
    """Write the predictions."""
    with atomic_path(PREDICTIONS) as path:
        path.write_text(json.dumps(predictions()) + "\n")
    print(f"wrote {PREDICTIONS.relative_to(ROOT)}")


if __name__ == "__main__":
    with exit_on_os_error():
        main()
