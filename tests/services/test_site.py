"""The data story: pages built from the reports, as a browser, a feed reader and another web server see them."""

import json
import re
from xml.etree import ElementTree

import pytest
import support
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from support import docker, wait_until

pytestmark = pytest.mark.docker

PAGE = "http://site:8080/"
ATOM = "{http://www.w3.org/2005/Atom}"
POST = "services/site/src/_posts/2026-01-05-how-well-can-tumors-be-told-apart.md"
STORY = "/how-well-can-tumors-be-told-apart/"
NO_FIGURE = "Run <code>make story</code>"


def read(project, path="/", *options):
    """Return the server's response, with headers if `--include` is among the options of curl."""
    return docker("exec", project.container("site"), "curl", "--silent", *options, f"http://127.0.0.1:8080{path}")


def health(project, container):
    return project.inspect(project.container(container))["State"]["Health"]["Status"]


@pytest.fixture(scope="module")
def project(with_service):
    project = with_service("site")
    project.ok("up")
    yield project
    project.make("down")


@pytest.fixture
def trained(project):
    if not (project.path / "reports" / "metrics.json").exists():
        project.ok("train")
    wait_until(lambda: "importance.png" in read(project, STORY))
    return project


@pytest.fixture
def predictions(trained):
    """What the interactive figure shows, in a file that a test may change."""
    file = trained.path / "reports" / "predictions.json"
    if not file.exists():
        trained.ok("story")
    good = file.read_text()
    wait_until(lambda: shown(trained) == json.loads(good))
    yield file
    if file.read_text() != good:
        file.write_text(good)
        wait_until(lambda: shown(trained) == json.loads(good))


def shown(project):
    """Return the predictions that the site publishes."""
    text = read(project, "/predictions.json")
    return json.loads(text) if text.startswith("{") else None


def part(driver, name):
    return driver.find_element(By.CSS_SELECTOR, f'figure [data-part="{name}"]')


def points(driver):
    return driver.find_elements(By.CSS_SELECTOR, "path.point")


@pytest.fixture
def post(project):
    """The story's source, which a test may change."""
    file = project.path / POST
    good = file.read_text()
    yield file
    file.write_text(good)
    wait_until(lambda: health(project, "site-builder") == "healthy")


def test_page_without_a_report_says_what_to_do(project):
    reports = project.path / "reports"
    for file in (*reports.glob("*.json"), *(reports / "figures").glob("*.png")):
        file.unlink(missing_ok=True)
    (project.path / "models" / "model.joblib").unlink(missing_ok=True)
    line = "error: models/model.joblib is missing. Train the model first: make train."
    assert project.error("story") == line
    wait_until(lambda: "Run <code>make train</code>" in read(project))
    story = read(project, STORY)
    assert "Run <code>make train</code>" in story and "<img" not in story
    project.ok("train")
    metrics = json.loads((reports / "metrics.json").read_text())
    wait_until(lambda: f'<data value="{metrics["roc_auc"]}">' in read(project))


def test_browser_shows_the_story_with_its_figures(trained, predictions):
    with support.browser(trained.network(), size=(1000, 1700)) as driver:
        driver.get(PAGE)
        driver.find_element(By.PARTIAL_LINK_TEXT, "How well can tumors").click()
        assert driver.find_element(By.TAG_NAME, "h1").text == "How well can tumors be told apart?"
        images = driver.find_elements(By.CSS_SELECTOR, "figure img")
        # One of them is what the interactive figure replaces.
        assert len(images) == 4
        wait_until(lambda: all(image.get_property("naturalWidth") > 300 for image in images))
        assert all(image.get_attribute("alt") for image in images)
        shown = [cell.text for cell in driver.find_element(By.TAG_NAME, "tbody").find_elements(By.TAG_NAME, "td")]
        metrics = json.loads((trained.path / "reports" / "metrics.json").read_text())
        assert shown == [f"{share:.1%}".replace("%", " %") for share in list(metrics.values())[:-1]] + ["142"]
        driver.execute_script("window.scrollTo(0, 0)")
        support.picture(driver, "site")
        assert support.console(driver) == []
        # Styles are allowed by the server's own policy.
        assert driver.find_element(By.TAG_NAME, "main").value_of_css_property("max-width") != "none"
        driver.get(f"{PAGE}nothing/here")
        assert driver.find_element(By.TAG_NAME, "h1").text == "Page not found"
        driver.find_element(By.LINK_TEXT, "all stories").click()
        assert driver.current_url == PAGE


def test_server_sends_security_and_cache_headers(trained):
    head = read(trained, "/nothing", "--include").splitlines()
    assert head[0].startswith("HTTP/1.1 404")
    for line in ("Server: nginx", "Cache-Control: no-cache", "X-Content-Type-Options: nosniff"):
        assert line in head
    assert any(line.startswith("Content-Security-Policy: default-src 'self'") for line in head)
    head = read(trained, "/figures/roc_curve.png", "--head")
    assert "image/png" in head
    etag = re.search("ETag: (.*)", head)[1].strip()
    again = read(trained, "/figures/roc_curve.png", "--head", "--header", f"If-None-Match: {etag}")
    assert "304 Not Modified" in again


