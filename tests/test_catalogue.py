"""The catalogue as a whole: needs, a new service and a new framework as a folder, and all services together."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from conftest import EVERY_SERVICE, FRAMEWORKS, OPTIONS, SERVICES, TEMPLATE, files, tool
from support import Project, docker, free_port, unique

from generation import services
from generation.prompts import STEPS, list_frameworks, list_services

COMPOSE = """services:
  fourteenth:
    extends: {file: ../../docker/compose.base.yaml, service: hardened}
    image: busybox:1
    user: "1000"
    command: httpd -f -p 8099 -h /etc
    secrets: [fourteenth_password]
    ports:
      - {host_ip: 127.0.0.1, published: "${FOURTEENTH_PORT:-18099}", target: 8099}
    healthcheck: {test: "wget -qO /dev/null 127.0.0.1:8099/passwd", interval: 1s}
secrets:
  fourteenth_password:
    file: ../../.local/secrets/fourteenth_password
"""
SERVICE = {
    "compose.yaml": COMPOSE,
    "example.py": '"""Say hello."""\n\nprint("hello from the fourteenth")\n',
    "README.md": "# fourteenth\n\nScrub: a busy box.\n\n## Use it\n\nZanzibar.\n",
    ".env.example": "# The port of fourteenth.\n#FOURTEENTH_PORT=18099\n#FOURTEENTH_PASSWORD=\n",
}

MODEL = '''"""The model: the class whose mean is nearer. Put your own here."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from {{ cookiecutter.package_name }}.files import ROOT, atomic_path

FILE = ROOT / "models" / "means.npz"


@dataclass
class Model:
    """The mean of each class, in units of the deviation of each feature."""

    columns: np.ndarray
    scale: np.ndarray
    means: np.ndarray


def fit(features: pd.DataFrame, target: pd.Series) -> Model:
    """Return a model trained on these rows."""
    scale = features.std().to_numpy()
    means = (features.groupby(target.to_numpy()).mean() / scale).to_numpy()
    return Model(features.columns.to_numpy(dtype=str), scale, means)


def columns(model: Model) -> list[str]:
    """Return the names of the features that the model needs."""
    return list(model.columns)


def probability(model: Model, features: pd.DataFrame) -> np.ndarray:
    """Return the probability of a true target, from 0 to 1, for each row."""
    x = features[columns(model)].to_numpy() / model.scale
    false, true = (((x - mean) ** 2).sum(axis=1) for mean in model.means)
    return false / (false + true)


def save(model: Model, file: Path) -> None:
    """Write the model to a file."""
    with atomic_path(file) as path:
        np.savez(path, **vars(model))


def load(file: Path) -> Model:
    """Read a model that `save` wrote."""
    with np.load(file) as arrays:
        return Model(**arrays)
