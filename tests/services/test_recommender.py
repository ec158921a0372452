"""The recommendations: the model that it uses, what it refuses, what it keeps, and the shop in a browser."""

import concurrent.futures
import http.client
import json
import re
import socket

import pytest
import support
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from support import docker, wait_until

pytestmark = pytest.mark.docker

PAGE = "http://recommender:8060/"
MODEL = "models/recommender.npz"


class Shop:
    """A project with a running recommender."""

    def __init__(self, project):
        self.project = project

    def ask(self, path, body=None, **headers):
        """Return the status and the JSON of an answer, or 0 if there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.project.port("recommender"), timeout=20)
        headers = {"Content-Type": "application/json", **headers}
        try:
            connection.request("GET" if body is None else "POST", path, body and json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, json.loads(text) if text.startswith(("{", "[")) else text
        except (ConnectionError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def bought(self, customer):
        return {each["product"]: each["times"] for each in self.ask(f"/api/customers/{customer}/purchases")[1]}

    def buy(self, customer, product, **headers):
        return self.ask(f"/api/customers/{customer}/purchases", {"product": product}, **headers)[0]


@pytest.fixture(scope="module")
def started(with_service):
    project = with_service("recommender")
    (project.path / MODEL).unlink(missing_ok=True)
    project.ok("up")
    yield Shop(project)
    project.make("down")


@pytest.fixture
def shop(started):
    """The recommender with a model, whatever state the test before left it in."""
    started.project.ok("up")
    if started.ask("/ready")[0] != 200:
        started.project.ok("recommender")
    return started


def test_new_model_is_used_without_a_restart(started):
    """Without one, each endpoint that needs it says what to do, and the shop shows that."""
    project = started.project
    message = f"{MODEL} is missing. Run make recommender, which writes it."
    for path in ("/ready", "/api/customers/C0001/recommendations", "/api/products/C000/similar"):
        assert started.ask(path) == (503, {"detail": message})
    assert started.ask("/health")[0] == 200
    with support.browser(project.network()) as driver:
        driver.get(PAGE)
        wait_until(lambda: message in driver.find_element(By.ID, "status").text)
        assert len(driver.find_elements(By.CSS_SELECTOR, "#all .product")) == 80
        metrics = project.ok("recommender").splitlines()[-1]
        found = re.fullmatch(r"precision_at_6=([\d.]+) precision_at_6_popular=([\d.]+)", metrics)
        assert float(found[1]) > 2 * float(found[2]) > 0
        driver.refresh()
        wait_until(lambda: len(driver.find_elements(By.CSS_SELECTOR, "#recommended .product")) == 6)
    good = (project.path / MODEL).read_bytes()
    change = (
        "import numpy as np; from services.recommender import model; "
        'np.savez("reports/other.npz", **{{**np.load(model.FILE), **{}}})'
    )
    for content, reason in (
        ("format=99", "was written by another version"),
        ('products=["X"] * 80', "was written for other products"),
        (None, "cannot be read"),
    ):
        (project.path / MODEL).write_bytes(good)
        if content:
            project.run(f"python -c '{change.format(f'dict({content})')}'")
            (project.path / "reports" / "other.npz").rename(project.path / MODEL)
        else:
            (project.path / MODEL).write_bytes(good[: len(good) // 2])
        status, answer = started.ask("/ready")
        assert (status, answer["detail"]) == (503, f"{MODEL} {reason}. Run make recommender, which writes it.")
    (project.path / MODEL).write_bytes(good)
    assert started.ask("/ready") == (200, {"status": "ready", "products": 80})


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("/api/products/none/similar", None, 404, "There is no product 'none'. See /api/products."),
        ("/api/customers/me/purchases", {"product": "none"}, 404, "There is no product 'none'. See /api/products."),
        ("/api/customers/me/recommendations?k=0", None, 422, "greater than or equal to 1"),
        ("/api/customers/me/recommendations?k=51", None, 422, "less than or equal to 50"),
        ("/api/customers/me/recommendations?k=many", None, 422, "valid integer"),
        ("/api/customers/%3Cb%3E/recommendations", None, 422, "match pattern"),
        (f"/api/customers/{41 * 'x'}/purchases", {"product": "C000"}, 422, "match pattern"),
        ("/api/customers/me/purchases", {"product": 1}, 422, "valid string"),
        ("/api/customers/me/purchases", {"product": "C000", "price": 0}, 422, "not permitted"),
    ],
    ids=str,
)
def test_request_that_is_wrong_is_refused(shop, path, body, status, reason):
    answered, answer = shop.ask(path, body)
    assert answered == status
    detail = answer["detail"]
    assert reason in (detail if isinstance(detail, str) else detail[0]["msg"])
    assert shop.bought("me") == {}


def test_other_web_sites_cannot_buy(shop):
    """A form of another site sends text; a name that resolves to this machine is another host."""
    assert shop.buy("me", "C000", **{"Content-Type": "text/plain"}) == 422
    assert shop.buy("me", "C000", Host="evil.example") == 400
    assert shop.bought("me") == {}


def test_confirmed_purchases_survive_a_kill(shop):
    """Also those that arrive at once. A customer gets nothing that was bought before."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: shop.buy("many", "C000"), range(40))) == {201}
    for each in shop.ask("/api/products")[1][1:]:
        assert shop.buy("everything", each["product"]) == 201
    docker("kill", shop.project.container("recommender"))
    shop.project.ok("up")
    assert shop.bought("many") == {"C000": 40}
    status, answer = shop.ask("/api/customers/everything/recommendations?k=50")
    assert status == 200 and answer["known"]
    assert [each["product"] for each in answer["recommendations"]] == ["C000"]
    status, answer = shop.ask("/api/customers/nobody/recommendations")
    assert not answer["known"] and {each["because"] for each in answer["recommendations"]} == {None}


