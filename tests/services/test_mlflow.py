"""MLflow: what `make train` logs, in SQLite and in Postgres, and what happens without a server."""

import json
import re
import shutil
import socket
import subprocess
import urllib.request

import pytest
import support
from selenium.webdriver.common.by import By
from support import Project, docker, picture, running, status, wait_until

pytestmark = pytest.mark.docker

# Other projects on this machine may use the default port.
PORT = {"MLFLOW_PORT": "15501"}


@pytest.fixture(scope="module")
def started(with_service):
    project = with_service("mlflow")
    yield project
    project.make("down")


@pytest.fixture
def mlflow(started):
    """The server, started once for all tests; a test that stops it makes the next one start it again."""
    started.ok("up", **PORT)
    return started


def pairs(run, kind):
    return {each["key"]: each["value"] for each in run["data"].get(kind, [])}


def runs(project):
    """List the runs on the server, the newest first."""
    address = f"http://127.0.0.1:{project.port('mlflow')}/api/2.0/mlflow/"

    def ask(path, **parameters):
        request = urllib.request.Request(
            address + path, json.dumps(parameters).encode(), {"Content-Type": "application/json"}
        )
        return json.load(urllib.request.urlopen(request, timeout=30))

    found = ask("experiments/search", max_results=10)["experiments"]
    ids = [each["experiment_id"] for each in found if each["name"] == project.slug]
    return ask("runs/search", experiment_ids=ids).get("runs", []) if ids else []


@pytest.fixture
def run(mlflow):
    """The newest successful run of `make train` in a repository with a commit."""

    def successful():
        known = [run for run in runs(mlflow) if "mlflow.source.git.commit" in pairs(run, "tags")]
        return [run for run in known if run["info"]["status"] == "FINISHED"]

    if not successful():
        commit = ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "one"]
        for command in (["add", "--all"], commit):
            subprocess.run(["git", *command], cwd=mlflow.path, check=True)
        output = mlflow.ok("train")
        assert f"logged as {runs(mlflow)[0]['info']['run_name']} in the experiment {mlflow.slug}" in output
    return successful()[0]


def test_run_has_parameters_metrics_figures_model_and_commit(mlflow, run):
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=mlflow.path, capture_output=True, text=True)
    assert pairs(run, "metrics") == json.loads(mlflow.read("reports/metrics.json"))
    parameters = pairs(run, "params")
    assert parameters["framework"] == "scikit-learn"
    assert parameters["logisticregression__max_iter"] == "1000"
    assert parameters["rows"] == "427"
    tags = pairs(run, "tags")
    assert tags["mlflow.source.git.commit"] == head.stdout.strip()
    assert tags["commit"].startswith(head.stdout.strip()) and tags["image"] == mlflow.image_id()
    assert {"seed", "time", "accelerator", "uv.lock", "data/raw/tumors.csv", "models/model.joblib"} <= set(tags)
    client = "import mlflow; mlflow.set_tracking_uri('http://mlflow:5000'); "
    listed = mlflow.run(
        f'python -c "{client} run = {run["info"]["run_id"]!r}; '
        "print([each.path for each in mlflow.MlflowClient().list_artifacts(run, 'figures')]); "
        "print(mlflow.models.get_model_info('runs:/' + run + '/model').signature)\""
    )
    assert "figures/roc_curve.png" in listed
    assert "'probability'" in listed


def test_stored_model_predicts_the_same_elsewhere(mlflow, run):
    mlflow.ok("predict")
    # Without PYTHONPATH, Python finds the package only in the stored model.
    answers = mlflow.run(
        'cd /tmp && PYTHONPATH= PROJECT_ROOT=/tmp python -c "import mlflow, pandas; '
        "mlflow.set_tracking_uri('http://mlflow:5000'); "
        "wanted = pandas.read_csv('/workspace/data/processed/predictions.csv'); "
        f"stored = mlflow.pyfunc.load_model('runs:/{run['info']['run_id']}/model').predict(wanted); "
        'print(len(stored), abs(stored.probability - wanted.probability).max() < 1e-12)"'
    )
    assert answers.split() == ["142", "True"]


