"""What goes wrong on a user's machine: one line that says what to do, exit status not 0, nothing half-made left."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from conftest import SERVICES
from support import Project

FOR_SERVICES = "up down ps logs stack stack-down".split()
TARGETS = """build notebook stop shell run data train predict gpu test lint format lock doctor release push
save load publish bundle clean""".split()


def stub(folder: Path, script: str) -> None:
    file = folder / "docker"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


# Answers of an engine that lacks nothing.
WORKING = """case "$1 $2" in
  "info --format") echo "${ENGINE:-28.0.0}|[]|/nonexistent|16000000000|buildx=0.29 compose=${COMPOSE:-2.30.0} " ;;
  "image inspect") echo sha256:0 ;;
  *) echo "$@" >&2; exit 1 ;;
esac"""


@pytest.mark.parametrize("target", TARGETS + FOR_SERVICES)
def test_no_docker(target, untouched, host):
    assert "docker is not installed" in untouched.error(target, "CMD=true", PATH=str(host))


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("inactive|false", "this machine is in no swarm. Create one: docker swarm init."),
        ("active|false", "this machine is a worker of its swarm. Run the command on a manager."),
        ("locked|false", "the swarm is locked. Run: docker swarm unlock."),
    ],
)
@pytest.mark.parametrize("target", ["stack", "stack-down"])
def test_no_manager_of_a_swarm(target, state, error, untouched, host):
    stub(host, f'case "$3" in *Swarm*) echo "{state}|"; exit ;; esac\n{WORKING}')
    assert untouched.error(target, PATH=str(host)) == f"error: {error}"


@pytest.mark.parametrize(
    "words",
    [
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        "error during connect: this error may indicate that the docker daemon is not running",
    ],
)
@pytest.mark.parametrize("target", TARGETS + FOR_SERVICES)
def test_daemon_is_down(target, words, untouched, host):
    stub(host, f'echo "{words}" >&2; exit 1')
    assert "daemon is not running" in untouched.error(target, "CMD=true", PATH=str(host))


def test_no_permission(untouched, host):
    stub(host, 'echo "permission denied while trying to connect to the Docker daemon socket" >&2; exit 1')
    line = untouched.error("notebook", PATH=str(host))
    assert "usermod -aG docker" in line and "666" not in line


@pytest.mark.parametrize("target", ["build", "notebook", "doctor"])
@pytest.mark.parametrize("version", ["19.03.15", "24.0.9"])
def test_old_engine(version, target, untouched, host):
    stub(host, WORKING)
    assert f"Docker {version} is too old" in untouched.error(target, PATH=str(host), ENGINE=version)


@pytest.mark.parametrize("version", ["2.17.3", "v2.20.0", "1.29.2"])
def test_old_compose(version, untouched, host):
    stub(host, WORKING)
    assert f"Compose {version} is too old" in untouched.error("notebook", PATH=str(host), COMPOSE=version)


@pytest.mark.parametrize("engine, compose", [("25.0.0", "2.21.0"), ("29.1.0-rc.1", "v5.0.1"), ("28", "dev")])
def test_newer_versions_are_fine(engine, compose, untouched, host):
    stub(host, WORKING)
    done = untouched.make("stop", PATH=str(host), ENGINE=engine, COMPOSE=compose)
    assert "too old" not in done.stderr


def test_no_compose_plugin(untouched, host):
    stub(host, WORKING.replace("compose=${COMPOSE:-2.30.0} ", ""))
    for target in ("notebook", "train", "doctor"):
        assert "no Compose plugin" in untouched.error(target, PATH=str(host))


def test_services_that_need_too_much_memory_are_not_started(untouched, host):
    config = 'services:\\n  redis:\\n    image: redis:8\\n    mem_reservation: "16500000000"\\n'
    stub(host, WORKING.replace("  *)", f"""  "compose --progress") printf '{config}' ;;\n  *)"""))
    error = untouched.error("up", PATH=str(host))
    assert error.startswith("error: these services need 16500 MB of memory, and Docker has 16000 MB.")


def test_no_buildx_plugin(untouched, host):
    stub(host, WORKING.replace("buildx=0.29 ", ""))
    assert "no Buildx plugin" in untouched.error("build", PATH=str(host))


@pytest.mark.parametrize("line", ['this is "broken', "A B=1", "=1", "A='one\ntwo'\nthree", "-A=1"])
def test_line_in_env_that_is_no_setting(line, untouched, host):
    stub(host, WORKING)
    (untouched.path / ".env").write_text(f"# mine\n\nPORT=9000\n{line}\n")
    number = 3 + line.count("\n") + 1
    assert f"line {number} of .env is not NAME=value" in untouched.error("notebook", PATH=str(host))


@pytest.mark.parametrize("line", ["export A=1", "A=", "A='it\nis mine'", 'A="x"', "A=it's", "A = 1", "  # note"])
def test_line_in_env_that_compose_reads(line, untouched, host):
    stub(host, WORKING)
    (untouched.path / ".env").write_text(f"{line}\nPORT=9000\n")
    assert ".env" not in untouched.make("stop", PATH=str(host)).stderr


@pytest.mark.parametrize("target", [*FOR_SERVICES, "remove-service", "example-x", "backup-x"])
def test_no_services(target, bake, host):
    stub(host, WORKING)
    assert "add-service NAME=" in Project(bake()).error(target, PATH=str(host))


def test_command_without_make(untouched):
    done = subprocess.run(["docker/build"], cwd=untouched.path, env={"PATH": os.environ["PATH"]}, capture_output=True)
    assert (done.returncode, done.stderr) == (
        1,
        b"error: make sets what this command needs. 'make' lists the commands.\n",
    )


def test_service_that_there_is_not(bake, host):
    stub(host, WORKING)
    project = Project(bake(services=SERVICES[0]))
    line = project.error("up", "SERVICE=nothing", PATH=str(host))
    assert line == f"error: there is no service 'nothing'. The services are: {SERVICES[0]}."
    for command in ("backup-nothing", "restore-nothing", "password-nothing"):
        assert project.error(command, PATH=str(host)).startswith(f"error: there is no 'make {command}'. ")


def test_compose_file_that_cannot_be_read_is_no_success(bake, host):
    stub(host, WORKING.replace("*) echo", '"compose --file") echo "yaml: line 3: no" >&2; exit 1 ;; *) echo'))
    project = Project(bake(services=SERVICES[0]))
    for target in ("up", "down", "ps", "logs"):
        assert "V=1" in project.error(target, PATH=str(host))


def test_password_is_a_line_of_its_own_in_env(bake, host):
    stub(host, WORKING)
    project = Project(bake(services="postgres, mysql"))
    (project.path / ".env").write_text("MEMORY=4g")
    assert project.make("up", PATH=str(host)).returncode != 0
    names = [line.partition("=")[0] for line in project.read(".env").splitlines()]
    assert names[:3] == ["MEMORY", "MYSQL_PASSWORD", "POSTGRES_PASSWORD"]
    assert names[3].startswith("# Written by make")
    assert "MEMORY=4g\n" in project.read(".env")
    assert len(project.read(".local/secrets/postgres_password")) == 32


def test_full_disk(untouched, host):
    stub(host, WORKING.replace("/nonexistent", "/"))
    (host / "df").unlink()
    (host / "df").write_text('#!/bin/sh\necho "Filesystem blocks used available"\necho "/dev/a 9 8 1000 99% /"\n')
    (host / "df").chmod(0o755)
    assert "less than 1 GiB is free" in untouched.error("build", PATH=str(host))


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["notebook", "PORT=abc"], "PORT='abc' is not valid"),
        (["notebook", "PORT=80"], "PORT='80' is not valid"),
        (["notebook", "PORT=65536"], "PORT='65536' is not valid"),
        (["notebook", "PORT=-1"], "PORT='-1' is not valid"),
        (["train", "PORT=8888;id"], "is not valid. Use a number"),
        (["train", "ACCELERATOR=gpu"], "ACCELERATOR='gpu' is not valid"),
        (["build", "ACCELERATOR=cpu;id"], "is not valid. Use ACCELERATOR=cpu"),
        (["pull-data", "DETACH=1"], "make pull-data cannot run in the background"),
        (["notebook", "UI=vim"], "UI='vim' is not valid. Use UI= with one of: lab marimo."),
        (["notebook", "UI=../ui/marimo"], "UI='../ui/marimo' is not valid"),
        (["train", "GPUS=first"], "GPUS='first' is not valid"),
        (["train", "GPUS=0,"], "GPUS='0,' is not valid"),
        (["train", "GPUS=all,1"], "GPUS='all,1' is not valid"),
        (["train", 'GPUS=0"]'], "is not valid. Use GPUS=all"),
        (["run"], "no command is given"),
        (["run", "CMD="], "no command is given"),
        (["add"], "no package is given"),
        (["add", "PKG=--index-url=x"], "is not the name of a package"),
        (["add", "PKG=a;id"], "is not the name of a package"),
        (["add", "PKG=$(touch pwned)"], "is not the name of a package"),
        (["add", "PKG=../x"], "there is no file or folder ../x"),
        (["add", "FROM=x.txt"], "there is no file x.txt"),
        (["add", "APT=a;id"], "is not the name of a system package"),
        (["add", "PKG=a -r b"], "is not the name of a package"),
        (["add", "PKG=pandas>=1.0 `id`"], "is not the name of a package"),
        (["train", "DATA_DIR=/non/existent"], "the data folder /non/existent does not exist"),
        (["train", "DATA_DIR=/etc/hostname"], "is a file"),
        (["train", "CACHE_DIR=/non/existent"], "the cache folder /non/existent does not exist"),
        (["train", "CACHE_DIR=/etc/hostname"], "is a file"),
        (["train", "CACHE_DIR=models"], "/models is in the project folder"),
        (["train", "CACHE_DIR=."], "is in the project folder"),
        (["train", "CACHE_DIR=.."], "contains the project folder"),
        (["train", "CACHE_DIR=/"], "the cache folder / contains the project folder"),
        (["build", "DOCKER=nope"], "nope is not installed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input(arguments, words, untouched, host):
    stub(host, WORKING)
    assert words in untouched.error(*arguments, PATH=str(host))
    assert not (untouched.path / "pwned").exists()


def test_setting_from_env_file_is_checked_too(untouched, host):
    stub(host, WORKING)
    (untouched.path / ".env").write_text("ACCELERATOR=gpu\n")
    assert "ACCELERATOR='gpu' is not valid" in untouched.error("train", PATH=str(host))
    (untouched.path / ".env").write_text("PORT=abc\n")
    assert "PORT='abc' is not valid" in untouched.error("train", PATH=str(host))


def test_password_is_not_written_twice(bake, host):
    """The block that make writes for Compose stays the last, and the settings above it stay as they are."""
    stub(host, WORKING)
    project = Project(bake(services="postgres"))
    project.make("up", PATH=str(host))
    first = project.read(".env")
    (project.path / ".env").write_text(f"{first}SHM_SIZE=1gb\n")
    project.make("up", PATH=str(host))
    lines = project.read(".env").splitlines()
    assert lines[:2] == [first.splitlines()[0], "SHM_SIZE=1gb"]
    assert lines[2:] == first.splitlines()[1:]


def test_data_link_to_nowhere_is_named(untouched, host):
    stub(host, WORKING)
    shutil.rmtree(untouched.path / "data")
    (untouched.path / "data").symlink_to("/non/existent")
    line = untouched.error("train", PATH=str(host))
    assert "./data is a link to a folder that does not exist" in line
    assert (untouched.path / "data").is_symlink()


def test_folder_of_somebody_else(untouched, host):
    if os.getuid() != 0:
        pytest.skip("only root can act as somebody else")
    stub(host, WORKING)
    # A stranger has to reach the folder; pytest's own are closed.
    for folder in [untouched.path, *untouched.path.parents][:-2]:
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
    line = untouched.error("train", PATH=str(host), user=(54321, 54321), HOME="/")
    assert "this folder is not writable" in line


def test_cache_folder_of_somebody_else(untouched, host, open_folder):
    if os.getuid() != 0:
        pytest.skip("only root can act as somebody else")
    stub(host, WORKING)
    for folder in [untouched.path, *untouched.path.parents][:-2]:
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
    subprocess.run(["chown", "-R", "54321:54321", untouched.path], check=True)
    ann = {"user": (54321, 54321), "HOME": "/", "PATH": str(host)}
    line = untouched.error("train", f"CACHE_DIR={open_folder}", **ann)
    assert f"you do not have permission to write to {open_folder}/54321" in line
    # Other commands do not need it.
    assert "there are no jobs" in untouched.ok("jobs", f"CACHE_DIR={open_folder}", **ann)


def test_another_make_has_just_made_the_folder_of_this_machine(untouched, host):
    stub(host, WORKING)
    (host / "mkdir").unlink()
    (host / "mkdir").write_text(f"""#!/bin/sh
