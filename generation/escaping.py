"""Filters that write any line of text into a file of a certain format."""

import json
import re


def toml(text: str) -> str:
    """Return `text` as a basic string of TOML 1.0."""
    # Unlike JSON, TOML has no surrogate pairs, so all other characters stay as they are.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def markdown(text: str) -> str:
    """Return `text` so that CommonMark shows exactly this text as a paragraph or a heading of one line."""
    escaped = re.sub(r"([\\`*_{}\[\]<>&|~$#])", r"\\\1", text.strip())
    return re.sub(r"^(\d*)([-+=:.)])", r"\1\\\2", escaped)
