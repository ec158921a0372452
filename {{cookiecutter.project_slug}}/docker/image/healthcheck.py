#!/usr/bin/env python
"""Exit with 0 if a server in this container answers with status 200: `healthcheck PORT PATH`."""

import sys
from contextlib import suppress
from http.client import HTTPConnection, HTTPException

with suppress(OSError, HTTPException):
    # Not urllib, which would ask a company's proxy for 127.0.0.1.
    connection = HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=3)
    connection.request("GET", sys.argv[2])
    response = connection.getresponse()
    if response.status == 200:
        sys.exit()
    sys.exit(f"status {response.status}: {response.read(1000).decode(errors='replace')}")
# Nobody answers. The server's own log says why, and should have the last word.
sys.exit(1)