def test_server_killed_during_a_run_costs_a_note(mlflow, run):
    before = len(runs(mlflow))
    program = mlflow.path / "killed.py"
    program.write_text(
        "import time\n"
        "from pathlib import Path\n"
        "from services.mlflow import train\n"
        "def main():\n"
        "    Path('reports/training').touch()\n"
        "    while not Path('reports/killed').exists():\n"
        "        time.sleep(0.1)\n"
        "train.train.main = main\n"
        "print(train.main())\n"
    )
    training, killed = mlflow.path / "reports" / "training", mlflow.path / "reports" / "killed"
    with running("make", "run", "CMD=python killed.py", folder=mlflow.path) as process:
        wait_until(training.exists)
        docker("kill", mlflow.container("mlflow"))
        killed.touch()
        output, notes = process.communicate(timeout=120)
    for path in (program, training, killed):
        path.unlink()
    assert process.returncode == 0
    assert output.strip() == "None"
    assert notes.count("note: mlflow does not answer, so this run was partly logged.") == 1
    assert "Traceback" not in notes
    mlflow.ok("up", **PORT)
    assert len(runs(mlflow)) == before + 1


def test_training_that_fails_is_a_failed_run(mlflow):
    raw = mlflow.path / "data" / "raw" / "tumors.csv"
    mlflow.ok("data")
    kept = raw.read_bytes()
    raw.write_text("diagnosis\n")
    assert mlflow.make("train").returncode != 0
    raw.write_bytes(kept)
    assert runs(mlflow)[0]["info"]["status"] == "FAILED"


def test_runs_survive_clean_and_can_be_restored(mlflow, run):
    def ids():
        return [run["info"]["run_id"] for run in runs(mlflow)]

    before = ids()
    mlflow.ok("backup-mlflow", **PORT)
    mlflow.ok("train")
    after = ids()
    assert after[1:] == before
    mlflow.ok("clean")
    mlflow.ok("up", **PORT)
    assert ids() == after
    mlflow.ok("restore-mlflow")
    assert ids() == before
    mlflow.ok("example-mlflow")


def test_file_that_is_not_a_backup_is_refused(mlflow, run, tmp_path):
    before = len(runs(mlflow))
    subprocess.run(["tar", "-czf", tmp_path / "other", "-C", mlflow.path, "reports"], check=True)
    (tmp_path / "text").write_text("runs\n")
    for name in ("other", "text"):
        line = mlflow.error("restore-mlflow", f"FILE={tmp_path / name}")
        assert line.startswith(f"error: {tmp_path / name} was not restored, and the data of mlflow is unchanged: ")
    assert len(runs(mlflow)) == before
    mlflow.ok("example-mlflow")


def test_server_answers_only_to_its_own_names(mlflow):
    page = f"http://127.0.0.1:{mlflow.port('mlflow')}/"
    create = f"{page}api/2.0/mlflow/experiments/create"
    assert status(page) == 200
    assert status(page, Host="mlflow:5000") == 200
    assert status(page, Host="site.example") == 403
    assert status(page, Host="10.site.example") == 403
    assert status(create, b"{}", Origin="http://site.example") == 403


def test_web_interface_shows_the_run_with_its_metrics(mlflow, run):
    experiment = f"http://mlflow:5000/#/experiments/{run['info']['experiment_id']}"
    with support.browser(mlflow.network()) as driver:

        def text():
            return driver.find_element(By.TAG_NAME, "body").text

        driver.get(f"{experiment}/runs?workflowType=machine_learning")
        wait_until(lambda: run["info"]["run_name"] in text())
        driver.get(f"{experiment}/runs/{run['info']['run_id']}")
        accuracy = str(pairs(run, "metrics")["accuracy"])
        wait_until(lambda: accuracy in text() and "logisticregression__C" in text())
        picture(driver, "mlflow")


