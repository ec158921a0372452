#!/bin/sh
# extra.sh   in an image build: prints uv's option for ACCELERATOR's extra, if pyproject.toml has one
exec python -BIc '
import os, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
if os.environ["ACCELERATOR"] in project.get("optional-dependencies", {}):
    print("--extra", os.environ["ACCELERATOR"])
'
