"""The survey in src/questions.toml: its questions, the types of their answers, and the table."""

import json
import tomllib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NotRequired, Self

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

# Before Python 3.12, pydantic does not read the TypedDict of typing.
from typing_extensions import TypedDict

from {{ cookiecutter.package_name }}.files import ROOT

QUESTIONS = Path(__file__).parent / "src" / "questions.toml"
FOLDER = ROOT / "data" / "raw" / "survey"

Text = Annotated[str, StringConstraints(min_length=1)]
Options = Annotated[list[Text], Field(min_length=2)]


class SurveyError(OSError):
    """The survey cannot be read. The message says what to do."""


class Strict(BaseModel):
    """A model without unknown keys, so that a misspelled key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Question(Strict, ABC):
    """The fields that all kinds of questions share."""

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
        """The message for an answer that does not have this type."""

    def columns(self, given: pd.Series) -> dict[str, pd.Series]:
        """Turn the answers to this question into columns of the table."""
        return {self.name: given.astype("Int64")}


class Choice(Question):
    """A choice of one option."""

    kind: Literal["choice"]
    options: Options
    rule: ClassVar[str] = "Please choose one of the options."

    @property
    def answer(self) -> Any:
        return Literal[*self.options]

    def columns(self, given: pd.Series) -> dict[str, pd.Series]:
        # Answers keep options that have since been removed from the survey.
        former = sorted(set(given.dropna()) - set(self.options))
        return {self.name: given.astype(pd.CategoricalDtype([*self.options, *former]))}


class Choices(Question):
    """A choice of any number of options, with a column for each."""

    kind: Literal["choices"]
    options: Options
    rule: ClassVar[str] = "Please choose some of the options."

    @property
    def answer(self) -> Any:
        least = 1 if self.required else 0
        most = len(self.options)
        return Annotated[list[Literal[*self.options]], Field(min_length=least, max_length=most)]

    def columns(self, given: pd.Series) -> dict[str, pd.Series]:
        former = sorted({each for chosen in given.dropna() for each in chosen} - set(self.options))
        return {
            f"{self.name}: {option}": given.map(
                lambda chosen, option=option: option in chosen, na_action="ignore"
            ).astype("boolean")
            for option in [*self.options, *former]
        }


class Number(Question):
    """A whole number that people type."""

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
    """A number that people choose from a scale."""

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
    """Free text without control characters, which only a program can send."""

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
    """The contents of src/questions.toml."""

    title: Text
    introduction: str = ""
    questions: Annotated[list[AnyQuestion], Field(min_length=1)]

    @model_validator(mode="after")
    def names_differ(self) -> Self:
        """Refuse a name that another column has; `id` and `at` are columns of every survey."""
        names = ["id", "at", *(question.name for question in self.questions)]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"the name {twice[0]!r} is already in use")
        return self

    def answers(self) -> TypeAdapter[dict[str, Any]]:
        """Return a validator for a form."""
        kinds = {
            question.name: question.answer if question.required else NotRequired[question.answer]
            for question in self.questions
        }
        answers = TypedDict("Answers", kinds)
        answers.__pydantic_config__ = ConfigDict(extra="forbid")
        return TypeAdapter(answers)


def read() -> Survey:
    """Read the questions.

    Raises:
        SurveyError: The file is not valid. The message says where.
    """
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
    """Return all answers: a row for each form, with columns of the questions' types.

    With `trial=True`, return the answers to the trial form at `/?trial` instead.

    Raises:
        SurveyError: The questions or the stored answers are not valid.
    """
    rows = []
    path = file(trial)
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            rows += [json.loads(line)] if line else []
        except ValueError:
            # The collector may still be writing the last line.
            if number < len(lines):
                message = f"{path}, line {number}: not valid JSON. Correct that line."
                raise SurveyError(message) from None
    raw = pd.DataFrame(rows, dtype=object)
    columns = {"id": raw.get("id", pd.Series(dtype=object)).astype("string")}
    times = raw.get("at", pd.Series(dtype=object))
    columns["at"] = pd.to_datetime(times, format="ISO8601", utc=True)
    for question in read().questions:
        empty = pd.Series(None, index=raw.index, dtype=object)
        columns.update(question.columns(raw.get(question.name, empty)))
    return pd.DataFrame(columns).set_index("id")


def file(trial: bool = False) -> Path:
    """Return the path of the file with the answers."""
    return FOLDER / ("trial.jsonl" if trial else "answers.jsonl")


def for_spreadsheet(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy without formulas in its texts, for a CSV file that a spreadsheet opens.

    A text that a spreadsheet would take for a formula gets a leading apostrophe.
    """
    copy = frame.copy()
    for name in copy.select_dtypes("string").columns:
        formula = copy[name].str.match(r"[=+\-@\t\r]").fillna(False)
        copy[name] = copy[name].mask(formula, "'" + copy[name])
    return copy
