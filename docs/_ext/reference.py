"""Directives for reference pages whose facts come from the template, so that the two cannot differ.

The content of most directives is a definition list in Markdown. Its terms name things of the template, such as
answers, targets or files. The directive puts the template's own description before each definition. A thing without a
definition, and a definition without its thing, fail the build.
"""

import json
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from template import PROJECT, QUESTIONS, ROOT, defaults, faults, help_comments, rendered

from generation.answers import CHECKS
from generation.escaping import markdown
from generation.frameworks import FRAMEWORKS, frameworks
from generation.kernels import KERNELS, describe_kernel, kernels
from generation.services import SHARED, catalogue


class CheckedList(SphinxDirective):
    """A definition list that names all facts of one kind."""

    has_content = True

    def facts(self, terms: list[str]) -> dict[str, tuple[str, str]]:
        """Return each fact's name with its title and the template's description, in Markdown."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        holder = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, holder)
        definitions = {item[0].astext(): item[1] for block in holder for item in block}
        facts = self.facts(list(definitions))
        if missing := [name for name in facts if name not in definitions]:
            raise self.error(f"{self.name}: the template has these, but this page does not describe them: {missing}")
        if stray := [name for name in definitions if name not in facts]:
            raise self.error(f"{self.name}: this page describes these, but the template does not have them: {stray}")
        block = nodes.definition_list()
        for name, (title, description) in facts.items():
            children = [*self.parse_text_to_nodes(description), *definitions[name].children]
            term = nodes.term("", "", nodes.literal(text=title))
            block += nodes.definition_list_item("", term, nodes.definition("", *children))
        return [block]


class Answers(CheckedList):
    """The questions of cookiecutter.json: prompt, choices, default, and the rule that the check enforces."""

    def facts(self, terms):
        questions = {name: default for name, default in defaults().items() if not name.startswith("_")}
        return {name: (name, self.describe(name, default)) for name, default in questions.items()}

    def describe(self, name: str, default: str) -> str:
        prompt = QUESTIONS["__prompts__"][name]
        labels = prompt if isinstance(prompt, dict) else {"__prompt__": prompt}
        lines = [f"{labels['__prompt__']}.", ""]
        choices = self.choices(name, default)
        if choices:
            shown = [f"`{choice}`{self.label(choice, labels)}" for choice in choices]
            lines.append(f"- Choices: {shown[0]} (default), {', '.join(shown[1:])}.")
        else:
            sources = [source for source in defaults() if f"cookiecutter.{source} " in QUESTIONS[name]]
            lines.append(f"- Default: `{default}`" + (f", derived from `{sources[0]}`" if sources else ""))
        if name in CHECKS and not choices:
            lines.append(f"- Rule: {self.rule(CHECKS[name])}")
        return "\n".join(lines)

    def choices(self, name: str, default: str) -> list[str]:
        """Return the possible answers, the default first, or an empty list if any text is possible."""
        if name == "framework":
            return sorted(frameworks(), key=lambda framework: framework != default)
        return QUESTIONS[name] if isinstance(QUESTIONS[name], list) else []

    def label(self, choice: str, labels: dict) -> str:
        return f" ({labels[choice].removeprefix(f'{choice}: ')})" if choice in labels else ""

    def rule(self, check) -> str:
        """Return what a check says to type instead of an answer that is never valid."""
        problems = [problem for answer in ("", "\0") if (problem := check(answer))]
        return problems[0].partition(". ")[2]


class Targets(CheckedList):
    """The targets of the generated project's Makefile."""

    def facts(self, terms):
        comments = help_comments(PROJECT / "Makefile")
        return {name: (f"make {name}", f"{text}.") for name, text in comments.items()}


class Variables(CheckedList):
    """The variables of make. Those that the description of a target names must all be here."""

    def facts(self, terms):
        words = " ".join(help_comments(PROJECT / "Makefile").values()).replace(",", "").replace(";", "").split()
        named = [name for name, equals, _ in (word.partition("=") for word in words) if equals and name.isupper()]
        return {name: (name, "") for name in dict.fromkeys([*terms, *named])}


class Settings(CheckedList):
    """The settings in .env.example, with the comment above each."""

    def facts(self, terms):
        template = (PROJECT / ".env.example").read_text(encoding="utf-8")
        settings, comment = {}, []
        # Some settings are only in projects with a certain framework.
        for framework in frameworks():
            for line in rendered(template, framework=framework).splitlines():
                if line.startswith("# "):
                    comment.append(line.removeprefix("# "))
                    continue
                name, equals, value = line.removeprefix("#").partition("=")
                if line.startswith("#") and equals:
                    settings.setdefault(name, (f"{name}={value}", " ".join(comment)))
                comment = []
        return settings


