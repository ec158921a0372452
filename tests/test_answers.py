"""Unusual answers: each arrives byte for byte, or is refused in one line before any file is written."""

import itertools
import json
import keyword
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tomllib

import pytest
import yaml
from conftest import CHOICES, FRAMEWORKS, KERNELS, QUESTIONS, REMEMBERED, SERVICES, TEMPLATE, copy_template, files
from cookiecutter.exceptions import FailedHookException
from cookiecutter.main import cookiecutter
from jinja2 import Environment
from markdown_it import MarkdownIt

from generation.answers import (
    CHECKS,
    DEVICES,
    NAMES,
    RESERVED_NAMES,
    TEXTS,
    package,
    package_problem,
    slug,
    slug_problem,
    text_problem,
)
from generation.command import command_for
from generation.escaping import jinja, markdown, shell, toml
from generation.frameworks import frameworks
from generation.prompts import STEPS
from generation.services import describe_service

# Single lines of text. They are accepted.
GOOD_TEXTS = {
    "apostrophe": "it's",
    "quotes": 'say "hi"',
    "three-apostrophes": "a ''' b",
    "three-quotes": 'a """ b',
    "typographic-quotes": "„so“ «là» \u2019s",
    "backslash": r"a\b",
    "backslash-first": r"\a",
    "backslash-last": "a\\",
    "two-backslashes": r"a\\b",
    "backslash-n": r"a\nb",
    "backslash-u": r"\u0041\U0001F600\x41",
    "windows-path": r"C:\new\table",
    "backslash-quote": r"\"",
    "yaml-mapping": "key: value",
    "yaml-comment": "a # b",
    "yaml-comment-first": "# b",
    "yaml-list": "- x",
    "yaml-question": "? x",
    "yaml-anchor": "&a",
    "yaml-alias": "*a",
    "yaml-tag": "!!python/object:os.system x",
    "yaml-directive": "%YAML 1.2",
    "yaml-at": "@x",
    "yaml-flow-mapping": "{a: b}",
    "yaml-flow-list": "[a, b]",
    "yaml-null": "null",
    "yaml-true": "true",
    "yaml-no": "no",
    "yaml-date": "2024-01-31",
    "yaml-float": "1e3",
    "yaml-document": "---",
    "yaml-document-end": "...",
    "yaml-literal": "|",
    "yaml-folded": "> x",
    "toml-table": "[tool.x]",
    "toml-assignment": 'x = "y"',
    "shell-substitution": "$(id)",
    "shell-backticks": "`id`",
    "shell-variable": "${HOME} $HOME",
    "shell-and": "&& id",
    "shell-or": "|| id",
    "shell-pipe": "| id",
    "shell-semicolon": "; id",
    "shell-redirect": "> /etc/passwd",
    "shell-history": "!!",
    "shell-glob": "* ?",
    "shell-option": "--help",
    "make-dollars": "$$",
    "make-shell": "$(shell id)",
    "make-assignment": "a := b",
    "make-pattern": "%.o: %.c",
    "docker-instruction": "RUN id",
    "docker-variable": "${ACCELERATOR:-x}",
    "html-script": "<script>alert(1)</script>",
    "html-comment": "<!-- x",
    "html-entity": "&amp; &lt; &#35;",
    "markdown-link": "[x](y)",
    "markdown-image": "![x](y)",
    "markdown-reference": "[x]: y",
    "markdown-autolink": "<https://example.org>",
    "markdown-bare-link": "https://example.org",
    "markdown-heading": "## h",
    "markdown-heading-end": "C #",
    "markdown-heading-ends": "a ## ##",
    "markdown-hash": "#",
    "markdown-plus": "+ x",
    "markdown-star": "* x",
    "markdown-number": "1. x",
    "markdown-number-bracket": "1) x",
    "markdown-long-number": "2024. x",
    "markdown-only-number": "1.",
    "markdown-rule": "***",
    "markdown-rule-spaces": "- - -",
    "markdown-underscores": "___",
    "markdown-underline": "===",
    "markdown-fence": "```",
    "markdown-tildes": "~~~",
    "markdown-emphasis": "**b** _i_ ~~s~~",
    "markdown-table": "|---|",
    "markdown-escape": r"\* \# \_",
    "markdown-task": "- [ ] x",
    "markdown-code-block": "    x",
    "markdown-list-indented": "  - x",
    "spaces-around": "  x  ",
    "spaces-inside": "a   b",
    "percent": "100% %s %(x)s %d",
    "braces": "{0} {x} }} %} #} { {",
    "python-import": "__import__('os').system('id')",
    "python-f-string": 'f"{x}"',
    "python-keyword": "None",
    "sql": "'; DROP TABLE x; --",
    "parent-folder": "../x",
    "absolute-path": "/etc/passwd",
    "slash": "a/b",
    "dot": ".",
    "dots": "..",
    "tilde": "~",
    "drive": "C:",
    "device": "CON",
    "emoji": "🐝",
    "emoji-family": "👩‍👩‍👧‍👦",
    "emoji-flag-and-skin": "🇨🇭 👍🏽",
    "cjk": "数据科学",
    "cjk-beyond-16-bits": "𠮷野家",
    "arabic": "مشروع البيانات",
    "hebrew-and-latin": "abc שלום 123",
    "combining": "e\u0301 a\u0308\u0301\u0323",
    "composed": "é ﬁ Å",
    "many-combining": "z" + "\u0335\u0321" * 20,
    "turkish": "İstanbul \u0131l\u0131k",
    "full-width": "\uff21\uff22\uff11",
    "no-break-space": "a\u00a0b",
    "zero-width-space": "a\u200bb",
    "left-to-right-mark": "a\u200eb",
    "soft-hyphen": "a\u00adb",
    "byte-order-mark": "\ufeffa",
    "private-use": "\ue000",
    "not-a-character": "\ufffe",
    "long": "x" * 300,
    "long-words": "word " * 59 + "end",
    "long-after-number": "2024 " + "x" * 300,
    "one-character": "x",
    "digits": "2024",
}

