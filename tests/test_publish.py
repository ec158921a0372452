"""Notebooks as pages that a browser shows without a network."""

import base64
import contextlib

import nbformat
import pytest
import support
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from selenium.webdriver.common.by import By
from support import docker, unique

pytestmark = pytest.mark.docker

# The smallest picture: one pixel.
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TEXT = """# Sales

In a sentence $x^2$, and alone: $$\\frac{a}{b}$$

![a point](../reports/figures/point.png)

## Results
"""
OUTPUTS = """from IPython.display import Latex, display
import ipywidgets
display(Latex(r"$$\\sum_{i=1}^n i$$"), ipywidgets.IntSlider())"""


@contextlib.contextmanager
def offline_browser():
    """A browser in a network that leads nowhere, and the name of its container."""
    network = unique("offline")
    docker("network", "create", "--internal", network)
    try:
        with support.browser(network) as driver:
            members = docker("network", "inspect", "--format", "{{range .Containers}}{{.Name}}{{end}}", network)
            yield driver, members
    finally:
        docker("network", "rm", network)


def write(project, name: str, *cells) -> str:
    """Write a notebook, and return the text of its file."""
    nbformat.write(new_notebook(cells=list(cells)), project.path / name)
    return project.read(name)


def test_page_needs_no_network_and_a_failure_leaves_it(copy):
    project = copy("publish")
    (project.path / "reports" / "figures" / "point.png").write_bytes(PICTURE)
    name, page = "notebooks/my sales.ipynb", "reports/notebooks/my sales.html"
    cells = [new_markdown_cell(TEXT), new_code_cell(OUTPUTS), new_markdown_cell("## Results\n\nagain")]
    before = write(project, name, *cells)
    assert f"wrote {page}" in project.ok("publish", f"FILE={name}")
    assert project.read(name) == before
    html = project.read(page)
    assert not any(f'{attribute}="http' in html for attribute in ("src", "href"))

    # Cell 2 is the first with code that fails. The earlier page stays.
    write(project, name, new_code_cell("x = 1"), new_markdown_cell("text"), new_code_cell("x / 0"))
    error = project.error("publish", f"FILE={name}")
    assert error.startswith(f"error: {name}, cell [2]: ZeroDivisionError: division by zero.")
    assert project.read(page) == html
    assert "README.md is no notebook" in project.error("publish", "FILE=README.md")
    assert "CODE='maybe' is not valid" in project.error("publish", "CODE=maybe")

    with offline_browser() as (driver, container):
        docker("cp", str(project.path / page), f"{container}:/tmp/page.html")
        driver.get("file:///tmp/page.html")
        links = driver.find_elements(By.CSS_SELECTOR, "#contents a")
        assert [link.text for link in links] == ["Sales", "Results", "Results"]
        # Each leads to a heading of its own.
        assert len({link.get_attribute("href") for link in links}) == 3
        formulas = driver.find_elements(By.TAG_NAME, "math")
        assert len(formulas) == 3 and all(formula.size["width"] > 5 for formula in formulas)
        widths = "return [...document.images].map(image => image.naturalWidth)"
        assert driver.execute_script(widths) == [1]
        assert "IntSlider(value=0)" in driver.find_element(By.TAG_NAME, "body").text
        assert not support.console(driver)
