"""Work in the central Jupyter from a program: log in, run code, read published notebooks."""

import json
import re
import time
import uuid
from collections.abc import Iterator

import requests
from websocket import create_connection

PUBLISHED = "/services/published"


class Channel:
    """A connection to a kernel, as a page has it."""

    def __init__(self, socket):
        self.socket = socket

    def send(self, kind: str, content: dict) -> str:
        """Send a message. Return its ID."""
        message = uuid.uuid4().hex
        header = {
            "msg_id": message,
            "msg_type": kind,
            "session": "",
            "username": "",
            "version": "5.3",
        }
        # The version of the protocol of widgets.
        body = {"header": header, "parent_header": {}, "metadata": {"version": "1.0.0"}}
        self.socket.send(json.dumps({**body, "content": content, "channel": "shell"}))
        return message

    def answers(self, message: str) -> Iterator[dict]:
        """Yield what the kernel sends because of a message, until it is idle again."""
        while True:
            answer = json.loads(self.socket.recv())
            if answer["parent_header"].get("msg_id") == message:
                yield answer
                if answer["content"].get("execution_state") == "idle":
                    return

    def printed_until_idle(self, message: str) -> str:
        """Return what the kernel prints because of a message, and the message of an error."""
        words = {"stream": "text", "error": "evalue"}
        answers = [each for each in self.answers(message) if each["msg_type"] in words]
        return "".join(each["content"][words[each["msg_type"]]] for each in answers)

    def widgets(self) -> dict[str, dict]:
        """Return the state of each widget in the kernel, by its ID.

        Raises:
            OSError: There are no widgets.
        """
        comm = uuid.uuid4().hex
        opening = {"comm_id": comm, "target_name": "jupyter.widget.control", "data": {}}
        list(self.answers(self.send("comm_open", opening)))
        question = self.send("comm_msg", {"comm_id": comm, "data": {"method": "request_states"}})
        for answer in self.answers(question):
            data = answer["content"].get("data", {})
            if data.get("method") == "update_states":
                models = data["states"].items()
                return {
                    name: {"model": each["model_name"], **each["state"]} for name, each in models
                }
        raise OSError("the notebook has no widgets. Check it in services/notebooks/published/")


class LoginError(OSError):
    """The hub does not accept a name and a password."""


class Visitor:
    """Somebody with a browser: it keeps cookies and follows redirects."""

    def __init__(self, name: str = "", password: str = "", host: str = "notebooks:8000"):
        """Log in, if there is a name.

        Raises:
            LoginError: The hub refuses. The message is the one of its page.
        """
        self.name, self.host, self.session = name, host, requests.Session()
        # Not by a company's proxy.
        self.session.trust_env = False
        if name:
            form = self.get("/hub/login").text
            token = re.search(r'name="_xsrf" value="([^"]*)"', form)[1]
            body = {"username": name, "password": password, "_xsrf": token}
            answer = self.session.post(f"http://{host}/hub/login?next=/hub/home", body, timeout=60)
            if refused := re.search(r'class="login_error">\s*(.*?)\s*<', answer.text, re.DOTALL):
                raise LoginError(refused[1])

    def get(self, path: str) -> requests.Response:
        """Open a page."""
        return self.session.get(f"http://{self.host}{path}", timeout=60)

    def headers(self, prefix: str) -> dict[str, str]:
        """Return the header that a page of this server sends with each request."""
        cookies = [each for each in self.session.cookies if each.path == f"{prefix}/"]
        tokens = [each.value for each in cookies if each.name == "_xsrf"]
        return {"X-XSRFToken": tokens[0]} if tokens else {}

    def send(self, method: str, path: str, body: dict | None = None) -> requests.Response:
        """Do what a page of a person's own server does."""
        prefix = f"/user/{self.name}"
        url, headers = f"http://{self.host}{prefix}{path}", self.headers(prefix)
        return self.session.request(method, url, json=body, headers=headers, timeout=60)

    def start_server(self) -> None:
        """Begin to start the own server, as JupyterHub's page does."""
        self.get("/hub/spawn")

    def open_server(self) -> None:
        """Wait until the own server has started, and open it.

        Raises:
            OSError: It has not started within two minutes.
        """
        path = f"/user/{self.name}/lab"
        end = time.monotonic() + 120
        while (page := self.get(path)).status_code != 200 or not page.url.endswith(path):
            if time.monotonic() > end:
                logs = "make logs SERVICE=notebooks"
                raise OSError(f"the server of {self.name} does not start. See: {logs}")
            time.sleep(0.5)

    def channel(self, prefix: str, kernel: str) -> Channel:
        """Open the connection to a kernel."""
        cookies = self.session.cookies
        request = requests.Request("GET", f"http://{self.host}{prefix}/")
        cookie = requests.cookies.get_cookie_header(cookies, request.prepare()) or ""
        url = f"ws://{self.host}{prefix}/api/kernels/{kernel}/channels"
        options = {"cookie": cookie, "header": self.headers(prefix), "http_no_proxy": ["*"]}
        return Channel(create_connection(url, timeout=60, **options))

    def open_published(self, notebook: str) -> Channel:
        """Open a published notebook, and return the connection to its kernel."""
        page = self.get(f"{PUBLISHED}/voila/render/{notebook}")
        page.raise_for_status()
        return self.channel(PUBLISHED, re.search(r'"kernelId": ?"([^"]+)"', page.text)[1])

    def run(self, code: str) -> str:
        """Run code in a new kernel on the own server. Return what it prints."""
        kernel = self.send("POST", "/api/kernels", {}).json()["id"]
        channel = self.channel(f"/user/{self.name}", kernel)
        message = channel.send("execute_request", {"code": code, "silent": False})
        printed = channel.printed_until_idle(message)
        channel.socket.close()
        self.send("DELETE", f"/api/kernels/{kernel}")
        return printed
