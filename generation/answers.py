"""Suggestions for answers, and the checks of all answers before any file is written."""

import difflib
import json
import keyword
import re
import sys
import unicodedata
from functools import cache
from pathlib import Path

from cookiecutter.exceptions import FailedHookException

from generation import TEMPLATE
from generation.command import command_for, command_line
from generation.escaping import is_control
from generation.frameworks import frameworks
from generation.kernels import kernels
from generation.services import CircularNeedsError, UnknownServiceError, catalogue, named, requirements, with_needs

TEXTS = ("project_name", "description", "author_name")

# CUDA comes in many packages, whose names change with its version.
CUDA = re.compile(r"nvidia-(cu|nccl|nv)|jax-cuda")


def read_names() -> dict[str, set[str]]:
    """Return the names in each section of names.txt."""
    sections: dict[str, set[str]] = {}
    for line in Path(__file__).with_name("names.txt").read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            sections[heading[1]] = current = set()
        elif line and not line.startswith("#"):
            current.update(line.split())
    return sections


NAMES = read_names()
DEVICES = NAMES["devices"]
RESERVED_NAMES = NAMES["distributions"] | NAMES["modules"]


@cache
def names_of_requirements() -> frozenset[str]:
    """Return the names of all packages that services can bring."""
    return frozenset(re.split(r"[^\w.-]", line)[0].lower() for line in requirements(catalogue()))


def is_reserved(name: str) -> bool:
    """Return whether an image has, or can have, a distribution or a module of that name."""
    return name.replace("_", "-") in RESERVED_NAMES | names_of_requirements()


def slug(text: str) -> str:
    """Return a valid `project_slug` for any text: lower-case ASCII words joined by hyphens, at most 40 characters."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = "-".join(re.findall(r"[a-z0-9]+", ascii_text))[:40].strip("-")
    return name if name and not slug_problem(name) else f"{name[:32].strip('-')}-project".lstrip("-")


def package(project_slug: str) -> str:
    """Return a valid `package_name` for a `project_slug`."""
    name = slug(project_slug).replace("-", "_")
    name = (name if name[0].isalpha() else f"project_{name}")[:40].strip("_")
    return name if not package_problem(name) else f"{name[:32].strip('_')}_project"


def text_problem(text: str) -> str | None:
    """Return why `text` is not a single visible line, or None."""
    if not text.strip():
        return "is empty. Type a line of text."
    for character in text:
        if is_control(character):
            return f"contains the invisible character U+{ord(character):04X}. Type a single line without it."
    return None


def slug_problem(name: str) -> str | None:
    """Return why `name` cannot name the folder, the image, the distribution and the Compose project, or None."""
    if not re.fullmatch(r"[a-z0-9]+([-_][a-z0-9]+)*", name, re.ASCII) or len(name) > 40:
        return "is not a slug. Use at most 40 lower-case letters, digits and single hyphens, such as my-project."
    if name in DEVICES or is_reserved(name) or CUDA.match(name):
        return f"is the name of a device or a library. Use another name, such as {name}-project."
    return None


def folder_problem(name: str) -> str | None:
    """Return why `name` cannot name the project, or its folder beside the others, or None."""
    problem = slug_problem(name)
    options = command_line()
    if not problem and options and not options.params["overwrite_if_exists"]:
        folder = Path(options.params["output_dir"], name)
        if folder.exists():
            return (
                "is a folder that exists already. "
                "Use another name, or 'make adopt FROM=path' in a clone of the template for a repository of yours."
            )
    return problem


def package_problem(name: str) -> str | None:
    """Return why `name` is not a usable package name (invalid, reserved, or hiding an installed module), or None."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name, re.ASCII) or len(name) > 40:
        return (
            "is not an import name. "
            "Use at most 40 lower-case letters, digits and single underscores, such as my_project."
        )
    words = {*keyword.kwlist, *keyword.softkwlist, *sys.stdlib_module_names, *NAMES["python"], *NAMES["databases"]}
    if name in words | DEVICES | {"test", "tests"} or name.startswith("test_") or is_reserved(name):
        return (
            "is a Python keyword, or the name of a library, a test or a database. "
            f"Use another name, such as project_{name}."
        )
    return None