# Texts that are not a line, or that look different from what they contain. They are refused.
BAD_TEXTS = {
    "empty": "",
    "space": " ",
    "spaces": "   ",
    "no-break-space-only": "\u00a0",
    "wide-space-only": "\u3000",
    "new-line": "a\nb",
    "new-line-first": "\na",
    "new-line-last": "a\n",
    "carriage-return": "a\rb",
    "carriage-return-new-line": "a\r\nb",
    "continued-line": "a\\\nRUN id",
    "toml-injection": 'x"\nversion = "9',
    "tab": "a\tb",
    "null": "a\0b",
    "bell": "a\ab",
    "backspace": "a\bb",
    "vertical-tab": "a\vb",
    "form-feed": "a\fb",
    "escape-sequence": "a\x1b[31mb",
    "delete": "a\x7fb",
    "next-line": "a\x85b",
    "control-sequence": "a\x9bb",
    "line-separator": "a\u2028b",
    "paragraph-separator": "a\u2029b",
    **{f"bidi-{ord(character):x}": f"a{character}b" for character in "\u202a\u202b\u202c\u202d\u202e"},
    **{f"bidi-{ord(character):x}": f"a{character}b" for character in "\u2066\u2067\u2068\u2069"},
    "high-surrogate": "a\ud83d",
    "low-surrogate": "\udc1da",
    "swapped-surrogates": "\udc1d\ud83d",
}

# cookiecutter evaluates answers on the command line. The template prevents this.
JINJA = {
    "expression": "{{ 7*7 }}",
    "raw": "{% raw %}x{% endraw %}",
    "class": "{{ cookiecutter.__class__ }}",
    "comment": "a {# gone #} b",
    "open-comment": "a {#",
    "set": "a {% set x = 1 %} b",
}
BROKEN_JINJA = {"open-expression": "{{", "open-block": "a {% b", "unknown-filter": "{{ 1 | nothing }}"}

