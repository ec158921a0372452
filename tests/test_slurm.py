"""Jobs on Slurm: real daemons of Debian's packages, and Apptainer, or a stand-in if it is not installed."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from slurm import PACKAGES, Cluster, login_node, require
from support import running, wait_until

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def folder():
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def cluster(engine, folder):
    require(PACKAGES, "slurmctld")
    with Cluster(folder) as started:
        yield started


@pytest.fixture(scope="module")
def project(generate, cluster):
    """A project without its own jobs, in a folder whose name Apptainer could take for several."""
    new = generate("slurm", framework="none")
    target = new.path.with_name("a, b:c 'd")
    new.path = new.path.rename(target)
    make = new.make
    new.make = lambda *arguments, **options: make(*arguments, **{**cluster.environment, **options})
    return new


def submit(project, command: str, *arguments: str) -> str:
    """Start a job that runs a command, and return its name."""
    return project.ok("run", "ON=slurm", "DETACH=1", f"CMD={command}", *arguments).split(" was sent")[0].split("\n")[-1]


def state(project, job: str) -> str:
    """Return what `make jobs` says of a job."""
    (line,) = [line for line in project.ok("jobs").splitlines() if line.startswith(f"{job} ")]
    return line[13:].split("  ")[0].split(" 20")[0]


def left(project) -> list[str]:
    """Return the folders of jobs that are still on the cluster's disk."""
    return os.listdir(project.path / ".local" / "slurm" / "jobs")


def test_same_metrics_as_on_this_machine(project):
    project.ok("train")
    results = [project.path / name for name in ("reports/metrics.json", "reports/trace.json", "models")]
    local = results[0].read_bytes()
    for each in results[:2]:
        each.unlink()
    shutil.rmtree(results[2])
    results[2].mkdir()
    done = project.make("train", "ON=slurm")
    assert done.returncode == 0, done.stderr
    assert "making " in done.stdout and "was sent to slurm" in done.stdout and "accuracy=" in done.stdout
    assert results[0].read_bytes() == local
    assert results[1].exists() and list(results[2].iterdir())
    assert state(project, "train-1") == "done"
    assert "accuracy=" in project.ok("logs", "JOB=train-1")
    assert left(project) == []
    # The image is made once.
    assert "making " not in project.ok("predict", "ON=slurm")
    assert list((project.path / "data" / "processed").glob("predictions*"))


def test_status_memory_and_environment_of_a_job(project):
    command = 'echo "it\'s $$SECRET" $HOME $(pwd); touch /x || touch reports/kept; exit 7'
    secret = "a 'b' \"c\" , d"
    done = project.make("run", "ON=slurm", f"CMD={command.replace('$$', '$')}", PASS="SECRET", SECRET=secret)
    assert f"it's {secret} /tmp /workspace\n" in done.stdout
    assert "run-3: failed (7)" in done.stderr and "Error 7" in done.stderr
    assert (project.path / "reports" / "kept").exists()
    done = project.make("run", "ON=slurm", 'CMD=python -c "bytearray(10**9)"', SLURM_OPTIONS="--mem=300M")
    assert "ran out of memory. Use less data" in done.stderr and "Error 137" in done.stderr
    assert state(project, "run-4") == "out of memory"


def test_tasks_of_an_array_job(project):
    done = project.make("run", "ON=slurm", "TASKS=3", "CMD=echo task $TASK; touch reports/$TASK; [ $TASK != 1 ]")
    assert "task 0\n" in done.stdout and "failed (1), of 3 tasks: 1" in done.stderr
    assert {"0", "1", "2"} <= set(os.listdir(project.path / "reports"))
    assert "task 2\n" in max((project.path / ".local" / "jobs").glob("*/log.2")).read_text()
    assert "TASKS='0' is not valid" in project.error("run", "ON=slurm", "CMD=true", "TASKS=0")
    assert "NODES and TASKS cannot be used together" in project.error(
        "run", "ON=slurm", "CMD=true", "TASKS=2", "NODES=2"
    )


def test_each_node_knows_the_others(project):
    output = project.ok("run", "ON=slurm", "NODES=2", "CMD=echo $PET_NODE_RANK of $PET_NNODES at $PET_MASTER_ADDR")
    assert "0 of 2 at 127.0.0.1\n" in output and "1 of 2 at 127.0.0.1\n" in output


def test_job_that_waits_and_job_that_is_cancelled(project, cluster):
    alone = "SLURM_OPTIONS=--nodelist=node1 --exclusive"
    first = submit(project, "trap 'touch models/asked; exit' TERM; echo go; sleep 1000 & wait", alone)
    wait_until(lambda: "go" in project.ok("logs", f"JOB={first}"))
    second = submit(project, "true", alone)
    wait_until(lambda: state(project, second).startswith("waiting"))
    variables = [f"{name}={value}" for name, value in cluster.environment.items()]
    with running("env", *variables, "make", "logs", f"JOB={second}", "FOLLOW=1", folder=project.path) as following:
        assert "waiting: the nodes are busy" in following.stderr.readline()
    for job in (second, first):
        project.ok("cancel", f"JOB={job}")
        assert state(project, job) == "cancelled"
    # What the command wrote when it was asked to end is there, and nothing is left.
    assert (project.path / "models" / "asked").exists()
    assert cluster.jobs() == [] and left(project) == []


