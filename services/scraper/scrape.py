"""Scrape a shop whose pages are drawn by JavaScript, from the first to the last, into Postgres.

For another shop, change `ADDRESS`, `Product` and the functions from `amount` to `read`.
"""

import argparse
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Self
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
    Column,
    DateTime,
    Engine,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    case,
    func,
    or_,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from urllib3.exceptions import HTTPError

from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.access import wait_for
from services.postgres.client import engine

ADDRESS = "http://scraper-shop:8080/"
BROWSER = "http://scraper:4444"
# Seconds between two pages, so that the shop stays fast for its visitors.
DELAY = 0.5
# Seconds that the script of a page may take to draw it.
DRAWING_TIME = 10
# Seconds before the first, second and third retry.
RETRY_PAUSES = (1, 2, 4)


class ScrapeError(OSError):
    """The scraper cannot go on, and a retry would not help. The message says what to do."""


class TemporaryError(Exception):
    """A retry may succeed."""


@dataclass(frozen=True)
class Product:
    """A product as a page shows it, with numbers as numbers."""

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
    """The number of pages and products that a run has stored."""

    pages: int = 0
    products: int = 0
    new: int = 0
    changed: int = 0

    def __str__(self) -> str:
        return (
            f"{self.products} products on {self.pages} pages: "
            f"{self.new} new, {self.changed} changed"
        )


def matching(pattern: str, text: str, field: str) -> re.Match:
    """Match a whole text from the page.

    Raises:
        ScrapeError: It does not match. A wrong number would be worse than none.
    """
    if match := re.fullmatch(pattern, text):
        return match
    raise ScrapeError(f"a product's {field} is {text!r}, which scrape.py cannot read. Adapt it.")


def amount(text: str) -> tuple[str, Decimal]:
    """Read a price: "€1,189.50" becomes ("EUR", Decimal("1189.50"))."""
    match = matching(r"([€$£])(\d{1,3}(?:,\d{3})*(?:\.\d{2})?)", text, "price")
    currencies = {"€": "EUR", "$": "USD", "£": "GBP"}
    return currencies[match[1]], Decimal(match[2].replace(",", ""))


def rating_and_reviews(text: str) -> tuple[Decimal | None, int]:
    """Read "4.3 out of 5 (1,204 reviews)" or "No reviews yet"."""
    if text == "No reviews yet":
        return None, 0
    match = matching(r"([0-5]\.\d) out of 5 \(([\d,]+) reviews\)", text, "rating")
    return Decimal(match[1]), int(match[2].replace(",", ""))


def in_stock(text: str) -> int:
    """Read "In stock: 14" or "Sold out"."""
    return 0 if text == "Sold out" else int(matching(r"In stock: (\d+)", text, "stock")[1])


def product(card: WebElement) -> Product:
    """Read one product from the page."""

    def text(selector: str) -> str:
        return card.find_element(By.CSS_SELECTOR, selector).text.strip()

    currency, price = amount(text(".price"))
    rating, reviews = rating_and_reviews(text(".rating"))
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
    """Return the products on a page, once it is drawn, and the address of the next page, if any.

    Raises:
        TemporaryError: The shop cannot answer now.
        ScrapeError: The page does not exist or has no products.
    """
    driver.get(address)
    status = driver.execute_script(
        "return performance.getEntriesByType('navigation')[0]?.responseStatus ?? 0"
    )
    if status in (408, 429) or status >= 500:
        raise TemporaryError(f"the page {address} answers with status {status}")
    if status >= 400:
        raise ScrapeError(f"the page {address} answers with status {status}. Check its address.")
    WebDriverWait(driver, DRAWING_TIME).until(
        lambda driver: driver.find_elements(By.CSS_SELECTOR, "#products[aria-busy=false]")
    )
    for notice in driver.find_elements(By.CSS_SELECTOR, "#products [role=alert]"):
        raise TemporaryError(f"the page {address} says: {notice.text.rstrip('.')}")
    cards = driver.find_elements(By.CSS_SELECTOR, "#products .product")
    if not cards:
        raise ScrapeError(
            f"the page {address} has no products. Check its address, or adapt scrape.py."
        )
    following = driver.find_elements(By.CSS_SELECTOR, "#pages a[rel=next]")
    return list(map(product, cards)), following[0].get_attribute("href") if following else None


class Browser:
    """A session of the browser: it starts with the first page, and anew after a failure."""

    def __init__(self) -> None:
        self.driver: webdriver.Remote | None = None

    def __enter__(self) -> Self:
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
        """Return the products of a page and the address of the next page, if any.

        Raises:
            TemporaryError: The page failed, and a new session may help.
            ScrapeError: The page cannot be read.
        """
        try:
            if not self.driver:
                # The browser serves one session at a time: allow for the end of another one.
                settings = ClientConfig(remote_server_addr=BROWSER, timeout=90)
                options = webdriver.ChromeOptions()
                self.driver = webdriver.Remote(BROWSER, options=options, client_config=settings)
                self.driver.set_page_load_timeout(30)
            return read(self.driver, address)
        except NoSuchElementException as error:
            problem = (error.msg or "").split("\n")[0]
            raise ScrapeError(f"cannot read {address}: {problem}. Adapt scrape.py.") from error
        except TemporaryError:
            self.close()
            raise
        except (WebDriverException, HTTPError) as error:
            self.close()
            raise TemporaryError(reason(error, address)) from error


