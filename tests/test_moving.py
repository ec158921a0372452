"""Images on other machines: pushed to a registry, or carried in a file."""

import base64
import contextlib
import gzip
import json
import os
import re
import shutil
import subprocess
import tarfile
import urllib.request

import pytest
from conftest import Project
from support import docker, free_port, status, unique, wait_until
from test_faults import stub

# A registry's user and password, and the hash of the latter.
USER, PASSWORD = "ann", "right"
HASH = "$2b$05$abcdefghijklmnopqrstuu8xaCxxL82bnl.UY74PMksDxIJShppPC"


@contextlib.contextmanager
def registry(folder):
    """A registry on this machine that asks for a password. Yields its name."""
    name, port = unique("registry"), free_port()
    (folder / "htpasswd").write_text(f"{USER}:{HASH}\n")
    docker("create", "--name", name, "--publish", f"127.0.0.1:{port}:5000",
           "--env", "REGISTRY_AUTH=htpasswd", "--env", "REGISTRY_AUTH_HTPASSWD_REALM=test",
           "--env", "REGISTRY_AUTH_HTPASSWD_PATH=/htpasswd", "registry:2")  # fmt: skip
    try:
        docker("cp", str(folder / "htpasswd"), f"{name}:/htpasswd")
        docker("start", name)
        wait_until(lambda: status(f"http://127.0.0.1:{port}/v2/") == 401)
        yield f"localhost:{port}"
    finally:
        docker("rm", "--force", "--volumes", name)


def log_in(folder, address: str, password: str) -> dict[str, str]:
    """Return an environment in which Docker's client has this password for a registry."""
    login = base64.b64encode(f"{USER}:{password}".encode()).decode()
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"auths": {address: {"auth": login}}}))
    return {"DOCKER_CONFIG": str(folder)}


def digest(address: str, repository: str, tag: str) -> str:
    """Return the digest that a registry has for a tag."""
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    request = urllib.request.Request(f"http://{address}/v2/{repository}/manifests/{tag}", headers=headers)
    return urllib.request.urlopen(request).headers["Docker-Content-Digest"]


def small_images(project, content: str) -> dict[str, str]:
    """Change the sources of a project, and give it small images, which save the time to build and move real ones.

    Return the names of the images.
    """
    (project.path / "apt.txt").write_text(f"# {content}\n")
    file = project.path / "rootfs.tar"
    with tarfile.open(file, "w") as archive:
        archive.add(project.path / "apt.txt", "etc/content")
    project.ok("jobs")
    names = {name: project.setting(name) for name in ("IMAGE", "RELEASE_IMAGE")}
    for name in names.values():
        docker("import", str(file), name)
    return names


@pytest.mark.docker
def test_push_to_a_registry_with_a_password(generate, tmp_path):
    project = generate("push")
    with registry(tmp_path) as address:
        repository = f"REPOSITORY={address}/team/demo"
        small_images(project, "first")
        nobody = {"DOCKER_CONFIG": str(tmp_path)}
        right, wrong = (log_in(tmp_path / word, address, word) for word in (PASSWORD, "wrong"))

        assert f"you are not logged in to {address}. Run: docker login {address}." in project.error(
            "push", repository, **nobody
        )
        refused = project.error("push", repository, **wrong)
        assert f"{address} refuses your login" in refused and "wrong" not in refused
        assert project.ok("push", repository, **right).endswith(f"\npushed {address}/team/demo:0.1.0\n")
        assert "is in the registry already" in project.ok("push", repository, **right)
        first = digest(address, "team/demo", "0.1.0")

        # Another image does not take the place of a version, unless TAG names it.
        small_images(project, "second")
        error = project.error("push", repository, **right).removeprefix("error: ")
        assert error.startswith(f"{address}/team/demo:0.1.0 exists already, with another image.")
        assert digest(address, "team/demo", "0.1.0") == first
        (project.path / ".env").open("a").write(f"{repository}\n")
        project.ok("push", "TAG=0.1.0", **right)
        assert digest(address, "team/demo", "0.1.0") != first

        # The engine of this machine builds for one platform only, with Docker's own image store.
        error = project.error("push", "PLATFORM=linux/amd64,linux/arm64", "TAG=2", **right)
        assert "docker buildx create --use" in error
        assert address not in docker("image", "ls", "--format", "{{.Repository}}")