def test_job_that_slurm_starts_again_has_its_checkpoint(project, cluster):
    job = submit(project, "[ ! -e models/checkpoint ] || exit 0; touch models/checkpoint; echo first; sleep 1000")
    wait_until(lambda: "first" in project.ok("logs", f"JOB={job}"))
    number = project.read(f".local/jobs/{job}/number").strip()
    cluster.ask("scontrol", "requeue", number)
    wait_until(lambda: state(project, job).startswith("waiting"))
    cluster.ask("scontrol", "update", f"JobId={number}", "StartTime=now")
    assert "started this job again" in project.ok("logs", f"JOB={job}", "FOLLOW=1")
    assert state(project, job) == "done"


@pytest.mark.parametrize(
    "options, message",
    [
        ("--partition=nope", "no such partition"),
        ("--partition=short --time=10", "time limit"),
        ("--gpus-per-node=1", "such as its GPUs"),
        ("--nodes=5", "not enough of them"),
        ("--nonsense", "does not understand SLURM_OPTIONS: unrecognized option '--nonsense'"),
    ],
)
def test_job_that_slurm_rejects_leaves_nothing(project, options, message):
    assert message in project.error("run", "ON=slurm", "CMD=true", SLURM_OPTIONS=options)
    assert left(project) == []


def test_file_for_apptainer(project):
    if not (program := shutil.which("apptainer")):
        pytest.skip("Apptainer is not installed")
    assert "sbatch deploy/slurm/train.sbatch" in project.ok("apptainer", "FILE=dist/x.sif")
    file = project.path / "dist" / "x.sif"
    command = [program, "exec", "--no-privs", "--containall", file, "python", "-c", "print(1 + 1)"]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "2\n"


def test_login_node_that_ssh_reaches(project, cluster, folder):
    with login_node(folder, cluster.environment) as (ssh, stop, start):
        # The image is there.
        storage = project.path / ".local" / "slurm"
        path = f"{ssh}:{cluster.environment['PATH']}"
        there = {"PATH": path, "SLURM_HOST": "login", "SLURM_FOLDER": str(storage)}
        odd = project.path / "data" / "raw" / "ü ' x"
        odd.write_text("odd")
        project.ok("run", "ON=slurm", "CMD=cat data/raw/ü*; echo new >data/processed/new", **there)
        assert (project.path / "data" / "processed" / "new").read_text() == "new\n"
        odd.unlink()
        output = project.ok("run", "ON=slurm", "CMD=ls data/raw; test -s data/processed/new", **there)
        assert "ü" not in output
        # The connection is lost while somebody follows, and the job goes on.
        words = ["make", "run", "ON=slurm", "CMD=echo go; until [ -e data/raw/end ]; do sleep 0.2; done; echo ended"]
        variables = {**cluster.environment, **there}
        environment = [f"{name}={value}" for name, value in variables.items()]
        with running("env", *environment, *words, folder=project.path) as following:
            assert any("go\n" == line for line in following.stdout)
            stop()
            assert "the cluster does not answer" in following.communicate(timeout=120)[1]
        start()
        assert cluster.jobs() == ["RUNNING"]
        (storage / "data" / "raw" / "end").touch()
        job = max((project.path / ".local" / "jobs").iterdir(), key=lambda path: int(path.name.split("-")[1])).name
        assert project.ok("logs", f"JOB={job}", "FOLLOW=1", **there).count("go\n") == 1
        assert project.ok("logs", f"JOB={job}", "FOLLOW=1", **there).endswith("ended\n")
        assert left(project) == []
        there["SLURM_HOST"] = "nowhere.invalid"
        assert "no machine nowhere.invalid" in project.error("run", "ON=slurm", "CMD=true", **there)


def test_what_slurm_needs_is_checked_first(built, host):
    for name in ("docker", "git"):
        (host / name).symlink_to(shutil.which(name)) if not (host / name).exists() else None
    error = built.error("run", "ON=slurm", "CMD=true", PATH=str(host))
    assert "sbatch is not installed or not in PATH" in error
    assert "ssh is not installed" in built.error("run", "ON=slurm", "CMD=true", PATH=str(host), SLURM_HOST="login")
    assert "SLURM_HOST='-x' is not valid" in built.error("run", "ON=slurm", "CMD=true", SLURM_HOST="-x")
    assert "ON='x' is not valid" in built.error("run", "ON=x", "CMD=true")
