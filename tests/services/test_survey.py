"""The survey: what the form shows and stores, and what remains if something fails."""

import json
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import pytest
import support
from selenium.webdriver.common.by import By
from support import docker, wait_until

pytestmark = pytest.mark.docker

PORT = "18090"
GOOD = {"field": "Research", "years": 12, "tools": ["Python", "SQL"], "content": 4}


@pytest.fixture(scope="module")
def started(with_service):
    """The survey, started once."""
    project = with_service("survey")
    project.ok("up", SURVEY_PORT=PORT)
    yield project
    project.make("down")


@pytest.fixture
def project(started):
    """The survey, without answers of an earlier test."""
    answers(started).unlink(missing_ok=True)
    return started


def answers(project):
    return project.path / "data" / "raw" / "survey" / "answers.jsonl"


def stored(project) -> list[dict]:
    file = answers(project)
    return [json.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []


def post(body: dict | bytes, **headers: str) -> tuple[int, dict]:
    """Send a form as a program does; return the status (0: no answer) and the JSON."""
    data = body if isinstance(body, bytes) else urlencode(body, doseq=True).encode()
    request = Request(f"http://127.0.0.1:{PORT}/answers", data, {"Accept": "application/json", **headers})
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        text = error.read().decode()
        return error.code, json.loads(text)["errors"] if text.startswith("{") else {"": text}
    except OSError:
        return 0, {}


@pytest.fixture
def page(project):
    with support.browser(project.network(), size=(1000, 1400)) as driver:
        driver.get("http://survey:8080/")
        yield driver


def fill(page, **texts: str) -> None:
    """Answer as a person does, by the labels of the fields."""
    for option in ("Industry", "R", "SQL", "5 very"):
        page.find_element(By.XPATH, f"//label[normalize-space()='{option}']").click()
    for name, text in texts.items():
        page.find_element(By.ID, name).send_keys(text)


def send(page) -> None:
    page.find_element(By.XPATH, "//button[text()='Send']").click()


def body(page) -> str:
    # In one step, because an element may disappear with its page before its text is read.
    return page.execute_script("return document.body?.innerText ?? ''")


def test_form_that_a_person_fills_in_is_stored(project, page):
    support.picture(page, "survey")
    assert support.console(page) == []
    fill(page, years="7", wish="=1+1\n<b>More</b> “time”")
    send(page)
    wait_until(lambda: "Your answers are stored." in body(page))
    assert page.current_url == "http://survey:8080/thanks.html"
    page.refresh()
    (row,) = stored(project)
    assert set(row) == {"id", "at", "field", "years", "tools", "content", "wish"}
    assert (row["field"], row["years"], row["tools"], row["content"]) == ("Industry", 7, ["R", "SQL"], 5)
    assert row["wish"] == "=1+1\n<b>More</b> “time”"


def test_browser_does_not_send_invalid_answers(project, page):
    fill(page, years="71")
    send(page)
    assert page.find_element(By.ID, "years").get_property("validity")["rangeOverflow"]
    assert page.current_url == "http://survey:8080/"
    assert stored(project) == []


def test_invalid_form_comes_back_with_messages_and_answers(project, page):
    fill(page, years="71", wish="<script>alert(1)</script>")
    # Like a browser that validates nothing.
    page.execute_script("document.querySelector('form').noValidate = true")
    send(page)
    wait_until(lambda: "Nothing has been stored yet" in body(page))
    years = page.find_element(By.ID, "years")
    assert years.get_property("value") == "71"
    assert page.find_element(By.ID, years.get_dom_attribute("aria-describedby")).text == (
        "Please type a whole number from 0 to 70."
    )
    assert page.find_element(By.ID, "wish").get_property("value") == "<script>alert(1)</script>"
    assert len(page.find_elements(By.CSS_SELECTOR, "input:checked")) == 4
    assert stored(project) == []

    years.clear()
    years.send_keys("70")
    send(page)
    wait_until(lambda: "Your answers are stored." in body(page))
    assert [row["years"] for row in stored(project)] == [70]


@pytest.mark.parametrize(
    ("wrong", "name", "message"),
    [
        ({"field": ""}, "field", "Please answer this question."),
        ({"years": "  "}, "years", "Please answer this question."),
        ({"field": "Nowhere"}, "field", "Please choose one of the options."),
        ({"field": ["Research", "Industry"]}, "field", "Please choose one of the options."),
        ({"years": "many"}, "years", "Please type a whole number from 0 to 70."),
        ({"years": 1.5}, "years", "Please type a whole number from 0 to 70."),
        ({"years": "9" * 5000}, "years", "Please type a whole number from 0 to 70."),
        ({"content": 0}, "content", "Please choose a number from 1 to 5."),
        ({"tools": ["Python", "Abacus"]}, "tools", "Please choose some of the options."),
        ({"tools": ["R"] * 5}, "tools", "Please choose some of the options."),
        ({"wish": "x" * 1001}, "wish", "Please write at most 1000 characters."),
        ({"wish": "a\0b"}, "wish", "Please leave out control characters."),
        ({"id": "mine"}, "id", "is not a question of this survey."),
    ],
)
def test_invalid_answer_is_a_422_with_one_message(project, wrong, name, message):
    assert post(GOOD | wrong) == (422, {name: message})
    assert stored(project) == []


def test_request_that_is_not_this_form_is_refused(project):
    good = urlencode(GOOD, doseq=True).encode()
    assert post(GOOD, Origin="http://elsewhere.example")[0] == 403
    assert post(GOOD, Origin="null")[0] == 403
    assert post(json.dumps(GOOD).encode(), **{"Content-Type": "application/json"})[0] == 415
    assert post(good + b"&wish=" + b"x" * 65536)[0] == 413
    assert post(good + b"&wish=%ff")[0] == 422
    assert post(b"")[0] == 422
    assert stored(project) == []
    assert post(GOOD, Origin=f"http://127.0.0.1:{PORT}")[0] == 201


def test_concurrent_forms_are_each_stored_once(project):
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda years: post(GOOD | {"years": years % 71, "wish": "ü" * 1000}), range(200)))
    assert {status for status, _ in done} == {201}
    rows = stored(project)
    assert sorted(row["id"] for row in rows) == sorted(answer["id"] for _, answer in done)
    assert sorted(row["years"] for row in rows) == sorted(years % 71 for years in range(200))


