"""Ask the model server from a notebook: `from services.modelserver.client import predict`."""

import json
import urllib.error
import urllib.request

import pandas as pd

from services.access import ServiceError, wait_for

URL = "http://modelserver:8080"
# More rows are sent in several requests.
BATCH = 500


def request(path: str, body: str | None = None) -> tuple[int, str]:
    """Send a GET request, or a POST request if there is a body. Return the status and the text."""
    data = None if body is None else body.encode()
    headers = {"Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(URL + path, data, headers), timeout=60
        ) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def reasons(text: str) -> str:
    """Return why a request was refused, in one line: the first three reasons."""
    try:
        detail = json.loads(text)["detail"]
    except ValueError:
        return text[:300]
    if isinstance(detail, str):
        return detail
    # The first part of each location is the body.
    found = [f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in detail]
    return ", ".join(found[:3]) + (", …" if len(found) > 3 else "")


def predict(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the probability and the predicted class of each row.

    Raises:
        ServiceError: The server is not running, has no model, or refuses the rows.
    """
    wait_for("modelserver", 8080)
    predictions = []
    for start in range(0, len(rows), BATCH):
        body = json.dumps({"rows": rows[start : start + BATCH].to_dict("records")})
        status, text = request("/predict/batch", body)
        if status != 200:
            raise ServiceError(f"the server answered with status {status}: {reasons(text)}")
        predictions += json.loads(text)["predictions"]
    return pd.DataFrame(predictions, index=rows.index, columns=["probability", "predicted"])
