"""Send valid and invalid answers to the survey, as a browser does, and load the table."""

import json
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.access import wait_for
from services.survey.survey import load


def send(answers: dict[str, object]) -> tuple[int, dict]:
    """Send a form as a trial, which is stored apart from real answers.

    Returns the status and the JSON of the response.
    """
    body = urlencode(answers, doseq=True).encode()
    # A browser accepts HTML; this program accepts JSON.
    request = Request("http://survey:8080/answers?trial", body, {"Accept": "application/json"})
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def main() -> None:
    """Send three valid forms and three invalid ones, and print the table."""
    wait_for("survey", 8080)
    before = len(load(trial=True))

    ann = {"field": "Research", "years": 12, "tools": ["Python", "SQL"], "content": 4}
    bob = {"field": "Industry", "years": 3, "tools": ["R"], "content": 5, "wish": "=1+1"}
    eve = {"field": "I am a student", "years": 0, "content": 2, "wish": "<b>More</b> time"}
    for answers in (ann, bob, eve):
        status, _ = send(answers)
        print(status, answers)
        assert status == 201

    for wrong in ({"content": 6}, {"field": "Nowhere"}, {"years": "many", "age": 7}):
        status, response = send(ann | wrong)
        print(status, wrong, response["errors"])
        assert status == 422

    table = load(trial=True)
    print(table.tail(3).T.to_string(header=False))
    print(table.dtypes.to_string())
    assert len(table) == before + 3
    assert table["content"].tail(3).tolist() == [4, 5, 2]
    assert table["wish"].tail(2).tolist() == ["=1+1", "<b>More</b> time"]


if __name__ == "__main__":
    with exit_on_os_error():
        main()