def test_killed_collector_loses_no_confirmed_form(project):
    """A line that it left unfinished is removed."""
    confirmed = []

    def many(_):
        while (done := post(GOOD | {"wish": "x" * 1000}))[0] == 201:
            confirmed.append(done[1]["id"])

    with ThreadPoolExecutor(4) as threads:
        threads.map(many, range(4))
        wait_until(lambda: len(confirmed) > 20)
        docker("kill", project.container("survey-collector"))
    # As if it was killed in the middle of a line.
    with answers(project).open("ab") as file:
        file.write(b'{"id": "unfinished", "wi')
    assert post(GOOD)[0] == 503
    project.ok("up", SURVEY_PORT=PORT)
    wait_until(lambda: post(GOOD)[0] == 201)
    ids = [row["id"] for row in stored(project)]
    assert set(confirmed) < set(ids) and "unfinished" not in ids

    # An editor may drop the newline of the last line, which was confirmed.
    answers(project).write_bytes(answers(project).read_bytes().rstrip(b"\n"))
    assert post(GOOD)[0] == 201
    assert [row["id"] for row in stored(project)][:-1] == ids


def test_table_has_the_types_of_the_questions(project):
    for wish in ("=1+1", "+49", "@here", "plain"):
        assert post(GOOD | {"wish": wish})[0] == 201
    # Answers to earlier questions.
    with answers(project).open("a") as file:
        file.write('{"id": "a", "at": "2026-01-01T00:00:00+00:00", "field": "Farming", "tools": ["Paper"]}\n')
        file.write('{"id": "on its w')
    code = """
from services.survey.survey import for_spreadsheet, load
table = load()
print(len(table), *map(str, table.dtypes))
print(*table["field"].cat.categories, table["tools: Paper"].sum(), table["years"].isna().sum())
print(*for_spreadsheet(table)["wish"])
"""
    (project.path / "notebooks" / "look.py").write_text(code)
    types, kept, texts = project.run("python notebooks/look.py").splitlines()
    assert types.startswith("5 datetime64[") and types.endswith(
        ", UTC] category Int64" + 5 * " boolean" + " Int64 string"
    )
    assert kept == "Research Industry Public service I am a student Elsewhere Farming 1 1"
    assert texts == "'=1+1 '+49 '@here plain <NA>"


def test_survey_without_its_collector_is_unhealthy(project):
    docker("stop", project.container("survey-collector"))
    wait_until(lambda: project.inspect(project.container("survey"))["State"]["Health"]["Status"] == "unhealthy")
    project.ok("up", SURVEY_PORT=PORT)
    assert post(GOOD)[0] == 201


def test_faults_in_its_files_are_one_line(project):
    collector = project.container("survey-collector")
    file = project.path / "services/survey/src/questions.toml"
    good = file.read_text(encoding="utf-8")
    try:
        docker("rm", "--force", project.container("survey"), collector)
        file.write_text(good.replace('"choice"', '"guess"'), encoding="utf-8")
        error = project.error("up", SURVEY_PORT=PORT)
        assert "services/survey/src/questions.toml: questions.0: " in error and "Correct it." in error
    finally:
        file.write_text(good, encoding="utf-8")
    configuration = project.path / "services/survey/src/nginx.conf"
    configuration.chmod(0o600)
    try:
        project.ok("down")
        error = project.error("up", SURVEY_PORT=PORT)
        assert error.endswith("Allow it: chmod -R go+rX services/survey/src.")
    finally:
        configuration.chmod(0o644)
        project.ok("down")
        project.ok("up", SURVEY_PORT=PORT)
