"""Open the page of the Shiny app, and see its plot change with the input, as in a browser."""

import base64
import http.client
import json
import sys

import pandas as pd
import websocket

from {{ cookiecutter.package_name }} import data
from {{ cookiecutter.package_name }}.files import one_line_errors
from {{ cookiecutter.package_name }}.services import wait_for


def values(connection: websocket.WebSocket, name: str) -> object:
    """Wait for the next value of an output."""
    while True:
        message = json.loads(connection.recv())
        if name in message.get("errors", {}):
            sys.exit(f"error: shiny says of {name}: {message['errors'][name]['message']}.")
        if name in message.get("values", {}):
            return message["values"][name]


def picture(plot: dict) -> bytes:
    """Return the PNG that is in the value of a plot."""
    kind, _, encoded = plot["src"].partition(";base64,")
    content = base64.b64decode(encoded)
    if kind != "data:image/png" or not content.startswith(b"\x89PNG"):
        sys.exit(f"error: the plot is no PNG but {kind}. Look at services/shiny/src/app.R.")
    return content


def main() -> None:
    """Ask for two plots, of the same column in more or fewer bins."""
    data.main()
    rows = pd.read_csv(data.RAW)
    column = rows.select_dtypes("number").columns[0]
    wait_for("shiny", 3838)

    page = http.client.HTTPConnection("shiny", 3838, timeout=10)
    page.request("GET", "/")
    answer = page.getresponse()
    print(f"the page: status {answer.status}, {len(answer.read())} bytes")

    inputs = {
        "column": column,
        "bins:shiny.number": 30,
        "groups": sorted(rows["diagnosis"].unique()),
        # What is on the screen, and how large.
        ".clientdata_pixelratio": 1,
        ".clientdata_output_histogram_width": 800,
        ".clientdata_output_histogram_height": 400,
        ".clientdata_output_histogram_hidden": False,
    }
    try:
        connection = websocket.create_connection("ws://shiny:3838/websocket/", timeout=30)
        connection.send(json.dumps({"method": "init", "data": inputs}))
        first = picture(values(connection, "histogram"))
        print(f"{column} in 30 bins: a plot of {len(first)} bytes")
        connection.send(json.dumps({"method": "update", "data": {"bins:shiny.number": 10}}))
        second = picture(values(connection, "histogram"))
        print(f"{column} in 10 bins: a plot of {len(second)} bytes")
        connection.close()
    except websocket.WebSocketException as error:
        sys.exit(f"error: shiny has hung up: {error}. 'make logs SERVICE=shiny' may say why.")
    if first == second:
        sys.exit("error: the plot stayed the same. Look at services/shiny/src/app.R.")


if __name__ == "__main__":
    with one_line_errors():
        main()
