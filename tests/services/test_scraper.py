"""The scraper: the rows that it stores, and the rows that survive a failure."""

import json
import subprocess

import pytest
import support
from selenium.webdriver.common.by import By
from support import docker, wait_until

pytestmark = pytest.mark.docker

SCRAPE = "python -m services.scraper.scrape"


@pytest.fixture(scope="module")
def started(with_service):
    """The services, started once."""
    project = with_service("scraper")
    project.ok("up")
    yield project
    project.make("down")


@pytest.fixture
def project(started):
    """The services, without rows of an earlier test, and up again after a test."""
    sql(started, "drop table if exists products")
    yield started
    started.ok("up")


def sql(project, statement: str) -> str:
    command = (
        f'psql --username analyst --dbname "$POSTGRES_DB" --quiet --tuples-only --no-align --command "{statement}"'
    )
    return docker("exec", project.container("postgres"), "sh", "-c", command, check=False)


def rows(project) -> int:
    return int(sql(project, "select count(*) from products") or 0)


def products(project) -> list[dict]:
    return json.loads(project.read("services/scraper/src/products.json"))


def test_rows_are_what_the_shop_shows(project):
    """A second run adds none, and updates those that have changed."""
    assert project.ok("scrape").endswith("44 products on 4 pages: 44 new, 0 changed\n")
    stored = json.loads(sql(project, "select json_agg(products) from products"))
    columns = list(products(project)[0])
    expected = {each["sku"]: each for each in products(project)}
    assert {each["sku"]: {name: each[name] for name in columns} for each in stored} == expected
    assert {each["shop"] for each in stored} == {"scraper-shop:8080"}

    sale = json.loads(project.read("services/scraper/src/sale.json"))
    output = project.run(f"{SCRAPE} 'http://scraper-shop:8080/?prices=sale'")
    assert output.endswith(f"44 products on 4 pages: 0 new, {len(sale)} changed\n")
    assert rows(project) == 44
    assert sql(project, "select price from products where sku = 'M004'") == "1879.20"
    assert int(sql(project, "select count(*) from products where changed > first_seen")) == len(sale)


def test_run_survives_a_restart_of_the_browser(project):
    """If the browser is killed, the next run completes the rows."""
    scraper = subprocess.Popen(
        ["make", "run", f"CMD={SCRAPE} --delay 2"],
        cwd=project.path,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: rows(project) == 12)
    docker("restart", "--time", "0", project.container("scraper"))
    wait_until(lambda: rows(project) == 24)
    docker("kill", project.container("scraper"))
    _, errors = scraper.communicate(timeout=120)
    assert scraper.returncode != 0
    (line,) = (line for line in errors.splitlines() if not line.startswith("make: "))
    assert line.startswith("error: the browser at http://scraper:4444 does not answer.")
    stored = rows(project)
    assert stored in (24, 36)

    project.ok("up")
    assert f"44 products on 4 pages: {44 - stored} new" in project.ok("scrape")
    assert rows(project) == 44


def test_page_that_cannot_be_read_is_not_stored(project):
    file = project.path / "services/scraper/src/products.json"
    good = file.read_text(encoding="utf-8")
    try:
        wrong = products(project)
        wrong[20]["currency"] = "coins"
        file.write_text(json.dumps(wrong), encoding="utf-8")
        error = project.error("scrape")
        assert error.startswith("error: a product's price is 'undefined") and error.endswith("Adapt it.")
        assert rows(project) == 12
    finally:
        file.write_text(good, encoding="utf-8")


def test_fault_of_a_page_is_one_line(project):
    pages = ("http://postgres:8080/", "http://scraper-shop:8080/?page=99", "http://scraper-shop:8080/no")
    done = project.make("run", "CMD=" + "; ".join(f"{SCRAPE} '{page}'" for page in pages))
    down, empty, missing, _ = done.stderr.splitlines()
    assert down.startswith(f"error: the page {pages[0]} cannot be loaded (ERR_CONNECTION_REFUSED).")
    assert empty.startswith(f"error: the page {pages[1]} has no products.")
    assert missing == f"error: the page {pages[2]} answers with status 404. Check its address."
    assert rows(project) == 0


def test_backup_of_the_former_database_can_be_loaded(project):
    """The scraper used to have its own Postgres. The CHANGELOG tells how to move its rows."""
    sql(project, "create table products as select 44 as sku")
    container = project.container("postgres")
    file = project.path / "data" / "backups" / "scraper-2026-11-01T10-00-00Z"
    file.parent.mkdir(exist_ok=True)
    dump = 'pg_dump --username analyst --format custom --table products "$POSTGRES_DB"'
    file.write_bytes(subprocess.run(["docker", "exec", container, "sh", "-c", dump], capture_output=True).stdout)
    sql(project, "drop table products")
    load = 'pg_restore --username analyst --dbname "$POSTGRES_DB" --single-transaction'
    command = f"docker compose exec -T postgres sh -c '{load}' <data/backups/scraper-2026-11-01T10-00-00Z"
    subprocess.run(command, shell=True, cwd=project.path, check=True)
    assert rows(project) == 1


def test_up_of_the_scraper_starts_its_database(project):
    project.ok("down")
    project.ok("up", "SERVICE=scraper")
    assert project.container("postgres")


def test_shop_draws_its_pages_by_script(project):
    with support.browser(project.network()) as driver:

        def shown():
            wait_until(lambda: driver.find_elements(By.CSS_SELECTOR, "#products[aria-busy=false]"))
            return len(driver.find_elements(By.CSS_SELECTOR, ".product"))

        def turn(rel):
            driver.find_element(By.CSS_SELECTOR, f"a[rel={rel}]").click()
            return shown()

        driver.get("http://scraper-shop:8080/")
        assert shown() == 12
        support.picture(driver, "scraper")
        assert [turn("next"), turn("next"), turn("next"), turn("prev")] == [12, 12, 8, 12]
        assert driver.current_url.endswith("?page=3")
        assert support.console(driver) == []


def test_shop_that_cannot_read_its_files_says_what_to_do(project):
    folder = project.path / "services/scraper/src"
    docker("rm", "--force", project.container("scraper-shop"))
    folder.chmod(0o700)
    try:
        assert project.error("up").endswith("Allow it: chmod -R go+rX services/scraper/src.")
    finally:
        folder.chmod(0o755)
        docker("rm", "--force", project.container("scraper-shop"))
