"""How code reaches the services of this project: their passwords, and whether they are there."""

import os
import socket
import time

from {{ cookiecutter.package_name }}.files import ROOT


class ServiceError(OSError):
    """A service cannot be used. The message says what to do."""


def password(name: str) -> str:
    """Return the password of a service, by the name in its compose.yaml: `postgres_password`.

    Errors: ServiceError where there is none yet.
    """
    file = ROOT / ".local" / "secrets" / name
    if value := os.environ.get(name.upper()):
        return value
    if not file.exists():
        service = name.removesuffix("_password")
        raise ServiceError(f"{service} has no password yet. Start it: make up SERVICE={service}.")
    return file.read_text()


def wait_for(host: str, port: int, service: str | None = None, seconds: float = 10) -> None:
    """Return as soon as something listens at `host` and `port`.

    Errors: ServiceError where nothing does after some seconds; it names the service to start.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host, port), timeout=2).close()
            return
        except OSError:
            if time.monotonic() > end:
                start = f"make up SERVICE={service or host}"
                said = f"nothing answers at {host}:{port}. Start it: {start}."
                raise ServiceError(said) from None
            time.sleep(0.2)
