"""What is generated: which files, whether each is sound, and what the hook does after."""

import ast
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import cookiecutter
import nbformat
import pytest
import yaml
from conftest import EVERY_SERVICE, OPTIONS, REMEMBERED, TEMPLATE, files, tool

TREE = set(
    """
    .devcontainer/devcontainer.json
    .dockerignore
    .env.example
    .gitattributes
    .gitignore
    .hadolint.yaml
    .jupyter/jupyter_server_config.py
    .jupyter/labconfig/default_setting_overrides.json
    .pre-commit-config.yaml
    Dockerfile
    LICENSE
    Makefile
    README.md
    apt-dev.txt
    apt.txt
    compose.common.yaml
    compose.cuda.yaml
    compose.yaml
    data/external/.gitkeep
    data/interim/.gitkeep
    data/processed/.gitkeep
    data/raw/.gitkeep
    models/.gitkeep
    notebooks/01-explore.ipynb
    pyproject.toml
    reports/figures/.gitkeep
    scripts/add-service.Dockerfile
    scripts/add-service.sh
    scripts/add_service.py
    scripts/backup.sh
    scripts/build.sh
    scripts/clean.sh
    scripts/common.sh
    scripts/compare_images.py
    scripts/doctor.sh
    scripts/example.sh
    scripts/gpu.sh
    scripts/help.sh
    scripts/image/apt-install.sh
    scripts/image/base.sh
    scripts/image/bytecode.py
    scripts/image/extra.sh
    scripts/image/lists.sh
    scripts/image/new-packages.sh
    scripts/image/project.sh
    scripts/image/same_times.py
    scripts/notebook.sh
    scripts/password.sh
    scripts/reproduce.sh
    scripts/run.sh
    scripts/sbom.py
    scripts/sbom.sh
    scripts/services.sh
    scripts/stop.sh
    scripts/template.sh
    src/my_data_project/__init__.py
    src/my_data_project/data.py
    src/my_data_project/evaluate.py
    src/my_data_project/features.py
    src/my_data_project/files.py
    src/my_data_project/gpu.py
    src/my_data_project/model.py
    src/my_data_project/predict.py
    src/my_data_project/train.py
    tests/test_gpu.py
    tests/test_notebooks.py
    tests/test_pipeline.py
    """.split()
)
TREE |= REMEMBERED
CI = {"github": {".github/workflows/ci.yml"}, "gitlab": {".gitlab-ci.yml"}, "none": set()}
DEFAULT_TREE = TREE | CI[OPTIONS["ci"][0]]
# What the other choices add.
OPTIONAL = {
    *set().union(*CI.values()),
    "scripts/image/mirror.sh",
    "src/my_data_project/services.py",
}

TARGETS = """help build notebook stop shell run data train predict gpu test lint format add lock up down ps logs
add-service doctor clean release sbom reproduce""".split()


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
# Files that have no parser, or a test of their own below.
OTHER = """
    .dockerignore .env.example .gitattributes .gitignore .gitkeep Dockerfile LICENSE Makefile README.md
    add-service.Dockerfile apt-dev.txt apt.txt
""".split()


@pytest.mark.parametrize("ci", OPTIONS["ci"])
def test_exact_tree(baked, ci):
    assert files(baked(ci=ci)) == TREE | CI[ci]


def test_mirror_is_for_pytorch_alone(baked):
    having = [framework for framework in OPTIONS["framework"] if files(baked(framework=framework)) - DEFAULT_TREE]
    assert having == ["pytorch"]


def test_no_other_choice_changes_the_tree(project):
    package = next(project.glob("src/*")).name
    tree = {path.replace(f"src/{package}/", "src/my_data_project/") for path in files(project)}
    assert {path for path in tree - OPTIONAL if not path.startswith("services/")} == TREE


def test_every_file_parses(project):
    for path in map(project.joinpath, files(project)):
        # A service may be in any language.
        ours = "services" not in path.relative_to(project).parts or path.suffix in PARSERS
        if path.name in OTHER or not ours:
            continue
        try:
            PARSERS[path.suffix](path.read_text(encoding="utf-8"))
        except Exception as error:
            pytest.fail(f"{path.relative_to(project)}: {error!r}")


