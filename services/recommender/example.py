"""Learn from the purchases, compare with the most popular products, and buy something."""

import json
import uuid

from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.access import wait_for
from services.recommender import client, model, purchases, train


def check(correct: bool, problem: str) -> None:
    """Exit with an error unless the service did what it should."""
    if not correct:
        raise SystemExit(f"error: {problem}. See make logs SERVICE=recommender.")


def main() -> None:
    """Make the round trip and print it."""
    wait_for("recommender", 8060)
    train.main()
    ours, popular = json.loads(train.METRICS.read_text()).values()
    check(ours > popular, "the recommendations are not better than the most popular products")

    best = client.recommendations("C0001")
    print("for C0001:", best[["name", "category", "score", "because"]].to_string(), sep="\n")
    rows = purchases.read()
    bought = list(rows.loc[rows["customer"] == "C0001", "product"].unique())
    local = model.recommend(model.load(model.FILE, purchases.products()), bought, len(best))
    same = list(best["product"]) == [each.product for each in local]
    check(same, "the service and the model differ")

    # A customer whom nobody knows gets what is popular, until the first purchase.
    new = f"example-{uuid.uuid4().hex[:8]}"
    before = client.recommendations(new)
    print(f"for a new customer: {', '.join(before['name'])}")
    check(before["because"].isna().all(), "a new customer gets more than popular products")
    product = best["product"][0]
    status, _ = client.request(f"/api/customers/{new}/purchases", {"product": product})
    check(status == 201, f"buying {product} got status {status}")
    after = client.recommendations(new)
    print(f"after buying {best['name'][0]}: {', '.join(after['name'])}")
    check(set(after["because"]) == {best["name"][0]}, "the purchase changed nothing")
    check(product not in set(after["product"]), "a product that was bought is recommended")
    with purchases.sold() as connection:
        connection.execute("delete from purchases where customer = ?", (new,))

    for path, expected in (
        ("/api/products/none/similar", 404),
        (f"/api/customers/{new}/recommendations?k=1000", 422),
        ("/api/customers/%3Cb%3E/recommendations", 422),
    ):
        status, answer = client.request(path)
        check(status == expected, f"{path} got status {status}")
        print(f"{status} for {path}: {client.reason(answer)}")


if __name__ == "__main__":
    with exit_on_os_error():
        main()
