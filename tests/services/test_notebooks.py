"""The central Jupyter: people's work is apart, published notebooks give nothing away, and logins follow users.txt."""

import importlib.util
import json
import re
import subprocess
from types import SimpleNamespace

import nbformat
import pytest
import support
import test_browser
import test_images
from selenium.common.exceptions import TimeoutException
from selenium.webdriver import Keys
from selenium.webdriver.common.by import By
from support import docker, wait_until
from websocket import WebSocketBadStatusException

pytestmark = pytest.mark.docker

PAGE = "http://127.0.0.1:8000"
LIST = "/services/published/"
NOTEBOOK = "/services/published/voila/render/tumors.ipynb"
NOTE = "mine-is-private-4711"


# Renders a notebook whose second part never comes.
SILENT_KERNEL = """
import asyncio, os, sys
sys.path.insert(0, "/opt/viewer")
os.environ.update(JUPYTERHUB_SERVICE_PREFIX="/x/", NOTEBOOKS_VIEWERS="1", NOTEBOOKS_IDLE="60")
import viewer

async def parts(self):
    yield "first", {}
    await asyncio.Event().wait()

async def show():
    renderer = viewer.Renderer.__new__(viewer.Renderer)
    renderer.notebook_path = "x"
    return [html async for html, _ in renderer.generate_content_generator()]

viewer.NotebookRenderer.generate_content_generator = parts
viewer.CELL_TIMEOUT = 0.1
print(asyncio.run(show()))
"""


class Hub:
    """A project with a running hub, and people who can log in."""

    def __init__(self, project):
        self.project = project
        file = project.path / "services" / "notebooks" / "client.py"
        spec = importlib.util.spec_from_file_location("notebooks_client", file)
        self.client = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.client)
        self.passwords = {"owner": project.setting("NOTEBOOKS_PASSWORD")}

    def add(self, name, *arguments):
        line = self.project.ok("add-user", f"NAME={name}", *arguments).splitlines()[-1]
        self.passwords[name] = re.fullmatch(f"password of {name}: ([A-Za-z0-9_-]{{20}})", line)[1]

    def visitor(self, name="", password=None):
        """Log in by requests; without a name, only have a look."""
        password = password if password is not None else self.passwords.get(name, "")
        return self.client.Visitor(name, password, f"127.0.0.1:{self.project.port('notebooks')}")

    def worker(self, name):
        """Log in, and start the server."""
        visitor = self.visitor(name)
        visitor.start_server()
        visitor.open_server()
        return visitor

    def refusal(self, name, password):
        with pytest.raises(self.client.LoginError) as caught:
            self.visitor(name, password)
        return str(caught.value)

    def in_container(self, *command, check=True):
        return docker("exec", self.project.container("notebooks"), *command, check=check)

    def processes(self, name):
        """Return the commands of the processes that a person has."""
        uid = self.in_container("stat", "--format", "%u", f"/home/{name}")
        lines = docker("top", self.project.container("notebooks"), "-eo", "pid,uid,args").splitlines()[1:]
        return [line.split(None, 2)[2] for line in lines if line.split()[1] == uid]

    def file(self, name, path):
        """Return the content of a file in a home, or nothing. Only the person can read it."""
        uid = self.in_container("stat", "--format", "%u", f"/home/{name}")
        return self.in_container(
            "setpriv", f"--reuid={uid}", "--clear-groups", "cat", f"/home/{name}/{path}", check=False
        )


@pytest.fixture(scope="module")
def hub(with_service):
    project = with_service("notebooks")
    project.ok("data")
    project.ok("up")
    hub = Hub(project)
    hub.add("vera", "VIEWER=1")
    code = "from services.notebooks import users; print(*(users.add(name) for name in ('ada', 'bob', 'dora')))"
    hub.passwords.update(zip(("ada", "bob", "dora"), project.run(f'python -c "{code}"').split(), strict=True))
    yield hub
    project.make("down")


def log_in(driver, hub, name, page=PAGE):
    driver.get(page)
    wait_until(lambda: driver.find_elements(By.ID, "username_input"))[0].send_keys(name)
    driver.find_element(By.ID, "password_input").send_keys(hub.passwords[name] + Keys.ENTER)


