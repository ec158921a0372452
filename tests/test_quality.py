"""The quality of the generated files: format, lint, license, and where the answers are."""

import datetime
import json
import os
import re
import subprocess
import tomllib

import pytest
from conftest import EVERY_KERNEL, EVERY_SERVICE, OPTIONS, REMEMBERED, TEMPLATE, files, tool
from markdown_it import MarkdownIt


def ruff(project, *arguments):
    return subprocess.run([tool("ruff"), *arguments], cwd=project, capture_output=True, text=True)


def test_ruff_has_nothing_to_format(project):
    # The settings of a project leave notebooks out, but not for our own.
    done = ruff(project, "format", "--no-cache", "--diff", "--config", "format.exclude = []")
    assert done.returncode == 0, done.stdout


def test_ruff_finds_nothing(project):
    strict = ("--config", "lint.per-file-ignores = {}")
    done = ruff(project, "check", "--no-cache", "--output-format", "concise", *strict)
    assert done.returncode == 0, done.stdout


def test_ruff_reads_all_code(default):
    read = set(ruff(default, "check", "--show-files").stdout.splitlines())
    assert read >= {str(default / name) for name in files(default) if name.endswith((".py", ".ipynb"))}


def test_commands_are_copied_without_rendering(project):
    template = TEMPLATE / "{{cookiecutter.project_slug}}" / "docker"
    copied = files(project / "docker") - {"image/mirror.sh"}
    missing = {name for name in files(template) - copied if not name.startswith("services/")}
    assert not copied - files(template) and not missing
    for name in copied - {"compose.base.yaml"}:
        assert (project / "docker" / name).read_bytes() == (template / name).read_bytes(), name


def shell_files(project):
    """Return the shell files of a project: those named so, and the commands, which have no suffix."""
    paths = {name: project / name for name in files(project)}
    return sorted(
        name for name, path in paths.items() if path.suffix == ".sh" or path.read_bytes().startswith(b"#!/bin/sh\n")
    )


