"""JupyterLab's settings in the container."""

import re
import shutil
import subprocess
from importlib.util import cache_from_source
from pathlib import Path

c = get_config()  # noqa: F821 # Jupyter defines it

# In the container, on all addresses; compose.yaml publishes the port on 127.0.0.1 only.
c.ServerApp.ip = "0.0.0.0"
c.ServerApp.port = 8888
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.ServerApp.root_dir = "/workspace"
secret = Path("/run/secrets/jupyter_token")
if secret.exists():
    c.IdentityProvider.token = secret.read_text().strip()
else:
    # What `make bundle` wrote runs without make: Jupyter makes a token, and prints little more than
    # the address.
    c.Application.log_level = "WARN"

# Refuse other host names, so that a web site cannot reach in under its own (DNS rebinding).
c.ServerApp.allow_remote_access = False

# Jupyter refuses to run as root. In a rootless engine, or if root ran make, you are user 0 here.
# That is allowed only without any of root's capabilities.
capabilities = re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())[1]
c.ServerApp.allow_root = int(capabilities, 16) == 0

# Do not let a busy kernel delay `make stop`.
c.KernelManager.shutdown_wait_time = 2
# Delete permanently: the trash would live in the container and vanish with it.
c.FileContentsManager.delete_to_trash = False
# Extensions are part of the image: use make add.
c.LabApp.extension_manager = "readonly"

# Save and Export Notebook As offers the formats that work here. The others need programs that are
# large; with pandoc and texlive-xetex in apt-dev.txt, they appear.
pandoc, xelatex = bool(shutil.which("pandoc")), bool(shutil.which("xelatex"))
c.ASCIIDocExporter.enabled = c.LatexExporter.enabled = c.RSTExporter.enabled = pandoc
c.PDFExporter.enabled = pandoc and xelatex
# These would need a browser or a display.
c.WebPDFExporter.enabled = c.QtPDFExporter.enabled = c.QtPNGExporter.enabled = False

# The first time, compile the project's imports while the server starts, so that the first cell does
# not wait for them.
module = Path("/workspace/src/{{ cookiecutter.package_name }}/train.py")
if module.exists() and not Path(cache_from_source(module)).exists():
    command = ["nice", "python", "-c", "import {{ cookiecutter.package_name }}.train"]
    subprocess.Popen(command, stderr=subprocess.DEVNULL)
