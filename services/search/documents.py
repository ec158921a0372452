"""The project's own text as documents to index: pages by section, notebooks by cell, and code."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from {{ cookiecutter.package_name }}.files import ROOT

from services.access import ServiceError

INDEX = "documents"
FIELDS: dict[str, dict[str, Any]] = {
    "path": {"type": "keyword"},
    "kind": {"type": "keyword"},
    "title": {"type": "text", "analyzer": "english"},
    "text": {"type": "text", "analyzer": "english"},
    "words": {"type": "integer"},
    # When it was indexed: what is older afterwards is no longer in the project.
    "indexed": {"type": "date"},
}
FILES = {
    "page": ["*.md", "docker/*.md", "docs/**/*.md", "reports/**/*.md", "services/*/*.md"],
    "notebook": ["notebooks/**/*.ipynb"],
    "code": ["src/**/*.py", "services/**/*.py"],
}


def sections(text: str) -> Iterator[tuple[str, str]]:
    """Yield the heading and the text of each section of a Markdown page."""
    heading, lines, fenced = "", [], False
    for line in text.splitlines():
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        found = None if fenced else re.match(r"#{1,6} +(.*)", line)
        if found:
            yield heading, "\n".join(lines)
            heading, lines = found[1], []
        else:
            lines.append(line)
    yield heading, "\n".join(lines)


def parts(file: Path, kind: str) -> Iterator[tuple[str, str]]:
    """Yield the title and the text of each part of a file.

    Raises:
        ServiceError: A notebook is not one.
    """
    text = file.read_text(encoding="utf-8", errors="replace")
    if kind == "page":
        yield from sections(text)
    elif kind == "code":
        yield text.strip().partition("\n")[0].strip('"# '), text
    else:
        try:
            cells = json.loads(text)["cells"]
            for number, cell in enumerate(cells, 1):
                yield f"cell {number}", "".join(cell["source"])
        except (KeyError, TypeError, ValueError) as error:
            name = file.relative_to(ROOT)
            raise ServiceError(f"{name} is not a notebook. Correct or remove it.") from error


def documents(indexed: str) -> Iterator[dict[str, Any]]:
    """Yield a document for each part of a file. Its key is the path and the number of the part."""
    for kind, patterns in FILES.items():
        for file in sorted({file for pattern in patterns for file in ROOT.glob(pattern)}):
            path = file.relative_to(ROOT).as_posix()
            for number, (title, text) in enumerate(parts(file, kind), 1):
                if text.strip():
                    yield {
                        "_id": f"{path}#{number}",
                        "path": path,
                        "kind": kind,
                        "title": title,
                        "text": text.strip(),
                        "words": len(text.split()),
                        "indexed": indexed,
                    }
