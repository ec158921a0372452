"""JupyterLab in a real browser, as a person uses it."""

import contextlib
import re
import subprocess

import nbformat
import pytest
import support
from nbformat.v4 import new_code_cell, new_notebook
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from support import docker, picture, wait_until

pytestmark = pytest.mark.docker


@contextlib.contextmanager
def started(project):
    """A browser in the network of the project's notebook. There, the printed address is right except for the port."""
    project.address = re.sub(r":\d+/", ":8888/", project.notebook())
    with support.browser(f"container:{project.container('lab')}") as driver:
        yield driver


@pytest.fixture
def browser(lab):
    with started(lab) as driver:
        yield driver


def entry(browser, text):
    """Return the menu entry with this text as soon as it is visible."""
    path = f"//*[contains(@class, 'lm-Menu') and contains(@class, 'itemLabel') and text()='{text}']"
    return wait_until(lambda: [each for each in browser.find_elements(By.XPATH, path) if each.is_displayed()])[0]


def open_notebook(project, browser, path):
    """Open a notebook and nothing that was open before, and wait until it shows."""
    browser.get(project.address.replace("/lab?", f"/lab/tree/{path}?reset&"))
    wait_until(lambda: "Python 3" in browser.find_element(By.TAG_NAME, "body").text)


def run_all(project, browser, path):
    """Open a notebook, and start all its cells. Until its kernel is connected, the menu does nothing."""
    open_notebook(project, browser, path)

    def running():
        prompts = browser.find_elements(By.CSS_SELECTOR, ".jp-InputPrompt")
        return any(re.search(r"[*\d]", prompt.text) for prompt in prompts)

    def started():
        # A second click, while the cells run, would run them again. A page that has just opened is drawn several times.
        with contextlib.suppress(AssertionError, StaleElementReferenceException):
            entry(browser, "Run").click()
            entry(browser, "Run All Cells").click()
            return wait_until(running, 5)

    wait_until(started)


def test_first_notebook_runs_from_top_to_bottom(lab, browser):
    run_all(lab, browser, "notebooks/01-explore.ipynb")
    # The charts are the histogram and, in the last cell, the importance of the features.
    figures = (By.CSS_SELECTOR, ".jp-RenderedImage img")
    wait_until(lambda: len(browser.find_elements(*figures)) >= 2)
    assert not browser.find_elements(By.CSS_SELECTOR, "[data-mime-type='application/vnd.jupyter.stderr']")
    assert "Traceback" not in browser.find_element(By.TAG_NAME, "body").text
    browser.execute_script("arguments[0].scrollIntoView({block: 'end'})", browser.find_elements(*figures)[0])
    picture(browser, "notebook", folder="")
    log = subprocess.run(["docker", "logs", lab.container("lab")], capture_output=True, text=True).stderr
    assert "Kernel started" in log and "WARNING" not in log


def test_export_menu_offers_the_formats_that_work(lab, browser):
    open_notebook(lab, browser, "notebooks/01-explore.ipynb")
    entry(browser, "File").click()
    # A menu that is drawn again misses a pointer that is already there.
    entry(browser, "Save and Export Notebook As").click()
    entry(browser, "HTML")
    menu = browser.find_elements(By.CSS_SELECTOR, ".lm-Menu")[-1]
    labels = [label.text for label in menu.find_elements(By.CSS_SELECTOR, ".lm-Menu-itemLabel") if label.text]
    assert sorted(labels) == ["Executable Script", "HTML", "Markdown", "Reveal.js Slides"]


def test_progress_bar_is_drawn(copy):
    """A library that is added to the running notebook draws a bar in it."""
    project = copy("progress")
    code = "from tqdm.auto import tqdm\nfor _ in tqdm(range(3), desc='fit'):\n    pass"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    nbformat.write(new_notebook(cells=[new_code_cell(code)], metadata=kernel), project.path / "bar.ipynb")
    with started(project) as browser:
        project.ok("add", "PKG=tqdm")
        docker("exec", project.container("lab"), "python", "-c", "import tqdm")
        run_all(project, browser, "bar.ipynb")
        (bar,) = wait_until(lambda: browser.find_elements(By.CSS_SELECTOR, ".jp-OutputArea .progress-bar"))
        assert bar.is_displayed()
        wait_until(lambda: "3/3" in browser.find_element(By.TAG_NAME, "body").text)
        assert not browser.find_elements(By.CSS_SELECTOR, "[data-mime-type='application/vnd.jupyter.stderr']")
    project.ok("stop")


def test_without_a_token_there_is_only_a_login_page(lab, browser):
    browser.get(lab.address.split("?")[0])
    assert "/login" in browser.current_url
    assert browser.find_elements(By.CSS_SELECTOR, "input[type=password]")
