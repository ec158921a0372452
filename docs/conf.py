"""Settings of the documentation. `make docs` builds it and treats warnings as errors."""

import sys
import tomllib
from pathlib import Path

DOCS = Path(__file__).parent

# The directives, and the package that checks the answers, whose rules the directives show.
sys.path[:0] = [str(DOCS / "_ext"), str(DOCS.parent)]

with (DOCS.parent / "pyproject.toml").open("rb") as file:
    about = tomllib.load(file)["project"]

project = about["name"]
version = release = about["version"]

extensions = ["myst_parser", "reference", "catalogue"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
nitpicky = True
# Messages and commands stay as they are typed.
smartquotes = False

html_theme = "furo"
html_title = f"{project} {version}"
html_static_path = ["_css"]
html_css_files = ["custom.css"]
html_copy_source = False
html_show_copyright = False
