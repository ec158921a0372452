"""Settings of JupyterLab in the container."""

import re
import subprocess
from importlib.util import cache_from_source
from pathlib import Path

c = get_config()  # noqa: F821 # Jupyter defines it

# All addresses of the container; of the host only 127.0.0.1 leads here (compose.yaml).
c.ServerApp.ip = "0.0.0.0"
c.ServerApp.port = 8888
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.ServerApp.root_dir = "/workspace"
c.IdentityProvider.token = Path("/run/secrets/jupyter_token").read_text().strip()

# Requests must name this machine: a web page elsewhere cannot reach in under a name of its own.
c.ServerApp.allow_remote_access = False

# Jupyter refuses root. In a rootless engine, or where root ran make, user 0 is the one whose files
# these are; it may go on only where it has none of root's powers.
capabilities = re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())[1]
c.ServerApp.allow_root = int(capabilities, 16) == 0

# A busy kernel does not hold up `make stop`.
c.KernelManager.shutdown_wait_time = 2
# The wastebasket would be in the container, and gone with it.
c.FileContentsManager.delete_to_trash = False
# Libraries and extensions come with the image: make add.
c.LabApp.extension_manager = "readonly"

# The first time, compile what the project imports beside the server's start, so that the first cell
# need not wait for it.
module = Path("/workspace/src/{{ cookiecutter.package_name }}/train.py")
if module.exists() and not Path(cache_from_source(module)).exists():
    command = ["nice", "python", "-c", "import {{ cookiecutter.package_name }}.train"]
    subprocess.Popen(command, stderr=subprocess.DEVNULL)
