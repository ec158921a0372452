"""Load the labels that people gave in the browser."""

import json
from itertools import combinations
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import pandas as pd

from services.access import ServiceError, wait_for

COLUMNS = ["image", "label", "person", "time"]


def labels(trial: bool = False) -> pd.DataFrame:
    """Return all labels, the oldest first: a row for each image and person.

    The columns are `image`, `label` and `person`, which are texts, and `time`, in UTC. An image is
    its path in the folder of images, or begins with `uploaded/`; `image()` loads both. With
    `trial=True`, return the labels of the trial at `/?trial` instead.

    Raises:
        ServiceError: The service or its database is not running.
    """
    rows = pd.DataFrame(json.loads(request("labels", trial=trial)), columns=COLUMNS)
    rows["time"] = pd.to_datetime(rows["time"], format="ISO8601", utc=True)
    return rows.astype(dict.fromkeys(COLUMNS[:3], "string"))


def agreement(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how often people agree: a row for each two who labeled some of the same images.

    `images` is the number of those images, and `agreement` the share with the same label. `kappa`
    is Cohen's kappa: 1 if they always agree, 0 if as often as by chance. It is missing if both
    gave one label only.
    """
    given = {person: each.set_index("image")["label"] for person, each in rows.groupby("person")}
    found = []
    for first, second in combinations(given, 2):
        both = pd.concat([given[first], given[second]], axis=1, join="inner", keys=[0, 1])
        if both.empty:
            continue
        same = (both[0] == both[1]).mean()
        shares = [both[column].value_counts(normalize=True) for column in both]
        chance = shares[0].mul(shares[1], fill_value=0).sum()
        kappa = (same - chance) / (1 - chance) if chance < 1 else float("nan")
        found.append((first, second, len(both), same, kappa))
    return pd.DataFrame(found, columns=["first", "second", "images", "agreement", "kappa"])


def image(name: str, trial: bool = False) -> bytes:
    """Return the contents of an image, as `labels` names it.

    Raises:
        ServiceError: There is no such image any more, or the service is not running.
    """
    return request("image", trial=trial, name=name)


def request(
    path: str,
    body: dict | bytes | None = None,
    *,
    trial: bool = False,
    method: str | None = None,
    **query: str,
) -> bytes:
    """Send a request to the service, as the page does, and return the body of the response.

    A dictionary is sent as JSON, bytes as an image.

    Raises:
        ServiceError: It was refused. The message is the service's.
    """
    wait_for("labeling", 8080)
    if trial:
        query["trial"] = ""
    is_image = isinstance(body, bytes)
    data = json.dumps(body).encode() if body is not None and not is_image else body
    kind = "application/octet-stream" if is_image else "application/json"
    # A request without a body has no type.
    headers = {} if data is None else {"Content-Type": kind}
    address = f"http://labeling:8080/api/{path}?{urlencode(query)}"
    try:
        opener = build_opener(ProxyHandler({}))
        with opener.open(Request(address, data, headers, method=method), timeout=30) as response:
            return response.read()
    except HTTPError as error:
        raise ServiceError(json.load(error)["error"]) from None
