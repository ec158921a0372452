{% if cookiecutter.__network %}
"""What to compute on, and what there is to say about it: `make gpu`."""

import os
{% else %}
"""What a container sees of a GPU: `make gpu`."""

{% endif %}
import shutil
import subprocess
{% if cookiecutter.__network %}
import sys
{% endif %}
import time
from collections.abc import Callable

{% if cookiecutter.framework == "pytorch" %}
import torch
{% elif cookiecutter.framework == "tensorflow" %}
import tensorflow as tf
{% elif cookiecutter.framework == "jax" %}
import jax
{% else %}
import numpy as np
{% endif %}

SIZE = 4096  # rows and columns of the matrices that are multiplied
{% if cookiecutter.__network %}

# What the framework calls them.
PROCESSOR, GPU = {{ {"pytorch": '"cpu", "cuda"', "tensorflow": '"/CPU:0", "/GPU:0"', "jax": '"cpu", "gpu"'}[cookiecutter.framework] }}


def found() -> str | None:
    """Return the name of the GPU that the framework computes on, or None where it sees none."""
{% if cookiecutter.framework == "pytorch" %}
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None
{% elif cookiecutter.framework == "tensorflow" %}
    for gpu in tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
    return None
{% else %}
    first = jax.devices()[0]
    return first.device_kind if first.platform == "gpu" else None
{% endif %}


def device() -> str:
    """Return what to compute on: the GPU where there is one.

    Errors: SystemExit where ACCELERATOR=cuda has promised one. Nobody should wait for a processor
    without knowing.
    """
    if not found() and os.environ.get("ACCELERATOR") == "cuda":
        sys.exit(f"error: {about()}, sees no GPU. Ask make gpu why, or use ACCELERATOR=cpu.")
    return GPU if found() else PROCESSOR


def about() -> str:
    """Return the framework's name and version, and what it was built for."""
{% if cookiecutter.framework == "pytorch" %}
    return f"PyTorch {torch.__version__}, built for CUDA {torch.version.cuda or '(none)'}"
{% elif cookiecutter.framework == "tensorflow" %}
    cuda = tf.sysconfig.get_build_info().get("cuda_version", "(none)")
    return f"TensorFlow {tf.__version__}, built for CUDA {cuda}"
{% else %}
    return f"JAX {jax.__version__}, with the backend {jax.default_backend()}"
{% endif %}
{% endif %}


def seconds(compute: Callable[[], object]) -> float:
    """Return the least seconds that `compute` takes, after a first time that does not count."""
    taken = []
    for _ in range(4):
        start = time.perf_counter()
        compute()
        taken.append(time.perf_counter() - start)
    return min(taken[1:])


{% if cookiecutter.framework == "pytorch" %}
def matrix_product(place: str) -> float:
    """Return the seconds that a product of two matrices takes, on PROCESSOR or GPU."""
    left, right = torch.rand(2, SIZE, SIZE, device=place)
    return seconds(lambda: (left @ right)[0, 0].item())
{% elif cookiecutter.framework == "tensorflow" %}
def matrix_product(place: str) -> float:
    """Return the seconds that a product of two matrices takes, on PROCESSOR or GPU."""
    with tf.device(place):
        left, right = tf.random.uniform((2, SIZE, SIZE))
        return seconds(lambda: tf.linalg.matmul(left, right)[0, 0].numpy())
{% elif cookiecutter.framework == "jax" %}
def matrix_product(place: str) -> float:
    """Return the seconds that a product of two matrices takes, on PROCESSOR or GPU."""
    with jax.default_device(jax.devices(place)[0]):
        left, right = jax.random.uniform(jax.random.key(0), (2, SIZE, SIZE))
        return seconds(lambda: (left @ right).block_until_ready())
{% else %}
def matrix_product() -> float:
    """Return the seconds that a product of two matrices takes on the processor."""
    left, right = np.random.default_rng(seed=0).random((2, SIZE, SIZE), dtype=np.float32)
    return seconds(lambda: left @ right)
{% endif %}


def driver() -> list[str]:
    """List what NVIDIA's driver says of each GPU in this container; nothing where there is none."""
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
    """Print what there is, and how long a product of two matrices takes on it."""
    gpus = driver()
    print("\n".join(gpus) or "the driver: there is no GPU in this container")
{% if cookiecutter.__network %}
    print(f"{about()}: computes on {found() or 'the processor'}")
    slow = matrix_product(PROCESSOR)
    print(f"product of two {SIZE} x {SIZE} matrices: {slow:.3g} s on the processor")
    if found():
        fast = matrix_product(GPU)
        print(f"on the GPU: {fast:.3g} s, {slow / fast:.3g} times as fast")
    elif gpus:
        sys.exit(f"error: {about()}, cannot use this GPU. Update its driver.")
{% else %}
    print("{% if cookiecutter.framework == "none" %}NumPy computes{% else %}NumPy and scikit-learn compute{% endif %} on the processor")
    taken = matrix_product()
    print(f"product of two {SIZE} x {SIZE} matrices: {taken:.3g} s on the processor")
{% endif %}


if __name__ == "__main__":
    main()
