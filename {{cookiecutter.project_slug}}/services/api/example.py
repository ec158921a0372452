"""Ask the API for one row and for all test rows, and get what the model says here; try bad ones."""

import argparse
import json
import sys
import urllib.error
import urllib.request
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pandas as pd

from {{ cookiecutter.package_name }} import features, model, train
from {{ cookiecutter.package_name }}.files import one_line_errors
from {{ cookiecutter.package_name }}.predict import predict
from {{ cookiecutter.package_name }}.services import wait_for

API = "http://api:8000"


def ask(path: str, body: str | None = None) -> tuple[int, str]:
    """Return the status and the text of an answer. With a body, that is posted."""
    request = urllib.request.Request(
        API + path, body and body.encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def refused(text: str) -> str:
    """Return the reasons in an answer of status 422, in one line."""
    details = json.loads(text)["detail"]
    return ", ".join(f"{each['loc'][-1]}: {each['msg']}" for each in details)


def check(right: bool, what: str) -> None:
    """End the program where the API has done something else than it should."""
    if not right:
        sys.exit(f"error: {what}. See make logs SERVICE=api.")


def main() -> None:
    """Make the round trip, and show it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, help="only print a request with so many rows")
    options = parser.parse_args()

    if not model.FILE.exists() or not features.TEST.exists():
        # The request alone is on standard output.
        with redirect_stdout(sys.stderr):
            train.main()
    trained = model.load(model.FILE)
    test = pd.read_parquet(features.TEST)
    rows: list[dict[str, Any]] = test[model.columns(trained)].to_dict("records")
    if options.rows:
        many = [rows[number % len(rows)] for number in range(options.rows)]
        print(json.dumps(many[0] if options.rows == 1 else {"rows": many}))
        return

    wait_for("api", 8000)
    print("/health", *ask("/health"))
    print("/ready", *ask("/ready"))

    status, text = ask("/predict", json.dumps(rows[0]))
    check(status == 200, f"one row got {status}: {text}")
    print("/predict", status, text)

    status, text = ask("/predict/batch", json.dumps({"rows": rows}))
    check(status == 200, f"{len(rows)} rows got {status}: {text}")
    said = pd.DataFrame(json.loads(text)["predictions"])
    here = predict(test, trained)
    same = np.allclose(said["probability"], here["probability"], atol=1e-6)
    check(same and list(said["predicted"]) == list(here["predicted"]), "the API says other things")
    print(f"/predict/batch {status}: {len(said)} rows, the same as the predict module says")

    column = next(iter(rows[0]))
    bad = {
        "missing": {name: value for name, value in rows[0].items() if name != column},
        "unknown": {**rows[0], "colour": 1},
        "a text": {**rows[0], column: "large"},
        "infinite": {**rows[0], column: float("inf")},
    }
    for what, row in bad.items():
        status, text = ask("/predict", json.dumps(row))
        check(status == 422, f"a row with something {what} got {status}")
        print(f"/predict {status} where something is {what}: {refused(text)}")

    status, text = ask("/metrics")
    line = next(line for line in text.splitlines() if line.startswith("api_predictions_total"))
    print("/metrics", status, line)


if __name__ == "__main__":
    with one_line_errors():
        main()