def show(driver, page):
    """Load a published notebook; like a viewer, once more if it has not come within a minute.

    Rarely, a page of Voilà loads forever: https://github.com/voila-dashboards/voila/issues/1428
    """
    driver.set_page_load_timeout(60)
    try:
        driver.get(page)
    except TimeoutException:
        driver.get(page)


def browser(hub):
    """A browser at the address that people use, since browsers treat other hosts without TLS differently."""
    return support.browser(f"container:{hub.project.container('notebooks')}")


def test_two_people_work_in_the_browser(hub):
    """Each writes a file in a notebook; the other's page is forbidden, and nothing is loaded from elsewhere."""
    people = ["ada", "bob"]
    for name in people:
        cell = nbformat.v4.new_code_cell(f"open('note', 'w').write('{name} {NOTE}')")
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        content = nbformat.v4.new_notebook(cells=[cell], metadata=kernel)
        notebook = {"type": "notebook", "format": "json", "content": content}
        assert hub.worker(name).send("PUT", "/api/contents/work.ipynb", notebook).status_code == 201
    for name, other in (people, people[::-1]):
        with browser(hub) as driver:
            log_in(driver, hub, name)
            wait_until(lambda driver=driver: driver.find_elements(By.CSS_SELECTOR, ".jp-Launcher-content"))
            test_browser.run_all(SimpleNamespace(address=f"{PAGE}/user/{name}/lab?"), driver, "work.ipynb")
            wait_until(lambda name=name: hub.file(name, "note") == f"{name} {NOTE}")
            assert support.console(driver) == []
            loaded = driver.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
            assert loaded and all(address.startswith((PAGE, "data:", "blob:")) for address in loaded), loaded
            # JupyterLab would ask whether to leave a page with changes.
            driver.switch_to.new_window("tab")
            driver.get(f"{PAGE}/user/{other}/lab")
            found = wait_until(lambda driver=driver: driver.find_elements(By.CSS_SELECTOR, ".error h1"))
            assert "403" in found[0].text


# Code that somebody runs who wants what is not theirs. It prints what they get.
ATTACK = """
import glob, http.client, json, os, socket, urllib.error, urllib.request
def read(path):
    try:
        return os.listdir(path) if os.path.isdir(path) else open(path).read()
    except OSError as error:
        return error.strerror
def ask(url):
    try:
        answer = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5)
        return "stolen" if "NOTE" in answer.read().decode() else answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, http.client.HTTPException):
        return 0
me = os.getuid()
others = [p for p in glob.glob("/proc/[0-9]*") if os.stat(p).st_uid != me]
environments = [p for p in others if read(p + "/environ") != "Permission denied"]
connections = [line.split() for line in open("/proc/net/tcp").read().splitlines()[1:]]
# 127.0.0.1 and all addresses. The engine's DNS server has another one.
here = [words[1].split(":") for words in connections if words[3] == "0A"]
ports = sorted({int(port, 16) for address, port in here if address in ("0100007F", "00000000")})
sockets = {}
for path in glob.glob("/run/notebooks/*") + ["/run/notebooks/ada/server", "/run/notebooks/ada/jupyter"]:
    if path.endswith("/server"):
        try:
            socket.socket(socket.AF_UNIX).connect(path)
            sockets[path] = "connected"
        except OSError as error:
            sockets[path] = error.strerror
    elif os.path.isdir(path) and os.stat(path).st_uid != me:
        sockets[path] = read(path)
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines() if ":" in line)
def succeeds(function, *arguments):
    try:
        function(*arguments)
        return True
    except OSError:
        return False
print(json.dumps({
    "files": {path: read(path) for path in PATHS},
    "environments": environments,
    "ports": {port: ask(f"http://127.0.0.1:{port}/user/ada/api/contents/note") for port in ports},
    "sockets": sockets,
    "capabilities": status["CapEff"].strip(),
    "root": succeeds(os.setuid, 0),
    "writable": [path for path in ("/workspace/data", "/workspace/src", "/opt/venv", "/etc/jupyter", "/home", "/")
                 if os.access(path, os.W_OK)],
    "killed": succeeds(os.kill, 1, 9),
    "token": any(name.startswith("JUPYTERHUB") for name in os.environ),
}))
"""

