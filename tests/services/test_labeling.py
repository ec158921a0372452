"""Labeling: what people see and store, who gets which image, and what remains if something fails."""

import http.client
import json
import re
import shutil
import struct
import subprocess
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
import support
from selenium.webdriver.common.by import By
from support import docker, wait_until

pytestmark = pytest.mark.docker

PAGE = "http://labeling:8080/"
MAX_BYTES = 50_000
# A name and a class that a page would run if it took them for HTML.
ANN = "<script>document.title='run'</script>"
SQUARE = "<img src=x onerror=\"document.title='run'\">"


def png(shape: str, number: int) -> bytes:
    """Return an image of a circle or a square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    radius = 10 + number
    power = 2 if shape == "circle" else 50
    lines = [
        bytes(255 * (abs(x - 32) ** power + abs(y - 32) ** power < radius**power) for x in range(64)) for y in range(64)
    ]
    data = zlib.compress(b"".join(b"\0" + line for line in lines))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def started(with_service):
    project = with_service("labeling")
    with (project.path / ".env").open("a") as file:
        file.write(f"LABELING_MAX_BYTES={MAX_BYTES}\n")
    project.ok("up")
    yield project
    project.make("down")


@pytest.fixture
def project(started):
    """The service, up, without images and labels."""
    shutil.rmtree(folder(started), ignore_errors=True)
    classes(started, "circle", SQUARE)
    started.ok("up")
    clear = """const {connect, database} = await import("/app/server/store.js");
               const client = await connect();
               for (const name of ["images", "uploads"]) await database(client).collection(name).deleteMany({});
               await client.close();"""
    docker("exec", started.container("labeling"), "node", "--input-type=module", "--eval", clear)
    return started


def folder(project) -> Path:
    return project.path / "data" / "raw" / "images"


def classes(project, *names: str) -> None:
    (project.path / "services/labeling/classes.txt").write_text("# classes\n" + "".join(f"{name}\n" for name in names))


def put_images(project, count: int) -> dict[str, str]:
    """Write images of circles and squares, all at once, and return the class of each."""
    truth = {}
    new = folder(project).with_name("new")
    (new / "deep").mkdir(parents=True)
    for number in range(count):
        shape = ("circle", "square")[number % 2]
        name = f"deep/{number}-{SQUARE}.png" if number < 2 else f"{number}.png"
        (new / name).write_bytes(png(shape, number))
        truth[name] = "circle" if shape == "circle" else SQUARE
    (new / "notes.png").write_text("not an image")
    new.rename(folder(project))
    return truth


def send(project, method: str, path: str, body: dict | bytes | None = None, **headers: str) -> tuple[int, dict | list]:
    """Send a request; return the status and the JSON. Names of headers have _ for -."""
    connection = http.client.HTTPConnection("127.0.0.1", project.port("labeling"), timeout=60)
    if isinstance(body, dict):
        body, headers = json.dumps(body).encode(), {"Content_Type": "application/json", **headers}
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    with connection.getresponse() as response:
        content = response.read()
    connection.close()
    return response.status, json.loads(content) if content.startswith((b"{", b"[")) else {}


def ask(project, path: str, person: str, **body) -> tuple[int, dict]:
    return send(project, "POST", f"/api/{path}", {"person": person, **body})


def stored(project) -> list[tuple[str, str, str]]:
    status, rows = send(project, "GET", "/api/labels")
    assert status == 200, rows
    return [(row["person"], row["image"], row["label"]) for row in rows]


def text(driver, name: str) -> str:
    """Return the text of the element with this id, or nothing."""
    return driver.execute_script("return document.getElementById(arguments[0])?.innerText ?? ''", name)


def press(driver, key: str) -> None:
    driver.find_element(By.TAG_NAME, "body").send_keys(key)


def enter(driver, person: str) -> None:
    driver.get(PAGE)
    wait_until(lambda: driver.find_elements(By.ID, "person"))[0].send_keys(person + "\n")
    wait_until(lambda: text(driver, "who") == person)


def image(driver) -> str:
    """Return the name of the image on the screen, once it can be labeled."""
    wait_until(lambda: driver.find_elements(By.CSS_SELECTOR, ".classes button:enabled"))
    return text(driver, "image")


def choose(driver, key: str) -> None:
    """Press a key, and wait until the server has answered."""
    source = "return document.querySelector('img')?.src"
    before = driver.execute_script(source)
    press(driver, key)
    wait_until(lambda: driver.execute_script(source) != before)


def test_two_people_label_ten_images_by_keyboard(project):
    with support.browser(project.network()) as ann, support.browser(project.network()) as bob:
        enter(ann, ANN)
        wait_until(lambda: "into the folder data/raw/images of the project" in text(ann, "empty"))
        truth = put_images(project, 10)
        wait_until(lambda: "0 of 10 labels" in text(ann, "count"))
        assert text(ann, "ignored").startswith("1 file in data/raw/images cannot be labeled")
        classes(project, "circle", "square")
        enter(bob, "Bob")
        image(bob)
        support.picture(bob, "labeling")
        classes(project, "circle", SQUARE)
        bob.refresh()
        first = {"ann": image(ann), "bob": image(bob)}
        assert first["ann"] != first["bob"]

        def key(driver):
            return str(["circle", SQUARE].index(truth[image(driver)]) + 1)

        # A skipped image comes back at the end, and a label that is taken back at once.
        choose(bob, "s")
        wrong = key(bob)
        mistaken = image(bob)
        choose(bob, "1" if wrong == "2" else "2")
        choose(bob, "u")
        assert image(bob) == mistaken
        for _ in range(3):
            choose(ann, key(ann))
            choose(bob, key(bob))
        wait_until(lambda: text(bob, "count") == "6 of 10 labels")
        while not text(ann, "finished"):
            choose(ann, key(ann))
            wait_until(lambda: text(ann, "finished") or text(ann, "image"))
        wait_until(lambda: text(ann, "count") == f"{len(stored(project))} of 10 labels")
        # Bob still has one.
        choose(bob, key(bob))
        wait_until(lambda: text(bob, "count") == "10 of 10 labels")
        wait_until(lambda: "All images are labeled" in text(ann, "finished"))
        for driver in (ann, bob):
            assert driver.title == "Label images"
            assert support.console(driver) == []
            loaded = "return performance.getEntriesByType('resource').map(entry => new URL(entry.name).host)"
            assert set(driver.execute_script(loaded)) == {"labeling:8080"}

    code = """
