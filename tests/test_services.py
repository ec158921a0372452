"""The contract of a service: every folder in the catalogue keeps it, and every example works.

Tests of a single service are in `services/`.
"""

import functools
import json
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from conftest import SERVICES, TEMPLATE, files
from support import docker

from generation.prompts import STEPS
from generation.services import TESTED, describe_service, evidence, needs, with_needs

PROXY = "http://proxy.example:3128"
# What make writes and sets in a company's network.
NETWORK = {"services": {"machine": {"environment": {"SSL_CERT_FILE": "/etc/company-ca.pem"}}}}
REGISTRY = "registry.example/"

pytestmark = pytest.mark.parametrize("service", SERVICES)


def lines(file) -> list[str]:
    """Return the lines of a file except comments and blank lines, or none if it does not exist."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def faults(file) -> dict[str, str]:
    """Return the message for each regular expression in a file of faults."""
    return dict(line.split(" | ", 1) for line in lines(file))


def owner(container: str) -> str | None:
    """Return the service that a container belongs to: the one with the longest name that matches."""
    names = [service for service in SERVICES if container == service or container.startswith(f"{service}-")]
    return max(names, key=len, default=None)


def test_folder_has_the_required_files(baked, service):
    found = files(baked(services=service) / "services" / service)
    assert {"compose.yaml", "README.md"} <= found
    assert len({"example.py", "example.sh"} & found) == 1
    assert ("backup.sh" in found) == ("restore.sh" in found)
    assert set(needs(service)) <= set(SERVICES) - {service}


def test_faults_have_a_pattern_and_a_message(baked, service):
    project = baked(services=service)
    general = faults(project / "docker" / "lib" / "faults.txt")
    for pattern, message in faults(project / "services" / service / "faults.txt").items():
        assert subprocess.run(["grep", "-E", "--", pattern], input=b"", check=False).returncode == 1, pattern
        assert set(re.findall(r"\\\d", message)) <= {"\\1"}, message
        assert "\\1" not in message or re.compile(pattern).groups, message
        # What is wrong, and what to do.
        assert re.fullmatch(r".+[.;:] .+\.", message), message
        assert pattern not in general and "space left" not in pattern, pattern


def test_it_says_what_was_tested(baked, service):
    assert set(evidence(service)) <= {"real", "stand-in", "never"} and evidence(service)
    assert not (baked(services=service) / "services" / service / TESTED).exists()


def test_readme_has_the_sections(baked, service):
    steps, text = describe_service(service)
    assert steps and set(steps.split(", ")) <= STEPS.keys()
    assert text.endswith(".") and len(f"{service}  {steps}: {text}") <= 150
    folder = baked(services=service) / "services" / service
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"# {service}\n\n")
    sections = re.findall("^## (.*)", readme, re.MULTILINE)
    assert sections[0] == "Use it" and {"Settings", "Errors"} <= set(sections)
    assert f"make example-{service}" in readme
    settings = TEMPLATE / "services" / service / ".env.example"
    for name in re.findall(r"^#(\w+)=", settings.read_text() if settings.exists() else "", re.MULTILINE):
        assert name in readme, name


def test_targets_have_a_help_text(baked, service):
    text = "\n".join(lines(baked(services=service) / "services" / service / "service.mk"))
    for target in re.findall(r"^\.PHONY: (.+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:.*## .+", text, re.MULTILINE), target


def test_nothing_outside_the_folder_names_the_service(baked, default, service):
    """The exceptions are the answers, the packages that uv must lock, and the files that come with any service."""
    project = baked(services=service)
    folders = ("docker/services/", *(f"services/{name}/" for name in with_needs([service])))
    known = files(default)
    changed = {
        name
        for name in files(project)
        if name not in known or (project / name).read_bytes() != (default / name).read_bytes()
    }
    outside = {name for name in changed if not name.startswith(folders)}
    assert outside <= {".cruft.json", "pyproject.toml", "services/access.py"}


@functools.cache
def configuration(project, machine=None) -> dict[str, dict]:
    """Return the containers of a project as Compose resolves them, with the ports that are published on request.

    `machine` is the file with what depends on the machine; by default, one for a company network.
    """
    included = []
    for folder in sorted(path.parent for path in project.glob("services/*/compose.yaml")):
        paths = [folder / name for name in ("compose.yaml", "compose.port.yaml")]
        included.append({"path": [str(path) for path in paths if path.exists()]})
    ports = {f"{service.upper().replace('-', '_')}_PORT": "15000" for service in SERVICES}
    with tempfile.TemporaryDirectory() as written:
        services, network = Path(written, "services.yaml"), Path(written, "network.yaml")
        # JSON is YAML.
        services.write_text(json.dumps({"include": included}))
        network.write_text(json.dumps(NETWORK))
        done = subprocess.run(
            ["docker", "compose", "--profile", "*", "config", "--format", "json"],
            cwd=project,
            env={
                "PATH": "/usr/bin:/bin:/usr/local/bin",
                "HOME": "/",
                "COMPOSE_FILE": f"compose.yaml:{services}",
                "HOST_UID": "1000",
                "HOST_GID": "1000",
                "HTTP_PROXY": PROXY,
                "MACHINE_FILE": machine or str(network),
                "REGISTRY_PREFIX": REGISTRY,
                **ports,
            },
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["services"]


def test_it_works_in_a_company_network(engine, baked, service):
    """Its containers trust the company's certificates, its images come from the registry, and its builds know both."""
    project = baked(services=service)
    for name, container in configuration(project).items():
        assert container["environment"]["SSL_CERT_FILE"] == "/etc/company-ca.pem", name
        if build := container.get("build"):
            assert build["args"]["REGISTRY_PREFIX"] == REGISTRY, name
        else:
            assert container["image"].startswith((f"{project.name}:", REGISTRY)), name
    for path in (project / "services" / service).rglob("Dockerfile"):
        text = path.read_text(encoding="utf-8")
        stages = re.findall(r"^FROM \S+ AS (\S+)", text, re.MULTILINE)
        for image in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
            assert image in stages or image.startswith("${"), image
        for step in re.findall(r"^RUN (?:.*\\\n)*.*", text, re.MULTILINE):
            fetches = re.search(r"\bnpm ci|\bmvn |/build/[a-z-]*install|\buv pip install", step)
            assert not fetches or "--mount=type=secret,id=network" in step, step


