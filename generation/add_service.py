"""Write a service for a project that exists already: the part of `make add-service` that needs cookiecutter.

python -m generation.add_service NAME GIVEN OUT, in a clone of the template at the commit that the project records.

GIVEN holds .cruft.json and pyproject.toml of the project, and `services`, which lists the folders in its services/, one
per line. OUT receives:

- services/: access.py, and the folders of the service and of all services that it needs and the project lacks
- added: the names of these services, one per line, NAME last; empty if the project has the folder NAME already
- requirements.txt: the packages that they need and pyproject.toml lacks, one per line
- cruft.json: the new .cruft.json

If the service cannot be added, OUT only receives `problem`, a line that says why.
"""

import re
import sys
import tomllib
from pathlib import Path

from generation import TEMPLATE
from generation.add import CannotAddError, read_state, run, write_state
from generation.answers import unknown
from generation.render_version import complete
from generation.services import catalogue, named, requirements, with_needs, write_services


def package(requirement: str) -> str:
    """Return the normalized name of the package in a requirement."""
    return re.sub("[-_.]+", "-", re.match(r"[\w.-]*", requirement)[0]).lower()


def missing(required: list[str], pyproject: str) -> list[str]:
    """Return the requirements whose packages are not in the group `services` of a pyproject.toml.

    Raises:
        CannotAddError: The file is not valid TOML.
    """
    try:
        group = tomllib.loads(pyproject).get("dependency-groups", {}).get("services", [])
    except tomllib.TOMLDecodeError:
        raise CannotAddError("pyproject.toml is not valid. 'make lock V=1' shows where.") from None
    present = {package(line) for line in group if isinstance(line, str)}
    return [line for line in required if package(line) not in present]


def add_service(name: str, given: Path, out: Path) -> None:
    """Write the service and all that belongs to it to `out`, as the docstring of this module says.

    Raises:
        CannotAddError: The template has no such service, or pyproject.toml is not valid.
    """
    state = read_state(given)
    recorded = state["context"]["cookiecutter"]
    present = set((given / "services").read_text(encoding="utf-8").split())
    if name in present:
        # The project has the folder, but it may lack the module that all services share.
        added = []
    elif name in catalogue():
        added = [service for service in with_needs([name]) if service not in present]
    else:
        commit = state["commit"][:7]
        raise CannotAddError(f"the template at commit {commit} has no {name!r}. {unknown(name, catalogue())}")

    required = missing(requirements(added), (given / "pyproject.toml").read_text(encoding="utf-8"))
    services = list(dict.fromkeys([*named(recorded["services"]), *added]))
    recorded["services"] = ", ".join(services) or "none"
    write_services(added, complete(recorded, TEMPLATE), out)

    def write(file: str, lines: list[str]) -> None:
        (out / file).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    write("added", added)
    write("requirements.txt", required)
    write_state(state, out)


if __name__ == "__main__":
    run(add_service, sys.argv[1], *map(Path, sys.argv[2:]))
