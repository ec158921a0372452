"""The kernels: languages of notebooks besides Python, folders in templates/kernels/.

A folder has kernel.json, a notebook in files/notebooks/, and at least one of these:

- stage.Dockerfile: a stage `kernel-NAME` that puts what the image needs into the folder /kernel-NAME. It begins with
  `FROM {{ previous }}`: the kernels are stages on top of each other, so that the package database of the last one lists
  the packages of all.
- layer.Dockerfile: the layer of the development image. Without it, the layer is a copy of /kernel-NAME.

The folder files/ has what the kernel adds to a project, as templates.
"""

import json
from pathlib import Path

from generation import TEMPLATE
from generation.rendering import render_files
from generation.services import named

KERNELS = TEMPLATE / "templates" / "kernels"


def kernels() -> list[str]:
    """Return the names of all kernels, sorted."""
    return sorted(file.parent.name for file in KERNELS.glob("*/kernel.json"))


def describe_kernel(name: str) -> dict:
    """Return what the kernel.json of a kernel says, with a default for each key that it leaves out.

    - `about`: the line that describes it before the question.
    - `dependencies`: the requirements in its group `kernel-NAME` of pyproject.toml.
    - `build_files`: the files and folders of the project that its build reads.
    - `tested`: whether its image was ever built: `yes`, or why not.
    - `notebooks`: the paths of its notebooks in a project, which are not in the file.
    - `has_stage`: whether it has a stage of the Dockerfile, which is not in the file either.
    """
    folder = KERNELS / name
    data = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
    notebooks = sorted(f"notebooks/{file.name}" for file in (folder / "files" / "notebooks").glob("*.ipynb"))
    has_stage = (folder / "stage.Dockerfile").exists()
    return {"dependencies": [], "build_files": [], **data, "notebooks": notebooks, "has_stage": has_stage}


def write_kernels(answer: str, answers: dict, project: Path) -> None:
    """Write the files that the kernels in an answer add to a project, rendered with all its answers."""
    for name in named(answer):
        folder = KERNELS / name / "files"
        render_files(folder, [file for file in sorted(folder.rglob("*")) if file.is_file()], answers, project)
