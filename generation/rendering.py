"""Renders files of the template outside the folder of the project, as cookiecutter renders those in it."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from generation import TEMPLATE


def render_files(root: Path, files: Iterable[Path], answers: dict, project: Path) -> None:
    """Write files below `root`, a folder of the template, to the same places below the folder of a project.

    `answers` include the private variables of cookiecutter.json.
    """
    # Importing cookiecutter takes longer than all other steps of a project without services, which does not need it.
    from cookiecutter.generate import generate_file, is_copy_only_path
    from cookiecutter.utils import create_env_with_context, work_in
    from jinja2 import FileSystemLoader

    context = {"cookiecutter": answers}
    environment = create_env_with_context(context)
    environment.loader = FileSystemLoader([root, TEMPLATE / "templates"])
    target = project.resolve()
    with work_in(root):
        for path in files:
            name = path.relative_to(root)
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            if is_copy_only_path(str(name), context):
                shutil.copy(path, target / name)
            else:
                generate_file(str(target), str(name), context, environment)
