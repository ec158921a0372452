"""Settings of all Jupyter programs: JupyterLab, nbconvert, and the tests of notebooks."""

import json
import sys
from contextlib import suppress
from pathlib import Path

c = get_config()  # noqa: F821 # Jupyter defines it

# Encrypt what a notebook and its kernel say to each other. A kernel that cannot do it runs without.
c.KernelManager.transport_encryption = "auto"


def is_in_python(file: Path) -> bool:
    """Return whether a notebook is in Python, which is also the answer if it cannot be read."""
    with suppress(OSError, ValueError, LookupError):
        metadata = json.loads(file.read_text(encoding="utf-8"))["metadata"]
        return metadata.get("kernelspec", {}).get("language", "python") == "python"
    return True


# `jupyter execute` and nbconvert run a notebook with the image's Python, even if it names the
# environment of the machine that it was written on, such as conda-root-py. A notebook in another
# language names its kernel.
if all(is_in_python(Path(word)) for word in sys.argv if word.endswith(".ipynb")):
    c.NbClientApp.kernel_name = c.ExecutePreprocessor.kernel_name = "python3"
