"""The generated files, and the steps of the hook after cookiecutter has rendered them."""

import functools
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import cookiecutter
import nbformat
import pytest
import yaml
from conftest import KERNELS, OPTIONS, REMEMBERED, TEMPLATE, copy_template, files

from generation import checks, origin

TREE = set(
    """
    .devcontainer/devcontainer.json
    .dockerignore
    .env.example
    .gitattributes
    .gitignore
    .hadolint.yaml
    .jupyter/jupyter_config.py
    .jupyter/jupyter_server_config.py
    .jupyter/labconfig/default_setting_overrides.json
    .pre-commit-config.yaml
    AGENTS.md
    Dockerfile
    LICENSE
    Makefile
    README.md
    apt-build.txt
    apt-dev.txt
    apt.txt
    compose.yaml
    conftest.py
    data/external/.gitkeep
    data/interim/.gitkeep
    data/processed/.gitkeep
    data/raw/.gitkeep
    models/.gitkeep
    notebooks/01-explore.ipynb
    pyproject.toml
    reports/figures/.gitkeep
    src/my_data_project/__init__.py
    src/my_data_project/data.py
    src/my_data_project/evaluate.py
    src/my_data_project/features.py
    src/my_data_project/files.py
    src/my_data_project/gpu.py
    src/my_data_project/model.py
    src/my_data_project/predict.py
    src/my_data_project/trace.py
    src/my_data_project/train.py
    tests/test_gpu.py
    tests/test_pipeline.py
    """.split()
)
# The commands and what belongs to them are copied as they are.
COMMANDS = {f"docker/{name}" for name in files(TEMPLATE / "{{cookiecutter.project_slug}}" / "docker")}
TREE |= {name for name in COMMANDS if not name.startswith("docker/services/")}
TREE |= {f"deploy/{name}" for name in files(TEMPLATE / "{{cookiecutter.project_slug}}" / "deploy")}
TREE |= REMEMBERED
CI = {
    "github": {".github/workflows/ci.yml", "renovate.json"},
    "gitlab": {".gitlab-ci.yml", "renovate.json"},
    "none": set(),
}
DEFAULT_TREE = TREE | CI[OPTIONS["ci"][0]]
# Files that only some answers add.
PYTORCH = {"docker/image/mirror.sh", "src/my_data_project/train_distributed.py"}
OPTIONAL = {*set().union(*CI.values()), *PYTORCH}
OPTIONAL |= {file for name in KERNELS for file in files(TEMPLATE / "templates" / "kernels" / name / "files")}

TARGETS = """help build notebook stop shell run data pull-data push-data train trace predict gpu test lint format add
lock up down ps logs add-service remove-service add-kernel doctor clean release""".split()


def parse_notebook(text):
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None


def parse_shell(text):
    done = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


PARSERS = {
    ".ipynb": parse_notebook,
    ".json": json.loads,
    ".py": lambda text: compile(text, "file", "exec", dont_inherit=True),
    ".sh": parse_shell,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}


@functools.cache
def parse(kind, text):
    """Raise an error if the text cannot be parsed. Most files are the same in all projects, and are parsed once."""
    PARSERS[kind](text)


# Files without a parser, and files that another test reads.
UNPARSED = """
    .dockerignore .env.example .gitattributes .gitignore .gitkeep .shellcheckrc
    AGENTS.md Dockerfile LICENSE Makefile README.md apt-build.txt apt-dev.txt apt-r.txt apt.txt faults.txt
    gpu-faults.txt kubernetes-faults.txt registry-faults.txt requirements.txt
    slurm-faults.txt slurm-reasons.txt train.sbatch sources.txt
""".split()


def is_script(path):
    return path.read_bytes().startswith(b"#!/bin/sh\n")


@pytest.mark.parametrize("ci", OPTIONS["ci"])
def test_exact_tree(baked, ci):
    assert files(baked(ci=ci)) == TREE | CI[ci]