@pytest.mark.docker
def test_images_move_in_a_file(generate, tmp_path):
    project, file = generate("moving"), tmp_path / "on a stick" / "images.tar.gz"
    names = small_images(project, "saved")
    before = {name: docker("image", "inspect", "--format", "{{.Id}}", name) for name in names.values()}
    project.ok("save", f"FILE={file}")
    docker("image", "rm", *names.values(), f"{project.slug}:release", f"{project.slug}:release-cpu")
    ignore = shutil.ignore_patterns(".local", ".env")
    other = Project(shutil.copytree(project.path, tmp_path / "other machine", ignore=ignore))
    other.ok("load", f"FILE={file}")
    assert {name: docker("image", "inspect", "--format", "{{.Id}}", name) for name in before} == before
    # Names of this clone and names for people are the same images.
    for name, tag in {"IMAGE": "cpu", "RELEASE_IMAGE": "release"}.items():
        assert project.image_id(tag) == before[names[name]]
    (other.path / "apt.txt").write_text("# other\n")
    done = other.make("load", f"FILE={file}")
    assert done.returncode != 0 and "error: these images do not match this folder" in done.stderr


@pytest.mark.docker
def test_bundle_opens_with_nothing_but_docker(copy, tmp_path):
    project, folder = copy("a sender"), tmp_path / "a receiver"
    folder.mkdir()
    project.ok("bundle", "CODE=no", f"FILE={folder}/bundle.tar")
    assert sorted(path.name for path in folder.iterdir()) == ["bundle.tar", "bundle.tar.sha256"]
    with tarfile.open(folder / "bundle.tar") as archive:
        archive.extractall(folder, filter="data")
    received = folder / f"{project.slug}-0.1.0-cpu"
    page = (received / "reports" / "notebooks" / "01-explore.html").read_text()
    assert "Interpret" in page and "permutation_importance" not in page
    assert (received / "notebooks" / "01-explore.ipynb").read_bytes() == (
        project.path / "notebooks" / "01-explore.ipynb"
    ).read_bytes()
    names = {path.name for path in received.iterdir()}
    assert names == {".jupyter", "README.md", "images.tar.gz", "notebooks", "reports", "src"}

    # The commands in the README, with a free port.
    lines = [
        line.strip() for line in (received / "README.md").read_text().splitlines() if line.startswith("    docker")
    ]
    load, start, _ = lines
    said = subprocess.run(load, shell=True, cwd=received, check=True, capture_output=True, text=True).stdout
    assert f"Loaded image: {project.setting('IMAGE')}\n" in said
    name, port = unique("bundle"), free_port()
    start = start.replace("--rm", f"--rm --detach --name {name}").replace("127.0.0.1:8888:", f"127.0.0.1:{port}:")
    try:
        subprocess.run(start, shell=True, cwd=received, check=True, capture_output=True)
        token = wait_until(lambda: re.search(r"http://127.0.0.1:8888/lab\?token=(\w+)", logs(name)))[1]
        address = f"http://127.0.0.1:{port}/api/contents/notebooks/01-explore.ipynb"
        assert status(address) == 403
        assert status(address, Authorization=f"token {token}") == 200
        docker("exec", name, "touch", "notebooks/new.ipynb")
    finally:
        docker("rm", "--force", name, check=False)
    assert (received / "notebooks" / "new.ipynb").stat().st_uid == os.getuid()


def logs(name: str) -> str:
    """Return what a container has printed."""
    return subprocess.run(["docker", "logs", name], capture_output=True, text=True).stderr


# What registries and engines say, and our line.
SAID = {
    "denied: requested access to the resource is denied": "registry.example refuses your login",
    "unexpected status from HEAD request to https://registry.example/v2/a/b: 403 Forbidden": "refuses your login",
    "name unknown: The repository with name 'a' does not exist": "registry.example has no such repository",
    'Get "https://registry.example/v2/": dial tcp: lookup registry.example on 1.1.1.1:53: no such host': "no registry",
    'Get "https://registry.example/v2/": dial tcp 1.1.1.1:443: i/o timeout': "cannot reach registry.example",
    "http: server gave HTTP response to HTTPS client": "registry.example does not use HTTPS",
    "tls: failed to verify certificate: x509: certificate signed by unknown authority": "certs.d/registry.example",
    "toomanyrequests: You have reached your pull rate limit": "registry.example accepts no more requests",
    "tag invalid: The image tag '1' already exists, and is immutable": "registry.example does not replace a tag",
}


# An engine with the images of the project, whose archives are $ARCHIVE.
ENGINE = """case "$1 $2" in
  "info --format") echo "28.0.0|[]|/nonexistent|16000000000|buildx=0.29 compose=2.30.0 " ;;
  "version --format") echo "${ARCH:-amd64}" ;;
  "image inspect") case $* in *Architecture*) echo amd64 ;; esac; exit "${MISSING:-0}" ;;
  "tag "* | "image rm" | "compose --progress") ;;
  "save "*) printf %s "$ARCHIVE"; [ -z "$SAID" ] || { echo "$SAID" >&2; exit 1; } ;;
  *) [ -z "$SAID" ] || { echo "$SAID" >&2; exit 1; } ;;
esac"""


@pytest.fixture
def project(baked, host, tmp_path):
    """A project with a lock file, and an engine that is only a stub."""
    stub(host, ENGINE)
    project = Project(shutil.copytree(baked(), tmp_path / "a project"))
    (project.path / "uv.lock").touch()
    return project


