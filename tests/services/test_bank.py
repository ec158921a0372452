"""The bank: what a person does with it in a browser, and that no fault creates, loses or repeats a transfer."""

import json
import random
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener
from uuid import uuid4

import pytest
import support
from selenium.webdriver.common.by import By
from support import docker, wait_until

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def project(with_service):
    project = with_service("bank")
    project.ok("up")
    yield project
    project.make("down")


def call(project, path: str, body=None, key: str | None = None, **headers: str) -> tuple[int, dict]:
    """Send a request as a program does; return the status (0: no answer) and the JSON."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": key or uuid4().hex} | headers
    try:
        request = Request(f"http://127.0.0.1:{project.setting('BANK_PORT')}/api{path}", data, headers)
        with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        text = error.read().decode()
        return error.code, json.loads(text)["errors"] if text.startswith("{") else {"": text}
    except OSError:
        return 0, {}


def open_account(project, deposit: str = "100", owner: str = "Ada", currency: str = "EUR") -> int:
    status, account = call(project, "/accounts", {"owner": owner, "currency": currency, "deposit": deposit})
    assert status == 201
    return account["id"]


def sql(project, statement: str) -> str:
    client = 'psql --username analyst --dbname "$POSTGRES_DB" --quiet --no-align --tuples-only --set ON_ERROR_STOP=1'
    command = ["docker", "exec", "--interactive", project.container("postgres"), "sh", "-c", client]
    done = subprocess.run(command, input=statement, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def balances(project) -> dict[int, str]:
    """Return the balances, which have to be the sums of the transactions."""
    wrong = sql(
        project,
        """select a.id from bank.account a where balance <> (select coalesce(sum(
           case when t.target = a.id then t.amount else -t.amount end), 0) from bank.transfer t
           where a.id in (t.source, t.target));""",
    )
    assert wrong == ""
    rows = sql(project, "select id, balance from bank.account order by id;").splitlines()
    return {int(number): balance for number, balance in (row.split("|") for row in rows)}


@pytest.fixture
def page(project):
    # As a person opens it. In Chromium, http://bank would be https: `bank` is a top-level domain that requires it.
    with support.browser(f"container:{project.container('bank')}") as driver:
        driver.get("http://127.0.0.1:8080/")
        yield driver


def text(page, css: str = "body") -> str:
    # In one step, because an element may disappear with its page before its text is read.
    return page.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", css)


def fill(page, **fields: str) -> None:
    for name, value in fields.items():
        field = wait_until(lambda name=name: page.find_elements(By.ID, name))[0]
        field.clear()
        field.send_keys(value)


def press(page, words: str) -> None:
    xpath = f"//main//*[self::a or self::button][normalize-space()='{words}']"
    wait_until(lambda: page.find_elements(By.XPATH, xpath))[0].click()


def test_person_opens_accounts_and_transfers_money(project, page):
    """Also with a name that is a script, wrong amounts, and a double click."""
    name = "<img src=x onerror=\"document.title='hacked'\"> O'Brien <b>&amp;"
    for owner in ("Fatima", "Emeka", "Dmitri", "Chloé", "Björn", "Ada"):
        open_account(project, f"{len(owner) * 123.45:.2f}", owner)
    target = open_account(project, "0", "Ben")
    page.refresh()
    wait_until(lambda: "Ben" in text(page, "tbody"))
    support.picture(page, "bank")
    press(page, "Open an account")
    wait_until(lambda: "EUR" in text(page, "#currency"))
    fill(page, owner=name, deposit="1234.5")
    press(page, "Open account")
    wait_until(lambda: text(page, "#balance") == "€1,234.50")
    assert text(page, "#owner") == name
    source = int(page.current_url.rpartition("/")[2])
    assert text(page, "h1") == f"Account {source}"

    press(page, "Transfer money")
    fill(page, target=str(target))
    wait_until(lambda: [text(page, f"#{field}-help") for field in ("source", "target")] == [name, "Ben"])
    assert support.console(page) == []
    before = balances(project)
    for amount, message in {
        "-5": "The amount must be greater than 0.",
        "1.005": "Type at most two decimals.",
        "9999": f"Account {source} has only EUR 1234.50.",
    }.items():
        fill(page, target=str(target), amount=amount, note="")
        press(page, "Transfer")
        wait_until(lambda message=message: text(page, "#amount-help") == message)
        wait_until(lambda: page.switch_to.active_element.get_attribute("id") == "amount")
    fill(page, target=str(source), amount="5")
    press(page, "Transfer")
    wait_until(lambda: text(page, "#target-help") == "Choose another account than the one that pays.")
    assert balances(project) == before

    note = "<script>alert(1)</script>"
    fill(page, target=str(target), amount="10.05", note=note)
    page.execute_script("const button = document.querySelector('form button'); button.click(); button.click()")
    wait_until(lambda: f"€10.05 moved from account {source} to account {target}." in text(page, "#done"))
    assert balances(project) == before | {source: "1224.45", target: "10.05"}
    page.find_element(By.LINK_TEXT, str(target)).click()
    wait_until(lambda: text(page, "#balance") == "€10.05")
    cells = [cell.text for cell in wait_until(lambda: page.find_elements(By.CSS_SELECTOR, "tbody td"))]
    assert cells[1:] == [f"{source} {name}\n{note}", "+€10.05", "€10.05"]

    page.find_element(By.LINK_TEXT, "Accounts").click()
    fill(page, search="o'brien <")
    wait_until(lambda: text(page, "#count") == "1 account")
    assert name in text(page, "tbody") and page.title == "Bank: accounts"
    page.set_window_size(400, 800)
    for path in ("", "open", "transfer", f"accounts/{source}"):
        page.get(f"http://127.0.0.1:8080/{path}")
        wait_until(lambda: text(page, "h1"))
        # Nothing but a table scrolls sideways, and nothing comes from another server.
        assert page.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        loaded = page.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
        assert len(loaded) > 1 and all(address.startswith("http://127.0.0.1:8080/") for address in loaded)
    # Only the refused transfers, which the browser logs, too.
    assert all("/api/transfers" in line and (" 422 " in line or " 409 " in line) for line in support.console(page))


def test_invalid_request_changes_nothing(project):
    source, target, dollars = open_account(project), open_account(project), open_account(project, currency="USD")
    good = {"source": source, "target": target, "amount": "1"}
    before = balances(project)
    amounts = ("-1", "0", "0.00", "1.001", "1e2", "NaN", "1,5", "", None)
    for status, field, wrong in [
        *((422, "amount", {"amount": amount}) for amount in amounts),
        (422, "amount", {"amount": "1000000000.01"}),
        (422, "target", {"target": source}),
        (422, "target", {"target": 9}),
        (422, "source", {"source": "' or 1=1 --"}),
        (422, "note", {"note": "a\0b"}),
        (422, "note", {"note": "x" * 141}),
        (409, "amount", {"amount": "100.01"}),
        (409, "target", {"target": dollars}),
        (400, "", {"amount": [1]}),
        (400, "", {"balance": "1"}),
    ]:
        answer = call(project, "/transfers", good | wrong)
        assert (answer[0], list(answer[1])) == (status, [field]), wrong
    for wrong in ({"owner": " "}, {"owner": "x" * 101}, {"currency": "XXX"}, {"deposit": "-1"}):
        account = {"owner": "Eve", "currency": "EUR", "deposit": "1"} | wrong
        assert call(project, "/accounts", account) == (422, call(project, "/accounts", account)[1])
    assert call(project, "/transfers", b"{")[0] == 400
    assert call(project, "/transfers", b'{"note": "' + b"x" * 20_000 + b'"}')[0] == 413
    assert call(project, "/accounts/9") == (404, {"": "There is no account 9."})

    # Another site cannot send what this page can, and cannot reach it under a name of its own.
    body = json.dumps(good).encode()
    port = project.setting("BANK_PORT")
    for refused, headers in [
        (415, {"Content-Type": "text/plain"}),
        (403, {"Origin": "http://elsewhere.example"}),
        (403, {"Origin": "null"}),
        (403, {"Origin": "http://127.0.0.1:1"}),
        (421, {"Host": "elsewhere.example"}),
        (421, {"Host": f"elsewhere.example:{port}", "Origin": f"http://elsewhere.example:{port}"}),
        (422, {"Idempotency-Key": ""}),
    ]:
        assert call(project, "/transfers", body, **headers)[0] == refused, headers
    assert balances(project) == before

    # The same form again returns the same transfer; another form with its key is refused.
    key = uuid4().hex
    status, made = call(project, "/transfers", good, key, Origin=f"http://127.0.0.1:{port}")
    assert (status, made["sourceBalance"], made["targetBalance"]) == (201, "99.00", "101.00")
    assert call(project, "/transfers", good, key) == (200, made)
    assert call(project, "/transfers", good | {"amount": "2"}, key)[0] == 409
    assert balances(project) == before | {source: "99.00", target: "101.00"}
    # The role of the application cannot rewrite history.
    for statement in ("delete from bank.transfer", "update bank.transfer set amount = 1", "drop table bank.account"):
        with pytest.raises(AssertionError, match=r"permission denied|must be owner"):
            sql(project, f"set role bank; {statement};")


def test_killed_back_end_loses_and_repeats_no_transfer(project):
    """Transfers run in opposite directions all the time. Each is sent until it has an answer."""
    numbers = [open_account(project) for _ in range(4)]
    before = balances(project)
    answered: dict[str, tuple[int, dict]] = {}
    unanswered = []

    def customer(seed: int) -> None:
        choice = random.Random(seed)
        for _ in range(50):
            source, target = choice.sample(numbers, 2)
            body = {"source": source, "target": target, "amount": f"{choice.randint(1, 5000) / 100:.2f}"}
            key = uuid4().hex
            while key not in answered:
                status, answer = call(project, "/transfers", body, key)
                if status in (200, 201, 409):
                    answered[key] = (status, answer)
                else:
                    assert status in (0, 503)
                    unanswered.append(key)
                    time.sleep(0.1)

    with ThreadPoolExecutor(8) as threads:
        customers = [threads.submit(customer, seed) for seed in range(8)]
        wait_until(lambda: len(answered) > 100)
        docker("exec", project.container("bank-api"), "bash", "-c", "kill -KILL -1", check=False)
        for each in customers:
            each.result()
    assert len(answered) == 8 * 50 and unanswered
    made = {answer["id"] for status, answer in answered.values() if status != 409}
    known = sql(project, f"select id from bank.transfer where source in ({', '.join(map(str, numbers))});")
    assert made == {int(number) for number in known.split()}
    after = balances(project)
    assert after.keys() == before.keys()
    assert sum(Decimal(after[number]) for number in numbers) == 400
    assert {key: after[key] for key in after if key not in numbers} == {
        key: before[key] for key in before if key not in numbers
    }


def test_database_that_is_away_is_reported_and_comes_back(project):
    source, target = open_account(project), open_account(project)
    body, key = {"source": source, "target": target, "amount": "1"}, uuid4().hex
    postgres = project.container("postgres")
    docker("kill", postgres)
    status, errors = call(project, "/transfers", body, key)
    assert (status, errors[""]) == (503, "The database does not answer, or is busy. Try again: nothing happens twice.")
    docker("start", postgres)
    wait_until(lambda: call(project, "/transfers", body, key)[0] in (200, 201))
    assert call(project, "/transfers", body, key)[0] == 200
    assert call(project, f"/accounts/{target}")[1]["balance"] == "101.00"


def test_restore_in_an_empty_postgres_brings_the_bank_back(project):
    """Nothing in the backup depends on the bank's role, which a new server does not have."""
    source, target = open_account(project), open_account(project)
    before = balances(project)
    project.ok("backup-postgres")
    assert call(project, "/transfers", {"source": source, "target": target, "amount": "1"})[0] == 201
    project.ok("down")
    project.ok("down", "SERVICE=postgres", "VOLUMES=1")
    project.ok("up", "SERVICE=postgres")
    project.ok("restore-postgres")
    # A password can be changed at any time: the bank sets it.
    settings = project.path / ".env"
    settings.write_text(settings.read_text().replace(project.setting("BANK_PASSWORD"), "another-password"))
    project.ok("up")
    assert balances(project) == before
    assert call(project, "/transfers", {"source": source, "target": target, "amount": "1"})[0] == 201


