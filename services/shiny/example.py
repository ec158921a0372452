"""Open the page of the Shiny app as a browser does, and check that its plot follows the slider."""

import base64
import http.client
import json
import sys

import pandas as pd
import websocket

from {{ cookiecutter.package_name }} import data
from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.access import wait_for


def next_value(connection: websocket.WebSocket, output: str) -> object:
    """Wait for the next value of an output."""
    while True:
        message = json.loads(connection.recv())
        if output in message.get("errors", {}):
            reason = message["errors"][output]["message"]
            sys.exit(f"error: the output {output} fails: {reason}. Fix services/shiny/src/app.R.")
        if output in message.get("values", {}):
            return message["values"][output]


def decode_png(plot: dict) -> bytes:
    """Return the PNG file in the value of a plot."""
    kind, _, encoded = plot["src"].partition(";base64,")
    content = base64.b64decode(encoded)
    if kind != "data:image/png" or not content.startswith(b"\x89PNG"):
        sys.exit(f"error: the plot is {kind}, not a PNG image. Check services/shiny/src/app.R.")
    return content


def main() -> None:
    """Request two plots of the same column, with more and with fewer bins."""
    data.main()
    rows = pd.read_csv(data.RAW)
    column = rows.select_dtypes("number").columns[0]
    wait_for("shiny", 3838)

    page = http.client.HTTPConnection("shiny", 3838, timeout=10)
    page.request("GET", "/")
    response = page.getresponse()
    print(f"the page: status {response.status}, {len(response.read())} bytes")

    inputs = {
        "column": column,
        "bins:shiny.number": 30,
        "groups": sorted(rows["diagnosis"].unique()),
        # Shiny draws only plots that are visible, in their size on the screen.
        ".clientdata_pixelratio": 1,
        ".clientdata_output_histogram_width": 800,
        ".clientdata_output_histogram_height": 400,
        ".clientdata_output_histogram_hidden": False,
    }
    try:
        connection = websocket.create_connection("ws://shiny:3838/websocket/", timeout=30)
        connection.send(json.dumps({"method": "init", "data": inputs}))
        first = decode_png(next_value(connection, "histogram"))
        print(f"{column} in 30 bins: a plot of {len(first)} bytes")
        connection.send(json.dumps({"method": "update", "data": {"bins:shiny.number": 10}}))
        second = decode_png(next_value(connection, "histogram"))
        print(f"{column} in 10 bins: a plot of {len(second)} bytes")
        connection.close()
    except websocket.WebSocketException as error:
        sys.exit(f"error: shiny closed the connection: {error}. See make logs SERVICE=shiny.")
    if first == second:
        sys.exit("error: the plot did not change. Check services/shiny/src/app.R.")


if __name__ == "__main__":
    with exit_on_os_error():
        main()
