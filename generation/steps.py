"""The steps of the hook, after cookiecutter has rendered the project. The project is the current folder."""

import shutil
import subprocess
import sys
from pathlib import Path

from generation import checks
from generation.services import added_by_needs, selected

# Files and folders of the project that belong to some choices only.
FILES_BY_CHOICE = {"ci": {"github": [".github", "renovate.json"], "gitlab": [".gitlab-ci.yml", "renovate.json"]}}

# Only projects with services have this folder. `make add-service` writes it with the first one.
COMMANDS_FOR_SERVICES = Path("docker", "services")


def remove_unchosen_files(answers: dict) -> None:
    """Remove the files that belong to choices other than the answers."""
    for question, choices in FILES_BY_CHOICE.items():
        kept = choices.get(answers[question], [])
        for path in {Path(name) for names in choices.values() for name in names if name not in kept}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if not selected(answers["services"]):
        shutil.rmtree(COMMANDS_FOR_SERVICES)


def check(command: str) -> list[str]:
    """Check the project and return notes about what could not be checked. Exit if a check finds a fault.

    `command` gives all answers again. It is empty if cookiecutter was called by another program.
    """
    findings, notes = checks.check(Path())
    if findings:
        lines = [f"error: {finding}" for finding in findings]
        lines += ["This is a fault of the template. Please report it."]
        if command:
            hint = "Add this command, which has all your answers, to the report. Run it after an update:"
            lines += ["", hint, "", command, ""]
        sys.exit("\n".join(lines))
    return notes


def create_repository() -> list[str]:
    """Create a git repository, unless the project is inside another one. Return a note if git is missing."""
    inside = checks.launch("git", "rev-parse", "--is-inside-work-tree")
    if inside is None:
        return ["git is not installed, so there is no repository yet: git init"]
    if checks.output_if_failed(inside):
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], check=False)
    return []


def print_next_steps(answers: dict, notes: list[str]) -> None:
    """Print that the project is ready, the notes, and the next commands."""
    slug = answers["project_slug"]
    print(f"\n{slug} is ready." + ("" if notes else " Dockerfile, compose.yaml and .dockerignore were checked."))
    for line in [*added_by_needs(answers["services"]), *(f"note: {note}" for note in notes)]:
        print(line)
    commands = [f"cd {slug}", "make build", "make notebook", *(["make up"] if selected(answers["services"]) else [])]
    print("", *(f"  {command}" for command in commands), "", sep="\n")
