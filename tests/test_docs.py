"""The documentation is right: it builds, and the commands that it tells a reader to type work."""

import itertools
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import SERVICES
from markdown_it import MarkdownIt
from support import Project, unique

from benchmarks import report
from benchmarks.packages import measure
from docs._ext.template import help_comments
from generation import DOCUMENTATION

TEMPLATE = Path(__file__).parent.parent
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"


def read(*parts: str) -> str:
    return TEMPLATE.joinpath(*parts).read_text(encoding="utf-8")


def commands(text: str) -> list[str]:
    """Return the shell blocks that a reader types, in order. Blocks of kind `console` are only shown."""
    return [token.content for token in MarkdownIt().parse(text) if token.type == "fence" and token.info == "sh"]


def code_spans(text: str) -> list[str]:
    """Return the inline code in a Markdown text."""
    tokens = [child for token in MarkdownIt().enable("table").parse(text) for child in token.children or ()]
    return [token.content for token in tokens if token.type == "code_inline"]


def targets_named_in(text: str) -> set[str]:
    """Return the make targets that a text tells somebody to run, in blocks or inline."""
    lines = [*code_spans(text), *"".join(commands(text)).splitlines()]
    return {line.split()[1] for line in lines if line.startswith("make ") and len(line.split()) > 1}


def test_documentation_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "--quiet", TEMPLATE / "docs", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    gallery = (tmp_path / "reference" / "services.html").read_text(encoding="utf-8")
    for service in SERVICES:
        assert f'href="services/{service}.html"' in gallery
        assert (tmp_path / "reference" / "services" / f"{service}.html").exists()


def test_troubleshooting_quotes_errors_that_exist():
    """Each error that the page explains is a line of a script. `…` stands for anything."""
    page = read("docs", "how-to", "trouble.md").partition("## Problems without an error line")[0].splitlines()
    terms = [line for line, definition in itertools.pairwise(page) if definition.startswith(": ")]
    folders = (PROJECT / "docker", *(TEMPLATE / name for name in ("services", "generation", "hooks")))
    sources = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    lines = "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in sources).splitlines()
    for error in code_spans("\n\n".join(terms)):
        parts = [part.strip(" '") for part in error.split("…")]
        assert any(all(part in line for part in parts) for line in lines), error
    assert len(terms) > 50


@pytest.mark.docker
def test_tutorial_works_as_it_is_written(engine, tmp_path):
    slug = unique("tutorial")
    start = f"{shlex.quote(sys.executable)} -m cookiecutter {shlex.quote(str(TEMPLATE))} project_slug={slug}"
    text = read("docs", "tutorial.md")
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
    """Runs the commands in its blocks, then those in the first column of its tables."""
    text = other.read("README.md")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `make")]
    listed = [command for row in rows for command in code_spans(row)]
    assert {"make train", "make test", "make lint", "make clean"} <= set(listed)
    script = "".join(commands(text)) + "\n".join(listed)
    # A service that is not committed is removed only if asked for.
    script = script.replace("make remove-service", "make remove-service FORCE=1")
    done = subprocess.run(
        ["bash", "-euc", script.replace("make shell", "make shell </dev/null")],
        cwd=other.path,
        env={name: os.environ[name] for name in ("PATH", "HOME")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_readme_of_a_project_links_to_pages_that_exist(default):
    text = (default / "README.md").read_text(encoding="utf-8")
    pages = re.findall(re.escape(DOCUMENTATION) + r"/(\S+?\.md)\)", text)
    assert len(pages) > 10
    assert [page for page in pages if not (TEMPLATE / "docs" / page).exists()] == []


def test_readme_of_a_project_shows_its_tree(default):
    """Every folder and every file without a leading dot is in the tree, except for those that are not edited."""
    text = (default / "README.md").read_text(encoding="utf-8")
    tree = next(token.content for token in MarkdownIt().parse(text) if token.type == "fence" and token.info == "text")
    named = {line.split()[0].split("/")[0] for line in tree.splitlines()}
    there = {path.name for path in default.iterdir() if not path.name.startswith(".")}
    assert there - named == {"LICENSE", "README.md", "apt-build.txt", "apt-dev.txt"}
    assert named - there <= {".env.example", "services"}


def test_readme_of_a_project_links_to_this_version(default):
    text = (default / "README.md").read_text(encoding="utf-8")
    links = re.findall(rf"\]\({re.escape(DOCUMENTATION)}/([^)]+)\)", text)
    assert len(links) > 10 and all((TEMPLATE / "docs" / link).exists() for link in links)
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert f"/v{version}/" in DOCUMENTATION and f"ds-docker {version}." in text


def test_readme_of_the_template_names_what_exists():
    text = read("README.md")
    # The comparison quotes commands of others.
    named = targets_named_in(text.partition("## Compared with other tools")[0])
    there = {*help_comments(TEMPLATE / "Makefile"), *help_comments(PROJECT / "Makefile")}
    assert {"new", "doctor"} <= named <= there | {"example-name"}
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    assert links and all((TEMPLATE / link).exists() for link in links)


@pytest.mark.parametrize("folder", ["template", "project"])
def test_agents_file_is_short_and_right(folder, default):
    """Assistants read AGENTS.md in every session, so it has at most 40 lines. The commands that it names exist."""
    root = {"template": TEMPLATE, "project": default}[folder]
    text = (root / "AGENTS.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40
    named = targets_named_in(text)
    assert {"test", "lint"} <= named <= set(help_comments(root / "Makefile"))


def test_benchmark_pages_match_the_results():
    """The tables and the chart are those that report.py makes from results.json."""
    results = json.loads(read("benchmarks", "results.json"))
    assert read("benchmarks", "results.md") == report.markdown(results)
    assert read("benchmarks", "results.svg") == report.chart(results)


def test_most_used_packages_can_be_imported():
    """All 50 were tried, and at least 47 work by `make add`, or by the command that the build names."""
    packages = measure.recorded()["packages"]
    assert list(packages) == list(measure.listed()) and len(packages) == 50
    assert sum(result["imported"] for result in packages.values()) >= 47
    for result in packages.values():
        assert result["version"] if result["imported"] else result["reason"]
