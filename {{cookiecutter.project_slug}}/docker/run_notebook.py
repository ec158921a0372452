"""Runs a notebook from top to bottom, for `make test` and `make publish`."""

import re
from pathlib import Path

import nbformat
from jupyter_core.application import JupyterApp
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


class NotebookError(Exception):
    """A notebook failed. The text is the cell and the error in one line; `details` is the rest."""

    def __init__(self, text: str, details: str = "") -> None:
        super().__init__(text)
        self.details = details


def run_notebook(path: Path) -> nbformat.NotebookNode:
    """Run a notebook in its folder, and return it with its outputs. The file stays as it is.

    Raises:
        NotebookError: a cell fails, or the notebook cannot be read or started.
    """
    number = 0

    def count(**cell: object) -> None:
        nonlocal number
        number += 1

    jupyter = JupyterApp()
    jupyter.load_config_file()
    try:
        notebook = nbformat.read(path, as_version=4)
        info = {"name": "python", **notebook.metadata.get("language_info", {})}
        language = notebook.metadata.get("kernelspec", {}).get("language", info["name"])
        client = NotebookClient(
            notebook,
            config=jupyter.config,
            # Notebooks name the environment of the machine that they were written on.
            kernel_name="python3" if language == "python" else "",
            resources={"metadata": {"path": path.parent}},
            on_cell_execute=count,
        )
        return client.execute()
    except Exception as error:
        # The text of a failed cell ends with its traceback, which is colored for JupyterLab.
        text = re.sub(r"\x1b\[[\d;]*m", "", str(error)).strip()
        # JupyterLab shows the same number beside the cell.
        place = f"cell [{number}]" if number else "before the first cell"
        if isinstance(error, CellExecutionError):
            raise NotebookError(f"{place}: {text.splitlines()[-1]}", text) from None
        raise NotebookError(f"{place}: {type(error).__name__}: {text}") from None
