"""The dashboard: its page shows the same numbers as pandas, whatever a person clicks."""

import json
import shutil

import pytest
import support
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from support import docker, wait_until

pytestmark = pytest.mark.docker

PAGE = "http://dash:8050/"


def pandas(project, expression):
    """Return the value of an expression about the clean data `f`, computed in the development image."""
    package = project.slug.replace("-", "_")
    code = f"from {package} import data, features; import json, pandas as pd; f = features.clean(pd.read_csv(data.RAW))"
    return json.loads(project.run(f'python -c "{code}; print(json.dumps({expression}))"').splitlines()[-1])


def text(driver, name):
    """Return the text of the element with this id, once it is there."""
    return wait_until(lambda: driver.find_elements(By.ID, name))[0].text


def figure(driver, name, what):
    """Return a part of a chart, as the browser has drawn it."""
    return driver.execute_script(f"let g = document.querySelector('#{name} .js-plotly-plot'); return g && {what}")


def bars(driver):
    """Return how many rows the bars of the histogram stand for."""
    return figure(driver, "histogram", "g.calcdata.flat().reduce((sum, bar) => sum + (bar.s || 0), 0)")


def points(driver):
    """Return how many points the scatter plot has."""
    return figure(driver, "scatter", "g._fullData.reduce((sum, trace) => sum + trace.x.length, 0)")


@pytest.fixture(scope="module")
def started(with_service):
    project = with_service("dash")
    project.ok("data")
    yield project
    project.make("down")


@pytest.fixture
def project(started):
    """The project with a running dashboard, which has the default settings."""
    started.ok("up")
    return started


@pytest.fixture
def app(project):
    """The dashboard's code, which a test may change."""
    file = project.path / "services" / "dash" / "app.py"
    kept = file.read_text()
    yield file
    file.write_text(kept)


@pytest.fixture
def driver(project):
    with support.browser(project.network()) as driver:
        driver.get(PAGE)
        wait_until(lambda: text(driver, "count") == "569 of 569 rows")
        wait_until(lambda: points(driver) == 569)
        yield driver
        assert support.console(driver) == []
        # Nothing is loaded from another server.
        loaded = driver.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
        assert any("plotly" in address for address in loaded)
        assert all(address.startswith(PAGE) for address in loaded), loaded


def test_charts_and_table_follow_the_filters(project, driver):
    driver.find_element(By.ID, "column").click()
    option = "//*[contains(@class, 'dash-dropdown-option')][normalize-space()='mean area']"
    wait_until(lambda: driver.find_elements(By.XPATH, option))[0].click()
    wait_until(lambda: "mean area" in text(driver, "summary"))
    driver.find_element(By.XPATH, "//*[@id='diagnosis']//label[normalize-space()='not malignant']").click()
    malignant = pandas(project, "int(f.malignant.sum())")
    wait_until(lambda: text(driver, "count") == f"{malignant} of 569 rows")
    # Move the slider to its tenth step with the keyboard.
    handle = driver.find_element(By.CSS_SELECTOR, "#range [role=slider]")
    handle.send_keys(*10 * [Keys.ARROW_RIGHT])
    low = float(handle.get_attribute("aria-valuenow"))
    assert low > float(handle.get_attribute("aria-valuemin"))
    rows = f"f[f.malignant & (f.mean_area >= {low})].mean_area"
    count, mean = pandas(project, f"[len({rows}), {rows}.mean()]")
    wait_until(lambda: text(driver, "count") == f"{count} of 569 rows")
    wait_until(lambda: bars(driver) == points(driver) == count)
    cells = [cell.text for cell in driver.find_elements(By.CSS_SELECTOR, "#summary tbody :is(th, td)")]
    assert cells[:3] == ["malignant", str(count), f"{mean:.4g}"]
    assert len(driver.find_elements(By.CSS_SELECTOR, "#summary tbody tr")) == 1


