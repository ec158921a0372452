"""Notebooks in other languages: the folders in templates/kernels/, `make add-kernel`, and the notebooks themselves."""

import json
import shutil
import subprocess

import nbformat
import pytest
from conftest import EVERY_KERNEL, KERNELS, files
from support import docker

from generation import add_kernel
from generation.add import run
from generation.kernels import describe_kernel

# Without an image of Julia or a release of Almond, the others cannot be built here.
BUILT = [name for name in KERNELS if describe_kernel(name)["tested"] == "yes"]


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_adds_a_tested_notebook(baked, name):
    kernel = describe_kernel(name)
    project, plain = baked(kernels=name), baked()
    (path,) = kernel["notebooks"]
    notebook = nbformat.read(project / path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.language != "python"
    assert f'    "{path}",\n' in (project / "pyproject.toml").read_text(encoding="utf-8")
    read_by_build = {
        file for file in files(project) for entry in kernel["build_files"] if file == entry or file.startswith(entry)
    }
    assert files(project) - files(plain) == {path, *read_by_build}
    changed = {file for file in files(plain) if (project / file).read_bytes() != (plain / file).read_bytes()}
    assert changed <= {*add_kernel.CHANGED, ".cruft.json"}


def test_each_kernel_is_a_layer(baked):
    lines = (baked(**EVERY_KERNEL) / "Dockerfile").read_text(encoding="utf-8").splitlines()
    dev = lines[lines.index("FROM large AS dev") : lines.index("FROM large AS release")]
    names = {name: [line for line in dev if f"kernel-{name}" in line and "--mount" in line] for name in KERNELS}
    assert all(len(found) == 1 for found in names.values()), names


@pytest.fixture
def add(baked, tmp_path):
    """Add a kernel to a project that its owner may have changed: `add("r", {"Dockerfile": ("old", "new")})`."""

    def to_project(name, changes=(), **answers):
        project = baked(**answers)
        given = tmp_path / "given"
        shutil.rmtree(given, ignore_errors=True)
        given.mkdir()
        for file in add_kernel.CHANGED:
            text = (project / file).read_text(encoding="utf-8")
            old, new = dict(changes).get(file, ("", ""))
            assert old in text
            (given / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        shutil.copy(project / ".cruft.json", given)
        run(add_kernel.add_kernel, name, given, given / "out")
        return given / "out"

    return to_project


@pytest.mark.parametrize("present", ["none", "deno", "r, scala"])
@pytest.mark.parametrize("name", ["julia", "r", "deno"])
def test_added_kernel_is_as_at_generation(add, baked, name, present):
    if name in present.split(", "):
        line = (add(name, kernels=present) / "problem").read_text(encoding="utf-8")
        assert line == f"the project has the kernel {name} already. 'make build' installs it.\n"
        return
    out = add(name, kernels=present)
    answer = name if present == "none" else f"{present}, {name}"
    expected, before = baked(kernels=answer), baked(kernels=present)
    for file in add_kernel.CHANGED:
        path = out / "changed" / file
        assert (path if path.exists() else before / file).read_bytes() == (expected / file).read_bytes(), file
    assert {f"new/{file}" for file in files(expected) - files(before)} == {f for f in files(out) if f[:4] == "new/"}
    state = json.loads((out / "cruft.json").read_text(encoding="utf-8"))
    assert state["context"]["cookiecutter"]["kernels"] == answer


def test_changes_of_the_owner_are_kept(add):
    changes = {
        "Dockerfile": ("WORKDIR /workspace", "ENV MINE=1\nWORKDIR /workspace"),
        ".dockerignore": ("!src/", "!mine/\n!src/"),
    }
    out = add("r", changes)
    dockerfile = (out / "changed" / "Dockerfile").read_text(encoding="utf-8")
    assert "ENV MINE=1\n" in dockerfile and "AS kernel-r\n" in dockerfile
    assert "!apt-r.txt\n" in (out / "changed" / ".dockerignore").read_text(encoding="utf-8")


def test_conflict_shows_the_lines_until_they_are_there(add):
    mine = ('    "tests",\n    "notebooks/01-explore.ipynb",\n', '    "book",\n')
    out = add("r", {"pyproject.toml": mine})
    line = (out / "problem").read_text(encoding="utf-8")
    assert line.startswith("you have changed pyproject.toml in the same place as the kernel.")
    assert '+    "notebooks/r.ipynb",\n' in (out / "diff").read_text(encoding="utf-8")
    out = add("r", {"pyproject.toml": (mine[0], '    "book", "notebooks/r.ipynb",\n')})
    assert not (out / "problem").exists() and not (out / "changed" / "pyproject.toml").exists()


def test_missing_git_is_one_line(add, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    line = (add("r", {"Dockerfile": ("WORKDIR", "# mine\nWORKDIR")}) / "problem").read_text(encoding="utf-8")
    assert line == "the development image has no git. Add git to apt-dev.txt, and run: make build.\n"


def test_unknown_kernel_is_suggested(add):
    line = (add("juli") / "problem").read_text(encoding="utf-8")
    assert line.endswith(f" has no 'juli'. Did you mean julia? Use {', '.join(KERNELS)}.\n")


@pytest.fixture(scope="module")
def project(generate):
    """A project with each kernel that can be had, built."""
    project = generate("kernels", kernels=", ".join(BUILT))
    project.ok("build")
    return project


@pytest.mark.docker
def test_notebooks_read_the_data_and_draw(project):
    notebooks = [path for name in BUILT for path in describe_kernel(name)["notebooks"]]
    said = project.ok("test")
    for path in notebooks:
        assert f"\n{path} ." in said
    project.run(f"jupyter execute --inplace {' '.join(notebooks)}")
    for path in notebooks:
        cells = nbformat.read(project.path / path, as_version=4).cells
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        kinds = {kind for output in outputs for kind in output.get("data", {})}
        assert kinds & {"image/png", "image/svg+xml", "application/vnd.vegalite.v5+json"}, path
        assert any("17.46" in str(output) for output in outputs), "the mean radius of malignant tumors"


@pytest.mark.docker
def test_notebook_in_python_still_runs_in_python(project):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import sys; print(sys.prefix)")])
    notebook.metadata.kernelspec = {"display_name": "x", "language": "python", "name": "conda-root-py"}
    nbformat.write(notebook, project.path / "notebooks" / "other.ipynb")
    project.run("jupyter execute --inplace notebooks/other.ipynb")
    assert "/opt/venv" in project.read("notebooks/other.ipynb")


@pytest.mark.docker
def test_failing_cell_in_another_language_is_named(project):
    notebook = nbformat.read(project.path / "notebooks" / "r.ipynb", as_version=4)
    notebook.cells[-1].source = 'stop("not this way")'
    nbformat.write(notebook, project.path / "notebooks" / "broken.ipynb")
    done = project.make("run", "CMD=COLUMNS=200 pytest notebooks/broken.ipynb")
    assert done.returncode != 0 and "not this way" in done.stdout and "cell [4]" in done.stdout


@pytest.mark.docker
def test_syntax_error_in_typescript_is_shown(project):
    notebook = nbformat.read(project.path / "notebooks" / "typescript.ipynb", as_version=4)
    notebook.cells[-1].source = "let let = 1"
    nbformat.write(notebook, project.path / "notebooks" / "broken.ipynb")
    project.run("jupyter execute --allow-errors --inplace notebooks/broken.ipynb")
    (output,) = nbformat.read(project.path / "notebooks" / "broken.ipynb", as_version=4).cells[-1].outputs
    assert output.evalue.startswith("SyntaxError: Unexpected token")


@pytest.mark.docker
def test_r_package_that_a_notebook_installs_is_kept(project):
    package = project.path / "ours"
    (package / "R").mkdir(parents=True)
    (package / "DESCRIPTION").write_text("Package: ours\nVersion: 1.0\n", encoding="utf-8")
    (package / "NAMESPACE").write_text("export(answer)\n", encoding="utf-8")
    (package / "R" / "ours.R").write_text("answer <- function() 'kept'\n", encoding="utf-8")
    code = nbformat.v4.new_code_cell("install.packages('/workspace/ours', repos = NULL)")
    metadata = {"kernelspec": {"display_name": "R", "language": "R", "name": "ir"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[code], metadata=metadata), project.path / "install.ipynb")
    project.run("jupyter execute install.ipynb")
    shutil.rmtree(package)
    assert "kept" in project.run("Rscript -e 'ours::answer()'")


@pytest.mark.docker
def test_jupyter_offers_the_languages(project):
    listed = json.loads(project.run("jupyter kernelspec list --json"))["kernelspecs"]
    assert {kernel["spec"]["language"] for kernel in listed.values()} == {"python", "R", "typescript"}


@pytest.mark.docker
def test_release_image_has_no_kernel(project):
    project.ok("release")
    image = f"{project.slug}:release"
    done = subprocess.run(["docker", "run", "--rm", image, "sh", "-c", "! command -v R deno"], capture_output=True)
    assert done.returncode == 0
    sizes = [int(docker("image", "inspect", "--format", "{{.Size}}", name)) for name in (image, f"{project.slug}:cpu")]
    assert sizes[0] < sizes[1]
