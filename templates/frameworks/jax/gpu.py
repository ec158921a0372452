CPU, GPU = "cpu", "gpu"  # as JAX names them


def gpu_name() -> str | None:
    """Return the name of the GPU that JAX computes on, or None if it sees no GPU."""
    first = jax.devices()[0]
    return first.device_kind if first.platform == "gpu" else None


def framework() -> str:
    """Return the version of JAX and the backend that it uses."""
    return f"JAX {jax.__version__}, with the backend {jax.default_backend()}"


def matrix_product(device: str) -> float:
    """Return the seconds that a product of two matrices takes on `device`, which is CPU or GPU."""
    with jax.default_device(jax.devices(device)[0]):
        left, right = jax.random.uniform(jax.random.key(0), (2, SIZE, SIZE))
        return seconds(lambda: (left @ right).block_until_ready())
