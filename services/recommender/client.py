"""Ask for recommendations from a notebook, as other programs do."""

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

import pandas as pd

from services.access import ServiceError, wait_for

URL = "http://recommender:8060"


def request(path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    """Send a GET request, or a POST request if there is a body. Return the status and the JSON."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(URL + path, data, headers), timeout=30
        ) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or "null")


def reason(answer: dict[str, Any]) -> str:
    """Return why a request was refused."""
    detail = answer["detail"]
    return detail if isinstance(detail, str) else "; ".join(each["msg"] for each in detail)


def recommendations(customer: str, k: int = 6) -> pd.DataFrame:
    """Return the best k products for a customer, best first.

    Raises:
        ServiceError: The service is not running, has no model, or refuses the customer or k.
    """
    wait_for("recommender", 8060)
    status, answer = request(f"/api/customers/{quote(customer, safe='')}/recommendations?k={k}")
    if status != 200:
        raise ServiceError(f"the recommender answered with status {status}: {reason(answer)}")
    return pd.DataFrame(answer["recommendations"])
