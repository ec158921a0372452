"""Settings of all Jupyter programs in the image of notebooks."""

import os

c = get_config()  # noqa: F821 # Jupyter defines it

# Users share the network. By sockets in their own folders, nobody else reaches their kernels.
c.KernelManager.transport = "ipc"
idle = int(os.environ.get("NOTEBOOKS_IDLE", 0))
c.MappingKernelManager.cull_idle_timeout = idle
c.ServerApp.shutdown_no_activity_timeout = c.TerminalManager.cull_inactive_timeout = idle
c.ServerApp.log_level = "WARN"
# Delete permanently: the trash would fill the volume.
c.FileContentsManager.delete_to_trash = False
# Extensions are part of the image: use make add.
c.LabApp.extension_manager = "readonly"
