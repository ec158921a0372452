"""Makes each notebook a test. In pyproject.toml, testpaths names those that `make test` runs."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent / "docker"))
from run_notebook import NotebookError, run_notebook

ArgsSource = pytest.Config.ArgsSource


class Cells(pytest.Item):
    """The cells of a notebook, which run from top to bottom in the notebook's folder."""

    def runtest(self) -> None:
        """Run the notebook. A failure names the cell by the number that JupyterLab shows."""
        try:
            run_notebook(self.path)
        except NotebookError as error:
            reason = f"{error}\n\n{error.details}" if error.details else str(error)
            raise pytest.fail.Exception(reason, pytrace=False) from None

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the file and its name, which is the heading of a failure."""
        return self.path, None, str(self.path.relative_to(self.config.rootpath))


class Notebook(pytest.File):
    """A file with one test: its cells."""

    def collect(self) -> Iterator[Cells]:
        yield Cells.from_parent(self, name="cells")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Notebook | None:
    """Collect the notebooks that testpaths or a command names; without either, none."""
    if file_path.suffix != ".ipynb" or parent.config.args_source is ArgsSource.INVOCATION_DIR:
        return None
    return Notebook.from_parent(parent, path=file_path)


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """List the notebooks that a run of all tests leaves out."""
    if config.args_source is ArgsSource.ARGS:
        return []
    run = {item.path for item in items}
    left_out = []
    for folder, subfolders, names in os.walk(config.rootpath):
        subfolders[:] = sorted(name for name in subfolders if name != "data" and name[0] != ".")
        paths = [Path(folder, name) for name in sorted(names) if name.endswith(".ipynb")]
        left_out += [str(path.relative_to(config.rootpath)) for path in paths if path not in run]
    if not left_out:
        return []
    return [f"notebooks left out (see testpaths in pyproject.toml): {', '.join(left_out)}"]