def test_only_pytorch_has_files_of_its_own(baked):
    extra = {name: files(baked(framework=name)) - DEFAULT_TREE for name in OPTIONS["framework"]}
    assert {name: found for name, found in extra.items() if found} == {"pytorch": PYTORCH}


def test_no_other_answer_changes_the_tree(project):
    package = next(project.glob("src/*")).name
    tree = {path.replace(f"src/{package}/", "src/my_data_project/") for path in files(project)}
    assert {path for path in tree - OPTIONAL if not path.startswith(("services/", "docker/services/"))} == TREE


def test_every_file_parses(project):
    for name in files(project):
        path = project / name
        kind = ".sh" if is_script(path) else path.suffix
        # A service may contain files in any format.
        if path.name in UNPARSED or (name.startswith("services/") and kind not in PARSERS):
            continue
        try:
            parse(kind, path.read_text(encoding="utf-8"))
        except Exception as error:
            pytest.fail(f"{name}: {error!r}")


def test_nothing_is_left_unrendered(project):
    for name in files(project):
        text = (project / name).read_text(encoding="utf-8")
        if name.startswith(("docker/", "services/")):
            # Templates of Docker look like Jinja.
            text = re.sub(r"\{\{(?![^{}]*cookiecutter)[^{}]*\}\}", "", text)
        if name.startswith(".github/"):
            text = re.sub(r"\$\{\{ [^{}]+ \}\}", "", text)
        if name == ".cruft.json" or re.match("services/[^/]+/src/", name):
            continue
        assert not re.search(r"\{\{|\{%|(?<!\$)\{#|cookiecutter", text), name


def test_blank_lines_and_line_ends(project):
    for name in files(project):
        text = (project / name).read_bytes().decode()
        if name.endswith(".gitkeep"):
            assert text == ""
            continue
        blank_lines = 2 if name.endswith(".py") else 1
        assert "\r" not in text, name
        assert not re.search(r"[ \t]$", text, re.MULTILINE), name
        assert not re.search(rf"\n{{{blank_lines + 2}}}", text), name
        assert re.fullmatch(r"\S(.*\S)?\n|\s+Apache License\n.*\S\n", text, re.DOTALL), name


def test_commands_are_executable_and_nothing_else(project):
    names = [name for name in files(project) if not name.startswith("services/")]
    executable = {name for name in names if (project / name).stat().st_mode & stat.S_IXUSR}
    assert executable == {name for name in names if (project / name).read_bytes().startswith(b"#!")}


