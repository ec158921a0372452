"""Extracts for Tableau: their content, and publishing them to an imitation of a Tableau server."""

import re

import pytest

pytestmark = pytest.mark.docker

# An imitation of Tableau's REST API: signing in, finding a project, publishing a data source, signing out. It runs next
# to the command, on the loopback interface of its container, and records the requests.
SERVER = """
import re, runpy, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

EXTRACTS = {path.name: path.read_bytes() for path in Path("data/processed").glob("*.hyper")}
VERSION = "<productVersion build='1'>2026.1</productVersion><restApiVersion>3.28</restApiVersion>"
WHO = "<credentials token='session'><site id='site' contentUrl=''/><user id='user'/></credentials>"
REFUSAL = "<error code='401001'><summary>Signin Error</summary><detail>secret-token</detail></error>"
PAGE = "<pagination pageNumber='1' pageSize='100' totalAvailable='1'/>"
PROJECT = "<project id='project' name='default'/>"
requested = []


class Tableau(BaseHTTPRequestHandler):
    def respond(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = re.sub("/api/[0-9.]+", "", self.path)
        names = re.findall('datasource name="([^"]*)"', body[:2000].decode(errors="replace"))
        whole = [name for name in names if EXTRACTS[name + ".hyper"] in body]
        requested.append((path, self.headers.get("X-Tableau-Auth"), *whole, b"secret-token" in body))
        status, inner = 200, ""
        if path == "/serverInfo":
            inner = f"<serverInfo>{VERSION}</serverInfo>"
        elif path == "/auth/signin":
            status, inner = (401, REFUSAL) if "refused" in sys.argv else (200, WHO)
        elif path.startswith("/sites/site/projects"):
            inner = f"{PAGE}<projects>{PROJECT}</projects>"
        elif path.startswith("/sites/site/datasources"):
            status, inner = 201, f"<datasource id='source' name='{names[0]}'>{PROJECT}</datasource>"
        text = f"<?xml version='1.0'?><tsResponse xmlns='http://tableau.com/api'>{inner}</tsResponse>"
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = respond

    def log_message(self, *arguments):
        pass


server = HTTPServer(("127.0.0.1", 8099), Tableau)
threading.Thread(target=server.serve_forever, daemon=True).start()
try:
    runpy.run_module("services.tableau.publish", run_name="__main__")
finally:
    for entry in requested:
        print("requested", *entry)
"""


@pytest.fixture
def project(with_service):
    """A project with tables and extracts, and without settings for Tableau."""
    project = with_service("tableau")
    if not (project.path / "data" / "processed" / "train.hyper").exists():
        project.ok("train", "extract")
    yield project
    (project.path / ".env").unlink(missing_ok=True)


@pytest.fixture
def server(project):
    """Publish to the imitation of a Tableau server: `server("refused", **settings)`."""
    (project.path / "imitation.py").write_text(SERVER)

    def publish(*options, **settings):
        defaults = {
            "TABLEAU_SERVER": "http://127.0.0.1:8099",
            "TABLEAU_TOKEN_NAME": "me",
            "TABLEAU_TOKEN": "secret-token",
        }
        lines = [f"{name}={value}" for name, value in {**defaults, **settings}.items()]
        (project.path / ".env").write_text("\n".join(lines) + "\n")
        return project.make("run", f"CMD=python imitation.py {' '.join(options)}")

    yield publish
    (project.path / "imitation.py").unlink()


def test_rows_and_types_come_back(project):
    assert "read back 3 rows and 9 columns without a difference" in project.ok("example-tableau")


def test_extracts_have_the_content_of_the_tables(project):
    output = project.ok("extract")
    assert re.search(r"^wrote data/processed/train\.hyper: [1-9]\d* rows, \d+ columns$", output, re.MULTILINE)
    code = """
import pandas as pd, pantab
for name in ("train", "test"):
    path = f"data/processed/{name}."
    rows = pantab.frame_from_hyper(path + "hyper", table=("Extract", "Extract"))
    pd.testing.assert_frame_equal(rows, pd.read_parquet(path + "parquet"), check_dtype=False)
    print(name, len(rows), sorted(set(map(str, rows.dtypes))))
"""
    (project.path / "look.py").write_text(code)
    output = project.run("python look.py && ls -A data/processed . | grep -c hyperd.log || true")
    kinds = r"\['bool\[pyarrow\]', 'double\[pyarrow\]'\]"
    assert re.fullmatch(rf"train [1-9]\d* {kinds}\ntest [1-9]\d* {kinds}\n0\n", output)


