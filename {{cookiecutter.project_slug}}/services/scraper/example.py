"""Scrape the sample shop three times.

What is known is not added again, and what changed is brought up to date.
"""

import pandas as pd
from scrape import ADDRESS, connect, products_table, scrape

from {{ cookiecutter.package_name }}.files import one_line_errors


def main() -> None:
    """Make the three runs into a table of their own, and show what they did."""
    engine = connect()
    table = products_table("example_products")
    table.drop(engine, checkfirst=True)

    def rows() -> pd.DataFrame:
        return pd.read_sql_table(table.name, engine).set_index("sku").sort_index()

    print("The first run adds all products:")
    first = scrape(engine, table=table, delay=0.1)
    before = rows()
    assert first.new == first.products == len(before) > 0

    print("The second run adds none:")
    second = scrape(engine, table=table, delay=0.1)
    assert (second.products, second.new, second.changed) == (first.products, 0, 0)

    print("The shop has a sale, and the third run changes the prices:")
    third = scrape(engine, ADDRESS + "?prices=sale", table=table, delay=0.1)
    after = rows()
    changed = before[["name", "price"]].join(after["price"].rename("sale"))
    changed = changed[changed["sale"] < changed["price"]]
    assert third.new == 0 and len(after) == len(before) and len(changed) > 0
    assert third.changed >= len(changed)

    print(f"{len(after)} rows are in {table.name}. What is cheaper now:")
    print(changed)


if __name__ == "__main__":
    with one_line_errors():
        main()
