"""The survey of src/questions.toml: what it asks, what an answer is, the table of all answers."""

import json
import tomllib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NotRequired, Self, TypedDict

import pandas as pd
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from {{ cookiecutter.package_name }}.files import ROOT

QUESTIONS = Path(__file__).parent / "src" / "questions.toml"
FOLDER = ROOT / "data" / "raw" / "survey"

Text = Annotated[str, StringConstraints(min_length=1)]
Options = Annotated[list[Text], Field(min_length=2)]


class SurveyError(OSError):
    """The survey cannot go on. The message says what to do."""


class Strict(BaseModel):
    """What is not known is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Question(Strict, ABC):
    """What all kinds of questions have."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    text: Text
    hint: str = ""
    required: bool = True

    @property
    @abstractmethod
    def answer(self) -> Any:
        """The type of an answer."""

    @property
    @abstractmethod
    def rule(self) -> str:
        """What to tell somebody whose answer is not of this type."""

    def columns(self, given: pd.Series) -> dict[str, pd.Series]:
        """Make columns of the table from what was answered."""
        return {self.name: given.astype("Int64")}


class Choice(Question):
    """One of the options."""

    kind: Literal["choice"]
    options: Options
    rule: ClassVar[str] = "Please choose one of the options."

    @property
    def answer(self) -> Any:
        return Literal[*self.options]

    def columns(self, given: pd.Series) -> dict[str, pd.Series]:
        # Options that the survey no longer has stay in the table.
        former = sorted(set(given.dropna()) - set(self.options))
        return {self.name: given.astype(pd.CategoricalDtype([*self.options, *former]))}


class Choices(Question):
    """Any number of the options: a column for each."""

    kind: Literal["choices"]
    options: Options
    rule: ClassVar[str] = "Please choose some of the options."

    @property
    def answer(self) -> Any:
        least = 1 if self.required else 0
        most = len(self.options)
        return Annotated[list[Literal[*self.options]], Field(min_length=least, max_length=most)]

    def columns(self, given: pd.Series) -> dict[str, pd.Series]:
        former = sorted({each for some in given.dropna() for each in some} - set(self.options))
        return {
            f"{self.name}: {option}": given.map(
                lambda some, option=option: option in some, na_action="ignore"
            ).astype("boolean")
            for option in [*self.options, *former]
        }


class Number(Question):
    """A whole number, to type."""

    kind: Literal["number"]
    min: int
    max: int

    @property
    def answer(self) -> Any:
        return Annotated[int, Field(ge=self.min, le=self.max)]

    @property
    def rule(self) -> str:
        return f"Please type a whole number from {self.min} to {self.max}."


class Scale(Question):
    """A number, to choose."""

    kind: Literal["scale"]
    min: int = 1
    max: int = 5
    low: str = ""
    high: str = ""

    @property
    def options(self) -> range:
        return range(self.min, self.max + 1)

    @property
    def answer(self) -> Any:
        return Annotated[int, Field(ge=self.min, le=self.max)]

    @property
    def rule(self) -> str:
        return f"Please choose a number from {self.min} to {self.max}."


class FreeText(Question):
    """Whatever somebody wants to say. Control characters can only come from a program."""

    kind: Literal["text"]
    longest: Annotated[int, Field(gt=0, le=10_000)] = 1000

    @property
    def answer(self) -> Any:
        return Annotated[
            str, StringConstraints(max_length=self.longest, pattern=r"^[\P{Cc}\n\t]*$")
        ]

    @property
    def rule(self) -> str:
        return f"Please write at most {self.longest} characters."

    def columns(self, given: pd.Series) -> dict[str, pd.Series]:
        return {self.name: given.astype("string")}


AnyQuestion = Annotated[Choice | Choices | Number | Scale | FreeText, Field(discriminator="kind")]


class Survey(Strict):
    """All of src/questions.toml."""

    title: Text
    introduction: str = ""
    questions: Annotated[list[AnyQuestion], Field(min_length=1)]

    @model_validator(mode="after")
    def names_differ(self) -> Self:
        """Two questions with one name would be one column; `id` and `at` are columns already."""
        names = ["id", "at", *(question.name for question in self.questions)]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"the name {twice[0]!r} is taken")
        return self

    def answers(self) -> TypeAdapter[dict[str, Any]]:
        """Return what checks a form that somebody sent."""
        kinds = {
            question.name: question.answer if question.required else NotRequired[question.answer]
            for question in self.questions
        }
        answers = TypedDict("Answers", kinds)
        answers.__pydantic_config__ = ConfigDict(extra="forbid")
        return TypeAdapter(answers)


def read() -> Survey:
    """Read the questions. Errors: SurveyError, which says where they are wrong."""
    name = QUESTIONS.relative_to(ROOT) if QUESTIONS.is_relative_to(ROOT) else QUESTIONS
    try:
        return Survey.model_validate(tomllib.loads(QUESTIONS.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise SurveyError(f"{name} is not valid TOML: {error}. Correct it.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "questions"
        raise SurveyError(f"{name}: {where}: {first['msg']}. Correct it.") from error


def load(trial: bool = False) -> pd.DataFrame:
    """Return all answers so far: a row for each form that was sent, with the questions' types.

    `trial=True` takes those to the form at `/?trial` instead.
    """
    rows = []
    path = file(trial)
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            rows += [json.loads(line)] if line else []
        except ValueError:
            # The last one may be on its way.
            if number < len(lines):
                raise SurveyError(f"{path}, line {number}: no JSON. Correct that line.") from None
    raw = pd.DataFrame(rows, dtype=object)
    columns = {"id": raw.get("id", pd.Series(dtype=object)).astype("string")}
    times = raw.get("at", pd.Series(dtype=object))
    columns["at"] = pd.to_datetime(times, format="ISO8601", utc=True)
    for question in read().questions:
        empty = pd.Series(None, index=raw.index, dtype=object)
        columns.update(question.columns(raw.get(question.name, empty)))
    return pd.DataFrame(columns).set_index("id")


def file(trial: bool = False) -> Path:
    """Return where answers are stored."""
    return FOLDER / ("trial.jsonl" if trial else "answers.jsonl")


def for_spreadsheet(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy in which no text is a formula, for a CSV file that a spreadsheet opens."""
    copy = frame.copy()
    for name in copy.select_dtypes("string").columns:
        formula = copy[name].str.match(r"[=+\-@\t\r]").fillna(False)
        copy[name] = copy[name].mask(formula, "'" + copy[name])
    return copy