def test_error_in_a_post_leaves_the_old_pages(trained, post):
    before, good = read(trained), post.read_text()
    # Counted from the end of the front matter.
    line = good.split("---\n")[2].count("\n") + 1
    for mistake, message in (
        ("{% bogus %}", f"Liquid syntax error (line {line}): Unknown tag 'bogus'"),
        ("{{ 1 | bogus }}", f"Liquid error (line {line}): undefined filter bogus"),
        ("{% include bogus.html %}", "Could not locate the included file 'bogus.html'"),
    ):
        post.write_text(f"{good}{mistake}\n")
        wait_until(lambda message=message: f"{POST}: {message}" in docker("logs", trained.container("site-builder")))
        wait_until(lambda: health(trained, "site-builder") == "unhealthy")
        wait_until(lambda message=message: f"{POST}: {message}" in trained.error("up"))
        assert f"error: {POST}: {message}" in trained.error("site")
    assert read(trained) == before
    assert not (trained.path / "services" / "site" / "public").exists()


def test_report_that_is_not_json_is_named(trained, predictions):
    for file in (trained.path / "reports" / "metrics.json", predictions):
        good = file.read_text()
        try:
            file.write_text("{")
            wait_until(lambda: health(trained, "site-builder") == "unhealthy")
            assert f"reports/{file.name}: " in trained.error("up")
        finally:
            file.write_text(good)
        wait_until(lambda: health(trained, "site-builder") == "healthy")


def test_figure_follows_the_threshold_and_the_filter(trained, predictions):
    """By mouse and by keyboard, with all connections cut once the page is there."""
    data = json.loads(predictions.read_text())
    rows = sorted(data["rows"], key=lambda row: row["probability"])

    def wrong(limit):
        return [row for row in rows if (row["probability"] >= limit) != row["actual"]]

    def count(limit, number):
        missed, alarms = (
            f"{sum(row['actual'] == actual for row in wrong(limit))} of "
            f"{sum(row['actual'] == actual for row in rows)} {name} tumors"
            for actual, name in ((True, "malignant"), (False, "benign"))
        )
        return f"{missed} missed, {alarms} called malignant. {number} of {len(rows)} tumors shown."

    with support.browser(trained.network(), size=(1000, 1700)) as driver:
        driver.get(PAGE.rstrip("/") + STORY)
        wait_until(lambda: len(points(driver)) == len(rows) == 142)
        loaded = driver.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
        assert f"{PAGE}assets/d3/d3.js" in loaded
        assert all(address.startswith(PAGE) for address in loaded), loaded
        driver.command_executor.add_command("cdp", "POST", "/session/$sessionId/goog/cdp/execute")
        conditions = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        for name, values in (("enable", {}), ("emulateNetworkConditions", conditions)):
            driver.execute("cdp", {"cmd": f"Network.{name}", "params": values})

        assert not part(driver, "picture").is_displayed()
        assert part(driver, "count").text == count(0.5, 142)
        metrics = json.loads((trained.path / "reports" / "metrics.json").read_text())
        found = sum(row["actual"] and row["probability"] >= 0.5 for row in rows)
        assert found / sum(row["actual"] for row in rows) == pytest.approx(metrics["recall"])
        # The threshold, by keyboard.
        part(driver, "threshold").send_keys(*20 * [Keys.ARROW_LEFT])
        assert part(driver, "limit").text == "30 %"
        assert part(driver, "count").text == count(0.3, 142) != count(0.5, 142)
        # A filter, in the chart and in the table.
        Select(part(driver, "filter")).select_by_visible_text("only wrong predictions")
        assert part(driver, "count").text == count(0.3, len(wrong(0.3)))
        driver.find_element(By.TAG_NAME, "summary").click()
        numbers = [cell.text for cell in part(driver, "body").find_elements(By.CSS_SELECTOR, "th")]
        assert numbers == [row["label"] for row in wrong(0.3)] and len(points(driver)) == len(numbers)
        # The measurement moves the symbols up and down only.
        before = points(driver)[0].get_attribute("transform")
        Select(part(driver, "measurement")).select_by_index(1)
        after = points(driver)[0].get_attribute("transform")
        assert before != after and before.split(",")[0] == after.split(",")[0]

        def details(row):
            return part(driver, "details").text.startswith(f"No. {row['label']}: ")

        ActionChains(driver).move_to_element(points(driver)[1]).perform()
        assert details(wrong(0.3)[1])
        Select(part(driver, "filter")).select_by_index(0)
        points(driver)[0].send_keys(Keys.ARROW_RIGHT)
        assert details(rows[1]) and "worst" in part(driver, "details").text
        driver.switch_to.active_element.send_keys(Keys.END)
        assert details(rows[-1])
        assert driver.switch_to.active_element.get_attribute("aria-label") == part(driver, "details").text
        # The tab key goes to one symbol only.
        assert len(driver.find_elements(By.CSS_SELECTOR, 'path[tabindex="0"]')) == 1
        assert support.console(driver) == []