case "$*" in *.local) {shutil.which("mkdir")} .local ;; esac
exec {shutil.which("mkdir")} "$@"
""")
    (host / "mkdir").chmod(0o755)
    assert not (untouched.path / ".local").exists()
    assert "task python -m" in untouched.make("train", PATH=str(host)).stderr
    assert (untouched.path / ".local").stat().st_mode & 0o777 == 0o700


def test_only_what_a_host_has_is_used(untouched, host):
    """What the scripts call is in the list above; the stub engine then refuses to run anything."""
    stub(host, WORKING)
    for target in TARGETS + FOR_SERVICES:
        done = untouched.make(target, "CMD=true", PATH=str(host))
        assert "not found" not in done.stderr.replace("is not found", ""), done.stderr


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (
            "#8 7.1 error: Request failed after 3 retries\n#8 7.1   cause: Failed to download "
            "`https://github.com/astral-sh/python-build-standalone/releases/download/x`\n#8 7.1   cause: dns error",
            "the base image does not contain this Python version, and uv could not download it",
        ),
        ("#8 0.1 error: the base image has no glibc. Use another.", "error: the base image has no glibc. Use another."),
    ],
)
def test_base_image_that_will_not_do(words, ours, untouched, host):
    (host / "words").write_text(f"{words}\n")
    stub(host, f'[ "$1" != build ] || {{ cat "{host}/words" >&2; exit 1; }}\n{WORKING}')
    assert ours in untouched.error("build", PATH=str(host))


# What engines and NVIDIA's toolkit say, as in reports to their makers; what the driver on the host answers; our line.
NO_RUNTIME = 'docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].'
HOOK = (
    "docker: Error response from daemon: failed to create task: error running prestart hook #0: nvidia-container-cli: "
)
GPU_FAULTS = {
    "no driver": (NO_RUNTIME, None, "no NVIDIA driver answers on this machine"),
    "no toolkit": (NO_RUNTIME, "580.95.05", "Docker has no NVIDIA runtime. Install the NVIDIA Container Toolkit, or"),
    "no devices of CDI": (
        "docker: Error response from daemon: CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all",
        "580.95.05",
        "Docker has no NVIDIA runtime. Install the NVIDIA Container Toolkit, or",
    ),
    "driver not loaded": (
        HOOK + "initialization error: nvml error: driver not loaded: unknown.",
        None,
        "does not work",
    ),
    "no library of the driver": (
        HOOK + "initialization error: load library failed: libnvidia-ml.so.1: cannot open shared object file",
        None,
        "does not work on this machine",
    ),
    "driver updated": (
        HOOK + "initialization error: nvml error: driver/library version mismatch: unknown.",
        None,
        "Restart this machine, or",
    ),
    "driver too old for the toolkit": (
        HOOK + "requirement error: unsatisfied condition: cuda>=13.0, please update your driver to a newer version",
        "550.54.15",
        "the NVIDIA driver is 550.54.15, but CUDA 13.0.2 in the image requires 580 or newer",
    ),
    "no such GPU": (
        HOOK + "device error: 7: unknown device: unknown.",
        "580.95.05",
        "GPUS names a GPU that this machine does not have",
    ),
}


# An engine with everything, whose `docker run --gpus` says the words in a file. Its `docker compose run` ends with 3.
WITH_GPU = """case "$*" in
  "image inspect --format "*) echo "$VARIABLES" ;;
  "run --rm --gpus "*) cat "$WORDS"; exit "$STATUS" ;;
  "compose --progress "*" run "*) exit 3 ;;
  "compose --progress "*) ;;
  *)