'''
FRAMEWORK = {"framework.json": '{"about": "the class whose mean is nearer"}\n', "model.py": MODEL}


@pytest.fixture
def template(tmp_path):
    """This repository with one more service and one more framework, each of them a folder."""
    folder = tmp_path / "template"
    ignored = shutil.ignore_patterns(".git", ".venv", "_build", "__pycache__", ".*_cache")
    shutil.copytree(TEMPLATE, folder, ignore=ignored)
    (folder / ".venv").symlink_to(TEMPLATE / ".venv")
    for parent, texts in (("services/fourteenth", SERVICE), ("templates/frameworks/nearest-mean", FRAMEWORK)):
        (folder / parent).mkdir()
        for name, text in texts.items():
            (folder / parent / name).write_text(text, encoding="utf-8")
    return folder


def test_new_folders_are_listed_before_the_prompts(template, command):
    done = command(template=template, input="\n" * 20)
    assert done.returncode == 0, done.stderr
    before, after = done.stdout.split(f"\n  {list_services()[0]}\n")
    listed, _, _ = after.partition("Services, separated by commas")
    groups = re.findall(r"^    ([A-Z]\w+): ", listed, re.MULTILINE)
    assert groups == [step.capitalize() for step in STEPS if step.capitalize() in groups]
    assert sorted(re.findall(r"^      (\S+)  +\S.*\.$", listed, re.MULTILINE)) == sorted([*SERVICES, "fourteenth"])
    assert re.search(r"^    Scrub: .*\n(      .*\n)*      fourteenth +a busy box\.$", listed, re.MULTILINE)
    frameworks = before.split("\n  Frameworks:\n")[1]
    names = re.findall(r"^    (\S+)  +\S", frameworks, re.MULTILINE)
    assert sorted(names) == sorted([*FRAMEWORKS, "nearest-mean"]) and names[-1] == "none"


def test_nothing_is_listed_without_a_prompt(command):
    printed = command("--no-input").stdout
    assert list_services()[0] not in printed and list_frameworks()[0] not in printed


def test_new_folders_are_in_the_documentation(template, tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "--quiet", template / "docs", tmp_path / "site"]
    done = subprocess.run(command, cwd=template, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = [page.read_text(encoding="utf-8") for page in (tmp_path / "site").rglob("*.html")]
    for words in ("A busy box.", "Zanzibar", "nearest-mean"):
        assert any(words in page for page in pages), words


def test_new_service_is_in_the_matrix_of_ci(template):
    workflow = yaml.safe_load((template / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    (step,) = [step for step in workflow["jobs"]["catalogue"]["steps"] if step.get("id") == "list"]
    output = template / "output"
    done = subprocess.run(
        ["bash", "-ec", step["run"]], cwd=template, env={"PATH": "/usr/bin:/bin", "GITHUB_OUTPUT": str(output)}
    )
    assert done.returncode == 0
    name, _, value = output.read_text().partition("=")
    assert json.loads(value) == sorted([*SERVICES, "fourteenth"])
    matrix = workflow["jobs"]["service"]["strategy"]["matrix"]
    assert matrix == {"service": f"${{{{ fromJSON(needs.catalogue.outputs.{name}) }}}}"}


def test_new_service_is_in_the_project_and_its_help(template, command, out):
    done = command("--no-input", "services=fourteenth", template=template)
    assert done.returncode == 0, done.stderr
    project = out / "my-data-project"
    written = {name for name in files(project) if name.startswith("services/")}
    assert written == {"services/access.py", *(f"services/fourteenth/{name}" for name in SERVICE)}
    said = subprocess.run(["make"], cwd=project, capture_output=True, text=True).stdout
    assert re.search("^  example-fourteenth +", said, re.MULTILINE)


def test_new_folders_are_suggested_for_wrong_answers(template, command):
    done = command("--no-input", "services=fourtenth", template=template)
    assert "Did you mean fourteenth?" in done.stdout
    done = command("--no-input", "framework=nearest", template=template)
    assert "Did you mean nearest-mean?" in done.stdout


def test_new_framework_gives_a_sound_project(template, command, out):
    done = command("--no-input", "framework=nearest-mean", template=template)
    assert done.returncode == 0, done.stderr
    project = out / "my-data-project"
    for arguments in (("check",), ("format", "--check")):
        done = subprocess.run([tool("ruff"), *arguments, "--no-cache"], cwd=project, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    assert "nearer" in (project / "src" / "my_data_project" / "model.py").read_text()
    assert "scikit-learn" not in (project / "pyproject.toml").read_text()


@pytest.mark.docker
def test_new_framework_can_be_trained(engine, template, command, out):
    slug = unique("sixth")
    done = command("--no-input", "framework=nearest-mean", f"project_slug={slug}", template=template)
    assert done.returncode == 0, done.stderr
    project = Project(out / slug)
    try:
        project.ok("build")
        assert "wrote models/means.npz" in project.ok("train")
        assert json.loads(project.read("reports/metrics.json"))["roc_auc"] > 0.9
        assert " passed" in project.ok("test")
        project.ok("clean", "IMAGES=1")
        assert docker("image", "ls", "--quiet", slug) == ""
    finally:
        project.remove()


@pytest.mark.docker
def test_new_service_can_be_started(engine, template, command, out):
    slug = unique("fourteenth")
    done = command("--no-input", "services=fourteenth", f"project_slug={slug}", template=template)
    assert done.returncode == 0, done.stderr
    project = Project(out / slug)
    try:
        port = free_port()
        assert f"http://127.0.0.1:{port}" in project.ok("up", f"FOURTEENTH_PORT={port}")
        password = re.search("^FOURTEENTH_PASSWORD=([0-9a-f]{32})$", project.read(".env"), re.MULTILINE)[1]
        assert project.read(".local/secrets/fourteenth_password").strip() == password
        assert (project.path / ".env").stat().st_mode & 0o777 == 0o600
    finally:
        project.remove()


@pytest.fixture
def needs(monkeypatch):
    """Replace the catalogue: `needs(a="b", b="")` has two services, and `a` needs `b`."""

    def replace(**needed):
        monkeypatch.setattr(services, "catalogue", lambda: sorted(needed))
        monkeypatch.setattr(services, "service_file", lambda service, name: needed[service].replace(" ", "\n"))

    return replace


@pytest.mark.parametrize(
    ("answer", "selected"),
    [
        ("none", []),
        ("c", ["c"]),
        ("b", ["c", "b"]),
        ("a", ["c", "b", "d", "a"]),
        ("d, a", ["d", "c", "b", "a"]),
        ("c,b,a,d", ["c", "b", "d", "a"]),
    ],
)
def test_needed_services_come_first_and_once(needs, answer, selected):
    needs(a="b d", b="c", c="", d="")
    assert services.selected(answer) == selected


def test_added_services_are_explained(needs):
    needs(a="b", b="c", c="", d="c")
    assert services.added_by_needs("d, c") == []
    assert services.added_by_needs("a") == [
        "b needs c, so c is added too.",
        "a needs b, so b is added too.",
    ]


@pytest.mark.parametrize("circle", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "d", "d": "b"}])
def test_circular_needs_are_an_error(needs, circle):
    needs(**circle)
    with pytest.raises(services.CircularNeedsError, match=r"-> (a|b)$"):
        services.selected("a")


def test_unknown_needs_are_an_error(needs):
    needs(a="b")
    with pytest.raises(services.UnknownServiceError, match=r"no service 'b', which a needs$"):
        services.selected("a")


def test_needs_of_the_real_catalogue_are_sound():
    assert sorted(services.with_needs(SERVICES)) == SERVICES


def test_selecting_a_service_selects_its_needs(command, out):
    done = command("--no-input", "services=scraper")
    assert "\nscraper needs postgres, so postgres is added too.\n" in done.stdout
    assert (out / "my-data-project" / "services" / "postgres" / "compose.yaml").exists()
    assert "psycopg" in (out / "my-data-project" / "pyproject.toml").read_text()


def test_services_can_be_given_in_any_order(baked):
    names = list(reversed(SERVICES))
    project = baked(services=" , ".join([*names, names[0], "none"]) + " ,")
    assert files(project) == files(baked(**EVERY_SERVICE))


def test_ruff_reads_the_code_of_services(baked):
    project = baked(**EVERY_SERVICE)
    done = subprocess.run([tool("ruff"), "check", "--show-files"], cwd=project, capture_output=True, text=True)
    code = {str(project / name) for name in files(project) if name.startswith("services/") and name.endswith(".py")}
    assert code <= set(done.stdout.splitlines())


@pytest.fixture
def newer_compose():
    """Return the variables that give Docker a newer Compose than the engine's own, or none: .ci/run provides it."""
    folder = os.environ.get("NEWER_COMPOSE")
    return {"DOCKER_CONFIG": folder} if folder else {}


def test_services_have_different_ports():
    lines = [line for service in SERVICES for line in services.service_file(service, ".env.example").splitlines()]
    ports = [line.partition("=")[2] for line in lines if re.match(r"#\w+_PORT=", line)]
    assert len(set(ports)) == len(ports) > 0, sorted(ports)


@pytest.mark.docker
@pytest.mark.parametrize("version", OPTIONS["python_version"][1:])
def test_other_pythons_have_packages_for_all_services(generate, version):
    """All services are built with them each week, and here with the default."""
    project = generate("versions", python_version=version, **EVERY_SERVICE)
    project.ok("lock")
    assert f'requires-python = "=={version}.*"' in project.read("uv.lock")


@pytest.mark.docker
@pytest.mark.timeout(2400)
def test_all_services_together(generate, newer_compose):
    """With a newer Compose, if there is one: test_services.py runs each service alone with the engine's own.

    A service whose image cannot be had is left out; test_services.py says so.
    """
    project = generate("together", **EVERY_SERVICE)
    for service in project.without_image():
        shutil.rmtree(project.path / "services" / service)
    project.ok("build", **newer_compose)
    project.ok("lint", **newer_compose)
    try:
        project.ok("up", **newer_compose)
        for service in sorted(path.parent.name for path in project.path.glob("services/*/compose.yaml")):
            assert project.ok(f"example-{service}", **newer_compose).strip(), service
        # All are as they were, and the notebook is there beside them.
        project.notebook(**newer_compose)
        about = [project.inspect(name) for name in project.containers()]
        assert {each["State"]["Health"]["Status"] for each in about} == {"healthy"}
        assert [each["RestartCount"] for each in about if each["RestartCount"]] == []
        labels = {each["Config"]["Labels"]["com.docker.compose.version"] for each in about}
        assert not newer_compose or all(int(version.split(".")[0]) >= 5 for version in labels), labels
    finally:
        project.ok("stop", **newer_compose)
        project.ok("down", **newer_compose)
