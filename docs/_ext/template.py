"""What the directives of the documentation read from the template."""

import json
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

import local_extensions

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "{{cookiecutter.project_slug}}"
QUESTIONS = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))


def jinja() -> Environment:
    """Return an environment like the one in which cookiecutter renders the template."""
    options = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    return Environment(
        extensions=[local_extensions.Filters], loader=FileSystemLoader([ROOT, ROOT / "templates"]), **options
    )


@cache
def defaults() -> dict[str, str]:
    """Return the default answers, as cookiecutter suggests them, and the private variables made from them."""
    answers = {}
    for name, default in QUESTIONS.items():
        first = default[0] if isinstance(default, list) else default
        if isinstance(first, str) and (not name.startswith("_") or name.startswith("__")):
            answers[name] = jinja().from_string(first).render(cookiecutter=answers)
    return answers


def rendered(text: str, **answers: str) -> str:
    """Return a file of the template as it is in a project with the default answers, except for those that are given."""
    return jinja().from_string(text).render(cookiecutter={**defaults(), **answers})


def help_comments(makefile: Path) -> dict[str, str]:
    """Return the targets that `make` lists, with their descriptions: lines of the form `target: ## description`."""
    targets = {}
    for line in makefile.read_text(encoding="utf-8").splitlines():
        rule, separator, description = line.partition("## ")
        target, colon, _ = rule.partition(":")
        if separator and colon and target and not target.startswith(("#", "\t")):
            targets[target] = description
    return targets


def faults(file: Path) -> list[tuple[str, str]]:
    """Return the messages of a file of faults, `regex | message` per line, as the error and what to do about it.

    A message that only repeats the log is left out. `…` stands for a part that is taken from the log.
    """
    messages = []
    for line in file.read_text(encoding="utf-8").splitlines():
        message = line.partition(" | ")[2].strip().replace(r"\1", "…")
        if not line.startswith("#") and message not in ("", "…"):
            error, _, remedy = message.partition(". ")
            messages.append((error, remedy.rstrip(".")))
    return messages
