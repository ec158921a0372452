"""`make update`: a project becomes what a newer version of the template would generate, with the edits of its owner."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TEMPLATE, copy_template, files
from cruft._commands.utils.generate import _get_skip_paths, _remove_paths
from support import Project, changed, edit, git, leftovers, state, unique, wait_until

from generation import update
from generation.add import CannotAddError, run
from generation.adopt import SUFFIX

# The commit before the commands moved from scripts/ to docker/. Its projects have no `make update`.
BEFORE_STRUCTURE = "5122c42e7d734fb641d73f57a3f5a13729145e67"
with_history = pytest.mark.skipif(
    subprocess.run(["git", "cat-file", "-e", f"{BEFORE_STRUCTURE}^{{commit}}"], cwd=TEMPLATE).returncode != 0,
    reason="this clone has no older commits. Run git fetch --unshallow.",
)
RELEASES = subprocess.run(["git", "tag"], cwd=TEMPLATE, check=True, capture_output=True, text=True).stdout.split()
OWNED = ("data/", "models/", "notebooks/", "reports/", "src/", "tests/")

PROJECT = "{{cookiecutter.project_slug}}"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """This repository with its history, and the template as it is here as its newest commit, v9.0.0."""
    folder = tmp_path_factory.mktemp("a template") / "ds-docker"
    git(TEMPLATE, "clone", "--quiet", TEMPLATE, folder)
    git(folder, "remote", "remove", "origin")
    git(folder, "checkout", "--quiet", "-B", "main")
    for name in ("generation", "hooks", "services", "templates", PROJECT):
        shutil.rmtree(folder / name)
    shutil.copytree(copy_template(folder.parent / "copy"), folder, dirs_exist_ok=True)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "present")
    git(folder, "tag", "v9.0.0")
    return folder


@pytest.fixture(scope="module")
def generate_at(template, tmp_path_factory, _cookiecutter_config_file):
    """Generate a project by a version of the template, and commit it: `generate_at("v9.0.0", services="redis")`."""

    def new(version, **answers):
        out = tmp_path_factory.mktemp("it's a folder")
        git(template, "checkout", "--quiet", "--detach", version)
        words = [f"{name}={answer}" for name, answer in answers.items()]
        settings = ("--config-file", _cookiecutter_config_file, "--no-input", "--output-dir", out)
        done = subprocess.run(
            [sys.executable, "-m", "cookiecutter", template, *settings, *words],
            cwd=out,
            capture_output=True,
            text=True,
        )
        git(template, "checkout", "--quiet", "main")
        assert done.returncode == 0, done.stderr + done.stdout
        (project,) = out.iterdir()
        commit(project, "generated")
        return project

    return new


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)


def start_update(folder: Path, **variables: str) -> subprocess.Popen:
    """Update a project from a clone of the template, without an engine."""
    return subprocess.Popen(
        [TEMPLATE / "generation" / "update_project.sh", sys.executable],
        cwd=TEMPLATE,
        # Without Docker, the generated projects are not checked again, which takes long.
        env={**os.environ, "PATH": "/usr/bin:/bin", "FROM": str(folder), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def updated(folder: Path, **variables: str) -> tuple[str, list[str]]:
    """Update a project, which has to succeed, and return what it prints, and the notes."""
    process = start_update(folder, **variables)
    said, notes = process.communicate()
    assert process.returncode == 0, said + notes
    assert leftovers(Project(folder)) == []
    return said, [line.removeprefix("note: ") for line in notes.splitlines()]


def refused(folder: Path, **variables: str) -> str:
    """Update a project, which has to change nothing, and return the line that says why."""
    before = state(folder)
    process = start_update(folder, **variables)
    _, said = process.communicate()
    assert process.returncode != 0
    assert state(folder) == before
    assert leftovers(Project(folder)) == []
    (line,) = said.splitlines()
    assert line.startswith("error: ") and line.endswith((".", ")"))
    return line


def without(found: dict, *names: str) -> dict:
    return {name: what for name, what in found.items() if not name.startswith(names)}


@with_history
@pytest.mark.parametrize("version", [*RELEASES, BEFORE_STRUCTURE])
def test_unedited_project_becomes_one_of_today(template, generate_at, version):
    answers = {"project_slug": "old", "services": "postgres,dash", "project_name": 'Zoë\'s "data" 🐝'}
    folder = generate_at(version, **answers)
    (folder / ".env").write_text("POSTGRES_PASSWORD=kept")
    (folder / "uv.lock").write_text("mine")
    before = state(folder)
    said, notes = updated(folder)
    after, today = state(folder), state(generate_at("v9.0.0", **answers))
    assert without(after, *OWNED, ".cruft.json", "uv.lock") == without(today, *OWNED, ".cruft.json")
    for part in (*OWNED, "uv.lock"):
        assert {n: w for n, w in after.items() if n.startswith(part)} == {
            n: w for n, w in before.items() if n.startswith(part)
        }
    assert (folder / ".env").read_text() == "POSTGRES_PASSWORD=kept"
    assert not (folder / "scripts").exists()
    assert said.splitlines()[-1] == "next: make lock, then make build"
    assert any(
        "the question kernels is new, and its default, none, is the answer. For another one, before" in note
        for note in notes
    )

    mine, theirs = (
        json.loads((path / ".cruft.json").read_text()) for path in (folder, generate_at("v9.0.0", **answers))
    )
    assert {**mine, "context": None} == {**theirs, "context": None}
    own = {"services": "postgres, dash", "__command": ""}
    assert {**mine["context"]["cookiecutter"], **own} == {**theirs["context"]["cookiecutter"], **own}

    # What the template has changed in files of the owner's can be taken over.
    git(folder, "apply", ".local/left-out.diff")
    gone = {"src/old/services.py", "tests/test_notebooks.py"} - files(folder)
    assert gone and files(folder) - {"uv.lock", ".env"} >= {name for name in today if name.startswith(OWNED)}
    commit(folder, "updated")
    said, notes = updated(folder)
    assert said.startswith("nothing to update: the project is at ") and notes == []
    said, notes = updated(folder, ANSWERS="kernels=r")
    assert said.startswith("nothing to update: ") and "undo it first: sh .local/undo-update.sh." in notes[0]


@with_history
def test_edits_survive_and_can_be_undone(template, generate_at):
    folder = generate_at(BEFORE_STRUCTURE, services="redis,dask")
    project = Project(folder)
    edit(project, "Dockerfile", "FROM python", "# Our Python.\nFROM python")
    edit(project, "Makefile", "RUN := @scripts/run.sh", "RUN := @nice scripts/run.sh")
    edit(project, "pyproject.toml", "requires-python", 'keywords = ["ours"]\nrequires-python')
    edit(project, "scripts/build.sh", "#!/bin/sh", "#!/bin/sh\n# Ours.")
    edit(project, "services/redis/README.md", "# ", "# Our ")
    edit(project, "src/my_data_project/train.py", '"""', '"""Ours. ')
    (folder / "conftest.py").write_text("OURS = 1\n")
    (folder / "AGENTS.md").symlink_to("README.md")
    (folder / "apt-dev.txt").unlink()
    (folder / ".devcontainer" / "devcontainer.json").unlink()
    shutil.rmtree(folder / "services" / "dask")
    (folder / "mine.sh").write_text("#!/bin/sh\n")
    commit(folder, "mine")
    before = state(folder)

    said, notes = updated(folder, DRY="1")
    assert state(folder) == before
    assert "  conflict  Makefile\n" in said and "  remove    scripts/run.sh\n" in said
    assert "+# Ours" not in project.read(".local/update.diff")
    assert "+++ b/docker/build\n" in project.read(".local/update.diff")
    assert said.splitlines()[-1].startswith("nothing is written;")

    said, again = updated(folder)
    assert again == notes
    assert said.splitlines()[-1] == "next: resolve the conflicts, then make lock, then make build"
    assert "# Our Python.\n" in project.read("Dockerfile") and "same_times.py" in project.read("Dockerfile")
    assert 'keywords = ["ours"]\n' in project.read("pyproject.toml") and "[tool.cruft]" in project.read(
        "pyproject.toml"
    )
    conflict = project.read("Makefile")
    assert re.search(
        "^<<<<<<< yours\n(?:.*\n)*RUN := @nice.*\n(?:.*\n)*=======\n(?:.*\n)*RUN = @.*\n(?:.*\n)*>>>>>>> ",
        conflict,
        re.M,
    )
    assert "# Our " in project.read("services/redis/README.md")
    assert project.read("conftest.py") == "OURS = 1\n" and "pytest" in project.read("conftest.py" + SUFFIX)
    assert {path.name for path in (folder / "scripts").iterdir()} == {"build.sh"}
    assert not (folder / "apt-dev.txt").exists() and not (folder / "services" / "dask").exists()
    assert (folder / "AGENTS.md").is_symlink()
    origin = json.loads(project.read(".cruft.json"))
    assert origin["skip"] == ["conftest.py"]
    assert origin["context"]["cookiecutter"]["services"] == "redis"
    kept = ("mine.sh", "src/my_data_project/train.py", "scripts/build.sh")
    assert not set(kept) & changed(before, state(folder))
    for words in (
        "Makefile has a conflict. Edit what is between <<<<<<< and >>>>>>>",
        "conftest.py is new in the template, and you have such a file. Ours is conftest.py.ds-docker.",
        "scripts/build.sh is no longer in the template. You have changed it, so it stays",
        "AGENTS.md is a link or a folder",
        "apt-dev.txt has changed in the template. You have deleted it, so it stays deleted.",
        "left alone, since you own it: ",
    ):
        assert any(note.startswith(words) for note in notes), words

    subprocess.run(["sh", ".local/undo-update.sh"], cwd=folder, check=True)
    assert state(folder) == before


def write_all(folder: Path, texts: dict[str, str | bytes | None]) -> None:
    for name, text in texts.items():
        path = folder / name.removeprefix("+")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(0o755 if name.startswith("+") else 0o644)


@pytest.fixture
def merged(tmp_path):
    """Merge files of two versions and of a project: `merged({"a": "1"}, {"a": "2"}, {"a": "1"})`.

    A `+` before a name makes the file executable. Return the folder with the result.
    """

    def result(old, new, mine, skipped=()):
        versions = tmp_path / "versions"
        for version, texts in (("old", old), ("new", new)):
            (versions / version / "project").mkdir(parents=True)
            write_all(versions / version / "project", texts)
        (tmp_path / "mine").mkdir()
        write_all(tmp_path / "mine", mine)
        names = sorted({name.removeprefix("+") for name in {**old, **new}})
        targets = {name: name + SUFFIX if name in skipped else name for name in names}
        plan = {"before": "0123456789", "state": {"skip": ["x"]}, "notes": [], "targets": targets}
        (versions / "plan.json").write_text(json.dumps(plan))
        run(update.merge, "abcdef0123", versions, tmp_path / "mine", tmp_path / "out")
        return tmp_path / "out"

    return result


TEXT = "1\n2\n3\n4\n5\n6\n7\n8\n9\n"


@pytest.mark.parametrize(
    ("old", "new", "mine", "expected", "note"),
    [
        ({"a": "1"}, {"a": "2"}, {"a": "1"}, {"a": "2"}, None),
        ({"a": "1"}, {"a": "2"}, {"a": "2"}, {}, None),
        ({"a": "1"}, {"a": "2"}, {}, {}, "a has changed in the template. You have deleted it"),
        ({}, {"a": "2"}, {}, {"a": "2"}, None),
        ({}, {"+a": "2"}, {"a": "2"}, {"+a": "2"}, None),
        ({}, {"a": "2"}, {"a": "1"}, {"a.ds-docker": "2"}, "a is new in the template, and you have such a file."),
        ({"a": "1"}, {}, {"a": "1"}, {"-a": ""}, None),
        ({"a": "1"}, {}, {"a": "2"}, {}, "a is no longer in the template. You have changed it, so it stays"),
        ({"a": "1"}, {}, {}, {}, None),
        ({"a": TEXT}, {"d/b": TEXT}, {"a": TEXT}, {"-a": "", "d/b": TEXT}, None),
        ({"a": TEXT}, {"d/b": TEXT}, {"a": "2"}, {"d/b": TEXT}, "a is d/b in the template now. You have changed it"),
        ({"a": TEXT}, {"a": TEXT + "x\n"}, {"a": "y\n" + TEXT}, {"a": "y\n" + TEXT + "x\n"}, None),
        ({"a": "1"}, {"+a": "1"}, {"a": "2"}, {"+a": "2"}, None),
        ({"+a": "1"}, {"a": "1"}, {"+a": "1"}, {"a": "1"}, None),
        ({"a": "1"}, {"a": "2"}, {"+a": "1"}, {"+a": "2"}, None),
        ({"a": b"\0"}, {"a": b"\0\1"}, {"a": b"\0"}, {"a": b"\0\1"}, None),
        (
            {"a": b"\0"},
            {"a": b"\0\1"},
            {"a": b"\2"},
            {"a.ds-docker": b"\0\1"},
            "a has changed in the template, and you have changed it too.",
        ),
        ({"a": "1"}, {"a": "2"}, {"a/b": "1"}, {}, "a is a link or a folder"),
        ({"a": "é\r\n"}, {"a": "ü\r\n"}, {"a": "é\r\n"}, {"a": "ü\r\n"}, None),
    ],
)
def test_each_change_is_merged(merged, old, new, mine, expected, note):
    out = merged(old, new, mine)
    assert not (out / "problem").exists()
    removed = [name.removeprefix("-") for name in expected if name.startswith("-")]
    assert (out / "removed").read_text().split() == removed
    written = {name: text for name, text in expected.items() if not name.startswith("-")}
    assert files(out / "files") == {name.removeprefix("+") for name in written}
    for name, text in written.items():
        path = out / "files" / name.removeprefix("+")
        assert path.read_bytes() == (text if isinstance(text, bytes) else text.encode())
        assert bool(path.stat().st_mode & 0o100) == name.startswith("+")
    notes = (out / "notes").read_text().splitlines()
    assert len(notes) == (note is not None) and (not notes or notes[0].startswith(note))


def test_file_beside_one_of_the_owner_is_updated(merged):
    """An adopted repository has its own Makefile, and the template's is Makefile.ds-docker."""
    mine = {"Makefile.ds-docker": "mine\n" + TEXT}
    out = merged({"Makefile": TEXT, "b": "1"}, {"Makefile": TEXT + "new\n", "b": "2"}, mine, skipped=("Makefile", "b"))
    assert files(out / "files") == {"Makefile.ds-docker"}
    assert (out / "files" / "Makefile.ds-docker").read_text() == "mine\n" + TEXT + "new\n"
    left_out = (out / "left-out.diff").read_text()
    assert "--- a/b\n+++ b/b\n" in left_out and "Makefile" not in left_out


