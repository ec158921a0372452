"""The images for CPU and GPU, the frameworks that have both, and other base images."""

import hashlib
import json
import os
import re
import subprocess
import tomllib
import zipfile
from contextlib import contextmanager

import pytest
from conftest import FRAMEWORKS
from support import docker, unique

from generation.answers import slug_problem
from generation.frameworks import describe_framework

pytestmark = pytest.mark.docker

# For each accelerator, a package that only it has in uv.lock, and how the address of its index begins.
VARIANTS = {
    "pytorch": {"cpu": ("torch", "http://"), "cuda": ("torch", "https://")},
    "tensorflow": {"cpu": ("tensorflow-cpu", "https://"), "cuda": ("nvidia-cudnn-cu12", "https://")},
    "jax": {"cpu": ("jax", "https://"), "cuda": ("jax-cuda13-plugin", "https://")},
}


@contextmanager
def serving(folder):
    """Serve a folder to builds from a container, and yield its address."""
    name = unique("mirror")
    mount = ("--mount", f"type=bind,source={folder},target=/served,readonly")
    server = ("python", "-m", "http.server", "--directory", "/served", "80")
    docker("run", "--detach", "--rm", "--name", name, *mount, "python:3.13-slim-trixie", *server)
    try:
        yield f"http://{docker('inspect', '--format', '{{.NetworkSettings.IPAddress}}', name)}"
    finally:
        docker("rm", "--force", name)


