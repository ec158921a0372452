"""Ask the API for predictions, compare them with the predict module's, and send invalid rows."""

import argparse
import json
import sys
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pandas as pd

from {{ cookiecutter.package_name }} import features, model, train
from {{ cookiecutter.package_name }}.files import exit_on_os_error
from {{ cookiecutter.package_name }}.predict import predict

from services.access import wait_for
from services.api import client


def reasons(text: str) -> str:
    """Return the reasons in the text of a 422 response, in one line."""
    details = json.loads(text)["detail"]
    return ", ".join(f"{detail['loc'][-1]}: {detail['msg']}" for detail in details)


def check(correct: bool, problem: str) -> None:
    """Exit with an error unless the API did what it should."""
    if not correct:
        sys.exit(f"error: {problem}. See make logs SERVICE=api.")


def main() -> None:
    """Make the round trip and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, help="only print a request body with this many rows")
    options = parser.parse_args()

    if not model.FILE.exists() or not features.TEST.exists():
        # Keep standard output free for the request body.
        with redirect_stdout(sys.stderr):
            train.main()
    trained = model.load(model.FILE)
    test = pd.read_parquet(features.TEST)
    frame = test[model.columns(trained)]
    rows: list[dict[str, Any]] = frame.to_dict("records")
    if options.rows:
        sent = [rows[number % len(rows)] for number in range(options.rows)]
        print(json.dumps(sent[0] if options.rows == 1 else {"rows": sent}))
        return

    wait_for("api", 8000)
    print("/health", *client.request("/health"))
    print("/ready", *client.request("/ready"))

    status, text = client.request("/predict", json.dumps(rows[0]))
    check(status == 200, f"one row got status {status}: {text}")
    print("/predict", status, text)

    remote, local = client.predict(frame), predict(test, trained)
    same = np.allclose(remote["probability"], local["probability"], atol=1e-6)
    same = same and list(remote["predicted"]) == list(local["predicted"])
    check(same, "the API's predictions differ from the predict module's")
    print(f"/predict/batch: {len(remote)} rows, the same predictions as the predict module's")

    column = next(iter(rows[0]))
    invalid = {
        "a missing value": {name: value for name, value in rows[0].items() if name != column},
        "an unknown column": {**rows[0], "color": 1},
        "text": {**rows[0], column: "large"},
        "an infinite number": {**rows[0], column: float("inf")},
    }
    for problem, row in invalid.items():
        status, text = client.request("/predict", json.dumps(row))
        check(status == 422, f"a row with {problem} got status {status}")
        print(f"/predict {status} for a row with {problem}: {reasons(text)}")

    status, text = client.request("/metrics")
    line = next(line for line in text.splitlines() if line.startswith("api_predictions_total"))
    print("/metrics", status, line)


if __name__ == "__main__":
    with exit_on_os_error():
        main()
