"""The report on the GPU, on machines with and without one."""

{% if cookiecutter.__uses_gpu %}
import pytest

{% endif %}
from {{ cookiecutter.package_name }} import gpu


def test_report_times_the_cpu(capsys, monkeypatch):
    monkeypatch.setattr(gpu, "SIZE", 64)
    gpu.main()
    assert " s on the CPU" in capsys.readouterr().out
{% if cookiecutter.__uses_gpu %}


def test_missing_gpu_is_an_error_if_promised(monkeypatch):
    monkeypatch.setattr(gpu, "gpu_name", lambda: None)
    monkeypatch.setenv("ACCELERATOR", "cuda")
    with pytest.raises(SystemExit, match="sees no GPU"):
        gpu.device()
{% endif %}
