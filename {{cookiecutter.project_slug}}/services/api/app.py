"""The trained model as a web service: rows in, probabilities out.

A model that `make train` writes while this runs takes the place of the one before, between two
requests. Its columns are the fields of the requests, so it gets an application of its own.
"""

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
import pandas as pd
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from pydantic import BaseModel, ConfigDict, Field, create_model
from serve import setting

from {{ cookiecutter.package_name }} import model
from {{ cookiecutter.package_name }}.files import ROOT
from {{ cookiecutter.package_name }}.predict import predict

log = logging.getLogger("uvicorn.error")

NAME = model.FILE.relative_to(ROOT)

REQUESTS = Counter("api_requests", "Answers", ["method", "route", "status"])
SECONDS = Histogram("api_request_seconds", "Time to answer", ["route"])
PREDICTIONS = Counter("api_predictions", "Predictions", ["predicted"])
LOADS = Counter("api_model_loads", "Models that were read, or could not be", ["result"])
LOADED = Gauge("api_model_loaded", "Whether there is a model", multiprocess_mode="livemin")

# Whole or with decimals, but not a text, true, or infinite.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Prediction(BaseModel):
    """What the model says of a row."""

    probability: float
    predicted: bool


class Predictions(BaseModel):
    """What the model says of rows, in their order."""

    predictions: list[Prediction]


@dataclass(frozen=True)
class Served:
    """The model that answers, if there is one, and what is wrong with its file."""

    trained: model.Model | None = None
    since: str | None = None
    problem: str | None = None


def row_type(trained: model.Model) -> type[BaseModel]:
    """Return what a row has to be: a number for each column of the model, and nothing else."""
    # A name of a column need not be one that Python accepts.
    fields: dict[str, Any] = {
        f"column_{number}": (Number, Field(alias=str(name)))
        for number, name in enumerate(model.columns(trained))
    }
    return create_model("Row", __config__=ConfigDict(extra="forbid"), **fields)


def answer(rows: list[BaseModel], trained: model.Model) -> list[Prediction]:
    """Ask the model. Errors: HTTPException where it cannot compute with these numbers."""
    frame = pd.DataFrame([row.model_dump(by_alias=True) for row in rows])
    try:
        said = predict(frame, trained)
        probability = said["probability"].to_numpy(dtype=float)
        finite = bool(np.isfinite(probability).all())
    except (ArithmeticError, ValueError) as error:
        log.warning("the model refused rows: %s", error)
        finite = False
    if not finite:
        words = "The model cannot compute with these numbers"
        raise HTTPException(422, [{"type": "not_computable", "loc": ["body"], "msg": words}])
    predicted = said["predicted"].to_numpy(dtype=bool)
    true = int(predicted.sum())
    PREDICTIONS.labels("true").inc(true)
    PREDICTIONS.labels("false").inc(len(rows) - true)
    pairs = zip(probability.tolist(), predicted.tolist(), strict=True)
    return [Prediction(probability=score, predicted=verdict) for score, verdict in pairs]


def add_predictions(app: FastAPI, trained: model.Model) -> None:
    """Give an application the two ways to ask a model."""
    Row = row_type(trained)
    most = setting("API_MAX_ROWS", 1000)
    Batch = create_model(
        "Batch",
        __config__=ConfigDict(extra="forbid"),
        rows=(list[Row], Field(min_length=1, max_length=most)),
    )

    # Not in a thread of its own, as a batch: a row takes less time than threads lose to each other.
    @app.post("/predict", tags=["predictions"])
    async def predict_one(row: Row) -> Prediction:
        """Say how probable it is for one row."""
        return answer([row], trained)[0]

    @app.post("/predict/batch", tags=["predictions"])
    def predict_batch(batch: Batch) -> Predictions:
        """Say how probable it is for each of many rows."""
        return Predictions(predictions=answer(batch.rows, trained))


def add_refusals(app: FastAPI, problem: str | None) -> None:
    """Give an application without a model the same two ways, which say so."""

    @app.post("/predict", tags=["predictions"])
    @app.post("/predict/batch", tags=["predictions"])
    def no_model() -> Prediction:
        """Say that there is no model yet."""
        raise HTTPException(503, problem)


