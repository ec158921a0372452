"""Refuse a folder that has files. This runs in the folder of the project, before cookiecutter writes the first file."""

import os
import sys

# cookiecutter only gets here with --overwrite-if-exists. It would then write over files, even with
# --skip-if-file-exists, and the other hook would remove those of other choices. A new repository has only .git.
# Importing pathlib would take as long as the rest.
if __name__ == "__main__" and any(name != ".git" for name in os.listdir()):
    sys.exit(
        f"error: {os.getcwd()} has files, which generation could overwrite. "
        "Use 'make adopt FROM=path' in a clone of the template."
    )
