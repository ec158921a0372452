"""Draw the form, check the answers, and store them in data/raw/survey as lines of JSON."""

import fcntl
import json
import os
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import uvicorn
from jinja2 import Environment, FileSystemLoader
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route

from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.survey import survey

# Bytes of a form. nginx has the same limit, but containers of this project can bypass it.
MAX_FORM_SIZE = 64 * 1024
FORM = "application/x-www-form-urlencoded"
# Messages for errors that a question's own rule does not describe, by pydantic's error type.
MESSAGES = {
    "missing": "Please answer this question.",
    "string_pattern_mismatch": "Please leave out control characters.",
}


def append(file: Path, row: dict) -> None:
    """Append a line of JSON, which is on disk when this returns.

    Raises:
        OSError: The line could not be written. The file is unchanged.
    """
    line = (json.dumps(row, ensure_ascii=False) + "\n").encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    is_new = not file.exists()
    # A file handle for each line makes the lock work between threads, and between two projects that
    # share a data folder.
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = repair(handle)
        try:
            written = 0
            while written < len(line):
                written += os.write(handle, line[written:])
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
    if is_new:
        folder = os.open(file.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def repair(handle: int) -> int:
    """Repair a last line without a newline, and return the size of the file in bytes.

    If the line is not valid JSON, the collector was killed while it wrote. The sender has seen no
    confirmation, so the line is removed. Otherwise an editor has dropped the newline.
    """
    size = os.fstat(handle).st_size
    start = max(0, size - 4 * MAX_FORM_SIZE)
    last = os.pread(handle, size - start, start).rpartition(b"\n")[2]
    if not last:
        return size
    try:
        json.loads(last)
    except ValueError:
        size -= len(last)
        os.ftruncate(handle, size)
        return size
    return size + os.write(handle, b"\n")


class Collector:
    """The pages of one survey."""

    def __init__(self) -> None:
        self.survey = survey.read()
        self.questions = {question.name: question for question in self.survey.questions}
        self.answers = self.survey.answers()
        pages = Environment(
            loader=FileSystemLoader(survey.QUESTIONS.parent),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.page = pages.get_template("form.html")
        routes = [
            Route("/", self.form),
            Route("/answers", self.answer, methods=["POST"]),
            Route("/health", self.health),
        ]
        self.site = Starlette(routes=routes)

    async def form(self, request: Request) -> Response:
        """Show the form."""
        return self.draw(request, {}, {}, 200)

    async def answer(self, request: Request) -> Response:
        """Store a form, or answer with its errors."""
        origin = request.headers.get("origin")
        if origin and urlsplit(origin).netloc != request.headers.get("host"):
            return self.refuse(request, 403, "Only this site's own form can send answers.")
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
            return self.refuse(request, 415, f"Send the answers as {FORM}.")
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MAX_FORM_SIZE:
                return self.refuse(request, 413, "This form is too large.")
        try:
            pairs = parse_qsl(body.decode("ascii"), errors="strict", max_num_fields=1000)
        except ValueError:
            return self.refuse(request, 422, "This is not a form in UTF-8.")

        sent: dict[str, list[str]] = {}
        for name, value in pairs:
            # Browsers send line breaks as CR LF. An answer of only blanks counts as none.
            if value.strip():
                sent.setdefault(name, []).append(value.replace("\r\n", "\n"))
        try:
            answers = self.checked(sent)
        except ValidationError as error:
            return self.draw(request, sent, self.messages(error), 422)
        row = {"id": str(uuid.uuid4()), "at": datetime.now(UTC).isoformat(timespec="milliseconds")}
        try:
            await run_in_threadpool(append, survey.file(is_trial(request)), row | answers)
        except OSError as error:
            print(f"error: cannot store answers: {error}", file=sys.stderr, flush=True)
            return self.refuse(request, 503, "Nothing was stored. Please try again in a minute.")
        if wants_json(request):
            return JSONResponse({"id": row["id"]}, 201)
        # After a redirect, reloading the page does not send the answers again.
        return RedirectResponse("/thanks.html", 303)

    async def health(self, request: Request) -> Response:
        """Report whether answers can be stored."""
        if os.access(survey.FOLDER, os.W_OK):
            return PlainTextResponse("ok")
        return PlainTextResponse(f"error: {survey.FOLDER}: Permission denied", 503)

    def checked(self, sent: dict[str, list[str]]) -> dict:
        """Return the answers with their types.

        Raises:
            ValidationError: An answer is missing or invalid, or a name is not a question's.
        """
        values = {}
        for name, given in sent.items():
            several = name in self.questions and self.questions[name].kind == "choices"
            values[name] = given if several or len(given) > 1 else given[0]
        return dict.fromkeys(self.questions) | self.answers.validate_python(values)

    def messages(self, error: ValidationError) -> dict[str, str]:
        """Return the message for each invalid answer, in the order of the form."""
        found = {str(each["loc"][0]): each["type"] for each in error.errors()}
        texts = {}
        for name, question in self.questions.items():
            if name in found:
                texts[name] = MESSAGES.get(found[name], question.rule)
        unknown = {name: "is not a question of this survey." for name in found if name not in texts}
        return texts | unknown

    def draw(
        self, request: Request, answers: dict[str, list[str]], errors: dict[str, str], status: int
    ) -> Response:
        """Draw the form with earlier answers and their errors."""
        if errors and wants_json(request):
            return JSONResponse({"errors": errors}, status)
        page = self.page.render(
            survey=self.survey,
            texts={name: question.text for name, question in self.questions.items()},
            answers=answers,
            errors=errors,
            trial=is_trial(request),
        )
        return HTMLResponse(page, status, {"Cache-Control": "no-store"})

    def refuse(self, request: Request, status: int, message: str) -> Response:
        """Explain why nothing was stored if the reason is not an answer."""
        if wants_json(request):
            return JSONResponse({"errors": {"": message}}, status)
        return PlainTextResponse(f"{message}\n", status)


def is_trial(request: Request) -> bool:
    """Return whether the form is a trial, whose answers are stored apart."""
    return "trial" in request.query_params


def wants_json(request: Request) -> bool:
    """Return whether the client is a program, which expects JSON instead of a page."""
    return "application/json" in request.headers.get("accept", "")


def main() -> None:
    """Serve the survey until the container stops."""
    collector = Collector()
    survey.FOLDER.mkdir(parents=True, exist_ok=True)
    # No access log: it would record when each person answered.
    uvicorn.run(collector.site, host="0.0.0.0", port=8000, access_log=False, log_level="warning")


if __name__ == "__main__":
    with exit_on_os_error():
        main()
