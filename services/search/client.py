"""Index and search documents in the project's OpenSearch, with results as DataFrames."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pandas as pd
from opensearchpy import OpenSearch, OpenSearchException, TransportError, helpers

from services.access import ServiceError, wait_for

# Documents in one request.
CHUNK = 500


@cache
def _client() -> OpenSearch:
    return OpenSearch("http://search:9200", timeout=30)


def client() -> OpenSearch:
    """Return the client of opensearch-py once OpenSearch accepts connections.

    Raises:
        ServiceError: OpenSearch is not running.
    """
    wait_for("search", 9200)
    return _client()


def problem(index: str, kind: str, reason: str) -> ServiceError:
    """Return the error for what OpenSearch refused, by the type and the reason of its answer."""
    if "read-only-allow-delete" in reason:
        return ServiceError(
            f"the index {index} is read-only because the engine's disk is full. "
            "Free space ('docker system df' shows what Docker stores); it then becomes writable."
        )
    if kind == "index_not_found_exception":
        return ServiceError(f"there is no index {index}. Write it first: make example-search.")
    if "mapping" in kind or "mapper" in reason or "mapping" in reason:
        return ServiceError(
            f"the index {index} has another mapping: {reason.rstrip('.')}. "
            f'Delete it and write it again: client().indices.delete(index="{index}").'
        )
    return ServiceError(f"OpenSearch refuses this for the index {index}: {reason.rstrip('.')}.")


@contextmanager
def one_line(index: str) -> Iterator[None]:
    """Turn an error of opensearch-py into a ServiceError."""
    try:
        yield
    except TransportError as error:
        if not isinstance(error.info, dict):
            raise ServiceError(
                "OpenSearch stopped answering. Start it again, then rerun: make up SERVICE=search."
            ) from None
        cause = error.info.get("error", {})
        # The first cause names the field or the character, the error itself only the request.
        cause = (cause.get("root_cause") or [cause])[0] if isinstance(cause, dict) else {}
        raise problem(index, cause.get("type", ""), cause.get("reason", str(error))) from None
    except OpenSearchException as error:
        raise ServiceError(f"OpenSearch refuses this for the index {index}: {error}.") from None


def create(index: str, fields: dict[str, dict[str, Any]]) -> None:
    """Create an index for documents with these fields and no others, unless there is one.

    Raises:
        ServiceError: OpenSearch is not running, or the index has fields of other types.
    """
    server = client()
    mapping = {"dynamic": "strict", "properties": fields}
    # A single node has no place for a copy.
    settings = {"index": {"number_of_replicas": 0}}
    with one_line(index):
        if server.indices.exists(index=index):
            server.indices.put_mapping(index=index, body=mapping)
        else:
            server.indices.create(index=index, body={"mappings": mapping, "settings": settings})


def write(index: str, documents: Iterable[dict[str, Any]], total: int) -> int:
    """Write documents, and print how many of `total` are written. Return their number.

    The `_id` of a document is its key: a document with the same one is replaced, so an interrupted
    run can be repeated. The rest of a document are its fields.

    Raises:
        ServiceError: OpenSearch is not running, or refuses a document.
    """
    server, written = client(), 0
    actions = ({"_index": index, **document} for document in documents)
    with one_line(index):
        for correct, answer in helpers.streaming_bulk(
            server, actions, chunk_size=CHUNK, raise_on_error=False
        ):
            if not correct:
                (result,) = answer.values()
                cause = result["error"]
                raise problem(index, cause["type"], f"document {result['_id']}: {cause['reason']}")
            written += 1
            if written % CHUNK == 0 or written == total:
                print(f"{index}: wrote {written} of {total} documents", flush=True)
        server.indices.refresh(index=index)
    return written


def search(index: str, query: dict[str, Any], size: int = 10, **options: Any) -> pd.DataFrame:
    """Return the best documents for a query, best first.

    The columns are `id`, `score`, the fields of the documents, and `highlight`, with the words that
    were found between asterisks. `options` are those of the search API, such as `sort`.

    Raises:
        ServiceError: OpenSearch is not running, has no such index, or refuses the query.
    """
    highlight = {
        "fields": {"*": {"number_of_fragments": 1}},
        "pre_tags": ["**"],
        "post_tags": ["**"],
    }
    body = {"query": query, "size": size, "highlight": highlight, **options}
    server = client()
    with one_line(index):
        hits = server.search(index=index, body=body)["hits"]["hits"]
    return pd.DataFrame(
        [
            {
                "id": hit["_id"],
                "score": hit["_score"],
                **hit["_source"],
                "highlight": " … ".join(part[0] for part in hit.get("highlight", {}).values()),
            }
            for hit in hits
        ]
    )


def aggregate(
    index: str, groups: dict[str, Any], query: dict[str, Any] | None = None
) -> pd.DataFrame:
    """Return a row for each bucket of one aggregation, such as `{"terms": {"field": "kind"}}`.

    The columns are `key`, `documents`, and the value of each metric in `groups["aggs"]`.

    Raises:
        ServiceError: OpenSearch is not running, has no such index, or refuses the aggregation.
    """
    body = {"size": 0, "query": query or {"match_all": {}}, "aggs": {"groups": groups}}
    server = client()
    with one_line(index):
        buckets = server.search(index=index, body=body)["aggregations"]["groups"]["buckets"]
    return pd.DataFrame(
        [
            {
                "key": bucket.get("key_as_string", bucket["key"]),
                "documents": bucket["doc_count"],
                **{name: bucket[name]["value"] for name in groups.get("aggs", {})},
            }
            for bucket in buckets
        ]
    )


def delete(index: str, query: dict[str, Any]) -> int:
    """Delete the documents that a query finds, and return their number.

    Raises:
        ServiceError: OpenSearch is not running, has no such index, or refuses the query.
    """
    server = client()
    with one_line(index):
        answer = server.delete_by_query(index=index, body={"query": query}, refresh=True)
    return answer["deleted"]
