"""Functions that write any line of text in a certain language. toml and markdown are filters for files."""

import json
import re
import shlex
import unicodedata

DIRECTIONS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def is_control(character: str) -> bool:
    """Return whether a character ends a line, changes the direction of text, controls a terminal or is a surrogate."""
    category = unicodedata.category(character)
    return category in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character) in DIRECTIONS


def toml(text: str) -> str:
    """Return `text` as a basic string of TOML 1.0."""
    # Unlike JSON, TOML has no surrogate pairs, so all other characters stay as they are.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def markdown(text: str) -> str:
    """Return `text` so that CommonMark shows exactly this text as a paragraph or a heading of one line."""
    escaped = re.sub(r"([\\`*_{}\[\]<>&|~$#])", r"\\\1", text.strip())
    return re.sub(r"^(\d*)([-+=:.)])", r"\1\\\2", escaped)


def jinja(text: str) -> str:
    """Return `text` as a template of Jinja that renders to this text."""
    return re.sub(r"{(?=[{%#])", "{{ '{' }}", text)


def shell(text: str) -> str:
    """Return `text` as a word of a shell, without the control characters that no answer may contain."""
    return shlex.quote("".join((" " if c.isspace() else "") if is_control(c) else c for c in text))