def add_to_mirror(folder, name):
    """Add a package of one line to a mirror of PyTorch's index."""
    (folder / name).mkdir()
    wheel = folder / name / f"{name}-2.99.0+cpu-py3-none-any.whl"
    about = f"{name}-2.99.0+cpu.dist-info"
    files = {
        f"{name}/__init__.py": '__version__ = "2.99.0+cpu"\n',
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.99.0+cpu\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{about}/RECORD", "".join(f"{path},,\n" for path in [*files, f"{about}/RECORD"]))
    link = f"{wheel.name.replace('+', '%2B')}#sha256={hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    (folder / name / "index.html").write_text(f'<a href="{link}">{wheel.name}</a>\n')


@pytest.fixture(scope="module")
def mirror(engine, tmp_path_factory):
    """A mirror of PyTorch's index, with packages of one line."""
    folder = tmp_path_factory.mktemp("mirror")
    folder.chmod(0o755)
    add_to_mirror(folder, "torch")
    add_to_mirror(folder, "torchvision")
    with serving(folder) as address:
        yield address


@pytest.fixture(scope="module")
def locked(generate, mirror):
    """A project with its uv.lock for each framework that computes on GPUs."""
    projects = {}
    for framework in VARIANTS:
        projects[framework] = generate(framework, framework=framework)
        if framework != "jax":
            projects[framework].slim()
        before = projects[framework].read("pyproject.toml")
        projects[framework].ok("lock", **({"PYTORCH_INDEX": mirror} if framework == "pytorch" else {}))
        assert projects[framework].read("pyproject.toml") == before
    return projects


def packages(project) -> list[dict]:
    return tomllib.loads(project.read("uv.lock"))["package"]


def test_every_framework_for_gpus_is_tested_here():
    assert set(VARIANTS) == {name for name in FRAMEWORKS if describe_framework(name)["uses_gpu"]}


@pytest.mark.parametrize("framework", VARIANTS)
def test_lock_file_has_both_accelerators(framework, locked, mirror):
    found = [(each["name"], each["source"].get("registry", "")) for each in packages(locked[framework])]
    for name, address in VARIANTS[framework].values():
        assert [each for each in found if each[0] == name and each[1].startswith(address)]
    # Of the packages here, the mirror only has torch, and only for the CPU.
    mirrored = {name for name, address in found if address.startswith(mirror)}
    assert mirrored == ({"torch"} if framework == "pytorch" else set())


@pytest.mark.parametrize("framework", VARIANTS)
def test_libraries_of_frameworks_are_reserved_names(framework, locked):
    project = locked[framework]
    names = {each["name"] for each in packages(project)} - {project.slug}
    # A slug cannot have other characters.
    names = {name for name in names if re.fullmatch("[a-z0-9-]{1,40}", name)}
    assert [name for name in names if not slug_problem(name)] == []


def test_mirror_of_pytorch_is_used_and_not_kept(locked, mirror):
    project = locked["pytorch"]
    before = project.read("pyproject.toml")
    project.ok("build", PYTORCH_INDEX=mirror)
    assert (
        docker("run", "--rm", project.image, "python", "-c", "import torch; print(torch.__version__)") == "2.99.0+cpu"
    )
    # A setting in .env works, too.
    (project.path / ".env").write_text(f"PYTORCH_INDEX={mirror}\n")
    project.ok("add", "PKG=humanize")
    after = project.read("pyproject.toml")
    assert re.sub(r'    "humanize>=.*",\n', "", after) == before != after
    project.ok("build")
    # Its versions for the CPU are on PyTorch's index, like those of torch itself.
    project.ok("add", "PKG=torchvision")
    extras = tomllib.loads(project.read("pyproject.toml"))["project"]["optional-dependencies"]
    assert all("torchvision" in listed for listed in extras.values())
    sources = [each["source"]["registry"] for each in packages(project) if each["name"] == "torchvision"]
    assert len(sources) == 2 and [source.startswith(mirror) for source in sources].count(True) == 1
    project.ok("remove", "PKG=torchvision")
    assert tomllib.loads(project.read("pyproject.toml")) == tomllib.loads(after)
    # Without the setting, the addresses in pyproject.toml and uv.lock differ, if PyTorch's index can be reached at all.
    (project.path / ".env").unlink()
    assert re.search("Run 'make lock'|the network fails", project.error("build"))


@pytest.fixture(scope="module")
def deep(locked):
    """A built project with JAX, which is the smallest of these frameworks."""
    locked["jax"].ok("build")
    return locked["jax"]


def test_framework_trains_and_is_released(deep):
    said = deep.ok("train")
    assert "training on cpu (the CPU)" in said
    assert "\nepoch 200 of 200: loss 0.0" in said
    assert json.loads(deep.read("reports/metrics.json"))["roc_auc"] > 0.9
    assert "wrote " in deep.ok("predict")
    deep.ok("release")
    options = ("--rm", "--read-only", "--tmpfs", "/tmp", "--user", f"{os.getuid()}:{os.getgid()}")
    mount = ("--mount", f"type=bind,source={deep.path},target=/workspace")
    assert "wrote " in docker("run", *options, *mount, f"{deep.slug}:release")


def test_framework_passes_its_own_tests_and_lints(deep):
    assert " passed" in deep.ok("test")
    deep.ok("lint")


def test_framework_is_in_the_layer_of_large_packages(deep):
    steps = docker("history", "--no-trunc", "--format", "{{.Size}} {{.CreatedBy}}", deep.image).splitlines()
    (last,) = [step for step in steps if "/tmp/pylock.main.toml" in step]
    assert last.startswith("0B ")


def test_missing_gpu_is_reported(deep, built):
    for project in (deep, built):
        report = project.ok("gpu")
        assert "there is no GPU in this container" in report
        assert re.search(r"^product of two 4096 x 4096 matrices: \S+ s on the CPU$", report, re.M)
    assert re.search(r"^JAX [\d.]+, .*: computes on the CPU$", deep.ok("gpu"), re.M)


def test_gpu_that_the_framework_cannot_use_is_an_error(deep):
    """There is no GPU here, so another program prints what nvidia-smi would print."""
    package = next((deep.path / "src").iterdir()).name
    row = "0, NVIDIA H200, 580.95.05, 143771 MiB, 4 MiB"
    stub = f"printf '#!/bin/sh\\necho {row}\\n' >/tmp/nvidia-smi && chmod +x /tmp/nvidia-smi"
    done = deep.make("run", f"CMD={stub} && PATH=/tmp:$PATH python -m {package}.gpu")
    assert done.stdout.startswith("GPU 0: NVIDIA H200, driver 580.95.05, 143771 MiB of memory, 4 MiB in use\n")
    assert re.search(r"^error: JAX .* cannot use this GPU\. Update its driver\.$", done.stderr, re.M)


def test_training_does_not_fall_back_to_the_cpu(deep):
    done = deep.make("run", "CMD=ACCELERATOR=cuda python -m " + next((deep.path / "src").iterdir()).name + ".train")
    assert "training on" not in done.stdout
    assert re.search(
        r"^error: JAX .* sees no GPU\. Run 'make gpu' to find out why, or use ACCELERATOR=cpu\.$", done.stderr, re.M
    )


@pytest.fixture(scope="module")
def gpu_project(generate):
    project = generate("cuda").slim()
    project.ok("build", "ACCELERATOR=cuda")
    return project


def test_cuda_image_has_its_python_and_runs_as_any_user(gpu_project):
    image = f"{gpu_project.slug}:cuda"
    program = "import getpass, sklearn, sys; print(sys.version_info[:2])"
    # The base image has a user 1000.
    for user in ("1000:1000", "54321:54321"):
        assert docker("run", "--rm", "--user", user, image, "python", "-c", program) == "(3, 13)"
    assert docker("run", "--rm", image, "id", "--user", "--name") == "user"


def test_missing_driver_or_toolkit_is_named(gpu_project, tmp_path):
    if "nvidia" in docker("info", "--format", "{{.Runtimes}}"):
        pytest.skip("this engine has an NVIDIA runtime")
    before = gpu_project.containers()
    for target in ("train", "notebook"):
        assert "no NVIDIA driver answers on this machine" in gpu_project.error(target, "ACCELERATOR=cuda")
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 580.95.05\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    for target in ("train", "notebook", "doctor"):
        line = gpu_project.error(target, "ACCELERATOR=cuda", PATH=path)
        assert line.endswith("Install the NVIDIA Container Toolkit, or use ACCELERATOR=cpu.")
    assert gpu_project.containers() == before


@pytest.mark.parametrize(
    ("gpus", "reserved"),
    [("all", {"count": -1}), ("0,1", {"device_ids": ["0", "1"]}), ("GPU-8a1b", {"device_ids": ["GPU-8a1b"]})],
)
def test_gpus_are_reserved(gpus, reserved, copy):
    project = copy("a b")
    # This client prints the configuration instead of running a container, since the engine here has no GPU.
    engine = project.path / "engine"
    engine.write_text(
        "#!/bin/sh\n"
        'case "$*" in "run --rm --gpus "*) echo 0, 580.95.05, 81559, 4, Default ;;\n'
        '*" run "*) while [ "$1" != run ]; do all="$all \'$1\'"; shift; done\n'
        '  eval "exec docker $all --profile task config --format json" ;;\n'
        '*) exec docker "$@" ;; esac\n'
    )
    engine.chmod(0o755)
    said = project.ok("train", "ACCELERATOR=cuda", f"GPUS={gpus}", f"DOCKER={engine}", f"IMAGE={project.image}")
    services = json.loads(said)["services"]
    assert set(services) == {"lab", "task"}
    for service in services.values():
        (device,) = service["deploy"]["resources"]["reservations"]["devices"]
        assert device == {"driver": "nvidia", "capabilities": ["gpu"], **reserved}
        assert service["environment"]["ACCELERATOR"] == "cuda"
        assert service["environment"]["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"
        assert int(service["shm_size"]) == 2 * 2**30


BASES = {
    "company": 'RUN useradd --uid 10001 --create-home worker && useradd user\nENTRYPOINT ["echo", "welcome"]',
    "no apt": "RUN rm /usr/bin/apt-get",
}


@pytest.fixture
def base(engine):
    """Build a base image: `base("company")`."""
    made = []

    def new(kind):
        made.append(f"{unique('base')}:1")
        recipe = f"FROM python:3.13-slim-trixie\n{BASES[kind]}\n"
        subprocess.run(["docker", "build", "--quiet", "--tag", made[-1], "-"], input=recipe.encode(), check=True)
        return made[-1]

    yield new
    for image in made:
        docker("image", "rm", image, check=False)


@pytest.fixture(scope="module")
def small(generate):
    """A project to build on other base images."""
    return generate("small", framework="none").slim()


def test_other_base_image_can_be_used(small, base):
    small.ok("build", BASE_IMAGE=base("company"))
    assert small.run("python --version").startswith("Python 3.13")
    assert "wrote models/model.npz" in small.ok("train")
    assert docker("run", "--rm", small.image, "id", "--user") == "10001"
    small.ok("release", BASE_IMAGE=base("company"))
    small.ok("clean")


def test_unusable_base_image_is_named(small, base):
    assert "error: the base image has no glibc" in small.error("build", BASE_IMAGE="busybox:1")
    (small.path / ".env").write_text(f"BASE_IMAGE={base('no apt')}\n")
    assert "error: the base image has no apt-get, which libgomp1 would need." in small.error("build")
    for name in ("apt.txt", "apt-dev.txt"):
        (small.path / name).write_text("# Nothing.\n")
    small.ok("build")
