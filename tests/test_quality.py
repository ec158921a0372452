"""How good the generated files are: formatted, linted, licensed, and true to the answers."""

import datetime
import json
import os
import re
import subprocess
import tomllib

import pytest
from conftest import EVERY_SERVICE, OPTIONS, REMEMBERED, TEMPLATE, files, tool
from markdown_it import MarkdownIt


def ruff(project, *arguments):
    return subprocess.run([tool("ruff"), *arguments], cwd=project, capture_output=True, text=True)


def test_ruff_has_nothing_to_format(project):
    done = ruff(project, "format", "--no-cache", "--diff")
    assert done.returncode == 0, done.stdout


def test_ruff_finds_nothing(project):
    done = ruff(project, "check", "--no-cache", "--output-format", "concise")
    assert done.returncode == 0, done.stdout


def test_ruff_reads_all_code(default):
    read = set(ruff(default, "check", "--show-files").stdout.splitlines())
    assert read >= {str(default / name) for name in files(default) if name.endswith((".py", ".ipynb"))}


def test_scripts_are_copied_as_they_are(project):
    template = TEMPLATE / "{{cookiecutter.project_slug}}" / "scripts"
    assert files(template) - files(project / "scripts") <= {"image/mirror.sh"}
    for name in files(project / "scripts"):
        assert (project / "scripts" / name).read_bytes() == (template / name).read_bytes(), name


def test_checkov_finds_nothing(baked):
    different = ("accelerator", "framework")
    dockerfiles = [baked(**{name: choice}) / "Dockerfile" for name in different for choice in OPTIONS[name]]
    dockerfiles += baked(**EVERY_SERVICE).glob("services/*/Dockerfile")
    for dockerfile in dockerfiles:
        assert not re.search("(?i)hadolint +ignore|checkov:skip", dockerfile.read_text(encoding="utf-8"))
    # Younger releases of what it needs are not looked at, so that it finds tomorrow what it finds today.
    pinned = ("--exclude-newer", "2026-11-20", "--from", "checkov==3.3.30")
    options = ("--framework", "dockerfile", "--compact", "--quiet", "--output", "json")
    done = subprocess.run(
        [tool("uvx"), "--quiet", *pinned, "checkov", *options, "--file", *dockerfiles],
        # It also asks its vendor, whether it gets an answer or not.
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
    script = (default / "scripts" / "build.sh").read_text(encoding="utf-8")
    function = re.search(r"^newest_package\(\) \{\n.*?^\}\n", script, re.MULTILINE | re.DOTALL)[0]
    said = subprocess.check_output(["sh", "-euc", f"{function}newest_package"], cwd=tmp_path, text=True)
    assert datetime.datetime.fromtimestamp(int(said), datetime.UTC).isoformat() == f"{newest}+00:00"


PLACES = {
    "project_name": {"README.md"},
    "description": {"README.md", "pyproject.toml"},
    "author_name": {"LICENSE", "pyproject.toml"},
}


@pytest.mark.parametrize("question", PLACES)
def test_texts_are_only_where_they_belong(bake, question):
    project = bake(**{question: "Zanzibar quokka", "project_slug": "slug"})
    found = {name for name in files(project) if "quokka" in (project / name).read_text(encoding="utf-8")}
    assert found == PLACES[question] | REMEMBERED


# What pyproject.toml calls each licence, and words that no other licence has.
LICENSES = {
    "MIT": ("MIT", "Permission is hereby granted, free of charge"),
    "BSD-3-Clause": ("BSD-3-Clause", "3. Neither the name of the copyright holder"),
    "Apache-2.0": ("Apache-2.0", "Version 2.0, January 2004"),
    "Proprietary": ("LicenseRef-Proprietary", "All rights reserved. No part of this work"),
}


@pytest.mark.parametrize("license", OPTIONS["license"])
def test_license_is_the_chosen_one_and_names_the_author(baked, license):
    author = 'O\'Brien & Söhne \\ "Ltd" <x@example.org> 数据'
    project = baked(license=license, author_name=author)
    text = (project / "LICENSE").read_text(encoding="utf-8")
    assert [name for name, (_, words) in LICENSES.items() if words in text] == [license]
    assert re.search(rf"^ *Copyright (\(c\) )?20\d\d {re.escape(author)}$", text, re.MULTILINE)
    assert (
        tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["license"]
        == LICENSES[license][0]
    )


def test_only_targets_that_exist_are_named(default):
    def text(name):
        return (default / name).read_text(encoding="utf-8")

    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    tokens = MarkdownIt().enable("table").parse(text("README.md"))
    parts = [part for token in tokens for part in token.children or [token]]
    code = [part.content for part in parts if part.type in ("code_inline", "fence")]
    code.append(text(".github/workflows/ci.yml"))
    named = set(re.findall(r"\bmake +([a-z-]+)", "\n".join(code)))
    assert named >= {"build", "notebook", "train"}
    assert named <= targets
