"""Export the model, compare the server's predictions with Python's, and send invalid rows."""

import argparse
import json
import sys
from contextlib import redirect_stdout
from typing import Any

import pandas as pd

from {{ cookiecutter.package_name }} import features, model, train
from {{ cookiecutter.package_name }}.files import exit_on_os_error
from {{ cookiecutter.package_name }}.predict import predict

from services.access import wait_for
from services.modelserver import client, export


def check(correct: bool, problem: str) -> None:
    """Exit with an error unless the server did what it should."""
    if not correct:
        sys.exit(f"error: {problem}. See make logs SERVICE=modelserver.")


def compare(rows: pd.DataFrame, trained: model.Model) -> None:
    """Compare the predictions for all rows, and print the largest difference."""
    remote, local = client.predict(rows[model.columns(trained)]), predict(rows, trained)
    largest = (remote["probability"] - local["probability"]).abs().max()
    same = list(remote["predicted"]) == list(local["predicted"])
    # Also if the difference is not a number.
    check(same and largest <= export.TOLERANCE, f"a prediction differs by {largest:.1e}")
    print(f"/predict/batch: {len(rows)} rows, the largest difference from Python is {largest:.1e}")


def send_invalid(row: dict[str, Any]) -> None:
    """Send rows that the server has to refuse, and print the reasons."""
    column = next(iter(row))
    invalid = {
        "a missing value": {name: value for name, value in row.items() if name != column},
        "an unknown column": {**row, "color": 1},
        "text": {**row, column: "large"},
        "NaN": {**row, column: float("nan")},
    }
    for problem, changed in invalid.items():
        status, text = client.request("/predict", json.dumps(changed))
        check(status == 422, f"a row with {problem} got status {status}")
        print(f"/predict {status} for a row with {problem}: {client.reasons(text)}")


def main() -> None:
    """Make the round trip and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, help="only print a request body with this many rows")
    options = parser.parse_args()

    # Keep standard output free for the request body.
    with redirect_stdout(sys.stderr if options.rows else sys.stdout):
        if not model.FILE.exists() or not features.TEST.exists():
            train.main()
        if not options.rows or not export.FILE.exists():
            export.main()
    trained = model.load(model.FILE)
    rows = pd.concat([pd.read_parquet(features.TRAIN), pd.read_parquet(features.TEST)])
    columns = model.columns(trained)
    records: list[dict[str, Any]] = rows[columns].to_dict("records")
    if options.rows:
        sent = [records[number % len(records)] for number in range(options.rows)]
        print(json.dumps(sent[0] if options.rows == 1 else {"rows": sent}))
        return

    wait_for("modelserver", 8080)
    status, text = client.request("/health/ready")
    check(status == 200, f"the server is not ready: {text}")
    print("/health/ready", status)
    status, text = client.request("/model")
    check(json.loads(text)["columns"] == columns, f"the server has another model: {text}")
    print("/model", status, text)
    compare(rows, trained)
    send_invalid(records[0])
    status, text = client.request("/metrics")
    line = next(line for line in text.splitlines() if line.startswith("modelserver_predictions"))
    print("/metrics", status, line)


if __name__ == "__main__":
    with exit_on_os_error():
        main()
