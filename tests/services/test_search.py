"""OpenSearch: what survives a crash, what it refuses, and the dashboard that is imported."""

import json
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest
import support
from support import docker, running, wait_until

pytestmark = pytest.mark.docker

# Answers as OpenSearch Dashboards does: it is not ready at first, and needs a header and a file of objects.
DASHBOARDS = """
import email, http.server, json, sys
ready = iter([503, 503])
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())
    def do_GET(self):
        assert self.path == "/api/status", self.path
        self.answer(next(ready, 200), {"status": {"overall": {"state": "green"}}})
    def do_POST(self):
        assert self.path == "/api/saved_objects/_import?overwrite=true", self.path
        assert self.headers["osd-xsrf"]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = b"Content-Type: " + self.headers["Content-Type"].encode() + b"\\n\\n"
        (part,) = email.message_from_bytes(head + body).get_payload()
        assert part.get_filename().endswith(".ndjson") and 'name="file"' in part["Content-Disposition"]
        objects = [json.loads(line) for line in part.get_payload(decode=True).splitlines()]
        there = {(each["type"], each["id"]) for each in objects}
        used = lambda each: {(other["type"], other["id"]) for other in each["references"]}
        missing = [each for each in objects if used(each) - there]
        errors = [{"type": each["type"], "id": each["id"], "error": {"type": "missing_references"}} for each in missing]
        self.answer(200, {"success": not errors, "successCount": len(objects) - len(errors), "errors": errors})
http.server.HTTPServer(("", 5601), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def started(with_service):
    project = with_service("search")
    env = project.path / ".env"
    kept = env.read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = project.error("up", SEARCH_PORT=str(port))
        assert line.startswith(f"error: port {port} is in use.") and f"SEARCH_PORT={port + 1}" in line
    # A port in .env stays the same in all tests: a start takes longer than most of them.
    env.write_text(f"{kept}\nSEARCH_PORT={port}\n")
    project.ok("up")
    project.ok("example-search")
    yield project
    project.make("down")
    env.write_text(kept)


@pytest.fixture
def project(started):
    """The project with the indexes of its example, whatever state the test before left it in."""
    started.ok("up")
    yield started


def ask(project, path, body=None, method=None):
    """Return the JSON of OpenSearch's answer."""
    options = ["--data", json.dumps(body), "--header", "Content-Type: application/json"] if body else []
    method = ["--request", method] if method else []
    container = project.container("search")
    return json.loads(docker("exec", container, "curl", "--silent", *method, *options, f"http://localhost:9200/{path}"))


def count(project, index):
    return ask(project, f"{index}/_count").get("count")


def error(project, code):
    """Run code in the development image that has to fail with a ServiceError, and return its message."""
    done = project.make("run", f"CMD=python -c '{code}'")
    assert done.returncode != 0, done.stdout
    return re.search(r"^services\.access\.ServiceError: (.*)", done.stderr, re.MULTILINE)[1]


def test_port_is_published_only_locally(project):
    assert support.status(f"http://127.0.0.1:{project.port('search')}/") == 200


def rewrite_version(project, volume, version):
    """Set the version that wrote a volume, and return the former one.

    It is in a file of Lucene, which ends in a checksum of all before it.
    """
    program = """
import pathlib, re, sys, zlib
(file,) = pathlib.Path("/volume/nodes/0/_state").glob("segments_*")
found = re.search(rb"node_version\\t(\\d{9})", file.read_bytes())[1]
data = file.read_bytes()[:-8].replace(found, sys.argv[1].encode())
file.write_bytes(data + zlib.crc32(data).to_bytes(8, "big"))
print(found.decode())
"""
    options = ["--rm", "--user", "1000", "--volume", f"{volume}:/volume"]
    return docker("run", *options, project.image, "python", "-c", program, version)


