"""Record what made a model, and what has changed since: `make trace FILE=models/model.joblib`."""

import argparse
import json
import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

from {{ cookiecutter.package_name }} import SEED, {% if cookiecutter.__uses_gpu %}gpu, {% endif %}model
from {{ cookiecutter.package_name }}.files import ROOT, atomic_path, exit_on_os_error

TRACE = ROOT / "reports" / "trace.json"
LOCK = ROOT / "uv.lock"
# Python 3.14 has another format for `except` with several types, so they have a name.
INVALID = (ValueError, KeyError, TypeError)

Record = dict[str, Any]


def checksum(file: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def checksums(files: Iterable[Path]) -> dict[str, str]:
    """Return the checksum of each file that exists, by its path in the project."""
    return {file.relative_to(ROOT).as_posix(): checksum(file) for file in files if file.exists()}


def present() -> Record:
    """Return what training depends on besides files: those of these that are known here.

    `make` knows the commit and the image. The commit ends in `-dirty` if files were not committed.
    """
    known = {
        "commit": os.environ.get("TRACE_COMMIT"),
        "image": os.environ.get("TRACE_IMAGE"),
{% if cookiecutter.__uses_gpu %}
        "accelerator": gpu.gpu_name() or "cpu",
{% else %}
        "accelerator": os.environ.get("ACCELERATOR", "cpu"),
{% endif %}
        "seed": SEED,
    }
    return {name: value for name, value in known.items() if value is not None}


def write(inputs: Iterable[Path], made: Iterable[Path]) -> None:
    """Record what training read and made. Call this when all of these files are written."""
    record = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        **present(),
        "inputs": checksums([LOCK, *inputs]),
        "made": checksums(made),
    }
    with atomic_path(TRACE) as path:
        path.write_text(json.dumps(record, indent=2) + "\n")


def read() -> Record:
    """Return what `write` recorded last.

    Raises:
        SystemExit: Nothing was recorded, or the file was changed.
    """
    name = TRACE.relative_to(ROOT)
    if not TRACE.exists():
        sys.exit(f"error: {name} is missing. Train first: make train.")
    try:
        record = json.loads(TRACE.read_text())
        return {**record, "inputs": dict(record["inputs"]), "made": dict(record["made"])}
    except INVALID:
        sys.exit(f"error: {name} is not valid. Train again: make train.")


def flat(record: Record) -> dict[str, str]:
    """Return a line for each thing in a record: its name and its value."""
    single = {name: str(value) for name, value in record.items() if not isinstance(value, dict)}
    return single | record["inputs"] | record["made"]


def changes(record: Record, file: str) -> list[str]:
    """Return a line for each difference between the present and a record of what made `file`."""
    now, lines = present(), []
    for name in {**record, **now}:
        if name not in ("time", "inputs", "made") and record.get(name) != now.get(name):
            lines.append(f"{name}: now {now.get(name, 'unknown')}")
    if str(record.get("commit")).endswith("-dirty"):
        lines.append("commit: files were not committed, so the code may differ")
    before = record["inputs"] | {file: record["made"][file]}
    after = checksums(ROOT / name for name in before)
    for name, digest in before.items():
        if name not in after:
            lines.append(f"{name}: it is gone")
        elif after[name] != digest:
            lines.append(f"{name}: now {after[name]}")
    return lines


def main(arguments: list[str] | None = None) -> None:
    """Print what made a file, and what has changed since."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", help="a file that training made; default: the model")
    file = parser.parse_args(arguments).file or model.FILE
    record = read()
    name = Path(os.path.relpath(ROOT / file, ROOT)).as_posix()
    if name not in record["made"]:
        sys.exit(f"error: make train did not make {name}. Use FILE={' or '.join(record['made'])}.")
    print(f"{name} was made by make train from:")
    known = flat(record)
    width = max(map(len, known))
    print(*(f"  {each:{width}}  {value}" for each, value in known.items()), sep="\n")
    lines = changes(record, name)
    print("Since then:" if lines else "Nothing has changed since then.")
    for line in lines:
        print(f"  {line}")


if __name__ == "__main__":
    with exit_on_os_error():
        main()