@pytest.mark.parametrize("said", SAID)
def test_registry_that_does_not_take_the_image(said, project, host):
    line = project.error("push", "REPOSITORY=registry.example/a/b", "TAG=1", PATH=str(host), SAID=said)
    assert SAID[said] in line and "REGISTRY" not in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no repository is given"),
        (["REPOSITORY=https://ann:secret@registry.example/a"], "REPOSITORY is not valid"),
        (["REPOSITORY=registry.example/A"], "REPOSITORY is not valid"),
        (["REPOSITORY=registry.example/a:1"], "REPOSITORY is not valid"),
        (["REPOSITORY=a", "TAG=a b"], "'a b' cannot be a tag"),
        (["REPOSITORY=a", "PLATFORM=arm64"], "PLATFORM='arm64' is not valid"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_push_refuses(arguments, words, project, host):
    line = project.error("push", *arguments, PATH=str(host))
    assert words in line and "secret" not in line


def test_push_needs_a_version_or_a_tag(project, host):
    text = project.read("pyproject.toml")
    (project.path / "pyproject.toml").write_text(text.replace('version = "0.1.0"', 'dynamic = ["version"]'))
    assert "make push TAG=1.0" in project.error("push", "REPOSITORY=a", PATH=str(host))
    project.ok("push", "REPOSITORY=a", "TAG=1", PATH=str(host))


def test_version_that_cannot_be_looked_up_is_not_pushed(project, host):
    """A registry that did not answer could have the version."""
    line = project.error("push", "REPOSITORY=a", PATH=str(host), SAID="dial tcp 1.1.1.1:443: i/o timeout")
    assert "cannot reach docker.io" in line


def test_saved_file_has_a_checksum_and_is_loaded(project, host):
    output = project.ok("save", PATH=str(host), ARCHIVE="images")
    file = project.path / "dist" / f"{project.slug}-0.1.0-cpu.tar.gz"
    assert str(file.relative_to(project.path)) in output
    assert gzip.decompress(file.read_bytes()) == b"images"
    assert sorted(path.name for path in file.parent.iterdir()) == [file.name, f"{file.name}.sha256"]
    checksum = project.read(f"dist/{file.name}.sha256").split()
    assert len(checksum[0]) == 64 and checksum[1] == file.name
    assert "make notebook" in project.ok("load", PATH=str(host))
    done = project.make("load", PATH=str(host), ARCH="arm64")
    assert done.stderr.startswith("note: the images are for amd64, and this machine is arm64")

    assert "do not match this folder" in project.error("load", PATH=str(host), MISSING="1")
    assert "has no images" in project.error("load", PATH=str(host), SAID="open /x/manifest.json: no such file")
    file.write_bytes(file.read_bytes()[:-1])
    assert "is damaged or not complete" in project.error("load", PATH=str(host))
    (file.parent / f"{file.name}.sha256").unlink()
    assert "is damaged or not complete" in project.error("load", f"FILE={file}", PATH=str(host))
    file.unlink()
    assert "there is no file" in project.error("load", PATH=str(host))


def test_save_that_fails_leaves_the_earlier_file(project, host):
    (project.path / "x y.gz").write_text("earlier")
    for setting, words in {"SAID": "the disk is full", "gzip": "the disk is full: x y.gz was not written"}.items():
        environment = {"ARCHIVE": "half", "SAID": "write /x: no space left on device" if setting == "SAID" else ""}
        if setting == "gzip":
            (host / "gzip").unlink()
            (host / "gzip").write_text("#!/bin/sh\necho 'gzip: stdout: No space left on device' >&2\nexit 1\n")
            (host / "gzip").chmod(0o755)
        assert words in project.error("save", "FILE=x y.gz", PATH=str(host), **environment)
        assert project.read("x y.gz") == "earlier"
        assert not list(project.path.glob("x y.gz.*"))
    assert "is a folder" in project.error("save", "FILE=src", PATH=str(host))
    (project.path / "dist").touch()
    assert "the folder dist is not writable" in project.error("save", PATH=str(host))


def test_names_for_people_and_images_of_services_are_saved(baked, host, tmp_path):
    listing = ENGINE.replace(' | "compose --progress")', ")").replace("printf %s", 'shift; echo "$@"; : ')
    services = '"compose --progress") case $* in *--images*) echo redis:8 ;; esac ;;'
    stub(host, listing.replace("  *)", f"  {services}\n  *)", 1))
    project = Project(shutil.copytree(baked(services="redis"), tmp_path / "project"))
    (project.path / "uv.lock").touch()
    project.ok("save", "FILE=x.gz", PATH=str(host))
    names = gzip.decompress((project.path / "x.gz").read_bytes()).decode().split()
    assert {f"{project.slug}:{tag}" for tag in ("cpu", "release", "release-cpu")} < set(names)
    assert names[-1] == "redis:8"