def start(project, **environment: str) -> str:
    """Start another back end, which has to fail, and return what it says."""
    secrets = f"{project.path}/.local/secrets"
    options = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
    for name in ("bank_password", "postgres_password"):
        options += ["--volume", f"{secrets}/{name}:/run/secrets/{name}:ro"]
    command = ["docker", "run", "--rm", "--network", project.network(), *options, f"{project.slug}-bank-api"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    return line.removeprefix("error: the bank cannot use its database: ")


def test_database_that_cannot_be_used_is_one_line(project):
    number = open_account(project)
    url = docker("exec", project.container("bank-api"), "printenv", "BANK_PROJECT_URL")
    assert "ORA-12541" in start(project, BANK_JDBC_URL="jdbc:oracle:thin:@//127.0.0.1:1521/FREEPDB1")
    wrong = start(project, BANK_JDBC_URL="jdbc:sqlite:bank")
    assert wrong == "its URL starts neither with jdbc:postgresql: nor with jdbc:oracle:"
    user = {"BANK_JDBC_URL": "jdbc:postgresql://postgres/postgres", "BANK_JDBC_USER": "nobody"}
    log = project.path / "reports" / "log"
    log.write_text(f"error: the bank cannot use its database: {start(project, **user)}\n")
    command = f". docker/lib/faults.sh; known_fault {log} services/bank/faults.txt"
    known = subprocess.check_output(["sh", "-c", command], cwd=project.path, text=True)
    reason = 'FATAL: password authentication failed for user "nobody"'
    assert known.startswith(f"the bank cannot use its database: {reason}. Check the settings BANK_*")
    # As if somebody had edited the first file of the tables.
    sql(project, "update bank.flyway_schema_history set checksum = checksum + 1 where version = '1';")
    assert start(project, BANK_PROJECT_URL=url).startswith("Validate failed")
    sql(project, "update bank.flyway_schema_history set checksum = checksum - 1 where version = '1';")

    project.ok("down", "SERVICE=bank")
    sql(project, "alter schema bank rename to mine; create schema bank; create table bank.other (n int);")
    error = project.error("up")
    assert error.startswith("error: the schema bank of its database has other tables. Rename that schema")
    sql(project, "drop schema bank cascade; alter schema mine rename to bank;")
    project.ok("up")
    assert balances(project)[number] == "100.00"
