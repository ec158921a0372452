"""Print the notes of a release, which are its section in CHANGELOG.md: notes.py v0.2.0

It fails unless the version is Semantic Versioning, that of pyproject.toml, and the newest section with a date.
"""

import re
import sys
from pathlib import Path

from generation import ABOUT

# The expression that semver.org suggests, without build metadata.
SEMVER = r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"


def notes(tag: str, changelog: str, version: str) -> str:
    """Return the text of the newest section of a changelog, which has to be that of a tag.

    Raises:
        ValueError: The tag is not Semantic Versioning, not `v` and the version of the template, or another section of
            the changelog is the newest, or has no date or no text.
    """
    if not re.fullmatch(SEMVER, tag):
        raise ValueError(f"{tag!r} is not a version. Use a tag such as v0.2.0.")
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, but pyproject.toml has {version}. Correct one of them.")
    _, *sections = re.split(r"^## ", changelog, flags=re.MULTILINE)
    for section in sections:
        title, _, text = section.partition("\n")
        if title == "Unreleased" and not text.strip():
            continue
        if not re.fullmatch(rf"{re.escape(version)}, \d{{4}}-\d\d-\d\d", title) or not text.strip():
            raise ValueError(
                f"the newest section of CHANGELOG.md is '## {title}'. It has to be '## {version}, YYYY-MM-DD'."
            )
        return text.strip()
    raise ValueError("CHANGELOG.md has no section. Write what has changed.")


if __name__ == "__main__":
    try:
        print(notes(sys.argv[1], Path("CHANGELOG.md").read_text(encoding="utf-8"), ABOUT["version"]))
    except ValueError as error:
        sys.exit(f"error: {error}")
