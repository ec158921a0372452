"""Draw the form, check what was answered, and store it in data/raw/survey, a line of JSON each."""

import fcntl
import json
import os
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import survey
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

from {{ cookiecutter.package_name }}.files import one_line_errors

# nginx refuses longer ones first; others in the project's network come here without it.
LONGEST = 64 * 1024
FORM = "application/x-www-form-urlencoded"
# What a question's own rule does not say, by pydantic's name for it.
WORDS = {
    "missing": "Please answer this question.",
    "string_pattern_mismatch": "Please leave out control characters.",
}


def append(file: Path, row: dict) -> None:
    """Add a line: it is on the disk as a whole when this returns; if it fails, nothing is added."""
    line = (json.dumps(row, ensure_ascii=False) + "\n").encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    is_new = not file.exists()
    # With a handle for each line the lock holds between threads too, and between two projects that
    # share their data.
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = mend(handle)
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


def mend(handle: int) -> int:
    """Put right a last line without an end, and return the size of the file.

    Where it is no JSON, the collector was killed while it wrote, and nobody was told that the
    answers are stored: it goes. Else an editor has left the end out.
    """
    size = os.fstat(handle).st_size
    last = os.pread(handle, 4 * LONGEST, max(0, size - 4 * LONGEST)).rpartition(b"\n")[2]
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
        """Store what somebody sent, or say what is wrong with it."""
        origin = request.headers.get("origin")
        if origin and urlsplit(origin).netloc != request.headers.get("host"):
            return self.refuse(request, 403, "Answers are taken from the form of this site only.")
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
            return self.refuse(request, 415, f"Answers are taken as {FORM} only.")
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LONGEST:
                return self.refuse(request, 413, "This is more than the survey takes.")
        try:
            pairs = parse_qsl(body.decode("ascii"), errors="strict", max_num_fields=1000)
        except ValueError:
            return self.refuse(request, 422, "These are no answers to a form, in UTF-8.")

        sent: dict[str, list[str]] = {}
        for name, value in pairs:
            # Browsers send line breaks as on paper tape. What is only blanks is no answer.
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
            print(f"error: answers were not stored: {error}", file=sys.stderr, flush=True)
            return self.refuse(request, 503, "Nothing was stored. Please try again in a minute.")
        if wants_json(request):
            return JSONResponse({"id": row["id"]}, 201)
        # With another page after it, reloading does not send the answers again.
        return RedirectResponse("/thanks.html", 303)

    async def health(self, request: Request) -> Response:
        """Say whether answers can be stored."""
        if os.access(survey.FOLDER, os.W_OK):
            return PlainTextResponse("ok")
        return PlainTextResponse(f"error: {survey.FOLDER}: Permission denied", 503)

    def checked(self, sent: dict[str, list[str]]) -> dict:
        """Return the answers with their types. Errors: ValidationError."""
        values = {}
        for name, given in sent.items():
            several = name in self.questions and self.questions[name].kind == "choices"
            values[name] = given if several or len(given) > 1 else given[0]
        return dict.fromkeys(self.questions) | self.answers.validate_python(values)

    def messages(self, error: ValidationError) -> dict[str, str]:
        """Return for each question what is wrong with its answer, in the order of the form."""
        found = {str(each["loc"][0]): each["type"] for each in error.errors()}
        texts = {}
        for name, question in self.questions.items():
            if name in found:
                texts[name] = WORDS.get(found[name], question.rule)
        unknown = {name: "is no question of this survey." for name in found if name not in texts}
        return texts | unknown

    def draw(
        self, request: Request, answers: dict[str, list[str]], errors: dict[str, str], status: int
    ) -> Response:
        """Draw the form, with what was answered before and what is wrong with it."""
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

    def refuse(self, request: Request, status: int, why: str) -> Response:
        """Say why nothing was stored, where no question is to blame."""
        if wants_json(request):
            return JSONResponse({"errors": {"": why}}, status)
        return PlainTextResponse(f"{why}\n", status)


def is_trial(request: Request) -> bool:
    """Say whether answers are to be kept apart."""
    return "trial" in request.query_params


def wants_json(request: Request) -> bool:
    """Say whether a program asks, which wants no pages."""
    return "application/json" in request.headers.get("accept", "")


def main() -> None:
    """Serve until it is told to stop."""
    collector = Collector()
    survey.FOLDER.mkdir(parents=True, exist_ok=True)
    # No line for each request: who answers when is not written down.
    uvicorn.run(collector.site, host="0.0.0.0", port=8000, access_log=False, log_level="warning")


if __name__ == "__main__":
    with one_line_errors():
        main()