def unknown(name: str, known: list[str]) -> str:
    """Return a hint for a `name` that is not among the `known` names: the nearest of them, and all of them."""
    near = difflib.get_close_matches(name, known, 1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return f"{hint}Use {', '.join(known)}."


def services_problem(answer: str) -> str | None:
    """Return which service in `answer` does not exist or cannot be added, or None."""
    known = ["none", *catalogue()]
    for name in named(answer):
        if name not in known:
            return f"has no {name!r}. {unknown(name, known)}"
    try:
        with_needs(named(answer))
    except (UnknownServiceError, CircularNeedsError) as error:
        return f"cannot be added: {error}. Report this fault of the template."
    return None


def kernels_problem(answer: str) -> str | None:
    """Return which kernel in `answer` does not exist, or None."""
    known = ["none", *kernels()]
    wrong = next((name for name in named(answer) if name not in known), None)
    return wrong and f"has no {wrong!r}. {unknown(wrong, known)}"


def schemes() -> list[str]:
    """Return the schemes of the addresses from which a project can copy data, such as s3."""
    lines = (TEMPLATE / "{{cookiecutter.project_slug}}" / "docker" / "data" / "sources.txt").read_text(encoding="utf-8")
    return re.findall(r"^(\w+) \|", lines, re.MULTILINE)


def data_source_problem(answer: str) -> str | None:
    """Return why `answer` is not the place of data, or None. It is written into the Makefile, for everybody."""
    scheme, separator, place = answer.rpartition("://")
    if separator and scheme not in schemes():
        return f"has an unknown scheme. Use {'://, '.join(schemes())}://, the path of a folder, or none."
    if separator and ("@" in place if scheme == "https" else re.match("[^/]*:[^/]*@", place)):
        return "contains a password. Remove it, and set RCLONE_CONFIG_DATA_… in .env of the project instead."
    if (separator and place.startswith("/")) or not re.fullmatch(r"[\w/~.]([\w/~.@:+=%,&() -]*[\w/~.=)])?", place):
        return "is not an address or a path. Use one such as s3://bucket/folder, or none."
    return None


def framework_problem(answer: str) -> str | None:
    """Return why `answer` is not a framework, or None."""
    known = frameworks()
    return None if answer in known else f"does not exist. {unknown(answer, known)}"


CHECKS = {
    **dict.fromkeys(TEXTS, text_problem),
    "project_slug": folder_problem,
    "package_name": package_problem,
    "framework": framework_problem,
    "services": services_problem,
    "kernels": kernels_problem,
    "data_source": data_source_problem,
}


def check_answers(answers: dict) -> str:
    """Check all typed answers and return the command that gives them again, or an empty string.

    Raises:
        FailedHookException: Answers are wrong. The message has a line for each, which says what to type instead, and
            the command.
    """
    problems = [
        f"error: {name} {json.dumps(shorten(answers[name]), ensure_ascii=True)} {problem}"
        for name, check in CHECKS.items()
        if (problem := check(answers[name]))
    ]
    command = command_for(answers)
    if problems:
        hint = ["", "Correct this command, which has all your answers, and run it:", "", command] if command else []
        raise FailedHookException(without_login("\n".join([*problems, *hint]), answers["data_source"]))
    return command


def without_login(message: str, address: str) -> str:
    """Return a message without the user name and the password in an address."""
    login = re.search("://([^/]+)@", address)
    return message.replace(login[1], "…") if login else message


def shorten(text: str) -> str:
    """Return at most 60 characters of an answer, for a message."""
    return text if len(text) <= 60 else text[:57] + "..."
