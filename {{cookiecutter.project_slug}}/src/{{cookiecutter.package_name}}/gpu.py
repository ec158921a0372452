{% if cookiecutter.__uses_gpu %}
"""Choose the device to compute on, and report on the GPU: `make gpu`."""

import os
{% else %}
"""Report on the GPU that a container sees: `make gpu`."""

{% endif %}
import shutil
import subprocess
{% if cookiecutter.__uses_gpu %}
import sys
{% endif %}
import time
from collections.abc import Callable

{% if cookiecutter.__uses_gpu %}
{{ (cookiecutter.framework | describe_framework).import }}
{% else %}
import numpy as np
{% endif %}

SIZE = 4096  # rows and columns of the matrices that are multiplied
{% if cookiecutter.__uses_gpu %}
{% include "frameworks/" ~ cookiecutter.framework ~ "/gpu.py" %}
{% else %}


def matrix_product() -> float:
    """Return the seconds that a product of two matrices takes on the CPU."""
    left, right = np.random.default_rng(seed=0).random((2, SIZE, SIZE), dtype=np.float32)
    return seconds(lambda: left @ right)
{% endif %}


def seconds(compute: Callable[[], object]) -> float:
    """Return the seconds that the fastest of three calls of `compute` takes, after a warm-up."""
    taken = []
    for _ in range(4):
        start = time.perf_counter()
        compute()
        taken.append(time.perf_counter() - start)
    return min(taken[1:])
{% if cookiecutter.__uses_gpu %}


def device() -> str:
    """Return the device to compute on: the GPU if there is one, or else the CPU.

    Raises:
        SystemExit: ACCELERATOR=cuda promises a GPU, but there is none. Training on the CPU instead
            would take hours before anybody noticed.
    """
    if not gpu_name() and os.environ.get("ACCELERATOR") == "cuda":
        sys.exit(
            f"error: {framework()}, sees no GPU. "
            "Run 'make gpu' to find out why, or use ACCELERATOR=cpu."
        )
    return GPU if gpu_name() else CPU
{% endif %}


def driver() -> list[str]:
    """Return a line from the NVIDIA driver for each GPU in this container."""
    fields = "index,name,driver_version,memory.total,memory.used"
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"]
    if not shutil.which("nvidia-smi"):
        return []
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    rows = [line.split(", ") for line in lines if line.count(", ") == fields.count(",")]
    return [
        f"GPU {index}: {name}, driver {version}, {total} of memory, {used} in use"
        for index, name, version, total, used in rows
    ]


def main() -> None:
    """Print the GPUs of this container, and how long a product of two matrices takes."""
    gpus = driver()
    print("\n".join(gpus) or "the driver: there is no GPU in this container")
{% if cookiecutter.__uses_gpu %}
    print(f"{framework()}: computes on {gpu_name() or 'the CPU'}")
    slow = matrix_product(CPU)
    print(f"product of two {SIZE} x {SIZE} matrices: {slow:.3g} s on the CPU")
    if gpu_name():
        fast = matrix_product(GPU)
        print(f"on the GPU: {fast:.3g} s, {slow / fast:.3g} times as fast")
    elif gpus:
        sys.exit(f"error: {framework()}, cannot use this GPU. Update its driver.")
{% else %}
    print("the model of this project computes on the CPU")
    print(f"product of two {SIZE} x {SIZE} matrices: {matrix_product():.3g} s on the CPU")
{% endif %}


if __name__ == "__main__":
    main()