from services.labeling.client import image, labels
rows = labels()
print(rows.drop(columns="time").to_json(orient="values"), str(rows["time"].dtype)[:10], len(image(rows["image"][0])))
"""
    (project.path / "notebooks" / "look.py").write_text(code)
    rows, kind, size = project.run("python notebooks/look.py").splitlines()[-1].rsplit(" ", 2)
    assert {name: label for name, label, _ in json.loads(rows)} == truth
    assert {person for _, _, person in json.loads(rows)} == {ANN, "Bob"}
    assert kind == "datetime64" and int(size) > 100


def test_each_label_is_stored_once_and_never_replaced(project):
    """By whoever is first: several people, several windows, and responses that get lost."""
    put_images(project, 12)
    people = [f"p{number}" for number in range(12)]
    with ThreadPoolExecutor(12) as threads:
        views = list(threads.map(lambda person: ask(project, "next", person)[1], people))
    tasks = {person: view["task"] for person, view in zip(people, views, strict=True)}
    assert len({task["image"] for task in tasks.values()}) == 12
    assert ask(project, "next", "p0")[1]["task"] == tasks["p0"]
    status, late = ask(project, "next", "late")
    assert (status, late["task"], late["waiting"]) == (200, None, 12)

    send_label = {"task": tasks["p0"], "label": "circle"}
    assert ask(project, "label", "p0", **send_label)[0] == 200
    assert ask(project, "label", "p0", **send_label)[0] == 200
    status, refused = ask(project, "label", "p0", task=tasks["p0"], label=SQUARE)
    assert status == 409 and "You have already labeled this image as “circle”" in refused["error"]
    status, refused = ask(project, "label", "p1", task=tasks["p0"], label=SQUARE)
    assert status == 409 and "Your label was not stored." in refused["error"]
    assert stored(project) == [("p0", tasks["p0"]["image"], "circle")]
    assert ask(project, "label", "p1", task=tasks["p1"], label="triangle")[0] == 422
    assert ask(project, "undo", "p1")[0] == 409

    # The time of p1 is over, and somebody else labels their image. That of p2 is free again, so their label counts.
    project.ok("up", LABELING_LEASE="1")
    for person, path in (("p1", "label"), ("p2", "skip")):
        ask(project, "next", person)
        taken = wait_until(lambda: ask(project, "next", "new")[1]["task"])
        assert taken["image"] == tasks[person]["image"] and taken["token"] != tasks[person]["token"]
        assert ask(project, path, "new", task=taken, **({"label": SQUARE} if path == "label" else {}))[0] == 200
    status, refused = ask(project, "label", "p1", task=tasks["p1"], label="circle")
    assert status == 409 and "Your time for this image was over" in refused["error"]
    assert ask(project, "label", "p2", task=tasks["p2"], label="circle")[0] == 200
    assert stored(project)[1:] == [("new", tasks["p1"]["image"], SQUARE), ("p2", tasks["p2"]["image"], "circle")]

    # With two labels for each image, the same person still labels each only once.
    project.ok("up", LABELING_OVERLAP="2")
    for person in ("new", "p0"):
        while task := ask(project, "next", person)[1]["task"]:
            assert ask(project, "label", person, task=task, label="circle")[0] == 200
    rows = stored(project)
    assert len({row[:2] for row in rows}) == len(rows)
    counts = Counter(image for _, image, _ in rows)
    assert counts[tasks["p0"]["image"]] == 2 and max(counts.values()) == 2


def test_upload_or_request_that_is_wrong_is_refused(project):
    good = png("circle", 3)

    def upload(body, **headers):
        return send(project, "POST", "/api/images", body, **{"Content_Type": "image/png", **headers})

    status, first = upload(good)
    assert status == 201 and re.fullmatch(r"uploaded/[0-9a-f]{32}\.png", first["image"])
    assert upload(good) == (201, first)
    for body, expected in [
        (good + b"\0" * MAX_BYTES, 413),
        (b"", 415),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 415),
        (b"GIF89a", 422),
        (b"\xff\xd8\xff\xe0" + b"\0" * 100, 422),
        (good[:-20], 422),
        (good.replace(b"IDAT", b"IDAX"), 422),
    ]:
        status, answer = upload(body)
        assert (status, answer["error"].endswith("Nothing was stored.")) == (expected, True), body[:20]
    assert upload(good, Content_Type="text/html")[0] == 415
    assert upload(good, Origin="http://elsewhere.example")[0] == 403
    assert upload(good, Origin="null")[0] == 403
    assert upload(good, Host="elsewhere.example")[0] == 421
    assert upload(png("square", 4), Origin=f"http://127.0.0.1:{project.port('labeling')}")[0] == 201

    person = {"person": "p"}
    assert send(project, "POST", "/api/next", json.dumps(person).encode(), Content_Type="text/plain")[0] == 415
    for wrong in (
        {},
        {"person": ""},
        {"person": " p"},
        {"person": "a\nb"},
        {"person": 61 * "x"},
        {"person": {"$ne": ""}},
    ):
        assert send(project, "POST", "/api/next", wrong)[0] == 422, wrong

    folder(project).mkdir()
    (folder(project) / "link.png").symlink_to("/etc/passwd")
    (folder(project) / "uploaded").mkdir()
    (folder(project) / "uploaded" / "0.png").write_bytes(good)
    wait_until(lambda: ask(project, "next", "p")[1]["images"] == 2)
    for name in ("../../../etc/passwd", "/etc/passwd", "link.png", "uploaded/0.png", "..", "uploaded/../x"):
        assert send(project, "GET", f"/api/image?name={quote(name, safe='')}")[0] == 404, name
    for path in ("/assets/", "/assets", "/..%2fserver%2fmain.js", "/../package.json", "/api"):
        assert send(project, "GET", path)[0] in (403, 404), path
    address = f"http://127.0.0.1:{project.port('labeling')}/api/image?name={quote(first['image'])}"
    headers = subprocess.run(["curl", "-sSi", "--noproxy", "*", address], capture_output=True).stdout.lower()
    assert b"content-type: image/png" in headers and b"content-security-policy: default-src 'none'; sandbox" in headers


def test_page_keeps_a_label_until_it_is_stored(project):
    """The database is killed, the page reloaded, the server killed, the image deleted, and the classes are gone."""
    put_images(project, 4)
    mongo = project.container("labeling-mongo")
    with support.browser(project.network(), size=(400, 800)) as driver:
        enter(driver, "Eve")
        first = image(driver)
        docker("kill", mongo)
        press(driver, "1")
        kept = "The database does not answer. If that lasts, run: make up SERVICE=labeling. Your label “circle” is kept"
        wait_until(lambda: kept in text(driver, "waiting"))
        driver.refresh()
        wait_until(lambda: kept in text(driver, "waiting"))
        assert send(project, "GET", "/health")[0] == 503
        project.ok("up")
        wait_until(lambda: text(driver, "count") == "1 of 4 labels")
        assert text(driver, "done") == "Stored “circle”, which was kept."
        assert stored(project) == [("Eve", first, "circle")]

        # The server, killed and started again.
        second = image(driver)
        docker("kill", project.container("labeling"))
        press(driver, "2")
        wait_until(lambda: "The server does not answer. Your label" in text(driver, "waiting"))
        project.ok("up")
        wait_until(lambda: text(driver, "count") == "2 of 4 labels")
        assert stored(project)[1] == ("Eve", second, SQUARE)

        # The image is deleted before the browser has it.
        third = image(driver)
        (folder(project) / third).unlink()
        driver.execute_script("document.querySelector('img').src += '&again'")
        wait_until(lambda: "This image cannot be shown: it was deleted" in text(driver, "problem"))
        press(driver, "s")
        wait_until(lambda: text(driver, "count") == "2 of 3 labels")
        assert text(driver, "problem") == "" and image(driver) not in (first, second, third)
        classes(project)
        driver.refresh()
        wait_until(lambda: "There are no classes. Correct services/labeling/classes.txt" in text(driver, "waiting"))
        classes(project, "circle")
        wait_until(lambda: image(driver))
        assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")

        file = folder(project).parent / "broken.png"
        file.write_bytes(b"GIF89a")
        field = driver.find_element(By.CSS_SELECTOR, "input[type=file]")
        # The browser is in a container of its own.
        docker("cp", str(file), f"{browser_container(project)}:/tmp/<b>.png")
        field.send_keys("/tmp/<b>.png")
        wait_until(lambda: "<b>.png: This image is damaged or incomplete." in text(driver, "uploads"))
        assert "0 of 1 images uploaded." in text(driver, "uploads")


def browser_container(project) -> str:
    names = docker("ps", "--format", "{{.Names}}", "--filter", f"network={project.network()}").split()
    return next(name for name in names if name.startswith("browser-"))


def test_backup_and_password_keep_every_label(project, tmp_path):
    put_images(project, 2)
    upload = send(project, "POST", "/api/images", png("circle", 9), Content_Type="image/png")[1]["image"]
    while task := ask(project, "next", "Ann")[1]["task"]:
        assert ask(project, "label", "Ann", task=task, label="circle")[0] == 200
    before = stored(project)
    assert len(before) == 3
    backup = project.ok("backup-labeling").split()[-1]

    password = "it's \"new\\ #1"
    file = project.path / ".env"
    file.write_text(re.sub("(?m)^LABELING_PASSWORD=.*", lambda _: f"LABELING_PASSWORD={password}", file.read_text()))
    for _ in range(2):
        ask(project, "undo", "Ann")
    project.ok("up")
    assert len(stored(project)) == 1
    for name in ("labeling", "labeling-mongo"):
        assert password not in docker("inspect", project.container(name)) + docker("logs", project.container(name))

    later = send(project, "POST", "/api/images", png("square", 9), Content_Type="image/png")[1]["image"]
    whole = Path(backup).read_bytes()
    for name, content in {"cut": whole[: len(whole) * 2 // 3], "text": b"labels\n"}.items():
        (tmp_path / name).write_bytes(content)
        line = project.error("restore-labeling", f"FILE={tmp_path / name}")
        assert "was not restored, and the data of labeling is unchanged: " in line
        assert len(stored(project)) == 1
    project.ok("restore-labeling")
    assert stored(project) == before
    statuses = [send(project, "GET", f"/api/image?name={quote(name)}")[0] for name in (upload, later)]
    assert statuses == [200, 404]

    mounts = project.inspect(project.container("labeling-mongo"))["Mounts"]
    assert len([each for each in mounts if each["Type"] == "volume"]) == 1


def test_known_faults_of_mongodb_are_one_line(project, tmp_path):
    """Lines as MongoDB 8 writes them."""
    log = tmp_path / "log"

    def message(line):
        log.write_text(f'{{"s":"I","msg":"Build Info"}}\n{line}\n')
        command = f". docker/lib/faults.sh; known_fault {log} services/labeling/faults.txt docker/lib/faults.txt"
        return subprocess.check_output(["sh", "-c", command], cwd=project.path, text=True).strip()

    avx = "WARNING: MongoDB 5.0+ requires a CPU with AVX support, and your current system does not appear to have that!"
    assert message(avx).startswith("MongoDB does not run on this CPU, which lacks AVX.")
    wrong = (
        '"msg":"Wrong mongod version","attr":{"error":"UPGRADE PROBLEM: Found an invalid featureCompatibilityVersion'
    )
    assert message(wrong).startswith("the volume of labeling was written by another version of MongoDB.")
    assert project.error("up", "LABELING_MAX_BYTES=8MB").startswith("error: LABELING_MAX_BYTES is not a whole number")
    line = project.error("up", "LABELING_OVERLAP=0")
    assert line == "error: LABELING_OVERLAP is not a whole number from 1 to 20. Correct it in .env."