SECRETS = ["/home/ada/note", "/opt/notebooks", "/opt/notebooks/password", "/opt/notebooks/service/users.txt"]


def test_a_kernel_gets_nothing_of_others(hub):
    """Neither files nor secrets, not the processes, sockets, ports and kernels of others."""
    ada, bob = hub.worker("ada"), hub.worker("bob")
    ada.send("PUT", "/api/contents/note", {"type": "file", "format": "text", "content": NOTE})
    assert (
        bob.run("print(open('published/tumors.ipynb').read()[:1], len(open('data/raw/tumors.csv').read()))").split()[0]
        == "{"
    )
    code = ATTACK.replace("NOTE", NOTE).replace("PATHS", repr([*SECRETS, "/home", "/run/secrets"]))
    got = json.loads(bob.run(code))
    denied = "Permission denied"
    assert got["files"] == {**dict.fromkeys([*SECRETS, "/home"], denied), "/run/secrets": "No such file or directory"}
    assert got["environments"] == []
    assert got["sockets"]["/run/notebooks/ada/server"] == denied and set(got["sockets"].values()) == {denied}
    # Those of the hub, the proxy and Voilà, and the ways to the two servers: no one answers without a login.
    assert len(got["ports"]) >= 6 and "stolen" not in got["ports"].values(), got["ports"]
    assert 403 in got["ports"].values()
    assert int(got["capabilities"], 16) == 0 and not got["root"] and not got["killed"]
    assert got["writable"] == []
    # A terminal is the same user.
    assert bob.send("POST", "/api/terminals").status_code == 200
    # More memory than a process may have is an error in this process, and only there.
    assert "Unable to allocate" in bob.run("import numpy\nnumpy.ones(2**29)")
    assert "ada" in ada.run("import getpass; print(getpass.getuser())")


def test_image_has_the_bytecode_that_kernels_cannot_write(hub):
    """Compiling pandas, Matplotlib and the kernel would take each new kernel seconds."""
    *missing, packages = hub.in_container("python", "-c", test_images.BYTECODE).splitlines()
    assert missing == [] and {"pandas", "ipykernel"} <= set(packages.split())


def test_page_whose_kernel_does_not_answer_ends(hub):
    """Voilà alone would load it forever, which this test sees at the end of its own patience."""
    shown = hub.in_container("timeout", "60", "python", "-c", SILENT_KERNEL)
    assert "first" in shown and "Load the page again" in shown


def test_published_notebook_answers_viewers(hub):
    """A viewer has no server, moves a slider, and gets neither the code nor a kernel for code of their own."""
    with browser(hub) as driver:
        log_in(driver, hub, "vera")
        link = wait_until(lambda: driver.find_elements(By.PARTIAL_LINK_TEXT, "tumors"))[0]
        show(driver, link.get_attribute("href"))
        output = ".jp-OutputArea-output"

        def text():
            return " ".join(each.text for each in driver.find_elements(By.CSS_SELECTOR, output))

        wait_until(lambda: "569 of 569 tumors" in text())
        assert "read_csv" not in driver.page_source
        wait_until(lambda: driver.find_elements(By.CSS_SELECTOR, f"{output} img"))
        support.picture(driver, "notebooks")
        handle = driver.find_element(By.CSS_SELECTOR, ".noUi-handle")
        handle.send_keys(*10 * [Keys.ARROW_RIGHT])
        wait_until(lambda: re.search(r"\b(?!569)\d+ of 569 tumors", text()))
        assert support.console(driver) == []
        driver.get(f"{PAGE}/hub/spawn")
        assert "403" in wait_until(lambda: driver.find_elements(By.CSS_SELECTOR, ".error h1"))[0].text
    vera = hub.visitor("vera")
    channel = vera.open_published("tumors.ipynb")
    refused = channel.send("execute_request", {"code": "print(4711)", "silent": False})
    # The kernel answers the next message without having seen this one.
    channel.send("kernel_info_request", {})
    for answer in iter(lambda: json.loads(channel.socket.recv()), None):
        assert answer["parent_header"].get("msg_id") != refused
        if answer["msg_type"] == "kernel_info_reply":
            break
    gone = (
        "api/contents/tumors.ipynb",
        "voila/api/contents/tumors.ipynb",
        "voila/files/tumors.ipynb",
        "api/terminals",
    )
    assert {vera.get(LIST + path).status_code for path in gone} == {404}
    assert "read_csv" not in vera.get(NOTEBOOK).text
    # A kernel that does not start ends the page.
    owner = hub.in_container("stat", "--format", "%u", "/run/notebooks/published")
    as_viewer = ("setpriv", f"--reuid={owner}", f"--regid={owner}", "--clear-groups", "sh", "-c")
    startup = "/run/notebooks/published/.ipython/profile_default/startup"
    hub.in_container(*as_viewer, f"mkdir -p {startup} && echo 'import os; os._exit(1)' >{startup}/broken.py")
    assert "This notebook cannot be shown now." in vera.get(NOTEBOOK).text
    hub.in_container(*as_viewer, f"rm {startup}/broken.py")


