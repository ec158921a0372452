"""In an image build: compile the modules in a folder, except tests.

The same sources give the same bytecode. Bytecode depends on what its process has compiled before
and on when it collected garbage, since strings that are used elsewhere too are marked. So each
package is compiled by a process of its own: a copy of one that has compiled nothing yet.
"""

import gc
import os
import py_compile
import sys
import warnings
from pathlib import Path


def write_bytecode(package: Path) -> None:
    """Compile a module, or all modules in a folder. Those with invalid syntax are skipped."""
    # Python uses the bytecode whatever the module's modification time.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    for module in sorted(map(str, package.rglob("*.py") if package.is_dir() else [package])):
        if "/tests/" not in module:
            py_compile.compile(module, quiet=2, invalidation_mode=mode)


def start_copy(package: Path) -> None:
    """Start a copy of this process that compiles a package and exits."""
    if os.fork() == 0:
        try:
            write_bytecode(package)
        except OSError as error:
            print(f"error: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)


def wait_for_one() -> None:
    """Wait for a copy to exit. Exit with an error if it failed, such as on a full disk."""
    if os.wait()[1] != 0:
        sys.exit("error: bytecode could not be written. See above.")


def main(folder: Path) -> None:
    """Compile all packages in a folder, as many at a time as there are CPUs."""
    # Warnings about other people's code do not belong in the build's log.
    warnings.simplefilter("ignore")
    gc.disable()
    running = 0
    entries = sorted(folder.iterdir())
    for package in (path for path in entries if path.is_dir() or path.suffix == ".py"):
        if running == os.cpu_count():
            wait_for_one()
        else:
            running += 1
        start_copy(package)
    for _ in range(running):
        wait_for_one()


if os.environ.get("PYTHONHASHSEED") == "0":
    main(Path(sys.argv[1]))
else:
    # Otherwise the order of sets is random.
    command = [sys.executable, "-B", *sys.argv]
    os.execve(sys.executable, command, {**os.environ, "PYTHONHASHSEED": "0"})
