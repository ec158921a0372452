"""Services in a stack of Docker Swarm.

These run when all other tests have ended: leaving a swarm drops names on other networks of the engine.
"""

import json
import os
import re
import subprocess

import pytest
from support import docker, free_port, status, unique, wait_until

pytestmark = pytest.mark.docker

# Prints how often it got each answer from the API until a line is typed. Each request asks for the address anew.
LOAD = """
import collections, sys, threading, urllib.request
answers, ended = collections.Counter(), threading.Event()
def ask():
    while not ended.wait(0.01):
        try:
            answers[urllib.request.urlopen("http://api:8000/metrics", timeout=20).status] += 1
        except Exception as error:
            answers[repr(error)] += 1
threads = [threading.Thread(target=ask) for _ in range(4)]
[thread.start() for thread in threads]
print("started", flush=True)
sys.stdin.readline()
ended.set()
[thread.join() for thread in threads]
print(sorted(answers, key=str), min(answers.values()))
"""


@pytest.fixture(scope="module")
def project(generate):
    project = generate("swarm", services="api,redis").slim()
    project.ok("build")
    return project


@pytest.fixture(scope="module")
def swarm(project):
    """A swarm with this machine alone, unless it is in one. It is left again."""
    before = docker("info", "--format", "{{.Swarm.LocalNodeState}}")
    if before == "inactive":
        done = subprocess.run(
            ["docker", "swarm", "init", "--advertise-addr", "127.0.0.1"], capture_output=True, text=True
        )
        if done.returncode:
            words = f"this engine has no Swarm: {done.stderr.strip()}"
            pytest.fail(words) if os.environ.get("REQUIRE_ENGINE") else pytest.skip(words)
    yield
    project.make("stack-down")
    if before == "inactive":
        docker("swarm", "leave", "--force", check=False)
        docker("network", "rm", "docker_gwbridge", check=False)


@pytest.fixture(scope="module")
def stack(project, swarm):
    """The project, with its services in a stack."""
    done = project.make("stack")
    assert done.returncode == 0, done.stderr
    project.said = done
    return project


def name_of(project, service: str) -> str:
    """Return the name of a service in the swarm."""
    return f"{project.read('.local/clone').splitlines()[0]}-stack_{service}"


def replicas(project) -> dict[str, str]:
    """Return the number of containers of each service, and how many there should be."""
    lines = docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}").splitlines()
    return dict(line.split("_")[-1].split() for line in lines if line.startswith(name_of(project, "")))


def setting(project, name: str) -> str:
    """Return the value of a variable of the API as Swarm has it."""
    line = "{{json .Spec.TaskTemplate.ContainerSpec.Env}}"
    variables = json.loads(docker("service", "inspect", "--format", line, name_of(project, "api")))
    return dict(variable.split("=", 1) for variable in variables)[name]


def test_no_stack_without_a_swarm(project):
    if docker("info", "--format", "{{.Swarm.LocalNodeState}}") != "inactive":
        pytest.skip("this engine is in a swarm")
    for target in ("stack", "stack-down"):
        assert project.error(target) == "error: this machine is in no swarm. Create one: docker swarm init."


def test_stack_is_healthy_and_names_what_it_lacks(stack):
    assert replicas(stack) == {"api": "1/1", "redis": "1/1"}
    assert f"{name_of(stack, 'redis')} " in stack.said.stdout
    notes = dict(re.findall(r"^note: the stack lacks (.+) \((.+)\):", stack.said.stderr, re.MULTILINE))
    assert notes == {"ports": "api", "security_opt": "api, redis", "tmpfs exec": "api, redis"}
    (container,) = docker("ps", "--quiet", "--filter", f"name={name_of(stack, 'api')}").split()
    options = stack.inspect(container)["HostConfig"]
    assert options["ReadonlyRootfs"] and options["CapDrop"] == ["ALL"] and options["PidsLimit"] == 4096


def test_stack_has_volumes_of_its_own(stack):
    """Two databases on one volume would damage it."""
    stack.ok("up", "SERVICE=redis")
    mounts = [stack.inspect(name)["Mounts"] for name in stack.containers("status=running") if "redis" in name]
    volumes = [mount["Name"] for each in mounts for mount in each if mount["Destination"] == "/data"]
    stack.ok("down")
    assert len(set(volumes)) == 2