def test_intruder_gets_403(hub):
    """Without a login, pages lead to the login and all else is forbidden; with one, another's server is."""
    ada, bob, nobody = hub.worker("ada"), hub.visitor("bob"), hub.visitor()
    addresses = ["/user/ada/api/contents", "/user/ada/api/terminals", "/user/ada/api/kernels", "/hub/api/users/ada"]
    for intruder in (nobody, bob):
        statuses = {address: intruder.get(address).status_code for address in addresses}
        assert set(statuses.values()) <= {403, 404} and statuses[addresses[0]] == 403, statuses
    assert bob.get("/user/ada/lab").status_code == 403
    assert nobody.get(NOTEBOOK).url.partition("?")[0].endswith("/hub/login")
    assert nobody.get(f"{LIST}api/kernels/00000000-0000-0000-0000-000000000000").status_code == 403
    for visitor, prefix in ((nobody, "/services/published"), (nobody, "/user/ada"), (bob, "/user/ada")):
        with pytest.raises(WebSocketBadStatusException) as caught:
            visitor.channel(prefix, "00000000-0000-0000-0000-000000000000")
        assert caught.value.status_code == 403
    # A request that a page of another site makes a browser send lacks the token.
    url = f"http://{ada.host}/user/ada/api/contents/stolen"
    assert ada.session.put(url, json={"type": "file", "format": "text", "content": ""}).status_code == 403
    # After the login, no address elsewhere.
    page = ada.session.get(f"http://{ada.host}/hub/login?next=//evil.example/", allow_redirects=False)
    assert "evil" not in page.headers["Location"]
    cookies = {cookie.name: cookie for cookie in ada.session.cookies}
    for name, cookie in cookies.items():
        assert name == "_xsrf" or "HttpOnly" in cookie._rest, name


def test_logins_follow_the_file(hub):
    """A wrong password, too many of them, a new one, a removed user, and names that cannot be used."""
    project = hub.project
    wrong = hub.refusal("ada", "wrong")
    assert (
        wrong
        == hub.refusal("nobody-here", "wrong")
        == hub.refusal("<script>alert(1)</script>", "")
        == "Invalid username or password"
    )
    for _ in range(9):
        hub.refusal("eve", "wrong")
    assert hub.refusal("eve", "wrong") == wrong
    assert hub.refusal("eve", "wrong") == "Too many wrong passwords. Try again in 5 minutes."
    hub.visitor("owner")

    hub.add("carl")
    carl = hub.worker("carl")
    carl.send("PUT", "/api/contents/kept", {"type": "file", "format": "text", "content": "still here"})
    carl.run("import subprocess; subprocess.Popen(['sleep', '1000'], start_new_session=True)")
    assert any("sleep" in command for command in hub.processes("carl"))
    before = hub.passwords["carl"]
    hub.add("carl")
    wait_until(lambda: hub.processes("carl") == [])
    assert "still here" not in carl.get("/user/carl/api/contents/kept").text
    assert hub.refusal("carl", before) == wrong
    carl = hub.worker("carl")
    assert carl.get("/user/carl/api/contents/kept").json()["content"] == "still here"
    assert "the files of carl stay" in project.ok("remove-user", "NAME=carl")
    wait_until(lambda: hub.processes("carl") == [])
    assert hub.refusal("carl", hub.passwords["carl"]) == wrong
    # The server stops first.
    wait_until(lambda: carl.get("/hub/home").url.partition("?")[0].endswith("/hub/login"))

    for name in ("root", "<b>"):
        assert project.error("add-user", f"NAME={name}").startswith(f"error: NAME='{name}' is not valid. ")
    assert project.error("remove-user", "NAME=carl").startswith("error: there is no user 'carl'")