"""


@pytest.fixture
def gpu(untouched, host):
    """Run a target for the GPU: `words` are the engine's, `driver` is what the host's own nvidia-smi says."""

    def run(method, *arguments, words, status=0, driver="580.95.05", variables="CUDA_VERSION=13.0.2"):
        (host / "words").write_text(words + "\n")
        stub(host, f"{WITH_GPU}{WORKING}\nesac")
        smi = host / "nvidia-smi"
        smi.write_text(f"#!/bin/sh\necho '{driver}'\n" if driver else "#!/bin/sh\nexit 9\n")
        smi.chmod(0o755)
        environment = {"WORDS": str(host / "words"), "STATUS": str(status), "VARIABLES": variables}
        return method(*arguments, "ACCELERATOR=cuda", PATH=str(host), **environment)

    return run


@pytest.mark.parametrize("fault", GPU_FAULTS)
def test_gpu_that_containers_cannot_have(fault, gpu, untouched):
    words, driver, ours = GPU_FAULTS[fault]
    line = gpu(untouched.error, "train", "GPUS=7", words=words, status=125, driver=driver)
    assert ours in line and line.endswith(" or use ACCELERATOR=cpu.")


FREE, FULL = "{}, 580.95.05, 81559, 4, Default", "{}, 580.95.05, 81559, 81000, Default"


@pytest.mark.parametrize(
    ("rows", "ours"),
    [
        (
            "0, 550.54.15, 81559, 4, Default",
            "driver is 550.54.15, but CUDA 13.0.2 in the image requires 580 or newer",
        ),
        (FULL.format(0), "the GPU is busy"),
        (f"WARNING: the image's platform does not match\n{FULL.format(0)}", "the GPU is busy"),
        (f"{FULL.format(0)}\n{FULL.format(1)}", "the GPU is busy"),
        ("0, 580.95.05, 81559, 900, Exclusive_Process", "the GPU is busy"),
    ],
)
@pytest.mark.parametrize("target", ["train", "notebook", "doctor"])
def test_gpu_that_cannot_be_used(target, rows, ours, gpu, untouched):
    line = gpu(untouched.error, target, words=rows)
    assert ours in line and line.endswith(" or use ACCELERATOR=cpu.")


@pytest.mark.parametrize(
    ("rows", "variables", "note"),
    [
        (FREE.format(0), "CUDA_VERSION=13.0.2", None),
        # Whoever takes an older base may have an older driver.
        ("0, 550.54.15, 81559, 4, Default", "CUDA_VERSION=12.9.1", None),
        ("0, 550.54.15, 81559, 4, Default", "OTHER=1", None),
        (f"WARNING: the image's platform does not match\n{FREE.format(0)}", "CUDA_VERSION=13.0.2", None),
        # Memory that is shared with the processor is not counted.
        ("0, 580.95.05, [N/A], [N/A], Default", "CUDA_VERSION=13.0.2", None),
        (
            f"{FULL.format(0)}\n{FREE.format(1)}\n{FREE.format(2)}",
            "",
            "note: GPU 0 is busy. GPUS=1,2 leaves it to others.",
        ),
    ],
)
def test_gpu_that_can_be_used(rows, variables, note, gpu, untouched):
    done = gpu(untouched.make, "train", words=rows, variables=variables)
    # The stub's Compose ends with 3: it came that far.
    assert "Error 3" in done.stderr
    assert [line for line in done.stderr.splitlines() if "make: ***" not in line] == ([note] if note else [])


FAULTS = {
    "image": (
        "Dockerfile",
        "FROM ${REGISTRY_PREFIX}python:",
        "FROM registry.invalid/",
        "cannot pull the image registry.invalid/3.13-slim-trixie:latest",
    ),
    "tag": ("Dockerfile", "-slim-trixie", "-no-such-tag", "/python:3.13-no-such-tag. Check its name"),
    "disk": (
        "Dockerfile",
        "WORKDIR /workspace",
        "RUN --mount=type=tmpfs,target=/x,size=1m dd if=/dev/zero of=/x/y bs=1M count=5\nWORKDIR /workspace",
        "the disk is full",
    ),
    "system package": ("apt.txt", "# System", "no-such-package\n# System", "no system package 'no-such-package'"),
    "changed by hand": ("pyproject.toml", '"pandas>=2.3"', '"pandas>=2.3", "humanize"', "Run 'make lock'"),
    "not TOML": ("pyproject.toml", '"pandas>=2.3",', '"pandas>=2.3",,', "pyproject.toml is not valid"),
}


@pytest.mark.docker
@pytest.mark.parametrize("fault", FAULTS)
def test_build_that_cannot_work(fault, copy):
    project = copy()
    file, old, new, words = FAULTS[fault]
    text = project.read(file)
    assert old in text
    (project.path / file).write_text(text.replace(old, new, 1))
    before = project.image_id()
    assert words in project.error("build")
    assert project.image_id() == before
    assert "error" in project.build_log().lower()


@pytest.mark.docker
def test_packages_that_do_not_exist_or_exclude_each_other(copy):
    project = copy()
    before = project.read("pyproject.toml"), project.read("uv.lock")
    assert "no Python package 'no-such-package-anywhere'" in project.error("add", "PKG=no-such-package-anywhere")
    assert "there is no version numpy==0.0.1" in project.error("add", "PKG=numpy==0.0.1")
    assert "versions exclude each other" in project.error("add", "PKG=numpy==1.19.5")
    assert (project.read("pyproject.toml"), project.read("uv.lock")) == before


@pytest.mark.docker
def test_notebook_that_does_not_start_leaves_no_container(copy):
    project = copy()
    settings = project.path / ".jupyter" / "jupyter_server_config.py"
    settings.write_text('raise SystemExit("no notebook today")\n')
    assert "the notebook did not start: no notebook today" in project.error("notebook")
    mine = f"label=com.docker.compose.project.working_dir={project.path}"
    assert project.containers(mine) == []


@pytest.mark.docker
def test_no_permission_on_the_real_socket(built, open_folder):
    if os.getuid() != 0:
        pytest.skip("only root can act as somebody else")
    folder = open_folder / "lab"
    shutil.copytree(built.path, folder, ignore=shutil.ignore_patterns(".local"))
    subprocess.run(["chown", "-R", "54321:54321", folder], check=True)
    line = subprocess.run(
        ["make", "train"], cwd=folder, user=54321, group=54321, extra_groups=[], capture_output=True, text=True
    ).stderr
    assert "you do not have permission to use Docker's socket" in line


@pytest.mark.docker
def test_daemon_that_is_not_there(built):
    for target in TARGETS:
        assert "daemon is not running" in built.error(target, "CMD=true", DOCKER_HOST="unix:///nonexistent.sock")


@pytest.mark.docker
def test_missing_image_is_built(copy):
    project = copy()
    makefile = project.path / "Makefile"
    slug = f"{project.slug}-b"
    makefile.write_text(makefile.read_text().replace(project.slug, slug))
    try:
        done = project.make("run", "CMD=python --version")
        assert done.stdout.startswith("Python 3.13")
        assert f"\nbuilt {slug}:cpu (" in done.stderr
    finally:
        project.ok("clean", "IMAGES=1")


@pytest.mark.docker
def test_doctor_says_what_is_there(lab):
    report = lab.ok("doctor")
    assert report.splitlines()[-1] == "Nothing is wrong."
    assert re.search(r"^  ok     docker \S+, Compose \S+$", report, re.M)
    assert "port" in report
