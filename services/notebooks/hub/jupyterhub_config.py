"""The hub: who can do what, and how servers are started."""

import asyncio
import os
import secrets
from contextlib import suppress

import homes
import logins
from jupyterhub.spawner import LocalProcessSpawner

c = get_config()  # noqa: F821 # JupyterHub defines it

idle = os.environ["NOTEBOOKS_IDLE"]
url = os.environ["NOTEBOOKS_URL"].rstrip("/")
memory = int(os.environ["NOTEBOOKS_PROCESS_MEMORY"]) * 2**30
# Limits of each process, which it cannot raise. If the container's memory is full, the kernel ends
# one of these first.
limits = [f"--data={memory}", "--nproc=1024", "--core=0"]
limited = ["choom", "--adjust=500", "--", "prlimit", *limits, "--"]
# Nothing of root's environment, and modules from the project.
environment = {
    "PATH": os.environ["PATH"],
    "LANG": os.environ["LANG"],
    "VIRTUAL_ENV": os.environ["VIRTUAL_ENV"],
    "PROJECT_ROOT": "/workspace",
    "PYTHONPATH": "/workspace/src",
    "PYTHONUNBUFFERED": "1",
    "NOTEBOOKS_IDLE": idle,
    **{name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")},
}


class SocketSpawner(LocalProcessSpawner):
    """Starts a server that listens on a socket in a closed folder of its user.

    The programs of all users share the ports of this container. On a port, another user could wait
    in the place of a server that has stopped, and would get its owner's cookies. So only the hub
    has a port, which leads to the socket.
    """

    # Jupyter Server takes a socket only with this one, which it does not open then.
    port = 8888
    relay = None

    def get_env(self) -> dict:
        """Return the environment of the server."""
        # Short, since the path of a socket can have 107 characters.
        runtime = homes.RUN / self.user.name / "jupyter"
        return {**super().get_env(), "JUPYTER_RUNTIME_DIR": str(runtime)}

    async def start(self) -> tuple[str, int]:
        """Start the server and the way to it. Return the address."""
        self.socket = homes.prepare(self.user.name) / "server"
        with suppress(FileNotFoundError):
            self.socket.unlink()
        self.args = [f"--ServerApp.sock={self.socket}", "--ServerApp.sock_mode=0660"]
        self.relay = await asyncio.start_server(self.connect, "127.0.0.1", 0)
        await super().start()
        return self.relay.sockets[0].getsockname()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes in and what goes out."""

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while data := await source.read(2**16):
                    target.write(data)
                    await target.drain()
            target.close()

        try:
            server_reader, server_writer = await asyncio.open_unix_connection(self.socket)
        except OSError:
            writer.close()
        else:
            await asyncio.gather(copy(reader, server_writer), copy(server_reader, writer))

    def run_post_stop_hook(self) -> None:
        """Close the way to the server, and end what its user has left running."""
        if self.relay:
            self.relay.close()
        homes.end_processes(self.user.name)


# Only the homes survive a restart, after which everybody logs in again.
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.cookie_secret = secrets.token_bytes(32)
c.JupyterHub.bind_url = "http://0.0.0.0:8000"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:8081"
c.JupyterHub.cleanup_servers = c.JupyterHub.cleanup_proxy = True
c.JupyterHub.log_level = "WARN"
c.JupyterHub.tornado_settings = {"cookie_options": {"samesite": "Lax"}}
# Every person, and Voilà, on a host of its own: the browser keeps their pages apart.
c.JupyterHub.subdomain_host = url
c.JupyterHub.subdomain_hook = lambda name, domain, kind: f"{name}.{domain}"
c.ConfigurableHTTPProxy.log_level = "warn"
c.ConfigurableHTTPProxy.pid_file = str(homes.RUN / "proxy.pid")
c.ConfigurableHTTPProxy.command = [
    *homes.becoming(homes.PROGRAMS["proxy"]),
    *("node", "/opt/proxy/node_modules/.bin/configurable-http-proxy"),
]

# Until there are more users.
if not logins.read():
    hint = "The first user is owner. The password is NOTEBOOKS_PASSWORD in the file .env."
    c.JupyterHub.template_vars = {"announcement_login": hint}

# No user is an administrator, so nobody can open anybody else's server.
c.JupyterHub.authenticator_class = logins.FileAuthenticator
c.Authenticator.allow_all = True
c.Authenticator.manage_groups = True
c.FileAuthenticator.token = secrets.token_hex(32)
c.JupyterHub.services = [
    {"name": "logins", "api_token": c.FileAuthenticator.token},
    {
        "name": "published",
        "user": "published",
        "url": "http://127.0.0.1:8866",
        "command": [*limited, "python", "/opt/viewer/viewer.py"],
        "cwd": "/workspace/services/notebooks/published",
        "environment": {**environment, "NOTEBOOKS_VIEWERS": os.environ["NOTEBOOKS_VIEWERS"]},
        "oauth_no_confirm": True,
    },
]
# What each page asks about who looks at it.
names = ["read:users:name!user", "read:users:groups!user"]
c.JupyterHub.load_roles = [
    {"name": "logins", "services": ["logins"], "scopes": ["delete:users"]},
    # Everybody, viewers too.
    {"name": "user", "scopes": [*names, "access:services!service=published"]},
    {"name": "authors", "groups": ["authors"], "scopes": ["self"]},
]

c.JupyterHub.spawner_class = SocketSpawner
c.Spawner.cmd = [*limited, "jupyterhub-singleuser"]
c.Spawner.default_url = "/lab"
c.Spawner.env_keep = []
c.Spawner.environment = environment
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
c.LocalProcessSpawner.popen_kwargs = {"umask": 0o077}
c.LocalProcessSpawner.interrupt_timeout = c.LocalProcessSpawner.term_timeout = 5


def first_page(handler) -> str:
    """Return where a login leads: to the published notebooks if a person has no server."""
    user = handler.current_user
    if not user or "authors" in {group.name for group in user.groups}:
        return ""
    return url.replace("://", "://published.") + "/services/published/"


c.JupyterHub.default_url = first_page