def application(served: Served) -> FastAPI:
    """Return the application for a model."""
    app = FastAPIOffline(
        title="Predictions",
        description=f"What the model in `{NAME}` says of rows that it has not seen.",
        openapi_tags=[{"name": "predictions"}, {"name": "operation"}],
        redoc_url=None,
        # Nothing is asked of a validator on the Internet.
        swagger_ui_parameters={"validatorUrl": None},
    )

    @app.get("/", include_in_schema=False)
    def start() -> RedirectResponse:
        return RedirectResponse("/docs")

    @app.get("/health", tags=["operation"])
    def health() -> dict[str, str]:
        """Say that this process answers."""
        return {"status": "ok"}

    @app.get("/ready", tags=["operation"], responses={503: {"description": "No model yet"}})
    def ready(response: Response) -> dict[str, str | None]:
        """Say whether there is a model, since when, and what is wrong with its file."""
        response.status_code = 503 if served.trained is None else 200
        status = "no model" if served.trained is None else "ready"
        return {"status": status, "model_of": served.since, "problem": served.problem}

    @app.get("/metrics", tags=["operation"], response_class=PlainTextResponse)
    def metrics() -> str:
        """Count requests, times and predictions, as Prometheus reads them."""
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return generate_latest(registry).decode()

    if served.trained is None:
        add_refusals(app, served.problem)
    else:
        add_predictions(app, served.trained)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # Not the input: it may be long, or a number that JSON cannot hold.
        details = [{key: each[key] for key in ("type", "loc", "msg")} for each in error.errors()]
        return JSONResponse({"detail": details[:100]}, 422)

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"detail": "The server failed. Its log says more."}, 500)

    return app


def load(before: Served) -> Served:
    """Read the model's file. Where that fails, the model of before goes on."""
    try:
        written = model.FILE.stat().st_mtime
        trained = model.load(model.FILE)
        count = row_type(trained).model_fields
    except FileNotFoundError:
        problem = f"{NAME} is missing. Train it: make train."
    # Whatever a damaged file leads to.
    except Exception as error:
        problem = f"{NAME} cannot be read. Train it again: make train."
        log.error("%s is no model: %s: %s", NAME, type(error).__name__, error)
    else:
        LOADED.set(1)
        LOADS.labels("read").inc()
        log.info("read %s: %s columns", NAME, len(count))
        return Served(trained, datetime.fromtimestamp(written, UTC).isoformat(timespec="seconds"))
    LOADS.labels("failed").inc()
    if before.trained is None:
        LOADED.set(0)
        log.error(problem)
    else:
        problem += " The model of before answers."
        log.error(problem)
    return replace(before, problem=problem)


class Server:
    """Hands each request to the application of the model that is there now."""

    def __init__(self) -> None:
        self.served = Served()
        self.app = application(self.served)
        self.stamp: tuple[int, ...] | None = ()
        self.loading = asyncio.Lock()
        self.max_bytes = setting("API_MAX_BYTES", 8_000_000)

    async def refresh(self) -> None:
        """Read the model's file where it is another than at the last request."""
        try:
            status = model.FILE.stat()
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        except OSError:
            stamp = None
        if stamp == self.stamp:
            return
        async with self.loading:
            if stamp != self.stamp:
                self.served = await run_in_threadpool(load, self.served)
                self.app = application(self.served)
                self.stamp = stamp

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        """Answer a request, if it is not too long, and count it."""
        # A process that reads a large model is alive.
        if scope.get("path") != "/health":
            await self.refresh()
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, size = time.perf_counter(), 500, 0

        async def limited() -> dict:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.max_bytes:
                raise HTTPException(413, f"More than {self.max_bytes} bytes. Send fewer rows.")
            return message

        async def noted(message: dict) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, limited, noted)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            REQUESTS.labels(scope["method"], route, str(status)).inc()
            SECONDS.labels(route).observe(time.perf_counter() - began)


app = Server()
