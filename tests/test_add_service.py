"""`make add-service`, `make add-kernel` and `make remove-service`: what comes later, and goes again."""

import contextlib
import functools
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from conftest import QUESTIONS, copy_template, tool
from support import Project, changed, docker, edit, git, leftovers, state, unique, wait_until

# A service besides those of the catalogue.
SKETCH = {
    "README.md": "# sketch\n\nObtain: a cache for tests.\n",
    "compose.yaml": """\
services:
  sketch:
    extends: {file: ../../docker/compose.base.yaml, service: hardened}
    image: redis:8
    user: "999:999"
    healthcheck: {test: [CMD, redis-cli, ping]}
    volumes:
      - {type: volume, source: sketch, target: /data}

volumes:
  sketch:
""",
    ".env.example": "# The port of sketch.\n#SKETCH_PORT=6379\n",
    "requirements.txt": "redis>=5\nsqlalchemy>=2.0\n",
    "example.sh": "#!/bin/sh\necho works\n",
    "src/page.html": "{{ as it is }}\n",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A repository with the template as it is here, and a service more, in which nothing happened since."""
    folder = tmp_path_factory.mktemp("a template") / "ds-docker"
    copy_template(folder)
    for name, text in SKETCH.items():
        file = folder / "services" / "sketch" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755 if name.endswith(".sh") else 0o644)
    git(folder, "init", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--message", "template")
    return folder


def change(template: Path) -> None:
    """Develop the template further: a service, files of every project, and a filter that it did not have."""
    extension = template / "local_extensions.py"
    text = extension.read_text(encoding="utf-8").replace(
        "        super().__init__(environment)\n",
        '        super().__init__(environment)\n        environment.filters["later"] = "{}later".format\n',
    )
    assert "later" in text
    extension.write_text(text, encoding="utf-8")
    project = "{{cookiecutter.project_slug}}"
    for name in ("services/postgres/README.md", f"{project}/README.md", f"{project}/compose.yaml"):
        with open(template / name, "a", encoding="utf-8") as file:
            file.write("\n# {{ 'Added ' | later }}\n")
    git(template, "commit", "--all", "--message", "later")


@pytest.fixture(scope="module")
def origin(template):
    """The template, which has moved on after the projects here were generated from it. Others can read it too."""
    with tempfile.TemporaryDirectory() as temporary:
        os.chmod(temporary, 0o755)
        folder = Path(temporary, "ds-docker")
        git(template, "clone", "--quiet", template, folder)
        git(folder, "remote", "remove", "origin")
        yield folder


def generate(template: Path, out: Path, config: Path, typed: str | None = None, **answers: str) -> Path:
    """Generate a project in a process of its own: Python would take another template's extension for this one's."""
    settings = ("--config-file", config, "--output-dir", out, *(["--no-input"] if typed is None else []))
    done = subprocess.run(
        [sys.executable, "-m", "cookiecutter", template, *settings, *(f"{name}={answers[name]}" for name in answers)],
        input=typed,
        # Not where the extension of this template would be found.
        cwd=out,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return max(out.iterdir(), key=lambda path: path.stat().st_ctime)


@pytest.fixture(scope="module")
def new(engine, tmp_path_factory, _cookiecutter_config_file):
    """Generate projects: `new(template, services="none")`. What they made on the engine is removed."""
    made = []

    def one(template, **answers):
        folder = tmp_path_factory.mktemp("projects")
        made.append(Project(generate(template, folder, _cookiecutter_config_file, **answers)))
        return made[-1]

    yield one
    for project in made:
        project.remove()


SLUG = unique("added")


@pytest.fixture(scope="module")
def twin(template, new):
    """What a project should be in the end: generated with the services and kernels from the start."""
    return functools.cache(lambda services="none", **more: new(template, project_slug=SLUG, services=services, **more))


@pytest.fixture(scope="module")
def start(origin, new):
    """A project without services, built, whose template has moved on."""
    project = new(origin, project_slug=SLUG, services="none")
    change(origin)
    project.ok("build")
    return project


@pytest.fixture
def project(start, open_folder):
    """A copy of it, in a folder of its own; the image is shared."""
    folder = open_folder / "it's 数据 $x"
    shutil.copytree(start.path, folder, symlinks=True, ignore=shutil.ignore_patterns(".local"))
    copy = Project(folder)
    yield copy
    copy.make("down")
    copy.make("clean")


def without_origin(found: dict) -> dict:
    return {name: what for name, what in found.items() if name not in (".cruft.json", "uv.lock")}


@pytest.mark.docker
def test_project_becomes_what_it_would_have_been(project, twin):
    said = project.ok("add-service", "NAME=postgres")
    assert said.splitlines()[-1] == "added postgres; next: make build, then make up SERVICE=postgres"
    assert without_origin(state(project.path)) == without_origin(state(twin("postgres").path))
    assert "Added later" not in project.read("services/postgres/README.md")
    assert 'name = "psycopg"' in project.read("uv.lock")
    assert leftovers(project) == []

    project.ok("add-service", "NAME=sketch")
    assert without_origin(state(project.path)) == without_origin(state(twin("postgres, sketch").path))
    assert project.read("services/sketch/src/page.html") == SKETCH["src/page.html"]
    answers = json.loads(project.read(".cruft.json"))["context"]["cookiecutter"]
    assert answers["services"] == "postgres, sketch"


@pytest.mark.docker
def test_kernels_come_later_too(project, twin):
    said = project.ok("add-kernel", "NAME=deno")
    assert said.splitlines()[-1] == "added deno; next: make build, then open notebooks/typescript.ipynb in JupyterLab"
    project.ok("add-kernel", "NAME=julia")
    assert without_origin(state(project.path)) == without_origin(state(twin(kernels="deno, julia").path))
    assert 'name = "deno"' in project.read("uv.lock")
    assert leftovers(project) == []

    before = state(project.path)
    assert project.error("add-kernel", "NAME=deno").startswith("error: the project has the kernel deno already.")
    assert project.error("add-kernel") == "error: no kernel is given. Use make add-kernel NAME=r."
    assert "'R' is not the name of a kernel." in project.error("add-kernel", "NAME=R")
    edit(project, "pyproject.toml", '"notebooks/julia.ipynb",', '"notebooks/julia.ipynb",  # slow')
    line = project.error("add-kernel", "NAME=scala")
    assert line.startswith(
        "error: you have changed pyproject.toml in the same place as the kernel. Make the changes in"
    )
    assert '+    "notebooks/scala.ipynb",\n' in project.read(".local/add-kernel.diff")
    assert changed(before, state(project.path)) == {"pyproject.toml"}


@pytest.mark.docker
def test_edited_files_stay_and_the_service_works(project):
    edit(project, "compose.yaml", "services:\n", "services:  # mine\n")
    edit(project, "README.md", "# ", "# My ")
    edit(project, "pyproject.toml", "dependencies = [\n", "dependencies = [  # ours\n")
    (project.path / "src" / "mine.py").write_text("MINE = 1\n")
    before = state(project.path)
    done = project.make("add-service", "NAME=postgres")
    assert (done.returncode, done.stderr) == (0, "")
    after = changed(before, state(project.path))
    root = {name for name in after if not name.startswith(("services/postgres/", "docker/services/"))}
    assert root == {".cruft.json", "pyproject.toml", "uv.lock", "services/access.py"}
    text = project.read("pyproject.toml")
    assert "dependencies = [  # ours\n" in text and '"psycopg[binary]>=3.2"' in text
    project.ok("build")
    project.ok("up", "SERVICE=postgres")
    assert "read the same rows back" in project.ok("example-postgres")


@pytest.mark.docker
def test_needed_service_comes_along_and_both_go(project):
    """A service that another one needs can be removed only after that one; then the project is as it was."""
    before = state(project.path)
    done = project.make("add-service", "NAME=scraper")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "note: scraper needs postgres, so postgres is added too.\n"
    services = project.path / "services"
    assert {path.name for path in services.iterdir()} == {"access.py", "postgres", "scraper"}
    assert json.loads(project.read(".cruft.json"))["context"]["cookiecutter"]["services"] == "postgres, scraper"
    line = project.error("remove-service", "NAME=postgres")
    assert line == "error: scraper needs postgres. Remove it first: make remove-service NAME=scraper."

    project.ok("remove-service", "NAME=scraper", "FORCE=1")
    text = project.read("pyproject.toml")
    assert "selenium" not in text and "psycopg" in text
    project.ok("remove-service", "NAME=postgres", "FORCE=1")
    differ = changed(before, state(project.path))
    assert {name for name in differ if not name.startswith("docker/services/")} <= {"pyproject.toml", "uv.lock"}
    assert "psycopg" not in project.read("pyproject.toml") + project.read("uv.lock")


@pytest.mark.docker
def test_removed_service_leaves_its_data_unless_told(project):
    project.ok("add-service", "NAME=sketch")
    project.ok("up")
    volume = f"name={project.slug}-"
    removed = project.ok("remove-service", "NAME=sketch", "FORCE=1").splitlines()[-1]
    assert removed == "removed sketch; its data stays in volumes; next: make build"
    assert docker("volume", "ls", "--quiet", "--filter", volume).count("sketch") == 1
    project.ok("add-service", "NAME=sketch")
    git(project.path, "add", "--all")
    git(project.path, "commit", "--message", "mine")
    edit(project, "services/sketch/README.md", "a cache", "my cache")
    assert "git does not have all of services/sketch yet" in project.error("remove-service", "NAME=sketch")
    project.ok("remove-service", "NAME=sketch", "VOLUMES=1", "FORCE=1")
    assert docker("volume", "ls", "--quiet", "--filter", volume).count("sketch") == 0
    assert "this project has no services" in project.error("remove-service", "NAME=sketch")


@pytest.mark.docker
def test_folder_that_was_copied_becomes_a_service(project, twin):
    """In a project without services, it lacks what all services share; its packages are its own."""
    shutil.copytree(twin("sketch").path / "services" / "sketch", project.path / "services" / "mine")
    edit(project, "services/mine/compose.yaml", "  sketch:\n    extends", "  mine:\n    extends")
    assert "this project has no services" in project.error("up")
    project.ok("add-service", "NAME=mine")
    assert '"redis>=5"' in project.read("pyproject.toml")
    assert "mine" in project.ok("up")
    assert "works" in project.ok("example-mine")


@pytest.mark.docker
def test_packages_that_a_person_added_stay(project):
    project.ok("add", "PKG=tomlkit")
    edit(project, "pyproject.toml", "[dependency-groups]\n", '[dependency-groups]\nservices = ["sqlalchemy>=2.0.30"]\n')
    project.ok("add-service", "NAME=postgres")
    text = project.read("pyproject.toml")
    assert '"sqlalchemy>=2.0.30"' in text and '"sqlalchemy>=2.0"' not in text
    assert "tomlkit" in text and '"psycopg[binary]>=3.2"' in text
    assert 'name = "tomlkit"' in project.read("uv.lock")


@pytest.mark.docker
def test_addition_that_was_cut_off_can_be_repeated(project):
    """The folder of a service comes last."""
    project.ok("add-service", "NAME=sketch")
    before = state(project.path)
    shutil.rmtree(project.path / "services" / "sketch")
    project.ok("add-service", "NAME=sketch")
    assert state(project.path) == before


@pytest.mark.docker
def test_edits_of_other_services_stay(project):
    project.ok("add-service", "NAME=sketch")
    edit(project, "services/sketch/compose.yaml", "redis:8", "redis:7")
    edit(project, "services/access.py", '"""', '"""Mine. ')
    before = state(project.path)
    project.ok("add-service", "NAME=postgres")
    touched = {name for name in changed(before, state(project.path)) if not name.startswith("services/postgres/")}
    assert touched == {".cruft.json", "pyproject.toml", "uv.lock"}


@contextlib.contextmanager
def served(folder: Path):
    """Serve a folder at an address of this machine that builds can reach, and the outside cannot."""
    gateway = docker("network", "inspect", "bridge", "--format", "{{range .IPAM.Config}}{{.Gateway}}{{end}}")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer((gateway, 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"{gateway}:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.docker
def test_template_is_fetched_with_and_without_git_here(template, project, twin, no_git, tmp_path):
    git(template, "clone", "--quiet", "--bare", template, tmp_path / "t.git")
    git(tmp_path / "t.git", "update-server-info")
    # Without its packages in one file, and with a commit that is not the last.
    with served(tmp_path) as address:
        text = json.loads(project.read(".cruft.json"))
        text["template"] = f"http://{address}/t.git"
        (project.path / ".cruft.json").write_text(json.dumps(text, indent=2), encoding="utf-8")
        project.ok("add-service", "NAME=sketch", PATH=no_git)
        project.ok("add-service", "NAME=postgres")
    assert without_origin(state(project.path)) == without_origin(state(twin("sketch, postgres").path))

    shutil.rmtree(project.path / "services" / "postgres")
    for environment in ({"PATH": no_git}, {}):
        line = project.error("add-service", "NAME=postgres", **environment)
        assert f"cannot fetch the template http://{address}/t.git. Check the network" in line


@pytest.mark.docker
def test_local_template_is_read_without_git_here(project, twin, no_git):
    project.ok("add-service", "NAME=sketch", PATH=no_git)
    assert without_origin(state(project.path)) == without_origin(state(twin("sketch").path))


@pytest.mark.docker
@pytest.mark.parametrize("sudo", [False, True], ids=["another user", "sudo"])
def test_files_belong_to_whoever_added_them(project, sudo):
    subprocess.run(["chown", "-R", "1000:1000", project.path], check=True)
    who = {"SUDO_UID": "1000", "SUDO_GID": "1000"} if sudo else {"user": (1000, 1000), "HOME": str(project.path)}
    project.ok("add-service", "NAME=sketch", **who)
    owners = {path.lstat().st_uid for path in project.path.rglob("*") if path.name != ".docker"}
    assert owners == {1000}


@pytest.mark.docker
def test_texts_arrive_byte_for_byte(origin, start, tmp_path, _cookiecutter_config_file):
    texts = {
        "project_name": 'Zoë\'s "{{ 7 * 7 }}" {% raw %} 🐝',
        "description": 'it\'s a \\ "quote" <b> & {{ cookiecutter }} # $x `y` 数据',
        "author_name": 'O\'Brien """ \\n </script>',
    }
    answers = {**texts, "project_slug": SLUG}
    typed = "".join(answers.get(question, "") + "\n" for question in QUESTIONS)
    generate(origin, tmp_path, _cookiecutter_config_file, typed)
    project = Project(tmp_path / SLUG)
    answers = json.loads(project.read(".cruft.json"))["context"]["cookiecutter"]
    assert {name: answers[name] for name in texts} == texts
    before = state(project.path)
    done = project.make("add-service", "NAME=sketch")
    assert (done.returncode, done.stderr) == (0, "")
    assert "README.md" not in changed(before, state(project.path))
    again = json.loads(project.read(".cruft.json"))["context"]["cookiecutter"]
    assert again == {**answers, "services": "sketch"}


