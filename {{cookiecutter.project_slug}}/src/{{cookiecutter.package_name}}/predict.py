"""Apply the trained model to new rows."""

import argparse
import sys
from pathlib import Path

import pandas as pd

from {{ cookiecutter.package_name }} import features, model
from {{ cookiecutter.package_name }}.files import ROOT, atomic_path, exit_on_os_error

PREDICTIONS = ROOT / "data" / "processed" / "predictions.csv"


def predict(rows: pd.DataFrame, trained: model.Model) -> pd.DataFrame:
    """Return the rows with two more columns: the probability and the predicted class."""
    scores = model.probability(trained, rows)
    return rows.assign(probability=scores, predicted=scores >= 0.5)


def main(arguments: list[str] | None = None) -> None:
    """Read rows from a Parquet or CSV file, and write them with their predictions as CSV."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, default=features.TEST, help="Parquet or CSV")
    parser.add_argument("--output", type=Path, default=PREDICTIONS, help="CSV")
    options = parser.parse_args(arguments)

    if not model.FILE.exists():
        sys.exit(f"error: {model.FILE.relative_to(ROOT)} is missing. Train it first: make train.")
    read = pd.read_csv if options.input.suffix == ".csv" else pd.read_parquet
    rows, trained = features.plain_names(read(options.input)), model.load(model.FILE)
    if missing := sorted(set(model.columns(trained)) - set(rows)):
        sys.exit(f"error: {options.input} has no column {', '.join(missing)}. Add it to the file.")
    predictions = predict(rows, trained)
    with atomic_path(options.output) as path:
        predictions.to_csv(path, index=False)
    print(f"wrote {len(predictions)} predictions to {options.output}")


if __name__ == "__main__":
    with exit_on_os_error():
        main()
