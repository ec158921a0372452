"""Index the project's text and its data, then search and aggregate both."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from {{ cookiecutter.package_name }} import data, features
from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.search import documents
from services.search.client import aggregate, create, delete, search, write

ROWS = "rows"


def check(correct: bool, problem: str) -> None:
    """Exit with an error unless OpenSearch answered as expected."""
    if not correct:
        raise SystemExit(f"error: {problem}. See make logs SERVICE=search.")


def index_text() -> pd.DataFrame:
    """Write the project's text, and delete what the project no longer contains."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    found = list(documents.documents(now))
    create(documents.INDEX, documents.FIELDS)
    write(documents.INDEX, found, len(found))
    removed = delete(documents.INDEX, {"range": {"indexed": {"lt": now}}})
    print(f"deleted {removed} documents that the project no longer contains")
    return pd.DataFrame(found)


def index_rows() -> pd.DataFrame:
    """Write the rows of the data."""
    if not data.RAW.exists():
        data.main()
    rows = features.clean(pd.read_csv(data.RAW)).reset_index(drop=True)
    rows["row"] = rows.index
    types = {"f": "double", "i": "long", "b": "boolean"}
    create(ROWS, {name: {"type": types.get(rows[name].dtype.kind, "keyword")} for name in rows})
    write(ROWS, ({"_id": row["row"], **row} for row in rows.to_dict("records")), len(rows))
    # Those of longer data.
    delete(ROWS, {"range": {"row": {"gte": len(rows)}}})
    return rows


def main() -> None:
    """Index, search and aggregate, and compare the answers with pandas."""
    text, rows = index_text(), index_rows()

    # A title counts three times as much as the text, and a letter may be wrong.
    words = {"query": "train the modell", "fields": ["title^3", "text"], "fuzziness": "AUTO"}
    hits = search(documents.INDEX, {"multi_match": words}, size=5)
    print("the best documents for 'train the modell':")
    print(hits[["score", "path", "title"]].to_string(index=False))
    check(len(hits) == 5 and "**" in hits["highlight"][0], "the text was not found")
    print(f"the first one: {' '.join(hits['highlight'][0].split())}")

    size = {"words": {"sum": {"field": "words"}}}
    kinds = aggregate(documents.INDEX, {"terms": {"field": "kind"}, "aggs": size})
    print("the project's text by kind:", kinds.to_string(index=False), sep="\n")
    expected = text.groupby("kind")["words"].agg(["size", "sum"]).to_dict("index")
    answer = {row.key: {"size": row.documents, "sum": row.words} for row in kinds.itertuples()}
    check(answer == expected, f"pandas counts {expected}")

    column = rows.columns[0]
    mean = {"mean": {"avg": {"field": column}}}
    groups = aggregate(ROWS, {"terms": {"field": features.TARGET}, "aggs": mean})
    print(f"{column} by diagnosis:", groups.to_string(index=False), sep="\n")
    expected = rows.groupby(features.TARGET)[column].agg(["size", "mean"])
    groups = groups.set_index(groups["key"] == "true").sort_index()
    check(list(groups["documents"]) == list(expected["size"]), f"pandas counts\n{expected}")
    check(np.allclose(groups["mean"], expected["mean"]), f"pandas has\n{expected}")


if __name__ == "__main__":
    with exit_on_os_error():
        main()
