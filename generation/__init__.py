"""Generates a project, together with cookiecutter.

The filters in local_extensions.py, the hook and `make add-service` call these modules. They run in the user's
cookiecutter, so they only import the standard library, Jinja and cookiecutter.

- answers: checks of the answers, before any file is written; names.txt lists the reserved names
- prompts: the lists of services and frameworks before their questions
- services, frameworks: the catalogue in services/, and the folders in templates/frameworks/
- escaping: writing a text into TOML or Markdown
- steps, checks, origin: what the hook does after rendering: checks of the generated project, and .cruft.json
- add_service: the part of `make add-service` that belongs to the template
"""

from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent
