// A small shop. Names are only ever set as text, never as HTML.
const part = (id) => document.getElementById(id);
const storage = { customer: "" };
let products = [];

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function say(text, problem = false) {
  part("status").textContent = text;
  part("status").classList.toggle("problem", problem);
}

/** Asks the recommender, and returns its answer. Throws its reason if it refuses. */
async function ask(path, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  const answer = await fetch(`api/${path}`, options);
  const content = await answer.json().catch(() => ({}));
  if (answer.ok) return content;
  const detail = Array.isArray(content.detail) ? content.detail.map((each) => each.msg).join("; ") : content.detail;
  throw new Error(detail ?? `status ${answer.status}`);
}

const of = (path) => `customers/${encodeURIComponent(storage.customer)}/${path}`;

function card(product) {
  const made = element("li", "product", "");
  made.dataset.product = product.product;
  const buy = element("button", "buy", "Buy");
  buy.type = "button";
  buy.setAttribute("aria-label", `Buy ${product.name}`);
  buy.addEventListener("click", () => purchase(product, buy));
  made.append(element("p", "category", product.category), element("p", "name", product.name));
  if (product.because) made.append(element("p", "because", `because you bought ${product.because}`));
  made.append(element("p", "price", `€${product.price.toFixed(2)}`), buy);
  return made;
}

async function show() {
  const list = part("recommended");
  list.setAttribute("aria-busy", "true");
  const [found, bought] = await Promise.all([ask(of("recommendations?k=6")), ask(of("purchases"))]);
  part("recommended-title").textContent = found.known ? "Recommended for you" : "Popular in this shop";
  list.replaceChildren(...found.recommendations.map(card));
  part("bought").replaceChildren(...bought.map(({ name, times }) =>
    element("li", "", times > 1 ? `${name} (${times} times)` : name)));
  list.setAttribute("aria-busy", "false");
}

function showAll() {
  const category = part("category").value;
  part("all").replaceChildren(...products.filter((each) => !category || each.category === category).map(card));
}

async function purchase(product, pressed) {
  const list = pressed.closest("ul");
  const position = [...list.children].indexOf(pressed.parentElement);
  const buttons = document.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  try {
    await ask(of("purchases"), { product: product.product });
    await show();
    say(`You bought ${product.name}.`);
  } catch (error) {
    say(`${product.name} could not be bought: ${error.message}`, true);
  }
  for (const button of document.querySelectorAll("button")) button.disabled = false;
  // A disabled button loses the focus, and show() replaces those of recommended products.
  list.children[position]?.querySelector("button").focus();
}

async function signIn(event) {
  event?.preventDefault();
  storage.customer = part("customer").value;
  try {
    await show();
    say(`Signed in as ${storage.customer}.`);
  } catch (error) {
    part("recommended").replaceChildren();
    part("bought").replaceChildren();
    say(`There are no recommendations: ${error.message}`, true);
  }
}

async function start() {
  part("sign-in").addEventListener("submit", signIn);
  part("category").addEventListener("change", showAll);
  try {
    const [all, customers] = await Promise.all([ask("products"), ask("customers")]);
    products = all;
    const categories = [...new Set(all.map((each) => each.category))];
    part("category").append(new Option("all", ""), ...categories.map((name) => new Option(name)));
    part("customers").append(...customers.map((name) => new Option(name)));
    part("customer").value = customers[0] ?? "me";
    showAll();
    await signIn();
  } catch (error) {
    say(`The shop cannot be shown: ${error.message}`, true);
  }
}

start();
