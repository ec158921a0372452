"""Connect to the project's Postgres."""

from functools import cache

from sqlalchemy import URL, Engine, create_engine

from services.access import password, wait_for


def engine() -> Engine:
    """Return an SQLAlchemy engine for the project's database once Postgres accepts connections.

    Raises:
        ServiceError: Postgres is not running, or was never started.
    """
    wait_for("postgres", 5432)
    return _engine(password("postgres_password"))


# Calls share one pool of connections for as long as the password is the same.
@cache
def _engine(secret: str) -> Engine:
    url = URL.create(
        "postgresql+psycopg",
        username="analyst",
        password=secret,
        host="postgres",
        database="{{ cookiecutter.package_name }}",
    )
    # pool_pre_ping replaces connections that a restart of Postgres has closed.
    return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 5})
