"""Published notebooks by Voilà, for everybody who is logged in. It runs as a user without files."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import voila.handler
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyterhub.services.auth import HubOAuth
from jupyterhub.singleuser.extension import JupyterHubIdentityProvider
from tornado.web import HTTPError
from traitlets import default
from traitlets.config import Config
from voila.app import Voila
from voila.notebook_renderer import NotebookRenderer
from voila.static_file_handler import AllowListFileHandler
from voila.tornado.contentshandler import VoilaContentsHandler

PREFIX = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
VIEWERS = int(os.environ["NOTEBOOKS_VIEWERS"])
# The most seconds that a cell may take.
CELL_TIMEOUT = 300


class HubIdentityProvider(JupyterHubIdentityProvider):
    """Logins by the hub, at the addresses of this service."""

    @default("hub_auth")
    def _default_hub_auth(self) -> HubOAuth:
        # Whoever is logged out gets no page after this many seconds.
        return HubOAuth(parent=self, cache_max_age=5)

    def get_handlers(self) -> list:
        """Return the handlers of the parent, which expects Jupyter Server to add the prefix."""
        return [(PREFIX.rstrip("/") + path, *rest) for path, *rest in super().get_handlers()]


class ViewerKernelManager(AsyncMappingKernelManager):
    """Kernels of published notebooks, at most as many as NOTEBOOKS_VIEWERS says."""

    async def start_kernel(self, *, env: dict, **options) -> str:
        """Start a kernel without the hub's tokens, and return its ID."""
        if len(self) >= VIEWERS:
            raise HTTPError(503, "Too many published notebooks are open. Try again later.")
        env = {name: value for name, value in env.items() if not name.startswith("JUPYTERHUB_")}
        return await super().start_kernel(env=env, **options)


class Renderer(NotebookRenderer):
    """Ends a page whose kernel does not start or does not answer.

    Voilà alone would let it load forever: https://github.com/voila-dashboards/voila/issues/1428
    """

    async def generate_content_generator(self, *arguments) -> AsyncIterator[tuple[str, dict]]:
        """Yield the parts of the page."""
        try:
            parts = aiter(super().generate_content_generator(*arguments))
            while part := await asyncio.wait_for(anext(parts, None), CELL_TIMEOUT):
                yield part
        except Exception:
            self.log.exception("%s is not shown", self.notebook_path)
            message = "This notebook cannot be shown now. Load the page again."
            yield f"<script>document.body.textContent = '{message}'</script>", {}


class Published(Voila):
    """Voilà without two addresses: notebooks with their code, and images without a login."""

    def init_handlers(self) -> list:
        """Return the handlers that are left."""
        removed = (AllowListFileHandler, VoilaContentsHandler)
        return [handler for handler in super().init_handlers() if handler[1] not in removed]


c = Config()
c.Voila.ip = "127.0.0.1"
c.Voila.port = 8866
c.Voila.port_retries = 0
c.Voila.base_url = c.Voila.server_url = PREFIX
c.Voila.root_dir = str(Path.cwd())
c.Voila.open_browser = False
c.Voila.log_level = "WARN"
# The hub has tokens; Voilà needs none of its own.
c.Voila.auto_token = True
c.Voila.identity_provider_class = HubIdentityProvider
c.VoilaConfiguration.multi_kernel_manager_class = ViewerKernelManager
c.VoilaConfiguration.strip_sources = True
c.VoilaConfiguration.show_tracebacks = False
c.VoilaExecutor.cell_error_instruction = "JupyterLab shows the error to its author."
# The other list of notebooks needs the contents API.
c.VoilaConfiguration.classic_tree = True
# By sockets in a closed folder: the container's users share its network.
c.KernelManager.transport = "ipc"
c.MappingKernelManager.cull_idle_timeout = int(os.environ["NOTEBOOKS_IDLE"])
# A viewer who leaves the page open comes back to it by reloading.
c.MappingKernelManager.cull_connected = True

# Voilà has no setting for it.
voila.handler.NotebookRenderer = Renderer

if __name__ == "__main__":
    Published.launch_instance([], config=c)
