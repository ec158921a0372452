#!/bin/sh
# extra.sh [prune]   in an image build: prints uv's option for ACCELERATOR's extra, if pyproject.toml has one, or the options
#                    that leave out the packages in it, and what only these need
exec python -BIc '
import os, re, sys, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
packages = project.get("optional-dependencies", {}).get(os.environ["ACCELERATOR"])
if sys.argv[1:]:
    print(*("--prune " + re.match("[A-Za-z0-9._-]+", package)[0] for package in packages or []))
elif packages is not None:
    print("--extra", os.environ["ACCELERATOR"])
' "$@"
