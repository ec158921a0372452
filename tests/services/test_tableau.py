"""Extracts for Tableau: what is in them, and what is sent to a server, here one that is imitated."""

import re

import pytest

pytestmark = pytest.mark.docker

# What Tableau's REST API answers to those who sign in, look for a project, send a data source, and sign out. It runs in
# the container of the command, on its loopback, and writes down who asked for what.
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
asked = []


class Tableau(BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = re.sub("/api/[0-9.]+", "", self.path)
        names = re.findall('datasource name="([^"]*)"', body[:2000].decode(errors="replace"))
        whole = [name for name in names if EXTRACTS[name + ".hyper"] in body]
        asked.append((path, self.headers.get("X-Tableau-Auth"), *whole, b"secret-token" in body))
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

    do_GET = do_POST = answer

    def log_message(self, *arguments):
        pass


server = HTTPServer(("127.0.0.1", 8099), Tableau)
threading.Thread(target=server.serve_forever, daemon=True).start()
try:
    runpy.run_path("services/tableau/publish.py", run_name="__main__")
finally:
    for each in asked:
        print("asked", *each)
"""


@pytest.fixture
def project(with_service):
    """The project with tables and their extracts, and without settings for Tableau."""
    project = with_service("tableau")
    if not (project.path / "data" / "processed" / "train.hyper").exists():
        project.ok("train", "extract")
    yield project
    (project.path / ".env").unlink(missing_ok=True)


@pytest.fixture
def server(project):
    """Run `make publish-tableau` beside a server of Tableau's that is imitated: `server("refused", **settings)`."""
    (project.path / "imitation.py").write_text(SERVER)

    def publish(*how, **settings):
        chosen = {
            "TABLEAU_SERVER": "http://127.0.0.1:8099",
            "TABLEAU_TOKEN_NAME": "me",
            "TABLEAU_TOKEN": "secret-token",
        }
        lines = [f"{name}={value}" for name, value in {**chosen, **settings}.items()]
        (project.path / ".env").write_text("\n".join(lines) + "\n")
        return project.make("run", f"CMD=python imitation.py {' '.join(how)}")

    yield publish
    (project.path / "imitation.py").unlink()


def test_rows_and_types_come_back(project):
    assert "read 3 rows and 9 columns, the same as were written" in project.ok("example-tableau")


def test_extracts_have_what_the_tables_have(project):
    said = project.ok("extract")
    assert re.search(r"^wrote data/processed/train\.hyper: [1-9]\d* rows, \d+ columns$", said, re.MULTILINE)
    code = """
import pandas as pd, pantab
for name in ("train", "test"):
    path = f"data/processed/{name}."
    rows = pantab.frame_from_hyper(path + "hyper", table=("Extract", "Extract"))
    pd.testing.assert_frame_equal(rows, pd.read_parquet(path + "parquet"), check_dtype=False)
    print(name, len(rows), sorted(set(map(str, rows.dtypes))))
"""
    (project.path / "look.py").write_text(code)
    said = project.run("python look.py && ls -A data/processed . | grep -c hyperd.log || true")
    kinds = r"\['bool\[pyarrow\]', 'double\[pyarrow\]'\]"
    assert re.fullmatch(rf"train [1-9]\d* {kinds}\ntest [1-9]\d* {kinds}\n0\n", said)


def test_types_that_hyper_lacks_become_larger_ones(project):
    code = """
import datetime, decimal, sys
sys.path.insert(0, "services/tableau")
import pantab, pyarrow as pa, pyarrow.parquet as pq, extract
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
written = extract.prepared(table, "").to_pylist()
assert back.to_pylist() == written, (back, written)
print(*(f"{field.name}:{field.type}" for field in back.schema))
"""
    (project.path / "kinds.py").write_text(code)
    said = project.run("python kinds.py")
    assert "note: types.parquet: cents (decimal128(10, 2)) is written as floats" in said
    assert said.splitlines()[-1] == (
        "u8:int16 u64:int64 f16:double f32:double category:large_string nothing:large_string day:date32[day] "
        "time:time64[us] ns:timestamp[us, tz=UTC] sum:decimal128(18, 2) cents:double"
    )


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("{'tags': [[1], [2]]}", "a.parquet: tags (list<element: int64>) is no type of Tableau's."),
        ("{'n': pa.array([2**63], pa.uint64())}", "a.parquet: n (uint64) has numbers too large for Tableau."),
    ],
    ids=["list", "large"],
)
def test_column_that_fits_no_extract_is_one_line(project, open_folder, table, line):
    (open_folder / "processed").mkdir()
    code = f"import pyarrow as pa, pyarrow.parquet as pq; pq.write_table(pa.table({table}), 'data/processed/a.parquet')"
    project.run(f'python -c "{code}"', DATA_DIR=str(open_folder))
    assert project.error("extract", DATA_DIR=str(open_folder)).startswith(f"error: {line}")
    assert [path.name for path in (open_folder / "processed").iterdir()] == ["a.parquet"]