def test_broken_file_and_restart_lose_nothing(hub):
    """While it runs, an invalid users.txt changes nothing; at the start, it is an error. A backup brings files back."""
    project = hub.project
    ada = hub.worker("ada")
    ada.send("PUT", "/api/contents/work", {"type": "file", "format": "text", "content": "first"})
    file = project.path / "services" / "notebooks" / "users.txt"
    valid = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600 and hub.passwords["ada"] not in valid
    project.ok("backup-notebooks")
    ada.send("PUT", "/api/contents/work", {"type": "file", "format": "text", "content": "second"})
    uid = hub.in_container("stat", "--format", "%u", "/home/ada")
    file.write_text(valid + "eve password\n")
    try:
        hub.visitor("ada")
        line = project.error("add-user", "NAME=eve")
        project.ok("down")
        number = len(valid.splitlines()) + 1
        assert (
            line
            == project.error("up")
            == (
                f"error: line {number} of services/notebooks/users.txt is not a new name and the hash of its password. "
                "Remove the line, then run make add-user with the name."
            )
        )
    finally:
        file.write_text(valid)
    project.ok("up")
    assert hub.in_container("stat", "--format", "%u", "/home/ada") == uid
    assert hub.file("ada", "work") == "second"
    newest = sorted((project.path / "data" / "backups").glob("notebooks-*"))[-1]
    cut = project.path / "data" / "cut"
    cut.write_bytes(newest.read_bytes()[:2000])
    assert "was not restored, and the data of notebooks is unchanged: " in project.error(
        "restore-notebooks", f"FILE={cut}"
    )
    assert hub.file("ada", "work") == "second"
    project.ok("restore-notebooks")
    assert hub.file("ada", "work") == "first"
    # Whoever comes later gets nobody's user ID.
    hub.visitor("dora").start_server()
    owners = ("stat", "--format", "%u", "/home/ada", "/home/bob", "/home/dora")
    wait_until(lambda: len(set(hub.in_container(*owners, check=False).split())) == 3)
    log = project.path / ".local" / "log"
    log.write_text("error: NOTEBOOKS_IDLE=soon is not a whole number from 1 to 1000000. Correct it in .env.\n")
    command = f". docker/lib/faults.sh; known_fault {log} services/notebooks/faults.txt docker/lib/faults.txt"
    line = subprocess.check_output(["sh", "-c", command], cwd=project.path, text=True).strip()
    assert line == "NOTEBOOKS_IDLE is not a whole number above 0. Correct it in .env."


def test_each_person_can_have_a_host_of_their_own(hub):
    """With NOTEBOOKS_URL, the browser keeps the pages of people apart."""
    # Somebody who has not opened a notebook yet sees the launcher.
    pages = {
        "dora": ("http://dora.localhost:8000/user/dora/lab", ".jp-Launcher-content"),
        "vera": ("http://published.localhost:8000/services/published/", "a[href*=tumors]"),
    }
    hub.project.ok("up", NOTEBOOKS_URL="http://localhost:8000")
    for name, (address, element) in pages.items():
        with browser(hub) as driver:
            log_in(driver, hub, name, "http://localhost:8000")
            wait_until(lambda driver=driver, element=element: driver.find_elements(By.CSS_SELECTOR, element))
            assert driver.current_url.startswith(address)
    hub.project.ok("up")
