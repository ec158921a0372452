"""Connect to the project's Oracle Database; Oracle's client libraries are not needed."""

from functools import cache

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.exc import DatabaseError

from services.access import ServiceError, password, wait_for

# Oracle's numbers of errors, and those of the driver, with what to do.
PROBLEMS = {
    "ORA-01017": "does not accept the password in .env. Set it: make password-oracle",
    "ORA-28000": "has locked the user analyst. Unlock it: make password-oracle",
    "DPY-6001": "is still starting. Wait until it is healthy: make up SERVICE=oracle",
    "ORA-01033": "is still starting. Wait until it is healthy: make up SERVICE=oracle",
    "DPY-4011": "has closed the connection. See make logs SERVICE=oracle",
    "DPY-6005": "does not answer. Start it: make up SERVICE=oracle",
}


def engine() -> Engine:
    """Return an SQLAlchemy engine for the project's database once Oracle accepts connections.

    Raises:
        ServiceError: Oracle is not running, was never started, or refuses the user.
    """
    wait_for("oracle", 1521)
    database = _engine(password("oracle_password"))
    try:
        # The listener accepts connections before the database is open.
        database.connect().close()
    except DatabaseError as error:
        raise problem(error) from error
    return database


def problem(error: DatabaseError) -> ServiceError:
    """Return an error that says what is wrong, and what to do."""
    text = str(error.orig)
    for number, message in PROBLEMS.items():
        if number in text:
            return ServiceError(f"oracle {message}.")
    reason = text.splitlines()[0].rstrip(".")
    return ServiceError(f"oracle refuses the connection ({reason}). See make logs SERVICE=oracle.")


# Calls share one pool of connections for as long as the password is the same.
@cache
def _engine(secret: str) -> Engine:
    url = URL.create(
        "oracle+oracledb",
        username="analyst",
        password=secret,
        host="oracle",
        port=1521,
        query={"service_name": "FREEPDB1"},
    )
    # pool_pre_ping replaces connections that a restart of Oracle has closed.
    return create_engine(url, pool_pre_ping=True, connect_args={"tcp_connect_timeout": 5})
