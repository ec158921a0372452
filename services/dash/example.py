"""Send the dashboard the requests of a browser that moves filters, and compare with pandas."""

import json
from urllib.request import Request, urlopen

import pandas as pd

from {{ cookiecutter.package_name }} import data, features
from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.access import wait_for

URL = "http://dash:8050"


def request(path: str, body: dict | None = None):
    """Send a GET request, or a POST request if there is a body. Return the decoded JSON."""
    encoded = json.dumps(body).encode() if body else None
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(URL + path, encoded, headers), timeout=30) as response:
        return json.load(response)


def count(**filters) -> str:
    """Return the line above the charts for these filters."""
    # Like the page itself, look up which callback sets this line and which inputs it takes.
    callbacks = request("/_dash-dependencies")
    callback = next(item for item in callbacks if "count.children" in item["output"])
    outputs = [name.rsplit(".", 1) for name in callback["output"].strip(".").split("...")]
    body = {
        "output": callback["output"],
        "outputs": [{"id": name, "property": part} for name, part in outputs],
        "inputs": [{**item, "value": filters.get(item["id"])} for item in callback["inputs"]],
        "changedPropIds": ["range.value"],
    }
    return request("/_dash-update-component", body)["response"]["count"]["children"]


def main() -> None:
    """Move the filters and print the dashboard's answers."""
    wait_for("dash", 8050)
    data.main()
    frame = features.clean(pd.read_csv(data.RAW))
    column, target = frame.columns[0], features.TARGET
    middle, top = float(frame[column].median()), float(frame[column].max())
    for low in (float(frame[column].min()), middle):
        for diagnoses in ([target, f"not {target}"], [target]):
            answer = count(column=column, range=[low, top], diagnosis=diagnoses)
            expected = frame[column].ge(low) & (frame[target] | (len(diagnoses) == 2))
            print(f"{column} from {low:.4g}, {' and '.join(diagnoses)}: {answer}")
            if answer != f"{expected.sum()} of {len(frame)} rows":
                raise OSError(f"pandas counts {expected.sum()} rows. Check services/dash/app.py.")


if __name__ == "__main__":
    with exit_on_os_error():
        main()
