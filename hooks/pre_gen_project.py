"""Refuse a folder that has files. This runs in the folder of the project, before cookiecutter writes the first file."""

import sys
from pathlib import Path

# cookiecutter only gets here with --overwrite-if-exists. It would then write over files, even with
# --skip-if-file-exists, and the other hook would remove those of other choices. A new repository has only .git.
if __name__ == "__main__" and any(path.name != ".git" for path in Path().iterdir()):
    sys.exit(
        f"error: {Path().resolve()} has files, which generation could overwrite. "
        "Use 'make adopt FROM=path' in a clone of the template."
    )