class Files(CheckedList):
    """The files of a generated project. A term that ends in `/` stands for everything in that folder."""

    def facts(self, terms):
        folders = [PROJECT, *(FRAMEWORKS / name / "files" for name in frameworks())]
        folders += [KERNELS / name / "files" for name in kernels()]
        paths = [path.relative_to(folder) for folder in folders for path in folder.rglob("*") if path.is_file()]
        for name in frameworks():
            paths += [Path("src", "package_name", path.name) for path in (FRAMEWORKS / name / "src").glob("*.py")]
        paths += [Path("services", SHARED), *(Path("services", name, "compose.yaml") for name in catalogue())]
        files = {
            str(path).replace("{{cookiecutter.", "").replace("}}", "")
            for path in paths
            if "__pycache__" not in path.parts
        }
        known = [
            term for term in terms if term in files or (term.endswith("/") and any(f.startswith(term) for f in files))
        ]
        covered = tuple(term for term in known if term.endswith("/"))
        missing = sorted(file for file in files.difference(known) if not file.startswith(covered))
        return {name: (name, "") for name in [*known, *missing]}


class Faults(SphinxDirective):
    """A table of known errors, from the files of faults that `make` reads: those named, or those of all services."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self):
        if self.arguments:
            head, rows = ["error", "what to do"], []
            for name in self.arguments[0].split():
                rows += [[self.code(error), markdown(remedy)] for error, remedy in faults(PROJECT / name)]
        else:
            head, rows = ["service", "error", "what to do"], []
            for service in catalogue():
                file = ROOT / "services" / service / "faults.txt"
                found = faults(file) if file.exists() else []
                link = f"[{service}](../reference/services/{service}.md)"
                rows += [[link, self.code(error), markdown(remedy)] for error, remedy in found]
        lines = [head, ["---"] * len(head), *rows]
        return self.parse_text_to_nodes("\n".join("| " + " | ".join(line) + " |" for line in lines))

    @staticmethod
    def code(error: str) -> str:
        return "`" + error.replace("|", "\\|") + "`"


class Kernels(SphinxDirective):
    """A table of the kernels."""

    def run(self):
        rows = [["Name", "Language", "Tested"], ["---"] * 3]
        for name in kernels():
            kernel = describe_kernel(name)
            rows.append([f"`{name}`", kernel["about"], kernel["tested"]])
        return self.parse_text_to_nodes("\n".join(f"| {' | '.join(row)} |" for row in rows))


class Packages(SphinxDirective):
    """A table of the packages that were tried, from the results of benchmarks/packages."""

    def run(self):
        results = json.loads((ROOT / "benchmarks" / "packages" / "results.json").read_text(encoding="utf-8"))
        rows = [self.row(name, result) for name, result in sorted(results["packages"].items())]
        counts = [sum(row[1].startswith(answer) for row in rows) for answer in ("yes", "with", "no")]
        about = (
            f"Tried on {results['date']} with Python {results['python']}: {counts[0]} of {len(rows)} can be imported, "
            f"{counts[1]} more with system packages, and {counts[2]} cannot."
        )
        head = [["package", "import works", "system packages", "added, MB"], ["---", "---", "---", "---:"]]
        lines = ["| " + " | ".join(row) + " |" for row in [*head, *rows]]
        return self.parse_text_to_nodes("\n".join([about, "", *lines]))

    @staticmethod
    def row(name: str, result: dict) -> list[str]:
        place = "" if result["framework"] == "none" else f" ({result['framework']})"
        answer = f"no: {markdown(result['reason'])}"
        if result["imported"]:
            answer = "with system packages" if result["system"] else "yes"
        system = " ".join(f"`{each}`" for each in result["system"])
        added = result["size"] + result["system size"]
        size = str(round(added)) if added >= 1 else "less than 1" if added else "in every project"
        return [f"{name} {result['version']}{place}", answer, system, size]


def outdated(app, env, *changes) -> list[str]:
    """Return the pages to read again in each build, because their sources are outside of the documentation."""
    return [
        page for page in env.found_docs if page.startswith("reference/") or page in ("how-to/trouble", "how-to/kernels")
    ]


def setup(app) -> dict:
    app.connect("env-get-outdated", outdated)
    for directive in (Answers, Targets, Variables, Settings, Files, Faults, Kernels, Packages):
        app.add_directive(directive.__name__.lower(), directive)
    return {"parallel_read_safe": True}
