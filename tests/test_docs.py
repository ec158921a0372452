"""The documents are right: they build, and what they tell a reader to type does what they say."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support import Project, unique

TEMPLATE = Path(__file__).parent.parent


def commands(text: str) -> list[str]:
    """List the blocks that a reader is to type, in their order."""
    return re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)


def test_documentation_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "--quiet", TEMPLATE / "docs", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.docker
def test_tutorial_works_as_it_is_written(engine, tmp_path):
    slug = unique("tutorial")
    start = f"{shlex.quote(sys.executable)} -m cookiecutter {shlex.quote(str(TEMPLATE))} project_slug={slug}"
    text = (TEMPLATE / "docs" / "tutorial.md").read_text(encoding="utf-8")
    script = "".join(commands(text)).replace("cookiecutter gh:org/ds-docker", start).replace("cd tumours", f"cd {slug}")
    assert start in script
    try:
        done = subprocess.run(["bash", "-euc", script], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(r"^http://127.0.0.1:\d+/lab\?token=\w+$", done.stdout, re.M)
        assert list((tmp_path / slug / "models").glob("model.*"))
    finally:
        Project(tmp_path / slug).remove()


@pytest.mark.docker
def test_readme_of_a_project_works_as_it_is_written(other):
    table = re.findall(r"^\| (`make.*?) \|", other.read("README.md"), re.M)
    listed = [command for cell in table for command in re.findall("`(make .*?)`", cell)]
    assert {"make train", "make test", "make lint", "make clean"} <= set(listed)
    script = "".join(commands(other.read("README.md"))) + "\n".join(listed)
    done = subprocess.run(
        ["bash", "-euc", script.replace("make shell", "make shell </dev/null")],
        cwd=other.path,
        env={name: os.environ[name] for name in ("PATH", "HOME")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_readme_of_the_template_names_what_there_is():
    """The second command, which runs these tests, is run by .ci/run."""
    text = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", (TEMPLATE / "Makefile").read_text(), re.M))
    named = set(re.findall(r"^make ([a-z]+)", "".join(commands(text)), re.M))
    assert named and named <= targets
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    assert links and all((TEMPLATE / link).exists() for link in links)
