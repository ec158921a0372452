"""Start the server with API_WORKERS processes."""

import os
import sys

import uvicorn


def setting(name: str, default: int) -> int:
    """Return a whole number above 0 from the environment; exit with an error if it is not one."""
    value = os.environ.get(name) or str(default)
    if not value.isascii() or not value.isdigit() or int(value) == 0:
        sys.exit(f"error: {name}={value} is not a whole number above 0. Correct it in .env.")
    return int(value)


if __name__ == "__main__":
    # Check these before uvicorn does: it would restart a worker that cannot start, again and again.
    setting("API_MAX_ROWS", 1)
    setting("API_MAX_BYTES", 1)
    uvicorn.run(
        "services.api.app:app",
        host="0.0.0.0",
        workers=setting("API_WORKERS", 1),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
