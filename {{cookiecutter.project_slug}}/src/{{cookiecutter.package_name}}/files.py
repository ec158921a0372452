"""Where things are, and how they are written."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The project's folder: the image says /workspace; elsewhere it is the current folder.
ROOT = Path(os.environ.get("PROJECT_ROOT", Path.cwd()))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path that becomes `path` at the end: a file is whole or is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays, since many libraries take the format from it.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program with one line, not a traceback, where a file or a service is the matter."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            sys.exit(f"error: {error}")
        sys.exit(f"error: {error.filename}: {error.strerror}. Check that folder, and whose it is.")