@pytest.mark.docker
@pytest.mark.parametrize("how", ["create", "link"])
def test_project_that_cruft_knows_can_have_one(origin, start, project, how, tmp_path, _cookiecutter_config_file):
    answers = json.dumps({"project_slug": SLUG, "services": "none"})
    options = ("--config-file", _cookiecutter_config_file, "--no-input", "--extra-context", answers)
    if how == "create":
        run = [origin, "--output-dir", tmp_path, *options]
    else:
        (project.path / ".cruft.json").unlink()
        run = [origin, "--project-dir", project.path, *options]
    done = subprocess.run([tool("cruft"), how, *run], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    if how == "create":
        project = Project(tmp_path / SLUG)
    project.ok("add-service", "NAME=postgres")
    # Here the version is the newest.
    assert "Added later" in project.read("services/postgres/README.md")


@pytest.mark.docker
def test_fault_is_one_line_and_changes_nothing(project, origin):
    before = state(project.path)

    def error(name, words, **environment):
        line = project.error("add-service", *([f"NAME={name}"] if name is not None else []), **environment)
        assert words in line
        assert state(project.path) == before
        assert leftovers(project) == []

    error(None, "error: no service is given. Use make add-service NAME=")
    error("none", "'none' is not the name of a service")
    error("postgres,sketch", "is not the name of a service")
    error("../x", "is not the name of a service")
    error("$(id)", "is not the name of a service")
    commit = git(origin, "rev-parse", "--short=7", "HEAD~1").strip()
    error("postgrs", f"the template at commit {commit} has no 'postgrs'. Did you mean postgres?")

    text = project.read(".cruft.json")
    for old, new, words in [
        (str(origin), f"{origin}-gone", f"cannot fetch the template {origin}-gone. Check"),
        ('"commit": "', '"commit": "0123', f"the template {origin} has no commit 0123"),
        ('"template"', '"templates"', ".cruft.json has no template and commit"),
    ]:
        edit(project, ".cruft.json", old, new)
        before = state(project.path)
        error("sketch", words)
        (project.path / ".cruft.json").write_text(text, encoding="utf-8")
    (project.path / ".cruft.json").unlink()
    before = state(project.path)
    error("sketch", "there is no .cruft.json, which says where this project came from. Link it: uvx cruft link")
    (project.path / ".cruft.json").write_text(text, encoding="utf-8")

    edit(project, "pyproject.toml", "[project]", "[project")
    before = state(project.path)
    error("sketch", "pyproject.toml is not valid")
    edit(project, "pyproject.toml", "[project", "[project]")

    edit(project, "pyproject.toml", "dependencies = [\n", 'dependencies = [\n    "redis<2",\n')
    before = state(project.path)
    error("sketch", "versions exclude each other: ")

    (project.path / "services" / "sketch").mkdir(parents=True)
    (project.path / "docker" / "services").mkdir()
    before = state(project.path)
    error("sketch", "services/sketch exists already")


@pytest.mark.docker
def test_interrupt_leaves_the_project_as_it_was(project):
    before = state(project.path)
    started = subprocess.Popen(["make", "add-service", "NAME=postgres"], cwd=project.path, start_new_session=True)
    wait_until(lambda: list((project.path / ".local").glob("tmp.*/out/added")))
    os.killpg(started.pid, signal.SIGINT)
    assert started.wait() != 0
    assert state(project.path) == before
    # make does not wait for the command, which removes its files.
    wait_until(lambda: leftovers(project) == [])


@pytest.mark.docker
def test_two_at_the_same_time_wait_for_each_other(project, twin):
    commands = [["make", "add-service", f"NAME={name}"] for name in ("sketch", "postgres")]
    started = [subprocess.Popen(command, cwd=project.path) for command in commands]
    assert [process.wait() for process in started] == [0, 0]
    names = json.loads(project.read(".cruft.json"))["context"]["cookiecutter"]["services"]
    assert without_origin(state(project.path)) == without_origin(state(twin(names).path))


# Below, no engine is needed.


@pytest.fixture
def origin_of(template, tmp_path, out, _cookiecutter_config_file):
    """Return what .cruft.json holds for a project from a clone, after something was done to it, or None."""

    def read(prepare, path=".", clone=None):
        folder = tmp_path / "clone"
        git(template, "clone", "--quiet", template, folder)
        prepare(folder)
        file = generate(folder / path, out, _cookiecutter_config_file) / ".cruft.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

    return read


def test_template_and_answers_are_remembered(origin_of, template):
    found = origin_of(lambda folder: None)
    assert list(found) == ["template", "commit", "checkout", "context", "directory"]
    assert found["template"] == str(template)
    assert found["commit"] == git(template, "rev-parse", "HEAD~0").strip()
    assert found["checkout"] is None and found["directory"] is None
    answers = found["context"]["cookiecutter"]
    assert set(QUESTIONS) <= set(answers)
    assert not {"_output_dir", "_repo_dir", "__prompts__"} & set(answers)
    assert answers["services"] == "none" and answers["project_slug"] == "my-data-project"


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://me:to%40ken@example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://token@example.org/a@b", "https://example.org/a@b"),
        ("https://me:p@ss@example.org/a/b", "https://example.org/a/b"),
        ("ssh://git@example.org:22/a/b", "ssh://git@example.org:22/a/b"),
        ("ssh://git:secret@example.org/a/b", "ssh://git@example.org/a/b"),
        ("git@example.org:a/b.git", "git@example.org:a/b.git"),
        ("../elsewhere", None),
    ],
)
def test_address_is_remembered_without_a_password(template, tmp_path, address, kept):
    clone = tmp_path / "clone"
    git(template, "clone", "--quiet", template, clone)
    git(clone, "remote", "set-url", "origin", address)
    # The step of the hook alone, with the modules of the clone. The tests around this one generate a project.
    step = "import json, pathlib, sys, generation.origin as origin\n"
    step += "origin.remember_template(json.loads(sys.argv[1]), pathlib.Path(sys.argv[2]))"
    answers = json.dumps({"_template": str(clone), "_repo_dir": str(clone)})
    subprocess.run([sys.executable, "-c", step, answers, tmp_path], cwd=clone, check=True)
    found = json.loads((tmp_path / ".cruft.json").read_text(encoding="utf-8"))
    assert found["template"] == found["context"]["cookiecutter"]["_template"] == (kept or str(clone))


