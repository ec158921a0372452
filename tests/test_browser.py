"""JupyterLab in a real browser, as a person uses it."""

import re

import pytest
import support
from selenium.webdriver.common.by import By
from support import picture, wait_until

pytestmark = pytest.mark.docker


@pytest.fixture
def browser(lab):
    """A browser in the notebook's own network. There, the address that make prints is right except for the port."""
    lab.address = re.sub(r":\d+/", ":8888/", lab.notebook())
    with support.browser(f"container:{lab.container('lab')}") as driver:
        yield driver


def click(browser, text):
    """Click the menu entry with this text as soon as it is visible."""
    path = f"//*[contains(@class, 'lm-Menu') and contains(@class, 'itemLabel') and text()='{text}']"
    wait_until(lambda: [entry for entry in browser.find_elements(By.XPATH, path) if entry.is_displayed()])[0].click()


def test_first_notebook_runs_from_top_to_bottom(lab, browser):
    browser.get(lab.address.replace("/lab?", "/lab/tree/notebooks/01-explore.ipynb?"))
    wait_until(lambda: "Python 3" in browser.find_element(By.TAG_NAME, "body").text)
    click(browser, "Run")
    click(browser, "Run All Cells")
    # The charts are the histogram and, in the last cell, the importance of the features.
    figures = (By.CSS_SELECTOR, ".jp-RenderedImage img")
    wait_until(lambda: len(browser.find_elements(*figures)) >= 2)
    assert not browser.find_elements(By.CSS_SELECTOR, "[data-mime-type='application/vnd.jupyter.stderr']")
    assert "Traceback" not in browser.find_element(By.TAG_NAME, "body").text
    browser.execute_script("arguments[0].scrollIntoView({block: 'end'})", browser.find_elements(*figures)[0])
    picture(browser, "notebook", folder="")


def test_without_a_token_there_is_only_a_login_page(lab, browser):
    browser.get(lab.address.split("?")[0])
    assert "/login" in browser.current_url
    assert browser.find_elements(By.CSS_SELECTOR, "input[type=password]")