def make(project, *arguments):
    done = subprocess.run(["make", *arguments], cwd=project, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_makefile_parses(project):
    assert "docker/help Makefile\n" in make(project, "-n", "help")


def test_help_lists_every_documented_target(default):
    documented = re.findall(r"^([^\s:#]+):.*##", (default / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    listed = re.findall(r"^  (\S+) +\S", make(default), re.MULTILINE)
    assert listed[: len(documented)] == documented
    assert set(TARGETS) <= set(documented)


def git(folder, *arguments):
    me = ("-c", "user.name=me", "-c", "user.email=me@example.org", "-c", "core.excludesFile=")
    done = subprocess.run(["git", *me, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def test_git_ignores_data_and_secrets(default, tmp_path):
    ignored = """
        data/x.csv data/raw/x.csv data/raw/2024/x.csv data/mine/x.csv models/m.joblib
        .env .local/jupyter_token .jupyter/lab/settings .venv/pyvenv.cfg
        src/my_data_project/__pycache__/data.pyc notebooks/.ipynb_checkpoints/01-explore.ipynb
    """.split()
    kept = ["uv.lock", "reports/metrics.json", "reports/figures/roc_curve.png", "src/my_data_project/data/x.py"]
    folder = tmp_path / "project"
    shutil.copytree(default, folder, ignore=shutil.ignore_patterns(".git", "data.py"))
    git(folder, "init")
    for name in ignored + kept:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    git(folder, "add", "--all")
    tracked = set(git(folder, "ls-files").splitlines())
    assert tracked == DEFAULT_TREE - {"src/my_data_project/data.py"} | set(kept)


def test_git_repository_is_created(default):
    assert git(default, "symbolic-ref", "HEAD") == "refs/heads/main\n"


def test_no_repository_is_created_inside_another(command, out):
    git(out, "init")
    assert command("--no-input").returncode == 0
    assert not (out / "my-data-project" / ".git").exists()
    assert files(out / "my-data-project") == DEFAULT_TREE


def test_command_line_prints_the_next_commands(command, out):
    done = command("--no-input", "project_name=Bees & trees")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-5:-1] == ["", "  cd bees-trees", "  make build", "  make notebook"]
    tree = {name.replace("src/bees_trees/", "src/my_data_project/") for name in files(out / "bees-trees")}
    assert tree == DEFAULT_TREE


@pytest.fixture
def template(tmp_path):
    """A copy of the template, which a test may change."""
    return copy_template(tmp_path / "template")


def test_cruft_generates_too(template, out, _cookiecutter_config_file):
    git(template, "init")
    git(template, "add", "--all")
    git(template, "commit", "--message", "template")
    settings = ("--config-file", _cookiecutter_config_file, "--output-dir", out, "--no-input")
    done = subprocess.run(
        [sys.executable, "-m", "cruft", "create", template, *settings], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert files(out / "my-data-project") == DEFAULT_TREE | {".cruft.json"}


# Tools for the hook that find nothing.
CONTENT = dict.fromkeys(("hadolint", "docker", "git"), "exit 0")


@pytest.fixture
def command_with(command, tmp_path):
    """Run cookiecutter with only these tools installed, each of them a line of shell."""

    def run(tools):
        folder = tmp_path / "bin"
        folder.mkdir()
        for name, line in tools.items():
            (folder / name).write_text(f"#!/bin/sh\n{line}\n")
            (folder / name).chmod(0o755)
        # hadolint is searched beside the interpreter, too, so this interpreter is in a folder of its own.
        (folder / "python").symlink_to(os.path.realpath(sys.executable))
        environment = {"PATH": str(folder), "PYTHONPATH": str(Path(cookiecutter.__file__).parent.parent)}
        return command("--no-input", python=folder / "python", env=environment)

    return run


@pytest.mark.parametrize("missing", [(), *((name,) for name in CONTENT), tuple(CONTENT)], ids=", ".join)
def test_each_missing_tool_costs_one_note(command_with, out, missing):
    done = command_with({name: line for name, line in CONTENT.items() if name not in missing})
    assert done.returncode == 0, done.stderr
    notes = re.findall("^note: (\\w+) is not installed", done.stdout, re.MULTILINE)
    assert notes == list(missing)
    assert done.stdout.count("note:") == len(missing)
    assert done.stdout.endswith("  make build\n  make notebook\n\n")
    assert files(out / "my-data-project") == DEFAULT_TREE - REMEMBERED


COMPOSE = "Compose is missing or older than 2.21: https://docs.docker.com/compose/install/"
LINTED = "hadolint does not work here, so the Dockerfile was not linted: "


@pytest.mark.parametrize(
    ("tool", "line", "note"),
    [
        ("docker", "echo \"docker: 'compose' is not a docker command.\" >&2; exit 1", COMPOSE),
        ("docker", "echo 'The command docker could not be found in this WSL 2 distro.'; exit 1", COMPOSE),
        (
            "docker",
            'case "$*" in *version*) echo 2.17.3 ;; *) echo "start_interval is not allowed"; exit 15 ;; esac',
            COMPOSE,
        ),
        (
            "hadolint",
            "echo 'Invalid option --disable-ignore-pragma' >&2; exit 1",
            LINTED + "Invalid option --disable-ignore-pragma",
        ),
    ],
    ids=["no Compose plugin", "WSL without Docker", "old compose", "old hadolint"],
)
def test_tool_that_does_not_work_costs_one_note(command_with, tool, line, note):
    done = command_with({**CONTENT, tool: line})
    assert done.returncode == 0, done.stderr
    assert re.findall("^note: (.*)", done.stdout, re.MULTILINE) == [note]


@pytest.mark.parametrize(
    ("tool", "line"),
    [
        ("hadolint", "echo 'Dockerfile:1 DL3000 broken'; exit 1"),
        ("docker", 'case "$*" in *version*) echo 2.30.0 ;; *) echo "services.lab is broken"; exit 15 ;; esac'),
    ],
)
def test_finding_of_a_tool_stops_generation(command_with, out, tool, line):
    done = command_with({**CONTENT, tool: line})
    assert done.returncode != 0
    assert re.search("^error: .* broken$", done.stderr, re.MULTILINE)
    assert list(out.iterdir()) == []


def test_settings_of_the_user_do_not_matter(command, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("services: broken")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".hadolint.yaml").write_text("ignored: [DL3006]\nfailure-threshold: broken\n")
    done = command("--no-input", env={**os.environ, "COMPOSE_FILE": str(other), "HOME": str(home)})
    assert done.returncode == 0, done.stderr


def test_fault_in_the_dockerfile_stops_generation(command, template, out):
    with open(template / "{{cookiecutter.project_slug}}" / "Dockerfile", "a", encoding="utf-8") as file:
        file.write("RUN cd /tmp\n")
    done = command("--no-input", template=template)
    assert done.returncode != 0
    assert re.search(r"^error: .*DL3003", done.stderr, re.MULTILINE), done.stderr
    assert list(out.iterdir()) == []


def test_hole_in_dockerignore_stops_generation(command, template, out):
    file = template / "{{cookiecutter.project_slug}}" / ".dockerignore"
    # Docker takes a comment behind a pattern as a part of it.
    file.write_text(file.read_text(encoding="utf-8").replace("**/.env\n", "**/.env  # secrets\n"), encoding="utf-8")
    done = command("--no-input", template=template)
    assert done.returncode != 0
    assert "error: .dockerignore lets src/.env into an image\n" in done.stderr
    assert list(out.iterdir()) == []


TEXT = (TEMPLATE / "{{cookiecutter.project_slug}}" / ".dockerignore").read_text(encoding="utf-8")
# Without the lines for some answers, which let files in.
DOCKERIGNORE = [line for line in TEXT.splitlines() if not line.startswith(("{%", "!{{"))]
# Useless in an image, but not secret.
HARMLESS = ("**/.ipynb_checkpoints", "**/__pycache__", "**/*.pyc")


@pytest.mark.parametrize(
    "line", [line for line in DOCKERIGNORE if line and not line.startswith(("#", "!")) and line not in HARMLESS]
)
def test_each_line_of_dockerignore_is_checked(tmp_path, line):
    file = tmp_path / ".dockerignore"
    file.write_text("\n".join(DOCKERIGNORE), encoding="utf-8")
    assert checks.check_dockerignore(tmp_path) == []
    file.write_text("\n".join(other for other in DOCKERIGNORE if other != line), encoding="utf-8")
    assert checks.check_dockerignore(tmp_path) != []


# From Docker's reference, https://docs.docker.com/reference/dockerfile/#dockerignore-file
@pytest.mark.parametrize(
    ("patterns", "out", "into"),
    [
        (["*"], ["a", ".env", "a/b/c"], []),
        (["*/temp*"], ["a/temp", "a/temporary.txt", "a/temp/b"], ["temp", "a/b/temp"]),
        (["*/*/temp*"], ["a/b/temporary.txt"], ["a/temp", "a/b/c/temp"]),
        (["temp?"], ["tempa", "temp1/x"], ["temp", "tempab", "a/tempa"]),
        (["**/*.go"], ["x.go", "a/x.go", "a/b/x.go"], ["x.goo", "xgo"]),
        (["**/.env"], [".env", "a/.env", "a/b/.env", ".env/x"], ["a.env", ".env.local", "a/x.env"]),
        ([".env"], [".env"], ["a/.env"]),
        (["a/**/b"], ["a/b", "a/x/b", "a/x/y/b", "a/b/c"], ["a", "a/bc", "b"]),
        (["a/**"], ["a/b", "a/b/c"], ["ab", "b/a"]),
        (["**"], ["a", "a/b", ".env"], []),
        (["foo/bar"], ["foo/bar", "foo/bar/x"], ["bar", "x/foo/bar", "foo/barx"]),
        (["/foo/bar/"], ["foo/bar", "foo/bar/x"], ["x/foo/bar"]),
        (["foo."], ["foo."], ["foox"]),
        (["*.md", "!README.md"], ["a.md"], ["README.md", "a/b.md"]),
        (["*.md", "!README*.md", "README-secret.md"], ["a.md", "README-secret.md"], ["README.md", "README-1.md"]),
        (["*.md", "README-secret.md", "!README*.md"], ["a.md"], ["README.md", "README-secret.md"]),
        (["*", "!src/"], ["a", "a/src"], ["src", "src/a", "src/a/b"]),
        (["*", "!src", "**/.git"], ["src/.git", "src/.git/config", "src/a/.git/x"], ["src/a"]),
        (["**/.git", "!src"], [".git/config"], ["src/.git/config"]),
        ([], [], ["a"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_dockerignore_is_read_as_docker_reads_it(patterns, out, into):
    assert [path for path in out + into if checks.enters_build(path, patterns)] == into


@pytest.mark.parametrize("broken", ["compose.yaml", "docker/compose.cuda.yaml", "services/redis/compose.yaml"])
def test_compose_check_reads_every_compose_file(baked, tmp_path, broken):
    if checks.launch("docker", "compose", "version") is None:
        pytest.skip("docker is not installed")
    project = tmp_path / "project"
    shutil.copytree(baked(services="redis"), project)
    assert checks.compose_result(checks.launch_compose(project)) == ([], [])
    with open(project / broken, "a", encoding="utf-8") as file:
        file.write("nonsense: [\n")
    findings, notes = checks.compose_result(checks.launch_compose(project))
    assert findings and notes == []


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://me:to%40ken@example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://token@example.org/a@b", "https://example.org/a@b"),
        ("https://me:p@ss@example.org/a/b", "https://example.org/a/b"),
        ("ssh://git@example.org:22/a/b", "ssh://git@example.org:22/a/b"),
        ("ssh://git:secret@example.org/a/b", "ssh://git@example.org/a/b"),
        ("git@example.org:a/b.git", "git@example.org:a/b.git"),
    ],
)
def test_password_is_removed_from_a_url(url, kept):
    assert origin.without_password(url) == kept


# Python runs this module when it starts. It counts what cookiecutter renders, in its process and in that of the hook.
COUNTER = """
import os
from cookiecutter import generate

def counted(project, file, *arguments, render=generate.generate_file, **options):
    with open(os.environ["RENDERED"], "a") as log:
        print(file, file=log)
    return render(project, file, *arguments, **options)

generate.generate_file = counted
"""


def test_unchosen_services_are_not_rendered(command, template, tmp_path, out):
    (tmp_path / "sitecustomize.py").write_text(COUNTER)
    log = tmp_path / "rendered"

    def rendered(**answers):
        log.write_text("")
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "RENDERED": str(log)}
        words = [f"{name}={answer}" for name, answer in answers.items()]
        done = command("--no-input", *words, template=template, env=environment)
        assert done.returncode == 0, done.stderr
        return log.read_text().splitlines()

    before = rendered(project_slug="before")
    assert "Dockerfile" in before and not [file for file in before if file.startswith("services/")]
    shutil.copytree(template / "services" / "redis", template / "services" / "dummy")
    assert rendered(project_slug="after") == before
    chosen = [file for file in rendered(project_slug="chosen", services="dummy") if file.startswith("services/")]
    assert {file.split("/")[1] for file in chosen} == {"access.py", "dummy"}
