"""Import the saved dashboard into OpenSearch Dashboards. `make dashboards` runs this."""

import argparse
import time
from contextlib import suppress
from pathlib import Path

import requests

from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.access import ServiceError
from services.search.client import search
from services.search.documents import INDEX

FILE = Path(__file__).parent / "src" / "dashboard.ndjson"
# Every request that changes something needs this header.
HEADERS = {"osd-xsrf": "true"}


def wait(url: str, seconds: float = 300) -> None:
    """Return once Dashboards is ready, which takes a minute on a slow machine.

    Raises:
        ServiceError: It is not ready after that many seconds.
    """
    end = time.monotonic() + seconds
    state = ""
    while True:
        now = "starting"
        # It may not listen yet, or answer with something else while it starts.
        with suppress(requests.RequestException, KeyError, ValueError):
            answer = requests.get(f"{url}/api/status", timeout=10)
            now = answer.json()["status"]["overall"]["state"] if answer.ok else now
        if now != state:
            print(f"OpenSearch Dashboards: {now}", flush=True)
            state = now
        if state == "green":
            return
        if time.monotonic() > end:
            raise ServiceError(
                "OpenSearch Dashboards is not ready. "
                "See why: docker compose logs search-dashboards."
            )
        time.sleep(1)


def load(url: str) -> int:
    """Import the objects in FILE, replace those with the same key, and return their number.

    Raises:
        ServiceError: Dashboards refuses the file.
    """
    # https://docs.opensearch.org/latest/dashboards/management/saved-objects/
    with FILE.open("rb") as file:
        answer = requests.post(
            f"{url}/api/saved_objects/_import",
            params={"overwrite": "true"},
            headers=HEADERS,
            files={"file": (FILE.name, file, "application/ndjson")},
            timeout=60,
        )
    result = answer.json() if answer.ok else {}
    if not result.get("success"):
        refused = [
            f"{each['type']} {each['id']}: {each['error']['type']}"
            for each in result.get("errors", [])
        ]
        reason = "; ".join(refused) or f"status {answer.status_code}: {answer.text[:200]}"
        raise ServiceError(
            f"OpenSearch Dashboards refuses {FILE.name} ({reason}). "
            "Export it from the version in compose.yaml."
        )
    return result["successCount"]


def main() -> None:
    """Check that the index exists, wait for Dashboards and import the dashboard."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only check that the index exists")
    parser.add_argument("--url", default="http://search-dashboards:5601", help="of Dashboards")
    options = parser.parse_args()
    # Without its index, the dashboard would only say that it could not locate the index pattern.
    search(INDEX, {"match_all": {}}, size=1)
    if options.check:
        return
    wait(options.url)
    print(f"imported {load(options.url)} objects from {FILE.name}")


if __name__ == "__main__":
    with exit_on_os_error():
        main()
