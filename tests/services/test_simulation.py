"""The simulation: a sweep that continues after it was stopped, faults of S3, and the servers to choose from."""

import json
import subprocess

import pytest
from support import docker, running, unique, wait_until

pytestmark = pytest.mark.docker

SWEEP = "SWEEP=stiffness=5,10 paths=100 seed={}"
KEY = "S3 at http://simulation-s3:8333 does not accept the key."


@pytest.fixture(scope="module")
def started(with_service):
    """A project whose server is the one that these tests have an image of."""
    project = with_service("simulation")
    change(project, SIMULATION_S3_SERVER="versitygw")
    project.ok("up")
    yield project
    project.make("down")


@pytest.fixture
def project(started):
    """The project with the settings that it started with, and with its server up."""
    before = started.read(".env")
    yield started
    (started.path / ".env").write_text(before)
    started.ok("up")


def change(project, **settings: str) -> None:
    """Write settings to .env."""
    lines = [line for line in project.lines(".env") if line.partition("=")[0] not in settings]
    lines += [f"{name}={value}" for name, value in settings.items()]
    (project.path / ".env").write_text("\n".join(lines) + "\n")


def python(project, code: str) -> str:
    return project.run(f"python -c '{code}'")


def stored(project, part: str = "/") -> dict[str, str]:
    """Return the objects of the bucket whose name has this part, with their contents."""
    code = (
        "import json; from services.simulation.client import files; store = files(); names = store.find('simulation'); "
        "print(json.dumps({name: store.cat(name).decode() for name in names}))"
    )
    found = json.loads(project.run(f'python -c "{code}"').splitlines()[-1])
    return {name: content for name, content in found.items() if part in name}


def test_sweep_goes_on_where_it_was_killed(project):
    """Each object is complete, whether the simulation or the server was killed. Only what is missing is computed."""
    sweep = "SWEEP=temperature=301 seed=1,2,3,4,5,6,7,8"
    make = ("make", "simulate", sweep, "JOBS=2")
    with running(*make, folder=project.path) as process:
        wait_until(lambda: process.stdout.readline().startswith("1 of 8: v1/stiffness=10/"))
        docker("kill", *(name for name in project.containers("status=running") if "-run-" in name))
        assert process.wait(timeout=120) != 0

    with running(*make, folder=project.path) as process:
        wait_until(lambda: process.stdout.readline().startswith("1 of "))
        docker("kill", project.container("simulation-s3"))
        errors = process.communicate(timeout=300)[1].splitlines()
    assert process.returncode != 0
    # Docker may start the server again before the simulation misses it.
    project.ok("up")
    assert [line.split(": S3 at")[0] for line in errors if line.startswith("error")] in ([], ["error"])

    before = stored(project, "/temperature=301/")
    assert 0 < len(before) < 8
    assert all(json.loads(content)["parameters"]["temperature"] == 301 for content in before.values())
    output = project.ok("simulate", sweep)
    assert f"{len(before)} of 8 runs are stored already\n" in output
    assert output.count(f" of {8 - len(before)}: v1/") == 8 - len(before)
    after = stored(project, "/temperature=301/")
    assert len(after) == 8 and before.items() <= after.items()
    assert "8 of 8 runs are stored already\n" in project.ok("simulate", sweep)
    # Another parameter is another run.
    assert "0 of 2 runs are stored already\n" in project.ok("simulate", SWEEP.format(1))


def test_results_are_a_dataframe(project):
    project.ok("simulate", SWEEP.format(7))
    code = (
        'from services.simulation.client import results; rows = results().query("paths == 100 and seed == 7"); '
        'print(len(rows), *sorted(set(rows["stiffness"])), rows["time"].max(), set(rows["version"]))'
    )
    assert python(project, code) == "40 5 10 4.0 {'1'}\n"


def test_wrong_model_or_result_is_found(project):
    """A wrong model fails its test in the build, and a wrong result the comparison. An object that is none is named."""
    model = project.path / "services/simulation/src/trap.hpp"
    correct = model.read_text()
    model.write_text(correct.replace("6 * std::numbers::pi", "5 * std::numbers::pi"))
    assert project.error("simulate") == (
        "error: the model fails its test: friction in pN ms/µm. Correct src/trap.hpp or src/check.cpp."
    )
    model.write_text(correct)
    project.ok("simulate", "SWEEP=stiffness=8,9 paths=1000")
    program = project.path / "reports" / "wrong.py"
    program.write_text("""
import json
from services.simulation import compare
from services.simulation.client import files

def compared():
    try:
        compare.main()
        return "agrees"
    except (OSError, SystemExit) as error:
        return str(error)

store = files()
name = next(name for name in store.find("simulation") if "stiffness=8/" in name)
run = json.loads(store.cat(name))
run["result"]["mean"][0] *= 1.5
answers = [compared()]
for content in (json.dumps(run), "half", "{}"):
    store.pipe(name, content.encode())
    answers.append(compared())
store.rm(name)
print(name, *answers, sep="\\n")
""")
    name, *answers = project.run("python reports/wrong.py").splitlines()[-5:]
    no_result = f"the object {name} is not a result of the simulation. Remove it from S3."
    disagree = "error: the simulation and the closed form disagree. Check src/trap.hpp."
    assert answers == ["agrees", disagree, no_result, no_result]
    assert "1 of 2 runs are stored already" in project.ok("simulate", "SWEEP=stiffness=8,9 paths=1000")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("SWEEP=stiffness=-1", "stiffness=-1 is not valid. Use a number from 0.001 to 10000."),
        ("SWEEP=$(touch /tmp/x)", "'$(touch' has no value. Use name=value, such as stiffness=10."),
        ("JOBS=none", "JOBS='none' is not a number above 0. Use one such as JOBS="),
    ],
)
def test_wrong_parameter_is_one_line(project, setting, message):
    line = project.error("simulate", setting)
    assert line.startswith(f"error: {message}")


