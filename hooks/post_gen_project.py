"""Complete the project that cookiecutter has rendered. This runs in the folder of the project."""

import json
import sys
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
# cookiecutter runs a copy of this file outside the template.
sys.path.extend(json.loads(r"""[{{ template_folder | tojson }}]"""))

from generation import steps  # noqa: E402
from generation.frameworks import write_framework_files  # noqa: E402
from generation.kernels import write_kernels  # noqa: E402
from generation.origin import remember_template  # noqa: E402
from generation.services import selected, write_services  # noqa: E402

if __name__ == "__main__":
    if services := selected(ANSWERS["services"]):
        write_services(services, ANSWERS, Path())
    write_framework_files(ANSWERS["framework"], ANSWERS["package_name"], Path())
    write_kernels(ANSWERS["kernels"], ANSWERS, Path())
    steps.remove_unchosen_files(ANSWERS)
    notes = steps.check(ANSWERS["__command"])
    remember_template(ANSWERS, Path())
    notes += steps.create_repository()
    steps.print_next_steps(ANSWERS, notes)
