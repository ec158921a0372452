"""Check users.txt, then start the hub."""

import os
import sys

import homes
import logins
from users import UserError

NUMBERS = {"NOTEBOOKS_IDLE": 10**6, "NOTEBOOKS_PROCESS_MEMORY": 1000, "NOTEBOOKS_VIEWERS": 1000}

for name, largest in NUMBERS.items():
    value = os.environ[name]
    if not (value.isascii() and value.isdigit() and 0 < int(value) <= largest):
        number = f"a whole number from 1 to {largest}"
        sys.exit(f"error: {name}={value} is not {number}. Correct it in .env.")
try:
    logins.read()
except UserError as error:
    sys.exit(f"error: {error}")
homes.HOMES.chmod(0o711)
homes.write_users()
for name, uid in homes.PROGRAMS.items():
    homes.prepare_runtime(name, uid)
os.chdir("/opt/notebooks")
os.execvp("jupyterhub", ["jupyterhub", "--config", "/opt/notebooks/jupyterhub_config.py"])
