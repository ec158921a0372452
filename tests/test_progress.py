"""What commands show while they work for long: on a terminal, and in a log."""

import os
import pty
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import TEMPLATE
from support import docker, unique, wait_until

# The output of BuildKit. It goes on when there are files with the names `first` and `second`.
BUILD = r"""
say() { printf '%s\n' "$@"; }
wait_for() { for _ in $(seq 600); do [ ! -e "$1" ] || return 0; sleep 0.1; done; }
say '#0 building with "default" instance' '' '#1 [internal] load build definition' '#1 DONE 3.0s' ''
say '#5 [cpu 1/1] FROM docker.io/library/python:3@sha256:12ab' '#5 sha256:12ab 6.29MB / 31.2MB 0.9s'
wait_for first
say '#5 DONE 2.1s' '' '#6 [base 1/2] WORKDIR /workspace' '#6 CACHED' '' '#7 [tools 1/1] RUN apt' '#7 0.1 Reading lists'
say '' '#12 [large 1/1] RUN --mount=type=bind,from=uv  --mount=type=cache  uv  && python -BI /build/same_times.py'
say '#12 1.621 Downloading scipy (33.7MiB)'
wait_for second
say '#7 [tools 1/1] RUN apt' '#7 0.2 Done' '#7 DONE 0.3s' '' '#12 DONE 3.4s' '' '#13 [dev 1/1] COPY . .' '#13 DONE 0.0s'
say '#14 exporting to image' '#14 exporting layers 1.2s done' '#14 DONE 1.2s'
"""
STEPS = ["2.1s  [cpu 1/1] FROM docker.io/library/python:3", "0.3s  [tools 1/1] RUN apt", "3.4s  [large 1/1] RUN uv"]
STEPS += ["1.2s  exporting to image"]


def on_terminal(command: list[str], cwd: Path, files: dict[str, str] | None = None) -> str:
    """Run a command on a terminal, and return what it showed there. Make a file when its text in `files` is shown."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=cwd)
    os.close(theirs)
    shown = b""
    # Linux fails at the end, when nobody has the terminal open any more.
    try:
        while part := os.read(ours, 65536):
            shown += part
            for text, name in (files or {}).items():
                if text.encode() in shown:
                    (cwd / name).touch()
    except OSError:
        pass
    os.close(ours)
    assert process.wait() == 0, shown
    return shown.decode()


@pytest.fixture(params=[shell for shell in ("dash", "bash") if shutil.which(shell)])
def build(request, default, tmp_path):
    """Return a command that runs the file build.sh, with the lines in BUILD, as `make build` runs Docker."""
    shutil.copytree(default / "docker" / "lib", tmp_path / "lib")
    (tmp_path / "build.sh").write_text(BUILD)
    return [request.param, "-euc", ". lib/output.sh; hand_over() { :; }; follow_build log sh build.sh"]


def test_steps_in_a_log_are_a_line_each(build, tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).touch()
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True)
    assert [line.strip() for line in done.stdout.splitlines()] == STEPS
    assert (done.returncode, done.stderr) == (0, "")
    assert "Downloading scipy" in (tmp_path / "log").read_text()


def test_terminal_shows_what_is_running_its_time_and_size(build, tmp_path):
    states = ["[cpu 1/1] 6.29MB / 31.2MB 0.9s", "[large 1/1] Downloading scipy (33.7MiB)"]
    shown = on_terminal(build, tmp_path, dict(zip(states, ("first", "second"), strict=True)))
    # The terminal cuts the line off at its edge, and does not wrap it.
    for state in states:
        assert re.search(rf"\r\033\[K.*\033\[\?7l +[1-9]\d*s  {re.escape(state)}\033\[\?7h", shown, re.S)
    # It is gone when the build ends: what stays is the same as in a log.
    kept = re.sub(r"\033\[\?7l.*?\r\033\[K|\r\033\[K", "", shown)
    assert [line.strip() for line in kept.splitlines()] == STEPS


def test_failed_build_keeps_its_log_and_fails(build, tmp_path):
    (tmp_path / "build.sh").write_text("echo 'ERROR: no such file' >&2; exit 3\n")
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    assert (tmp_path / "log").read_text() == "ERROR: no such file\nexit status 3\n"


def test_first_make_new_says_what_it_installs(tmp_path):
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(TEMPLATE / name, tmp_path)
    # In place of Python: it makes a virtual environment that contains itself, and does nothing else.
    python = tmp_path / "python"
    copies = 'mkdir -p .venv/bin; for name in python cookiecutter; do cp "$0" .venv/bin/$name; done'
    python.write_text(f'#!/bin/sh\ncase "$*" in "-m venv "*) {copies} ;; esac\n')
    python.chmod(0o755)
    command = ["make", "new", f"PYTHON={python}"]
    first, second = (subprocess.run(command, cwd=tmp_path, capture_output=True, text=True) for _ in range(2))
    assert first.stderr.startswith("installing cookiecutter and the tools for tests and documentation in .venv")
    assert first.stderr.count("\n") == 1
    assert (first.returncode, second.returncode, second.stderr) == (0, 0, "")


@pytest.mark.docker
def test_resolving_versions_is_a_step_and_nothing_to_do_is_none(copy):
    project = copy()
    lines = project.ok("lock").splitlines()
    assert lines[0] == "resolving versions"
    # On a busy machine, writing the result takes long enough to be a line, too.
    assert any(re.fullmatch(r" +\d+\.\ds  \[resolve 1/1\] RUN /build/resolve.sh", line) for line in lines)
    # The copy has no log yet with which the image could be compared.
    assert re.search(rf"^built {project.slug}:cpu \(\d[\d.]+[MG]B\)$", project.ok("build"), re.M)
    expected = [f"building {project.slug}:cpu", f"built {project.slug}:cpu", "next: make notebook"]

    def steps(text):
        # On a busy machine, looking at a base image and writing the result take long enough to be lines, too.
        quick = r" +\d+\.\ds  (\[\w+ 1/1\] FROM |exporting to image)"
        return [line for line in text.splitlines() if not re.match(quick, line)]

    assert steps(project.ok("build")) == expected
    shown = on_terminal(["make", "build"], project.path)
    assert steps(re.sub(r"\033\[\?7l.*?\r\033\[K|\r\033\[K", "", shown)) == expected


@pytest.mark.docker
def test_pulling_an_image_shows_its_progress_on_a_terminal(generate):
    project, registry = generate("pull", framework="none", services="redis"), unique("registry")
    docker("run", "--detach", "--name", registry, "--publish", "127.0.0.1::5000", "registry:2")
    try:
        image = f"{docker('port', registry, '5000')}/redis:8"
        compose = project.path / "services" / "redis" / "compose.yaml"
        compose.write_text(compose.read_text().replace("image: ${REGISTRY_PREFIX:-}redis:8", f"image: {image}"))
        assert image in compose.read_text()
        if not docker("image", "ls", "--quiet", "redis:8"):
            docker("pull", "redis:8")
        docker("tag", "redis:8", image)
        # The registry may not answer yet.
        wait_until(lambda: "digest: " in docker("push", image, check=False))
        docker("image", "rm", image)
        log = project.ok("up")
        assert log.splitlines()[:2] == [f"pulling {image}", "starting redis"]
        project.ok("down")
        docker("image", "rm", image)
        shown = on_terminal(["make", "up"], project.path)
        assert f"Status: Downloaded newer image for {image}" in shown
    finally:
        docker("rm", "--force", "--volumes", registry)
        docker("image", "rm", image, check=False)
