"""Exit with 0 if the hub and Voilà answer through the proxy, each under its own name."""

import os
import socket
import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit

domain = urlsplit(os.environ["NOTEBOOKS_URL"]).hostname or ""
try:
    # The last to start. Before that, the proxy would log each request.
    socket.create_connection(("127.0.0.1", 8866), timeout=3).close()
except OSError:
    sys.exit(1)
paths = {"": "/hub/health", "published.": "/services/published/voila/static/voila.js"}
for name, path in paths.items():
    connection = HTTPConnection("127.0.0.1", 8000, timeout=3)
    try:
        connection.request("GET", path, headers={"Host": name + domain if domain else "127.0.0.1"})
        status = connection.getresponse().status
    except OSError:
        sys.exit(1)
    if status != 200:
        sys.exit(f"status {status} at {path}")