def test_file_that_is_no_table_is_one_line(project, open_folder):
    (open_folder / "processed").mkdir()
    (open_folder / "processed" / "a.parquet").write_bytes(b"PAR1")
    assert project.error("extract", DATA_DIR=str(open_folder)).startswith("error: a.parquet is no table: ")
    (open_folder / "processed" / "a.csv").write_text("n\n1\n")
    line = project.error("extract", DATA_DIR=str(open_folder))
    assert line == "error: a.csv and a.parquet would be the same extract. Rename one."


def test_without_tables_it_says_so(project, open_folder):
    (open_folder / "processed").mkdir()
    line = project.error("extract", DATA_DIR=str(open_folder))
    assert line == "error: there are no tables in data/processed. Make some: make train."


def test_extracts_are_sent_and_nobody_stays_signed_in(project, server):
    done = server()
    assert done.returncode == 0, done.stderr
    assert "published train.hyper as train in default" in done.stdout
    asked = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("asked ")]
    sent = [line for line in asked if line[0].startswith("/sites/site/datasources")]
    # Each is in the request as it is on the disk.
    extracts = sorted(path.stem for path in (project.path / "data" / "processed").glob("*.hyper"))
    assert [line[1:] for line in sent] == [["session", name, "False"] for name in extracts] and "train" in extracts
    assert all("overwrite=true" in path and "datasourceType=hyper" in path for path, *_ in sent)
    # The token is in the request that signs in and in no other.
    assert [path for path, *_, secret in asked if secret == "True"] == ["/auth/signin"]
    assert asked[-1][0] == "/auth/signout"


def test_refused_token_is_one_line_without_the_token(server):
    done = server("refused")
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert done.returncode != 0 and line.startswith(
        "error: http://127.0.0.1:8099 refused the token. Check TABLEAU_TOKEN"
    )
    assert "secret-token" not in done.stdout + done.stderr and "datasources" not in done.stdout


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"TABLEAU_PROJECT": "none"}, "the server has no project 'none' for you. Correct TABLEAU_PROJECT."),
        ({"TABLEAU_SERVER": "http://127.0.0.1:8098"}, "http://127.0.0.1:8098 did not take it: "),
        ({"TABLEAU_SERVER": "http://tableau.example.org"}, "TABLEAU_SERVER is no address with https://."),
        ({"TABLEAU_TOKEN": ""}, "nothing is published: TABLEAU_TOKEN is not set. Put them into .env"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_published_is_one_line(server, settings, line):
    done = server(**settings)
    (said,) = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert done.returncode != 0 and said.startswith(f"error: {line}")
    assert "secret-token" not in done.stdout + done.stderr and "datasources" not in done.stdout


def test_settings_on_the_command_line_come_first(project):
    (project.path / ".env").write_text(
        "TABLEAU_SERVER=https://one.example\nTABLEAU_TOKEN_NAME=me\nTABLEAU_TOKEN=secret\n"
    )
    given = ["TABLEAU_SERVER=http://two.example", "TABLEAU_PROJECT=a b"]
    assert "TABLEAU_SERVER is no address with https://" in project.error("publish-tableau", *given)


def test_without_settings_nothing_is_sent(project):
    line = project.error("publish-tableau")
    assert line.startswith(
        "error: nothing is published: TABLEAU_SERVER, TABLEAU_TOKEN_NAME, TABLEAU_TOKEN are not set. Put them into .env"
    )