GOOD_SLUGS = ["a", "a-b_c", "1st", "x" * 40, "yes", "2024", "2024-01-31", "1e3", "0x1f", "1_000", "null", "true", "no"]
BAD_SLUGS = {
    "empty": "",
    "space": " ",
    "space-inside": "a b",
    "space-last": "a ",
    "new-line": "a\nb",
    "upper-case": "My-Project",
    "one-upper-case": "projecT",
    "hyphen-first": "-a",
    "hyphen-last": "a-",
    "two-hyphens": "a--b",
    "underscore-first": "_a",
    "mixed-separators": "a-_b",
    "dot": ".",
    "dots": "..",
    "dot-inside": "a.b",
    "hidden": ".git",
    "parent-folder": "../x",
    "absolute-path": "/etc",
    "slash": "a/b",
    "backslash": r"a\b",
    "home": "~",
    "drive": "C:",
    "option": "--help",
    "substitution": "$(id)",
    "semicolon": "a;id",
    "colon": "a:b",
    "at": "a@b",
    "quote": "a'b",
    "percent": "a%b",
    "jinja": "{{ cookiecutter.__class__ }}",
    "accent": "é",
    "cyrillic-a": "d\u0430ta",
    "full-width": "\uff41",
    "full-width-digit": "\uff11",
    "emoji": "🐝",
    "cjk": "数据",
    "zero-width-space": "a\u200bb",
    "null": "a\0",
    "surrogate": "a\ud83d",
    "41-characters": "x" * 41,
    "300-characters": "x" * 300,
    **{name: name for name in ("con", "prn", "aux", "nul", "com1", "lpt9")},
    **{name: name for name in ("numpy", "pandas", "scikit-learn", "scikit_learn", "jupyterlab", "uv", "pip", "torch")},
}

GOOD_PACKAGES = ["a", "x1_y2", "x" * 40, "project_2024", "nothing"]
BAD_PACKAGES = {
    "empty": "",
    "space": " ",
    "hyphen": "a-b",
    "dot": "a.b",
    "slash": "a/b",
    "parent-folder": "../x",
    "backslash": r"a\b",
    "new-line": "a\nimport os",
    "digit-first": "1st",
    "digits": "2024",
    "underscore-first": "_a",
    "underscore-last": "a_",
    "two-underscores": "a__b",
    "dunder": "__init__",
    "underscore": "_",
    "upper-case": "Data",
    "accent": "é",
    "full-width": "\uff41",
    "long-s": "te\u017ft",
    "semicolon": "a;b",
    "quote": "a'b",
    "41-characters": "x" * 41,
    "surrogate": "a\ud83d",
    **{name: name for name in ("class", "import", "lambda", "async", "match", "case", "type")},
    **{name: name for name in ("json", "os", "site", "sys", "tomllib", "test", "tests", "imp", "distutils")},
    **{name: name for name in ("numpy", "sklearn", "matplotlib", "duckdb", "pytest", "jupyter", "con", "aux")},
    **{name: name for name in ("postgres", "mysql")},
}

BAD_SERVICES = {
    "unknown": "nothing-like-it",
    "unknown-among-known": "none,nothing-like-it",
    "upper-case": "NONE",
    "semicolon": "none;none",
    "parent-folder": "../x",
    "dot": ".",
    "new-line": "no\nsuch",
    "quote": "'",
    "surrogate": "\ud83d",
}
BAD_FRAMEWORKS = {
    "empty": "",
    "space": "pytorch ",
    "upper-case": "PyTorch",
    "two": "jax,pytorch",
    "parent-folder": "../frameworks/jax",
    "new-line": "jax\n",
    "null": "jax\0",
    "surrogate": "\ud83d",
}


def each(cases):
    return pytest.mark.parametrize("answer", list(cases.values()), ids=list(cases))


