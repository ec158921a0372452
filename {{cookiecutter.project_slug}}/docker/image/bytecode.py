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


def wait_for_one() -> None:
    """Wait for a copy to exit. Exit with an error if it failed, such as on a full disk."""
    if os.wait()[1] != 0:
        sys.exit("error: bytecode could not be written. See above.")


if os.environ.get("PYTHONHASHSEED") != "0":
    # Otherwise the order of sets is random.
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable, "-B", *sys.argv])
# Warnings about other people's code do not belong in the build's log.
warnings.simplefilter("ignore")
# The development image has PYTHONPYCACHEPREFIX. Its bytecode would go to a volume.
sys.pycache_prefix = None
gc.disable()
folder, cpus = Path(sys.argv[1]), os.cpu_count()
packages = sorted([*folder.glob("*/"), *folder.glob("*.py")])
for number, package in enumerate(packages):
    if number >= cpus:
        wait_for_one()
    if os.fork() == 0:
        write_bytecode(package)
        os._exit(0)
for _ in packages[:cpus]:
    wait_for_one()