def test_update_under_load_fails_no_request(stack):
    network = name_of(stack, "default")
    command = ["docker", "run", "--rm", "-i", "--network", network, "python:3.13-slim-trixie", "python", "-c", LOAD]
    load = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert load.stdout.readline() == "started\n"
        stack.ok("stack", "SERVICE=api", "REPLICAS=2")
        before = docker("service", "ps", "--quiet", "--filter", "desired-state=running", name_of(stack, "api")).split()
        stack.ok("stack", "SERVICE=api", "API_MAX_ROWS=900")
        after = docker("service", "ps", "--quiet", "--filter", "desired-state=running", name_of(stack, "api")).split()
        said, _ = load.communicate("\n", timeout=120)
    finally:
        load.kill()
    # The number stays, and both containers are new.
    assert replicas(stack)["api"] == "2/2" and not set(before) & set(after)
    assert setting(stack, "API_MAX_ROWS") == "900"
    assert re.fullmatch(r"\[200\] [0-9]+\n", said), said


def test_failed_update_is_undone(stack):
    before = setting(stack, "API_MAX_ROWS")
    done = stack.make("stack", "SERVICE=api", "API_MAX_ROWS=many")
    assert done.returncode != 0
    said = (
        "error: the update of api failed, and the containers from before run again: API_MAX_ROWS is not a whole number"
    )
    assert said in done.stderr
    assert setting(stack, "API_MAX_ROWS") == before
    wait_until(lambda: len(set(replicas(stack)["api"].split("/"))) == 1)


def test_new_password_is_a_new_secret_that_a_rollback_undoes(stack):
    def password():
        names = docker(
            "ps", "--quiet", "--filter", f"name={name_of(stack, 'redis')}", "--filter", "health=healthy"
        ).split()
        return [docker("exec", name, "cat", "/run/secrets/redis_password", check=False) for name in names]

    def secrets():
        mine = f"label=com.docker.stack.namespace={name_of(stack, '')[:-1]}"
        return set(docker("secret", "ls", "--format", "{{.Name}}", "--filter", mine).split())

    (old,), first = password(), secrets()
    for new in ("first", "second"):
        stack.ok("stack", "SERVICE=redis", REDIS_PASSWORD=new)
        assert password() == [new]
    assert len(first) == 1 and len(secrets()) == 2 and not first & secrets()
    docker("service", "rollback", name_of(stack, "redis"))
    assert password() == ["first"] and old not in ("first", "second")


def test_published_port_is_that_of_one_container(stack):
    port = free_port()
    arguments = ("stack", "SERVICE=api", "PUBLISH=api", f"API_PORT={port}")
    assert "only one container of api can have its port" in stack.make(*arguments, "REPLICAS=2").stderr
    done = stack.make(*arguments, "REPLICAS=1")
    assert done.returncode == 0, done.stderr
    assert "note: everybody who can reach this machine can use what PUBLISH names: api." in done.stderr
    assert status(f"http://127.0.0.1:{port}/health") == 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("REPLICAS=2",), "REPLICAS is for one service"),
        (("SERVICE=api", "REPLICAS=many"), "REPLICAS=many is not a whole number"),
        (("SERVICE=redis", "REPLICAS=2"), "there can be only one container of redis at a time. Use REPLICAS=1."),
        (("STACK=My stack",), "STACK='My stack' is not valid"),
        (("PUBLISH=nothing",), "there is no service 'nothing'"),
        (("PUBLISH_MODE=all",), "PUBLISH_MODE='all' is not valid"),
    ],
)
def test_wrong_setting_of_a_stack(arguments, message, stack):
    done = stack.make("stack", *arguments)
    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ") and message in line]


def test_stack_can_have_a_name_and_leaves_its_data(stack):
    name = unique("stack")
    assert stack.ok("stack-down", f"STACK={name}") == f"there is no stack {name}\n"
    stack.ok("stack-down")
    assert replicas(stack) == {}
    assert docker("volume", "ls", "--quiet", "--filter", f"name={name_of(stack, 'redis')}")