@pytest.fixture
def refusal(out, _cookiecutter_config_file):
    """Return the lines of the message that refuses these answers."""

    def refused(error=FailedHookException, /, **answers):
        with pytest.raises(error) as caught:
            cookiecutter(
                str(TEMPLATE),
                no_input=True,
                extra_context=answers,
                output_dir=str(out),
                config_file=str(_cookiecutter_config_file),
            )
        assert list(out.iterdir()) == []
        lines = str(caught.value).split("\n")
        assert all(line.isprintable() for line in lines)
        return lines

    return refused


def shown(inline):
    """Return the text of a paragraph or heading, which must not contain anything else."""
    assert {part.type for part in inline.children} == {"text"}, inline.children
    return "".join(part.content for part in inline.children)


def arrived(project):
    """Return the texts as a parser reads them from the files of a project."""
    tokens = MarkdownIt().enable("table").parse((project / "README.md").read_text(encoding="utf-8"))
    kinds = ["heading_open", "inline", "heading_close", "paragraph_open", "inline", "paragraph_close", "heading_open"]
    assert [token.type for token in tokens[: len(kinds)]] == kinds
    about = tomllib.loads((project / "pyproject.toml").read_bytes().decode())["project"]
    license = (project / "LICENSE").read_bytes().decode().split("\n")
    return {
        "heading": shown(tokens[1]),
        "paragraph": shown(tokens[4]),
        "description": about["description"],
        "author": about["authors"],
        "copyright": [line[len("Copyright (c) 2000 ") :] for line in license if line.startswith("Copyright (c) 20")],
    }


def expected(project_name, description, author_name):
    # Markdown drops spaces at either end.
    return {
        "heading": project_name.strip(),
        "paragraph": description.strip(),
        "description": description,
        "author": [{"name": author_name}],
        "copyright": [author_name],
    }


# Each text is the answer to one of the three questions.
TRIPLES = list(itertools.zip_longest(*3 * [iter(GOOD_TEXTS.values())], fillvalue="x"))


@pytest.fixture
def without_tools(monkeypatch, tmp_path):
    """Let the hook run without hadolint and Compose, which take most of its time. It finds stubs beside its Python.

    For texts, which are in no file that the tools read. test_texts_are_kept compares these files, and other tests let
    the tools read those of other slugs.
    """
    for name in ("hadolint", "docker"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "python").symlink_to(os.path.realpath(sys.executable))
    monkeypatch.setenv("PYTHONPATH", sysconfig.get_path("purelib"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))


@pytest.mark.usefixtures("without_tools")
@pytest.mark.parametrize("texts", TRIPLES, ids=[ascii(texts)[:40] for texts in TRIPLES])
def test_texts_are_kept(baked, default, texts):
    project = baked(project_slug=slug(QUESTIONS["project_name"]), **dict(zip(TEXTS, texts, strict=True)))
    assert arrived(project) == expected(*texts)
    assert files(project) == files(default)
    changed = {name for name in files(project) if (project / name).read_bytes() != (default / name).read_bytes()}
    assert changed == {"README.md", "pyproject.toml", "LICENSE"} | REMEMBERED
    for name in REMEMBERED:
        answers = json.loads((project / name).read_text(encoding="utf-8"))["context"]["cookiecutter"]
        assert tuple(answers[text] for text in TEXTS) == texts


@each(BAD_TEXTS)
def test_text_is_refused(refusal, answer):
    lines = refusal(**dict.fromkeys(TEXTS, answer))
    assert [re.match(r"error: (\w+) ", line)[1] for line in lines] == list(TEXTS)


def typed(**answers):
    """Return the input for all prompts. An empty line takes the default."""
    return "".join(answers.get(question, "") + "\n" for question in QUESTIONS)


@pytest.mark.usefixtures("without_tools")
@each({**JINJA, **BROKEN_JINJA, "three-quotes": 'a """ b', "emoji": "🐝"})
def test_text_from_the_prompt_is_kept(command, out, answer):
    done = command(input=typed(**dict.fromkeys(TEXTS, answer)))
    assert done.returncode == 0, done.stderr
    assert arrived(out / slug(answer)) == expected(answer, answer, answer)