def reason(error: Exception, address: str) -> str:
    """Describe in a few words what the browser has run into."""
    message = str(getattr(error, "msg", None) or error)
    if network := re.search(r"net::(ERR_\w+)", message):
        return f"the page {address} cannot be loaded ({network[1]})"
    if isinstance(error, TimeoutException):
        return f"the page {address} shows nothing after {DRAWING_TIME} seconds"
    if isinstance(error, HTTPError):
        return f"the browser at {BROWSER} does not answer"
    return f"the browser lost the page {address} ({message.splitlines()[0].rstrip('.')})"


def products_table(name: str = "products") -> Table:
    """Describe the table: one row for each product of each shop."""
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


def store(database: Engine, table: Table, shop: str, products: list[Product]) -> tuple[int, int]:
    """Store the products of a page, all or none: add new ones and update known ones.

    Returns the number of new products, and the number of known products that have changed.

    Raises:
        TemporaryError: Postgres does not answer.
        ScrapeError: Postgres does not accept the password.
    """
    rows = {each.sku: {"shop": shop, **asdict(each)} for each in products}
    # In a fixed order, so that two scrapers cannot deadlock.
    statement = insert(table).values([rows[sku] for sku in sorted(rows)])
    seen = {field.name: statement.excluded[field.name] for field in fields(Product)}
    differs = or_(*(table.c[name].is_distinct_from(value) for name, value in seen.items()))
    # now() is constant within a transaction.
    changed = case((differs, func.now()), else_=table.c.changed)
    statement = statement.on_conflict_do_update(
        index_elements=[table.c.shop, table.c.sku],
        set_={**seen, "last_seen": func.now(), "changed": changed},
    ).returning(table.c.first_seen == func.now(), table.c.changed == func.now())
    try:
        with database.begin() as connection:
            done = connection.execute(statement).all()
    except OperationalError as error:
        message = str(error.orig).strip().splitlines()[-1].rstrip(".")
        if "password authentication failed" in message:
            raise ScrapeError(
                "Postgres does not accept the password in .env. See services/postgres/README.md."
            ) from error
        raise TemporaryError(f"Postgres does not answer ({message})") from error
    new = sum(is_new for is_new, _ in done)
    return new, sum(is_changed for _, is_changed in done) - new


def with_retries(action: Callable[[], tuple]) -> tuple:
    """Return the result of `action`, with retries after a TemporaryError.

    Raises:
        ScrapeError: The last retry failed too.
    """
    for pause in RETRY_PAUSES:
        try:
            return action()
        except TemporaryError as error:
            print(f"{error}; retrying in {pause} s")
            time.sleep(pause)
    try:
        return action()
    except TemporaryError as error:
        raise ScrapeError(
            f"{error}. Try again when it is up; all pages before this one are stored."
        ) from error


def scrape(
    database: Engine, address: str = ADDRESS, table: Table | None = None, delay: float = DELAY
) -> Count:
    """Store all products, from the page at `address` to the last one, `delay` seconds apart.

    Each page is stored before the next one is read.

    Raises:
        ScrapeError: A page cannot be read or stored.
        ServiceError: The browser is not running.
    """
    table = products_table() if table is None else table
    wait_for("scraper", 4444)
    table.metadata.create_all(database)
    shop = urlsplit(address).netloc
    count = Count()
    visited = set()
    with Browser() as browser:
        while address:
            if address in visited or urlsplit(address).netloc != shop:
                raise ScrapeError(f"'next' leads to {address}, not to a new page. Adapt scrape.py.")
            visited.add(address)
            if count.pages:
                time.sleep(delay)
            products, following = with_retries(lambda page=address: browser.page(page))
            new, changed = with_retries(lambda each=products: store(database, table, shop, each))
            count.pages += 1
            count.products += len(products)
            count.new += new
            count.changed += changed
            print(f"page {count.pages}: {len(products)} products, {new} new, {changed} changed")
            address = following
    return count


def main() -> None:
    """Scrape the shop given on the command line, or the one at `ADDRESS`."""
    parser = argparse.ArgumentParser(description="Scrape a shop into Postgres.")
    parser.add_argument("address", nargs="?", default=ADDRESS, help="of the first page")
    parser.add_argument("--delay", type=float, default=DELAY, help="seconds between two pages")
    options = parser.parse_args()
    print(scrape(engine(), options.address, delay=options.delay))


if __name__ == "__main__":
    with exit_on_os_error():
        main()
