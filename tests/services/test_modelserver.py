"""The model from Java: the conversion to ONNX, the server's answers, and the faults that it survives."""

import json
import re
import threading

import pytest
import support
from conftest import FRAMEWORKS, TEMPLATE
from jinja2 import DictLoader, Environment
from selenium.webdriver.common.by import By
from support import docker, wait_until
from test_api import Api

MODEL = "models/model.onnx"


class ModelServer(Api):
    """A project with an exported model and a running server."""

    def __init__(self, project):
        self.project = project
        self.port = int(project.setting("MODELSERVER_PORT"))


@pytest.fixture(scope="module")
def server(with_service):
    project = with_service("modelserver")
    project.ok("train")
    project.ok("export-model")
    project.ok("up")
    yield ModelServer(project)
    project.make("down")


@pytest.fixture
def fragile(server):
    """The server for tests that damage its model. It is repaired afterwards."""
    model = server.project.path / MODEL
    kept = model.read_bytes()
    yield server
    model.write_bytes(kept)
    server.project.ok("up")


def run_python(project, code):
    """Run code beside the converters."""
    image = f"{project.slug}-modelserver-export"
    mount = f"type=bind,source={project.path},target=/workspace"
    return docker(
        "run", "--rm", "--user", "0", "--mount", mount, "--workdir", "/workspace", image, "python", "-c", code
    )


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_framework_has_a_conversion_and_its_packages(baked, framework):
    folder = baked(services="modelserver", framework=framework) / "services" / "modelserver"
    code = (folder / "convert.py").read_text(encoding="utf-8")
    assert "\ndef graph(trained: model.Model) -> ModelProto:\n" in code
    packages = dict(re.findall(r"^([\w-]+)==(.+)$", (folder / "packages.in").read_text(encoding="utf-8"), re.MULTILINE))
    imported = set(re.findall(r"^(?:import|from) ((?:\w*2|)onnx)\b", code, re.MULTILINE))
    assert "onnx" in imported <= set(packages)
    # The conversion is checked with the version that the server has.
    assert f"<onnxruntime.version>{packages['onnxruntime']}<" in (folder / "pom.xml").read_text(encoding="utf-8")


def test_framework_without_a_conversion_gets_a_message():
    text = (TEMPLATE / "services" / "modelserver" / "convert.py").read_text(encoding="utf-8")
    environment = Environment(loader=DictLoader({}), trim_blocks=True, lstrip_blocks=True)
    code = environment.from_string(text).render(cookiecutter={"framework": "new", "package_name": "json"})
    names = {}
    exec(code.replace("from json import model\n", "").replace("model.Model", "object"), names)
    with pytest.raises(SystemExit, match=r"^error: there is no conversion to ONNX\. Write one in .*convert\.py\.$"):
        names["graph"](None)


@pytest.mark.docker
def test_java_predicts_what_python_predicts(server):
    # Without a model, the example trains one.
    (server.project.path / "models" / "model.joblib").unlink()
    output = server.project.ok("example-modelserver")
    found = re.search(r"/predict/batch: (\d+) rows, the largest difference from Python is (\S+)\n", output)
    assert int(found[1]) > 500 and float(found[2]) <= 1e-6
    assert output.count("/predict 422") == 4
    assert re.search(r"^modelserver +answered=[1-9]\d* refused=0 failed=0 p50=\S+ ms p99=\S+ ms", output, re.MULTILINE)
    _, about = server.ask("/model")
    assert about["columns"] == list(server.row()) and about["classes"] == ["benign", "malignant"]
    assert about["type"] == "double" and about["trained"].startswith("20")
    assert server.ask("/predict", server.row())[0] == 200


@pytest.mark.docker
def test_java_refuses_what_the_python_api_refuses(server):
    row = server.row()
    for change, field, kind in (
        ({"mean_radius": None}, "mean_radius", "float_type"),
        ({"mean_radius": "12.5"}, "mean_radius", "float_type"),
        ({"mean_radius": True}, "mean_radius", "float_type"),
        ({"mean_radius": [{"a": [1]}]}, "mean_radius", "float_type"),
        ({"mean_radius": float("nan")}, "mean_radius", "finite_number"),
        ({"mean_radius": float("-inf")}, "mean_radius", "finite_number"),
        ({"<script>": {"b": [1]}}, "<script>", "extra_forbidden"),
    ):
        for path, body, loc in (
            ("/predict", {**row, **change}, ["body", field]),
            ("/predict/batch", {"rows": [row, {**row, **change}]}, ["body", "rows", 1, field]),
        ):
            status, answer = server.ask(path, body)
            (detail,) = answer["detail"]
            assert (status, detail["loc"], detail["type"]) == (422, loc, kind)
    for body in ("", "[]", "1", "{", "[" * 5000, json.dumps(row) + "{}", "{}", '{"rows": []}', '{"rows": 1}'):
        for path in ("/predict", "/predict/batch"):
            assert server.ask(path, body)[0] == 422
    assert server.ask("/predict", dict.fromkeys(row, 1e308))[1]["detail"][0]["type"] == "not_computable"
    assert server.ask("/predict/batch", {"rows": [row] * 1001})[0] == 422
    status, answer = server.ask("/predict/batch", {"rows": [row] * 1000})
    assert status == 200 and len(answer["predictions"]) == 1000
    assert server.ask("/predict/batch", b" " * 8_000_001)[0] == 413
    # In chunks, without a Content-Length.
    assert server.ask("/predict/batch", (b" " * 1_000_000 for _ in range(9)))[0] == 413


