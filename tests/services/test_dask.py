"""Dask: tables larger than memory, workers that die, and a scheduler that restarts."""

import textwrap
from http.client import HTTPConnection

import pytest
import support
from selenium.webdriver.common.by import By
from support import docker, picture, running, wait_until

pytestmark = pytest.mark.docker

# Little memory, so that the example spills to disk soon.
SETTINGS = {"WORKER_MEMORY": "600mb"}


@pytest.fixture(scope="module")
def started(with_service):
    project = with_service("dask")
    yield project
    project.make("down")


@pytest.fixture
def dask(started):
    """A project with a running scheduler and two workers."""
    started.ok("up", **SETTINGS)
    return started


def workers(project):
    return project.containers("status=running", "label=com.docker.compose.service=dask-worker")


def client(project, code):
    """Return the command that runs Python code with `client` connected to the cluster."""
    first = "from services.dask.client import client as connect\n\nclient = connect()\n"
    program = project.path / "program.py"
    program.write_text(first + textwrap.dedent(code))
    return "python program.py"


def test_example_exceeds_the_memory_of_a_worker(dask):
    output = dask.ok("example-dask", **SETTINGS)
    limit = float(output.split("workers with ")[1].split()[0])
    held = float(output.split("GB each\n")[1].split()[0])
    on_disk = float(output.split("at the same time\n")[1].split()[0])
    assert limit < 0.6 < held
    assert on_disk > 0


def test_workers_have_a_limit_the_package_and_a_disk(dask):
    code = """
        def look():
            import pathlib
            import subprocess
            import sys

            import PACKAGE.features

            folder = next(pathlib.Path('/cache').glob('*/dask'))
            kind = subprocess.run(['stat', '-f', '-c', '%T', folder], capture_output=True, text=True)
            return PACKAGE.features.TARGET, kind.stdout.strip()

        print(set(client.run(look).values()))
        """
    output = dask.run(client(dask, code.replace("PACKAGE", dask.slug.replace("-", "_"))))
    assert "'malignant'" in output
    assert "tmpfs" not in output
    for name in workers(dask):
        assert dask.inspect(name)["HostConfig"]["Memory"] == 600 * 1024**2


def test_killed_worker_changes_no_result(dask):
    code = """
        import time

        def square(number):
            time.sleep(0.1)
            return number**2

        parts = client.map(square, range(100))
        while sum(part.done() for part in parts) < 40:
            time.sleep(0.05)
        print('midway', flush=True)
        while len(client.scheduler_info(n_workers=-1)['workers']) > 1:
            time.sleep(0.05)
        print(sum(client.gather(parts)))
        """
    with running("make", "run", f"CMD={client(dask, code)}", folder=dask.path) as process:
        assert process.stdout.readline() == "midway\n"
        docker("kill", workers(dask)[0])
        output, errors = process.communicate(timeout=120)
    assert output.strip() == str(sum(number**2 for number in range(100))), errors
    # The next start replaces the lost worker.
    dask.ok("up", **SETTINGS)
    assert len(workers(dask)) == 2


def test_workers_survive_a_task_that_is_too_large(dask):
    code = """
        from distributed import KilledWorker

        def hold():
            import time

            held = []
            while True:
                held.append(bytearray(b'a') * 20_000_000)
                time.sleep(0.02)

        try:
            client.submit(hold).result()
        except KilledWorker as error:
            print(str(error).splitlines()[0])
        client.wait_for_workers(2, timeout=60)
        print(client.submit(sum, [1, 2]).result())
        """
    output = dask.run(client(dask, code))
    assert "all those workers died while running it" in output
    assert output.endswith("\n3\n")


def test_workers_reconnect_to_a_restarted_scheduler(dask):
    docker("kill", dask.container("dask"))
    dask.ok("up", **SETTINGS)
    assert dask.run(client(dask, "client.wait_for_workers(2, timeout=60)\nprint('two')")) == "two\n"


def test_number_of_workers_is_a_setting(dask):
    dask.ok("up", "WORKERS=3", **SETTINGS)
    assert len(workers(dask)) == 3
    assert dask.ok("ps").count("dask-worker ") == 3
    with open(dask.path / ".env", "a") as settings:
        settings.write("WORKERS=1\n")
    dask.ok("up", **SETTINGS)
    assert len(workers(dask)) == 1
    (dask.path / ".env").write_text(dask.read(".env").replace("WORKERS=1\n", ""))


def test_client_without_a_cluster_says_what_to_do(started):
    started.ok("down")
    done = started.make("run", f"CMD={client(started, '')}")
    assert "nothing answers at dask:8786. Start it: make up SERVICE=dask." in done.stderr


def test_dashboard_shows_the_workers(dask):
    with support.browser(dask.network()) as driver:
        driver.get("http://dask:8787/info/main/workers.html")
        listed = driver.find_element(By.TAG_NAME, "body").text
        assert listed.count("tcp://") >= len(workers(dask))
        driver.get("http://dask:8787/status")
        # The page gets its data over a WebSocket, which only some origins may open.
        wait_until(lambda: driver.execute_script("return Boolean(window.Bokeh && Bokeh.documents.length)"))
        code = """
            import time

            def wait(number):
                time.sleep(0.02)
                return bytes(100_000)

            parts = client.map(wait, range(300))
            client.gather(client.map(len, parts))
            print(len(parts), flush=True)
            """
        dask.run(client(dask, code))
        picture(driver, "dask")


def test_other_sites_cannot_read_the_dashboard(dask):
    port = dask.port("dask")

    def answer(origin):
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        key = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
        connection.request(
            "GET", "/status/ws", headers={"Upgrade": "websocket", "Connection": "Upgrade", **key, "Origin": origin}
        )
        return connection.getresponse().status

    assert answer(f"http://127.0.0.1:{port}") == 101
    assert answer("http://site.example") == 403
