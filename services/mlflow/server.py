"""Start the MLflow server after bringing its tables up to date."""

import os
from importlib.metadata import version
from pathlib import Path

from {{ cookiecutter.package_name }}.files import ROOT, exit_on_os_error

from services.access import password, wait_for

SERVICES = [folder.name for folder in (ROOT / "services").iterdir()]
STORE = Path("/var/tmp")
SQLITE = f"sqlite:///{STORE}/mlflow.db"
# Each worker takes 200 MB, and one is enough for one person.
OPTIONS = ["--host", "0.0.0.0", "--port", "5000", "--workers", "1", "--serve-artifacts"]
QUIET = ["--uvicorn-opts", "--no-access-log"]


def database() -> str:
    """Return the URL of the database: MLFLOW_DATABASE, or SQLite in the volume.

    If the URL has no password and its host is a service of this project, use that service's.

    Raises:
        ServiceError: Nothing answers at the host and port of the URL.
    """
    setting = os.environ.get("MLFLOW_DATABASE")
    if not setting:
        return SQLITE
    from sqlalchemy import create_engine, make_url

    url = make_url(setting)
    if url.host and url.port:
        wait_for(url.host, url.port)
    if url.password is None and url.host in SERVICES:
        url = url.set(password=password(f"{url.host}_password"))
    # Fail at once if the database cannot be used. MLflow itself would retry for minutes.
    create_engine(url).connect().close()
    return url.render_as_string(hide_password=False)


def main() -> None:
    """Upgrade the tables if they may be from an older MLflow, then become the server."""
    address, installed, known = database(), version("mlflow"), STORE / "version"
    if address != SQLITE or not known.exists() or known.read_text() != installed:
        # Imported only here because it takes seconds.
        from mlflow.db import commands

        commands.main(["upgrade", address], standalone_mode=False)
        if address == SQLITE:
            known.write_text(installed)
    # Not as an option: everybody can read the arguments of a process.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = address
    artifacts = ["--artifacts-destination", str(STORE / "artifacts")]
    os.execvp("mlflow", ["mlflow", "server", *OPTIONS, *QUIET, *artifacts])


if __name__ == "__main__":
    with exit_on_os_error():
        main()
