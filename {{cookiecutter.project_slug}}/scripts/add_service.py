"""Generate a project twice from its template, as it was and with one service more.

add_service.py NAME GIVEN TEMPLATE OUT, in the build of add-service.Dockerfile, beside cookiecutter.
GIVEN holds what the project has: .cruft.json and pyproject.toml.
OUT gets both projects, as `old` and `new`, the next .cruft.json, as `cruft.json`, and in
`requirements.txt` the packages that the project lacks. Or `problem`: a line that says why not.
"""

import json
import os
import re
import shutil
import sys
import tomllib
import traceback
from pathlib import Path

from cookiecutter.exceptions import FailedHookException
from cookiecutter.generate import generate_files
from cookiecutter.prompt import render_variable
from cookiecutter.utils import create_env_with_context


def complete(template: Path, recorded: dict, services: list[str]) -> dict:
    """Return the recorded answers as they are, with these services, and what follows from them."""
    questions = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    questions.pop("__prompts__", None)
    # As cruft has them: then the hook writes no .cruft.json. The others say how to render.
    answers = {name: recorded.get(name, "") for name in ("_template", "_commit")}
    answers |= {name: value for name, value in questions.items() if re.match("_[^_]", name)}
    environment = create_env_with_context({"cookiecutter": answers})
    for name, default in questions.items():
        if name == "services":
            answers[name] = ", ".join(services) or "none"
        elif name in recorded and not name.startswith("_"):
            answers[name] = recorded[name]
        elif name not in answers:
            first = default[0] if isinstance(default, list) else default
            try:
                answers[name] = render_variable(environment, first, answers)
            except FailedHookException:
                # An answer that was right then, and is not for the Python that runs this.
                answers[name] = recorded.get(name, "")
    return answers


def generate(template: Path, answers: dict, target: Path) -> None:
    """Generate the project into the folder `target`, without its repository."""
    folder = target.parent.with_suffix(f".{target.name}")
    made = generate_files(template, {"cookiecutter": answers}, output_dir=folder)
    shutil.rmtree(Path(made, ".git"), ignore_errors=True)
    shutil.move(made, target)


def group(project: Path) -> dict[str, str]:
    """Return the group `services` of a pyproject.toml: requirements by the names of packages."""
    text = (project / "pyproject.toml").read_text(encoding="utf-8")
    lines = tomllib.loads(text).get("dependency-groups", {}).get("services", [])
    names = {line: re.match(r"[\w.-]*", line)[0] for line in lines if isinstance(line, str)}
    return {re.sub("[-_.]+", "-", name).lower(): line for line, name in names.items()}


def main(name: str, given: Path, template: Path, out: Path) -> str:
    """Do it, and return what is wrong."""
    state = json.loads((given / ".cruft.json").read_text(encoding="utf-8"))
    recorded = state["context"]["cookiecutter"]
    template /= state.get("directory") or ""
    sys.path.append(str(template))
    import local_extensions

    if problem := local_extensions.services_problem(name):
        problem = problem.replace("Use none, ", "Use ")
        return f"the template, as it was at {state['commit'][:7]}, {problem}"
    try:
        there = group(given)
    except tomllib.TOMLDecodeError:
        return "pyproject.toml is not valid. 'make lock V=1' shows where."

    # The hook checks with tools that it finds there. The project is checked elsewhere.
    os.environ["PATH"] = ""
    picked = [each for each in local_extensions.picked(recorded["services"]) if each != name]
    old, new = out / "old", out / "new"
    generate(template, complete(template, recorded, picked), old)
    generate(template, complete(template, recorded, [*picked, name]), new)

    recorded["services"] = ", ".join([*picked, name])
    text = json.dumps(state, ensure_ascii=False, indent=2) + "\n"
    (out / "cruft.json").write_text(text, encoding="utf-8")
    were = [*there, *group(old)]
    lines = [f"{line}\n" for package, line in group(new).items() if package not in were]
    (out / "requirements.txt").write_text("".join(lines), encoding="utf-8")
    return ""


if __name__ == "__main__":
    name, *folders = sys.argv[1:]
    given, template, out = map(Path, folders)
    out.mkdir()
    try:
        problem = main(name, given, template, out)
    except Exception as error:
        traceback.print_exc()
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        problem = f"the template cannot make this project again: {reason}"
        problem += ". Run it again with V=1 for the whole story."
    if problem:
        (out / "problem").write_text(problem + "\n", encoding="utf-8")
