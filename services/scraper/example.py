"""Scrape the sample shop three times.

Known products are not added again, and changed ones are updated.
"""

import pandas as pd

from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.postgres.client import engine
from services.scraper.scrape import ADDRESS, products_table, scrape


def main() -> None:
    """Make the three runs in a table of their own, and print what they did."""
    database = engine()
    table = products_table("example_products")
    table.drop(database, checkfirst=True)

    def rows() -> pd.DataFrame:
        return pd.read_sql_table(table.name, database).set_index("sku").sort_index()

    print("The first run adds all products:")
    first = scrape(database, table=table, delay=0.1)
    before = rows()
    assert first.new == first.products == len(before) > 0

    print("The second run adds none:")
    second = scrape(database, table=table, delay=0.1)
    assert (second.products, second.new, second.changed) == (first.products, 0, 0)

    print("The shop has a sale, and the third run updates the prices:")
    third = scrape(database, ADDRESS + "?prices=sale", table=table, delay=0.1)
    after = rows()
    changed = before[["name", "price"]].join(after["price"].rename("sale"))
    changed = changed[changed["sale"] < changed["price"]]
    assert third.new == 0 and len(after) == len(before) and len(changed) > 0
    assert third.changed >= len(changed)

    print(f"{len(after)} rows are in {table.name}. These products are cheaper now:")
    print(changed)


if __name__ == "__main__":
    with exit_on_os_error():
        main()
