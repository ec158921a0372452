"""Runs notebooks, and writes each as a page to reports/, which a browser shows without a network.

publish.py CODE FILE   CODE=no leaves out the code; FILE is a notebook or a folder, or empty for
                       those that `make test` runs
"""

import base64
import contextlib
import io
import logging
import mimetypes
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.exporters import html
from nbconvert.filters.markdown_mistune import IPythonRenderer
from run_notebook import NotebookError, run_notebook

# The contents stand beside the notebook, or above it on a narrow screen and on paper.
STYLE = """
#contents { font-family: system-ui, sans-serif; font-size: 14px; padding: 1rem 2rem; }
#contents a { color: inherit; display: block; padding: 0.2rem 0; text-decoration: none; }
#contents a:hover { text-decoration: underline; }
#contents .h2 { margin-left: 1rem; }
#contents .h3 { margin-left: 2rem; }
/* Diagrams are shown as text: to draw them, a page would need a network. */
.jp-Mermaid:not(.jp-RenderedMermaid) { display: block; }
@media screen and (min-width: 70rem) {
  body { display: grid; grid-template-columns: 16rem minmax(0, 1fr); }
  #contents { box-sizing: border-box; height: 100vh; overflow-y: auto; position: sticky; top: 0; }
}
"""


def formula(text: str, display: str) -> str:
    """Return a formula in LaTeX as MathML, or as it is if it cannot be converted."""
    with contextlib.suppress(Exception):
        return convert(text, display=display)
    return f"<code>{html.escape_html(text)}</code>"


class Renderer(IPythonRenderer):
    """Renders formulas as MathML, which browsers show themselves. MathJax would need a network."""

    def block_math(self, body: str) -> str:
        """Return the HTML of a formula in a line of its own."""
        return formula(body, "block")

    def inline_math(self, body: str) -> str:
        """Return the HTML of a formula in a sentence."""
        return formula(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        """Return the HTML of an environment, such as `align`."""
        return formula(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")


# nbconvert has no setting for this.
html.IPythonRenderer = Renderer


class Notebooks:
    """A plugin of pytest that finds the notebooks, and nothing else."""

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leave out the other tests, which need not be imported."""
        return True if collection_path.suffix == ".py" else None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep what was found."""
        self.paths = list(dict.fromkeys(item.path for item in session.items))


def find(file: str) -> list[Path]:
    """Return the notebooks in a file or folder, or those that `make test` runs."""
    notebooks = Notebooks()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        pytest.main(["--collect-only", *([file] if file else [])], plugins=[notebooks])
    return getattr(notebooks, "paths", [])


def embedded(address: str, folder: Path) -> str:
    """Return a picture in the project as a `data:` address, and any other address as it is."""
    file = (folder / unquote(address)).resolve()
    kind = mimetypes.guess_type(file.name)[0] or ""
    if kind.startswith("image/") and file.is_relative_to(Path.cwd()) and file.is_file():
        return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"
    return address


def page(path: Path, with_code: bool) -> str:
    """Run a notebook, and return it as a page with a table of contents."""
    notebook = run_notebook(path)
    # Without their state, widgets are shown as text; to draw them, a page would need a network.
    notebook.metadata.pop("widgets", None)
    exporter = HTMLExporter(exclude_input=not with_code)
    resources = {"metadata": {"name": path.stem, "path": str(path.parent)}}
    soup = BeautifulSoup(exporter.from_notebook_node(notebook, resources)[0], "html.parser")
    for script in soup.head("script"):
        script.decompose()
    for output in soup.select(".jp-RenderedLatex"):
        mathml = formula(output.get_text().strip().strip("$"), "block")
        output.clear()
        output.append(BeautifulSoup(mathml, "html.parser"))
    for image in soup("img", src=True):
        image["src"] = embedded(image["src"], path.parent)
    soup.head.append(soup.new_tag("style", string=STYLE))
    contents = soup.new_tag("nav", id="contents")
    for number, heading in enumerate(soup.select("h1[id], h2[id], h3[id]")):
        # Two headings may have the same text, and then the same id.
        heading["id"] = f"{number}-{heading['id']}"
        text = heading.get_text().removesuffix("¶")
        link = soup.new_tag("a", href=f"#{heading['id']}", string=text)
        link["class"] = heading.name
        contents.append(link)
    if contents.contents:
        soup.body.insert(0, contents)
    return str(soup)


def main(code: str, file: str) -> None:
    """Write a page for each notebook. A page is replaced only when its notebook has run."""
    if code not in ("", "yes", "no"):
        sys.exit(f"error: CODE='{code}' is not valid. Use CODE=no to leave out the code.")
    # Ctrl-C ends this program at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # nbconvert warns about pictures without a description.
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    root = Path.cwd()
    paths = find(file)
    if not paths:
        where = f"{file} is no notebook, and no folder with notebooks" if file else ""
        sys.exit(
            f"error: {where or 'testpaths in pyproject.toml names no notebook'}. "
            "Use make publish FILE=notebooks."
        )
    for path in paths:
        name = path.relative_to(root)
        target = Path("reports", name).with_suffix(".html")
        print(f"running {name}", flush=True)
        try:
            # In the main thread, nbclient would handle Ctrl-C itself, and end in a traceback.
            with ThreadPoolExecutor(1) as thread:
                text = thread.submit(page, path, code != "no").result()
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{target.name}.{os.getpid()}")
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(target)
        except NotebookError as error:
            reason = f"{str(error)[:300]}. Correct the notebook"
            sys.exit(f"error: {name}, {reason}. {target} was not written.")
        except OSError as error:
            sys.exit(f"error: {target} was not written: {error.strerror}. Check its folder.")
        print(f"wrote {target} ({target.stat().st_size / 1e6:.1f} MB)", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
