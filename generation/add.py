"""What `make add-service`, `make add-kernel` and `make update` share: .cruft.json, merging, and errors."""

import json
import shutil
import subprocess
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

# Files in OUT: why nothing can be added, what its owner has to change first, and the new .cruft.json.
PROBLEM, DIFF, STATE = "problem", "diff", "cruft.json"


class CannotAddError(Exception):
    """It cannot be added. The message says why and what to do, and `diff` what to change in a file of the project."""

    def __init__(self, message: str, diff: str = ""):
        super().__init__(message)
        self.diff = diff


def read_state(given: Path) -> dict:
    """Return what the .cruft.json of the project says.

    Raises:
        CannotAddError: The file is not valid JSON, or has no answers.
    """
    try:
        state = json.loads((given / ".cruft.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise CannotAddError(f".cruft.json is not valid: {error}. Correct it, or take it from git.") from None
    answers = state.get("context", {}).get("cookiecutter") if isinstance(state.get("context"), dict) else None
    if not isinstance(answers, dict):
        raise CannotAddError(".cruft.json has no answers in context.cookiecutter. Take the file from git.")
    return state


def write_state(state: dict, out: Path) -> None:
    """Write the new .cruft.json to `out`."""
    (out / STATE).write_text(json.dumps(state, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def merge_files(mine: bytes, before: bytes, after: bytes, names: tuple[str, str, str]) -> tuple[bytes, bool]:
    """Return a text, `mine`, with the changes between two other versions, and whether they conflict with its own.

    Conflicts are marked as git marks them, with the names of the three versions.

    Raises:
        CannotAddError: The image has no git.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, version) for version in ("mine", "before", "after")]
        for file, text in zip(files, (mine, before, after), strict=True):
            file.write_bytes(text)
        labels = [word for name in names for word in ("-L", name)]
        try:
            done = subprocess.run(["git", "merge-file", "--stdout", *labels, *files], capture_output=True)
        except FileNotFoundError:
            raise CannotAddError(
                "the development image has no git. Add git to apt-dev.txt, and run: make build."
            ) from None
    # The status is the number of conflicts, or an error.
    if done.returncode > 127:
        raise RuntimeError(done.stderr.decode(errors="replace"))
    return done.stdout, done.returncode > 0


def run(command: Callable[..., None], name: str, *folders: Path) -> None:
    """Call a command with the other arguments, the last of which is the folder that it writes to.

    If it fails, leave only `problem` in that folder, one line, and perhaps `diff`.
    """
    out = folders[-1]
    out.mkdir(exist_ok=True)
    try:
        command(name, *folders)
    except Exception as error:
        if isinstance(error, CannotAddError):
            problem = str(error)
        else:
            traceback.print_exc()
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            problem = f"the template cannot write {name}: {reason}. Rerun with V=1 to see the full output."
        shutil.rmtree(out)
        out.mkdir()
        (out / PROBLEM).write_text(problem + "\n", encoding="utf-8")
        if diff := getattr(error, "diff", ""):
            (out / DIFF).write_text(diff, encoding="utf-8")
