"""Logins: users.txt decides, at each login, and every few seconds for those who are logged in."""

import asyncio
import hmac
import os
import time
import zlib
from collections import defaultdict, deque
from pathlib import Path

import users
from jupyter_server.auth.security import passwd_check
from jupyterhub.auth import Authenticator
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.web import HTTPError
from traitlets import Unicode

FILE = Path("/opt/notebooks/service/users.txt")
PASSWORD = Path("/opt/notebooks/password").read_text()
# Of a password that nobody has, so that an unknown name takes as long as a wrong password.
NOBODY = users.User(f"argon2:$argon2id$v=19$m=10240,t=10,p=8${22 * 'A'}${43 * 'A'}", viewer=True)
# How many wrong passwords for a name are accepted, within how many seconds.
ATTEMPTS, WINDOW = 10, 300
PERIOD = 2  # seconds


def read() -> dict[str, users.User]:
    """Return the users in users.txt.

    Raises:
        users.UserError: A line is not valid.
    """
    # Closed to others, and root cannot read it in this container. The owner of the project can.
    os.setegid(int(os.environ["HOST_GID"]))
    os.seteuid(int(os.environ["HOST_UID"]))
    try:
        return users.parse(users.read(FILE))
    finally:
        os.seteuid(0)
        os.setegid(0)


class FileAuthenticator(Authenticator):
    """Accepts the user `owner` and those in users.txt."""

    token = Unicode(help="The hub's own API token, to log people out.").tag(config=True)

    def __init__(self, **options):
        super().__init__(**options)
        self.known = self.applied = read()
        # When wrong passwords were sent, for each of a fixed number of groups of names: unknown
        # names count, too, and cannot fill the memory.
        self.failures = defaultdict(lambda: deque(maxlen=ATTEMPTS))
        # Checking a password takes memory, on purpose.
        self.checking = asyncio.Lock()
        self.applying = asyncio.Lock()
        self.watcher = None
        self.hub_api = ""

    def refresh(self) -> dict[str, users.User]:
        """Return the users in users.txt, or those of before if it has just become invalid."""
        try:
            self.known = read()
        except (users.UserError, OSError) as error:
            self.log.error("error: %s Until then, the logins stay as they were.", error)
        return self.known

    async def authenticate(self, handler, data: dict) -> dict | None:
        """Return the user for a name and a password, or None."""
        name, password = data.get("username", ""), data.get("password", "")
        failures = self.failures[zlib.crc32(name.encode()) % 1024]
        if len(failures) == ATTEMPTS and time.monotonic() - failures[0] < WINDOW:
            raise HTTPError(429, f"Too many wrong passwords. Try again in {WINDOW // 60} minutes.")
        # Counted in advance, so that many at the same time are counted, too.
        failures.append(time.monotonic())
        if name == users.OWNER:
            known, viewer = hmac.compare_digest(password.encode(), PASSWORD.encode()), False
        else:
            user = self.refresh().get(name, NOBODY)
            async with self.checking:
                known = await asyncio.to_thread(passwd_check, user.hash, password)
            viewer = user.viewer
        if not known:
            return None
        failures.clear()
        self.hub_api = handler.hub.api_url
        # The password may be newer than what others know of it.
        await self.log_out_changed()
        if not self.watcher:
            self.watcher = asyncio.create_task(self.watch())
        return {"name": name, "groups": [] if viewer else ["authors"]}

    async def log_out(self, name: str) -> bool:
        """Stop a person's server and end the logins. Return whether that is done."""
        address, token = f"{self.hub_api}/users/{name}", {"Authorization": f"token {self.token}"}
        try:
            await AsyncHTTPClient().fetch(
                address, method="DELETE", headers=token, request_timeout=60
            )
        except HTTPClientError as error:
            # 404: not logged in. Otherwise, the server is just starting or stopping.
            return error.code == 404
        except OSError:
            return False
        return True

    async def log_out_changed(self) -> None:
        """Log out everybody whose line in users.txt is gone or has changed."""
        async with self.applying:
            known = dict(self.refresh())
            for name in [name for name in self.applied if self.applied[name] != known.get(name)]:
                if not await self.log_out(name):
                    # Again in a moment.
                    known[name] = self.applied[name]
            self.applied = known

    async def watch(self) -> None:
        """Keep the logins as users.txt says."""
        while True:
            await asyncio.sleep(PERIOD)
            await self.log_out_changed()
