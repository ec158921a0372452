"""The project's folder, and how files are written in it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The project's folder. The image sets it to /workspace. Outside the image it is the current folder.
ROOT = Path(os.environ.get("PROJECT_ROOT", Path.cwd()))


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path, and rename it to `path` in the end.

    So `path` never holds half a file, even if the program is killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays the same, since many libraries choose the format by it.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def exit_on_os_error() -> Iterator[None]:
    """Exit with one line instead of a traceback if a file or a service cannot be used."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            sys.exit(f"error: {error}")
        sys.exit(f"error: {error.filename}: {error.strerror}. Check the folder and its owner.")
