"""Generates a project, together with cookiecutter.

The filters in local_extensions.py, the hook and `make add-service` call these modules. They run in the user's
cookiecutter, so they only import the standard library, Jinja and cookiecutter.

- answers: checks of the answers, before any file is written; names.txt lists the reserved names
- command: the command line of cookiecutter, and the command that gives all answers again
- prompts: the lists of frameworks, services and kernels before their questions
- services, frameworks, kernels: the catalogue in services/, and the folders in templates/
- rendering: writing their files into a project
- escaping: writing a text into TOML, Markdown, Jinja or a shell command
- steps, checks, origin: what the hook does after rendering: checks of the generated project, and .cruft.json
- adopt, suggestions: `make adopt`, and the answers that an existing repository suggests
- add_service, add_kernel, update, add: the parts of `make add-service`, `make add-kernel` and `make update` that belong
  to the template; render_version generates a project from any version of it
"""

import tomllib
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent
ABOUT = tomllib.loads((TEMPLATE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# The documentation of this version.
DOCUMENTATION = f"{ABOUT['urls']['Repository']}/blob/v{ABOUT['version']}/docs"