def test_missing_git_is_a_problem(merged, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    out = merged({"a": "1"}, {"a": "2"}, {"a": "3"})
    expected = "the development image has no git. Add git to apt-dev.txt, and run: make build.\n"
    assert files(out) == {"problem"} and (out / "problem").read_text() == expected


@pytest.mark.parametrize(
    "skip", [["src"], ["docs/", "README.md"], ["*.md", "docker/lib/*.sh"], ["**/*.py", "./tests"], ["nothing"], []]
)
def test_skip_means_what_it_means_to_cruft(default, tmp_path, skip):
    ours = files(default) - update.skipped_files(skip, default)
    copy = shutil.copytree(default, tmp_path / "copy", ignore=shutil.ignore_patterns(".git"))
    (tmp_path / "pyproject.toml").write_text(f"[tool.cruft]\nskip = {json.dumps(skip)}\n")
    _remove_paths(
        copy, {p for p in _get_skip_paths({}, tmp_path / "pyproject.toml") if "*" in str(p) or (copy / p).exists()}
    )
    assert ours == files(copy)


def test_list_of_skipped_paths_is_read_from_both_files():
    ours, default = '[tool.cruft]\nskip = ["a"]\n', '[tool.cruft]\nskip = ["src"]\n'
    assert update.list_skipped({"skip": ["b"]}, ours, default) == ["b", "a"]
    assert update.list_skipped({}, "", default) == ["src"]
    assert update.list_skipped({}, "[tool.cruft]\nskip = []\n", default) == []
    for wrong in ('[tool.cruft]\nskip = "a"\n', "[tool.cruft]\nskip = [1]\n"):
        with pytest.raises(CannotAddError, match="skip is not a list of paths"):
            update.list_skipped({}, wrong, default)
    with pytest.raises(CannotAddError, match=r"pyproject\.toml is not valid"):
        update.list_skipped({}, "[", default)


def test_new_projects_own_what_the_issue_names(default):
    text = (default / "pyproject.toml").read_text(encoding="utf-8")
    assert {f"{name}/" for name in update.list_skipped({}, text, "")} == set(OWNED)


def test_answers_are_for_new_questions():
    known = {"ci": ["github", "none"], "kernels": "none", "license": ["MIT"]}
    assert update.read_given_answers("ci=none kernels='r, deno'", known, ["ci", "kernels"]) == {
        "ci": "none",
        "kernels": "r, deno",
    }
    for text, words in (
        ("license=MIT", "'license' in ANSWERS is not a new question: the new questions are ci, kernels."),
        ("ci=x", "the answer ci=x does not exist. Use one of github, none."),
        ("kernels=R", "the answer kernels=R has no 'R'."),
        ("ci='none", "ANSWERS has a quote that does not end."),
    ):
        with pytest.raises(CannotAddError, match=re.escape(words)):
            update.read_given_answers(text, known, ["ci", "kernels"])


def test_unknown_services_and_frameworks_are_told(tmp_path):
    (tmp_path / "services" / "redis").mkdir(parents=True)
    (tmp_path / "services" / "redis" / "compose.yaml").write_text("")
    answers = {"framework": "jax", "services": "redis, gone, postgres, mysql", "kernels": "none"}
    kept, notes = update.still_there(answers, tmp_path, {"redis", "gone", "mysql"})
    assert kept["services"] == "redis"
    assert [note.split()[0] for note in notes] == ["gone", "mysql"]
    with pytest.raises(CannotAddError, match=r"the framework 'caffe' in \.cruft\.json does not exist"):
        update.still_there({**answers, "framework": "caffe"}, tmp_path, set())


@pytest.fixture(scope="module")
def versions(template):
    """The template with two tags, the newer of which changes and removes files, and a branch."""
    folder = template.parent / "with versions"
    git(template, "clone", "--quiet", template, folder)
    git(folder, "remote", "remove", "origin")
    git(folder, "tag", "v9.1.0")
    (folder / PROJECT / "apt-dev.txt").open("a").write("jq\n")
    (folder / PROJECT / ".dockerignore").open("a").write("# later\n")
    (folder / PROJECT / "docker" / "help").open("a").write("echo 'as before'\n")
    git(folder, "mv", f"{PROJECT}/docker/README.md", f"{PROJECT}/docker/ABOUT.md")
    commit(folder, "later")
    git(folder, "tag", "v9.2.0")
    git(folder, "checkout", "--quiet", "-b", "try")
    (folder / PROJECT / "apt-dev.txt").open("a").write("tried\n")
    commit(folder, "tried")
    git(folder, "checkout", "--quiet", "main")
    return folder


@pytest.fixture(scope="module")
def first(versions, generate_at):
    """A project of the first of these versions."""
    folder = generate_at("v9.0.0")
    edit(Project(folder), ".cruft.json", json.loads((folder / ".cruft.json").read_text())["template"], str(versions))
    commit(folder, "moved")
    return folder


@pytest.fixture
def project(first, tmp_path):
    return Project(shutil.copytree(first, tmp_path / "a project", symlinks=True))


def test_versions_are_tags_branches_and_commits(versions, project):
    first, later, tried = (git(versions, "rev-parse", name).strip() for name in ("v9.0.0", "v9.2.0", "try"))

    def update_to(version):
        said, _ = updated(project.path, VERSION=version)
        commit(project.path, "updated")
        assert json.loads(project.read(".cruft.json"))["checkout"] == version
        return said.splitlines()[0]

    assert update_to("try") == f"updating from {first[:7]} to try, {tried[:7]} of {versions}"
    assert project.lines("apt-dev.txt")[-2:] == ["jq", "tried"]
    assert (project.path / "docker" / "ABOUT.md").exists() and not (project.path / "docker" / "README.md").exists()
    # The newest commit of the main branch is older. One that somebody names is taken all the same.
    assert updated(project.path)[0].startswith("nothing to update")
    assert update_to(later) == f"updating from {tried[:7]} to {later[:7]} of {versions}"
    assert project.lines("apt-dev.txt")[-1] == "jq"


@with_history
def test_fault_is_one_line_and_nothing_changes(versions, project):
    assert "VERSION='--x' is not a version of the template" in refused(project.path, VERSION="--x")
    assert f"the template {versions} has no version v0.7. Use" in refused(project.path, VERSION="v0.7")
    line = refused(project.path, VERSION=BEFORE_STRUCTURE)
    assert f"the template at commit {BEFORE_STRUCTURE} is older than this command" in line
    assert "'ci' in ANSWERS is not a new question: there are no new questions" in refused(
        project.path, ANSWERS="ci=none"
    )

    edit(project, "README.md", "# ", "# My ")
    assert "git has changes that are not committed. Commit them first" in refused(project.path)
    commit(project.path, "mine")
    (project.path / "unknown.txt").touch()

    text = project.read(".cruft.json")
    for old, new, words in [
        (str(versions), f"{versions}-gone", f"cannot fetch the template {versions}-gone. Check"),
        ('"commit": "', '"commit": "0123', f"the template {versions} has no commit 0123"),
        ('"template"', '"templates"', ".cruft.json has no template and commit"),
        ('"framework": "', '"framework": "x', "the framework 'xscikit-learn' in .cruft.json does not exist"),
        ('"services"', '"services', ".cruft.json is not valid: "),
        ('"cookiecutter"', '"x"', ".cruft.json has no answers in context.cookiecutter"),
        ('"python_version": "3.13"', '"python_version": 3', ""),
    ][:6]:
        edit(project, ".cruft.json", old, new)
        commit(project.path, "broken")
        assert words in refused(project.path)
        (project.path / ".cruft.json").write_text(text, encoding="utf-8")
    git(project.path, "rm", "--quiet", "-f", ".cruft.json")
    commit(project.path, "lost")
    assert "there is no .cruft.json, which says where this project came from." in refused(project.path)


def test_file_in_the_place_of_a_folder_is_refused(versions, project):
    shutil.rmtree(project.path / "docker")
    (project.path / "docker").write_text("mine")
    commit(project.path, "mine")
    assert "docker is not a folder, but the template has files in a folder" in refused(project.path)


def test_interrupted_update_changes_nothing(project):
    before = state(project.path)
    process = start_update(project.path)
    wait_until(lambda: list((project.path / ".local").glob("tmp.*/differing")))
    os.killpg(process.pid, signal.SIGINT)
    process.communicate()
    assert process.returncode != 0
    assert state(project.path) == before
    assert leftovers(project) == []


def test_without_a_repository_the_edits_are_merged_too(project):
    shutil.rmtree(project.path / ".git")
    edit(project, "apt-dev.txt", "# ", "# Our ")
    before = state(project.path)
    updated(project.path)
    assert project.lines("apt-dev.txt")[-1] == "jq" and project.lines("apt-dev.txt")[0].startswith("# Our ")
    subprocess.run(["sh", ".local/undo-update.sh"], cwd=project.path, check=True)
    assert state(project.path) == before


def test_project_without_a_path_is_refused(tmp_path):
    for variables, words in (({"FROM": ""}, "no project is given"), ({"FROM": "/nowhere"}, "/nowhere is not a folder")):
        process = start_update(tmp_path, **variables)
        assert words in process.communicate()[1] and process.returncode != 0


@pytest.mark.docker
def test_update_in_containers(engine, versions, generate_at, no_git):
    """With a template that is a folder of this machine, without git here, and for another person."""
    project = Project(generate_at("v9.0.0", project_slug=unique("update")))
    try:
        address = json.loads(project.read(".cruft.json"))["template"]
        edit(project, ".cruft.json", address, str(versions))
        edit(project, "apt-dev.txt", "# ", "# Our ")
        project.ok("build")
        commit(project.path, "mine")
        before = state(project.path)
        assert "has no version v7" in project.error("update", "VERSION=v7", PATH=no_git)
        assert "  change    apt-dev.txt\n" in project.ok("update", "DRY=1", PATH=no_git)
        assert state(project.path) == before

        subprocess.run(["chown", "-R", "1000:1000", project.path], check=True)
        sudo = {"SUDO_UID": "1000", "SUDO_GID": "1000"}
        said = project.ok("update", **sudo)
        assert said.splitlines()[-1] == "next: make build"
        expected = {"apt-dev.txt", ".dockerignore", "docker/help", "docker/README.md", "docker/ABOUT.md", ".cruft.json"}
        assert changed(before, state(project.path)) == expected
        assert project.lines("apt-dev.txt")[0].startswith("# Our ") and project.lines("apt-dev.txt")[-1] == "jq"
        assert [path for path in project.path.rglob("*") if path.lstat().st_uid != 1000] == []
        assert leftovers(project) == []
        assert project.ok("help", **sudo).endswith("as before\n")
    finally:
        project.remove()
