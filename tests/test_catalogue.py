"""The catalogue as a whole: a new folder is enough, picks in any order, and all services together."""

import json
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from conftest import EVERY_SERVICE, SERVICES, TEMPLATE, files, tool
from support import Project, free_port, unique

COMPOSE = """services:
  fourteenth:
    extends: {file: ../../compose.common.yaml, service: hardened}
    image: busybox:1
    user: "1000"
    command: httpd -f -p 8099 -h /etc
    environment: {FOURTEENTH: "${FOURTEENTH_PASSWORD:?}"}
    ports:
      - {host_ip: 127.0.0.1, published: "${FOURTEENTH_PORT:-18099}", target: 8099}
    healthcheck: {test: "wget -qO /dev/null 127.0.0.1:8099/passwd", interval: 1s}
"""
EXAMPLE = '''"""Say hello."""

print("hello from the fourteenth")
'''


@pytest.fixture
def template(tmp_path):
    """This repository, with one folder more."""
    folder = tmp_path / "template"
    ignored = shutil.ignore_patterns(".git", ".venv", "_build", "__pycache__", ".*_cache")
    shutil.copytree(TEMPLATE, folder, ignore=ignored)
    (folder / ".venv").symlink_to(TEMPLATE / ".venv")
    service = folder / "{{cookiecutter.project_slug}}" / "services" / "fourteenth"
    service.mkdir()
    (service / "compose.yaml").write_text(COMPOSE)
    (service / "example.py").write_text(EXAMPLE)
    (service / "README.md").write_text("# fourteenth\n\nScrub: a box that is busy.\n\n## Use it\n\nZanzibar.\n")
    return folder


def test_new_folder_is_offered_at_the_prompt(template, command, out):
    done = command(template=template, input="\n" * 20, cwd=out)
    assert done.returncode == 0, done.stderr
    listed = re.findall(r"^    (\S+)  +([a-z]+(?:, [a-z]+)*): .+\.$", done.stdout, re.MULTILINE)
    assert [name for name, _ in listed] == sorted([*SERVICES, "fourteenth"])
    assert ("fourteenth", "scrub") in listed
    assert done.stdout.index("a box that is busy.") < done.stdout.index("Which services?")


def test_nothing_is_offered_where_nobody_is_asked(command):
    assert "Services:" not in command("--no-input").stdout


def test_new_folder_is_in_the_documentation(template, tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "--quiet", template / "docs", tmp_path / "site"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "reference" / "services.html").read_text(encoding="utf-8")
    assert "a box that is busy." in page and "Zanzibar" in page
    assert "fourteenth" in (tmp_path / "site" / "reference" / "answers.html").read_text(encoding="utf-8")


def test_new_folder_is_in_the_matrix_of_ci(template):
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


def test_new_folder_is_in_the_project_and_its_help(template, command, out):
    done = command("--no-input", "services=fourteenth", template=template, cwd=out)
    assert done.returncode == 0, done.stderr
    project = out / "my-data-project"
    assert {name for name in files(project) if name.startswith("services/")} == {
        f"services/fourteenth/{name}" for name in ("README.md", "compose.yaml", "example.py")
    }
    said = subprocess.run(["make"], cwd=project, capture_output=True, text=True).stdout
    assert re.search("^  example-fourteenth +Try fourteenth", said, re.MULTILINE)
    assert "[fourteenth](services/fourteenth/README.md) | a box that is busy. |" in (project / "README.md").read_text()


def test_new_folder_is_named_where_an_answer_is_wrong(template, command, out):
    done = command("--no-input", "services=fourtenth", template=template, cwd=out)
    assert "Did you mean fourteenth?" in done.stdout + done.stderr


@pytest.mark.docker
def test_new_folder_can_be_started(engine, template, command, out):
    slug = unique("fourteenth")
    done = command("--no-input", "services=fourteenth", f"project_slug={slug}", template=template, cwd=out)
    assert done.returncode == 0, done.stderr
    project = Project(out / slug)
    try:
        port = free_port()
        assert f"http://127.0.0.1:{port}" in project.ok("up", f"FOURTEENTH_PORT={port}")
        password = re.search("^FOURTEENTH_PASSWORD=([0-9a-f]{32})$", project.read(".env"), re.MULTILINE)[1]
        assert f"FOURTEENTH={password}" in project.inspect(project.container("fourteenth"))["Config"]["Env"]
        assert (project.path / ".env").stat().st_mode & 0o777 == 0o600
    finally:
        project.remove()


def test_services_are_picked_in_any_order_with_blanks_and_twice(baked):
    names = list(reversed(SERVICES))
    many = baked(services=" , ".join([*names, names[0], "none"]) + " ,")
    once = baked(**EVERY_SERVICE)
    assert files(many) == files(once)
    included = re.findall("^  - services/(.*)/compose.yaml$", (many / "compose.yaml").read_text(), re.MULTILINE)
    assert included == names


def test_ruff_and_shellcheck_read_the_code_of_services(baked):
    project = baked(**EVERY_SERVICE)
    done = subprocess.run([tool("ruff"), "check", "--show-files"], cwd=project, capture_output=True, text=True)
    code = {str(project / name) for name in files(project) if name.startswith("services/") and name.endswith(".py")}
    assert code <= set(done.stdout.splitlines())


@pytest.mark.docker
def test_all_services_together(generate):
    project = generate("together", **EVERY_SERVICE)
    project.ok("build")
    try:
        project.ok("up")
        for service in SERVICES:
            assert project.ok(f"example-{service}").strip(), service
        # All are as they were, and the notebook is there beside them.
        project.notebook()
        about = [project.inspect(name) for name in project.containers()]
        assert {each["State"]["Health"]["Status"] for each in about} == {"healthy"}
        assert [each["RestartCount"] for each in about if each["RestartCount"]] == []
    finally:
        project.ok("stop")
        project.ok("down")
