"""Compare this template with other ways to build the same project.

Writes results.json, and from it results.md and results.svg (see report.py).

Each way installs git and the same packages in the same versions. The ways are built in turn on the local engine, ROUNDS
times, each time with an empty build cache: **this removes the engine's build cache**. The figures are medians. Compare
the ratios rather than the seconds, because machines differ.
"""

import contextlib
import datetime
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from pathlib import Path

import report
import websocket
from report import OURS, number

HERE = Path(__file__).parent
TEMPLATE = HERE.parent
BIN = Path(sys.executable).parent
ROUNDS = int(os.environ.get("ROUNDS", "3"))
# Set CCDS to a clone of cookiecutter-data-science if GitHub cannot be reached.
CCDS = os.environ.get("CCDS", "gh:drivendataorg/cookiecutter-data-science")
NAME = f"bench-{uuid.uuid4().hex[:8]}"
PACKAGE = "seaborn"
IMPORTS = "import duckdb, matplotlib.pyplot, pandas, pyarrow, sklearn.ensemble"


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Run a command and return its output. If it fails, end the benchmark with the last part of its output."""
    kept = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL")}
    done = subprocess.run(
        command, cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise SystemExit(f"error: {' '.join(map(str, command))} failed.\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout.strip()


def seconds(action, *arguments, **options) -> float:
    start = time.perf_counter()
    action(*arguments, **options)
    return time.perf_counter() - start


class Memory:
    """Measure the peak memory in MB that this machine uses within the block, above its use before. Linux only."""

    def __enter__(self):
        self.peak, self.done = 0.0, threading.Event()
        self.before = self.used()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    @staticmethod
    def used() -> float:
        with contextlib.suppress(OSError):
            text = Path("/proc/meminfo").read_text()
            total, available = (int(re.search(rf"{key}: +(\d+)", text)[1]) for key in ("MemTotal", "MemAvailable"))
            return (total - available) / 1000
        return 0.0

    def watch(self):
        while not self.done.wait(0.05):
            self.peak = max(self.peak, self.used() - self.before)

    def __exit__(self, *error):
        self.done.set()
        self.thread.join()


class Kernel:
    """A kernel of a Jupyter server, used over its REST interface as a browser does.

    See https://jupyter-server.readthedocs.io/en/latest/developers/rest-api.html.
    """

    def __init__(self, address: str, token: str):
        headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://{address}/api/kernels", b"{}", headers, method="POST")
        identity = json.load(urllib.request.urlopen(request))["id"]
        self.channel = websocket.create_connection(
            f"ws://{address}/api/kernels/{identity}/channels", header=[f"Authorization: token {token}"], timeout=120
        )

    def execute(self, code: str) -> bool:
        """Execute a cell and return whether it raised nothing."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": "bench", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self.channel.send(json.dumps(message))
        while True:
            answer = json.loads(self.channel.recv())
            if answer["msg_type"] == "execute_reply" and answer["parent_header"].get("msg_id") == header["msg_id"]:
                return answer["content"]["status"] == "ok"


class Way:
    """A way to build the project: a folder beside this file with one Dockerfile or several."""

    released = 0.0

    def __init__(self, name: str, project: Path, work: Path):
        self.name, self.image = name, f"{NAME}-{name}"
        self.project = work / name
        shutil.copytree(project, self.project, ignore=shutil.ignore_patterns(".git", ".local", ".dockerignore"))
        shutil.copytree(HERE / name, self.project, dirs_exist_ok=True)

    def docker(self, stage: str, *arguments: str) -> None:
        file = f"Dockerfile.{stage}" if (self.project / f"Dockerfile.{stage}").exists() else "Dockerfile"
        tag = ["--tag", f"{self.image}:{stage}", "--build-arg", f"BASE={self.image}:base"]
        run("docker", "build", "--file", file, *tag, *arguments, ".", cwd=self.project)

    def build(self) -> None:
        if (self.project / "Dockerfile.base").exists():
            self.docker("base")
        self.docker("dev")

    def release(self) -> None:
        # A way that cannot leave out the notebook distributes its only image.
        self.docker("release", "--build-arg", "SYNC=--no-default-groups")

    def start(self) -> None:
        self.container = run(
            *("docker", "run", "--detach", "--rm", "--init", "--publish", "127.0.0.1::8888", "--env", "HOME=/tmp"),
            *(f"{self.image}:dev", "jupyter", "lab", "--ip=0.0.0.0", "--allow-root", "--no-browser"),
            "--IdentityProvider.token=bench",
        )
        address = run("docker", "port", self.container, "8888").splitlines()[0]
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://{address}/api", timeout=5)
                break
            time.sleep(0.05)
        self.server = (address, "bench")

    def stop(self) -> None:
        run("docker", "stop", "--time", "1", self.container)

    def forget(self) -> None:
        """Remove the caches that a first start leaves for the next one."""

    def python(self, code: str) -> str:
        return run("docker", "run", "--rm", "--env", "HOME=/tmp", f"{self.image}:dev", "python", "-c", code)

    def size(self, stage: str) -> float:
        return int(run("docker", "image", "inspect", "--format", "{{.Size}}", f"{self.image}:{stage}")) / 1e6

    def remove(self) -> None:
        for tag in run("docker", "image", "ls", "--format", "{{.Tag}}", self.image).split():
            subprocess.run(["docker", "image", "rm", "--force", f"{self.image}:{tag}"], capture_output=True)