def test_podman_can_check_its_health(engine, baked, service):
    """Compose refuses start_interval for Podman, whose interface takes a command apart at its blanks."""
    for name, container in configuration(baked(services=service), "compose.podman.yaml").items():
        check = container.get("healthcheck", {})
        assert "start_interval" not in check, name
        first, *words = check.get("test", ["NONE"])
        assert first != "CMD" or not any(len(word.split()) != 1 for word in words), name


def test_containers_are_hardened(engine, baked, service):
    project = baked(services=service)
    containers = {name: part for name, part in configuration(project).items() if name not in ("lab", "task", "editor")}
    assert service in containers
    assert {owner(name) for name in containers} == set(with_needs([service]))
    compose_file = (project / "services" / service / "compose.yaml").read_text(encoding="utf-8")
    for name, container in containers.items():
        if owner(name) != service:
            continue
        on_demand = "profiles" in container
        # A weaker setting needs a comment that says why.
        assert container.get("read_only") or re.search(r"\n    # .*\n    read_only: false\n", compose_file), name
        assert container["init"] is True, name
        assert container["cap_drop"] == ["ALL"], name
        assert not container.get("cap_add") or re.search(r"\n    # .*\n(    user: .*\n)?    cap_add: ", compose_file), (
            name
        )
        assert not container.get("privileged"), name
        assert "no-new-privileges:true" in container["security_opt"], name
        assert container["pids_limit"] > 0 and container["logging"]["options"]["max-size"], name
        assert container.get("network_mode") in (None, "none") and "devices" not in container, name
        assert container["restart"] == ("no" if on_demand else "on-failure:5"), name
        assert bool(container["healthcheck"].get("test")) == (not on_demand), name
        assert container["environment"]["HTTP_PROXY"] == PROXY, name
        built_here = container["image"].startswith("my-data-project")
        assert built_here or not re.search(r":latest$|^[^:]+$", container["image"]), name
        assert all(port["host_ip"] == "127.0.0.1" for port in container.get("ports", [])), name
        for variable, value in container["environment"].items():
            secret = re.search("(?i)pass|token|secret|(?<!public_)key", variable) and not variable.endswith("_FILE")
            assert not (secret and value), f"{name}: {variable}"
        for mount in container.get("volumes", []):
            assert "docker.sock" not in mount["source"], name


def test_containers_reserve_what_they_take(engine, baked, service):
    project = baked(services=service)
    containers = configuration(project)
    reserved = 0
    for name, container in containers.items():
        if owner(name) == service and "profiles" not in container:
            assert "mem_reservation" in container, name
            reserved += int(container["mem_reservation"]) * int(container.get("deploy", {}).get("replicas", 1))
    readme = (project / "services" / service / "README.md").read_text(encoding="utf-8")
    measured = re.search(r"(?:up to|takes) (\d+) MB (?:of memory )?in (?:its|the) example\.", readme)
    assert not reserved or int(measured[1]) * 1_000_000 <= reserved


@pytest.mark.docker
def test_service_starts_runs_its_example_and_stops(with_service, service):
    project = with_service(service)
    if image := project.without_image().get(service):
        assert project.error("up").startswith(f"error: cannot pull the image {image}. ")
        assert project.containers() == []
        pytest.xfail(f"{image} cannot be had here, so {service} was not started")
    before = {path for path in files(project.path) if path.startswith(("services/", "src/"))}
    try:
        output = project.ok("up")
        running = project.containers("status=running")
        assert running or "nothing to start" in output
        assert not running or service in project.ok("ps")
        assert not running or service in project.ok("logs", f"SERVICE={service}")
        for name in running:
            container = project.inspect(name)
            assert container["State"]["Health"]["Status"] == "healthy", name
            # Not even the init process runs as root.
            uids = docker("top", name, "-eo", "pid,uid").splitlines()[1:]
            root = {line.split()[1] for line in uids} & {"0"}
            assert not root or container["Config"]["User"].startswith("0:"), name
            ports = [port for binding in container["HostConfig"]["PortBindings"].values() for port in binding]
            assert all(port["HostIp"] == "127.0.0.1" for port in ports)
        # An example can run any number of times.
        for _ in range(2):
            assert project.ok(f"example-{service}").strip()
        assert {path for path in files(project.path) if path.startswith(("services/", "src/"))} == before
        volumes = docker("volume", "ls", "--quiet", "--filter", f"name={project.slug}-")
    finally:
        project.ok("down")
    assert project.containers() == []
    assert docker("network", "ls", "--quiet", "--filter", f"name={project.slug}-") == ""
    assert docker("volume", "ls", "--quiet", "--filter", f"name={project.slug}-") == volumes
