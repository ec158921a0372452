"""What `make add-service` and `make add-kernel` share: answers of a project that exists already, and errors."""

import json
import re
import shutil
import traceback
from collections.abc import Callable
from pathlib import Path

from cookiecutter.exceptions import FailedHookException
from cookiecutter.prompt import render_variable
from cookiecutter.utils import create_env_with_context

from generation import TEMPLATE

# Files in OUT: why nothing can be added, what its owner has to change first, and the new .cruft.json.
PROBLEM, DIFF, STATE = "problem", "diff", "cruft.json"


class CannotAddError(Exception):
    """It cannot be added. The message says why and what to do, and `diff` what to change in a file of the project."""

    def __init__(self, message: str, diff: str = ""):
        super().__init__(message)
        self.diff = diff


def complete(recorded: dict) -> dict:
    """Return the recorded answers with the private variables of cookiecutter.json, and with defaults for new questions.

    An answer is taken as it is: it may have been valid for another Python than the one that runs this.
    """
    questions = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    questions.pop("__prompts__", None)
    # Settings of cookiecutter begin with one underscore. They say how to render the other variables.
    answers = {name: value for name, value in questions.items() if re.match("_[^_]", name)}
    environment = create_env_with_context({"cookiecutter": answers})
    for name, default in questions.items():
        if name in recorded and not name.startswith("_"):
            answers[name] = recorded[name]
        elif name not in answers:
            first = default[0] if isinstance(default, list) else default
            try:
                answers[name] = render_variable(environment, first, answers)
            except FailedHookException:
                answers[name] = recorded.get(name, "")
    return answers


def read_state(given: Path) -> dict:
    """Return what the .cruft.json of the project says."""
    return json.loads((given / ".cruft.json").read_text(encoding="utf-8"))


def write_state(state: dict, out: Path) -> None:
    """Write the new .cruft.json to `out`."""
    (out / STATE).write_text(json.dumps(state, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def run(add: Callable[[str, Path, Path], None], name: str, given: Path, out: Path) -> None:
    """Call `add` with the other arguments. If it fails, leave only `problem` in `out`, one line, and perhaps `diff`."""
    out.mkdir(exist_ok=True)
    try:
        add(name, given, out)
    except Exception as error:
        if isinstance(error, CannotAddError):
            problem = str(error)
        else:
            traceback.print_exc()
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            problem = f"the template cannot write {name}: {reason}. Rerun with V=1 to see the full output."
        shutil.rmtree(out)
        out.mkdir()
        (out / PROBLEM).write_text(problem + "\n", encoding="utf-8")
        if diff := getattr(error, "diff", ""):
            (out / DIFF).write_text(diff, encoding="utf-8")