def test_wrong_key_is_one_line_and_loses_nothing(project):
    """The server takes a new key when it starts. With the old one, everybody is told what to correct."""
    project.ok("simulate", SWEEP.format(20))
    before = stored(project)
    change(project, SIMULATION_S3_USER="somebody")
    correct = f"error: {KEY} Correct SIMULATION_S3_USER and SIMULATION_S3_PASSWORD in .env."
    assert project.error("simulate", SWEEP.format(21)) == correct
    assert project.error("run", "CMD=python -m services.simulation.compare") == correct
    change(project, SIMULATION_S3_USER="analyst", SIMULATION_S3_PASSWORD="it's \"new\\")
    assert project.error("run", "CMD=python -m services.simulation.compare") == correct
    assert "2 of 2 runs are stored already" in project.ok("simulate", SWEEP.format(20))
    assert stored(project) == before


def test_server_that_is_not_up_is_one_line(project):
    """With a server elsewhere, make starts none."""
    project.ok("down")
    assert project.error("run", "CMD=python -m services.simulation.compare") == (
        "error: nothing answers at simulation-s3:8333. Start it: make up SERVICE=simulation."
    )
    change(project, SIMULATION_S3_SERVER="none")
    assert "nothing to start" in project.ok("up")
    assert project.error("simulate") == (
        "error: S3 at http://simulation-s3:8333 does not answer. "
        "Start it: make up SERVICE=simulation, or correct SIMULATION_S3_ENDPOINT in .env."
    )


def test_results_can_be_on_a_server_elsewhere(project):
    """The bucket is made, in the region that is set. When that server is full, what it has stays whole."""
    name = unique("elsewhere")
    secret = "0123456789abcdef"
    try:
        docker(
            *(
                "run",
                "--detach",
                "--name",
                name,
                "--network",
                project.network(),
                "--tmpfs",
                "/data:mode=1777,size=256k",
            ),
            *("--env", "ROOT_ACCESS_KEY=me", "--env", f"ROOT_SECRET_KEY={secret}"),
            *("versity/versitygw:v1.8.0", "--port", ":9000", "--region", "eu-central-1", "posix", "/data"),
        )
        change(
            project,
            SIMULATION_S3_SERVER="none",
            SIMULATION_S3_ENDPOINT=f"http://{name}:9000",
            SIMULATION_S3_BUCKET="mine",
            SIMULATION_S3_USER="me",
            SIMULATION_S3_PASSWORD=secret,
        )
        line = project.error("simulate", SWEEP.format(1))
        assert line.endswith(" is in another region than us-east-1. Correct SIMULATION_S3_REGION in .env.")
        change(project, SIMULATION_S3_REGION="eu-central-1")
        project.ok("simulate", SWEEP.format(1))
        seeds = ",".join(map(str, range(200)))
        line = project.error("simulate", SWEEP.format(seeds), "JOBS=2")
        assert line.startswith(f"error: S3 at http://{name}:9000 ") and "continues." in line
        code = (
            "from services.simulation.client import results; print(len(results()) // 20, results().isna().any().any())"
        )
        count, broken = python(project, code).split()
        assert 2 <= int(count) < 400 and broken == "False"
    finally:
        docker("rm", "--force", "--volumes", name)


def test_default_server_is_used_or_its_image_is_missing(project):
    """Where the image of SeaweedFS can be had, the example runs with it."""
    lines = project.lines("services/simulation/servers.yaml")
    image = next(line.partition("-}")[2] for line in lines if "seaweedfs:" in line[8:])
    pulled = subprocess.run(["docker", "pull", "--quiet", image], capture_output=True).returncode == 0
    change(project, SIMULATION_S3_SERVER="")
    if pulled:
        assert "mean" in project.ok("example-simulation")
    else:
        line = project.error("up")
        assert line.startswith(f"error: cannot pull the image {image}. Check the network")
    # An unknown one is refused before anything starts.
    change(project, SIMULATION_S3_SERVER="seeweed")
    assert "seeweed" in project.error("up")


def test_port_is_published_on_request(project):
    """The server asks for the key there, too."""
    assert docker("port", project.container("simulation-s3")) == ""
    project.ok("up", "SIMULATION_PORT=0")
    assert docker("port", project.container("simulation-s3")).startswith("8333/tcp -> 127.0.0.1:")