class Ours(Way):
    """A generated project, built and started with its own make targets."""

    def __init__(self, project: Path, work: Path):
        self.name, self.image, self.project = OURS, NAME, work / OURS
        shutil.copytree(project, self.project)

    def build(self) -> None:
        run("make", "build", cwd=self.project)

    def release(self) -> None:
        run("make", "release", cwd=self.project)

    def start(self) -> None:
        url = run("make", "notebook", cwd=self.project).splitlines()[-1]
        self.server = re.fullmatch(r"http://([^/]*)/lab\?token=(.*)", url).groups()

    def stop(self) -> None:
        run("make", "stop", cwd=self.project)

    def forget(self) -> None:
        run("make", "clean", cwd=self.project)

    def python(self, code: str) -> str:
        return run("make", "run", f"CMD=python -c '{code}'", cwd=self.project)

    def size(self, stage: str) -> float:
        return super().size("cpu" if stage == "dev" else stage)

    def remove(self) -> None:
        subprocess.run(["make", "clean"], cwd=self.project, capture_output=True)
        super().remove()


class Floor(Way):
    """The least that a build can take. Only its cold build is measured."""

    def build(self) -> None:
        self.docker("dev")


def generated(work: Path) -> Path:
    """Generate and lock the project. Write the files that each way reads, without and with one more package."""
    settings = work / "cookiecutter.yaml"
    settings.write_text(f"replay_dir: {work}/replay\ncookiecutters_dir: {work}/clones\n")
    options = ["--no-input", "--config-file", settings, "--output-dir", work / "generated"]
    run(BIN / "cookiecutter", TEMPLATE, *options, f"project_slug={NAME}")
    project = work / "generated" / NAME
    for folder in (work / "with", work / "without"):
        folder.mkdir()
    run("make", "lock", cwd=project)
    for folder in (work / "without", work / "with"):
        if folder.name == "with":
            run("make", "add", f"PKG={PACKAGE}", cwd=project)
        export = (BIN / "uv", "export", "--frozen", "--quiet", "--no-hashes", "--no-header", "--no-emit-project")
        for name, groups in {
            "requirements.txt": ["--all-groups"],
            "requirements-main.txt": ["--no-default-groups"],
            "requirements-dev.txt": ["--only-group", "notebook", "--only-group", "dev"],
        }.items():
            run(*export, *groups, "--output-file", folder / name, cwd=project)
        for name in ("pyproject.toml", "uv.lock"):
            shutil.copy(project / name, folder)
    shutil.copytree(work / "without", project, dirs_exist_ok=True)
    return project


def measure(way: Way, packages: Path) -> dict[str, float]:
    """Return a way's figures of one round, in seconds and MB."""
    run("docker", "builder", "prune", "--all", "--force")
    with Memory() as memory:
        figures = {"cold": seconds(way.build)}
    figures["memory"] = memory.peak
    figures["dev"] = way.size("dev")
    if isinstance(way, Floor):
        return figures

    def first_cell():
        way.start()
        assert Kernel(*way.server).execute(IMPORTS)

    figures["cold cell"] = figures["cold"] + seconds(first_cell)
    way.stop()
    figures["warm cell"] = seconds(first_cell)
    way.stop()
    way.forget()
    timed = f"import time; start = time.perf_counter(); {IMPORTS}; print(time.perf_counter() - start)"
    figures["first import"] = float(way.python(timed).split()[-1])
    figures["second import"] = float(way.python(timed).split()[-1])
    figures["no-op"] = seconds(way.build)
    with next(way.project.glob("src/*/features.py")).open("a") as file:
        file.write("# edited\n")
    figures["edit"] = seconds(way.build)
    if not way.released:
        way.release()
        # The release image is the same in each round.
        way.released = way.size("release")
    figures["release"] = way.released
    shutil.copytree(packages / "with", way.project, dirs_exist_ok=True)
    figures["package"] = seconds(way.build)
    shutil.copytree(packages / "without", way.project, dirs_exist_ok=True)
    return figures


