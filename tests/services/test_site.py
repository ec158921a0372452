"""The data story: pages built from the reports, as a browser, a feed reader and another web server see them."""

import json
import re
from xml.etree import ElementTree

import pytest
import support
from selenium.webdriver.common.by import By
from support import docker, wait_until

pytestmark = pytest.mark.docker

PAGE = "http://site:8080/"
ATOM = "{http://www.w3.org/2005/Atom}"
POST = "services/site/src/_posts/2026-01-05-how-well-can-tumours-be-told-apart.md"


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
    wait_until(lambda: "importance.png" in read(project, "/how-well-can-tumours-be-told-apart/"))
    return project


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
    for file in (reports / "metrics.json", *(reports / "figures").glob("*.png")):
        file.unlink(missing_ok=True)
    wait_until(lambda: "Run <code>make train</code>" in read(project))
    story = read(project, "/how-well-can-tumours-be-told-apart/")
    assert "Run <code>make train</code>" in story and "<img" not in story
    project.ok("train")
    metrics = json.loads((reports / "metrics.json").read_text())
    wait_until(lambda: f'<data value="{metrics["roc_auc"]}">' in read(project))


def test_browser_shows_the_story_with_its_figures(trained):
    with support.browser(trained.network(), size=(1000, 1700)) as driver:
        driver.get(PAGE)
        driver.find_element(By.PARTIAL_LINK_TEXT, "How well can tumours").click()
        assert driver.find_element(By.TAG_NAME, "h1").text == "How well can tumours be told apart?"
        images = driver.find_elements(By.CSS_SELECTOR, "figure img")
        assert len(images) == 3
        wait_until(lambda: all(image.get_property("naturalWidth") > 300 for image in images))
        assert all(image.get_attribute("alt") for image in images)
        shown = [cell.text for cell in driver.find_elements(By.CSS_SELECTOR, "tbody td")]
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
    for mistake, message in (
        ("{% bogus %}", "Liquid syntax error (line 33): Unknown tag 'bogus'"),
        ("{{ 1 | bogus }}", "Liquid error (line 33): undefined filter bogus"),
        ("{% include bogus.html %}", "Could not locate the included file 'bogus.html'"),
    ):
        post.write_text(f"{good}{mistake}\n")
        wait_until(lambda message=message: f"{POST}: {message}" in docker("logs", trained.container("site-builder")))
        wait_until(lambda: health(trained, "site-builder") == "unhealthy")
        wait_until(lambda message=message: f"{POST}: {message}" in trained.error("up"))
        assert f"error: {POST}: {message}" in trained.error("site")
    assert read(trained) == before
    assert not (trained.path / "services" / "site" / "public").exists()


def test_report_that_is_not_json_is_named(trained):
    file = trained.path / "reports" / "metrics.json"
    good = file.read_text()
    try:
        file.write_text("{")
        wait_until(lambda: health(trained, "site-builder") == "unhealthy")
        assert "reports/metrics.json: " in trained.error("up")
    finally:
        file.write_text(good)
    wait_until(lambda: health(trained, "site-builder") == "healthy")


def test_killed_builder_restarts_and_pages_stay(trained, post):
    name = trained.container("site-builder")
    before = trained.inspect(name)["RestartCount"]
    docker("exec", name, "sh", "-c", "kill -KILL -1", check=False)
    wait_until(lambda: trained.inspect(name)["RestartCount"] == before + 1)
    assert "How well can tumours" in read(trained)
    post.write_text(post.read_text().replace("How well can tumours", "How well can quokkas"))
    wait_until(lambda: "How well can quokkas" in read(trained))
    # Older builds are removed.
    wait_until(lambda: len(docker("exec", name, "ls", "/site").split()) == 2)


def test_without_the_base_image_the_last_build_is_used(trained):
    file = trained.path / "services" / "site" / "Dockerfile"
    good = file.read_text()
    file.write_text(good.replace("FROM debian:trixie-slim", "FROM debian:not-there"))
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
        story = (public / "how-well-can-tumours-be-told-apart" / "index.html").read_text()
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
