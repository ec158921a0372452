"""How good the generated files are: formatted, linted, licensed, and true to the answers."""

import re
import subprocess
import tomllib

import pytest
from conftest import OPTIONS, TEMPLATE, files, tool
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
    assert {path.name: path.read_bytes() for path in (project / "scripts").iterdir()} == {
        path.name: path.read_bytes() for path in template.iterdir()
    }


PLACES = {
    "project_name": {"README.md"},
    "description": {"README.md", "pyproject.toml"},
    "author_name": {"LICENSE", "pyproject.toml"},
}


@pytest.mark.parametrize("question", PLACES)
def test_texts_are_only_where_they_belong(bake, question):
    project = bake(**{question: "Zanzibar quokka", "project_slug": "slug"})
    found = {name for name in files(project) if "quokka" in (project / name).read_text(encoding="utf-8")}
    assert found == PLACES[question]


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