def added_to_notebook(ours: Ours) -> float:
    """Return the seconds from `make add` until a running kernel can import the package."""
    ours.build()
    ours.start()
    kernel = Kernel(*ours.server)
    assert kernel.execute(IMPORTS) and not kernel.execute(f"import {PACKAGE}")
    start = time.perf_counter()
    with subprocess.Popen(["make", "add", f"PKG={PACKAGE}"], cwd=ours.project, stdout=subprocess.DEVNULL) as adding:
        while not kernel.execute(f"import {PACKAGE}"):
            time.sleep(0.05)
        took = time.perf_counter() - start
        assert adding.wait() == 0
    ours.stop()
    return took


def much_data(ours: Ours) -> dict[str, float | str]:
    """Return the size of the build context and the seconds of a build, with an empty data/ and with 10 GB in it."""
    figures = {}
    for name in ("empty", "full"):
        if name == "full":
            for folder in range(1000):
                path = ours.project / "data" / "raw" / f"{folder}"
                path.mkdir()
                for file in range(100):
                    with (path / f"{file}.csv").open("wb") as stream:
                        stream.truncate(100_000)
        # With a cache, BuildKit would send only changed files.
        run("docker", "builder", "prune", "--all", "--force")
        ours.build()
        log = (ours.project / ".local" / "build.log").read_text()
        figures[f"context {name}"] = re.findall(r"transferring context: (\S+)", log)[-1]
        figures[f"build {name}"] = statistics.median(seconds(ours.build) for _ in range(7))
    return figures


def generation(work: Path) -> dict[str, float]:
    """Return the seconds to generate a project: with this template, without its hooks, and with ccds."""
    ccds = work / "ccds"
    run(BIN / "uv", "venv", "--quiet", ccds)
    run(BIN / "uv", "pip", "install", "--quiet", "--python", ccds, "cookiecutter-data-science")
    commands = {
        OURS: [BIN / "cookiecutter", TEMPLATE],
        "without hooks": [BIN / "cookiecutter", TEMPLATE, "--accept-hooks", "no"],
        "ccds": [ccds / "bin" / "ccds", CCDS],
    }
    taken = {name: [] for name in commands}
    for count in range(max(ROUNDS, 5)):
        for name, command in commands.items():
            folder = ["--output-dir", work / f"{name}-{count}", "--config-file", work / "cookiecutter.yaml"]
            taken[name].append(seconds(run, *command, "--no-input", *folder))
    return {name: statistics.median(values) for name, values in taken.items()}


def machine() -> str:
    info = json.loads(run("docker", "info", "--format", "{{json .}}"))
    return (
        f"{info['NCPU']} cores ({platform.machine()}), {info['MemTotal'] / 2**30:.0f} GiB of memory, "
        f"{info['OperatingSystem']}, Linux {info['KernelVersion']}, Docker {info['ServerVersion']} ({info['Driver']})"
    )


def summary(rounds: dict, added: float, data: dict, generations: dict) -> dict:
    """Return the content of results.json. Ratios, tables and the chart are made from nothing else."""
    return {
        "date": str(datetime.date.today()),
        "rounds": len(rounds[OURS]),
        "machine": machine(),
        "medians": {
            name: {key: statistics.median(each[key] for each in figures) for key in figures[0]}
            for name, figures in rounds.items()
        },
        "cold range": {
            name: [extreme(each["cold"] for each in figures) for extreme in (min, max)]
            for name, figures in rounds.items()
        },
        "other": {
            "added": added,
            **data,
            "generation": generations[OURS],
            "generation without hooks": generations["without hooks"],
            "generation by ccds": generations["ccds"],
        },
    }


def main() -> None:
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        project = generated(work)
        ours = Ours(project, work)
        ways = [Way(name, project, work) for name in ("tutorial", "docker-init", "uv-two-stages", "base-dev")]
        ways += [ours, Floor("floor", project, work)]
        for way in ways:
            shutil.copytree(work / "without", way.project, dirs_exist_ok=True)
            stack.callback(way.remove)
        rounds = {way.name: [] for way in ways}
        for count in range(ROUNDS):
            for way in ways:
                rounds[way.name].append(measure(way, work))
                shown = ", ".join(f"{key} {number(value)}" for key, value in rounds[way.name][-1].items())
                print(f"round {count + 1}, {way.name}: {shown}", flush=True)
        added = added_to_notebook(ours)
        results = summary(rounds, added, much_data(ours), generation(work))
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    report.write()
    print((HERE / "results.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
