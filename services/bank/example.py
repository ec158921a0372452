"""Open accounts, move money between them from several threads at once, and load the transactions.

No transfer may create or lose money, or happen twice.
"""

import random
from concurrent.futures import ThreadPoolExecutor, as_completed
from uuid import uuid4

from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.access import wait_for
from services.bank import client

OWNERS = ["Ada", "Björn", "Chloé", "Dmitri", "Emeka", "Fatima"]
TRANSFERS = 400


def send(number: int, numbers: list[int]) -> int:
    """Send a transfer between two random accounts, some of them twice, and return the status."""
    choice = random.Random(number)
    source, target = choice.sample(numbers, 2)
    amount = f"{choice.randint(1, 9999) / 100:.2f}"
    body = {"source": source, "target": target, "amount": amount, "note": f"example {number}"}
    key = uuid4().hex
    status, answer = client.request("/transfers", body, key)
    if status == 201 and number % 4 == 0:
        again, same = client.request("/transfers", body, key)
        if (again, same["id"]) != (200, answer["id"]):
            raise SystemExit("error: a repeated request moved money again. Report it.")
    return status


def main() -> None:
    """Make the round trip and print it."""
    wait_for("bank", 8080)
    numbers = [client.open_account(owner, "100.00") for owner in OWNERS]
    print(f"opened the accounts {numbers[0]} to {numbers[-1]} with 100.00 EUR each")

    statuses = []
    with ThreadPoolExecutor(8) as threads:
        sent = [threads.submit(send, number, numbers) for number in range(TRANSFERS)]
        for done in as_completed(sent):
            statuses.append(done.result())
            if len(statuses) % 100 == 0:
                print(f"sent {len(statuses)} of {TRANSFERS} transfers")
    made, refused = statuses.count(201), statuses.count(409)
    print(f"{made} transfers were made, and {refused} refused because an account had too little")

    accounts = client.accounts().set_index("id").loc[numbers]
    rows = client.transactions()
    rows = rows[rows["target"].isin(numbers)]
    received = rows.groupby("target")["cents"].sum()
    paid = rows.groupby("source")["cents"].sum()
    if accounts["cents"].sum() != 100_00 * len(numbers) or accounts["cents"].min() < 0:
        raise SystemExit("error: the sum of the balances has changed. Report it.")
    if not (received.sub(paid, fill_value=0) == accounts["cents"]).all():
        raise SystemExit("error: balances and transactions differ. Report it.")
    if made + refused != TRANSFERS or len(rows) != made + len(numbers):
        raise SystemExit("error: transfers are missing, or were made twice. Report it.")
    print(f"the sum is still {accounts['cents'].sum() / 100:.2f} EUR, and every balance is right")

    moved = rows.dropna(subset="source").groupby("source_owner")["amount"]
    print("what each owner paid:", moved.agg(["count", "sum", "median", "max"]), sep="\n")


if __name__ == "__main__":
    with exit_on_os_error():
        main()
