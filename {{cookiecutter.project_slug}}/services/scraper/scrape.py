"""Scrape a shop whose pages a script draws, from the first to the last, into Postgres.

For another shop, change `ADDRESS`, `Product` and the functions from `amount` to `read`.
"""

import argparse
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import (
    NoSuchElementException,
    TimeoutException,
    WebDriverException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait
from sqlalchemy import (
    URL,
    Column,
    DateTime,
    Engine,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    case,
    create_engine,
    func,
    or_,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from urllib3.exceptions import HTTPError

from {{ cookiecutter.package_name }}.files import one_line_errors
from {{ cookiecutter.package_name }}.services import password, wait_for

ADDRESS = "http://scraper-shop:8080/"
BROWSER = "http://scraper:4444"
# Seconds between two pages: a shop has other visitors too.
DELAY = 0.5
# Seconds in which the script of a page has to draw it.
PATIENCE = 10
# Seconds before what failed is tried again, and again.
PAUSES = (1, 2, 4)


class ScrapeError(OSError):
    """It makes no sense to go on, or to try again. The message says what to do."""


class PassingError(Exception):
    """It may work in a moment."""


@dataclass(frozen=True)
class Product:
    """What a page says of a product, as numbers where it shows numbers."""

    sku: str
    name: str
    category: str
    price: Decimal
    currency: str
    rating: Decimal | None
    reviews: int
    stock: int


@dataclass
class Count:
    """What a run has stored."""

    pages: int = 0
    products: int = 0
    new: int = 0
    changed: int = 0

    def __str__(self) -> str:
        return (
            f"{self.products} products on {self.pages} pages: "
            f"{self.new} new, {self.changed} changed"
        )


def matching(pattern: str, text: str, what: str) -> re.Match:
    """Match the whole of a text on the page.

    Errors: ScrapeError, since a wrong number is worse than none.
    """
    if match := re.fullmatch(pattern, text):
        return match
    raise ScrapeError(f"a product's {what} is {text!r}, which is not understood. Adapt scrape.py.")


def amount(text: str) -> tuple[str, Decimal]:
    """Read a price: "€1,189.50" is ("EUR", Decimal("1189.50"))."""
    match = matching(r"([€$£])(\d{1,3}(?:,\d{3})*(?:\.\d{2})?)", text, "price")
    currencies = {"€": "EUR", "$": "USD", "£": "GBP"}
    return currencies[match[1]], Decimal(match[2].replace(",", ""))


def opinion(text: str) -> tuple[Decimal | None, int]:
    """Read a rating: "4.3 out of 5 (1,204 reviews)", or that there is none yet."""
    if text == "No reviews yet":
        return None, 0
    match = matching(r"([0-5]\.\d) out of 5 \(([\d,]+) reviews\)", text, "rating")
    return Decimal(match[1]), int(match[2].replace(",", ""))


def in_stock(text: str) -> int:
    """Read how many there are: "In stock: 14", or "Sold out"."""
    return 0 if text == "Sold out" else int(matching(r"In stock: (\d+)", text, "stock")[1])


def product(card: WebElement) -> Product:
    """Read one product off the page."""

    def text(selector: str) -> str:
        return card.find_element(By.CSS_SELECTOR, selector).text.strip()

    currency, price = amount(text(".price"))
    rating, reviews = opinion(text(".rating"))
    return Product(
        sku=card.get_dom_attribute("data-sku"),
        name=text(".name"),
        category=text(".category"),
        price=price,
        currency=currency,
        rating=rating,
        reviews=reviews,
        stock=in_stock(text(".stock")),
    )


def read(driver: webdriver.Remote, address: str) -> tuple[list[Product], str | None]:
    """Read a page, once its script has drawn it, and the address of the next one, if any."""
    driver.get(address)
    status = driver.execute_script(
        "return performance.getEntriesByType('navigation')[0]?.responseStatus ?? 0"
    )
    if status in (408, 429) or status >= 500:
        raise PassingError(f"the page {address} answers with status {status}")
    if status >= 400:
        raise ScrapeError(f"the page {address} answers with status {status}. Check its address.")
    WebDriverWait(driver, PATIENCE).until(
        lambda driver: driver.find_elements(By.CSS_SELECTOR, "#products[aria-busy=false]")
    )
    for notice in driver.find_elements(By.CSS_SELECTOR, "#products [role=alert]"):
        raise PassingError(f"the page {address} says: {notice.text.rstrip('.')}")
    cards = driver.find_elements(By.CSS_SELECTOR, "#products .product")
    if not cards:
        raise ScrapeError(
            f"the page {address} has no products. Check its address, and whether it was changed."
        )
    following = driver.find_elements(By.CSS_SELECTOR, "#pages a[rel=next]")
    return list(map(product, cards)), following[0].get_attribute("href") if following else None


class Browser:
    """A session of the browser: opened for the first page, and given up where a page failed."""

    def __init__(self) -> None:
        self.driver: webdriver.Remote | None = None

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session, if the browser still has it."""
        driver, self.driver = self.driver, None
        if driver:
            with suppress(WebDriverException, HTTPError):
                driver.quit()

    def page(self, address: str) -> tuple[list[Product], str | None]:
        """Read a page. Errors: PassingError where a new session may help, else ScrapeError."""
        try:
            if not self.driver:
                # Longer than a browser that serves somebody else lets this one wait.
                settings = ClientConfig(remote_server_addr=BROWSER, timeout=90)
                options = webdriver.ChromeOptions()
                self.driver = webdriver.Remote(BROWSER, options=options, client_config=settings)
                self.driver.set_page_load_timeout(30)
            return read(self.driver, address)
        except NoSuchElementException as error:
            what = (error.msg or "").split("\n")[0]
            raise ScrapeError(f"{address} is not as expected: {what}. Adapt scrape.py.") from error
        except PassingError:
            self.close()
            raise
        except (WebDriverException, HTTPError) as error:
            self.close()
            raise PassingError(reason(error, address)) from error


def reason(error: Exception, address: str) -> str:
    """Say in a few words what the browser has run into."""
    words = str(getattr(error, "msg", None) or error)
    if network := re.search(r"net::(ERR_\w+)", words):
        return f"the page {address} cannot be loaded ({network[1]})"
    if isinstance(error, TimeoutException):
        return f"the page {address} shows nothing after {PATIENCE} seconds"
    if isinstance(error, HTTPError):
        return f"the browser at {BROWSER} does not answer"
    return f"the browser lost the page {address} ({words.splitlines()[0].rstrip('.')})"


def products_table(name: str = "products") -> Table:
    """Describe the table: a row for each product of each shop, however often it was seen."""
    now = {"type_": DateTime(timezone=True), "server_default": func.now(), "nullable": False}
    return Table(
        name,
        MetaData(),
        Column("shop", Text, primary_key=True),
        Column("sku", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("category", Text, nullable=False),
        Column("price", Numeric(12, 2), nullable=False),
        Column("currency", Text, nullable=False),
        Column("rating", Numeric(2, 1)),
        Column("reviews", Integer, nullable=False),
        Column("stock", Integer, nullable=False),
        Column("first_seen", **now),
        Column("last_seen", **now),
        Column("changed", **now),
    )


def connect() -> Engine:
    """Return the way to the scraper's Postgres."""
    wait_for("scraper-postgres", 5432, service="scraper")
    address = URL.create(
        "postgresql+psycopg",
        username="analyst",
        password=password("scraper_password"),
        host="scraper-postgres",
        database="{{ cookiecutter.package_name }}",
    )
    return create_engine(address, pool_pre_ping=True, connect_args={"connect_timeout": 5})


def store(engine: Engine, table: Table, shop: str, products: list[Product]) -> tuple[int, int]:
    """Store the products of a page, all or none: new ones are added, known ones brought up to date.

    Returns how many are new, and how many were known and have changed.
    """
    rows = {each.sku: {"shop": shop, **asdict(each)} for each in products}
    # In the same order always: two scrapers could wait for each other otherwise.
    statement = insert(table).values([rows[sku] for sku in sorted(rows)])
    seen = {field.name: statement.excluded[field.name] for field in fields(Product)}
    differs = or_(*(table.c[name].is_distinct_from(value) for name, value in seen.items()))
    # In a transaction now() stands still.
    changed = case((differs, func.now()), else_=table.c.changed)
    statement = statement.on_conflict_do_update(
        index_elements=[table.c.shop, table.c.sku],
        set_={**seen, "last_seen": func.now(), "changed": changed},
    ).returning(table.c.first_seen == func.now(), table.c.changed == func.now())
    try:
        with engine.begin() as connection:
            done = connection.execute(statement).all()
    except OperationalError as error:
        words = str(error.orig).strip().splitlines()[-1].rstrip(".")
        if "password authentication failed" in words:
            raise ScrapeError(
                "the scraper's Postgres has another password than .env. See its README.md."
            ) from error
        raise PassingError(f"Postgres does not answer ({words})") from error
    new = sum(is_new for is_new, _ in done)
    return new, sum(is_changed for _, is_changed in done) - new


def patiently(action: Callable[[], tuple]) -> tuple:
    """Do it, and again after a while where what failed may pass. Errors: ScrapeError in the end."""
    for pause in PAUSES:
        try:
            return action()
        except PassingError as error:
            print(f"{error}; again in {pause} s")
            time.sleep(pause)
    try:
        return action()
    except PassingError as error:
        raise ScrapeError(
            f"{error}. Try again when it is up: what was read before is stored."
        ) from error


def scrape(
    engine: Engine, address: str = ADDRESS, table: Table | None = None, delay: float = DELAY
) -> Count:
    """Store all products, from the page at `address` to the last one.

    A page is stored before the next is read.
    """
    table = products_table() if table is None else table
    wait_for("scraper", 4444)
    table.metadata.create_all(engine)
    shop = urlsplit(address).netloc
    count = Count()
    visited = set()
    with Browser() as browser:
        while address:
            if address in visited or urlsplit(address).netloc != shop:
                raise ScrapeError(f"'next' leads to {address}: no next page. Adapt scrape.py.")
            visited.add(address)
            if count.pages:
                time.sleep(delay)
            products, following = patiently(lambda page=address: browser.page(page))
            new, changed = patiently(lambda each=products: store(engine, table, shop, each))
            count.pages += 1
            count.products += len(products)
            count.new += new
            count.changed += changed
            print(f"page {count.pages}: {len(products)} products, {new} new, {changed} changed")
            address = following
    return count


def main() -> None:
    """Scrape the shop that is asked for, or the one in `ADDRESS`."""
    parser = argparse.ArgumentParser(description="Scrape a shop into Postgres.")
    parser.add_argument("address", nargs="?", default=ADDRESS, help="of its first page")
    parser.add_argument("--delay", type=float, default=DELAY, help="seconds between two pages")
    asked = parser.parse_args()
    print(scrape(connect(), asked.address, delay=asked.delay))


if __name__ == "__main__":
    with one_line_errors():
        main()
