"""The catalogue of services: a page for each service, made from its README, and a gallery of cards."""

import re

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from template import ROOT, rendered

from generation.prompts import STEPS
from generation.services import catalogue, describe_service, evidence, needs, service_file

DOCS = ROOT / "docs"
PAGES = DOCS / "reference" / "services"


def picture(service: str) -> str:
    """Return the path of a service's picture below the documentation, or an empty string if it has none."""
    path = f"_static/services/{service}.png"
    return f"/{path}" if (DOCS / path).exists() else ""


def page(service: str) -> str:
    """Return the Markdown of a service's page: its README with its picture and the services that it needs."""
    title, first, rest = rendered(service_file(service, "README.md")).split("\n\n", 2)
    # Links to the READMEs of other services lead to their pages. Other files are not part of the site.
    rest = re.sub(r"\]\(\.\./([a-z0-9-]+)/README\.md(#[^)]*)?\)", r"](\1.md\2)", rest)
    rest = re.sub(r"\[[^\]]*\]\((?![a-z]+:|[#/]|[a-z0-9-]+\.md)([^)]+)\)", rf"`services/{service}/\1`", rest)
    steps, _, text = first.partition(": ")
    parts = [title, f"{text[0].upper()}{text[1:]}", f"**Step:** {steps.lower()}"]
    if needs(service):
        parts[-1] += f" · **Needs:** {', '.join(f'[{name}]({name}.md)' for name in needs(service))}"
    parts[-1] += f" · **Add it:** `make add-service NAME={service}`"
    if picture(service):
        parts.append(f"![The web interface of {service}]({picture(service)})")
    return "\n\n".join([*parts, rest])


def write_pages(app) -> None:
    """Write the page of each service, if it has changed, and remove those of services that no longer exist."""
    PAGES.mkdir(exist_ok=True)
    pages = {PAGES / f"{service}.md": page(service) for service in catalogue()}
    for file in set(PAGES.glob("*.md")) - set(pages):
        file.unlink()
    for file, text in pages.items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


class Gallery(SphinxDirective):
    """A card for each service, grouped by the first step that it serves."""

    def run(self):
        sections = []
        for step, explanation in STEPS.items():
            services = [name for name in catalogue() if describe_service(name)[0].partition(",")[0] == step]
            if services:
                title = nodes.title(text=step.capitalize())
                about = nodes.paragraph(text=f"{explanation.capitalize()}.")
                section = nodes.section("", title, about, ids=[step])
                section += nodes.container("", *map(self.card, services), classes=["cards"])
                sections.append(section)
        return sections

    def card(self, service: str) -> nodes.container:
        if picture(service):
            cover = f"![]({picture(service)})"
        else:
            cover = f"{service}"
        card = nodes.container(classes=["card"])
        card += nodes.container("", *self.parse_text_to_nodes(cover), classes=["cover"])
        text = describe_service(service)[1]
        text = f"**[{service}](services/{service}.md)**\n\n{text[0].upper()}{text[1:]}"
        card += nodes.container("", *self.parse_text_to_nodes(text), classes=["text"])
        return card


class Tested(SphinxDirective):
    """A table of what each service was tested with."""

    def run(self):
        columns = {"real": "The software itself", "stand-in": "A stand-in", "never": "Never run"}
        rows = [["Service", *columns.values()], ["---"] * (len(columns) + 1)]
        for service in catalogue():
            found = evidence(service)
            rows.append([f"[{service}](services/{service}.md)", *(found.get(column, "") for column in columns)])
        return self.parse_text_to_nodes("\n".join(f"| {' | '.join(row)} |" for row in rows))


def setup(app) -> dict:
    app.connect("builder-inited", write_pages)
    app.add_directive("gallery", Gallery)
    app.add_directive("tested", Tested)
    return {"parallel_read_safe": True}
