"""Ask the dashboard what its page asks it when a filter is moved, and compare with pandas."""

import json
from urllib.request import Request, urlopen

import pandas as pd

from {{ cookiecutter.package_name }} import data, features
from {{ cookiecutter.package_name }}.files import one_line_errors
from {{ cookiecutter.package_name }}.services import wait_for

ADDRESS = "http://dash:8050"


def ask(path: str, question: dict | None = None):
    """Return what the dashboard answers, to a question where there is one."""
    body = json.dumps(question).encode() if question else None
    request = Request(ADDRESS + path, body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


def count(**filters) -> str:
    """Return the line above the charts, for these filters."""
    # The page finds in this list which function of app.py answers, and what it wants to know.
    known = ask("/_dash-dependencies")
    callback = next(each for each in known if "count.children" in each["output"])
    parts = [name.rsplit(".", 1) for name in callback["output"].strip(".").split("...")]
    inputs = [{**each, "value": filters.get(each["id"])} for each in callback["inputs"]]
    question = {
        "output": callback["output"],
        "outputs": [{"id": name, "property": part} for name, part in parts],
        "inputs": inputs,
        "changedPropIds": ["range.value"],
    }
    return ask("/_dash-update-component", question)["response"]["count"]["children"]


def main() -> None:
    """Move a filter, and show what follows."""
    wait_for("dash", 8050)
    data.main()
    frame = features.clean(pd.read_csv(data.RAW))
    column, target = frame.columns[0], features.TARGET
    middle, top = float(frame[column].median()), float(frame[column].max())
    for low in (float(frame[column].min()), middle):
        for diagnoses in ([target, f"not {target}"], [target]):
            said = count(column=column, range=[low, top], diagnosis=diagnoses)
            right = frame[column].ge(low) & (frame[target] | (len(diagnoses) == 2))
            print(f"{column} from {low:.4g}, {' and '.join(diagnoses)}: {said}")
            if said != f"{right.sum()} of {len(frame)} rows":
                raise OSError(f"the dashboard counts otherwise than pandas, {right.sum()}.")


if __name__ == "__main__":
    with one_line_errors():
        main()
