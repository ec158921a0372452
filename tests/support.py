"""A generated project on a real engine: its make targets, its containers, and their removal."""

import contextlib
import functools
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from selenium import webdriver


def docker(*arguments: str, check: bool = True) -> str:
    """Run the engine's client and return what it prints."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()


def comparison(first: str, second: str) -> str:
    """Return what `make reproduce` says of two images that are not the same."""
    program = Path(__file__).parent.parent / "services" / "supply-chain" / "compare_images.py"
    saved = subprocess.run(["docker", "save", first, second], capture_output=True, check=True).stdout
    done = subprocess.run([sys.executable, program, first, second], input=saved, capture_output=True, check=True)
    return done.stdout.decode()


def unique(name: str) -> str:
    """Return a slug that no other run uses."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


@functools.cache
def can_be_had(image: str) -> bool:
    """Return whether the engine has an image, or gets it from a registry."""
    attempts = (("image", "inspect"), ("pull", "--quiet"))
    return any(subprocess.run(["docker", *words, image], capture_output=True).returncode == 0 for words in attempts)


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def status(url: str, data: bytes | None = None, **headers: str) -> int:
    """Return the status of an HTTP request, 0 where nobody answers. Redirections are not followed."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *arguments):
            return None

    opener = urllib.request.build_opener(Stay, urllib.request.ProxyHandler({}))
    try:
        return opener.open(urllib.request.Request(url, data, headers), timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@contextlib.contextmanager
def browser(network: str, size: tuple[int, int] = (1400, 1000)):
    """A headless Chromium in a Docker network, `NAME` or `container:NAME`: an address in it is as a service sees it."""
    name = unique("browser")
    image = "selenium/standalone-chromium:4"
    docker("run", "--detach", "--name", name, "--network", network, "--shm-size", "1g", image)
    try:
        where = network.removeprefix("container:") if network.startswith("container:") else name
        address = docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", where)
        options = webdriver.ChromeOptions()
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})

        def started():
            try:
                return webdriver.Remote(f"http://{address.split()[0]}:4444", options=options)
            except Exception:
                return None

        driver = wait_until(started)
        driver.set_window_size(*size)
        yield driver
        driver.quit()
    finally:
        docker("rm", "--force", "--volumes", name)


def console(driver) -> list[str]:
    """Return the errors that the browser's console has, but for an icon that a page does not have."""
    driver.command_executor.add_command("getLog", "POST", "/session/$sessionId/se/log")
    log = driver.execute("getLog", {"type": "browser"})["value"]
    lines = [entry["message"] for entry in log if entry["level"] == "SEVERE"]
    return [line for line in lines if "favicon.ico" not in line]


def picture(driver, name: str, folder: str = "services") -> None:
    """Keep the page as a picture in the documentation, where the environment says SCREENSHOTS."""
    if os.environ.get("SCREENSHOTS"):
        file = Path(__file__).parent.parent / "docs" / "_static" / folder / f"{name}.png"
        file.parent.mkdir(exist_ok=True)
        wait_until(lambda: driver.save_screenshot(str(file)))


