"""How often a command calls the engine's client: each call takes tens of milliseconds, whatever the machine."""

import os
import shutil

import pytest

pytestmark = pytest.mark.docker


@pytest.fixture
def calls(tmp_path):
    """Return a PATH whose docker counts its calls, and a function that returns the calls since the last time."""
    log = tmp_path / "calls"
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$*" >>"{log}"\nexec {shutil.which("docker")} "$@"\n')
    program.chmod(0o755)

    def since():
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    return f"{program.parent}:{os.environ['PATH']}", since


def test_up_with_two_services(generate, calls):
    path, since = calls
    project = generate("calls", services="postgres, redis")
    project.ok("up", PATH=path)
    assert 0 < len(since()) <= 8
    project.ok("up", PATH=path)
    assert 0 < len(since()) <= 8


def test_build_with_nothing_to_do(built, calls):
    path, since = calls
    built.ok("build")
    built.ok("build", PATH=path)
    assert [line.split()[0] for line in since()] == ["build"]
