"""Write a table to Postgres and read it back by SQL, with the same types."""

import pandas as pd
from sqlalchemy import URL, create_engine

from {{ cookiecutter.package_name }}.files import one_line_errors
from {{ cookiecutter.package_name }}.services import password, wait_for


def main() -> None:
    """Make the round trip, and show it."""
    wait_for("postgres", 5432)
    address = URL.create(
        "postgresql+psycopg",
        username="analyst",
        password=password("postgres_password"),
        host="postgres",
        database="{{ cookiecutter.package_name }}",
    )
    engine = create_engine(address)
    rows = pd.DataFrame({"name": ["a", "b"], "size": [1.5, 2.5]})
    rows.to_sql("example", engine, if_exists="replace", index=False)
    read = pd.read_sql("select * from example order by name", engine)
    pd.testing.assert_frame_equal(rows, read)
    print(read)


if __name__ == "__main__":
    with one_line_errors():
        main()
