"""Imports the modules of the packages named as arguments, in a container of the development image.

Prints a line for each package that cannot be imported: `NAME|ERROR|`, and after that the shared
libraries that the system lacks.
"""

import contextlib
import importlib
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

# Folders that packages leave in site-packages by mistake.
OTHERS = {"bin", "docs", "examples", "scripts", "test", "tests"}


def modules(package: str) -> list[str]:
    """Return the names of the modules that a package provides, without those inside another one."""
    files = importlib.metadata.files(package) or []
    # A namespace, such as `google`, has no __init__.py: the packages inside it are the modules.
    names = {file.parent.parts for file in files if file.name == "__init__.py"}
    single = [file for file in files if len(file.parts) == 1 and file.suffix in (".py", ".so")]
    names |= {(file.name.split(".")[0],) for file in single}
    return sorted(
        ".".join(name)
        for name in names
        if not any(name[:length] in names for length in range(1, len(name)))
        and not name[0].startswith("_")
        and name[0] not in OTHERS
        and all(map(str.isidentifier, name))
    )


def missing_libraries(package: str, error: Exception) -> list[str]:
    """Return the shared libraries that the system lacks, if this is why an import fails."""
    if not (match := re.match(r"([\w.+-]+\.so[.\d]*): cannot open shared object file", str(error))):
        return []
    # The loader names the first one, ldd all that the same file needs.
    file = getattr(error, "path", None)
    files = importlib.metadata.files(package)
    paths = [file] if file else [path.locate() for path in files if ".so" in path.suffixes]
    lines = subprocess.run(["ldd", *paths], capture_output=True, text=True, check=False).stdout
    return sorted({match[1], *re.findall(r"(\S+) => not found", lines)})


def try_imports(package: str) -> str:
    """Import what a package provides. Return an empty string, or the line about what fails."""
    try:
        for module in modules(package):
            importlib.import_module(module)
    except importlib.metadata.PackageNotFoundError:
        # Removed since, or only for another accelerator or platform.
        return ""
    except (Exception, SystemExit) as error:
        text = (str(error).strip() or type(error).__name__).splitlines()[-1][:200]
        libraries = " ".join(missing_libraries(package, error))
        return f"{package}|{text.replace('|', '/').rstrip('.')}|{libraries}"
    return ""


# What a package prints is not for the person who adds it.
with (
    Path("/dev/null").open("w") as nowhere,
    contextlib.redirect_stdout(nowhere),
    contextlib.redirect_stderr(nowhere),
):
    lines = [line for package in sys.argv[1:] if (line := try_imports(package))]
if lines:
    print(*lines, sep="\n")