def test_training_without_a_server_is_not_logged(started):
    started.ok("down")
    (started.path / "reports" / "metrics.json").unlink(missing_ok=True)
    done = started.make("train")
    assert done.returncode == 0
    note = "note: mlflow does not answer, so this run was not logged. Start it: make up SERVICE=mlflow.\n"
    assert done.stderr == note
    assert (started.path / "reports" / "metrics.json").exists()


def test_port_in_use_is_reported_with_its_setting(started):
    started.ok("down")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"MLFLOW_PORT={port + 1}" in started.error("up", MLFLOW_PORT=str(port))


def test_runs_of_another_user_belong_to_that_user(started, open_folder):
    started.ok("down")
    folder = open_folder / "theirs"
    shutil.copytree(started.path, folder, symlinks=True, ignore=shutil.ignore_patterns(".local"))
    subprocess.run(["chown", "-R", "1000:1000", folder], check=True)
    theirs, them = Project(folder), {"user": (1000, 1000), "HOME": str(folder)}
    try:
        theirs.ok("up", **them, **PORT)
        assert "logged as" in theirs.ok("train", **them)
        owner = docker("exec", theirs.container("mlflow"), "stat", "--format", "%u", "/var/tmp/mlflow.db")
        assert owner == "1000"
        assert not [path for path in folder.rglob("*") if path.lstat().st_uid != 1000]
    finally:
        theirs.make("clean", **them)


def test_runs_can_be_in_another_database(generate):
    """MLFLOW_DATABASE names the project's Postgres without a password; figures and models stay in the volume."""
    project = generate("runs", services="mlflow, postgres")
    project.ok("build")
    env = project.path / ".env"

    def point_to(database):
        lines = [line for line in env.read_text().splitlines() if not line.startswith("MLFLOW_DATABASE=")]
        url = f"postgresql+psycopg://analyst@postgres:5432/{database}"
        env.write_text("\n".join([*lines, f"MLFLOW_DATABASE={url}", ""]))

    try:
        point_to("mlflow")
        line = project.error("up")
        assert line.startswith("error: the database mlflow in MLFLOW_DATABASE does not exist. Create it: ")
        # As the README says.
        create = "docker compose exec -T postgres createdb --username analyst mlflow"
        subprocess.run(create, shell=True, cwd=project.path, check=True)
        project.ok("up")
        project.ok("train")
        run = runs(project)[0]["info"]
        command = "psql --username analyst --tuples-only --no-align mlflow --command".split()
        stored = docker("exec", project.container("postgres"), *command, "select name, status from runs")
        assert stored == f"{run['run_name']}|FINISHED"
        # Neither what the engine shows nor the list of processes contains the password.
        (password,) = re.findall("^POSTGRES_PASSWORD=(.+)$", env.read_text(), re.MULTILINE)
        assert password not in docker("inspect", project.container("mlflow"))
        assert password not in docker("top", project.container("mlflow"))
        # A new start finds the runs.
        docker("restart", project.container("mlflow"))
        wait_until(lambda: status(f"http://127.0.0.1:{project.port('mlflow')}/health") == 200)
        assert [each["info"]["run_id"] for each in runs(project)] == [run["run_id"]]
        project.ok("example-mlflow")

        # SQLite in the volume has none of the runs, so a backup of it would be empty.
        for action in ("backup", "restore"):
            line = project.error(f"{action}-mlflow", f"FILE={project.path}/README.md")
            assert "the runs are in the database of MLFLOW_DATABASE" in line
    finally:
        project.make("down")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql+psycopg://analyst@localhost:1/mlflow", "nothing answers at localhost:1"),
        ("localhost:1", "Could not parse SQLAlchemy URL"),
    ],
)
def test_database_that_cannot_be_used_is_reported(started, url, message):
    """The server says so itself. `make up` finds the message in faults.txt, but only after five restarts."""
    output = started.make("run", f"CMD=MLFLOW_DATABASE={url} python -m services.mlflow.server").stderr
    assert message in output
    faults = [line.split(" | ")[0] for line in started.read("services/mlflow/faults.txt").splitlines()]
    assert any(re.search(fault, output) for fault in faults)
