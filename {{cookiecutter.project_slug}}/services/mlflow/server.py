{% set postgres = "postgres" in cookiecutter.services | picked %}
{% if postgres %}
"""Start MLflow's server on a database of its own in Postgres, with its tables up to date."""
{% else %}
"""Start MLflow's server, with its tables up to date."""
{% endif %}

import os
from importlib.metadata import version
from pathlib import Path
{% if postgres %}

from sqlalchemy import URL, create_engine, text

from {{ cookiecutter.package_name }}.files import one_line_errors
from {{ cookiecutter.package_name }}.services import wait_for
{% endif %}

STORE = Path("/var/tmp")
{% if postgres %}
SECRET = Path("/run/secrets/postgres_password")
{% endif %}
# One worker is enough for one person: each takes 200 MB.
OPTIONS = ["--host", "0.0.0.0", "--port", "5000", "--workers", "1", "--serve-artifacts"]
QUIET = ["--uvicorn-opts", "--no-access-log"]


{% if postgres %}
def database(name: str = "mlflow") -> str:
    """Return the address of a database, which is made where it is missing."""
    wait_for("postgres", 5432)
    address = URL.create(
        "postgresql+psycopg",
        username="analyst",
        password=SECRET.read_text(),
        host="postgres",
        database="{{ cookiecutter.package_name }}",
    )
    with create_engine(address, isolation_level="AUTOCOMMIT").connect() as connection:
        query = text("select 1 from pg_database where datname = :name")
        if not connection.scalar(query, {"name": name}):
            connection.execute(text(f'create database "{name}"'))
    return address.set(database=name).render_as_string(hide_password=False)
{% else %}
def database() -> str:
    """Return the address of the database."""
    return f"sqlite:///{STORE}/mlflow.db"
{% endif %}


def main() -> None:
    """Become the server. The tables are those of an older MLflow where its version changed."""
    address, installed, known = database(), version("mlflow"), STORE / "version"
    if not known.exists() or known.read_text() != installed:
        # Only here, since it takes seconds.
        from mlflow.db import commands

        commands.main(["upgrade", address], standalone_mode=False)
        known.write_text(installed)
    # In the environment, since anybody can read the arguments of a process.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = address
    artifacts = ["--artifacts-destination", str(STORE / "artifacts")]
    os.execvp("mlflow", ["mlflow", "server", *OPTIONS, *QUIET, *artifacts])


if __name__ == "__main__":
{% if postgres %}
    with one_line_errors():
        main()
{% else %}
    main()
{% endif %}
