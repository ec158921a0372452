"""The trained model as a web service: rows in, probabilities out.

When `make train` writes a new model, the next request loads it. The model's columns are the fields
of the requests, so each model gets a FastAPI application of its own.
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

from {{ cookiecutter.package_name }} import model
from {{ cookiecutter.package_name }}.files import ROOT
from {{ cookiecutter.package_name }}.predict import predict

from services.api.serve import setting

log = logging.getLogger("uvicorn.error")

NAME = model.FILE.relative_to(ROOT)

REQUESTS = Counter("api_requests", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram("api_request_seconds", "Time to answer", ["route"])
PREDICTIONS = Counter("api_predictions", "Predictions", ["predicted"])
LOADS = Counter("api_model_loads", "Attempts to load a model", ["result"])
LOADED = Gauge("api_model_loaded", "Whether there is a model", multiprocess_mode="livemin")

# An integer or a float, but not text, a boolean or infinity.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Prediction(BaseModel):
    """The prediction for a row."""

    probability: float
    predicted: bool


class Predictions(BaseModel):
    """The predictions for several rows, in the order of the rows."""

    predictions: list[Prediction]


@dataclass(frozen=True)
class LoadedModel:
    """The model in use and when it was written, if any, and what is wrong with its file."""

    trained: model.Model | None = None
    since: str | None = None
    problem: str | None = None


def row_type(trained: model.Model) -> type[BaseModel]:
    """Return the type of a row: exactly one number for each column of the model."""
    # Column names need not be valid Python names, so they become aliases.
    fields: dict[str, Any] = {
        f"column_{number}": (Number, Field(alias=str(name)))
        for number, name in enumerate(model.columns(trained))
    }
    return create_model("Row", __config__=ConfigDict(extra="forbid"), **fields)


def answer(rows: list[BaseModel], trained: model.Model) -> list[Prediction]:
    """Return the model's predictions.

    Raises:
        HTTPException: The model fails on these numbers or returns no finite probability.
    """
    frame = pd.DataFrame([row.model_dump(by_alias=True) for row in rows])
    try:
        result = predict(frame, trained)
        probability = result["probability"].to_numpy(dtype=float)
        finite = bool(np.isfinite(probability).all())
    except (ArithmeticError, ValueError) as error:
        log.warning("the model failed on these rows: %s", error)
        finite = False
    if not finite:
        message = "The model cannot compute a probability for these numbers"
        raise HTTPException(422, [{"type": "not_computable", "loc": ["body"], "msg": message}])
    predicted = result["predicted"].to_numpy(dtype=bool)
    true = int(predicted.sum())
    PREDICTIONS.labels("true").inc(true)
    PREDICTIONS.labels("false").inc(len(rows) - true)
    pairs = zip(probability.tolist(), predicted.tolist(), strict=True)
    return [Prediction(probability=score, predicted=label) for score, label in pairs]


def add_predictions(app: FastAPI, trained: model.Model) -> None:
    """Add the two endpoints that return predictions."""
    Row = row_type(trained)
    max_rows = setting("API_MAX_ROWS", 1000)
    Batch = create_model(
        "Batch",
        __config__=ConfigDict(extra="forbid"),
        rows=(list[Row], Field(min_length=1, max_length=max_rows)),
    )

    # Async, unlike the batch: for one row, a thread costs more time than the prediction.
    @app.post("/predict", tags=["predictions"])
    async def predict_one(row: Row) -> Prediction:
        """Return the prediction for one row."""
        return answer([row], trained)[0]

    @app.post("/predict/batch", tags=["predictions"])
    def predict_batch(batch: Batch) -> Predictions:
        """Return the predictions for several rows."""
        return Predictions(predictions=answer(batch.rows, trained))


def add_unavailable_predictions(app: FastAPI, problem: str | None) -> None:
    """Add the same two endpoints for an application without a model: they return the problem."""

    @app.post("/predict", tags=["predictions"])
    @app.post("/predict/batch", tags=["predictions"])
    def no_model() -> Prediction:
        """Return 503 because there is no model yet."""
        raise HTTPException(503, problem)


def application(served: LoadedModel) -> FastAPI:
    """Return the application for a model."""
    app = FastAPIOffline(
        title="Predictions",
        description=f"Predictions of the model in `{NAME}` for new rows.",
        openapi_tags=[{"name": "predictions"}, {"name": "operation"}],
        redoc_url=None,
        # Swagger UI would otherwise send the schema to a validator on the internet.
        swagger_ui_parameters={"validatorUrl": None},
    )

    @app.get("/", include_in_schema=False)
    def start() -> RedirectResponse:
        return RedirectResponse("/docs")

    @app.get("/health", tags=["operation"])
    def health() -> dict[str, str]:
        """Confirm that this process answers."""
        return {"status": "ok"}

    @app.get("/ready", tags=["operation"], responses={503: {"description": "No model yet"}})
    def ready(response: Response) -> dict[str, str | None]:
        """Say whether there is a model, when it was written, and what is wrong with its file."""
        response.status_code = 503 if served.trained is None else 200
        status = "no model" if served.trained is None else "ready"
        return {"status": status, "model_of": served.since, "problem": served.problem}

    @app.get("/metrics", tags=["operation"], response_class=PlainTextResponse)
    def metrics() -> str:
        """Return the metrics in the text format of Prometheus."""
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return generate_latest(registry).decode()

    if served.trained is None:
        add_unavailable_predictions(app, served.problem)
    else:
        add_predictions(app, served.trained)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # Leave out the input: it may be long, or a number that JSON cannot represent.
        details = [{key: item[key] for key in ("type", "loc", "msg")} for item in error.errors()]
        return JSONResponse({"detail": details[:100]}, 422)

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"detail": "The server failed. See make logs SERVICE=api."}, 500)

    return app


def load(previous: LoadedModel) -> LoadedModel:
    """Read the model's file. If that fails, keep the previous model."""
    try:
        written = model.FILE.stat().st_mtime
        trained = model.load(model.FILE)
        count = row_type(trained).model_fields
    except FileNotFoundError:
        problem = f"{NAME} is missing. Train it: make train."
    # A damaged file can raise anything.
    except Exception as error:
        problem = f"{NAME} cannot be read. Train it again: make train."
        log.error("%s is not a model: %s: %s", NAME, type(error).__name__, error)
    else:
        LOADED.set(1)
        LOADS.labels("read").inc()
        log.info("read %s: %s columns", NAME, len(count))
        since = datetime.fromtimestamp(written, UTC).isoformat(timespec="seconds")
        return LoadedModel(trained, since)
    LOADS.labels("failed").inc()
    if previous.trained is None:
        LOADED.set(0)
        log.error(problem)
    else:
        problem += " The previous model stays in use."
        log.error(problem)
    return replace(previous, problem=problem)


class Server:
    """Passes each request to the application of the current model."""

    def __init__(self) -> None:
        self.served = LoadedModel()
        self.app = application(self.served)
        self.stamp: tuple[int, ...] | None = ()
        self.loading = asyncio.Lock()
        self.max_bytes = setting("API_MAX_BYTES", 8_000_000)

    async def refresh(self) -> None:
        """Read the model's file if it has changed since the last request."""
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
        """Answer a request unless it is too large, and count it."""
        # A process is alive even while it reads a large model.
        if scope.get("path") != "/health":
            await self.refresh()
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, size = time.perf_counter(), 500, 0

        async def receive_within_limit() -> dict:
            nonlocal size
            received = await receive()
            size += len(received.get("body", b""))
            if size > self.max_bytes:
                message = f"The request is larger than {self.max_bytes} bytes. Send fewer rows."
                raise HTTPException(413, message)
            return received

        async def send_and_note_status(message: dict) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive_within_limit, send_and_note_status)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            REQUESTS.labels(scope["method"], route, str(status)).inc()
            SECONDS.labels(route).observe(time.perf_counter() - began)


app = Server()
