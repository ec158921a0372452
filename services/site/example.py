"""Read the data story as a browser does, and compare its metrics and figures with the reports."""

import json
import re
import time
from urllib.parse import urlsplit
from urllib.request import urlopen
from xml.etree import ElementTree

from {{ cookiecutter.package_name }} import train
from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.access import wait_for

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


def main() -> None:
    """Train if there is no report yet, and wait until the site shows the reports."""
    wait_for("site", 8080)
    if not train.METRICS.exists():
        train.main()
    metrics = json.loads(train.METRICS.read_text())
    figures = {file.name: file.read_bytes() for file in train.FIGURES.glob("*.png")}
    end = time.monotonic() + 60
    while published() != (metrics, figures):
        if time.monotonic() > end:
            raise OSError("the site does not show the reports. See make logs SERVICE=site.")
        time.sleep(0.5)
    print("metrics: " + " ".join(f"{name}={value:.3g}" for name, value in metrics.items()))
    print("figures: " + " ".join(sorted(figures)))


if __name__ == "__main__":
    with exit_on_os_error():
        main()
