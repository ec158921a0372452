"""Connect to the project's MySQL."""

from functools import cache

from sqlalchemy import URL, Engine, create_engine

from services.access import password, wait_for


def engine() -> Engine:
    """Return an SQLAlchemy engine for the project's database once MySQL accepts connections.

    Raises:
        ServiceError: MySQL is not running, or was never started.
    """
    wait_for("mysql", 3306)
    return _engine(password("mysql_password"))


# Calls share one pool of connections for as long as the password is the same.
@cache
def _engine(secret: str) -> Engine:
    url = URL.create(
        "mysql+pymysql",
        username="analyst",
        password=secret,
        host="mysql",
        database="{{ cookiecutter.package_name }}",
    )
    # pool_pre_ping replaces connections that a restart of MySQL has closed.
    return create_engine(url, pool_pre_ping=True)
