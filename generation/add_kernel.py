"""Add a kernel to a project that exists already: the part of `make add-kernel` that needs cookiecutter.

python -m generation.add_kernel NAME GIVEN OUT, in a clone of the template at the commit that the project records.

GIVEN holds .cruft.json and the files in CHANGED, as they are in the project. OUT receives:

- new/: the files that the kernel adds
- changed/: the files in CHANGED that differ now: what the project has, merged with what the kernel changes in them
- cruft.json: the new .cruft.json

If the kernel cannot be added, OUT only receives `problem`, a line that says why, and `diff` if a file cannot be merged.
"""

import sys
import tempfile
from difflib import unified_diff
from pathlib import Path

from generation import TEMPLATE
from generation.add import CannotAddError, merge_files, read_state, run, write_state
from generation.answers import unknown
from generation.kernels import kernels, write_kernels
from generation.render_version import complete
from generation.rendering import render_files
from generation.services import named

# The files of every project that kernels change.
CHANGED = (".dockerignore", "Dockerfile", "pyproject.toml")
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"


def rendered(answers: dict) -> dict[str, str]:
    """Return the text of each file in CHANGED in a new project with these answers."""
    with tempfile.TemporaryDirectory() as folder:
        render_files(PROJECT, [PROJECT / name for name in CHANGED], answers, Path(folder))
        return {name: Path(folder, name).read_text(encoding="utf-8") for name in CHANGED}


def merge(name: str, mine: str, before: str, after: str) -> str:
    """Return the text of a file, `mine`, with the changes between two versions of the template's file.

    Raises:
        CannotAddError: The owner of the project has changed the same lines, or the image has no git.
    """
    diff = list(unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm=""))
    added = [line[1:].strip().rstrip(",") for line in diff[2:] if line[0] == "+"]
    if mine == before:
        return after
    if all(line in mine for line in added):
        return mine
    merged, conflicts = merge_files(*(text.encode() for text in (mine, before, after)), (name, name, name))
    if conflicts:
        raise CannotAddError(
            f"you have changed {name} in the same place as the kernel. "
            "Make the changes in .local/add-kernel.diff yourself, then run the command again.",
            "".join(f"{line}\n" for line in diff),
        )
    return merged.decode()


def add_kernel(name: str, given: Path, out: Path) -> None:
    """Write what the kernel adds and changes to `out`, as the docstring of this module says.

    Raises:
        CannotAddError: The template has no such kernel, the project has it, or a file cannot be merged.
    """
    state = read_state(given)
    recorded = state["context"]["cookiecutter"]
    present = named(recorded.get("kernels", "none"))
    if name not in kernels():
        raise CannotAddError(
            f"the template at commit {state['commit'][:7]} has no {name!r}. {unknown(name, kernels())}"
        )
    if name in present:
        raise CannotAddError(f"the project has the kernel {name} already. 'make build' installs it.")
    before = rendered(complete({**recorded, "kernels": ", ".join(present) or "none"}, TEMPLATE))
    recorded["kernels"] = ", ".join([*present, name])
    answers = complete(recorded, TEMPLATE)
    (out / "changed").mkdir()
    for file, after in rendered(answers).items():
        mine = (given / file).read_text(encoding="utf-8")
        if (merged := merge(file, mine, before[file], after)) != mine:
            (out / "changed" / file).write_text(merged, encoding="utf-8")
    write_kernels(name, answers, out / "new")
    write_state(state, out)


if __name__ == "__main__":
    run(add_kernel, sys.argv[1], *map(Path, sys.argv[2:]))
