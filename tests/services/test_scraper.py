"""The scraper: what it stores, and what is left when something fails on the way."""

import json
import re
import subprocess

import pytest
import support
from selenium.webdriver.common.by import By
from support import docker, wait_until

pytestmark = pytest.mark.docker

SCRAPE = "python services/scraper/scrape.py"


@pytest.fixture(scope="module")
def started(with_service):
    """The services, started once."""
    project = with_service("scraper")
    project.ok("up")
    yield project
    project.make("down")


@pytest.fixture
def project(started):
    """The services, without rows of an earlier test, and all up again after a test."""
    sql(started, "drop table if exists products")
    yield started
    started.ok("up")


def sql(project, statement: str) -> str:
    command = (
        f'psql --username analyst --dbname "$POSTGRES_DB" --quiet --tuples-only --no-align --command "{statement}"'
    )
    return docker("exec", project.container("scraper-postgres"), "sh", "-c", command, check=False)


def rows(project) -> int:
    return int(sql(project, "select count(*) from products") or 0)


def products(project) -> list[dict]:
    return json.loads(project.read("services/scraper/src/products.json"))


def test_rows_are_what_the_shop_shows_and_a_second_run_adds_none(project):
    assert project.ok("scrape").endswith("44 products on 4 pages: 44 new, 0 changed\n")
    stored = json.loads(sql(project, "select json_agg(products) from products"))
    columns = list(products(project)[0])
    expected = {each["sku"]: each for each in products(project)}
    assert {each["sku"]: {name: each[name] for name in columns} for each in stored} == expected
    assert {each["shop"] for each in stored} == {"scraper-shop:8080"}

    sale = json.loads(project.read("services/scraper/src/sale.json"))
    said = project.run(f"{SCRAPE} 'http://scraper-shop:8080/?prices=sale'")
    assert said.endswith(f"44 products on 4 pages: 0 new, {len(sale)} changed\n")
    assert rows(project) == 44
    assert sql(project, "select price from products where sku = 'M004'") == "1879.20"
    assert int(sql(project, "select count(*) from products where changed > first_seen")) == len(sale)


def test_run_survives_a_restart_of_the_browser_and_the_next_run_completes_one_whose_browser_was_killed(project):
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


def test_page_that_is_not_understood_is_stored_as_a_whole_or_not_at_all(project):
    file = project.path / "services/scraper/src/products.json"
    good = file.read_text(encoding="utf-8")
    try:
        wrong = products(project)
        wrong[20]["currency"] = "coins"
        file.write_text(json.dumps(wrong), encoding="utf-8")
        error = project.error("scrape")
        assert error.startswith("error: a product's price is 'undefined") and error.endswith("Adapt scrape.py.")
        assert rows(project) == 12
    finally:
        file.write_text(good, encoding="utf-8")


def test_shop_that_does_not_answer_and_pages_without_products_are_one_line(project):
    pages = ("http://scraper-postgres:8080/", "http://scraper-shop:8080/?page=99", "http://scraper-shop:8080/no")
    done = project.make("run", "CMD=" + "; ".join(f"{SCRAPE} '{page}'" for page in pages))
    down, empty, missing, _ = done.stderr.splitlines()
    assert down.startswith(f"error: the page {pages[0]} cannot be loaded (ERR_CONNECTION_REFUSED).")
    assert empty.startswith(f"error: the page {pages[1]} has no products.")
    assert missing == f"error: the page {pages[2]} answers with status 404. Check its address."
    assert rows(project) == 0


def test_rows_come_back_from_a_backup(project):
    sql(project, "create table products as select 44 as sku")
    file = project.ok("backup-scraper").removeprefix("wrote ").strip()
    sql(project, "delete from products")
    assert rows(project) == 0
    project.ok("restore-scraper", f"FILE={file}")
    assert rows(project) == 1


def test_password_that_was_changed_reaches_the_database(project):
    sql(project, "create table products as select 44 as sku")
    env = project.path / ".env"
    env.write_text(re.sub("^SCRAPER_PASSWORD=.*", "SCRAPER_PASSWORD='it is new'", env.read_text(), flags=re.MULTILINE))
    assert project.error("up").endswith("Put the old one back, or give it the new one: make password-scraper.")
    assert project.ok("password-scraper") == "scraper has the password of .env; next: make up\n"
    project.ok("up")
    assert rows(project) == 1


def test_shop_is_drawn_by_its_script_page_by_page(project):
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


def test_shop_that_may_not_read_its_files_says_how_to_allow_it(project):
    folder = project.path / "services/scraper/src"
    docker("rm", "--force", project.container("scraper-shop"))
    folder.chmod(0o700)
    try:
        assert project.error("up").endswith("Allow it: chmod -R go+rX services/scraper/src.")
    finally:
        folder.chmod(0o755)
        docker("rm", "--force", project.container("scraper-shop"))