def test_shellcheck_finds_nothing(baked):
    project = baked(**EVERY_SERVICE, framework="pytorch")
    names = shell_files(project)
    assert {"docker/build", "docker/lib/all.sh", "docker/image/mirror.sh", "services/postgres/backup.sh"} <= set(names)
    # docker/add-service and docker/add-kernel source these files of the template.
    names += map(str, (TEMPLATE / "generation").glob("*.sh"))
    # The project's settings, instead of the user's, for all files.
    strict = ("--rcfile=docker/.shellcheckrc", "--shell=dash", "--severity=style")
    # One at a time. Otherwise, it reads a library again for each file that sources it.
    for name in names:
        done = subprocess.run([tool("shellcheck"), *strict, name], cwd=project, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


# The contents of Dockerfiles in which hadolint found nothing. Those of services are the same in many projects.
LINTED = set()


def test_hadolint_finds_nothing(project):
    strict = ("--no-color", "--disable-ignore-pragma", "-t", "style", "--config", os.devnull)
    dockerfiles = [project / name for name in sorted(files(project)) if name.endswith("Dockerfile")]
    dockerfiles.append(TEMPLATE / "generation" / "Dockerfile")
    unread = {path.read_bytes(): path for path in dockerfiles if path.read_bytes() not in LINTED}
    assert unread or LINTED
    if unread:
        done = subprocess.run([tool("hadolint"), *strict, *unread.values()], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "")
        LINTED.update(unread)


def test_checkov_finds_nothing(baked):
    different = ("accelerator", "framework")
    dockerfiles = [baked(**{name: choice}) / "Dockerfile" for name in different for choice in OPTIONS[name]]
    dockerfiles.append(baked(**EVERY_KERNEL) / "Dockerfile")
    dockerfiles += [*baked().glob("docker/ui/*/Dockerfile"), *baked(**EVERY_SERVICE).glob("services/*/Dockerfile")]
    for dockerfile in dockerfiles:
        assert not re.search("(?i)hadolint +ignore|checkov:skip", dockerfile.read_text(encoding="utf-8"))
    # Without newer releases of its dependencies, it finds the same tomorrow as today.
    pinned = ("--exclude-newer", "2026-11-20", "--from", "checkov==3.3.30")
    options = ("--framework", "dockerfile", "--compact", "--quiet", "--output", "json")
    done = subprocess.run(
        [tool("uvx"), "--quiet", *pinned, "checkov", *options, "--file", *dockerfiles],
        # It also asks its vendor, and logs a warning if there is no answer.
        env={**os.environ, "LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
    )
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert report["results"]["failed_checks"] == []
    summary = report["summary"]
    assert summary["resource_count"] == len(dockerfiles) and summary["passed"] > 0
    assert (summary["failed"], summary["skipped"], summary["parsing_errors"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("uploads", "newest"),
    [
        ([], "1980-01-01T00:00:00"),
        (["2024-02-29T00:00:00Z"], "2024-02-29T00:00:00"),
        (["2024-02-28T23:59:59.999999Z", "2024-03-01T00:00:00.1Z"], "2024-03-01T00:00:00"),
        (["2025-12-31T23:59:59Z", "2026-01-01T00:00:01Z"], "2026-01-01T00:00:01"),
        (["2025-11-09T08:07:06.54Z", "2025-09-11T10:11:12Z"], "2025-11-09T08:07:06"),
        (["2000-02-29T12:30:45.678Z"], "2000-02-29T12:30:45"),
        # 2100 has no leap day.
        (["2100-02-28T23:59:59Z", "2100-03-01T00:00:00Z", "2099-12-31T00:00:00Z"], "2100-03-01T00:00:00"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(len(value)),
)
def test_image_has_the_date_of_its_newest_package(default, tmp_path, uploads, newest):
    wheel = '    {{ url = "https://example.org/x.whl", hash = "sha256:0"{} }},\n'
    lines = [wheel.format(f', size = 1, upload-time = "{time}"') for time in uploads] + [wheel.format("")]
    (tmp_path / "uv.lock").write_text("".join(lines), encoding="utf-8")
    library = default / "docker" / "lib" / "build.sh"
    said = subprocess.check_output(["sh", "-euc", '. "$1"; newest_package', "sh", library], cwd=tmp_path, text=True)
    assert datetime.datetime.fromtimestamp(int(said), datetime.UTC).isoformat() == f"{newest}+00:00"


PLACES = {
    "project_name": {"README.md"},
    "description": {"README.md", "pyproject.toml"},
    "author_name": {"LICENSE", "pyproject.toml"},
}


@pytest.mark.parametrize("question", PLACES)
def test_texts_are_only_in_their_files(baked, question):
    project = baked(**{question: "Zanzibar quokka", "project_slug": "slug"})
    found = {name for name in files(project) if "quokka" in (project / name).read_text(encoding="utf-8")}
    assert found == PLACES[question] | REMEMBERED


# The name of each license in pyproject.toml, and words that no other license has.
LICENSES = {
    "MIT": ("MIT", "Permission is hereby granted, free of charge"),
    "BSD-3-Clause": ("BSD-3-Clause", "3. Neither the name of the copyright holder"),
    "Apache-2.0": ("Apache-2.0", "Version 2.0, January 2004"),
    "Proprietary": ("LicenseRef-Proprietary", "All rights reserved. No part of this work"),
}


@pytest.mark.parametrize("license", OPTIONS["license"])
def test_license_is_the_selected_one_and_names_the_author(baked, license):
    author = 'O\'Brien & Söhne \\ "Ltd" <x@example.org> 数据'
    project = baked(license=license, author_name=author)
    text = (project / "LICENSE").read_text(encoding="utf-8")
    assert [name for name, (_, words) in LICENSES.items() if words in text] == [license]
    assert re.search(rf"^ *Copyright (\(c\) )?20\d\d {re.escape(author)}$", text, re.MULTILINE)
    assert (
        tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["license"]
        == LICENSES[license][0]
    )


def test_readme_only_names_targets_that_exist(default):
    def text(name):
        return (default / name).read_text(encoding="utf-8")

    targets = re.findall(r"^([a-z-]+%?):", text("Makefile"), re.MULTILINE)
    tokens = MarkdownIt().enable("table").parse(text("README.md"))
    parts = [part for token in tokens for part in token.children or [token]]
    code = [part.content for part in parts if part.type in ("code_inline", "fence")]
    code.append(text(".github/workflows/ci.yml"))
    named = set(re.findall(r"^(?:.*run: )?make +([a-z-]+)", "\n".join(code), re.MULTILINE))
    assert named >= {"build", "notebook", "train"}
    known = "|".join(targets).replace("%", "[a-z-]+")
    assert [name for name in named if not re.fullmatch(known, name)] == []