def test_commit_that_was_not_pushed_is_remembered_in_its_folder(origin_of, tmp_path):
    found = origin_of(lambda folder: git(folder, "commit", "--allow-empty", "--message", "mine"))
    assert found["template"] == str(tmp_path / "clone")


@pytest.mark.parametrize("lost", [".git", "."])
def test_without_a_repository_nothing_is_remembered(origin_of, lost):
    def lose(folder):
        shutil.rmtree(folder / ".git")
        if lost == ".":
            # Inside a repository that does not know it.
            git(folder.parent, "init")

    assert origin_of(lose) is None


def test_template_in_a_folder_of_a_repository_is_found(origin_of):
    def move(folder):
        (folder / "inner").mkdir()
        for path in list(folder.iterdir()):
            if path.name not in (".git", "inner"):
                path.rename(folder / "inner" / path.name)
        git(folder, "add", "--all")
        git(folder, "commit", "--message", "moved")

    assert origin_of(move, "inner")["directory"] == "inner"


@pytest.mark.parametrize("services", ["none", "postgres"])
def test_cruft_checks_and_updates_every_project(template, tmp_path, out, _cookiecutter_config_file, services):
    folder = tmp_path / "template"
    git(template, "clone", "--quiet", template, folder)
    git(folder, "remote", "remove", "origin")
    project = generate(folder, out, _cookiecutter_config_file, project_name='It\'s "mine"', services=services)
    git(project, "add", "--all")
    git(project, "commit", "--message", "generated")

    def cruft(*arguments):
        return subprocess.run([tool("cruft"), *arguments], cwd=project, capture_output=True, text=True)

    assert cruft("check").returncode == 0
    change(folder)
    assert cruft("check").returncode == 1
    before = state(project)
    done = cruft("update", "--skip-apply-ask")
    assert done.returncode == 0, done.stderr + done.stdout
    expected = {".cruft.json", "README.md", "compose.yaml"}
    if services != "none":
        expected.add("services/postgres/README.md")
    assert changed(before, state(project)) == expected
    assert not list(project.rglob("*.rej"))
    assert cruft("check").returncode == 0
