"""Every service of the catalogue, whatever it is: its folder keeps the contract, and its example works."""

import pytest
from conftest import SERVICES, files

import local_extensions

EVERY = pytest.mark.parametrize("service", SERVICES)


@EVERY
def test_folder_has_what_every_service_has(baked, service):
    folder = baked(services=service) / "services" / service
    assert {"compose.yaml", "README.md"} <= files(folder)
    assert len({"example.py", "example.sh"} & files(folder)) == 1
    steps, text = local_extensions.about(service)
    assert set(steps.split(", ")) <= {"obtain", "scrub", "explore", "model", "interpret"}
    assert text.endswith(".")
    assert (folder / "README.md").read_text(encoding="utf-8").startswith(f"# {service}\n\n")


@EVERY
@pytest.mark.docker
def test_containers_are_hardened(with_service, service):
    project = with_service(service)
    assert project
