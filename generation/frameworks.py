"""The frameworks: folders in templates/frameworks/, whose files are included by the files of a project.

A folder has framework.json and model.py. If the framework computes on GPUs, it also has gpu.py and extras.toml. The
other files are optional:

- uv.toml: lines for the section [tool.uv] of pyproject.toml, and sections below it
- environment.Dockerfile, sources.Dockerfile, resolve.Dockerfile: lines for the Dockerfile
- environment.yaml: environment variables of containers that run the development image
- mlflow_parameters.py: lines that add parameters of the model to a run of the service mlflow
- onnx.py, onnx.in: the function that converts the model to ONNX, and the packages that it needs
- .env.example: the settings of the project that framework.json lists as build arguments
- files/: files that are copied into the project
- src/: modules that are copied into its package. They import the other modules with a dot, since its name is not known
"""

import json
import re
import shutil
from pathlib import Path

from generation import TEMPLATE

FRAMEWORKS = TEMPLATE / "templates" / "frameworks"


def frameworks() -> list[str]:
    """Return the names of all frameworks, sorted, with `none` as the last."""
    names = {file.parent.name for file in FRAMEWORKS.glob("*/framework.json")}
    return sorted(names, key=lambda name: (name == "none", name))


def describe_framework(name: str) -> dict:
    """Return what the framework.json of a framework says, with a default for each key that it leaves out.

    - `about`: the line that describes it before the question.
    - `uses_gpu`: whether it computes on a GPU. Then its folder has gpu.py and extras.toml.
    - `import`: the import statement that gpu.py needs.
    - `dependencies`: the requirements that it adds to every image of the project.
    - `build_arguments`: the arguments of the Dockerfile that its files add.
    - `packages`: the names in `dependencies`, which are not in the file.
    """
    data = json.loads((FRAMEWORKS / name / "framework.json").read_text(encoding="utf-8"))
    data = {"uses_gpu": False, "import": "", "dependencies": [], "build_arguments": [], **data}
    return {**data, "packages": [re.match(r"[\w.-]+", line)[0] for line in data["dependencies"]]}


def has_scikit_learn(name: str) -> bool:
    """Return whether scikit-learn is among the dependencies of a framework."""
    return "scikit-learn" in describe_framework(name)["packages"]


def write_framework_files(name: str, package: str, project: Path) -> None:
    """Copy the files that only this framework has into a project, from its folders, without rendering them."""
    for folder, target in (("files", project), ("src", project / "src" / package)):
        if (FRAMEWORKS / name / folder).is_dir():
            shutil.copytree(FRAMEWORKS / name / folder, target, dirs_exist_ok=True)
