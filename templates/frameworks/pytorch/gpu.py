CPU, GPU = "cpu", "cuda"  # as PyTorch names them


def gpu_name() -> str | None:
    """Return the name of the GPU that PyTorch computes on, or None if it sees no GPU."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def framework() -> str:
    """Return the version of PyTorch and the CUDA version that it was built for."""
    return f"PyTorch {torch.__version__}, built for CUDA {torch.version.cuda or '(none)'}"


def matrix_product(device: str) -> float:
    """Return the seconds that a product of two matrices takes on `device`, which is CPU or GPU."""
    left, right = torch.rand(2, SIZE, SIZE, device=device)
    return seconds(lambda: (left @ right)[0, 0].item())