@pytest.mark.docker
def test_unusable_model_is_refused_with_a_reason(fragile):
    project, row = fragile.project, fragile.row()
    before = fragile.ask("/predict", row)
    change = (
        f"import onnx; m = onnx.load('{MODEL}'); "
        "[p] = [p for p in m.metadata_props if p.key == 'schema_version']; p.value = '0'; "
        f"onnx.save(m, '{MODEL}')"
    )
    for damage, reason in (
        (lambda: (project.path / MODEL).write_bytes(b"damaged"), "cannot be read"),
        (lambda: (project.path / MODEL).unlink(), "is missing"),
        (lambda: run_python(project, change), "has schema version 0, and the server reads version 1"),
    ):
        kept = (project.path / MODEL).read_bytes()
        damage()
        assert fragile.ask("/predict", row) == before
        status, ready = fragile.ask("/health/ready")
        problem = ready["checks"][0]["data"]["problem"]
        assert status == 200 and reason in problem and problem.endswith("The previous model stays in use.")
        if reason != "has schema version 0, and the server reads version 1":
            (project.path / MODEL).write_bytes(kept)
    # From the start, there is no previous model.
    docker("restart", project.container("modelserver"))
    wait_until(lambda: fragile.ask("/health/live")[0] == 200)
    status, answer = fragile.ask("/predict", row)
    assert status == 503 and answer["detail"].endswith("reads version 1. Export it again: make export-model.")
    assert fragile.ask("/health/ready")[0] == fragile.ask("/health/started")[0] == 503
    project.ok("down")
    line = project.error("up")
    assert line.startswith(f"error: {MODEL} has schema version 0") and line.endswith("make export-model.")
    (project.path / MODEL).unlink()
    assert fragile.ask("/predict", row) == (503, {"detail": f"{MODEL} is missing. Export it: make export-model."})
    assert fragile.ask("/health/started")[0] == 200
    project.ok("export-model")
    assert fragile.ask("/predict", row) == before


@pytest.mark.docker
def test_server_that_is_killed_under_load_comes_back(server):
    container, row = server.project.container("modelserver"), server.row()
    before = server.ask("/predict", row)
    restarts = server.project.inspect(container)["RestartCount"]
    answers, stop = [], threading.Event()

    def load():
        while not stop.is_set():
            answers.append(server.ask("/predict", row))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(answers) > 20)
        docker("exec", container, "bash", "-c", "kill -KILL $(cat /proc/1/task/1/children)")
        wait_until(lambda: server.project.inspect(container)["RestartCount"] > restarts)
        seen = len(answers)
        wait_until(lambda: before in answers[seen:])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    # No request gets a wrong answer.
    assert {status for status, _ in answers} == {0, 200}
    assert all(answer == before for answer in answers if answer[0] == 200)


@pytest.mark.docker
def test_invalid_setting_and_port_in_use_are_one_line(fragile):
    for setting in ("MODELSERVER_MAX_ROWS", "MODELSERVER_MAX_BYTES"):
        line = fragile.project.error("up", **{setting: "many"})
        assert line.startswith(f"error: {setting} is not a whole number from 1 to 999999999.")
    with support.socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        line = fragile.project.error("up", MODELSERVER_PORT=str(port))
    assert line.startswith(f"error: port {port} is in use. Use another one: make up MODELSERVER_PORT={port + 1}")
    line = fragile.project.error("load-modelserver", TIME="soon")
    assert line == "error: TIME=soon is not a whole number from 1 to 9999. Use make load-modelserver TIME=10."


@pytest.mark.docker
def test_page_of_the_model_server_works_offline(server):
    with support.browser(server.project.network()) as driver:
        driver.get("http://modelserver:8080/")
        paths = (By.CSS_SELECTOR, ".opblock-summary-path")
        wait_until(lambda: len(driver.find_elements(*paths)) >= 3)
        shown = {each.text.replace("\u200b", "") for each in driver.find_elements(*paths)}
        assert {"/predict", "/predict/batch", "/model"} <= shown
        support.picture(driver, "modelserver")
        used = driver.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
        assert any(name.endswith("/openapi") for name in used)
        assert [name for name in used if not name.startswith(("http://modelserver:8080/", "data:"))] == []
        assert support.console(driver) == []
