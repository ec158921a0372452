"""The editors that `make notebook UI=…` starts, as a person uses them in a browser."""

import os
import re
import subprocess

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from support import browser, docker, picture, status, wait_until

pytestmark = pytest.mark.docker


@pytest.fixture
def started(generate):
    """Start an editor in a project of its own, and return both: `started("marimo", "PORT=9000")`."""
    projects = []

    def start(ui, *arguments):
        projects.append(generate(ui))
        return projects[-1], projects[-1].notebook(f"UI={ui}", *arguments)

    yield start
    for project in projects:
        project.remove()


def check_container(project, address):
    """An editor's container has a token, which is no secret of its log, and the restrictions of all containers."""
    path = re.sub(r"[^/=]*$", "", address)
    assert status(address) in (200, 302, 303)
    assert status(f"{path}wrong") in (302, 303, 401, 403) and status(address.split("?")[0]) in (302, 303, 401, 403)
    name = project.container("lab")
    token = project.read(".local/jupyter_token")
    log = subprocess.run(["docker", "logs", name], capture_output=True, text=True)
    assert token in address and token not in log.stdout + log.stderr
    details = project.inspect(name)
    assert token not in str(details) and details["State"]["Health"]["Status"] == "healthy"
    host = details["HostConfig"]
    assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and "no-new-privileges:true" in host["SecurityOpt"]
    assert details["Config"]["User"] == f"{os.getuid()}:{os.getgid()}"
    (binding,) = host["PortBindings"].values()
    assert [each["HostIp"] for each in binding] == ["127.0.0.1"]


def connected(driver):
    """Return the editor of the first cell, if marimo shows it. A page that has lost its runtime has a button for it."""
    for button in driver.find_elements(By.XPATH, "//*[text()='Click to connect']"):
        button.click()
    return next(iter(driver.find_elements(By.CSS_SELECTOR, ".cm-content")), None)


def own(path):
    """Return whether a file exists, and belongs to the person who runs make."""
    return path.exists() and path.stat().st_uid == os.getuid()


def test_marimo_runs_a_notebook_and_saves_it(started):
    project, address = started("marimo")
    check_container(project, address)
    assert project.notebook() == address
    assert "already runs with UI=marimo" in project.error("notebook", "UI=lab")
    lock = project.read("uv.lock")
    project.ok("add", "PKG=roman")
    command = "marimo convert notebooks/01-explore.ipynb -o notebooks/explore.py"
    docker("exec", project.container("lab"), *command.split())
    assert own(project.path / "notebooks" / "explore.py")
    file = project.path / "notebooks" / "new.py"
    file.write_text("import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n    import roman\n    return\n")
    with browser(f"container:{project.container('lab')}") as driver:
        driver.get(re.sub(r":\d+/", ":8888/", address))
        wait_until(lambda: "Create a new notebook" in driver.find_element(By.TAG_NAME, "body").text)
        driver.get("http://127.0.0.1:8888/?file=notebooks/new.py")
        editor = wait_until(lambda: connected(driver))
        editor.click()
        ActionChains(driver).key_down(Keys.CONTROL).send_keys(Keys.END).key_up(Keys.CONTROL).perform()
        ActionChains(driver).send_keys("\nroman.toRoman(2026)").perform()
        ActionChains(driver).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
        wait_until(lambda: "MMXXVI" in driver.find_element(By.TAG_NAME, "body").text)
        ActionChains(driver).key_down(Keys.CONTROL).send_keys("s").key_up(Keys.CONTROL).perform()
        wait_until(lambda: "roman.toRoman(2026)" in file.read_text())
        picture(driver, "marimo", folder="")
    assert own(file)
    # The other images have no marimo, and JupyterLab starts from the same project.
    assert 'name = "marimo"' in lock
    project.ok("stop")
    assert "/lab?token=" in project.notebook()
    assert project.make("run", "CMD=python -c 'import marimo'").returncode != 0
