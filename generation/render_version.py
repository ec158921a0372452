"""Generate a project from any version of the template: python render_version.py TEMPLATE ANSWERS OUT

ANSWERS is a JSON file with recorded answers. OUT receives answers.json, with all answers, and the folder `project`.

This is a program of its own, which imports nothing from here: each version of the template has its own `generation`.
"""

import json
import re
import sys
from pathlib import Path

from cookiecutter.exceptions import FailedHookException
from cookiecutter.generate import generate_files
from cookiecutter.prompt import render_variable
from cookiecutter.utils import create_env_with_context, work_in


def complete(recorded: dict, template: Path) -> dict:
    """Return the recorded answers with the private variables of a template, and with defaults for new questions.

    An answer is taken as it is: it may have been valid for another Python than the one that runs this.
    """
    questions = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
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


def generate(template: Path, recorded: dict, out: Path) -> None:
    """Write the project and its answers to `out`, as the docstring of this module says.

    `_commit` among the recorded answers keeps the hook from writing .cruft.json, as it does in cruft.
    """
    # Its extension and its package come first.
    sys.path[0] = str(template)
    with work_in(template):
        answers = complete(recorded, template)
        project = generate_files(template, {"cookiecutter": {**answers, "_commit": recorded["_commit"]}}, out)
    Path(project).rename(out / "project")
    # In the order that the hook writes them to .cruft.json.
    (out / "answers.json").write_text(json.dumps(answers, sort_keys=True), encoding="utf-8")


if __name__ == "__main__":
    folder, file, target = (Path(argument).resolve() for argument in sys.argv[1:])
    generate(folder, json.loads(file.read_text(encoding="utf-8")), target)
