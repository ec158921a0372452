"""Reach the services of this project: their passwords, and a wait until they accept connections."""

import os
import socket
import time

from {{ cookiecutter.package_name }}.files import ROOT


class ServiceError(OSError):
    """A service cannot be used. The message says what to do."""


def password(name: str) -> str:
    """Return a password from `.env`, by its name in lower case, such as `postgres_password`.

    Raises:
        ServiceError: The service has never been started, so it has no password yet.
    """
    if value := os.environ.get(name.upper()):
        return value
    file = ROOT / ".local" / "secrets" / name
    if not file.exists():
        service = name.removesuffix("_password")
        raise ServiceError(f"{service} has no password yet. Start it: make up SERVICE={service}.")
    return file.read_text()


def wait_for(host: str, port: int, service: str | None = None, seconds: float = 10) -> None:
    """Return as soon as `host` accepts connections on `port`.

    `service` is the name for the error message if it differs from `host`.

    Raises:
        ServiceError: Nothing accepts connections after that many seconds.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host, port), timeout=2).close()
            return
        except OSError:
            if time.monotonic() > end:
                start = f"make up SERVICE={service or host}"
                message = f"nothing answers at {host}:{port}. Start it: {start}."
                raise ServiceError(message) from None
            time.sleep(0.2)