def test_box_in_one_chart_restricts_the_other(project, driver):
    support.picture(driver, "dash")
    area = driver.find_element(By.CSS_SELECTOR, "#scatter .nsewdrag")
    ActionChains(driver).move_to_element(area).click_and_hold().move_by_offset(120, -90).release().perform()
    box = wait_until(lambda: figure(driver, "scatter", "g.layout.selections && g.layout.selections[0]"))
    x, y = sorted([box["x0"], box["x1"]]), sorted([box["y0"], box["y1"]])
    inside = f"f.mean_radius.between(*{x}) & f.mean_texture.between(*{y})"
    count = pandas(project, f"int(({inside}).sum())")
    assert 0 < count < 569
    wait_until(lambda: text(driver, "count") == f"{count} of 569 rows")
    wait_until(lambda: bars(driver) == count)
    assert points(driver) == 569
    # Another filter clears the box.
    driver.find_element(By.XPATH, "//*[@id='diagnosis']//label[normalize-space()='malignant']").click()
    benign = pandas(project, "int((~f.malignant).sum())")
    wait_until(lambda: text(driver, "count") == f"{benign} of 569 rows")


def test_page_without_data_says_what_to_do(project, open_folder):
    project.ok("up", DATA_DIR=str(open_folder))
    with support.browser(project.network()) as driver:
        driver.get(PAGE)
        assert text(driver, "problem") == "data/raw/tumors.csv is missing. Run make data, then reload this page."
        project.ok("data", DATA_DIR=str(open_folder))
        driver.refresh()
        wait_until(lambda: text(driver, "count") == "569 of 569 rows")
        # Remove the data while the page shows it.
        shutil.rmtree(open_folder / "raw")
        driver.find_element(By.XPATH, "//*[@id='diagnosis']//label[normalize-space()='malignant']").click()
        wait_until(lambda: text(driver, "count").startswith("data/raw/tumors.csv is missing."))
        (open_folder / "raw").mkdir()
        (open_folder / "raw" / "tumors.csv").write_text("")
        driver.refresh()
        wait_until(lambda: "cannot be read: No columns to parse from file." in text(driver, "problem"))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = (\n", "services/dash/app.py fails to start. See the reason: make logs SERVICE=dash."),
        ("import nothing_like_it\n", "the development image lacks the package 'nothing_like_it', which dash imports."),
    ],
    ids=["syntax", "package"],
)
def test_fault_in_the_code_is_one_line(project, app, code, message):
    project.ok("down")
    app.write_text(app.read_text() + code)
    assert project.error("up").startswith(f"error: {message}")


def test_killed_dashboard_restarts(project):
    name = project.container("dash")
    before = project.inspect(name)["RestartCount"]
    docker("exec", name, "sh", "-c", "kill -KILL -1", check=False)
    wait_until(lambda: project.inspect(name)["RestartCount"] == before + 1)
    wait_until(lambda: project.inspect(name)["State"]["Health"]["Status"] == "healthy")
    wait_until(lambda: support.status(f"http://127.0.0.1:{project.port('dash')}/") == 200)


def test_edit_shows_without_a_restart_if_requested(project, app):
    project.ok("up", DASH_RELOAD="1")
    app.write_text(app.read_text().replace("What the measurements say", "Quokka"))
    with support.browser(project.network()) as driver:

        def title():
            driver.get(PAGE)
            return driver.find_elements(By.XPATH, "//h1[text()='Quokka']")

        wait_until(title)
    assert project.inspect(project.container("dash"))["RestartCount"] == 0


def test_removing_its_data_leaves_the_cache(started):
    """The notebook and the other services mount it, too."""
    started.keep_cache_in_volume()
    started.ok("up")
    started.ok("down", "SERVICE=dash", "VOLUMES=1")
    assert "_cache" in docker("volume", "ls", "--quiet", "--filter", f"name={started.slug}-")