@contextlib.contextmanager
def running(*command: str, folder: Path):
    """Start a command whose output a test reads. It ends with the block: a test that fails does not wait for it."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                os.killpg(process.pid, sign)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=30)


class Project:
    """A folder with a generated project. All that its targets start is found by its slug, and removed by `remove`."""

    def __init__(self, path: Path):
        self.path = path
        # The slug stays the image's name where the folder has another.
        self.slug = self.read("Makefile").split("export PROJECT := ")[1].split("\n")[0]
        self.image = f"{self.slug}:cpu"

    def write_settings(self) -> None:
        """Write to .env what `tests/services/<name>.env` sets for a service, and free ports.

        Other projects on this machine may use the default ones.
        """
        folders = [path for path in self.path.glob("services/*") if not (path / "compose.port.yaml").exists()]
        lines = [line for path in folders for line in self.lines(f"services/{path.name}/.env.example")]
        names = sorted(line[1:].partition("=")[0] for line in lines if re.match(r"#\w+_PORT=\d+$", line))
        settings = [f"{name}={free_port()}\n" for name in names]
        for path in self.path.glob("services/*"):
            file = Path(__file__).parent / "services" / f"{path.name}.env"
            settings += [file.read_text(encoding="utf-8")] if file.exists() else []
        if settings:
            (self.path / ".env").write_text("".join(settings))

    def keep_cache(self, folder: Path, others: list[Path]) -> None:
        """Keep the project's cache in a new folder, with the bytecode that those of other projects have.

        In a new volume, Python compiles the packages of an image when they are first imported, which takes seconds of
        processor time. Python replaces the bytecode of another version of a package, and never writes into a file.
        """
        folder.mkdir()
        # For other users, too.
        folder.chmod(0o1777)
        compiled = Path(str(os.getuid()), "python")
        for other in others:
            for file in (other / compiled).rglob("*.pyc"):
                linked = folder / file.relative_to(other)
                linked.parent.mkdir(parents=True, exist_ok=True)
                if not linked.exists():
                    os.link(file, linked)
        with open(self.path / ".env", "a") as file:
            file.write(f"CACHE_DIR={folder}\n")

    def keep_cache_in_volume(self) -> "Project":
        """Keep the project's cache in a volume, which is the default, and return the project."""
        lines = [line for line in self.lines(".env") if not line.startswith("CACHE_DIR=")]
        (self.path / ".env").write_text("".join(f"{line}\n" for line in lines))
        return self

    def slim(self) -> "Project":
        """Leave JupyterLab, the linters and system packages for development out of the image, and return the project.

        For tests of something else that need an image of their own: it is built in a third of the time.
        """
        text = re.sub(r"^(notebook|dev) = .*", r"\1 = []", self.read("pyproject.toml"), flags=re.MULTILINE)
        (self.path / "pyproject.toml").write_text(text, encoding="utf-8")
        (self.path / "apt-dev.txt").write_text("# Nothing.\n")
        (self.path / "uv.lock").unlink(missing_ok=True)
        return self

    def without_image(self) -> dict[str, str]:
        """Return the image of each service that cannot be started, since nobody here has it.

        Only the image in `tests/services/<name>.image` may be missing: a registry that is down must not let tests pass.
        """
        permitted = {file.stem: file.read_text().strip() for file in Path(__file__).parent.glob("services/*.image")}
        mine = {name: image for name, image in permitted.items() if (self.path / "services" / name).exists()}
        return {name: image for name, image in mine.items() if not can_be_had(image)}

    def lines(self, name: str) -> list[str]:
        """Return the lines of a file, or none if it does not exist."""
        return self.read(name).splitlines() if (self.path / name).exists() else []

    def setting(self, name: str) -> str:
        """Return the value of a setting that make has written to .env."""
        (value,) = [line.partition("=")[2] for line in self.lines(".env") if line.startswith(f"{name}=")]
        return value

    def read(self, name: str) -> str:
        return (self.path / name).read_text(encoding="utf-8")

    def make(self, *arguments: str, user: tuple[int, int] | None = None, groups: tuple = (), **environment: str):
        """Run make as a person does: without what a test run adds to the environment.

        `user` is a user id and a group id to run it as; whoever it is may use the engine, and is in `groups` too.
        """
        kept = {
            name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG") if name in os.environ
        }
        options = {}
        if user:
            options = {
                "user": user[0],
                "group": user[1],
                "extra_groups": [os.stat("/var/run/docker.sock").st_gid, *groups],
            }
        return subprocess.run(
            ["make", *arguments],
            cwd=self.path,
            env={**kept, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            **options,
        )

    def ok(self, *arguments: str, **options) -> str:
        """Run make, which has to succeed, and return what it prints."""
        done = self.make(*arguments, **options)
        assert done.returncode == 0, f"make {arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def run(self, command: str, **options) -> str:
        return self.ok("run", f"CMD={command}", **options)

    def error(self, *arguments: str, **options) -> str:
        """Run make, which has to fail with one line of ours, and return that line."""
        done = self.make(*arguments, **options)
        assert done.returncode != 0, f"make {arguments} succeeded\n{done.stdout}"
        lines = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
        assert len(lines) == 1, done.stderr
        assert lines[0].startswith("error: ") and lines[0].endswith((".", ")")), done.stderr
        return lines[0]

    def notebook(self, *arguments: str, **options) -> str:
        return self.ok("notebook", *arguments, **options).splitlines()[-1]

    def containers(self, *filters: str) -> list[str]:
        """List the names of this project's containers, in whatever state."""
        arguments = [word for each in (f"name={self.slug}-", *filters) for word in ("--filter", each)]
        return docker("ps", "--all", "--format", "{{.Names}}", *arguments).split()

    def volumes(self) -> list[str]:
        """List the names of this clone's volumes."""
        label = f"label=com.docker.compose.project={self.setting('COMPOSE_PROJECT_NAME')}"
        return docker("volume", "ls", "--quiet", "--filter", label).split()

    def network(self) -> str:
        """Return the name of the network that the project's containers are in."""
        (name,) = docker("network", "ls", "--format", "{{.Name}}", "--filter", f"name={self.slug}-").split()
        return name

    def container(self, service: str) -> str:
        """Return the name of the one container that runs for a service of compose.yaml."""
        (name,) = self.containers("status=running", f"label=com.docker.compose.service={service}")
        return name

    def port(self, service: str) -> int:
        """Return the port on 127.0.0.1 that leads to a service, which has only one."""
        (address,) = docker("port", self.container(service)).split(" -> ")[1:]
        assert address.startswith("127.0.0.1:")
        return int(address.split(":")[1])

    def inspect(self, name: str) -> dict:
        return json.loads(docker("inspect", name))[0]

    def image_id(self, tag: str = "cpu") -> str:
        return docker("image", "inspect", "--format", "{{.Id}}", f"{self.slug}:{tag}")

    def build_log(self) -> str:
        return self.read(".local/build.log")

    def steps(self) -> dict[str, str]:
        """Return what the last build did with each step: DONE, or CACHED. What only fetches is no step."""
        log = self.build_log()
        names = re.findall(r"^#(\d+) \[(?!internal\])([^\]]+)\] (?!FROM )", log, re.MULTILINE)
        ends = dict(re.findall(r"^#(\d+) (CACHED|DONE)\b", log, re.MULTILINE))
        return {name: ends.get(number, "") for number, name in names}

    def remove_clone(self) -> None:
        """Remove the containers, networks and volumes of this clone, whoever owns it. Its images stay for others."""
        for name in self.lines(".local/clone")[:1]:
            label = f"label=com.docker.compose.project={name}"
            for container in docker("ps", "--all", "--quiet", "--filter", label).split():
                docker("rm", "--force", "--volumes", container, check=False)
            for kind in ("network", "volume"):
                for each in docker(kind, "ls", "--quiet", "--filter", label).split():
                    docker(kind, "rm", each, check=False)

    def remove(self) -> None:
        """Remove what the project made on the engine, whatever a test left."""
        for name in self.containers():
            docker("rm", "--force", "--volumes", name, check=False)
        for kind in ("network", "volume"):
            for name in docker(kind, "ls", "--quiet", "--filter", f"name={self.slug}-").split():
                docker(kind, "rm", name, check=False)
        # By name, those of services too, and those that have lost theirs to a later build.
        label = f"label=org.opencontainers.image.title={self.slug}"
        for mine in (f"reference={self.slug}", f"reference={self.slug}-*", label):
            for image in docker("image", "ls", "--quiet", "--filter", mine).split():
                docker("image", "rm", "--force", image, check=False)


def wait_until(condition, seconds: int = 120):
    """Wait for a true value, and return it. A busy machine needs far longer than a person waits."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        # Most conditions ask Docker, which takes processor time that the awaited program needs.
        time.sleep(0.5)
    raise AssertionError(f"timed out after {seconds} s")


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody, with the settings of nobody, and return what it prints."""
    me = ("-c", "user.name=me", "-c", "user.email=me@example.org", "-c", "core.excludesFile=")
    return subprocess.run(["git", *me, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def state(folder: Path) -> dict:
    """Return what is in each file, and its mode, without what belongs to git and to one machine."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and name.parts[0] not in (".git", ".local", ".env"):
            found[name.as_posix()] = (hashlib.sha256(path.read_bytes()).hexdigest(), oct(path.stat().st_mode))
    return found


def changed(before: dict, after: dict) -> set[str]:
    """Return the files that differ in two results of `state`."""
    return {name for name in before | after if before.get(name) != after.get(name)}


def leftovers(project: Project) -> list[str]:
    """Return what a command left in .local that should go with it."""
    return [path.name for path in (project.path / ".local").glob("*") if path.name.startswith(("tmp.", "add"))]


def edit(project: Project, name: str, old: str, new: str) -> None:
    """Replace a text in a file of a project once."""
    text = project.read(name)
    assert old in text
    (project.path / name).write_text(text.replace(old, new, 1), encoding="utf-8")
