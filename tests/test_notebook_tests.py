"""Existing notebooks in a project: which of them the tests run and lint checks, and the error if one fails."""

import json
import re
import urllib.request

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.docker

# What others' notebooks are full of: an import that nobody uses, two statements in a line, the name of an environment.
STYLE = ["import os, sys", "x = 1; y = 2\nprint( 'a' )"]
CONDA = {"kernelspec": {"name": "conda-env-ml-py", "display_name": "Python [ml]", "language": "python"}}


def write(project, name: str, *cells: str, **metadata) -> None:
    """Write a notebook with these cells of code."""
    path = project.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata=metadata), path)


def replace(project, name: str, old: str, new: str) -> None:
    text = project.read(name)
    assert old in text
    (project.path / name).write_text(text.replace(old, new))


@pytest.fixture
def brought(copy):
    """A copy of the built project with notebooks that others wrote."""
    project = copy("brought")
    write(project, "book/ch01.ipynb", *STYLE, **CONDA)
    write(project, "book/ch02.ipynb", "x = 1", "", "print(x / 0)", *STYLE)
    write(project, "book/slow/ch03.ipynb", "while True: pass")
    return project


def test_other_notebooks_are_listed_but_not_run(brought):
    said = brought.ok("test")
    left_out = "book/ch01.ipynb, book/ch02.ipynb, book/slow/ch03.ipynb\n"
    assert f"notebooks left out (see testpaths in pyproject.toml): {left_out}" in said
    assert re.search(r"notebooks/01-explore\.ipynb +\.", said)


def test_notebook_of_another_environment_runs(brought):
    brought.run("jupyter execute --inplace book/ch01.ipynb")
    cells = nbformat.read(brought.path / "book" / "ch01.ipynb", as_version=4).cells
    assert [output["text"] for output in cells[1]["outputs"]] == ["a\n"]


def test_patterns_choose_notebooks_and_a_failure_names_the_cell(brought):
    replace(brought, "pyproject.toml", '    "tests",\n    "notebooks/01-explore.ipynb",\n', '    "book",\n')
    replace(brought, "pyproject.toml", '--strict-markers"', '--strict-markers --ignore-glob=book/slow/*"')
    done = brought.make("run", "CMD=COLUMNS=200 pytest")
    assert done.returncode != 0
    assert "pyproject.toml): book/slow/ch03.ipynb, notebooks/01-explore.ipynb\n" in done.stdout
    assert "1 failed, 1 passed" in done.stdout
    assert "FAILED book/ch02.ipynb::cells - Failed: cell [2]: ZeroDivisionError: division by zero\n" in done.stdout
    # The kernel has nothing to warn about, and nothing is colored for a screen.
    assert "WARNING" not in done.stdout and "\x1b" not in done.stdout


def test_lint_reports_errors_in_notebooks_but_not_style(brought):
    before = brought.read("book/ch01.ipynb")
    brought.ok("lint")
    brought.ok("format")
    assert brought.read("book/ch01.ipynb") == before

    write(brought, "book/ch04.ipynb", "print(undefined)")
    done = brought.make("lint")
    assert done.returncode != 0
    assert "F821" in done.stdout and "book/ch04.ipynb" in done.stdout
    replace(brought, "pyproject.toml", "[tool.ruff]\n", '[tool.ruff]\nextend-exclude = ["book"]\n')
    brought.ok("lint")


def test_every_offered_format_can_be_exported(lab):
    address, token = re.fullmatch(r"(http://.*)/lab\?token=(\w+)", lab.notebook()).groups()

    def get(path):
        request = urllib.request.Request(f"{address}/{path}", headers={"Authorization": f"token {token}"})
        return urllib.request.urlopen(request).read()

    formats = json.loads(get("api/nbconvert"))
    # JupyterLab's menu offers all but the last three.
    assert set(formats) == {"html", "markdown", "script", "slides", "custom", "notebook", "python"}
    for name in set(formats) - {"custom"}:
        assert b"permutation_importance" in get(f"nbconvert/{name}/notebooks/01-explore.ipynb")