def test_killed_server_loses_and_doubles_nothing(project):
    """The client says so in one line. The same run again completes what the killed one began.

    In between, another version of OpenSearch leaves the volume alone.
    """
    code = """
import sys
from pathlib import Path
from time import sleep
from {{package}}.files import exit_on_os_error
from services.search.client import create, write

def documents(killed):
    for number in range(4000):
        if number == 2000 and killed:
            Path("reports/half").touch()
            while not Path("reports/killed").exists():
                sleep(0.1)
        yield {"_id": number, "number": number}

with exit_on_os_error():
    create("numbers", {"number": {"type": "long"}})
    write("numbers", documents(sys.argv[1] == "killed"), 4000)
"""
    (package,) = [path.parent.name for path in project.path.glob("src/*/files.py")]
    folder = project.path / "reports"
    (folder / "fill.py").write_text(code.replace("{{package}}", package))
    (volume,) = [each["Name"] for each in project.inspect(project.container("search"))["Mounts"] if each.get("Name")]
    with running("make", "run", "CMD=python -u reports/fill.py killed", folder=project.path) as writer:
        wait_until((folder / "half").exists)
        docker("kill", project.container("search"))
        (folder / "killed").touch()
        output, errors = writer.communicate(timeout=120)
    acknowledged = int(re.findall(r"numbers: wrote (\d+) of 4000", output)[-1])
    # The first request that was not answered.
    assert acknowledged == 1500
    assert errors.splitlines()[0] == (
        "error: OpenSearch stopped answering. Start it again, then rerun: make up SERVICE=search."
    )
    # 1.3.0, in OpenSearch's notation.
    current = rewrite_version(project, volume, str(1030099 ^ 0x08000000))
    assert project.error("up") == (
        "error: the volume of search was written by another version of OpenSearch. Use that version's image, "
        "or start anew: make down SERVICE=search VOLUMES=1."
    )
    project.ok("down")
    rewrite_version(project, volume, current)
    project.ok("up")
    ask(project, "numbers/_refresh", method="POST")
    assert count(project, "numbers") == acknowledged
    assert "numbers: wrote 4000 of 4000" in project.run("python reports/fill.py again")
    assert count(project, "numbers") == 4000


def test_what_opensearch_refuses_is_one_line(project):
    imports = "from services.search.client import aggregate, create, search, write; "
    assert error(project, imports + 'search("nothing", {"match_all": {}})') == (
        "there is no index nothing. Write it first: make example-search."
    )
    other = error(project, imports + 'create("documents", {"path": {"type": "text"}})')
    assert other.startswith("the index documents has another mapping: mapper [path] cannot be changed")
    assert other.endswith('write it again: client().indices.delete(index="documents").')
    unknown = error(project, imports + 'write("documents", [{"_id": 1, "author": "me"}], 1)')
    assert "document 1: " in unknown and "[author]" in unknown
    wrong = error(project, imports + 'search("documents", {"math": {}})')
    assert wrong.startswith("OpenSearch refuses this for the index documents: ") and "[math]" in wrong
    # As if the disk were full. OpenSearch would notice within seconds that it is not.
    check = {"cluster.routing.allocation.disk.threshold_enabled": False}
    ask(project, "_cluster/settings", {"transient": check}, "PUT")
    ask(project, "rows/_settings", {"index.blocks.read_only_allow_delete": True}, "PUT")
    try:
        before = count(project, "rows")
        line = project.error("example-search")
        assert line.startswith("error: the index rows is read-only because the engine's disk is full.")
        assert count(project, "rows") == before
    finally:
        ask(project, "rows/_settings", {"index.blocks.read_only_allow_delete": None}, "PUT")
        ask(project, "_cluster/settings", {"transient": dict.fromkeys(check)}, "PUT")


def test_text_that_is_gone_is_removed_from_the_index(project):
    page = project.path / "reports" / "quokka.md"
    page.write_text("# Quokka\n\n```sh\n# not a heading\n```\n<script>alert(1)</script>\n\n## Second\n\nMarsupial.\n")
    broken = project.path / "notebooks" / "broken.ipynb"
    query = {"query": {"term": {"path": "reports/quokka.md"}}, "sort": "_id"}
    try:
        project.ok("example-search")
        hits = ask(project, "documents/_search", query)["hits"]["hits"]
        assert [hit["_source"]["title"] for hit in hits] == ["Quokka", "Second"]
        assert "# not a heading" in hits[0]["_source"]["text"]
        broken.write_text("{}")
        line = "error: notebooks/broken.ipynb is not a notebook. Correct or remove it."
        assert project.error("example-search") == line
    finally:
        page.unlink()
        broken.unlink()
    assert "deleted 2 documents that" in project.ok("example-search")
    assert ask(project, "documents/_search", query)["hits"]["hits"] == []


