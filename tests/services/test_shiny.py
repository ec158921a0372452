"""The Shiny app in a real browser: its plot follows the inputs and the file, and returns when the app restarts."""

import re
import socket

import pytest
import support
from selenium.webdriver.common.by import By
from support import docker, wait_until

pytestmark = pytest.mark.docker

PLOT = "return document.querySelector('#histogram img')?.src"
# Move the slider as its JavaScript library does.
SLIDE = "$('#bins').data('ionRangeSlider').update({from: arguments[0]}); $('#bins').trigger('change')"


@pytest.fixture(scope="module")
def project(with_service):
    project = with_service("shiny")
    project.ok("data")
    project.ok("up")
    yield project
    project.make("down")


@pytest.fixture(scope="module")
def driver(project):
    with support.browser(project.network(), size=(1400, 900)) as driver:
        yield driver


@pytest.fixture
def page(driver):
    driver.get("http://shiny:3838/")
    plot(driver)
    return driver


@pytest.fixture
def app(project):
    """The app's code, which a test may break."""
    file = project.path / "services" / "shiny" / "src" / "app.R"
    kept = file.read_text()
    yield file
    file.write_text(kept)


def plot(driver, after=None):
    """Wait for a plot that differs from the one in `after`, and return it."""

    def there():
        source = driver.execute_script(PLOT)
        return source if source and source.startswith("data:image/png") and source != after else None

    return wait_until(there)


def text(driver):
    return driver.find_element(By.TAG_NAME, "body").text


def raw(project):
    return project.path / "data" / "raw" / "tumors.csv"


def test_plot_and_numbers_follow_the_inputs(project, page):
    table = raw(project).read_text().splitlines()
    columns = table[0].split(",")
    counts = {group: sum(row.endswith(group) for row in table) for group in ("benign", "malignant")}
    assert all(re.search(rf"{group} {count} ", text(page)) for group, count in counts.items())
    support.picture(page, "shiny")

    first = plot(page)
    page.execute_script(SLIDE, 10)
    second = plot(page, after=first)
    page.find_element(By.CSS_SELECTOR, "input[value=benign]").click()
    third = plot(page, after=second)
    wait_until(lambda: not re.search(r"benign \d+ ", text(page)))
    page.execute_script("$('#column')[0].selectize.setValue(arguments[0])", columns[1])
    assert plot(page, after=third) not in (first, second)
    wait_until(lambda: columns[1] in page.find_element(By.CSS_SELECTOR, "#histogram img").get_attribute("alt"))
    page.find_element(By.CSS_SELECTOR, "input[value=malignant]").click()
    wait_until(lambda: "Choose a diagnosis." in text(page))
    assert page.execute("getLog", {"type": "browser"})["value"] == []


def test_page_follows_the_file(project, page):
    file, kept = raw(project), raw(project).read_text()
    try:
        file.unlink()
        wait_until(lambda: "data/raw/tumors.csv is missing. Run: make data." in text(page))
        file.write_text("only words\na\nb\n")
        wait_until(lambda: "data/raw/tumors.csv has no numeric column." in text(page))
        file.write_text("a size,diagnosis\n1,x\n2,y\n<b>,y\n")
        wait_until(lambda: "data/raw/tumors.csv has no numeric column." in text(page))
        file.write_text("a size,diagnosis\n1,<b>x</b>\n2,y\n3,y\n,y\n")
        plot(page)
        wait_until(lambda: "<b>x</b> 1 " in text(page) and "y 2 " in text(page))
    finally:
        file.write_text(kept)
    wait_until(lambda: "malignant " in text(page))


def test_open_page_reconnects_when_the_app_restarts(project, page):
    before = plot(page)
    container = project.container("shiny")
    docker("exec", container, "bash", "-c", "kill -9 $(cat /proc/[0-9]*/stat | sed -n 's/^\\([0-9]*\\) (R) .*/\\1/p')")
    wait_until(lambda: docker("inspect", "--format", "{{.RestartCount}}", container) == "1")
    project.ok("up")
    wait_until(lambda: "econnect" not in text(page))
    page.execute_script(SLIDE, 20)
    plot(page, after=before)


# Open a WebSocket to the app, and return its messages when they contain the data, or nothing when it closes.
ASK = """
const done = arguments[0], socket = new WebSocket('ws://shiny:3838/websocket/')
let messages = ''
socket.onopen = () => socket.send(JSON.stringify({method: 'init', data: {}}))
socket.onmessage = message => { messages += message.data; if (messages.includes('malignant')) done(messages) }
socket.onclose = () => done('')
"""


def test_other_sites_cannot_read_the_data(project, driver):
    container = project.container("shiny")
    address = docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container)
    for page, allowed in (
        ("http://shiny:3838/", True),
        (f"http://{address}:3838/", False),
        ("data:text/html,elsewhere", False),
    ):
        driver.get(page)
        assert bool(driver.execute_async_script(ASK)) == allowed


def test_app_can_write_neither_data_nor_itself(project):
    for path in ("/data/x", "/app/x"):
        assert "Read-only" in docker("exec", project.container("shiny"), "sh", "-c", f"touch {path} 2>&1 || true")


def test_edit_of_the_app_needs_no_restart(page, app):
    app.write_text(app.read_text().replace('title = "Tumors"', 'title = "Mine"'))

    def mine():
        page.get("http://shiny:3838/")
        return "Mine" in text(page)

    wait_until(mine)
    plot(page)


def test_error_in_the_app_is_one_line(project, app):
    whole = app.read_text()
    project.ok("down")
    app.write_text("library(dplyr)\n" + whole)
    error = project.error("up")
    assert "uses the R package dplyr, which its image lacks. Add it to services/shiny/image/apt.txt" in error
    # The log still contains the first fault.
    app.write_text("shinyApp(\n")
    assert "Fix services/shiny/src/app.R" in project.error("up")
    app.write_text(whole)
    assert "http://127.0.0.1:" in project.ok("up")


def test_app_takes_another_port(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = project.error("up", SHINY_PORT=str(port))
        assert f"port {port} is in use. Use another one: make up SHINY_PORT={port + 1}" in error
    project.ok("up", SHINY_PORT=str(port))
    assert project.port("shiny") == port
    assert support.status(f"http://127.0.0.1:{port}/") == 200