def test_fault_at_the_start_is_one_line(shop):
    project = shop.project
    products = project.path / "services" / "recommender" / "src" / "products.json"
    sold = project.path / "data" / "interim" / "purchases.sqlite"
    raw = project.path / "data" / "raw" / "purchases.csv"
    # Only the price is missing.
    unpriced = '[{"product": "C000", "name": "Beans", "category": "Coffee"}]'
    project.ok("down")
    for file, content, target, line in (
        (sold, "damaged", "recommender", "data/interim/purchases.sqlite cannot be read: file is not a database."),
        (raw, "customer,item\nC1,C000\n", "recommender", "data/raw/purchases.csv cannot be read: Usecols do not match"),
        (raw, "customer,product,time\nC1,C000,soon\n", "up", "data/raw/purchases.csv cannot be read: "),
        (products, unpriced, "up", "services/recommender/src/products.json is not a list of products ('price')."),
    ):
        good = file.read_bytes()
        file.write_text(content)
        try:
            assert project.error(target).startswith(f"error: {line}")
        finally:
            file.write_bytes(good)
    project.ok("down")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = project.error("up", RECOMMENDER_PORT=str(port))
        assert line.startswith(f"error: port {port} is in use. Use another one: make up RECOMMENDER_PORT={port + 1}")
    line = project.error("run", "CMD=python -m services.recommender.example")
    assert line == "error: nothing answers at recommender:8060. Start it: make up SERVICE=recommender."


def test_code_in_the_readme_runs_in_a_notebook(shop):
    (code,) = re.findall(r"```python\n(.*?)```", shop.project.read("services/recommender/README.md"), re.DOTALL)
    code = f"{code}\ntry:\n    recommendations('<b>')\nexcept OSError as error:\n    print(error)\n"
    (shop.project.path / "notebooks" / "readme.py").write_text(code)
    printed = shop.project.run("cd notebooks && python readme.py")
    assert printed.startswith("the recommender answered with status 422: String should match pattern")


def test_shop_reacts_to_a_purchase(shop):
    with support.browser(shop.project.network()) as driver:

        def texts(selector):
            return [each.text for each in driver.find_elements(By.CSS_SELECTOR, selector)]

        def status():
            return driver.find_element(By.ID, "status").text

        def sign_in(customer):
            field = driver.find_element(By.ID, "customer")
            field.clear()
            field.send_keys(customer, Keys.ENTER)

        driver.get(PAGE)
        wait_until(lambda: status() == "Signed in as C0000.")
        assert len(texts("#recommended .because")) == 6
        support.picture(driver, "recommender")
        customer = support.unique("me")
        sign_in(customer)
        wait_until(lambda: status() == f"Signed in as {customer}.")
        assert texts("#recommended-title") == ["Popular in this shop"] and texts("#recommended .because") == []
        popular = texts("#recommended .name")
        # By keyboard. The name of this product looks like markup.
        Select(driver.find_element(By.ID, "category")).select_by_visible_text("Cats & Dogs")
        assert len(texts("#all .product")) == 10
        button = driver.find_element(By.CSS_SELECTOR, '#all [aria-label="Buy Cat Food <salmon>"]')
        button.send_keys(Keys.ENTER)
        wait_until(lambda: status() == "You bought Cat Food <salmon>.")
        assert driver.switch_to.active_element == button
        assert texts("#recommended-title") == ["Recommended for you"]
        assert set(texts("#recommended .because")) == {"because you bought Cat Food <salmon>"}
        assert texts("#recommended .name") != popular and texts("#bought li") == ["Cat Food <salmon>"]
        bought = texts("#recommended .name")[0]
        driver.find_element(By.CSS_SELECTOR, "#recommended .buy").click()
        wait_until(lambda: status() == f"You bought {bought}.")
        assert bought not in texts("#recommended .name") and bought in texts("#bought li")
        assert driver.switch_to.active_element == driver.find_element(By.CSS_SELECTOR, "#recommended .buy")
        driver.refresh()
        assert support.console(driver) == []
        attack = "<img src=x onerror=document.title='attacked'>"
        sign_in(attack)
        assert driver.find_elements(By.CSS_SELECTOR, "#customer:invalid")
        # The browser has refused it. So does the server.
        driver.execute_script("document.getElementById('sign-in').noValidate = true")
        sign_in(attack)
        wait_until(lambda: status().startswith("There are no recommendations: String should match pattern"))
        assert texts("#recommended li") == texts("#bought li") == []
        assert driver.find_elements(By.TAG_NAME, "img") == [] and driver.title == "The Corner Shop"
        loaded = driver.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
        assert loaded and all(address.startswith((PAGE, "data:")) for address in loaded), loaded