def test_nothing_is_left_unrendered(project):
    for name in files(project):
        text = (project / name).read_text(encoding="utf-8")
        # Docker's own templates, and those of GitHub, are not Jinja.
        if name.startswith("scripts/"):
            text = re.sub(r"\{\{(?![^{}]*cookiecutter)[^{}]*\}\}", "", text)
            # What calls cookiecutter.
            text = text.replace("cookiecutter", "") if name.startswith("scripts/add") else text
        if name.startswith(".github/"):
            text = re.sub(r"\$\{\{ [\w.]+ \}\}", "", text)
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
        assert re.fullmatch(r"\S.*\S\n|\s+Apache License\n.*\S\n", text, re.DOTALL), name


def test_scripts_can_be_run_and_nothing_else(project):
    runnable = {name for name in files(project) if (project / name).stat().st_mode & stat.S_IXUSR}
    scripts = {path.relative_to(project).as_posix() for path in project.glob("scripts/**/*.sh")}
    assert {name for name in runnable if not name.startswith("services/")} == scripts - {"scripts/common.sh"}


def test_shellcheck_finds_nothing(baked):
    strict = ("--norc", "--shell=sh", "--external-sources", "--severity=style")
    project = baked(**EVERY_SERVICE)
    scripts = sorted(name for name in files(project) if name.endswith(".sh"))
    done = subprocess.run([tool("shellcheck"), *strict, *scripts], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_hadolint_finds_nothing(project):
    strict = ("--no-color", "--disable-ignore-pragma", "-t", "style", "--config", os.devnull)
    dockerfiles = sorted(name for name in files(project) if name.endswith("Dockerfile"))
    done = subprocess.run([tool("hadolint"), *strict, *dockerfiles], cwd=project, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def make(project, *arguments):
    done = subprocess.run(["make", *arguments], cwd=project, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_makefile_parses(project):
    assert "scripts/help.sh\n" in make(project, "-n", "help")


def test_help_lists_every_documented_target(default):
    documented = re.findall(r"^([^\s:#]+):.*##", (default / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    listed = re.findall(r"^  (\S+) +\S", make(default), re.MULTILINE)
    assert listed[: len(documented)] == documented
    assert set(TARGETS) <= set(documented)


def git(folder, *arguments):
    me = ("-c", "user.name=me", "-c", "user.email=me@example.org", "-c", "core.excludesFile=")
    done = subprocess.run(["git", *me, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def test_git_takes_the_project_and_leaves_data_and_secrets(default, tmp_path):
    ignored = """
        data/x.csv data/raw/x.csv data/raw/2024/x.csv data/mine/x.csv models/m.joblib
        .env .local/jupyter_token .jupyter/lab/settings .venv/pyvenv.cfg
        src/my_data_project/__pycache__/data.pyc notebooks/.ipynb_checkpoints/01-explore.ipynb
    """.split()
    taken = ["uv.lock", "reports/metrics.json", "reports/figures/roc_curve.png", "src/my_data_project/data/x.py"]
    folder = tmp_path / "project"
    shutil.copytree(default, folder, ignore=shutil.ignore_patterns(".git", "data.py"))
    git(folder, "init")
    for name in ignored + taken:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    git(folder, "add", "--all")
    tracked = set(git(folder, "ls-files").splitlines())
    assert tracked == DEFAULT_TREE - {"src/my_data_project/data.py"} | set(taken)


def test_git_repository_is_made(default):
    assert git(default, "symbolic-ref", "HEAD") == "refs/heads/main\n"


def test_no_repository_is_made_inside_another(command, out):
    git(out, "init")
    assert command("--no-input").returncode == 0
    assert not (out / "my-data-project" / ".git").exists()
    assert files(out / "my-data-project") == DEFAULT_TREE


def test_command_line_generates_and_says_what_comes_next(command, out):
    done = command("--no-input", "project_name=Bees & trees")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-5:-1] == ["", "  cd bees-trees", "  make build", "  make notebook"]
    tree = {name.replace("src/bees_trees/", "src/my_data_project/") for name in files(out / "bees-trees")}
    assert tree == DEFAULT_TREE


@pytest.fixture
def template(tmp_path):
    """A copy of the template, to be changed."""
    folder = tmp_path / "template"
    for name in ("cookiecutter.json", "local_extensions.py", "hooks", "{{cookiecutter.project_slug}}"):
        copy = shutil.copytree if (TEMPLATE / name).is_dir() else shutil.copy
        folder.mkdir(exist_ok=True)
        copy(TEMPLATE / name, folder / name)
    return folder


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


# Tools for the hook, which say nothing and are content unless a test wants otherwise.
CONTENT = dict.fromkeys(("hadolint", "docker", "git"), "exit 0")


@pytest.fixture
def command_with(command, tmp_path):
    """Run cookiecutter where these tools alone exist, each a line of shell."""

    def run(tools):
        folder = tmp_path / "bin"
        folder.mkdir()
        for name, line in tools.items():
            (folder / name).write_text(f"#!/bin/sh\n{line}\n")
            (folder / name).chmod(0o755)
        # hadolint is also looked for beside the interpreter, so that is one of its own.
        (folder / "python").symlink_to(os.path.realpath(sys.executable))
        environment = {"PATH": str(folder), "PYTHONPATH": str(Path(cookiecutter.__file__).parent.parent)}
        return command("--no-input", python=folder / "python", env=environment)

    return run


@pytest.mark.parametrize("missing", [(), *((name,) for name in CONTENT), tuple(CONTENT)], ids=", ".join)
def test_each_missing_tool_costs_one_note(command_with, out, missing):
    done = command_with({name: line for name, line in CONTENT.items() if name not in missing})
    assert done.returncode == 0, done.stderr
    notes = re.findall("^note: (\\w+) is not here", done.stdout, re.MULTILINE)
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
    ids=["no compose plugin", "WSL without Docker", "old compose", "old hadolint"],
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


def test_settings_of_the_reader_do_not_count(command, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("services: broken")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".hadolint.yaml").write_text("ignored: [DL3006]\nfailure-threshold: broken\n")
    done = command("--no-input", env={**os.environ, "COMPOSE_FILE": str(other), "HOME": str(home)})
    assert done.returncode == 0, done.stderr


def test_flaw_in_the_dockerfile_stops_generation(command, template, out):
    with open(template / "{{cookiecutter.project_slug}}" / "Dockerfile", "a", encoding="utf-8") as file:
        file.write("RUN cd /tmp\n")
    done = command("--no-input", template=template)
    assert done.returncode != 0
    assert re.search(r"^error: .*DL3003", done.stderr, re.MULTILINE), done.stderr
    assert list(out.iterdir()) == []


def test_hole_in_dockerignore_stops_generation(command, template, out):
    file = template / "{{cookiecutter.project_slug}}" / ".dockerignore"
    # A comment behind a pattern is a part of it, for Docker.
    file.write_text(file.read_text(encoding="utf-8").replace("**/.env\n", "**/.env  # secrets\n"), encoding="utf-8")
    done = command("--no-input", template=template)
    assert done.returncode != 0
    assert "error: .dockerignore lets src/.env into an image\n" in done.stderr
    assert list(out.iterdir()) == []


@pytest.fixture(scope="module")
def hook():
    """The functions of the hook. It is a script, and runs when imported, so they are taken out of it."""
    script = ast.parse((TEMPLATE / "hooks" / "post_gen_project.py").read_text(encoding="utf-8"))
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef)
    wanted = [node for node in script.body if isinstance(node, kinds) or ast.unparse(node).startswith("PRIVATE =")]
    names = {}
    exec(compile(ast.Module(wanted, []), "post_gen_project.py", "exec"), names)
    return SimpleNamespace(**names)


DOCKERIGNORE = (TEMPLATE / "{{cookiecutter.project_slug}}" / ".dockerignore").read_text(encoding="utf-8").splitlines()
# Useless in an image, but no secret.
HARMLESS = ("**/.ipynb_checkpoints", "**/__pycache__", "**/*.pyc")


@pytest.mark.parametrize(
    "line", [line for line in DOCKERIGNORE if line and not line.startswith(("#", "!")) and line not in HARMLESS]
)
def test_hook_misses_every_line_of_dockerignore(hook, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    Path(".dockerignore").write_text("\n".join(DOCKERIGNORE), encoding="utf-8")
    assert hook.check_dockerignore() == []
    Path(".dockerignore").write_text("\n".join(other for other in DOCKERIGNORE if other != line), encoding="utf-8")
    assert hook.check_dockerignore() != []


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
def test_dockerignore_is_read_as_docker_reads_it(hook, patterns, out, into):
    assert [path for path in out + into if hook.enters_build(path, patterns)] == into
