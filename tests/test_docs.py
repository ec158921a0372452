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
from selenium.webdriver.common.by import By
from support import Project, browser, console, docker, free_port, picture, unique, wait_until

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
    script = "".join(commands(text)).replace("cookiecutter gh:org/ds-docker", start).replace("cd tumors", f"cd {slug}")
    assert start in script
    try:
        done = subprocess.run(["bash", "-euc", script], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(r"^http://127.0.0.1:\d+/lab\?token=\w+$", done.stdout, re.M)
        assert list((tmp_path / slug / "models").glob("model.*"))
    finally:
        Project(tmp_path / slug).remove()


def follow(page: str, folder: Path) -> None:
    """Do what a page tells its reader: type the commands, compare what they print, and write the files.

    A file is a code block whose caption is the path, or `path, above def name` if that function and what follows stay,
    `path, instead of text`, or `path, before line` if everything stays. The blocks of a notebook are its cells. In what
    a command prints, `…` stands for anything.
    """
    printed, cells = "", []
    for token in MarkdownIt().parse(page):
        if token.info == "sh":
            done = subprocess.run(["bash", "-euc", token.content], cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, token.content + done.stdout + done.stderr
            printed = done.stdout
            folder /= (re.findall("^cd (.+)", token.content, re.M) or ["."])[-1]
        elif token.info == "text":
            expected = ".*".join(map(re.escape, token.content.strip().split("…")))
            assert re.search(expected, printed), f"{token.content}is not in what the command prints:\n{printed}"
        elif token.info.startswith("{code-block}"):
            caption, _, content = token.content.partition("\n\n")
            name, _, below = caption.removeprefix(":caption: ").partition(", above ")
            name, _, old = name.partition(", instead of ")
            name, _, line = name.partition(", before ")
            file = folder / name
            if old:
                before, found, after = file.read_text(encoding="utf-8").partition(old)
                assert found, f"{name} has no {old}"
                content = before + content.rstrip() + after
            if line:
                before, found, rest = file.read_text(encoding="utf-8").partition(f"\n\n{line}\n")
                assert found, f"{name} has no {line}"
                content = f"{before}\n\n{content.rstrip()}{found}{rest}"
            if below:
                _, function, rest = file.read_text(encoding="utf-8").partition(f"\n\n\n{below}(")
                assert function, f"{name} has no {below}"
                content = content.rstrip() + function + rest
            if file.suffix == ".ipynb":
                cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": content}
                cells.append({**cell, "id": str(len(cells))})
                content = json.dumps({**json.loads(file.read_text(encoding="utf-8")), "cells": cells})
            file.write_text(content, encoding="utf-8")


@pytest.mark.docker
def test_osemn_page_works_as_it_is_written(engine, tmp_path, monkeypatch):
    slug = unique("fleet")
    answers = f"project_slug={slug} package_name=fleet"
    start = f"{shlex.quote(sys.executable)} -m cookiecutter {shlex.quote(str(TEMPLATE))} {answers}"
    page = read("docs", "osemn.md").replace("cookiecutter gh:org/ds-docker", start).replace("cd fleet", f"cd {slug}")
    assert start in page
    # Other projects on this machine may use the ports that the page names.
    for name, default in (("MLFLOW_PORT", 5001), ("API_PORT", 8000), ("SITE_PORT", 4000)):
        monkeypatch.setenv(name, str(free_port()))
        page = page.replace(f"127.0.0.1:{default}", f"127.0.0.1:{os.environ[name]}")
    until, heading, rest = page.partition("## Stop")
    assert heading
    try:
        follow(until, tmp_path)
        project = Project(tmp_path / slug)
        metrics = json.loads(project.read("reports/metrics.json"))
        assert metrics["roc_auc"] > 0.85
        with browser(project.network(), size=(1000, 1100)) as driver:
            driver.get("http://site:8080")
            driver.find_element(By.PARTIAL_LINK_TEXT, "Which cars").click()
            shown = driver.find_elements(By.CSS_SELECTOR, "td data")
            assert [float(each.get_attribute("value")) for each in shown] == list(metrics.values())
            wait_until(lambda: driver.find_elements(By.CSS_SELECTOR, "path.point"))
            images = driver.find_elements(By.CSS_SELECTOR, "figure > img")
            wait_until(lambda: len(images) == 2 and all(image.get_property("naturalWidth") > 300 for image in images))
            assert console(driver) == []
            picture(driver, "osemn", folder="")
        follow(rest, tmp_path / slug)
        assert not project.containers()
        assert not docker("volume", "ls", "--quiet", "--filter", f"name={slug}-")
    finally:
        Project(tmp_path / slug).remove()


@pytest.mark.docker
def test_flask_page_works_as_it_is_written(engine, tmp_path):
    slug = unique("squares")
    answers = f"project_slug={slug} package_name=squares"
    start = f"{shlex.quote(sys.executable)} -m cookiecutter {shlex.quote(str(TEMPLATE))} {answers}"
    page = read("docs", "how-to", "flask.md").replace("cookiecutter gh:org/ds-docker", start)
    for name in ("cd squares", "--name squares", "stop squares", "squares:release"):
        assert name in page
        page = page.replace(name, name.replace("squares", slug))
    # Another program on this machine may use the port that the page names.
    page = page.replace("5050", str(free_port()))
    try:
        follow(page, tmp_path)
    finally:
        docker("rm", "--force", slug, check=False)
        Project(tmp_path / slug).remove()


# These need a registry, a commit, a cluster, or minutes. Other tests run them.
ELSEWHERE = (
    "make push REPOSITORY",
    "make save",
    "make load",
    "make train ON",
    "make apptainer",
    "make bundle",
    "make update",
    "make add-kernel",
    "make stack",
)


@pytest.mark.docker
def test_readme_of_a_project_works_as_it_is_written(other, tmp_path):
    """Runs the commands in its blocks, then those in the first column of its tables."""
    text = other.read("README.md")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `make")]
    listed = [command for row in rows for command in code_spans(row) if not command.startswith(ELSEWHERE)]
    assert {"make train", "make test", "make lint", "make clean"} <= set(listed)
    script = "".join(commands(text)) + "\n".join(listed)
    # A service that is not committed is removed only if asked for.
    script = script.replace("make remove-service", "make remove-service FORCE=1")
    (tmp_path / "from-elsewhere.csv").touch()
    done = subprocess.run(
        ["bash", "-euc", script.replace("make shell", "make shell </dev/null")],
        cwd=other.path,
        env={**{name: os.environ[name] for name in ("PATH", "HOME")}, "DATA_SOURCE": str(tmp_path)},
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