def test_types_that_hyper_lacks_become_larger(project):
    code = """
import datetime, decimal
import pantab, pyarrow as pa, pyarrow.parquet as pq
from services.tableau import extract
from pathlib import Path
moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)
columns = {
    "u8": pa.array([255, None], pa.uint8()), "u64": pa.array([2**62, None], pa.uint64()),
    "f16": pa.array([1.5, None], pa.float16()), "f32": pa.array([1.5, None], pa.float32()),
    "category": pa.array(["a", None]).dictionary_encode(), "nothing": pa.nulls(2),
    "day": pa.array([moment.date(), None], pa.date64()), "time": pa.array([1, None], pa.time32("s")),
    "ns": pa.array([1_000, None], pa.timestamp("ns", "Europe/Berlin")),
    "sum": pa.array([decimal.Decimal("1.25"), None], pa.decimal128(38, 2)),
    "cents": pa.array([decimal.Decimal("-0.05"), None], pa.decimal128(10, 2)),
}
table = pa.table(columns)
Path("data/interim").mkdir(exist_ok=True)
pq.write_table(table, "data/interim/types.parquet")
path = extract.write(Path("/workspace/data/interim/types.parquet"))
back = pantab.frame_from_hyper(path, table=extract.TABLE, return_type="pyarrow")
written = extract.convert(table, "").to_pylist()
assert back.to_pylist() == written, (back, written)
print(*(f"{field.name}:{field.type}" for field in back.schema))
"""
    (project.path / "kinds.py").write_text(code)
    output = project.run("python kinds.py")
    assert "note: types.parquet: cents (decimal128(10, 2)) is written as floats" in output
    assert output.splitlines()[-1] == (
        "u8:int16 u64:int64 f16:double f32:double category:large_string nothing:large_string day:date32[day] "
        "time:time64[us] ns:timestamp[us, tz=UTC] sum:decimal128(18, 2) cents:double"
    )


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("{'tags': [[1], [2]]}", "a.parquet: tags (list<element: int64>) is not a Tableau type."),
        ("{'n': pa.array([2**63], pa.uint64())}", "a.parquet: n (uint64) has numbers too large for Tableau."),
    ],
    ids=["list", "large"],
)
def test_unsuitable_column_is_one_line(project, open_folder, table, line):
    (open_folder / "processed").mkdir()
    code = f"import pyarrow as pa, pyarrow.parquet as pq; pq.write_table(pa.table({table}), 'data/processed/a.parquet')"
    project.run(f'python -c "{code}"', DATA_DIR=str(open_folder))
    assert project.error("extract", DATA_DIR=str(open_folder)).startswith(f"error: {line}")
    assert [path.name for path in (open_folder / "processed").iterdir()] == ["a.parquet"]


def test_unreadable_table_is_one_line(project, open_folder):
    (open_folder / "processed").mkdir()
    (open_folder / "processed" / "a.parquet").write_bytes(b"PAR1")
    assert project.error("extract", DATA_DIR=str(open_folder)).startswith("error: a.parquet is not a table: ")
    (open_folder / "processed" / "a.csv").write_text("n\n1\n")
    line = project.error("extract", DATA_DIR=str(open_folder))
    assert line == "error: a.csv and a.parquet have the same extract. Rename one."


def test_missing_tables_are_one_line(project, open_folder):
    (open_folder / "processed").mkdir()
    line = project.error("extract", DATA_DIR=str(open_folder))
    assert line == "error: there are no tables in data/processed. Run: make train."


def test_extracts_are_published_and_the_session_ends(project, server):
    done = server()
    assert done.returncode == 0, done.stderr
    assert "published train.hyper as train in default" in done.stdout
    requested = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("requested ")]
    sent = [line for line in requested if line[0].startswith("/sites/site/datasources")]
    # Each request contains the extract unchanged.
    extracts = sorted(path.stem for path in (project.path / "data" / "processed").glob("*.hyper"))
    assert [line[1:] for line in sent] == [["session", name, "False"] for name in extracts] and "train" in extracts
    assert all("overwrite=true" in path and "datasourceType=hyper" in path for path, *_ in sent)
    # Only the request that signs in contains the token.
    assert [path for path, *_, secret in requested if secret == "True"] == ["/auth/signin"]
    assert requested[-1][0] == "/auth/signout"


def test_refused_token_is_one_line_without_it(server):
    done = server("refused")
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert done.returncode != 0 and line.startswith(
        "error: http://127.0.0.1:8099 refused the token. Check TABLEAU_TOKEN"
    )
    assert "secret-token" not in done.stdout + done.stderr and "datasources" not in done.stdout


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"TABLEAU_PROJECT": "none"}, "the server has no project 'none'. Correct TABLEAU_PROJECT."),
        ({"TABLEAU_SERVER": "http://127.0.0.1:8098"}, "publishing to http://127.0.0.1:8098 failed: "),
        ({"TABLEAU_SERVER": "http://tableau.example.org"}, "TABLEAU_SERVER is not a URL with https://."),
        ({"TABLEAU_TOKEN": ""}, "nothing was published: TABLEAU_TOKEN is not set. Set them in .env"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_fault_of_publishing_is_one_line(server, settings, line):
    done = server(**settings)
    (output,) = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert done.returncode != 0 and output.startswith(f"error: {line}")
    assert "secret-token" not in done.stdout + done.stderr and "datasources" not in done.stdout


def test_command_line_overrides_env_file(project):
    (project.path / ".env").write_text(
        "TABLEAU_SERVER=https://one.example\nTABLEAU_TOKEN_NAME=me\nTABLEAU_TOKEN=secret\n"
    )
    given = ["TABLEAU_SERVER=http://two.example", "TABLEAU_PROJECT=a b"]
    assert "TABLEAU_SERVER is not a URL with https://" in project.error("publish-tableau", *given)


def test_nothing_is_published_without_settings(project):
    line = project.error("publish-tableau")
    assert line.startswith(
        "error: nothing was published: TABLEAU_SERVER, TABLEAU_TOKEN_NAME, TABLEAU_TOKEN are not set. Set them in .env"
    )