@pytest.mark.usefixtures("without_tools")
@each({**JINJA, **BROKEN_JINJA, "name-of-a-file": "{{cookiecutter.project_slug}}"})
def test_text_on_the_command_line_is_literal(command, out, answer):
    done = command("--no-input", *(f"{question}={answer}" for question in TEXTS))
    assert done.returncode == 0, done.stderr
    assert arrived(out / slug(answer)) == expected(answer, answer, answer)


def test_text_on_the_command_line_is_the_default(command, out):
    done = command("project_name={{ 7*7 }}", input=typed(author_name="{{ 7*7 }}"))
    assert done.returncode == 0, done.stderr
    assert arrived(out / "7-7") == expected("{{ 7*7 }}", QUESTIONS["description"], "{{ 7*7 }}")


def test_all_wrong_answers_are_reported_at_once(refusal):
    wrong = {**dict.fromkeys(TEXTS, "\n"), "project_slug": "../x", "package_name": "1"}
    wrong |= {"services": "nothing-like-it", "framework": "nothing-like-it"}
    lines = refusal(**wrong)
    assert sorted(re.match(r"error: (\w+) ", line)[1] for line in lines) == sorted(wrong)


HINT = "Correct this command, which has all your answers, and run it:"


@pytest.fixture
def on_path(monkeypatch):
    """Let the shell find the cookiecutter that runs the tests, as if it were installed."""
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable), prepend=os.pathsep)
    monkeypatch.delenv("UV", raising=False)


def hinted(text, hint=HINT):
    """Return the command at the end of a message."""
    assert f"\n\n{hint}\n\n" in text
    return text.partition(f"\n\n{hint}\n\n")[2]


def run_again(out, shown_command):
    """Run a command as a person does who has corrected it, and return the answers that arrived."""
    done = subprocess.run(["sh", "-c", shown_command], cwd=out, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (project,) = out.iterdir()
    return arrived(project)


def test_refusal_prints_the_errors_and_a_command(command, out, on_path, _cookiecutter_config_file):
    done = command("--no-input", "author_name=a\tb", "package_name=class", "license=Apache-2.0")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        'error: author_name "a\\tb" contains the invisible character U+0009. Type a single line without it.',
        'error: package_name "class" is a Python keyword, or the name of a library, a test or a database. '
        "Use another name, such as project_class.",
        "",
        HINT,
        "",
        f"  cookiecutter --no-input --output-dir {out} --config-file {_cookiecutter_config_file} {TEMPLATE} \\",
        f"    project_name='{QUESTIONS['project_name']}' \\",
        f"    project_slug={slug(QUESTIONS['project_name'])} \\",
        "    package_name=class \\",
        f"    description='{QUESTIONS['description']}' \\",
        "    author_name='a b' \\",
        *(f"    {question}={QUESTIONS[question][0]} \\" for question in ("python_version", "accelerator")),
        f"    framework={QUESTIONS['framework']} \\",
        *(f"    {question}={QUESTIONS[question]} \\" for question in ("services", "kernels", "data_source")),
        f"    ci={QUESTIONS['ci'][0]} \\",
        "    license=Apache-2.0",
    ]
    assert list(out.iterdir()) == []


AWKWARD = (
    'it\'s "q" `id` $(id) $HOME \\ !! {{ 7*7 }} {# x',
    "{% 🐝 ~ \u00a0* ? > | & ;",
    "--help #{{cookiecutter}} 数据",
)


def test_command_after_the_prompts_can_be_run(command, out, on_path):
    done = command(input=typed(**dict(zip(TEXTS, AWKWARD, strict=True)), project_slug="../x", package_name="x"))
    assert done.returncode == 1
    assert run_again(out, hinted(done.stdout).replace("=../x", "=x")) == expected(*AWKWARD)


