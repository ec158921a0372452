"""Measure the memory that the containers of each service take, and write it into the service's README.

`make memory` measures all services in one project; `make memory ARGS="postgres redis"` measures some. The numbers come
from `docker stats`, which leaves out files that the kernel can drop. A service whose image cannot be pulled is skipped.
"""

import functools
import os
import re
import subprocess
import sys
import tempfile
import threading
import uuid
from pathlib import Path

TEMPLATE = Path(__file__).parent.parent
sys.path.insert(0, str(TEMPLATE))

from generation.services import catalogue, with_needs  # noqa: E402

UNITS = {"B": 1e-6, "KiB": 2**10 / 1e6, "MiB": 2**20 / 1e6, "GiB": 2**30 / 1e6}
SENTENCE = re.compile(r"It takes \d+ MB of memory when idle and up to \d+ MB in its example\.")
SLUG = f"memory-{uuid.uuid4().hex[:8]}"

print = functools.partial(print, flush=True)


def docker(*arguments: str) -> str:
    """Run the engine's client, and return what it prints. A container that ends meanwhile is no error."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True).stdout


def usage() -> dict[str, float]:
    """Return the memory of the project's running containers in MB, by their names in Compose.

    Several containers of one name are added up.
    """
    listed = docker("ps", "--filter", f"name={SLUG}-", "--format", '{{.Names}} {{.Label "com.docker.compose.service"}}')
    services = dict(line.split() for line in listed.splitlines())
    stats = docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", *services) if services else ""
    memory: dict[str, float] = {}
    for name, number, unit in re.findall(r"^(\S+) ([0-9.]+)([KMG]?i?B) ", stats, re.MULTILINE):
        memory[services[name]] = memory.get(services[name], 0) + float(number) * UNITS[unit]
    return memory


def of_service(service: str, memory: dict[str, float], names: list[str]) -> dict[str, float]:
    """Return the containers that belong to a service: those whose longest matching name it is."""
    owners = {
        container: max(
            (name for name in names if container == name or container.startswith(f"{name}-")), key=len, default=None
        )
        for container in memory
    }
    return {container: memory[container] for container, owner in owners.items() if owner == service}


def make(project: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
    kept = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL")}
    done = subprocess.run(["make", *arguments], cwd=project, env=kept, capture_output=True, text=True)
    if check and done.returncode:
        raise SystemExit(f"error: make {' '.join(arguments)} failed. It says: {done.stderr.strip().splitlines()[-2]}")
    return done


def measure(project: Path, service: str, names: list[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the memory in MB of each container of a service, when it is idle and at most while its example runs."""
    make(project, "up", f"SERVICE={service}")
    idle = of_service(service, usage(), names)
    peak = dict(idle)
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            for container, memory in of_service(service, usage(), names).items():
                peak[container] = max(memory, peak.get(container, 0))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        make(project, f"example-{service}")
    finally:
        ended.set()
        thread.join()
    make(project, "down")
    return idle, peak


def main() -> None:
    """Measure the services in the arguments, or all."""
    services = sys.argv[1:] or catalogue()
    names = with_needs(services)
    with tempfile.TemporaryDirectory() as folder:
        answers = [f"project_slug={SLUG}", f"services={','.join(services)}"]
        subprocess.run(
            [sys.executable, "-m", "cookiecutter", TEMPLATE, "--no-input", "--output-dir", folder, *answers],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        project = Path(folder) / SLUG
        try:
            make(project, "build")
            for service in services:
                if make(project, "up", f"SERVICE={service}", check=False).returncode:
                    print(f"{service}: did not start, and is skipped")
                    continue
                idle, peak = measure(project, service, names)
                print(f"{service}:", {name: (round(idle.get(name, 0)), round(peak[name])) for name in peak})
                readme = TEMPLATE / "services" / service / "README.md"
                sentence = (
                    f"It takes {sum(idle.values()):.0f} MB of memory when idle and up to {sum(peak.values()):.0f} MB"
                    " in its example."
                )
                text, count = SENTENCE.subn(sentence, readme.read_text(encoding="utf-8"))
                if count:
                    readme.write_text(text, encoding="utf-8")
        finally:
            for service in services:
                make(project, "down", f"SERVICE={service}", "VOLUMES=1", check=False)
            make(project, "clean", "IMAGES=1", check=False)


if __name__ == "__main__":
    main()
