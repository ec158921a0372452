"""Apply the trained model to rows that it has not seen."""

import argparse
import sys
from pathlib import Path

import pandas as pd

from {{ cookiecutter.package_name }} import features, model
from {{ cookiecutter.package_name }}.files import ROOT, one_line_errors, replacing

PREDICTIONS = ROOT / "data" / "processed" / "predictions.csv"


def predict(rows: pd.DataFrame, trained: model.Model) -> pd.DataFrame:
    """Return the rows with two columns more: the probability, and what it amounts to."""
    scores = model.probability(trained, rows)
    return rows.assign(probability=scores, predicted=scores >= 0.5)


def main() -> None:
    """Read rows from a Parquet or CSV file, and write them with their predictions as CSV."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, default=features.TEST, help="Parquet or CSV")
    parser.add_argument("--output", type=Path, default=PREDICTIONS, help="CSV")
    arguments = parser.parse_args()

    if not model.FILE.exists():
        sys.exit(f"error: {model.FILE.relative_to(ROOT)} is missing. Train it first: make train.")
    read = pd.read_csv if arguments.input.suffix == ".csv" else pd.read_parquet
    rows, trained = features.plain_names(read(arguments.input)), model.load()
    if missing := sorted(set(model.columns(trained)) - set(rows)):
        sys.exit(f"error: {arguments.input} has no column {', '.join(missing)}. Give it one.")
    predictions = predict(rows, trained)
    with replacing(arguments.output) as path:
        predictions.to_csv(path, index=False)
    print(f"wrote {len(predictions)} predictions to {arguments.output}")


if __name__ == "__main__":
    with one_line_errors():
        main()
