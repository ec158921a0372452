#!/usr/bin/env python
"""Stands in for pip and conda in the development image, where packages are not kept."""

import os
import re
import shlex
import shutil
import sys

# That of the base image, if it has one.
pip = shutil.which("pip", path=os.environ["PATH"].replace(f"{sys.prefix}/bin:", ""))
if sys.argv[1:2] != ["install"]:
    if pip:
        os.execv(pip, [pip, "--python", sys.executable, *sys.argv[1:]])
    sys.exit("error: pip is not in this image. uv.lock lists the packages and their versions.")
line = " ".join(sys.argv[2:])
# Neither options nor the values of those that name a channel, a file or an index.
words = re.sub(r"(^| )-(c|r|i|-channel|-requirement|-index-url)[ =]\S+", "", line).split()
packages = " ".join(word for word in words if not word.startswith("-"))
file = re.search(r"(?:^| )(?:-r|--requirement)[ =]?(\S+)", line)
wanted = f"FROM={shlex.quote(file[1])}" if file else f"PKG={shlex.quote(packages or 'name')}"
sys.exit(
    "error: a package that is installed here is lost with the container. In a terminal on your "
    f"machine, in the project's folder, run: make add {wanted}."
)
