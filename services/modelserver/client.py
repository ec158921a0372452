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
            raise ServiceError(f"the server answered with status {status}: {text[:300]}")
        predictions += json.loads(text)["predictions"]
    return pd.DataFrame(predictions, index=rows.index, columns=["probability", "predicted"])
