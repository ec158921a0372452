"""Registers the filters of generation/ for cookiecutter, which finds this file by its name.

Private variables in cookiecutter.json call some of them. cookiecutter evaluates these in order, between the questions:

- `__frameworks_listed`, `__services_listed` and `__kernels_listed` call `list_before_prompt`, so that a person sees the
  possible answers.
- `__command` calls `check_answers`, which returns the command that gives all answers. It comes after all questions and
  before any file is written. The variables below it rely on valid answers.

`_copy_without_render` there excludes all files in docker/ from rendering, except those whose name begins with `co`: the
Compose files. In a service, it excludes the folder src/ and data files.
"""

import sys

from jinja2.ext import Extension

from generation import ABOUT, DOCUMENTATION, TEMPLATE
from generation.answers import check_answers, package, slug
from generation.command import literal
from generation.escaping import markdown, toml
from generation.frameworks import describe_framework, has_scikit_learn
from generation.kernels import describe_kernel
from generation.prompts import list_before_prompt
from generation.services import describe_service, named, requirements, selected

FILTERS = (
    *(slug, package, check_answers, list_before_prompt),
    *(toml, markdown),
    *(describe_framework, has_scikit_learn),
    *(named, selected, describe_service, requirements, describe_kernel),
)


class Filters(Extension):
    """The filters, and the folder of the template, for the files of the template and for its hook."""

    def __init__(self, environment):
        super().__init__(environment)
        environment.filters.update({function.__name__: function for function in FILTERS})
        environment.globals["template_folder"] = str(TEMPLATE)
        environment.globals.update(template_version=ABOUT["version"], documentation=DOCUMENTATION)
        # cruft generates from two versions of the template in one process, so the next environment imports anew.
        for module in [name for name in sys.modules if name == __name__ or name.partition(".")[0] == "generation"]:
            del sys.modules[module]

    def preprocess(self, source, name, filename=None):
        """Return the source that Jinja reads. cookiecutter renders the answers on the command line, too."""
        return literal(source)
