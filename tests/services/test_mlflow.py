"""MLflow: what `make train` logs, in SQLite and in Postgres, and what a server that is not there costs."""

import json
import shutil
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest
import support
from selenium.webdriver.common.by import By
from support import Project, docker, picture, status, wait_until

pytestmark = pytest.mark.docker

# Others on this machine may use the usual one.
PORT = {"MLFLOW_PORT": "15501"}


@pytest.fixture(scope="module")
def started(with_service):
    project = with_service("mlflow")
    yield project
    project.make("down")


@pytest.fixture
def mlflow(started):
    """The server, up once for all tests: one that stops it costs the next a start."""
    started.ok("up", **PORT)
    return started


def pairs(run, kind):
    return {each["key"]: each["value"] for each in run["data"].get(kind, [])}


def runs(project):
    """List the runs that the server has, the newest first."""
    address = f"http://127.0.0.1:{project.port('mlflow')}/api/2.0/mlflow/"

    def ask(path, **words):
        request = urllib.request.Request(
            address + path, json.dumps(words).encode(), {"Content-Type": "application/json"}
        )
        return json.load(urllib.request.urlopen(request, timeout=30))

    found = ask("experiments/search", max_results=10)["experiments"]
    ids = [each["experiment_id"] for each in found if each["name"] == project.slug]
    return ask("runs/search", experiment_ids=ids).get("runs", []) if ids else []


@pytest.fixture
def run(mlflow):
    """A run of `make train` in a repository with a commit, the newest one that went well."""

    def good():
        known = [run for run in runs(mlflow) if "mlflow.source.git.commit" in pairs(run, "tags")]
        return [run for run in known if run["info"]["status"] == "FINISHED"]

    if not good():
        commit = ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "one"]
        for command in (["add", "--all"], commit):
            subprocess.run(["git", *command], cwd=mlflow.path, check=True)
        said = mlflow.ok("train")
        assert f"logged as {runs(mlflow)[0]['info']['run_name']} in the experiment {mlflow.slug}" in said
    return good()[0]


def test_run_has_parameters_metrics_figures_model_and_commit(mlflow, run):
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=mlflow.path, capture_output=True, text=True)
    assert pairs(run, "metrics") == json.loads(mlflow.read("reports/metrics.json"))
    parameters = pairs(run, "params")
    assert parameters["framework"] == "scikit-learn"
    assert parameters["logisticregression__max_iter"] == "1000"
    assert parameters["rows"] == "427"
    assert pairs(run, "tags")["mlflow.source.git.commit"] == head.stdout.strip()
    client = "import mlflow; mlflow.set_tracking_uri('http://mlflow:5000'); "
    listed = mlflow.run(
        f'python -c "{client} run = {run["info"]["run_id"]!r}; '
        "print([each.path for each in mlflow.MlflowClient().list_artifacts(run, 'figures')]); "
        "print(mlflow.models.get_model_info('runs:/' + run + '/model').signature)\""
    )
    assert "figures/roc_curve.png" in listed
    assert "'probability'" in listed


def test_kept_model_predicts_the_same_where_the_project_is_not(mlflow, run):
    mlflow.ok("predict")
    # Without PYTHONPATH the package is found only in what MLflow kept.
    answers = mlflow.run(
        'cd /tmp && PYTHONPATH= PROJECT_ROOT=/tmp python -c "import mlflow, pandas; '
        "mlflow.set_tracking_uri('http://mlflow:5000'); "
        "wanted = pandas.read_csv('/workspace/data/processed/predictions.csv'); "
        f"kept = mlflow.pyfunc.load_model('runs:/{run['info']['run_id']}/model').predict(wanted); "
        'print(len(kept), abs(kept.probability - wanted.probability).max() < 1e-12)"'
    )
    assert answers.split() == ["142", "True"]


