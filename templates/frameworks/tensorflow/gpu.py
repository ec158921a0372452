CPU, GPU = "/CPU:0", "/GPU:0"  # as TensorFlow names them


def gpu_name() -> str | None:
    """Return the name of the GPU that TensorFlow computes on, or None if it sees no GPU."""
    for gpu in tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
    return None


def framework() -> str:
    """Return the version of TensorFlow and the CUDA version that it was built for."""
    cuda = tf.sysconfig.get_build_info().get("cuda_version", "(none)")
    return f"TensorFlow {tf.__version__}, built for CUDA {cuda}"


def matrix_product(device: str) -> float:
    """Return the seconds that a product of two matrices takes on `device`, which is CPU or GPU."""
    with tf.device(device):
        left, right = tf.random.uniform((2, SIZE, SIZE))
        return seconds(lambda: tf.linalg.matmul(left, right)[0, 0].numpy())
