"""`make adopt`: the files of a project around those of a repository that exists already."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import EVERY_SERVICE, OPTIONS, QUESTIONS, TEMPLATE, copy_template, files
from markdown_it import MarkdownIt
from support import Project, docker, unique

from generation import adopt, suggestions
from generation.adopt import SUFFIX


def write_files(folder: Path, texts: dict[str, str]) -> Path:
    """Write files, by their names, and return the folder."""
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder


def git(folder: Path, *arguments: str) -> str:
    me = ("-c", "user.name=me", "-c", "user.email=me@example.org", "-c", "core.excludesFile=")
    done = subprocess.run(["git", *me, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def snapshot(folder: Path) -> dict[str, tuple]:
    """Return everything in a folder, .git included: a link with its target, a file with its mode, time and content."""
    state = {}
    for path in folder.rglob("*"):
        about = path.lstat()
        if path.is_symlink():
            content = os.readlink(path)
        else:
            content = path.read_bytes() if path.is_file() else None
        changed = None if path.is_dir() and not path.is_symlink() else about.st_mtime_ns
        state[path.relative_to(folder).as_posix()] = (about.st_mode, changed, content)
    return state


NOTEBOOK = {
    "cells": [],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 4,
}


def notebook(*sources: str) -> str:
    """Return a notebook with these cells, in the format of the year 2020."""
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    return json.dumps({**NOTEBOOK, "cells": [{**cell, "source": source} for source in sources]})


# The repository of the example in the documentation.
THESIS = {
    "Makefile": "paper:\n\t@echo paper\n",
    "README.md": "# Wages\n",
    "data/wages.csv": "year,wage\n2023,10\n2024,12\n",
    "notebooks/wages.ipynb": notebook(
        "import pandas as pd\nimport seaborn as sns",
        'wages = pd.read_csv("../data/wages.csv")\nsns.lineplot(wages, x="year", y="wage")',
        'open("here.txt", "w").close()',
    ),
    "requirements.txt": "pandas\nseaborn\nopenpyxl\n",
}

# A repository that has files of its own for everything.
FULL = {
    "GNUmakefile": "all:\n",
    "Dockerfile": "FROM scratch\n",
    ".dockerignore": "node_modules\n",
    ".gitignore": "*.log",
    "compose.yaml": "services: {}\n",
    "docker-compose.yml": "services: {}\n",
    "pyproject.toml": '[tool.black]\nline-length = 80\n\n[project]\nname = "x"\nversion = "1"\n',
    "LICENSE.txt": "Permission is hereby granted, free of charge, to everybody\n",
    "Readme.rst": "Title\n",
    "conftest.py": "",
    "apt.txt": "libgomp1\n",
    "docker/Dockerfile": "FROM scratch\n",
    "docker/compose/compose.yaml": "services: {}\n",
    ".github/workflows/ci.yml": "on: push\n",
    "src/my_wages/__init__.py": "",
    "src/my_wages/gpu.py": "",
    "tests/test_mine.py": "",
    "tests/test_pipeline.py": "",
    "notebooks/01-explore.ipynb": notebook("1"),
    "data/raw/a b.csv": "a\n1\n",
}


@pytest.fixture
def repository(tmp_path):
    """A repository with a blank in its path, a history, and changes that are staged, not staged and not known to git:
    `repository(THESIS)`."""

    def new(texts: dict[str, str], name: str = "my work") -> Path:
        root = tmp_path / "a folder" / name
        root.mkdir(parents=True)
        git(root, "init", "--quiet")
        write_files(root, texts)
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--allow-empty", "--message", "mine")
        write_files(root, {"staged.py": "1\n", "changed.py": "1\n"})
        git(root, "add", "staged.py", "changed.py")
        write_files(root, {"changed.py": "2\n", "unknown.py": "3\n"})
        return root

    return new


@pytest.fixture(scope="session")
def generated(default, tmp_path_factory):
    """A project with the default answers, as adoption generates it: without a repository of its own."""
    folder = tmp_path_factory.mktemp("generated") / "project"
    return shutil.copytree(default, folder, ignore=shutil.ignore_patterns(".git"))


@pytest.fixture
def run(_cookiecutter_config_file):
    """Adopt a repository as a person does, with the suggested answers: `run(root, "framework=none")`."""

    def adopted(root: Path | str, *answers: str) -> subprocess.CompletedProcess:
        words = " ".join(["--no-input", *map(shlex.quote, answers)])
        environment = {**os.environ, "COOKIECUTTER_CONFIG": str(_cookiecutter_config_file)}
        # The tools are there, since they run this test.
        command = [
            "make",
            "--silent",
            "--assume-old=.venv/done",
            "adopt",
            f"FROM={root}",
            "ANSWERS=" + words.replace("$", "$$"),
        ]
        return subprocess.run(command, cwd=TEMPLATE, env=environment, capture_output=True, encoding="utf-8")

    return adopted


@pytest.fixture
def adopted(run):
    """Adopt a repository, which has to succeed, and return what is printed."""

    def ok(root: Path, *answers: str) -> str:
        done = run(root, *answers)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return ok


def page_blocks(kind: str) -> list[str]:
    """Return the blocks of a kind in the how-to guide."""
    page = (TEMPLATE / "docs" / "how-to" / "adopt.md").read_text(encoding="utf-8")
    return [token.content for token in MarkdownIt().parse(page) if token.info == kind]


def test_every_file_of_a_project_has_a_pattern_and_all_are_used(baked):
    projects = [baked(**EVERY_SERVICE), *(baked(ci=ci) for ci in OPTIONS["ci"])]
    used = {adopt.pattern_of(name) for project in projects for name in files(project) | {".cruft.json"}}
    assert used == set(adopt.PARTS)


def test_only_the_sample_is_left_out(generated, tmp_path):
    found = adopt.plan(generated, tmp_path)
    assert found.beside == {}
    assert sorted(found.left_out) == sorted(
        [
            *(f"data/{name}/.gitkeep" for name in ("external", "interim", "processed", "raw")),
            *("LICENSE", "models/.gitkeep", "reports/figures/.gitkeep", "notebooks/01-explore.ipynb"),
            *(f"src/my_data_project/{name}.py" for name in "data evaluate features model predict trace train".split()),
            "tests/test_pipeline.py",
        ]
    )
    assert set(found.copies) == files(generated) - set(found.left_out)
    assert all(name == target for name, target in found.copies.items())


def test_example_of_the_documentation_is_printed(repository, adopted):
    """The tree and the output that the page shows are those of the example."""
    root = repository(THESIS, "thesis")
    tree, output = page_blocks("text")
    assert {line.split()[-1] for line in tree.splitlines()[1:]} == set(THESIS)
    expected = ".*".join(map(re.escape, output.split("…")))
    assert re.fullmatch(f"\n{expected}\n\n?", adopted(root), re.DOTALL)
    # Its code has no tests yet.
    assert "\nfail_under = 0\n" in (root / "pyproject.toml").read_text(encoding="utf-8")


def test_no_file_of_the_repository_changes(repository, adopted):
    root = repository(FULL)
    (root / "AGENTS.md").symlink_to("nowhere")
    (root / "linked").symlink_to(root.parent, target_is_directory=True)
    (root / "notes").symlink_to("tests", target_is_directory=True)
    status = git(root, "status", "--porcelain")
    before = snapshot(root)
    printed = adopted(root, "ci=github")
    after = snapshot(root)
    assert {name: state for name, state in after.items() if name in before} == before
    new = {name for name in after if name not in before and not (root / name).is_dir()}
    beside = {name for name in new if name.endswith(SUFFIX)}
    collisions = """Makefile Dockerfile .dockerignore .gitignore compose.yaml pyproject.toml README.md AGENTS.md
        conftest.py apt.txt .github/workflows/ci.yml src/my_wages/gpu.py""".split()
    assert beside == {name + SUFFIX for name in collisions}
    assert set(re.findall(r"^  (\S+\.ds-docker) ", printed, re.MULTILINE)) == beside
    assert not new & set(collisions) and "LICENSE" not in new
    assert {name for name in new if name.startswith(("src/", "tests/", "data/", "notebooks/"))} == {
        *("src/my_wages/files.py", "src/my_wages/gpu.py" + SUFFIX, "tests/test_gpu.py")
    }
    assert (root / "docker" / "build").stat().st_mode & 0o111
    lines = git(root, "status", "--porcelain").splitlines()
    assert set(status.splitlines()) <= set(lines)
    assert all(line.startswith("?? ") for line in set(lines) - set(status.splitlines()))


def test_notes_name_what_needs_thought(repository, adopted):
    root = repository({"data/raw/a b.csv": "", "docker-compose.yml": "services: {}\n"})
    (root / "old").symlink_to("/tmp")
    notes = [line for line in adopted(root).splitlines() if line.startswith("note: ")]
    assert [note for note in notes if "data/raw/a b.csv, but .gitignore ignores" in note]
    assert [note for note in notes if "do not see what old links to" in note]
    assert [note for note in notes if "--project-name mywork --file docker-compose.yml" in note]


def test_lists_of_packages_are_added(tmp_path):
    names = ["requirements.txt", "environment.yml", "Pipfile"]
    write_files(tmp_path, dict.fromkeys([*names, "pyproject.toml", "setup.cfg"], ""))
    assert adopt.add_packages(tmp_path, "make") == [f"make add FROM={name}" for name in names]


def test_adopted_repository_keeps_secrets_out_of_git(repository, adopted):
    root = repository({".gitignore": "*.log"})
    printed = adopted(root)
    (command,) = re.findall(r"^  \.gitignore\.ds-docker .*: (\(.*)$", printed, re.MULTILINE)
    subprocess.run(["sh", "-euc", command], cwd=root, check=True)
    names = [".env", ".local/jupyter_token", "a.log"]
    write_files(root, dict.fromkeys(names, ""))
    assert git(root, "check-ignore", *names).splitlines() == names


def test_second_run_is_refused(repository, adopted, run):
    root = repository(THESIS)
    adopted(root)
    before = snapshot(root)
    done = run(root)
    assert done.returncode != 0 and "has a .cruft.json" in done.stderr
    assert snapshot(root) == before


def test_run_without_the_record_adds_nothing_twice(generated, repository):
    root = repository(THESIS)
    first = adopt.plan(generated, root)
    adopt.copy_files(generated, root, first.copies)
    before = snapshot(root)
    again = adopt.plan(generated, root)
    assert (again.copies, again.beside) == ({}, first.beside)
    (root / "docker" / "build").unlink()
    assert adopt.plan(generated, root).copies == {"docker/build": "docker/build"}
    adopt.copy_files(generated, root, {"docker/build": "docker/build"})
    assert {name for name, state in snapshot(root).items() if before[name][2] != state[2]} == set()
    (root / ("Makefile" + SUFFIX)).write_text("changed")
    with pytest.raises(adopt.CannotAdoptError, match=r"has Makefile\.ds-docker from an earlier adoption"):
        adopt.plan(generated, root)


@pytest.mark.parametrize("fault", [OSError("disk full"), KeyboardInterrupt(), SystemExit(1)], ids=repr)
@pytest.mark.parametrize("after", [0, 30])
def test_failed_copy_leaves_nothing_behind(generated, repository, monkeypatch, fault, after):
    root = repository({"docker/mine": ""})
    before = snapshot(root)
    found = adopt.plan(generated, root)
    done = []

    def fail(source, target):
        done.append(target)
        if len(done) > after:
            raise fault

    monkeypatch.setattr(adopt.shutil, "copymode", fail)
    with pytest.raises(type(fault)):
        adopt.copy_files(generated, root, found.copies)
    assert len(done) == after + 1
    assert snapshot(root) == before


def test_file_made_meanwhile_is_kept(generated, repository):
    root = repository({})
    found = adopt.plan(generated, root)
    (root / "Makefile").write_text("mine")
    before = snapshot(root)
    with pytest.raises(FileExistsError):
        adopt.copy_files(generated, root, found.copies)
    assert snapshot(root) == before


@pytest.fixture
def signals():
    """Restore what a command does with signals."""
    names = (signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(name) for name in names]
    yield
    for name, handler in zip(names, handlers, strict=True):
        signal.signal(name, handler)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_closed_terminal_leaves_nothing_behind(generated, repository, monkeypatch, signals, name):
    root = repository(THESIS)
    before = snapshot(root)
    monkeypatch.setenv("FROM", str(root))
    monkeypatch.setattr(adopt, "generate", lambda answers, folder: (generated, []))
    monkeypatch.setattr(adopt, "remember_left_out", lambda project, left_out: None)
    monkeypatch.setattr(adopt.shutil, "copymode", lambda *_: os.kill(os.getpid(), getattr(signal, name)))
    result = CliRunner().invoke(adopt.main, ["--no-input"])
    assert result.exit_code == 128 + getattr(signal, name)
    assert snapshot(root) == before


REFUSED = {
    "docker/run": ({"docker/run": "mine"}, "something else in the place of docker/run. Rename it first."),
    "docker is a file": ({"docker": "mine"}, "something else in the place of docker/"),
    ".jupyter": ({".jupyter/jupyter_server_config.py": "mine"}, "place of .jupyter/jupyter_server_config.py"),
    "src is a file": ({"src": "mine"}, "place of src/my_data_project/__init__.py and 2 more"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_repository_without_place_is_refused(generated, tmp_path, case):
    texts, message = REFUSED[case]
    with pytest.raises(adopt.CannotAdoptError, match=re.escape(message)):
        adopt.plan(generated, write_files(tmp_path, texts))


def test_nothing_is_written_through_a_link_that_leads_out(generated, tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root" / "docker").symlink_to("../elsewhere")
    with pytest.raises(adopt.CannotAdoptError, match="in the place of docker/"):
        adopt.plan(generated, tmp_path / "root")
    (tmp_path / "root" / "docker").unlink()
    (tmp_path / "root" / "code").mkdir()
    (tmp_path / "root" / "src").symlink_to("code")
    assert "src/my_data_project/gpu.py" in adopt.plan(generated, tmp_path / "root").copies


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "no repository is given. Use make adopt FROM=path."),
        ("no such folder", "no such folder is not a folder."),
        (str(TEMPLATE), "is the template, or a folder above it."),
        (str(TEMPLATE / "docs"), "is the template, or a folder above it."),
        (str(TEMPLATE.parent), "is the template, or a folder above it."),
    ],
    ids=["nothing", "missing", "template", "in the template", "above the template"],
)
def test_path_that_is_no_repository_is_refused(run, path, message):
    done = run(path)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert done.returncode != 0 and len(lines) == 1
    assert lines[0].startswith("error: ") and message in lines[0]


def test_folder_without_permission_is_refused(repository, monkeypatch):
    root = repository({})
    monkeypatch.setattr(adopt.os, "access", lambda *_: False)
    with pytest.raises(adopt.CannotAdoptError, match="you do not have permission to write to"):
        adopt.find_repository(str(root))


@pytest.mark.parametrize(
    ("answer", "message"),
    [("package_name=9", 'error: package_name "9" is not an import name.'), ("ci=x", "error: x provided for choice")],
)
def test_wrong_answer_writes_nothing(repository, run, answer, message):
    root = repository(THESIS)
    before = snapshot(root)
    done = run(root, answer)
    assert done.returncode != 0 and done.stderr.startswith(message)
    assert "Traceback" not in done.stderr
    assert ("-m generation.adopt --no-input \\\n    project_name=" in done.stderr) == answer.startswith("package_name")
    assert snapshot(root) == before


def test_path_and_texts_arrive_as_they_are(repository, adopted):
    root = repository({}, 'It\'s $HOME & "{{ 7 * 7 }}" `x` 数据')
    git(root, "config", "user.name", "{% raw %} \\ O'Brien")
    adopted(root, "description={{ 1/0 }} $(x)")
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["authors"] == [{"name": "{% raw %} \\ O'Brien"}]
    assert project["description"] == "{{ 1/0 }} $(x)"
    answers = json.loads((root / ".cruft.json").read_text(encoding="utf-8"))["context"]["cookiecutter"]
    assert answers["project_name"] == root.name


def test_git_ignores_line_ends_of_the_repository(repository, generated):
    root = repository({"a.csv": "a\r\n1\r\n"})
    assert ".gitattributes" in adopt.plan(generated, root).copies
    crlf = notebook("1").replace(", ", ",\r\n")
    root = repository({"a.ipynb": crlf, "a.csv": "a\r\n1\r\n"}, "other")
    found = adopt.plan(generated, root)
    assert found.copies[".gitattributes"] == ".gitattributes" + SUFFIX
    status = git(root, "status", "--porcelain")
    adopt.copy_files(generated, root, found.copies)
    assert set(status.splitlines()) <= set(git(root, "status", "--porcelain").splitlines())
    assert git(root, "diff", "--name-only", "HEAD").split() == ["changed.py", "staged.py"]


VERSIONS = ["3.13", "3.14", "3.12", "3.11"]


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        (".python-version", "3.12.4\n", "3.12"),
        ("runtime.txt", "python-3.11", "3.11"),
        ("pyproject.toml", '[project]\nrequires-python = ">=3.9,<3.13"\n', "3.12"),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.10"\n', "3.13"),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "~3.14"\n', "3.14"),
        ("environment.yml", "dependencies:\n  - python=3.11.5\n  - numpy\n", "3.11"),
        ("environment.yml", "dependencies:\n  - python>=3.12, !=3.13.*\n", "3.14"),
        ("Pipfile", '[requires]\npython_version = "3.12"\n', "3.12"),
        ("setup.cfg", "[options]\npython_requires = >=3.8, <=3.11\n", "3.11"),
        ("setup.py", "setup(python_requires='>3.13')", "3.14"),
        ("environment.yml", "dependencies:\n  - python=3.7\n", None),
        ("environment.yml", "dependencies:\n  - python-dateutil=3.12\n", None),
        ("requirements.txt", "pandas\n", None),
    ],
)
def test_python_version_is_the_one_that_the_repository_asks_for(tmp_path, name, text, version):
    write_files(tmp_path, {name: text})
    assert suggestions.suggest_python_version(tmp_path, VERSIONS) == version


@pytest.mark.parametrize(
    ("name", "text", "framework"),
    [
        ("requirements.txt", "scikit-learn==1.0\ntorch>=2\n", "pytorch"),
        ("environment.yml", "dependencies:\n  - pytorch=2.1\n", "pytorch"),
        ("requirements.txt", "Scikit-Learn\npandas\n", "scikit-learn"),
        ("pyproject.toml", '[project]\ndependencies = [\n    "tensorflow[and-cuda]>=2",\n]\n', "tensorflow"),
        ("Pipfile", '[packages]\njax = "*"\n', "jax"),
        ("requirements.txt", "torchvision\ntensorflow-datasets\n", "none"),
        ("README.md", "torch\n", None),
    ],
)
def test_framework_is_the_one_in_the_requirements(tmp_path, name, text, framework):
    write_files(tmp_path, {name: text})
    assert suggestions.suggest_framework(tmp_path) == framework


@pytest.mark.parametrize("license", OPTIONS["license"])
def test_license_is_recognized(baked, tmp_path, license):
    write_files(tmp_path, {"license.md": (baked(license=license) / "LICENSE").read_text(encoding="utf-8")})
    assert suggestions.suggest_license(tmp_path) == license


def test_repository_without_a_license_gets_no_rights(tmp_path):
    assert suggestions.suggest_license(tmp_path) == "Proprietary"


def test_suggestions_are_valid_answers(repository):
    root = repository(FULL, "Wages")
    write_files(root, {"pyproject.toml": '[project]\ndescription = "Wages of the world"\n'})
    git(root, "config", "user.name", "Ada")
    found = suggestions.suggest(root)
    assert found == {
        **{"project_name": "Wages", "description": "Wages of the world", "author_name": "Ada"},
        **{"package_name": "my_wages", "license": "MIT", "ci": "none", "framework": "none"},
    }
    assert set(found) <= set(QUESTIONS)
    write_files(root, {"pyproject.toml": '[project]\ndescription = "two\\nlines"\n', "src/second/__init__.py": ""})
    assert not {"description", "package_name"} & set(suggestions.suggest(root))
    write_files(root, {"pyproject.toml": "[broken"})
    assert "description" not in suggestions.suggest(root)


@pytest.mark.parametrize("options", [["--overwrite-if-exists"], ["--overwrite-if-exists", "--skip-if-file-exists"]])
def test_cookiecutter_refuses_a_folder_with_files(command, out, options):
    root = write_files(out / "mine", {".github/workflows/a.yml": "", ".gitlab-ci.yml": "", "docker/services/a": ""})
    before = snapshot(root)
    done = command("--no-input", "project_slug=mine", "ci=none", *options)
    assert done.returncode != 0
    assert f"error: {root} has files" in done.stderr
    assert snapshot(root) == before


def test_cookiecutter_takes_a_new_repository(command, out, generated):
    git(out, "init", "--quiet", "my-data-project")
    assert command("--no-input", "--overwrite-if-exists").returncode == 0
    assert files(out / "my-data-project") == files(generated)


@pytest.mark.parametrize("how", ["cruft", "make update"])
def test_adopted_repository_can_be_updated(tmp_path, repository, _cookiecutter_config_file, how):
    template = copy_template(tmp_path / "template")
    shutil.copy(TEMPLATE / "pyproject.toml", template)
    git(template, "init", "--quiet")
    git(template, "add", "--all")
    git(template, "commit", "--quiet", "--message", "old")
    environment = {**os.environ, "COOKIECUTTER_CONFIG": str(_cookiecutter_config_file)}
    root = repository(THESIS)
    command = [sys.executable, "-m", "generation.adopt", "--no-input"]
    subprocess.run(command, cwd=template, env={**environment, "FROM": str(root)}, check=True, capture_output=True)
    # A user may write a file with the name of one in the sample.
    package = next((root / "src").iterdir())
    write_files(package, {"train.py": "mine\n"})
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "adopted")

    project = template / "{{cookiecutter.project_slug}}"
    for name in ("Makefile", "README.md", "apt.txt", "src/{{cookiecutter.package_name}}/train.py"):
        with (project / name).open("a", encoding="utf-8") as file:
            file.write("# new\n")
    git(template, "commit", "--quiet", "--all", "--message", "new")
    commands = {
        "cruft": [sys.executable, "-m", "cruft", "update", "--skip-apply-ask"],
        "make update": [TEMPLATE / "generation" / "update_project.sh", sys.executable],
    }
    folder = root if how == "cruft" else TEMPLATE
    environment |= {"FROM": str(root)}
    done = subprocess.run(commands[how], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    changed = git(root, "diff", "--name-only", "HEAD").split()
    # Only make knows that a file beside one of the repository's is ours.
    beside = [] if how == "cruft" else ["Makefile.ds-docker", "README.md.ds-docker"]
    assert changed == sorted([".cruft.json", "apt.txt", *beside])
    assert "skip" in json.loads((root / ".cruft.json").read_text(encoding="utf-8"))


@pytest.fixture
def remove(tmp_path):
    """Remove what adopted projects made on the engine: `remove(root, slug)`."""
    projects = []

    def later(root: Path, slug: str) -> str:
        # The Makefile of the repository does not have the slug.
        folder = write_files(tmp_path / "removed" / slug, {"Makefile": f"export PROJECT := {slug}\n"})
        projects.append((Project(folder), root))
        return slug

    yield later
    for project, root in projects:
        project.remove()
        shutil.rmtree(root, ignore_errors=True)


def working_folder_of_kernel(project: Project, path: str) -> str:
    """Open a notebook in the running JupyterLab, and return the working folder of its kernel."""
    address, token = project.notebook().split("/lab?token=")
    session = {"path": path, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/api/sessions", json.dumps(session).encode(), headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        assert answer.status == 201
    program = """for process in /proc/[0-9]*; do
      if grep -qs 'ipykernel[_]launcher' "$process/cmdline"; then readlink "$process/cwd"; fi
    done"""
    return docker("exec", project.container("lab"), "sh", "-c", program)


@pytest.mark.docker
def test_example_of_the_documentation_works(engine, repository, adopted, remove):
    """The commands of the page run as they are written, on the repository that they describe."""
    root = repository(THESIS, "thesis")
    slug = remove(root, unique("adopted"))
    script = "".join(page_blocks("sh"))
    start = "make adopt FROM=../thesis\ncd ../thesis\n"
    assert script.startswith(start)
    adopted(root, f"project_slug={slug}")
    done = subprocess.run(["bash", "-euc", script[len(start) :]], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    cells = json.loads((root / "notebooks" / "wages.ipynb").read_text(encoding="utf-8"))["cells"]
    assert [cell["execution_count"] for cell in cells] == [1, 2, 3]
    assert [output["output_type"] for output in cells[1]["outputs"]][-1] == "display_data"
    # The notebook wrote into its own folder.
    assert (root / "notebooks" / "here.txt").exists()


MERGE_FILES = """
mv Dockerfile Dockerfile.app && mv Dockerfile.ds-docker Dockerfile
mv .dockerignore Dockerfile.app.dockerignore && mv .dockerignore.ds-docker .dockerignore
printf 'include: [compose.yaml.ds-docker]\\n' | cat - compose.yaml >merged && mv merged compose.yaml
printf 'include Makefile.ds-docker\\n' | cat - GNUmakefile >merged && mv merged GNUmakefile
"""


@pytest.mark.docker
def test_repository_with_files_of_its_own_works_when_merged(engine, repository, adopted, remove):
    """Everything collides, and is merged as the printed list and the page say."""
    root = repository({**FULL, "deep/er/a.ipynb": notebook('open("here.txt", "w").close()')})
    slug = remove(root, unique("merged"))
    adopted(root, f"project_slug={slug}", "framework=none")
    subprocess.run(["sh", "-euc", MERGE_FILES], cwd=root, check=True)
    ours = (root / "pyproject.toml.ds-docker").read_text(encoding="utf-8")
    sections = [f"[{text}" for text in re.split(r"^\[", ours, flags=re.MULTILINE)]
    wanted = [text for text in sections if text.startswith(("[dependency-groups]", "[tool.uv]"))]
    assert len(wanted) == 2
    with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("".join(["\n", *wanted]))

    (root / "Makefile").write_text(f"export PROJECT := {slug}\n", encoding="utf-8")
    project = Project(root)
    project.ok("build")
    assert "PROJECT" not in project.run("jupyter execute deep/er/a.ipynb")
    assert (root / "deep" / "er" / "here.txt").exists()
    assert project.run("python -c 'import my_wages, jupyterlab; print(my_wages.__file__)'").endswith(
        "/workspace/src/my_wages/__init__.py\n"
    )
    assert working_folder_of_kernel(project, "deep/er/a.ipynb") == "/workspace/deep/er"
    project.ok("stop")
