"""Read the data story as a browser does, and compare its metrics and figures with the reports."""

import json
import re
import time
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen
from xml.etree import ElementTree

from {{ cookiecutter.package_name }} import model, train
from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.access import wait_for
from services.site import story

URL = "http://site:8080"
ATOM = "{http://www.w3.org/2005/Atom}"


def read(path: str) -> bytes:
    """Return a file of the site."""
    with urlopen(URL + path, timeout=10) as response:
        return response.read()


def published() -> tuple[dict[str, float], dict[str, bytes]]:
    """Return the metrics on the first page, and the figures in all stories of the feed."""
    rows = re.findall(r'<th scope="row">(.*?)</th>\s*<td><data value="(.*?)">', read("/").decode())
    figures = {}
    for entry in ElementTree.fromstring(read("/feed.xml")).iter(f"{ATOM}entry"):
        path = urlsplit(entry.find(f"{ATOM}link").get("href")).path
        for source in re.findall('<img src="/figures/(.*?)"', read(path).decode()):
            figures[source] = read(f"/figures/{source}")
    return {name.replace(" ", "_"): float(value) for name, value in rows}, figures


def shown() -> dict[str, Any] | None:
    """Return what the interactive figure shows, or nothing if the site does not have it yet."""
    try:
        return json.loads(read("/predictions.json"))
    except HTTPError:
        return None


def are_reported(figures: dict[str, bytes]) -> bool:
    """Return whether these figures are in the reports. A story need not show all of them."""
    return all((train.FIGURES / name).read_bytes() == figure for name, figure in figures.items())


def main() -> None:
    """Train if there is no model yet, and wait until the site shows the reports."""
    wait_for("site", 8080)
    if not train.METRICS.exists() or not model.FILE.exists():
        train.main()
    story.main()
    metrics = json.loads(train.METRICS.read_text())
    predictions = json.loads(story.PREDICTIONS.read_text())
    end = time.monotonic() + 60
    while True:
        values, figures = published()
        if (values, shown()) == (metrics, predictions) and are_reported(figures):
            break
        if time.monotonic() > end:
            raise OSError("the site does not show the reports. See make logs SERVICE=site.")
        time.sleep(0.5)
    print("metrics: " + " ".join(f"{name}={value:.3g}" for name, value in metrics.items()))
    print("figures: " + " ".join(sorted(figures)))
    print(f"interactive figure: {len(predictions['rows'])} {predictions['noun']}")


if __name__ == "__main__":
    with exit_on_os_error():
        main()
