"""The container of an editor is like that of the notebook, and reaches services."""

import json
import shutil
import subprocess

import pytest
from support import docker

pytestmark = pytest.mark.docker


@pytest.fixture
def project(with_service):
    project = with_service("redis")
    yield project
    project.ok("stop")
    project.ok("clean")


def test_editor_has_the_container_of_the_project(project, tmp_path):
    """As an editor does: the command first, then Compose with the file that it names."""
    data = tmp_path / "data"
    data.mkdir()
    project.ok("up")
    configuration = json.loads(project.read(".devcontainer/devcontainer.json"))
    project.ok(configuration["initializeCommand"].removeprefix("make "), DATA_DIR=str(data))
    file = project.path / ".devcontainer" / configuration["dockerComposeFile"]
    assert file.stat().st_mode & 0o777 == 0o600
    name = project.setting("COMPOSE_PROJECT_NAME")
    docker("compose", "--project-name", name, "--file", str(file), "up", "--detach", *configuration["runServices"])

    def run(command):
        editor = f"{name}-{configuration['service']}-1"
        return docker("exec", "--workdir", configuration["workspaceFolder"], editor, "sh", "-c", command)

    run("echo new >data/note && echo new >reports/note")
    assert (data / "note").read_text() == "new\n"
    assert (project.path / "reports" / "note").stat().st_uid == project.path.stat().st_uid
    ask = "from services.redis.client import client; print(client().ping())"
    assert run(f'python -c "{ask}"') == "True"
    assert "Read-only" in run("touch /etc/new 2>&1 || true")
    assert "0000000000000000" in run("grep CapEff /proc/self/status")
    # `make up` and `make notebook` leave it alone, and `make stop` stops it.
    project.ok("up")
    run("true")
    assert "stopped" in project.ok("stop")


@pytest.mark.skipif(not shutil.which("npx"), reason="Node.js is not installed on this machine")
def test_command_line_of_dev_containers_works(project):
    def devcontainer(*arguments):
        command = ["npx", "--yes", "@devcontainers/cli", *arguments[:1], "--workspace-folder", ".", *arguments[1:]]
        done = subprocess.run(command, cwd=project.path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert json.loads(devcontainer("up").splitlines()[-1])["outcome"] == "success"
    project.ok("up")
    assert "/opt/venv/bin/python" in devcontainer("exec", "python", "-c", "import sys; print(sys.executable)")
    assert "True" in devcontainer(
        "exec", "python", "-c", "from services.redis.client import client; print(client().ping())"
    )
