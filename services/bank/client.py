"""Use the bank from a notebook: open accounts, transfer money, and load the transactions."""

import json
import urllib.error
import urllib.request
import uuid
from typing import Any

import pandas as pd
from sqlalchemy import Engine

from services.access import ServiceError, wait_for
from services.postgres.client import engine

URL = "http://bank:8080/api"

# Understood by Postgres and Oracle. Cents are whole numbers, so sums are exact.
ACCOUNTS = """
select id, owner, currency, cast(balance * 100 as numeric(19)) as cents, opened
from bank.account order by id
"""
TRANSACTIONS = """
select t.id, t.made, t.source, s.owner as source_owner, t.target, g.owner as target_owner,
       g.currency, cast(t.amount * 100 as numeric(19)) as cents, t.note
from bank.transfer t
left join bank.account s on s.id = t.source
join bank.account g on g.id = t.target
order by t.id
"""


def request(path: str, body: dict[str, Any] | None = None, key: str = "") -> tuple[int, Any]:
    """Send a GET request, or a POST request if there is a body. Return the status and the JSON.

    A request with the same `key` as an earlier one returns what that one did, and does nothing.
    """
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": key or uuid.uuid4().hex}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(URL + path, data, headers), timeout=60
        ) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def open_account(owner: str, deposit: str = "0", currency: str = "EUR") -> int:
    """Open an account with a first deposit, such as `"12.50"`, and return its number.

    Raises:
        ServiceError: The bank refuses it or is not running.
    """
    return _post("/accounts", {"owner": owner, "deposit": deposit, "currency": currency})["id"]


def transfer(source: int, target: int, amount: str, note: str = "") -> int:
    """Move an amount, such as `"12.50"`, to another account, and return the transaction's number.

    Raises:
        ServiceError: The bank refuses it or is not running.
    """
    body = {"source": source, "target": target, "amount": amount, "note": note}
    return _post("/transfers", body)["id"]


def accounts(database: Engine | None = None) -> pd.DataFrame:
    """Return a row for each account. Its balance is in cents.

    `database` is an engine for a database other than the project's Postgres.
    """
    return _table(ACCOUNTS, database)


def transactions(database: Engine | None = None) -> pd.DataFrame:
    """Return a row for each transaction, the first deposits of accounts included.

    A deposit has no source. `amount` is for statistics, and `cents` for exact sums. `database` is
    an engine for a database other than the project's Postgres.
    """
    rows = _table(TRANSACTIONS, database)
    return rows.assign(amount=rows["cents"] / 100)


def _post(path: str, body: dict[str, Any]) -> dict[str, Any]:
    wait_for("bank", 8080)
    status, answer = request(path, body)
    if status not in (200, 201):
        raise ServiceError(f"the bank refused: {' '.join(answer['errors'].values())}")
    return answer


def _table(query: str, database: Engine | None) -> pd.DataFrame:
    rows = pd.read_sql(query, database or engine())
    whole = rows.columns.intersection(["id", "source", "target", "cents"])
    times = rows.columns.intersection(["made", "opened"])
    rows[times] = rows[times].apply(pd.to_datetime, utc=True)
    return rows.astype(dict.fromkeys(whole, "Int64") | {"currency": "category"})
