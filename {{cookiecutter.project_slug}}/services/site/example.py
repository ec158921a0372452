"""Read the data story as a browser does: its numbers and figures are of the last training."""

import json
import re
import time
from urllib.parse import urlsplit
from urllib.request import urlopen
from xml.etree import ElementTree

from {{ cookiecutter.package_name }} import train
from {{ cookiecutter.package_name }}.files import one_line_errors
from {{ cookiecutter.package_name }}.services import wait_for

ADDRESS = "http://site:8080"
ATOM = "{http://www.w3.org/2005/Atom}"


def read(path: str) -> bytes:
    """Return a file of the site."""
    with urlopen(ADDRESS + path, timeout=10) as answer:
        return answer.read()


def shown() -> tuple[dict[str, float], dict[str, bytes]]:
    """Return the numbers on the first page, and the figures of all stories in the feed."""
    rows = re.findall(r'<th scope="row">(.*?)</th>\s*<td><data value="(.*?)">', read("/").decode())
    figures = {}
    for entry in ElementTree.fromstring(read("/feed.xml")).iter(f"{ATOM}entry"):
        path = urlsplit(entry.find(f"{ATOM}link").get("href")).path
        for source in re.findall('<img src="/figures/(.*?)"', read(path).decode()):
            figures[source] = read(f"/figures/{source}")
    return {name.replace(" ", "_"): float(value) for name, value in rows}, figures


def main() -> None:
    """Train where that was not done yet, and wait until the site shows it."""
    wait_for("site", 8080)
    if not train.METRICS.exists():
        train.main()
    measures = json.loads(train.METRICS.read_text())
    figures = {file.name: file.read_bytes() for file in train.FIGURES.glob("*.png")}
    end = time.monotonic() + 60
    while shown() != (measures, figures):
        if time.monotonic() > end:
            raise OSError("the site does not show the last training. See make logs SERVICE=site.")
        time.sleep(0.5)
    print("numbers: " + " ".join(f"{name}={value:.3g}" for name, value in measures.items()))
    print("figures: " + " ".join(sorted(figures)))


if __name__ == "__main__":
    with one_line_errors():
        main()
