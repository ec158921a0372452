"""Suggestions for answers, from the files of a repository that exists already."""

import json
import operator
import re
import subprocess
import tomllib
from pathlib import Path

from generation import TEMPLATE
from generation.answers import package_problem, text_problem
from generation.frameworks import describe_framework, frameworks

# Files that name the Python version of a repository, and where. The first one that fits counts.
PYTHON_VERSIONS = {
    ".python-version": r"(.+)",
    "runtime.txt": r"python-(.*)",
    "pyproject.toml": r"^(?:requires-python|python) *= *[\"'](.*)[\"']",
    "environment.yml": r"^ *- *python *([<>=!~].*)",
    "environment.yaml": r"^ *- *python *([<>=!~].*)",
    "Pipfile": r"^python_version *= *\"(.*)\"",
    "setup.cfg": r"^python_requires *=(.*)",
    "setup.py": r"python_requires *= *[\"'](.*)[\"']",
}

# How a version compares with the one in a requirement. `>=`, `~=` and `^` are lower limits.
COMPARISONS = {
    **dict.fromkeys(("", "=", "==", "==="), operator.eq),
    **{"!=": operator.ne, "<=": operator.le, "<": operator.lt, ">": operator.gt},
}

# Files that list the Python packages of a repository.
PACKAGE_LISTS = (
    "requirements.txt",
    "environment.yml",
    "environment.yaml",
    "Pipfile",
    "pyproject.toml",
    "setup.cfg",
)

# Words of the licenses that the template offers.
LICENSES = {
    "MIT": "Permission is hereby granted, free of charge",
    "BSD-3-Clause": "Neither the name of",
    "Apache-2.0": "Version 2.0, January 2004",
}


def read(root: Path, name: str) -> str:
    """Return the text of a file of the repository, or an empty string if it cannot be read."""
    try:
        return (root / name).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def git(root: Path, *arguments: str) -> str:
    """Return what git prints in the repository, or an empty string if it fails or is missing."""
    options = {"capture_output": True, "encoding": "utf-8", "errors": "replace"}
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], check=False, **options)
    except OSError:
        return ""
    return "" if done.returncode else done.stdout


def fits(version: str, wanted: str) -> bool:
    """Return whether a version such as 3.13 fits a requirement such as `>=3.9,<3.14`, `3.13.1` or `^3.10`."""
    minor = int(version.partition(".")[2])
    clauses = re.findall(r"([<>=!~^]*) *3\.(\d+)", wanted)
    return bool(clauses) and all(COMPARISONS.get(sign, operator.ge)(minor, int(limit)) for sign, limit in clauses)


def suggest_python_version(root: Path, choices: list[str]) -> str | None:
    """Return the first of these Python versions that the repository asks for, or None if it asks for none of them."""
    for name, pattern in PYTHON_VERSIONS.items():
        if match := re.search(pattern, read(root, name), re.MULTILINE):
            return next((version for version in choices if fits(version, match[1])), None)
    return None


def suggest_framework(root: Path) -> str | None:
    """Return the framework that the repository's requirements name, "none" if they name none, or None without any."""
    text = "\n".join(read(root, name) for name in PACKAGE_LISTS)
    if not text.strip():
        return None
    # Frameworks that use GPUs come first: next to them, scikit-learn is only a helper.
    known = [name for name in frameworks() if name != "none"]
    for name in sorted(known, key=lambda name: not describe_framework(name)["uses_gpu"]):
        module = describe_framework(name)["import"].split()[1:2]
        names = "|".join(map(re.escape, [name, *module]))
        if re.search(rf"^[\s\"'-]*({names})(?![\w-])", text, re.MULTILINE | re.IGNORECASE):
            return name
    return "none"


def suggest_license(root: Path) -> str:
    """Return the license of the repository, or Proprietary if it has none or another one."""
    names = sorted(path.name for path in root.iterdir() if re.match("licen[cs]e|copying", path.name.lower()))
    texts = [read(root, name) for name in names]
    return next((name for name, words in LICENSES.items() if any(words in text for text in texts)), "Proprietary")


def suggest(root: Path) -> dict[str, str]:
    """Return the answers that the repository suggests, which replace the usual suggestions."""
    questions = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    versions = questions["python_version"]
    try:
        about = tomllib.loads(read(root, "pyproject.toml"))
    except tomllib.TOMLDecodeError:
        about = {}
    about = about.get("project") or about.get("tool", {}).get("poetry") or {}
    packages = [path.parent.name for path in root.glob("src/*/__init__.py")]
    answers = {
        "project_name": root.name,
        "description": about.get("description"),
        "author_name": git(root, "config", "user.name").strip(),
        "package_name": packages[0] if len(packages) == 1 and not package_problem(packages[0]) else None,
        "python_version": suggest_python_version(root, versions if isinstance(versions, list) else [versions]),
        "framework": suggest_framework(root),
        "license": suggest_license(root),
        # A new workflow would start to run at the next push.
        "ci": "none",
    }
    return {name: answer for name, answer in answers.items() if isinstance(answer, str) and not text_problem(answer)}