def test_backup_restores_all_or_nothing(project, tmp_path):
    documents = count(project, "documents")
    # What an interrupted restore has left is not part of a backup.
    ask(project, "restored-by-make-documents/_doc/1", {"kept": False}, "PUT")
    file = Path(project.ok("backup-search").split()[-1])
    ask(project, "documents", method="DELETE")
    ask(project, "later/_doc/1?refresh=true", {"kept": True}, "PUT")
    damaged = {"cut": file.read_bytes()[: file.stat().st_size // 2], "empty": b"", "text": b"documents"}
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        line = project.error("restore-search", f"FILE={tmp_path}/{name}")
        assert f"{name} was not restored, and the data of search is unchanged: " in line
        assert count(project, "later") == 1 and count(project, "documents") is None
    assert project.ok("restore-search").split()[-1] == str(file)
    assert count(project, "documents") == documents and count(project, "later") is None
    # Nothing is left of the copies.
    assert not [each for each in ask(project, "_cat/indices?format=json") if "restored" in each["index"]]


def test_doctor_checks_the_limit_of_memory_maps(project, tmp_path):
    """Another service's check, which fails, does not keep it from running."""
    script = tmp_path / "docker"
    other = project.path / "services" / "another"
    other.mkdir()
    (other / "doctor.sh").write_text(". docker/lib/all.sh\nfail 'the moon is full. Wait.'\n")
    real = subprocess.run(["sh", "-c", "command -v docker"], capture_output=True, text=True).stdout.strip()

    def doctor(limit):
        script.write_text(f'#!/bin/sh\ncase "$*" in *max_map_count) echo {limit} ;; *) exec {real} "$@" ;; esac\n')
        script.chmod(0o755)
        return project.make("doctor", PATH=f"{tmp_path}:{os.environ['PATH']}")

    try:
        done = doctor(65530)
        assert done.returncode != 0 and "error: the moon is full. Wait.\n" in done.stderr
        assert "  note   vm.max_map_count is 65530, which is too low for large indexes." in done.stdout
        assert "vm.max_map_count" not in doctor(262144).stdout
    finally:
        (other / "doctor.sh").unlink()
        other.rmdir()
    done = doctor(262144)
    assert done.returncode == 0 and "  ok     service search\n" in done.stdout


def test_dashboard_shows_fields_that_the_index_has(project):
    text = project.read("services/search/src/dashboard.ndjson")
    objects = [json.loads(line) for line in text.splitlines()]
    assert [each["attributes"]["title"] for each in objects if each["type"] == "index-pattern"] == ["documents"]
    states = [json.loads(each["attributes"]["visState"]) for each in objects if each["type"] == "visualization"]
    params = [(part["type"], part["params"]) for state in states for part in state["aggs"] if part["params"]]
    assert len(states) == 3 and params
    for kind, each in params:
        body = {"size": 0, "aggs": {"part": {kind: {"field": each["field"]}}}}
        part = ask(project, "documents/_search", body)["aggregations"]["part"]
        assert part.get("buckets") or part.get("value"), each


def test_dashboard_is_imported_when_dashboards_is_ready(project):
    """Against a stand-in for the API of OpenSearch Dashboards, whose image the tests do not have."""
    name = support.unique("dashboards")
    network = ["--network", project.network()]
    docker("run", "--detach", "--rm", "--name", name, *network, project.image, "python", "-c", DASHBOARDS)
    load = f"python -m services.search.dashboard --url http://{name}:5601"
    file = project.path / "services" / "search" / "src" / "dashboard.ndjson"
    good = file.read_text()
    try:
        output = project.run(load)
        assert "OpenSearch Dashboards: starting\n" in output
        assert output.endswith(f"imported {len(good.splitlines())} objects from dashboard.ndjson\n")
        file.write_text("".join(good.splitlines(keepends=True)[1:]))
        line = project.error("run", f"CMD={load}")
        assert line.startswith("error: OpenSearch Dashboards refuses dashboard.ndjson (visualization documents-count: ")
    finally:
        file.write_text(good)
        docker("rm", "--force", name)
    ask(project, "documents", method="DELETE")
    # Before an image is pulled.
    assert project.error("dashboards") == "error: there is no index documents. Write it first: make example-search."
    project.ok("example-search")


def test_code_in_the_readme_runs_in_a_notebook(project):
    code = re.findall(r"```python\n(.*?)```", project.read("services/search/README.md"), re.DOTALL)
    (project.path / "notebooks" / "readme.py").write_text("".join(code))
    project.run("cd notebooks && python readme.py")
    project.ok("down")
    line = project.error("run", "CMD=python -m services.search.example")
    assert line == "error: nothing answers at search:9200. Start it: make up SERVICE=search."
