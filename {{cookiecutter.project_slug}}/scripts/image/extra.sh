#!/bin/sh
# extra.sh   in an image build: prints uv's option for what only ACCELERATOR needs, if pyproject.toml has such an extra
exec python -BIc '
import os
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
if os.environ["ACCELERATOR"] in project.get("optional-dependencies", {}):
    print("--extra", os.environ["ACCELERATOR"])
'