def test_command_after_no_input_can_be_run(command, out, on_path):
    texts = [f"{question}={text}" for question, text in zip(TEXTS, AWKWARD, strict=True)]
    done = command("--no-input", *texts, "services=posgres", "python_version=3.11")
    assert done.returncode == 1
    assert run_again(out, hinted(done.stdout).replace("=posgres", "=redis")) == expected(*AWKWARD)
    (project,) = out.iterdir()
    assert (project / "services" / "redis").is_dir()
    assert 'requires-python = "==3.11.*"' in (project / "pyproject.toml").read_text(encoding="utf-8")


def test_command_keeps_the_options(command, tmp_path, on_path):
    template = copy_template(tmp_path / "a template")
    options = ("--checkout", "v1 or later", "--overwrite-if-exists", "--verbose")
    done = command("--no-input", *options, "project_slug=../x", template="../a template", cwd=template)
    (line,) = re.findall(r"^  cookiecutter --no-input (.*) \\$", done.stdout, re.MULTILINE)
    assert shlex.split(line)[:3] == ["--checkout", "v1 or later", "--overwrite-if-exists"]
    assert shlex.split(line)[-1] == "../a template"
    assert "--verbose" not in line


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"UV": "/x/uv", "PATH": ""}, "uvx cookiecutter "),
        ({"PATH": os.path.dirname(sys.executable)}, "cookiecutter "),
        ({"PATH": ""}, f"{sys.executable} -m cookiecutter "),
    ],
    ids=["uvx", "on PATH", "elsewhere"],
)
def test_command_starts_as_the_person_does(command, variables, words):
    done = command("--no-input", "package_name=class", env=variables)
    assert hinted(done.stdout).startswith(f"  {words}--no-input "), done.stdout


def test_other_programs_get_no_command(baked):
    assert command_for(QUESTIONS) == ""
    # Nor does a record of the answers have one.
    for name in REMEMBERED:
        assert "cookiecutter --no-input" not in (baked() / name).read_text(encoding="utf-8")


def test_folder_that_exists_is_refused(command, out):
    (out / "bees").mkdir()
    done = command("--no-input", "project_slug=bees")
    assert done.returncode == 1
    assert done.stdout.startswith('error: project_slug "bees" is a folder that exists already. Use another name, or ')
    assert list((out / "bees").iterdir()) == []
    assert command("--no-input", "project_slug=bees", "--overwrite-if-exists").returncode == 0


def test_fault_of_the_template_prints_a_command(command, out, tmp_path, on_path):
    template = copy_template(tmp_path / "template")
    ignore = template / "{{cookiecutter.project_slug}}" / ".dockerignore"
    before = ignore.read_text(encoding="utf-8")
    ignore.write_text(before.replace("**/.env\n", ""), encoding="utf-8")
    texts = [f"{question}={text}" for question, text in zip(TEXTS, AWKWARD, strict=True)]
    done = command("--no-input", *texts, template=template)
    assert done.returncode == 1
    assert list(out.iterdir()) == []
    hint = "Add this command, which has all your answers, to the report. Run it after an update:"
    shown_command = hinted(done.stderr, hint).partition("\n\n")[0].partition("\nERROR")[0]
    ignore.write_text(before, encoding="utf-8")
    assert run_again(out, shown_command) == expected(*AWKWARD)


def test_choice_that_does_not_exist_is_explained(command, out):
    done = command("--no-input", "python_version=3.10")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(
        "ValueError: 3.10 provided for choice variable python_version, but the choices are ['3.13', "
    )
    # The documentation shows this line.
    assert last.partition(" but ")[0] in (TEMPLATE / "docs" / "reference" / "answers.md").read_text(encoding="utf-8")
    assert list(out.iterdir()) == []


def test_bytes_that_are_not_text_are_refused(command, out):
    done = command("--no-input", b"project_name=caf\xe9")
    assert done.returncode == 1
    assert re.match(r"error: project_name .* U\+DCE9.*\n\n", done.stdout)
    assert "    project_name=caf \\\n" in done.stdout
    assert list(out.iterdir()) == []


