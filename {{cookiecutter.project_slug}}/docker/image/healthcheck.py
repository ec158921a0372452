#!/usr/bin/env python
"""Exit with 0 if a server in this container answers with status 200: `healthcheck PORT PATH`."""

import sys
from http.client import HTTPConnection, HTTPException

# Python 3.14 has another format for `except` with several types, so they have a name.
FAULTS = (OSError, HTTPException)

try:
    # Not urllib, which would ask a company's proxy for 127.0.0.1.
    connection = HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=3)
    connection.request("GET", sys.argv[2])
    response = connection.getresponse()
except FAULTS:
    # The server's own log says why, and should have the last word.
    sys.exit(1)
if response.status != 200:
    sys.exit(f"status {response.status}: {response.read(1000).decode(errors='replace')}")
