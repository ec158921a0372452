"""Reference pages made from the template itself, so that they cannot differ from it.

Each directive holds a definition list in Markdown. Its terms name things of the template: answers, targets, files. What
the template says about them is put before what is written there. A thing without a text, and a text without its thing,
end the build.
"""

import json
import re
from pathlib import Path

from docutils import nodes
from jinja2 import Environment
from sphinx.util.docutils import SphinxDirective

import local_extensions

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "{{cookiecutter.project_slug}}"
QUESTIONS = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))


def defaults() -> dict:
    """Answer every question as cookiecutter does where nobody types anything."""
    jinja = Environment(extensions=[local_extensions.Answers])
    answers = {}
    for name, default in QUESTIONS.items():
        if not name.startswith("_"):
            default = default[0] if isinstance(default, list) else default
            answers[name] = jinja.from_string(default).render(cookiecutter=answers)
    return answers


def filled(text: str) -> str:
    """Put the default answers into a line of the template."""
    return re.sub(r"{{ cookiecutter\.(\w+) }}", lambda match: defaults()[match[1]], text)


class Checked(SphinxDirective):
    """A definition list that names exactly the facts of one kind, in their order."""

    has_content = True
    source: Path

    def facts(self, terms: list[str]) -> dict[str, tuple[str, str]]:
        """Return what there is: its name, how it is shown, and what the template says about it, in Markdown."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(self.source))
        holder = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, holder)
        texts = {item[0].astext(): item[1] for block in holder for item in block}
        facts = self.facts(list(texts))
        if missing := [name for name in facts if name not in texts]:
            raise self.error(f"{self.name}: in the template, but without a text here: {missing}")
        if stray := [name for name in texts if name not in facts]:
            raise self.error(f"{self.name}: a text here, but not in the template: {stray}")
        return self.render([(*facts[name], texts[name].children) for name in facts])

    def render(self, rows: list[tuple[str, str, list[nodes.Node]]]) -> list[nodes.Node]:
        block = nodes.definition_list()
        for title, said, text in rows:
            definition = nodes.definition("", *self.parse_text_to_nodes(said), *text)
            block += nodes.definition_list_item("", nodes.term("", "", nodes.literal(text=title)), definition)
        return [block]


class Answers(Checked):
    """The questions of cookiecutter.json: prompt, choices, default, and the rule that the check enforces."""

    source = ROOT / "cookiecutter.json"

    def facts(self, terms):
        return {name: (name, self.describe(name, default)) for name, default in defaults().items()}

    def describe(self, name: str, default: str) -> str:
        prompt = QUESTIONS["__prompts__"][name]
        labels = prompt if isinstance(prompt, dict) else {"__prompt__": prompt}
        lines = [labels["__prompt__"], ""]
        question = QUESTIONS[name]
        if isinstance(question, list):
            choices = [f"`{choice}`{self.label(choice, labels)}" for choice in question]
            lines.append(f"- Choices: {choices[0]}, the default; {'; '.join(choices[1:])}.")
        else:
            made = re.findall(r"cookiecutter\.(\w+)", question)
            lines.append(f"- Default: `{default}`" + (f", made from `{made[0]}`" if made else ""))
        if name in local_extensions.CHECKS:
            lines.append(f"- Rule: {self.rule(local_extensions.CHECKS[name])}")
        return "\n".join(lines)

    def label(self, choice: str, labels: dict) -> str:
        return f" ({labels[choice].removeprefix(f'{choice}: ')})" if choice in labels else ""

    def rule(self, check) -> str:
        """Return what a check says to type instead of something that cannot be right."""
        problems = [problem for answer in ("", "\0") if (problem := check(answer))]
        return problems[0].partition(". ")[2]


class Targets(Checked):
    """The targets of the generated project's Makefile, with their `##` comments."""

    source = PROJECT / "Makefile"

    def facts(self, terms):
        lines = re.findall(r"^([a-z-]+):.*## (.*)$", self.source.read_text(encoding="utf-8"), re.MULTILINE)
        return {name: (f"make {name}", f"{says}.") for name, says in lines}


class Services(SphinxDirective):
    """The catalogue: a row for each service, with the steps that it is for."""

    def run(self):
        rows = ["| service | steps | |", "|---|---|---|"]
        for service in local_extensions.catalogue():
            steps, text = local_extensions.about(service)
            rows.append(f"| [{service}](#{service}) | {steps} | {text} |")
        return self.parse_text_to_nodes("\n".join(rows))


class Variables(Checked):
    """The variables that the targets' comments and `make help` name."""

    source = PROJECT / "Makefile"

    def facts(self, terms):
        texts = [path.read_text(encoding="utf-8") for path in (self.source, PROJECT / "scripts" / "help.sh")]
        lines = re.findall(r"## (.*)|(?:echo|row) (.*)", "".join(texts))
        uses = [use for line in lines for use in re.findall(r"\b([A-Z_]+)=([^\s;,']+(?:,\d)?)", "".join(line))]
        return {name: (f"{name}={value}", "") for name, value in uses}


