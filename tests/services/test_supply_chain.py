"""Lists of the packages in images, and the comparison of two builds."""

import json
import os
import shutil
import subprocess
import tomllib

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from support import comparison, docker

pytestmark = pytest.mark.docker


def versions(project, name: str) -> dict[str, str]:
    """Return the packages in a list: package URL without the version, and version."""
    packages = [component for component in json.loads(project.read(name))["components"] if "purl" in component]
    return {component["purl"].partition("@")[0]: component["version"] for component in packages}


def tags(project) -> set[str]:
    """Return the tags and IDs of the project's images."""
    return set(docker("image", "ls", "--format", "{{.Tag}} {{.ID}}", project.slug).splitlines())


@pytest.fixture(scope="module")
def listed(with_service):
    """A project with both images, and the output of the command that lists their packages."""
    project = with_service("supply-chain")
    project.ok("release")
    return project, project.ok("sbom")


@pytest.fixture
def add_service(baked):
    """Add the service to a project without services by copying folders."""

    def add(project):
        for folder in ("services", "docker/services"):
            source = baked(services="supply-chain") / folder
            shutil.copytree(source, project.path / folder, dirs_exist_ok=True)
        return project

    return add


LISTS = {"cpu": "reports/sbom-cpu.cdx.json", "release-cpu": "reports/sbom-release-cpu.cdx.json"}


@pytest.mark.parametrize("tag", LISTS)
def test_list_is_cyclonedx(listed, tag):
    project, output = listed
    text = project.read(LISTS[tag])
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    image = project.inspect(f"{project.slug}:{tag}")
    metadata = json.loads(text)["metadata"]
    assert metadata["timestamp"] == image["Created"]
    assert metadata["component"]["name"] == f"{project.slug}:{tag}"
    assert metadata["component"]["version"] == "0.1.0"
    assert metadata["component"]["properties"] == [{"name": "image-id", "value": image["Id"]}]
    urls = [component.get("purl", "") for component in json.loads(text)["components"]]
    count = [sum(url.startswith(f"pkg:{kind}/") for url in urls) for kind in ("pypi", "deb")]
    assert "{}: {} Python and {} system packages".format(LISTS[tag], *count) in output.splitlines()


def test_list_has_the_installed_packages(listed):
    project, _ = listed
    found = versions(project, LISTS["cpu"])
    locked = {package["name"]: package["version"] for package in tomllib.loads(project.read("uv.lock"))["package"]}
    for name in ("pandas", "jupyterlab", "pytest"):
        assert found[f"pkg:pypi/{name}"] == locked[name]
    system = docker("run", "--rm", project.image, "dpkg-query", "--show", "-f", "${Package} ${Version}\n").splitlines()
    assert {f"pkg:deb/debian/{name.replace('+', '%2B')}": version for name, version in map(str.split, system)} == {
        name: version for name, version in found.items() if name.startswith("pkg:deb/")
    }
    assert {"pkg:deb/debian/git", "pkg:deb/debian/libc6", "pkg:generic/python"} <= set(found)


def test_list_of_the_release_image_has_no_tools(listed):
    project, _ = listed
    found = versions(project, LISTS["release-cpu"])
    assert "pkg:pypi/pandas" in found
    assert not {"pkg:pypi/jupyterlab", "pkg:pypi/pytest", "pkg:deb/debian/git", f"pkg:pypi/{project.slug}"} & set(found)
    components = json.loads(project.read(LISTS["release-cpu"]))["components"]
    [own] = [component for component in components if component["name"] == project.slug]
    assert own["version"] == "0.1.0"
    assert own["licenses"] == [{"expression": "MIT"}]


def test_list_is_the_same_each_time(listed):
    project, _ = listed
    before = {name: (project.path / name).read_bytes() for name in LISTS.values()}
    for name in LISTS.values():
        (project.path / name).unlink()
    project.ok("sbom")
    assert {name: (project.path / name).read_bytes() for name in LISTS.values()} == before


def test_list_needs_a_writable_folder(copy, add_service):
    project = add_service(copy())
    (project.path / "reports").rename(project.path / "away")
    (project.path / "reports").write_text("")
    (project.path / "reports").chmod(0o400)
    assert "reports" in project.error("sbom")


# Builds that take no time. test_images.py compares those of the whole Dockerfile.
SAME = """\
FROM python:3.13-slim-trixie AS dev
RUN echo built >/etc/built && touch --date @315532800 /etc/built /etc
FROM dev AS release
"""


def test_same_sources_give_the_same_images(copy, add_service):
    project = add_service(copy())
    (project.path / "Dockerfile").write_text(SAME)
    before = tags(project)
    *_, dev, release = project.ok("reproduce").splitlines()
    assert dev.startswith("same     dev      sha256:")
    assert release.startswith("same     release  sha256:")
    assert tags(project) == before
    assert not list(project.path.glob(".local/reproduce*"))


# A step that depends on the time. The last step copies the sources, with their times.
CHANGING = """\
FROM python:3.13-slim-trixie AS dev
RUN install -d /home/user && date +%N >/home/user/built
FROM dev AS release
COPY src /sources
"""


def test_differences_between_builds_are_named(copy, add_service):
    project = add_service(copy("the copy"))
    subprocess.run("git init --quiet && git add --all", shell=True, cwd=project.path, check=True)
    (project.path / "Dockerfile").write_text(CHANGING)
    added = project.path / "src" / "two words é.py"
    added.write_text("")
    # The file is older than its copies by more than a second.
    os.utime(added, (1e9, 1e9))
    subprocess.run(["git", "add", "src"], cwd=project.path, check=True)
    (project.path / "src" / "new.py").write_text("")
    gone = next(project.path.glob("src/*/evaluate.py"))
    gone.unlink()
    before = tags(project)
    done = project.make("reproduce")
    assert done.returncode != 0
    [error, _] = done.stderr.splitlines()
    assert error.startswith("error: the two builds differ. Fix the steps listed above: ")
    dev, release = done.stdout.split("differs  dev\n")[1].split("differs  release\n")
    dev = [" ".join(line.split()) for line in dev.splitlines()]
    assert "differs RUN install -d /home/user && date +%N >/home/user/built" in dev
    assert {"content home/user/built", "content, time home/user/built"} & set(dev)
    assert dev[0].startswith("same ")
    assert dev[-1] == "same configuration"
    # The sources are the files that git tracks, as they are now.
    assert "two words é.py" in release
    assert "train.py" in release
    assert "new.py" not in release
    assert "evaluate.py" not in release
    assert tags(project) == before
    assert not list(project.path.glob(".local/reproduce*"))


def test_difference_in_configuration_is_named(built):
    names = [f"{built.slug}:label-{number}" for number in (1, 2)]
    try:
        for name in names:
            file = f"FROM busybox:1\nLABEL number={name[-1]}\nENV SAME=1 OTHER={name[-1]}\n"
            subprocess.run(["docker", "build", "--quiet", "--tag", name, "-"], input=file.encode(), check=True)
        output = comparison(*names)
    finally:
        docker("image", "rm", *names, check=False)
    lines = [line.strip() for line in output.splitlines()]
    assert "differs  configuration" in lines
    assert {"label number: 1; 2", "variable OTHER: 1; 2"} <= set(lines)
    assert not any("SAME" in line for line in lines)
    assert all(line.startswith("same ") for line in lines[: lines.index("differs  configuration")])
