"""The trained model as a web service: its answers, the requests it refuses, and the faults it survives."""

import http.client
import json
import re
import socket
import tomllib

import pytest
import support
from selenium.webdriver.common.by import By
from support import docker, wait_until

pytestmark = pytest.mark.docker

MODEL = "models/model.joblib"


class Api:
    """A project with a trained model and a running API."""

    def __init__(self, project):
        self.project = project
        self.port = int(re.search(r"^API_PORT=(\d+)$", project.read(".env"), re.MULTILINE)[1])

    def ask(self, path, body=None, **headers):
        """Return the status and the decoded JSON of a response, or 0 if there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        body = json.dumps(body) if isinstance(body, dict | list) else body
        headers = {"Content-Type": "application/json", **headers}
        try:
            connection.request("GET" if body is None else "POST", path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, json.loads(text) if text.startswith("{") else text
        except (ConnectionError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def row(self):
        """Return a valid row, made from the schema of the API."""
        _, page = self.ask("/openapi.json")
        return {name: 1.0 for name in page["components"]["schemas"]["Row"]["properties"]}

    def log(self):
        return self.project.ok("logs")


@pytest.fixture(scope="module")
def api(with_service):
    api = Api(with_service("api"))
    api.project.ok("train")
    api.project.ok("up")
    yield api
    api.project.make("down")


@pytest.fixture
def fragile(api):
    """The API for tests that damage it. It is repaired afterwards."""
    model = api.project.path / MODEL
    kept = model.read_bytes()
    yield api
    model.write_bytes(kept)
    api.project.ok("up")


def test_predictions_are_those_of_the_predict_module(api):
    output = api.project.ok("example-api")
    assert re.search(r"/predict/batch: \d+ rows, the same predictions as the predict module's", output)
    assert output.count("/predict 422") == 4


def test_client_reaches_the_api_from_a_notebook(api):
    row = json.dumps(api.row())
    code = f"import pandas as pd; from services.api.client import predict; print(predict(pd.DataFrame([{row}])))"
    assert "probability" in api.project.run(f"python -c '{code}'")
    code = code.replace(row, '{"size": 1}')
    done = api.project.make("run", f"CMD=python -c '{code}'")
    assert "services.access.ServiceError: the API answered with status 422: " in done.stderr


@pytest.mark.parametrize(
    ("change", "field", "kind"),
    [
        ({"mean_radius": None}, "mean_radius", "float_type"),
        ({"mean_radius": "12.5"}, "mean_radius", "float_type"),
        ({"mean_radius": True}, "mean_radius", "float_type"),
        ({"mean_radius": [1]}, "mean_radius", "float_type"),
        ({"mean_radius": float("nan")}, "mean_radius", "finite_number"),
        ({"mean_radius": float("-inf")}, "mean_radius", "finite_number"),
        ({"mean radius": 1}, "mean radius", "extra_forbidden"),
    ],
    ids=str,
)
def test_invalid_row_is_refused_with_the_field(api, change, field, kind):
    row = api.row()
    for path, body, loc in (
        ("/predict", {**row, **change}, ["body", field]),
        ("/predict/batch", {"rows": [row, {**row, **change}]}, ["body", "rows", 1, field]),
    ):
        status, answer = api.ask(path, body)
        (detail,) = answer["detail"]
        assert (status, detail["loc"], detail["type"]) == (422, loc, kind)
        assert set(detail) == {"type", "loc", "msg"}


def test_numbers_that_the_model_fails_on_are_refused(api):
    status, answer = api.ask("/predict", dict.fromkeys(api.row(), 1e308))
    assert status == 422 and answer["detail"][0]["type"] == "not_computable"
    assert "Traceback" not in api.log()


def test_size_of_a_request_is_limited(api):
    row = api.row()
    assert api.ask("/predict/batch", {"rows": []})[0] == 422
    assert api.ask("/predict/batch", {"rows": [row] * 1001})[0] == 422
    status, answer = api.ask("/predict/batch", {"rows": [row] * 1000})
    assert status == 200 and len(answer["predictions"]) == 1000
    assert api.ask("/predict/batch", b" " * 8_000_001)[0] == 413
    # In chunks, without a Content-Length.
    assert api.ask("/predict/batch", (b" " * 1_000_000 for _ in range(9)))[0] == 413
    assert api.ask("/predict", row)[0] == 200


def test_new_model_is_used_without_a_restart(fragile):
    _, before = fragile.ask("/predict", fragile.row())
    container = fragile.project.container("api")
    since = fragile.project.inspect(container)["State"]["StartedAt"]
    fragile.project.run(
        f'python -c \'import joblib; m = joblib.load("{MODEL}"); m[-1].coef_ *= 0; m[-1].intercept_[:] = 0; '
        f'joblib.dump(m, "{MODEL}.new")\' && mv {MODEL}.new {MODEL}'
    )
    _, after = fragile.ask("/predict", fragile.row())
    assert before["probability"] != 0.5 and after == {"probability": 0.5, "predicted": True}
    assert fragile.project.inspect(container)["State"]["StartedAt"] == since


def test_damaged_model_leaves_the_previous_one_in_use(fragile):
    _, before = fragile.ask("/predict", fragile.row())
    (fragile.project.path / MODEL).write_bytes(b"damaged")
    assert fragile.ask("/predict", fragile.row()) == (200, before)
    status, ready = fragile.ask("/ready")
    assert status == 200 and "cannot be read" in ready["problem"]
    assert ready["problem"].endswith("The previous model stays in use.")
    assert f"{MODEL} is not a model" in fragile.log() and "Traceback" not in fragile.log()


@pytest.mark.parametrize(("content", "message"), [(None, "is missing"), (b"damaged", "cannot be read")])
def test_api_without_a_model_says_what_to_do(fragile, content, message):
    model = fragile.project.path / MODEL
    model.write_bytes(content) if content else model.unlink()
    docker("restart", fragile.project.container("api"))
    wait_until(lambda: fragile.ask("/health")[0] == 200)
    status, ready = fragile.ask("/ready")
    assert status == 503 and ready["status"] == "no model"
    status, answer = fragile.ask("/predict", {"anything": 1})
    assert status == 503 and f"{MODEL} {message}" in answer["detail"] and answer["detail"].endswith("make train.")
    assert "Traceback" not in fragile.log()


def test_killed_server_restarts(fragile):
    container = fragile.project.container("api")
    before = fragile.project.inspect(container)["RestartCount"]
    # The server is the only child of the init process.
    docker("exec", container, "sh", "-c", "kill -KILL $(cat /proc/1/task/1/children)")
    wait_until(lambda: fragile.project.inspect(container)["RestartCount"] > before)
    wait_until(lambda: fragile.ask("/ready")[0] == 200)


def test_server_processes_share_their_metrics(fragile):
    fragile.project.ok("up", API_WORKERS="2")
    row = fragile.row()
    for _ in range(20):
        assert fragile.ask("/predict", row)[0] == 200
    # Whichever process answers, and shortly after the last request.
    counted = 'api_requests_total{method="POST",route="/predict",status="200"} 20.0'
    wait_until(lambda: counted in fragile.ask("/metrics")[1])
    # Stopping it is not an error.
    container = fragile.project.container("api")
    docker("stop", container)
    assert fragile.project.inspect(container)["State"]["ExitCode"] == 0


def test_invalid_setting_is_one_line(fragile):
    for setting in ("API_WORKERS", "API_MAX_ROWS", "API_MAX_BYTES"):
        line = fragile.project.error("up", **{setting: "many"})
        assert line.startswith(f"error: {setting} is not a whole number above 0.")


def test_port_in_use_is_one_line(fragile):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        line = fragile.project.error("up", API_PORT=str(port))
    assert line.startswith(f"error: port {port} is in use. Use another one: make up API_PORT={port + 1}")


def test_load_is_measured(api):
    # The measurement trains a model if there is none.
    (api.project.path / MODEL).unlink()
    for rows, path in (("1", "/predict"), ("10", "/predict/batch")):
        output = api.project.ok("load-api", ROWS=rows, TIME="1", CONNECTIONS="4")
        assert f"POST {path}: {rows} rows in each request, 4 connections, 1 seconds" in output
        assert re.search(r"^answered=[1-9]\d* refused=0 failed=0$", output, re.MULTILINE)
        assert re.search(r"^p50=\d+\.\d ms p99=\d+\.\d ms rate=[1-9]\d* requests/s$", output, re.MULTILINE)
    line = api.project.error("load-api", TIME="soon")
    assert line == "error: TIME=soon is not a whole number from 1 to 9999. Use make load-api TIME=10."


def test_versions_are_those_of_the_lock_file(api):
    lock = tomllib.loads(api.project.read("uv.lock"))
    locked = {package["name"]: package["version"] for package in lock["package"]}
    code = "import importlib.metadata as m; print(*(d.name + '==' + d.version for d in m.distributions()))"
    installed = dict(
        each.split("==") for each in docker("exec", api.project.container("api"), "python", "-c", code).split()
    )
    assert {"fastapi", "uvicorn", "scikit-learn"} <= set(installed) and "jupyterlab" not in installed
    for name, version in installed.items():
        assert locked[re.sub(r"[-_.]+", "-", name).lower()] == version


def test_page_shows_all_endpoints_without_the_internet(api):
    with support.browser(api.project.network()) as driver:
        driver.get("http://api:8000/")
        paths = (By.CSS_SELECTOR, ".opblock-summary-path")
        wait_until(lambda: len(driver.find_elements(*paths)) >= 5)
        shown = {each.text.replace("\u200b", "") for each in driver.find_elements(*paths)}
        assert shown == {"/predict", "/predict/batch", "/health", "/ready", "/metrics"}
        support.picture(driver, "api")
        used = driver.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
        assert any(name.endswith("/openapi.json") for name in used)
        assert [name for name in used if not name.startswith(("http://api:8000/", "data:"))] == []
        assert support.console(driver) == []