def test_figure_shows_markup_in_the_data_as_text(trained, predictions):
    attack = "<img src=x onerror=\"document.title='attacked'\"></script><script>document.title='attacked'</script>"
    data = json.loads(predictions.read_text())
    data.update(noun=attack, classes=[attack, "malignant"], columns=[attack, *data["columns"][1:]])
    data["rows"][0]["label"] = attack
    predictions.write_text(json.dumps(data))
    wait_until(lambda: shown(trained) == data)
    with support.browser(trained.network(), size=(1000, 1700)) as driver:
        driver.get(PAGE.rstrip("/") + STORY)
        wait_until(lambda: len(points(driver)) == 142)
        interactive = part(driver, "interactive")
        assert attack in part(driver, "count").text
        assert interactive.find_elements(By.CSS_SELECTOR, "img, script") == []
        assert "attacked" not in driver.title
        assert support.console(driver) == []


def test_figure_without_javascript_or_data_is_a_picture(trained, predictions):
    """Predictions of another training run are not shown."""
    story = read(trained, STORY)
    picture, interactive = story.split('<div data-part="interactive" hidden=')
    assert '<img src="/figures/confusion_matrix.png"' in picture and "<noscript>" in picture
    assert 'data-part="threshold"' in interactive
    data = json.loads(predictions.read_text())
    data["metrics"]["rows"] += 1
    predictions.write_text(json.dumps(data))
    wait_until(lambda: NO_FIGURE in read(trained, STORY))
    assert "data-predictions" not in read(trained, STORY)
    data["metrics"]["rows"] -= 1
    data["rows"] = None
    predictions.write_text(json.dumps(data))
    wait_until(lambda: NO_FIGURE not in read(trained, STORY))
    with support.browser(trained.network()) as driver:
        driver.get(PAGE.rstrip("/") + STORY)
        wait_until(lambda: "cannot be drawn" in part(driver, "message").text)
        assert part(driver, "picture").is_displayed() and not part(driver, "interactive").is_displayed()


def test_killed_builder_restarts_and_pages_stay(trained, post):
    name = trained.container("site-builder")
    before = trained.inspect(name)["RestartCount"]
    docker("exec", name, "sh", "-c", "kill -KILL -1", check=False)
    wait_until(lambda: trained.inspect(name)["RestartCount"] == before + 1)
    assert "How well can tumors" in read(trained)
    post.write_text(post.read_text().replace("How well can tumors", "How well can quokkas"))
    wait_until(lambda: "How well can quokkas" in read(trained))
    # Older builds are removed.
    wait_until(lambda: len(docker("exec", name, "ls", "/site").split()) == 2)


def test_without_the_base_image_the_last_build_is_used(trained):
    file = trained.path / "services" / "site" / "Dockerfile"
    good = file.read_text()
    file.write_text(good.replace("FROM ${REGISTRY_PREFIX}debian:trixie-slim", "FROM debian:not-there"))
    try:
        done = trained.make("up")
    finally:
        file.write_text(good)
    assert done.returncode == 0
    (note,) = done.stderr.splitlines()
    assert note.startswith("note: ") and "cannot pull the image" in note and "debian:not-there" in note
    assert health(trained, "site-builder") == "healthy"


def test_published_files_have_the_address_of_the_server(trained):
    output = trained.ok("site", "SITE_URL=https://me.example", "SITE_BASEURL=/project/")
    assert output.splitlines()[-1] == "wrote services/site/public, for https://me.example/project/"
    public = trained.path / "services" / "site" / "public"
    try:
        story = (public / "how-well-can-tumors-be-told-apart" / "index.html").read_text()
        sources = re.findall('(?:src|href)="([^"#]*)"', story)
        assert sources and all(source.startswith(("/project/", "https://me.example/project/")) for source in sources)
        for figure in (trained.path / "reports" / "figures").glob("*.png"):
            assert (public / "figures" / figure.name).read_bytes() == figure.read_bytes()
        (link,) = ElementTree.parse(public / "feed.xml").iterfind(f"{ATOM}entry/{ATOM}link")
        assert link.get("href").startswith("https://me.example/project/")
        assert public.stat().st_uid == trained.path.stat().st_uid
        # The local site keeps its own address.
        assert 'href="/assets/style.css"' in read(trained)
    finally:
        docker("run", "--rm", "--volume", f"{public.parent}:/x", "busybox:1", "rm", "-rf", "/x/public")


@pytest.mark.parametrize("setting", ["SITE_URL=me.example", 'SITE_URL=http://a"b', "SITE_BASEURL=project"])
def test_invalid_address_is_refused(project, setting):
    assert setting.split("=")[0] in project.error("site", setting)
