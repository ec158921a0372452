"""In an image build: compile the modules in the folder that is named, but for tests.

The same sources give the same bytecode. What a process compiled before, and when it collected
garbage, shows in what it writes: strings that are used elsewhere too are marked. So each package
is compiled by a process of its own, a copy of one that has done nothing yet.
"""

import gc
import os
import py_compile
import sys
import warnings
from pathlib import Path


def write_bytecode(package: Path) -> None:
    """Compile what has valid syntax, a module or all in a folder. Nobody can import the rest."""
    # Taken for valid whatever the time of the module.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    for module in sorted(map(str, package.rglob("*.py") if package.is_dir() else [package])):
        if "/tests/" not in module:
            py_compile.compile(module, quiet=2, invalidation_mode=mode)


def start_copy(package: Path) -> None:
    """Start a copy of this process that compiles a package, and ends."""
    if os.fork() == 0:
        status = 1
        try:
            write_bytecode(package)
            status = 0
        except OSError as error:
            print(f"error: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(status)


def wait_for_one() -> None:
    """Errors: SystemExit where the copy that ended has failed, say on a full disk."""
    if os.wait()[1] != 0:
        sys.exit("error: bytecode could not be written. See above.")


def main() -> None:
    # What Python would note about the code of others is not for the log of this build.
    warnings.simplefilter("ignore")
    gc.disable()
    entries = Path(sys.argv[1]).iterdir()
    packages = sorted(entry for entry in entries if entry.is_dir() or entry.suffix == ".py")
    processors = os.cpu_count() or 1
    for count, package in enumerate(packages):
        if count >= processors:
            wait_for_one()
        start_copy(package)
    for _ in packages[-processors:]:
        wait_for_one()


if os.environ.get("PYTHONHASHSEED") == "0":
    main()
else:
    # The order of sets would be by chance.
    command = [sys.executable, "-B", *sys.argv]
    os.execve(sys.executable, command, {**os.environ, "PYTHONHASHSEED": "0"})