class Settings(Checked):
    """The settings in .env.example, with the comment above each."""

    source = PROJECT / ".env.example"

    def facts(self, terms):
        found = re.findall(r"((?:^# .*\n)+)#(\w+)=(.*)$", self.source.read_text(encoding="utf-8"), re.MULTILINE)
        return {
            name: (f"{name}={filled(value)}", filled(" ".join(re.findall("^# (.*)", comment, re.MULTILINE))))
            for comment, name, value in found
        }


class Files(Checked):
    """The files of a generated project. A term that ends in `/` stands for all that is in that folder."""

    source = PROJECT

    def facts(self, terms):
        paths = [path.relative_to(PROJECT) for path in PROJECT.rglob("*") if path.is_file()]
        files = {
            str(path).replace("{{cookiecutter.", "").replace("}}", "")
            for path in paths
            if "__pycache__" not in path.parts
        }
        named = {term for term in terms if term in files}
        folders = {term for term in terms if term.endswith("/") and any(file.startswith(term) for file in files)}
        missing = sorted(file for file in files - named if not file.startswith(tuple(folders)))
        return {name: (name, "") for name in [term for term in terms if term in named | folders] + missing}


class Messages(Checked):
    """The one-line errors of the scripts, as a table. A term is a part of the message that no other kind has."""

    source = PROJECT / "scripts"

    def facts(self, terms):
        messages = {}
        for script in sorted(self.source.glob("*.sh")):
            # What a command puts in can have quotes of its own.
            text = script.read_text(encoding="utf-8")
            for quoted in re.findall(r"""\bfail ("(?:\$\([^()]*\)|[^"\\]|\\.)*"|'[^']*')""", text):
                if quoted.startswith('"$('):  # the engine's own words, whatever they are
                    continue
                message = re.sub(
                    r"(?<!\\)\$(\(\(.*?\)\)|\([^()]*\)|{.*?}|\w+)", "…", quoted.replace("$DOCKER", "docker")
                )
                message = re.sub(r"\\(.)", r"\1", message[1:-1])
                if script.name == "template.sh":
                    message = f"the template {message}"
                if message == "…":  # those of a service, which its README explains
                    continue
                name = next((term for term in terms if term in message), message)
                messages.setdefault(name, []).append(f"error: {message}")
        return {name: ("", "\n\n".join(dict.fromkeys(found))) for name, found in messages.items()}

    def render(self, rows):
        group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in (45, 55)), cols=2)
        heads = ("message", "why, and what to do")
        group += nodes.thead("", self.row(*([nodes.paragraph(text=head)] for head in heads)))
        body = nodes.tbody()
        for _, said, text in rows:
            body += self.row([nodes.paragraph(text=message) for message in said.split("\n\n")], text)
        group += body
        return [nodes.table("", group)]

    def row(self, *cells: list[nodes.Node]) -> nodes.row:
        return nodes.row("", *(nodes.entry("", *cell) for cell in cells))


def catalogue(app, page: str, source: list[str]) -> None:
    """Put the README of every service, and its picture where there is one, in the place of `{services}` on a page."""
    if "\n{services}\n" not in source[0]:
        return
    jinja = Environment(
        extensions=[local_extensions.Answers], trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    parts = []
    for service in local_extensions.catalogue():
        text = jinja.from_string(local_extensions.read(service, "README.md")).render(cookiecutter=defaults())
        picture = f"_static/services/{service}.png"
        if (ROOT / "docs" / picture).exists():
            title, first, rest = re.split(r"\n{2,}", text, maxsplit=2)
            text = f"{title}\n\n{first}\n\n![{service} in a browser](/{picture})\n\n{rest}"
        # Files beside the README are not part of the site.
        text = re.sub(r"\[[^\]]*\]\((?![a-z]+:|[#/])([^)]+)\)", rf"`services/{service}/\1`", text)
        # One level down, but not the comments in code.
        blocks = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
        parts += [
            block if block.startswith("```") else re.sub("^#", "##", block, flags=re.MULTILINE) for block in blocks
        ]
        parts.append("\n")
    source[0] = source[0].replace("\n{services}\n", "\n" + "".join(parts))


def made_from_the_template(app, env, *changes) -> list[str]:
    """List the pages to read again in each build: what they are made from is not beside them."""
    return [page for page in env.found_docs if page.startswith("reference/")]


def setup(app) -> dict:
    app.connect("env-get-outdated", made_from_the_template)
    app.connect("source-read", catalogue)
    for directive in (Answers, Targets, Variables, Services, Settings, Files, Messages):
        app.add_directive(directive.__name__.lower(), directive)
    return {"parallel_read_safe": True}
