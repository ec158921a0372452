"""Lists for the weekly workflow, which come from the questions and from generated projects.

lists.py images         each image that a project pulls, on a line of its own
lists.py combinations   the answers of each project that is built, as a list in JSON
"""

import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter

from generation import TEMPLATE
from generation.checks import MACHINE
from generation.frameworks import frameworks
from generation.kernels import kernels
from generation.services import catalogue

QUESTIONS = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
# Compose puts this before the images that it pulls.
MARK = "pulled.invalid/"


def images_of(project: Path) -> set[str]:
    """Return the images that a project and its services pull.

    Raises:
        subprocess.CalledProcessError: Compose cannot read the project.
    """
    services = "".join(f"  - {path}\n" for path in sorted(project.glob("services/*/compose.yaml")))
    options = [option for file in ("compose.yaml", "docker/data/compose.yaml", "-") for option in ("--file", file)]
    done = subprocess.run(
        ["docker", "compose", "--project-directory", ".", *options, "--profile", "*", "config", "--images"],
        cwd=project,
        input=f"include:\n{services}",
        env={**os.environ, **MACHINE, "REGISTRY_PREFIX": MARK},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = {name.removeprefix(MARK) for name in done.stdout.split() if name.startswith(MARK)}
    for file in project.rglob("Dockerfile"):
        text = file.read_text(encoding="utf-8")
        found |= set(re.findall(r"^FROM (?:\$\{REGISTRY_PREFIX\})?([\w./-]+:[\w.-]+)", text, re.MULTILINE))
    return found


def images() -> list[str]:
    """Return the images that projects with all services and kernels pull, for each version of Python."""
    found: set[str] = set()
    answers = {"services": ",".join(catalogue()), "kernels": ",".join(kernels())}
    for version in QUESTIONS["python_version"]:
        with tempfile.TemporaryDirectory() as folder:
            answers["python_version"] = version
            found |= images_of(
                Path(cookiecutter(str(TEMPLATE), no_input=True, extra_context=answers, output_dir=folder))
            )
    return sorted(found)


def combinations() -> list[str]:
    """Return the answers of the projects that are built each week.

    They have each framework, version of Python and accelerator, each kernel, and all services with each Python.
    """
    choices = {"framework": frameworks(), **{name: QUESTIONS[name] for name in ("python_version", "accelerator")}}
    rows = [dict(zip(choices, row, strict=True)) for row in itertools.product(*choices.values())]
    rows += [{"kernels": kernel} for kernel in kernels()]
    services = ",".join(catalogue())
    rows += [{"python_version": version, "services": services} for version in QUESTIONS["python_version"]]
    return [" ".join(f"{name}={answer}" for name, answer in row.items()) for row in rows]


if __name__ == "__main__":
    if sys.argv[1:] == ["images"]:
        # What generation says is not for the list, and comes from a process of its own.
        with os.fdopen(os.dup(1), "w") as output:
            os.dup2(2, 1)
            print(*images(), sep="\n", file=output)
    else:
        print(json.dumps(combinations()))