def test_server_killed_while_a_run_is_logged_costs_a_note(mlflow, run):
    before = len(runs(mlflow))
    program = mlflow.path / "killed.py"
    program.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "sys.path.insert(0, 'services/mlflow')\n"
        "import train\n"
        "def main():\n"
        "    Path('reports/training').touch()\n"
        "    while not Path('reports/killed').exists():\n"
        "        time.sleep(0.1)\n"
        "train.train.main = main\n"
        "print(train.main())\n"
    )
    training, killed = mlflow.path / "reports" / "training", mlflow.path / "reports" / "killed"
    command = ["make", "run", "CMD=python killed.py"]
    with subprocess.Popen(
        command, cwd=mlflow.path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_until(training.exists)
        docker("kill", mlflow.container("mlflow"))
        killed.touch()
        said, notes = process.communicate(timeout=120)
    for path in (program, training, killed):
        path.unlink()
    assert process.returncode == 0
    assert said.strip() == "None"
    assert notes.count("note: mlflow does not answer, so this run was logged in part.") == 1
    assert "Traceback" not in notes
    mlflow.ok("up", **PORT)
    assert len(runs(mlflow)) == before + 1


def test_training_that_fails_is_a_failed_run(mlflow):
    raw = mlflow.path / "data" / "raw" / "tumours.csv"
    mlflow.ok("data")
    kept = raw.read_bytes()
    raw.write_text("diagnosis\n")
    assert mlflow.make("train").returncode != 0
    raw.write_bytes(kept)
    assert runs(mlflow)[0]["info"]["status"] == "FAILED"


def test_runs_survive_down_and_clean_and_come_back_from_a_backup(mlflow, run):
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


def test_a_file_that_is_no_backup_is_refused_and_nothing_is_lost(mlflow, run, tmp_path):
    before = len(runs(mlflow))
    subprocess.run(["tar", "-czf", tmp_path / "other", "-C", mlflow.path, "reports"], check=True)
    (tmp_path / "text").write_text("runs\n")
    for name in ("other", "text"):
        line = mlflow.error("restore-mlflow", f"FILE={tmp_path / name}")
        assert line.startswith(f"error: {tmp_path / name} was not restored, and mlflow is as it was: ")
    assert len(runs(mlflow)) == before
    mlflow.ok("example-mlflow")


def test_only_its_own_names_are_answered(mlflow):
    page = f"http://127.0.0.1:{mlflow.port('mlflow')}/"
    create = f"{page}api/2.0/mlflow/experiments/create"
    assert status(page) == 200
    assert status(page, Host="mlflow:5000") == 200
    assert status(page, Host="site.example") == 403
    assert status(page, Host="10.site.example") == 403
    assert status(create, b"{}", Origin="http://site.example") == 403


def test_page_lists_the_run_with_its_metrics(mlflow, run):
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


def test_without_a_server_training_is_done_and_says_that_it_was_not_logged(started):
    started.ok("down")
    (started.path / "reports" / "metrics.json").unlink(missing_ok=True)
    done = started.make("train")
    assert done.returncode == 0
    note = "note: mlflow does not answer, so this run was not logged. Start it: make up SERVICE=mlflow.\n"
    assert done.stderr == note
    assert (started.path / "reports" / "metrics.json").exists()


def test_port_that_is_taken_is_told_with_its_setting(started):
    started.ok("down")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"MLFLOW_PORT={port + 1}" in started.error("up", MLFLOW_PORT=str(port))


def test_another_user_owns_what_is_stored(started, open_folder):
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


def test_where_postgres_is_picked_the_runs_are_in_it(generate, tmp_path):
    project = generate("runs", services="mlflow, postgres")
    project.ok("build")
    try:
        project.ok("up", "SERVICE=mlflow")
        project.ok("train")
        run = runs(project)[0]["info"]
        command = "psql --username analyst --tuples-only --no-align mlflow --command".split()
        stored = docker("exec", project.container("postgres"), *command, "select name, status from runs")
        assert stored == f"{run['run_name']}|FINISHED"
        # The password is neither in what the engine shows nor in the list of processes.
        password = project.read(".env").split("POSTGRES_PASSWORD=")[1].split("\n")[0]
        assert password not in docker("inspect", project.container("mlflow"))
        assert password not in docker("top", project.container("mlflow"))
        # A new start finds the database as it was.
        docker("restart", project.container("mlflow"))
        wait_until(lambda: status(f"http://127.0.0.1:{project.port('mlflow')}/health") == 200)
        assert [each["info"]["run_id"] for each in runs(project)] == [run["run_id"]]

        # Runs and files come back from a backup, also into a new Postgres.
        file = project.ok("backup-mlflow").split()[-1]
        project.ok("train")
        assert len(runs(project)) == 2
        cut = tmp_path / "cut"
        cut.write_bytes(Path(file).read_bytes()[: Path(file).stat().st_size * 3 // 4])
        assert "mlflow is as it was" in project.error("restore-mlflow", f"FILE={cut}")
        assert len(runs(project)) == 2
        for service in ("mlflow", "postgres"):
            project.ok("down", f"SERVICE={service}", "VOLUMES=1")
        project.ok("up", "SERVICE=mlflow")
        assert runs(project) == []
        project.ok("down", "SERVICE=postgres", "VOLUMES=1")
        project.ok("up", "SERVICE=postgres")
        project.ok("restore-mlflow")
        assert [each["info"]["run_id"] for each in runs(project)] == [run["run_id"]]
        address = (
            f"mlflow.set_tracking_uri('http://mlflow:5000'); mlflow.pyfunc.load_model('runs:/{run['run_id']}/model')"
        )
        project.run(f'python -c "import mlflow; {address}"')

        # The one that failed is named, not the one that waits for it.
        env = project.path / ".env"
        env.write_text(f"{env.read_text()}POSTGRES_PASSWORD=another\n")
        for service in ([], ["SERVICE=mlflow"]):
            assert "make password-postgres" in project.error("up", *service)
    finally:
        project.make("down")
