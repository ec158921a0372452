"""What is said of a GPU, also where there is none."""

{% if cookiecutter.__network %}
import pytest

{% endif %}
from {{ cookiecutter.package_name }} import gpu


def test_report_of_the_gpu_times_the_processor(capsys, monkeypatch):
    monkeypatch.setattr(gpu, "SIZE", 64)
    gpu.main()
    assert " s on the processor" in capsys.readouterr().out
{% if cookiecutter.__network %}


def test_promised_gpu_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr(gpu, "found", lambda: None)
    monkeypatch.setenv("ACCELERATOR", "cuda")
    with pytest.raises(SystemExit, match="sees no GPU"):
        gpu.device()
{% endif %}
