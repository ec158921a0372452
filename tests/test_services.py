"""Every service of the catalogue, whatever it is: its folder keeps the contract, and its example works.

What only one of them does is tested in `services/`.
"""

import json
import re
import subprocess

import pytest
from conftest import SERVICES, files
from support import Project, docker

import local_extensions

STEPS = {"obtain", "scrub", "explore", "model", "interpret"}

pytestmark = pytest.mark.parametrize("service", SERVICES)


def test_folder_has_what_every_service_has(baked, service):
    folder = baked(services=service) / "services" / service
    assert {"compose.yaml", "README.md"} <= files(folder)
    assert len({"example.py", "example.sh"} & files(folder)) == 1
    assert ("backup.sh" in files(folder)) == ("restore.sh" in files(folder))
    for line in (
        (folder / "faults.txt").read_text(encoding="utf-8").splitlines() if "faults.txt" in files(folder) else []
    ):
        assert line.startswith("# ") or re.fullmatch(r".+ \| .+\. .+\.", line), line


def test_readme_says_what_it_is_for_and_how_to_use_it(baked, service):
    steps, text = local_extensions.about(service)
    assert steps and set(steps.split(", ")) <= STEPS
    assert text.endswith(".") and len(f"{service}  {steps}: {text}") <= 150
    readme = (baked(services=service) / "services" / service / "README.md").read_text(encoding="utf-8")
    sections = re.findall("^## (.*)", readme, re.MULTILINE)
    assert readme.startswith(f"# {service}\n\n")
    assert sections[0] == "Use it" and sections[-1] == "Remove it"
    assert {"Ports, volumes, settings", "If something is wrong"} <= set(sections)
    assert f"make example-{service}" in readme


def test_nothing_outside_the_folder_names_the_service(baked, default, service):
    """But for lists that are made from the folders."""
    project = baked(services=service)
    changed = {
        name
        for name in files(project) - {".cruft.json"}
        if name not in files(default) or (project / name).read_bytes() != (default / name).read_bytes()
    }
    collected = {".env.example", "README.md", "compose.yaml", "pyproject.toml", "src/my_data_project/services.py"}
    assert {name for name in changed if not name.startswith(f"services/{service}/")} <= collected


def configuration(project, *profiles):
    """Return what Compose makes of the project, as data."""
    options = [word for profile in profiles for word in ("--profile", profile)]
    required = {"HOST_UID": "1000", "HOST_GID": "1000"}
    done = subprocess.run(
        ["docker", "compose", *options, "--file", "compose.yaml", "config", "--format", "json"],
        cwd=project,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": "/", **required},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_compose_file_is_as_hard_as_that_of_the_notebook(engine, baked, service):
    project = baked(services=service)
    parts = configuration(project, "*")["services"]
    always = set(configuration(project)["services"]) - {"lab"}
    compose_file = (project / "services" / service / "compose.yaml").read_text(encoding="utf-8")
    mine = {name: part for name, part in parts.items() if name not in ("lab", "task")}
    assert service in mine and all(name == service or name.startswith(f"{service}-") for name in mine)
    for name, part in mine.items():
        # What is looser says why.
        assert part["read_only"] is True or re.search(r"\n    # .*\n    read_only: false\n", compose_file), name
        assert part["init"] is True, name
        assert part["cap_drop"] == ["ALL"] and not part.get("cap_add") and not part.get("privileged"), name
        assert "no-new-privileges:true" in part["security_opt"], name
        assert part["pids_limit"] > 0 and part["logging"]["options"]["max-size"], name
        assert part.get("network_mode") is None and "devices" not in part, name
        assert part.get("restart") == ("on-failure:5" if name in always else None), name
        ours = part["image"].startswith("my-data-project")
        assert ours or not re.search(r":latest$|^[^:]+$", part["image"]), name
        assert all(port["host_ip"] == "127.0.0.1" for port in part.get("ports", [])), name
        for variable, value in (part.get("environment") or {}).items():
            secret = re.search("(?i)pass|token|secret|(?<!public_)key", variable) and not variable.endswith("_FILE")
            assert not (secret and value), f"{name}: {variable}"
        for mount in part.get("volumes", []):
            assert "docker.sock" not in mount["source"], name
        if name in always:
            assert part["healthcheck"].get("test"), name


@pytest.mark.docker
def test_service_is_started_tried_and_stopped(with_service, service):
    project = with_service(service)
    before = {path for path in files(project.path) if path.startswith(("services/", "src/"))}
    try:
        said = project.ok("up")
        running = project.containers("status=running")
        assert running or "nothing to start" in said
        assert not running or service in project.ok("ps")
        assert not running or service in project.ok("logs", f"SERVICE={service}")
        for name in running:
            about = project.inspect(name)
            assert about["State"]["Health"]["Status"] == "healthy", name
            # Not even the first process is root's.
            uids = docker("top", name, "-eo", "pid,uid").splitlines()[1:]
            assert {line.split()[1] for line in uids} & {"0"} == set() or about["Config"]["User"].startswith("0:"), name
            ports = [each for binding in about["HostConfig"]["PortBindings"].values() for each in binding]
            assert all(port["HostIp"] == "127.0.0.1" for port in ports)
        # Twice, since people do.
        for _ in range(2):
            assert project.ok(f"example-{service}").strip()
        assert {path for path in files(project.path) if path.startswith(("services/", "src/"))} == before
        volumes = docker("volume", "ls", "--quiet", "--filter", f"name={project.slug}-")
    finally:
        project.ok("down")
    assert project.containers() == []
    assert docker("network", "ls", "--quiet", "--filter", f"name={project.slug}-") == ""
    assert docker("volume", "ls", "--quiet", "--filter", f"name={project.slug}-") == volumes


@pytest.mark.docker
def test_code_of_the_service_is_linted_with_the_project(with_service, baked, service):
    # As it was generated: other tests may have left code of their own in the project. The image is the same.
    project = Project(baked(services=service, project_slug=with_service(service).slug))
    try:
        project.ok("lint")
    finally:
        project.make("clean")
