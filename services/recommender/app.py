"""Recommendations as a web service, and a small shop that uses it.

When `make recommender` writes a new model, the next request loads it.
"""

import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi import Path as Key
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict

from services.recommender import model, purchases

PORT = 8060
LARGEST_K = 50

Customer = Annotated[str, Key(pattern="^[A-Za-z0-9_-]{1,40}$", description="such as C0001")]
Number = Annotated[int, Query(ge=1, le=LARGEST_K, description="the number of products")]


class Product(BaseModel):
    """A product of the shop."""

    product: str
    name: str
    category: str
    price: float


class Recommended(Product):
    """A product, its score, and the name of a product that the customer has bought, if any."""

    score: float
    because: str | None


class Recommendations(BaseModel):
    """The best products first. A customer who has bought nothing yet gets the most popular ones."""

    customer: str
    known: bool
    recommendations: list[Recommended]


class Bought(Product):
    """A product, and how often the customer has bought it."""

    times: int


class Purchase(BaseModel):
    """The key of a product to buy."""

    model_config = ConfigDict(extra="forbid")
    product: str


class Shop:
    """The products, what each customer has bought, and the model."""

    def __init__(self) -> None:
        """Read the products and the purchases.

        Raises:
            OSError: A file cannot be read.
        """
        self.products = purchases.products()
        self.bought: dict[str, Counter[str]] = {}
        for row in purchases.read().itertuples():
            if row.product in self.products:
                self.bought.setdefault(row.customer, Counter())[row.product] += 1
        self.lock = threading.Lock()
        self.state: tuple[int, model.Model] | None = None

    def current(self) -> model.Model:
        """Return the current model.

        Raises:
            ModelError: There is none that can be used.
        """
        with self.lock:
            changed = model.FILE.stat().st_mtime_ns if model.FILE.exists() else 0
            if not self.state or self.state[0] != changed:
                self.state = changed, model.load(model.FILE, self.products)
            return self.state[1]

    def buy(self, customer: str, product: str) -> None:
        """Store a purchase."""
        with self.lock:
            purchases.add(customer, product)
            self.bought.setdefault(customer, Counter())[product] += 1

    def describe(self, found: model.Recommendation) -> dict[str, Any]:
        """Return a recommendation with what the shop knows of the product."""
        because = self.products[found.because]["name"] if found.because else None
        return {**self.products[found.product], "score": found.score, "because": because}


app = FastAPI(title="Recommendations", docs_url=None, redoc_url=None)
# Other host names are refused, so that a web site whose name resolves to this machine gets nothing
# (DNS rebinding).
app.add_middleware(TrustedHostMiddleware, allowed_hosts=["recommender", "localhost", "127.0.0.1"])
try:
    shop = Shop()
except OSError as problem:
    sys.exit(f"error: {problem}")


@app.middleware("http")
async def add_headers(request: Request, call_next: Any) -> Response:
    """Allow the page to load only what this server has, and let browsers look for changes."""
    response = await call_next(request)
    response.headers["Content-Security-Policy"] = (
        "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-cache"
    return response


@app.exception_handler(model.ModelError)
def without_model(request: Request, error: model.ModelError) -> JSONResponse:
    """Answer with the reason why there is no model."""
    return JSONResponse({"detail": str(error)}, 503)


def require(product: str) -> None:
    """Refuse a product that the shop does not have."""
    if product not in shop.products:
        raise HTTPException(404, f"There is no product {product[:40]!r}. See /api/products.")


@app.get("/health")
def health() -> dict[str, str]:
    """Answer as soon as the server runs."""
    return {"status": "up"}


@app.get("/ready")
def ready() -> dict[str, Any]:
    """Answer with 200 if there is a model, otherwise with 503 and what to do."""
    return {"status": "ready", "products": len(shop.current().products)}


@app.get("/api/products")
def products() -> list[Product]:
    """List all products."""
    return [Product(**each) for each in shop.products.values()]


@app.get("/api/products/{product}/similar")
def similar(product: str, k: Number = 6) -> list[Recommended]:
    """List the products that were bought by the same customers."""
    require(product)
    found = model.recommend(shop.current(), [product], k)
    return [Recommended(**shop.describe(each)) for each in found]


@app.get("/api/customers")
def customers(k: Number = 10) -> list[str]:
    """List the first customers."""
    return sorted(shop.bought)[:k]


@app.get("/api/customers/{customer}/purchases")
def bought(customer: Customer) -> list[Bought]:
    """List what a customer has bought, the most frequent products first."""
    counted = shop.bought.get(customer, Counter()).most_common()
    return [Bought(**shop.products[product], times=times) for product, times in counted]


@app.get("/api/customers/{customer}/recommendations")
def recommendations(customer: Customer, k: Number = 6) -> Recommendations:
    """Recommend products that the customer has not bought yet."""
    before = list(shop.bought.get(customer, ()))
    found = [shop.describe(each) for each in model.recommend(shop.current(), before, k)]
    return Recommendations(customer=customer, known=bool(before), recommendations=found)


@app.post("/api/customers/{customer}/purchases", status_code=201)
def buy(customer: Customer, purchase: Purchase) -> list[Bought]:
    """Buy a product. The next recommendations take it into account."""
    require(purchase.product)
    shop.buy(customer, purchase.product)
    return bought(customer)


app.mount("/", StaticFiles(directory=Path(__file__).parent / "src", html=True))

if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=PORT, access_log=False, server_header=False)