def test_prompt_refuses(command, out):
    done = command(input=typed(project_name="a\u202eb", project_slug="../x", package_name="x"))
    assert done.returncode == 1
    assert re.findall(r"error: (\w+)", done.stdout) == ["project_name", "project_slug"]
    assert "    project_name=ab \\\n" in done.stdout
    assert list(out.iterdir()) == []


def test_prompt_explains_the_steps(command, out):
    done = command(input=typed())
    assert done.returncode == 0, done.stderr
    listed = done.stdout.partition("Services, by ")[2].partition("Services, separated")[0]
    headings = re.findall(r"^    (\w+): (.*)$", listed, re.MULTILINE)
    assert headings == [(step.capitalize(), explanation) for step, explanation in STEPS.items()]
    # Each service is listed once, under its first step.
    assert sorted(re.findall(r"^      ([a-z-]+) ", listed, re.MULTILINE)) == SERVICES
    for step, text in zip(STEPS, re.split(r"^    [A-Z].*\n", listed, flags=re.MULTILINE)[1:], strict=True):
        for name, others in re.findall(r"^      ([a-z-]+) .*?(?: Also: (.*)\.)?$", text, re.MULTILINE):
            assert ", ".join(filter(None, (step, others))) == describe_service(name)[0]


def test_answers_are_checked_without_hooks(command, out):
    before = set(out.parent.rglob("*"))
    done = command("--no-input", "--accept-hooks", "no", "project_slug=../x", "package_name=x")
    assert done.returncode == 1
    assert set(out.parent.rglob("*")) == before


@pytest.mark.parametrize("answer", GOOD_SLUGS)
def test_slug_is_kept(baked, answer):
    project = baked(project_slug=answer)
    assert project.name == answer
    assert tomllib.loads((project / "pyproject.toml").read_text())["project"]["name"] == answer
    base = yaml.safe_load((project / "docker" / "compose.base.yaml").read_text())
    assert f"{answer}:cpu" in base["services"]["workspace"]["image"]
    assert json.loads((project / ".devcontainer" / "devcontainer.json").read_text())["name"] == answer


@each(BAD_SLUGS)
def test_slug_is_refused(refusal, answer):
    (line,) = refusal(project_slug=answer)
    assert line.startswith("error: project_slug ")


@pytest.mark.parametrize("answer", GOOD_PACKAGES)
def test_package_is_kept(baked, answer):
    project = baked(package_name=answer)
    pyproject = tomllib.loads((project / "pyproject.toml").read_text())
    assert pyproject["tool"]["uv"]["build-backend"]["module-name"] == answer
    assert [path.name for path in (project / "src").iterdir()] == [answer]


@each(BAD_PACKAGES)
def test_package_is_refused(refusal, answer):
    (line,) = refusal(package_name=answer)
    assert line.startswith("error: package_name ")


@pytest.mark.parametrize("answer", ["none", "", " none ", "none,none", "none, "])
def test_no_services_can_be_written_in_many_ways(baked, default, answer):
    assert files(baked(services=answer)) == files(default)


@each(BAD_SERVICES)
def test_services_are_refused(refusal, answer):
    (line,) = refusal(services=answer)
    assert line.startswith("error: services ")
    assert line.endswith(f" Use {', '.join(['none', *SERVICES])}.")


@each(BAD_FRAMEWORKS)
def test_framework_is_refused(refusal, answer):
    (line,) = refusal(framework=answer)
    assert line.startswith("error: framework ")
    assert line.endswith(f" Use {', '.join(frameworks())}.")


MISSPELT = [*(("services", name) for name in ["none", *SERVICES]), *(("framework", name) for name in FRAMEWORKS)]
MISSPELT += [("kernels", name) for name in KERNELS]


@pytest.mark.parametrize(("question", "name"), MISSPELT)
def test_right_name_is_suggested(question, name):
    assert f"Did you mean {name}?" in CHECKS[question](name + name[-1])


