// The interactive figure: each row of the test set by its predicted probability, with a threshold to move.
// Text of the data is only ever set as text, never as HTML.
import { axisBottom, axisLeft, extent, scaleLinear, select, symbol, symbolCircle, symbolTriangle } from "./d3/d3.js";

const WIDTH = 640;
const HEIGHT = 380;
const MARGIN = { top: 12, right: 24, bottom: 48, left: 64 };

const readable = (name) => name.replaceAll("_", " ");
const percent = (share) => `${Math.round(share * 100)} %`;
const number = (value) => Number(value.toPrecision(4)).toString();

/** Draws the figure in an element that has the parts of _includes/threshold.html. */
function draw(figure, data) {
  const part = (name) => figure.querySelector(`[data-part="${name}"]`);
  const threshold = part("threshold");
  const measurement = part("measurement");
  const filter = part("filter");
  const rows = data.rows.toSorted((one, other) => one.probability - other.probability);
  const isWrong = (row) => (row.probability >= Number(threshold.value)) !== row.actual;
  const filters = [
    { name: `all ${data.noun}`, keep: () => true },
    { name: "only wrong predictions", keep: isWrong },
    ...[false, true].map((actual) => ({
      name: `only ${data.classes[Number(actual)]}`,
      keep: (row) => row.actual === actual,
    })),
  ];
  for (const [list, names] of [[filter, filters.map(({ name }) => name)], [measurement, data.columns.map(readable)]]) {
    list.replaceChildren(...names.map((name, index) => new Option(name, index)));
  }

  const describe = (row) =>
    `No. ${row.label}: ${data.classes[Number(row.actual)]}, predicted ${percent(row.probability)}, ` +
    data.columns.map((column, index) => `${readable(column)} ${number(row.values[index])}`).join(", ");

  const svg = select(part("chart"))
    .append("svg")
    .attr("viewBox", `0 0 ${WIDTH} ${HEIGHT}`)
    .attr("role", "group")
    .attr("aria-label", `The ${data.noun} by probability. The arrow keys go from one to the next.`);
  const x = scaleLinear([0, 1], [MARGIN.left, WIDTH - MARGIN.right]);
  const y = scaleLinear().range([HEIGHT - MARGIN.bottom, MARGIN.top]);
  svg.append("g")
    .attr("transform", `translate(0,${HEIGHT - MARGIN.bottom})`)
    .attr("aria-hidden", "true")
    .call(axisBottom(x).ticks(5, "%"));
  const left = svg.append("g").attr("transform", `translate(${MARGIN.left},0)`).attr("aria-hidden", "true");
  svg.append("text")
    .attr("class", "axis-title")
    .attr("x", (MARGIN.left + WIDTH - MARGIN.right) / 2)
    .attr("y", HEIGHT - 8)
    .text(`predicted probability of ${data.classes[1]}`);
  const line = svg.append("line").attr("class", "threshold").attr("y1", MARGIN.top).attr("y2", HEIGHT - MARGIN.bottom);
  const points = svg.append("g");

  const show = (row) => {
    part("details").textContent = row ? describe(row) : "Point at a symbol, or go to one with the arrow keys.";
    points.selectAll("path").classed("chosen", (each) => each === row);
  };

  /** Moves the focus to another symbol, and leaves a single one in the order of the tab key. */
  const go = (event) => {
    const shown = points.selectAll("path").nodes();
    const last = shown.length - 1;
    const here = shown.indexOf(event.currentTarget);
    const next = {
      ArrowRight: Math.min(here + 1, last),
      ArrowUp: Math.min(here + 1, last),
      ArrowLeft: Math.max(here - 1, 0),
      ArrowDown: Math.max(here - 1, 0),
      Home: 0,
      End: last,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    shown[here].setAttribute("tabindex", -1);
    shown[next].setAttribute("tabindex", 0);
    shown[next].focus();
  };

  const update = () => {
    const limit = Number(threshold.value);
    const column = Number(measurement.value);
    const shown = rows.filter(filters[Number(filter.value)].keep);
    y.domain(extent(rows, (row) => row.values[column])).nice();
    left.call(axisLeft(y).ticks(6));
    line.attr("x1", x(limit)).attr("x2", x(limit));
    points.selectAll("path")
      .data(shown, (row) => row.label)
      .join((entered) =>
        entered.append("path")
          .attr("role", "img")
          .attr("aria-label", describe)
          .attr("class", (row) => (row.actual ? "point true" : "point"))
          .attr("d", (row) => symbol(row.actual ? symbolTriangle : symbolCircle, 56)())
          .on("mouseenter focus", (event, row) => show(row))
          .on("keydown", go))
      .order()
      .attr("tabindex", (row, index) => (index ? -1 : 0))
      .classed("wrong", isWrong)
      .attr("transform", (row) => `translate(${x(row.probability)},${y(row.values[column])})`);
    show();

    const [missed, alarms] = [true, false].map((actual) => {
      const all = rows.filter((row) => row.actual === actual);
      return `${all.filter(isWrong).length} of ${all.length} ${data.classes[Number(actual)]} ${data.noun}`;
    });
    part("limit").textContent = percent(limit);
    part("count").textContent =
      `${missed} missed, ${alarms} called ${data.classes[1]}. ${shown.length} of ${rows.length} ${data.noun} shown.`;
    const cell = (name, text, scope) => {
      const made = document.createElement(name);
      made.textContent = text;
      if (scope) made.scope = scope;
      return made;
    };
    const head = ["no.", "actual", "predicted", ...data.columns.map(readable)].map((text) => cell("th", text, "col"));
    part("head").replaceChildren(...head);
    part("body").replaceChildren(...shown.map((row) => {
      const made = document.createElement("tr");
      const texts = [data.classes[Number(row.actual)], percent(row.probability), ...row.values.map(number)];
      made.append(cell("th", row.label, "row"), ...texts.map((text) => cell("td", text)));
      return made;
    }));
  };

  part("key").textContent = `● ${data.classes[0]}, ▲ ${data.classes[1]}; filled: predicted wrongly.` +
    (data.total > rows.length ? ` A sample of ${rows.length} of ${data.total} ${data.noun}.` : "");
  threshold.addEventListener("input", update);
  for (const list of [measurement, filter]) list.addEventListener("change", update);
  update();
}

for (const figure of document.querySelectorAll("figure[data-predictions]")) {
  try {
    const answer = await fetch(figure.dataset.predictions);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    draw(figure, await answer.json());
    figure.querySelector('[data-part="interactive"]').hidden = false;
    figure.querySelector('[data-part="picture"]').hidden = true;
  } catch (error) {
    // The picture stays.
    figure.querySelector('[data-part="message"]').textContent = `The interactive figure cannot be drawn (${error.message}).`;
  }
}
