"""JupyterLab as a person sees it, in a real browser."""

import re

import pytest
import support
from selenium.webdriver.common.by import By
from support import picture, wait_until

pytestmark = pytest.mark.docker


@pytest.fixture
def browser(lab):
    """A browser in the notebook's own network, where the address that make printed is right but for the port."""
    lab.address = re.sub(r":\d+/", ":8888/", lab.notebook())
    with support.browser(f"container:{lab.container('lab')}") as driver:
        yield driver


def click(browser, text):
    """Click the entry of the menu with this text, once it is there."""
    path = f"//*[contains(@class, 'lm-Menu') and contains(@class, 'itemLabel') and text()='{text}']"
    wait_until(lambda: [each for each in browser.find_elements(By.XPATH, path) if each.is_displayed()])[0].click()


def test_first_notebook_runs_from_top_to_bottom(lab, browser):
    browser.get(lab.address.replace("/lab?", "/lab/tree/notebooks/01-explore.ipynb?"))
    wait_until(lambda: "Python 3" in browser.find_element(By.TAG_NAME, "body").text)
    click(browser, "Run")
    click(browser, "Run All Cells")
    # The charts are the histogram and, in the last cell, what the model looks at.
    figures = (By.CSS_SELECTOR, ".jp-RenderedImage img")
    wait_until(lambda: len(browser.find_elements(*figures)) >= 2)
    assert not browser.find_elements(By.CSS_SELECTOR, "[data-mime-type='application/vnd.jupyter.stderr']")
    assert "Traceback" not in browser.find_element(By.TAG_NAME, "body").text
    browser.execute_script("arguments[0].scrollIntoView({block: 'end'})", browser.find_elements(*figures)[0])
    picture(browser, "notebook", folder="")


def test_without_a_token_there_is_a_login_page_only(lab, browser):
    browser.get(lab.address.split("?")[0])
    assert "/login" in browser.current_url
    assert browser.find_elements(By.CSS_SELECTOR, "input[type=password]")