@pytest.mark.parametrize("wrong", ["", "{} ", "nothing", "{}\n"])
@pytest.mark.parametrize("question", CHOICES)
def test_unknown_choice_is_refused(refusal, question, wrong):
    lines = refusal(ValueError, **{question: wrong.format(CHOICES[question][0])})
    assert f"choice variable {question}" in "".join(lines)


SUGGESTED_FOR = {
    "texts": GOOD_TEXTS.values(),
    "refused-texts": BAD_TEXTS.values(),
    "slugs": GOOD_SLUGS,
    "refused-slugs": BAD_SLUGS.values(),
    "stdlib": sys.stdlib_module_names,
    "keywords": keyword.kwlist + keyword.softkwlist,
    "devices": DEVICES,
    "libraries": RESERVED_NAMES,
    "maximal-length": [prefix + "x" * n for prefix in ("", "1", "a-") for n in range(36, 44)],
}


@pytest.mark.parametrize("texts", SUGGESTED_FOR.values(), ids=SUGGESTED_FOR)
def test_suggestions_are_accepted(texts):
    slugs = {text: slug(text) for text in texts}
    assert {text: name for text, name in slugs.items() if slug_problem(name)} == {}
    packages = {text: package(name) for text, name in slugs.items()}
    assert {text: name for text, name in packages.items() if package_problem(name)} == {}


@pytest.mark.parametrize("name", sorted(DEVICES | {"json", "class", "numpy", "test_a"}))
def test_advice_in_a_refusal_is_accepted(name):
    assert slug_problem(f"{name}-project") is None
    assert f"such as project_{name}." in package_problem(name)
    assert package_problem(f"project_{name}") is None


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_libraries_of_a_project_are_reserved(baked, framework):
    pyproject = tomllib.loads((baked(framework=framework) / "pyproject.toml").read_text(encoding="utf-8"))
    libraries = itertools.chain(pyproject["project"]["dependencies"], *pyproject["dependency-groups"].values())
    names = {re.match(r"[\w.-]+", library)[0] for library in libraries}
    assert {name for name in names if not slug_problem(name)} == set()
    assert {name for name in names if not package_problem(name.replace("-", "_"))} == set()


def test_standard_modules_of_each_python_are_reserved(monkeypatch):
    # Python 3.12 has these modules and 3.13 does not. A project can use one and cookiecutter the other.
    gone = """
        aifc audioop cgi cgitb chunk crypt imghdr mailcap nntplib pipes sndhdr spwd sunau telnetlib uu xdrlib
    """.split()
    monkeypatch.setattr(sys, "stdlib_module_names", sys.stdlib_module_names - set(gone))
    assert [name for name in gone if not package_problem(name)] == []


def test_names_are_in_known_sections_and_lower_case():
    assert set(NAMES) == {"devices", "python", "databases", "distributions", "modules"}
    assert [name for section in NAMES.values() for name in section if not re.fullmatch("[a-z0-9_-]+", name)] == []


@each(GOOD_TEXTS)
def test_toml_is_escaped(answer):
    assert tomllib.loads(f"text = {toml(answer)}") == {"text": answer}


@each({**GOOD_TEXTS, **JINJA, **BROKEN_JINJA})
def test_jinja_is_escaped(answer):
    assert Environment().from_string(jinja(answer)).render() == answer


def test_shell_is_escaped():
    texts = [*GOOD_TEXTS.values(), *JINJA.values(), *BROKEN_JINJA.values()]
    words = " ".join(map(shell, texts))
    printed = subprocess.check_output(["sh", "-c", f"printf '%s\\0' {words}"], encoding="utf-8")
    assert printed.split("\0")[:-1] == texts


@each({name: text for name, text in BAD_TEXTS.items() if text.strip()})
def test_shell_command_has_no_control_characters(answer):
    assert text_problem(answer)
    (word,) = shlex.split(shell(answer))
    assert not text_problem(word) or not word.strip()


@each(GOOD_TEXTS)
def test_markdown_is_escaped(answer):
    for prefix in ("", "# "):
        assert shown(MarkdownIt().enable("table").parse(prefix + markdown(answer))[1]) == answer.strip()
