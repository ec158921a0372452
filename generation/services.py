"""The catalogue of services: their names and descriptions, their needs, and writing them into a project."""

from collections.abc import Iterable
from pathlib import Path

from generation import TEMPLATE
from generation.rendering import render_files

# A Python module that all services share. Every project with a service has it.
SHARED = "access.py"

# What each service was tested with. The documentation shows it; no project has it.
TESTED = "tested.txt"


class UnknownServiceError(ValueError):
    """The catalogue has no service of this name."""


class CircularNeedsError(ValueError):
    """Services need each other in a circle."""


def catalogue() -> list[str]:
    """Return the names of all services, sorted: the folders in `services/` that have a compose.yaml."""
    return sorted(file.parent.name for file in (TEMPLATE / "services").glob("*/compose.yaml"))


def service_file(service: str, name: str) -> str:
    """Return the text of a file in a service's folder, or an empty string if there is no such file."""
    file = TEMPLATE / "services" / service / name
    return file.read_text(encoding="utf-8") if file.exists() else ""


def describe_service(service: str) -> tuple[str, str]:
    """Return the OSEMN steps of a service and its description, from the first line below the title of its README."""
    lines = service_file(service, "README.md").splitlines()[1:]
    steps, _, text = next((line for line in lines if line.strip()), "").partition(": ")
    return steps.lower(), text


def lines_of(text: str) -> list[str]:
    """Return the lines of a data file without comments and blank lines."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def needs(service: str) -> list[str]:
    """Return the services that a service needs itself, from its file `needs`."""
    return lines_of(service_file(service, "needs"))


def evidence(service: str) -> dict[str, str]:
    """Return what a service was tested with: `real` software, a `stand-in` for it, and what has `never` run."""
    return dict(line.split(": ", 1) for line in lines_of(service_file(service, TESTED)))


def with_needs(services: Iterable[str]) -> list[str]:
    """Return these services and all that they need, each once, and each after the services that it needs.

    Raises:
        UnknownServiceError: The catalogue does not have one of them.
        CircularNeedsError: Services need each other in a circle.
    """
    known = catalogue()
    resolved: list[str] = []

    def resolve(service: str, path: tuple[str, ...]) -> None:
        if service in path:
            raise CircularNeedsError(f"services need each other: {' -> '.join([*path, service])}")
        if service not in known:
            reason = f", which {path[-1]} needs" if path else ""
            raise UnknownServiceError(f"there is no service {service!r}{reason}")
        if service not in resolved:
            for needed in needs(service):
                resolve(needed, (*path, service))
            resolved.append(service)

    for service in services:
        resolve(service, ())
    return resolved


def named(answer: str) -> list[str]:
    """Return the services or kernels that an answer names, each once, in its order. `none` stands for no name."""
    names = (name.strip() for name in answer.split(","))
    return list(dict.fromkeys(name for name in names if name not in ("", "none")))


def selected(answer: str) -> list[str]:
    """Return the services that a project with this answer has: those named, and all that they need."""
    return with_needs(named(answer))


def added_by_needs(answer: str) -> list[str]:
    """Return a line for each service that an answer does not name but another service needs."""
    services = selected(answer)
    return [
        f"{next(other for other in services if needed in needs(other))} needs {needed}, so {needed} is added too."
        for needed in services
        if needed not in named(answer)
    ]


def requirements(services: Iterable[str]) -> list[str]:
    """Return the Python packages that services add to the development image, sorted, each once."""
    return sorted({line for service in services for line in lines_of(service_file(service, "requirements.txt"))})


def write_services(services: Iterable[str], answers: dict, project: Path) -> None:
    """Write folders of services and the shared module into a project, rendered with its answers."""
    folder = TEMPLATE / "services"
    paths = (path for service in services for path in sorted((folder / service).rglob("*")))
    files = [path for path in paths if path.is_file() and "__pycache__" not in path.parts and path.name != TESTED]
    render_files(TEMPLATE, [folder / SHARED, *files], answers, project)
