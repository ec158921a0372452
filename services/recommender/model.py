"""Recommend products that were bought by the same customers: item-based collaborative filtering.

Only who bought what counts (implicit feedback), not how often or at what price.
"""

import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array

from {{ cookiecutter.package_name }}.files import ROOT, atomic_path

FILE = ROOT / "models" / "recommender.npz"
# Raise this whenever the content of the file changes.
FORMAT = 1
# Two products with few buyers are alike by chance. The larger this is, the less they count.
SHRINKAGE = 10.0


class ModelError(OSError):
    """The model cannot be used. The message says what to do."""


@dataclass(frozen=True)
class Model:
    """How alike each two products are, from 0 to 1, and how many customers bought each product."""

    products: list[str]
    similarity: csr_array
    buyers: np.ndarray

    def positions(self, bought: Collection[str]) -> list[int]:
        """Return the positions of those products that the model knows."""
        known = {product: position for position, product in enumerate(self.products)}
        return [known[product] for product in bought if product in known]


@dataclass(frozen=True)
class Recommendation:
    """A product, its score, and the most similar product that the customer has bought, if any."""

    product: str
    score: float
    because: str | None


def fit(purchases: pd.DataFrame, products: list[str]) -> Model:
    """Learn from the columns `customer` and `product`. Purchases of other products are ignored."""
    rows = purchases[purchases["product"].isin(products)]
    customers = pd.factorize(rows["customer"])[0]
    columns = pd.Categorical(rows["product"], categories=products).codes
    shape = (customers.max(initial=-1) + 1, len(products))
    bought = csr_array((np.ones(len(rows)), (customers, columns)), shape=shape)
    # Bought twice is bought.
    bought.data[:] = 1
    buyers = bought.sum(axis=0)
    # The buyers of both, beyond those expected by chance, divided by the geometric mean of the
    # buyers of each.
    common = coo_array(bought.T @ bought)
    one, other = common.coords
    more = common.data - buyers[one] * buyers[other] / max(shape[0], 1)
    values = more / (np.sqrt(buyers[one] * buyers[other]) + SHRINKAGE)
    different = (one != other) & (more > 0)
    similarity = csr_array(
        (values[different], (one[different], other[different])), shape=common.shape
    )
    return Model(products, similarity, buyers)


def popular(model: Model, bought: Collection[str], k: int) -> list[Recommendation]:
    """Return the k products with the most buyers, without those that the customer has bought."""
    buyers = model.buyers.astype(float)
    buyers[model.positions(bought)] = -1
    best = [each for each in np.argsort(-buyers, kind="stable")[:k] if buyers[each] >= 0]
    return [Recommendation(model.products[each], float(buyers[each]), None) for each in best]


def recommend(model: Model, bought: Collection[str], k: int) -> list[Recommendation]:
    """Return the best k products, best first, for a customer who has bought others.

    If too few are similar to anything that the customer has bought, popular products follow.
    """
    positions = model.positions(bought)
    scores = model.similarity[positions].sum(axis=0)
    scores[positions] = 0
    found = []
    for best in np.argsort(-scores, kind="stable")[:k]:
        if scores[best] > 0:
            nearest = max(positions, key=lambda each: model.similarity[each, best])
            product, score = model.products[best], float(scores[best])
            found.append(Recommendation(product, score, model.products[nearest]))
    excluded = {*bought, *(each.product for each in found)}
    return found + popular(model, excluded, k - len(found))


def precision(
    model: Model, before: pd.DataFrame, after: pd.DataFrame, k: int
) -> tuple[float, float]:
    """Return the precision at k of the recommendations, and that of the most popular products.

    It is the share of k recommended products that the customer then bought for the first time,
    on average over the customers who bought any.
    """
    known = before.groupby("customer")["product"].agg(set)
    bought = {customer: known.get(customer, set()) for customer in after["customer"].unique()}
    hits: list[tuple[int, int]] = []
    for customer, products in after.groupby("customer")["product"].agg(set).items():
        if new := products - bought[customer]:
            lists = (method(model, bought[customer], k) for method in (recommend, popular))
            one, other = (sum(each.product in new for each in found) for found in lists)
            hits.append((one, other))
    if not hits:
        return float("nan"), float("nan")
    ours, most_popular = np.mean(hits, axis=0) / k
    return float(ours), float(most_popular)


def save(model: Model, file: Path) -> None:
    """Write a model."""
    parts = {name: getattr(model.similarity, name) for name in ("data", "indices", "indptr")}
    with atomic_path(file) as path:
        np.savez(path, format=FORMAT, products=model.products, buyers=model.buyers, **parts)


def load(file: Path, products: Collection[str]) -> Model:
    """Read a model.

    Raises:
        ModelError: There is none, it was written by another version, or for other products.
    """
    name = file.relative_to(ROOT)
    again = "Run make recommender, which writes it."
    try:
        with np.load(file, allow_pickle=False) as parts:
            if int(parts["format"]) != FORMAT:
                raise ModelError(f"{name} was written by another version. {again}")
            listed = [str(product) for product in parts["products"]]
            shape = (len(listed), len(listed))
            rows = (parts["data"], parts["indices"], parts["indptr"])
            model = Model(listed, csr_array(rows, shape=shape), parts["buyers"])
    except FileNotFoundError:
        raise ModelError(f"{name} is missing. {again}") from None
    except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{name} cannot be read. {again}") from error
    if set(listed) != set(products):
        raise ModelError(f"{name} was written for other products. {again}")
    return model
