"""A dashboard that filters and charts the raw data. `make up SERVICE=dash` serves it."""

import math
from collections.abc import Callable
from functools import lru_cache

import pandas as pd
import plotly.express as px
import plotly.graph_objects as go
from dash import Dash, Input, Output, dcc, html, set_props

from {{ cookiecutter.package_name }} import data, features
from {{ cookiecutter.package_name }}.files import ROOT

LABELS = {True: features.TARGET, False: f"not {features.TARGET}"}
COLORS = {LABELS[True]: "#b8460e", LABELS[False]: "#2a6f97"}


class NoDataError(Exception):
    """There is no data to show. The message says what to do."""


def show_problem(error: Exception) -> None:
    """Show a NoDataError from a callback on the page. Any other exception is raised again."""
    if not isinstance(error, NoDataError):
        raise error
    set_props("count", {"children": str(error)})


app = Dash(
    __name__,
    title="Dashboard",
    update_title=None,
    on_error=show_problem,
    # Without data the page has no controls.
    suppress_callback_exceptions=True,
)
# For screen readers.
app.index_string = app.index_string.replace("<html>", '<html lang="en">')
server = app.server


@lru_cache(maxsize=1)
def read(modified: float) -> pd.DataFrame:
    """Return the clean data. The file is read again only after it has changed."""
    return features.clean(pd.read_csv(data.RAW))


def rows() -> pd.DataFrame:
    """Return the current clean data.

    Raises:
        NoDataError: The file is missing or cannot be read.
    """
    name = data.RAW.relative_to(ROOT)
    try:
        return read(data.RAW.stat().st_mtime)
    except FileNotFoundError:
        raise NoDataError(f"{name} is missing. Run make data, then reload this page.") from None
    except (OSError, KeyError, ValueError) as error:
        raise NoDataError(f"{name} cannot be read: {error}. Fix it, then reload.") from error


def numbers(frame: pd.DataFrame) -> list[str]:
    """Return the columns that can be filtered by a range."""
    return list(frame.drop(columns=features.TARGET).select_dtypes("number"))


def readable(name: str) -> str:
    """Return a column's name with blanks instead of underscores."""
    return name.replace("_", " ")


def select(
    frame: pd.DataFrame, column: str, limits: list[float], diagnoses: list[str]
) -> pd.DataFrame:
    """Return the rows with one of the diagnoses and with a value of `column` within the limits."""
    return frame[
        frame[column].between(*limits) & frame[features.TARGET].map(LABELS).isin(diagnoses)
    ]


def layout() -> html.Main:
    """Return the page. Dash calls this on each visit."""
    title = html.H1("What the measurements say")
    try:
        frame = rows()
    except NoDataError as error:
        return html.Main([title, html.P(str(error), id="problem", role="alert")])
    names = numbers(frame)
    options = {name: readable(name) for name in names}
    filters = [
        html.Div(
            [
                html.Label("Measurement", htmlFor="column"),
                dcc.Dropdown(options, names[0], id="column", clearable=False),
            ]
        ),
        html.Div(
            [
                html.Label("Compared with", htmlFor="other"),
                dcc.Dropdown(options, names[1 % len(names)], id="other", clearable=False),
            ]
        ),
        html.Fieldset(
            [
                html.Legend("Diagnosis"),
                dcc.Checklist(list(COLORS), list(COLORS), id="diagnosis"),
            ]
        ),
        html.Fieldset([html.Legend("Range"), dcc.RangeSlider(0, 1, id="range")]),
    ]
    figures = [
        html.Figure(dcc.Graph(id=name, config={"displayModeBar": False}), className="card")
        for name in ("histogram", "scatter")
    ]
    return html.Main(
        [
            title,
            html.Section(filters, id="filters", className="card"),
            html.P(id="count", role="status"),
            html.Section(figures, id="figures"),
            html.P("Draw a box in the right chart to select points. Double-click to clear."),
            html.Section(id="summary", className="card"),
        ]
    )


app.layout = layout


@app.callback(
    Output("range", "min"),
    Output("range", "max"),
    Output("range", "step"),
    Output("range", "value"),
    Input("column", "value"),
)
def set_range(column: str) -> tuple[float, float, float, list[float]]:
    """Set the slider's limits to the column's minimum and maximum, in round steps."""
    values = rows()[column]
    low, high = float(values.min()), float(values.max())
    digits = 2 - math.floor(math.log10((high - low) or 1))
    step = 10.0**-digits
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    low, high = round(low, digits), round(high, digits)
    return low, high, step, [low, high]


@app.callback(
    Output("scatter", "figure"),
    Output("scatter", "selectedData"),
    Input("column", "value"),
    Input("other", "value"),
    Input("range", "value"),
    Input("diagnosis", "value"),
)
def draw_scatter(
    column: str, other: str, limits: list[float], diagnoses: list[str]
) -> tuple[go.Figure, None]:
    """Draw two columns against each other. This clears the selection in the chart."""
    frame = select(rows(), column, limits, diagnoses)
    # As text, because Plotly encodes numbers and the browser does not send those back.
    labels = frame.index.astype(str)
    figure = draw(px.scatter, frame, x=column, y=other, opacity=0.7, custom_data=[labels])
    return figure.update_layout(dragmode="select", yaxis_title=readable(other)), None


@app.callback(
    Output("count", "children"),
    Output("histogram", "figure"),
    Output("summary", "children"),
    Input("column", "value"),
    Input("range", "value"),
    Input("diagnosis", "value"),
    Input("scatter", "selectedData"),
)
def summarize(
    column: str, limits: list[float], diagnoses: list[str], selection: dict | None
) -> tuple[str, go.Figure, html.Table]:
    """Count, draw and describe the rows, restricted to the selection in the other chart, if any."""
    whole = rows()
    frame = select(whole, column, limits, diagnoses)
    # A chart that has just been redrawn has an empty selection.
    if selection and selection["points"]:
        points = {point["customdata"][0] for point in selection["points"]}
        frame = frame[frame.index.astype(str).isin(points)]
    count = f"{len(frame)} of {len(whole)} rows"
    figure = draw(px.histogram, frame, x=column, nbins=40, barmode="overlay", opacity=0.6)
    return count, figure.update_layout(yaxis_title="rows"), table(frame, column)


def draw(kind: Callable[..., go.Figure], frame: pd.DataFrame, x: str, **options) -> go.Figure:
    """Draw rows in the colors of their diagnoses."""
    diagnosis = frame[features.TARGET].map(LABELS)
    figure = kind(
        frame, x=x, color=diagnosis, color_discrete_map=COLORS, template="simple_white", **options
    )
    return figure.update_layout(
        xaxis_title=readable(x),
        legend={"title": None, "orientation": "h", "y": 1.15},
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        font={"family": "system-ui, sans-serif", "size": 14},
    )


def table(frame: pd.DataFrame, column: str) -> html.Table:
    """Return a table that describes a column for each diagnosis."""
    measures = ["count", "mean", "std", "min", "median", "max"]
    described = frame.groupby(frame[features.TARGET].map(LABELS))[column].agg(measures)
    head = [html.Th(name, scope="col") for name in ["diagnosis", *measures]]
    body = [
        html.Tr([html.Th(name, scope="row"), *(html.Td(f"{value:.4g}") for value in values)])
        for name, values in described.iterrows()
    ]
    caption = html.Caption(readable(column))
    return html.Table([caption, html.Thead(html.Tr(head)), html.Tbody(body)])
