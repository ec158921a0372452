// Like in many shops, the page arrives without products, and this script fetches and draws them page by page.
const PER_PAGE = 12;
// Milliseconds: the response time of a real shop's server.
const PAUSE = 200;
const SIGNS = { EUR: "€" };

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  // Text, never HTML: a name may hold any character.
  made.textContent = text;
  return made;
}

function card(product) {
  const made = element("article", "product", "");
  made.dataset.sku = product.sku;
  const price = product.price.toLocaleString("en", { minimumFractionDigits: 2 });
  const rating = product.rating === null
    ? "No reviews yet"
    : `${product.rating.toFixed(1)} out of 5 (${product.reviews.toLocaleString("en")} reviews)`;
  const stock = product.stock ? `In stock: ${product.stock}` : "Sold out";
  made.append(
    element("p", "category", product.category),
    element("h2", "name", product.name),
    element("p", "rating", rating),
    element("p", "price", SIGNS[product.currency] + price),
    element("p", product.stock ? "stock" : "stock sold-out", stock),
  );
  return made;
}

function link(page, text, rel) {
  const made = element("a", "page", text);
  const address = new URL(location);
  address.searchParams.set("page", page);
  made.href = address;
  made.rel = rel;
  made.addEventListener("click", (event) => {
    event.preventDefault();
    history.pushState(null, "", address);
    show();
  });
  return made;
}

async function fetched(file) {
  const answer = await fetch(file);
  if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
  return answer.json();
}

async function show() {
  const main = document.querySelector("#products");
  const pages = document.querySelector("#pages");
  main.setAttribute("aria-busy", "true");
  try {
    const wanted = new URLSearchParams(location.search);
    const page = Number(wanted.get("page") ?? 1);
    const products = await fetched("products.json");
    if (wanted.get("prices") === "sale") {
      const sale = await fetched("sale.json");
      for (const product of products) Object.assign(product, sale[product.sku]);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    const last = Math.ceil(products.length / PER_PAGE);
    const shown = products.slice((page - 1) * PER_PAGE, page * PER_PAGE);
    main.replaceChildren(...(shown.length ? shown.map(card) : [element("p", "notice", "No products here.")]));
    pages.replaceChildren(
      ...(page > 1 && page <= last ? [link(page - 1, "← Previous", "prev")] : []),
      ...(shown.length ? [element("span", "here", `Page ${page} of ${last}`)] : []),
      ...(page < last ? [link(page + 1, "Next →", "next")] : []),
    );
    scrollTo(0, 0);
  } catch (error) {
    const notice = element("p", "notice", `The products could not be loaded (${error.message}).`);
    notice.setAttribute("role", "alert");
    main.replaceChildren(notice);
    pages.replaceChildren();
  }
  main.setAttribute("aria-busy", "false");
}

addEventListener("popstate", show);
show();
