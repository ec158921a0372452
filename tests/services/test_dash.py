"""The dashboard: what its page shows is what pandas says, whatever a person clicks."""

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
    """Return what an expression about the clean data `f` is, in the image for work."""
    package = project.slug.replace("-", "_")
    code = f"from {package} import data, features; import json, pandas as pd; f = features.clean(pd.read_csv(data.RAW))"
    return json.loads(project.run(f'python -c "{code}; print(json.dumps({expression}))"').splitlines()[-1])


def text(driver, name):
    """Return the text of the element with this id, once it is there."""
    return wait_until(lambda: driver.find_elements(By.ID, name))[0].text


def figure(driver, name, what):
    """Return a part of a chart, as the browser has drawn it."""
    return driver.execute_script(f"let g = document.querySelector('#{name} .js-plotly-plot'); return {what}")


def bars(driver):
    """Return how many rows the bars of the histogram stand for."""
    return figure(driver, "histogram", "g.calcdata.flat().reduce((sum, bar) => sum + (bar.s || 0), 0)")


def points(driver):
    """Return how many points the scatter plot has."""
    return figure(driver, "scatter", "g._fullData.reduce((sum, trace) => sum + trace.x.length, 0)")


@pytest.fixture
def project(serving):
    project = serving("dash")
    project.ok("data")
    return project


@pytest.fixture
def driver(project):
    with support.browser(project.network()) as driver:
        driver.get(PAGE)
        wait_until(lambda: text(driver, "count") == "569 of 569 rows")
        wait_until(lambda: points(driver) == 569)
        yield driver
        assert support.console(driver) == []
        # Nothing comes from another server.
        loaded = driver.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
        assert any("plotly" in address for address in loaded)
        assert all(address.startswith(PAGE) for address in loaded), loaded


def test_filters_that_are_clicked_change_charts_and_table_to_what_pandas_says(project, driver):
    driver.find_element(By.ID, "column").click()
    option = "//*[contains(@class, 'dash-dropdown-option')][normalize-space()='mean area']"
    wait_until(lambda: driver.find_elements(By.XPATH, option))[0].click()
    wait_until(lambda: "mean area" in text(driver, "summary"))
    driver.find_element(By.XPATH, "//*[@id='diagnosis']//label[normalize-space()='not malignant']").click()
    malignant = pandas(project, "int(f.malignant.sum())")
    wait_until(lambda: text(driver, "count") == f"{malignant} of 569 rows")
    # The slider by the keyboard, to the tenth step from below.
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


def test_box_drawn_in_one_chart_narrows_the_other(project, driver):
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
    # Another filter lets the box go.
    driver.find_element(By.XPATH, "//*[@id='diagnosis']//label[normalize-space()='malignant']").click()
    benign = pandas(project, "int((~f.malignant).sum())")
    wait_until(lambda: text(driver, "count") == f"{benign} of 569 rows")


def test_without_data_the_page_says_what_to_do_and_shows_them_once_they_are_there(serving, open_folder):
    project = serving("dash", DATA_DIR=str(open_folder))
    with support.browser(project.network()) as driver:
        driver.get(PAGE)
        assert text(driver, "problem") == "data/raw/tumours.csv is missing. Run make data, then reload this page."
        project.ok("data", DATA_DIR=str(open_folder))
        driver.refresh()
        wait_until(lambda: text(driver, "count") == "569 of 569 rows")
        # And gone again, while somebody looks at them.
        shutil.rmtree(open_folder / "raw")
        driver.find_element(By.XPATH, "//*[@id='diagnosis']//label[normalize-space()='malignant']").click()
        wait_until(lambda: text(driver, "count").startswith("data/raw/tumours.csv is missing."))
        (open_folder / "raw").mkdir()
        (open_folder / "raw" / "tumours.csv").write_text("")
        driver.refresh()
        wait_until(lambda: "cannot be read: No columns to parse from file." in text(driver, "problem"))


def test_code_that_does_not_run_is_named(with_service):
    project = with_service("dash")
    app = project.path / "services" / "dash" / "app.py"
    good = app.read_text()
    try:
        app.write_text(good + "x = (\n")
        assert project.error("up") == "error: services/dash/app.py does not run. See why: make logs SERVICE=dash."
    finally:
        app.write_text(good)
        project.ok("down")


def test_dashboard_that_dies_comes_back(project):
    name = project.container("dash")
    docker("exec", name, "sh", "-c", "kill -KILL -1", check=False)
    wait_until(lambda: project.inspect(name)["RestartCount"] == 1)
    wait_until(lambda: project.inspect(name)["State"]["Health"]["Status"] == "healthy")
    wait_until(lambda: support.status(f"http://127.0.0.1:{project.port('dash')}/") == 200)


def test_change_of_the_code_shows_without_a_restart_where_that_is_asked_for(serving):
    project = serving("dash", DASH_RELOAD="1")
    app = project.path / "services" / "dash" / "app.py"
    good = app.read_text()
    try:
        app.write_text(good.replace("What the measurements say", "Quokka"))
        with support.browser(project.network()) as driver:

            def title():
                driver.get(PAGE)
                return driver.find_elements(By.XPATH, "//h1[text()='Quokka']")

            wait_until(title)
        assert project.inspect(project.container("dash"))["RestartCount"] == 0
    finally:
        app.write_text(good)
