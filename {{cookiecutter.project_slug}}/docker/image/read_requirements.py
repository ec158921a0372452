# /// script
# requires-python = ">=3.11"
# dependencies = ["pip-requirements-parser==32.*", "poetry-core==2.*", "pyyaml==6.*"]
# ///
"""In an image build: adds the packages that a file of another tool lists, and writes uv.lock.

uv run --script read_requirements.py FILE REPORT

FILE is a requirements.txt, environment.yml, pyproject.toml or Pipfile. REPORT gets a line for each
entry that is not taken as it is. UNPINNED=1 leaves out versions. The last output is that of uv.
"""

import codecs
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from pip_requirements_parser import InstallRequirement, OptionLine, RequirementsFile
from poetry.core.factory import Factory

FORMATS = "Use a requirements.txt, environment.yml, pyproject.toml or Pipfile."
# Names of conda, and wrong ones that are common, with the names on the index.
NAMES = {
    "dask-core": "dask",
    "keras-gpu": "keras",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "pytorch": "torch",
    "pytorch-gpu": "torch",
    "sklearn": "scikit-learn",
    "tensorflow-gpu": "tensorflow",
}
# Patterns for names that are left out, and why.
REFUSED = {
    "pkg-resources": "pip on Debian lists it by mistake, and you do not need it.",
    r"pywin32(-ctypes)?|pypiwin32|pywinpty|wincertstore|win-inet-pton": "it is for Windows only.",
    r"cpuonly|cuda(-.*|toolkit)?|cudnn|pytorch-(cuda|mutex)": "ACCELERATOR=cuda provides it.",
}
# Libraries and programs of conda. Some of these names mean something else on the index.
SYSTEM = (
    r"_.*|.*-ng|.*[-_]linux[-_].*|lib(?!rosa|pysal|cst|clang|sass).*|r|r-.*|conda|mamba|mkl|blas"
    r"|python[-_]abi|zlib|xz|bzip2|zstd|openssl|ca-certificates|readline|ncurses|sqlite|tk|tzdata|intel-openmp"
    r"|(gcc|gxx).*|compilers|cmake|make|git|nodejs|openjdk|ffmpeg|graphviz|pandoc|gdal|hdf5|yaml"
)
NO_PYTHON = "it is not a Python package. If you need it, use make add APT=name with Debian's name."
INDEX = "an index belongs in pyproject.toml: [[tool.uv.index]] with its name and url."
LOCAL = "it is not in packages/. Copy it there and use make add PKG=./packages/name."
LEFT_OUT = "groups and extras are left out. Use make add PKG=name for a package in them."
MISSING = r"(\S+) was not found in the package|there are no versions of (\S+)\["
ITSELF = "it is the project itself, which is installed already."
OPTIONS = {
    **dict.fromkeys(("index_url", "extra_index_urls", "find_links"), INDEX),
    "trusted_hosts": "use allow-insecure-host below [tool.uv] in pyproject.toml.",
    "pre": 'use prerelease = "allow" below [tool.uv] in pyproject.toml.',
}

# What reading raises if a file in YAML or TOML has another structure.
WRONG_CONTENT = (AttributeError, KeyError, TypeError)
# The number of a line, the requirement that it means to pip, and why it is left out.
Entry = tuple[int, str, str]


def line_of(text: str, pattern: str) -> int:
    """Return the number of the first line with a pattern, or 0."""
    match = re.search(pattern, text, re.MULTILINE)
    return text.count("\n", 0, match.start()) + 1 if match else 0


def from_conda(line: int, spec: str) -> Entry:
    """Read a package of conda, such as `conda-forge::numpy=1.26.4=py311h64a7726_0`."""
    match = re.fullmatch(r"(?:\S+::)?([\w.-]+) *(?:\[.*?version=[\"']?([^\"'\]]*).*\]|(.*))", spec)
    name, version = (match[1], match[2] or match[3] or "") if match else (spec, "")
    system = re.fullmatch(SYSTEM, name.lower())
    if exact := re.fullmatch(r"(={0,2}) *([\w.*!+]+)(?:[= ]+(\S+))?", version):
        sign, version, build = exact.groups()
        # The build of a Python package names Python, unless somebody wrote a pattern.
        system = system or (build and name != "python" and not re.search(r"py|\*", build))
        fuzzy = sign == "=" and not build and "*" not in version and version.count(".") < 2
        version = "" if version == "*" else f"=={version}{'.*' if fuzzy else ''}"
    return (line, spec, NO_PYTHON) if system else (line, name + version, "")


def from_environment(text: str) -> Iterator[Entry]:
    """Read an environment.yml."""
    for spec in yaml.safe_load(text)["dependencies"]:
        for given in [spec] if isinstance(spec, str) else spec["pip"]:
            line = line_of(text, rf"^ *- *[\"']?{re.escape(given)}[\"']? *(#|$)")
            yield from_conda(line, given) if given is spec else (line, given, "")


def from_table(name: str, value: str | dict) -> tuple[str, str]:
    """Return the requirement for an entry of Poetry, Pipenv or uv, and why it is left out."""
    table = {"version": "*"} | (value if isinstance(value, dict) else {"version": value})
    if "workspace" in table:
        return name, LOCAL
    path = table.pop("path", "") or table.pop("file", "")
    if path and "://" not in path:
        return f"./{path}", ""
    markers = [f"{key} {table[key]}" for key in ("sys_platform", "os_name") if key in table]
    table = {"rev": table.get("ref"), "markers": " and ".join(markers)} | table
    if path:
        table["url"] = path
    try:
        return Factory.create_dependency(name, table).to_pep_508(), ""
    except ValueError as error:
        return f"{name} = {value}", f"{error}. Use make add PKG=name."


def from_toml(text: str) -> Iterator[Entry]:
    """Read a pyproject.toml, with [project] or of Poetry, or a Pipfile."""
    data = tomllib.loads(text)
    project, tool = data.get("project", {}), data.get("tool", {})
    uv, poetry = tool.get("uv", {}), tool.get("poetry", {})
    for spec in project.get("dependencies", []):
        source = uv.get("sources", {}).get(re.match(r"[\w.-]*", spec)[0], {})
        known = {"git", "path", "url", "workspace"} & source.keys()
        requirement = from_table(Requirement(spec).name, source) if known else (spec, "")
        yield line_of(text, re.escape(spec)), *requirement
    for name, value in (poetry.get("dependencies", {}) | data.get("packages", {})).items():
        for one in value if isinstance(value, list) else [value]:
            if not (isinstance(one, dict) and one.get("optional")):
                yield line_of(text, rf"^\"?{re.escape(name)}\"? *="), *from_table(name, one)
    version = data.get("requires", {}).get("python_version")
    python = f"=={version}.*" if version else project.get("requires-python", "")
    yield line_of(text, "^(requires-python|python_version)"), f"python{python}", ""
    for index in [*uv.get("index", []), *poetry.get("source", []), *data.get("source", [])]:
        if index.get("name") != "pypi":
            yield line_of(text, re.escape(index["url"])), index["url"], INDEX
    tables = [project.get("optional-dependencies"), data.get("dependency-groups")]
    tables += [poetry.get("extras"), poetry.get("group")]
    names = [name for table in tables for name in table or ()]
    names += [name for name in ("dev-packages", "dev-dependencies") if {**poetry, **data}.get(name)]
    if names:
        yield 0, ", ".join(names), LEFT_OUT


def from_pip(text: str) -> Iterator[Entry]:
    """Read a requirements.txt, which `conda list --export` may have written."""
    for line, spec in enumerate(text.split("\n"), 1):
        conda = re.fullmatch(r"\w[\w.-]*=[\w.*]+(=\w+)?", spec.strip())
        yield from_conda(line, spec.strip()) if conda else (line, spec, "")


def entries_of(path: Path) -> list[Entry]:
    """Read a file in any of the formats. PowerShell writes UTF-16.

    Raises:
        OSError, ValueError, yaml.YAMLError: It cannot be read, or is not in its format.
    """
    data = path.read_bytes()
    if path.suffix in (".cfg", ".json", ".lock", ".py"):
        raise ValueError("it is in another format")
    if path.name == "pyproject.toml" and data == Path("pyproject.toml").read_bytes():
        raise ValueError("it is the file of this project")
    formats = {".yml": from_environment, ".yaml": from_environment, ".toml": from_toml}
    parse = from_toml if path.name == "Pipfile" else formats.get(path.suffix, from_pip)
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return list(parse(data.decode("utf-16" if wide else "utf-8-sig").replace("\r\n", "\n")))
    except UnicodeError:
        raise ValueError("it is neither in UTF-8 nor in UTF-16") from None
    except WRONG_CONTENT:
        raise ValueError("its content does not fit its name") from None


class Reader:
    """The packages to add to the project in the working folder, and the report."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.unpinned = folder, os.environ.get("UNPINNED") == "1"
        self.taken: dict[str, tuple[str, str]] = {}
        self.constraints: list[str] = []
        self.report: list[str] = []
        self.unversioned: list[str] = []
        self.seen: set[Path] = set()
        data = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))
        project, groups = data["project"], data.get("dependency-groups", {})
        self.python = re.search(r"(?<===)3\.\d+", project.get("requires-python", ""))
        present = project.get("dependencies", [])
        self.present = {canonicalize_name(Requirement(text).name): text for text in present}
        places = {f"the group {name}": groups.get(name, []) for name in ("notebook", "dev")}
        extras = project.get("optional-dependencies", {})
        places |= {f"the extra {name}": listed for name, listed in extras.items()}
        # Packages that do not belong in `dependencies`, and why.
        self.elsewhere = {canonicalize_name(project["name"]): ITSELF}
        for name in os.environ.get("SAME_SOURCE", "").split():
            self.elsewhere[name] = f"it depends on ACCELERATOR. Use make add PKG={name}."
        for place, listed in places.items():
            for text in filter(lambda entry: isinstance(entry, str), listed):
                why = f"{place} in pyproject.toml has {text}. Change it there if you need to."
                self.elsewhere[canonicalize_name(Requirement(text).name)] = why

    def read(self, path: Path, constraint: bool = False) -> None:
        """Read a file and those that it includes."""
        self.seen.add(path)
        entries = entries_of(path)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write("\n".join("" if reason else text for _, text, reason in entries))
            file.flush()
            found = RequirementsFile.from_file(file.name)
        items = [*found.requirements, *found.options, *found.invalid_lines]
        items = {item.line_number: item for item in items}
        for number, (line, text, reason) in enumerate(entries, 1):
            item = items.get(number)
            where = os.path.relpath(path, self.folder) + (f", line {line}" if line else "")
            where += ": " + re.split(r" *(?: #| --hash|\\$)", text)[0] + " : "
            if reason:
                self.report.append(where + reason)
            elif isinstance(item, OptionLine):
                self.take_option(path, where, item.options)
            elif isinstance(item, InstallRequirement):
                self.take(where, item, constraint)
            elif item:
                local = re.search(r"[/\\]|\.whl", text)
                self.report.append(where + (LOCAL if local else "write name==version."))

    def take_option(self, path: Path, where: str, options: dict) -> None:
        """Read the files that an option names, or report it."""
        for name, value in options.items():
            if name not in ("requirements", "constraints"):
                self.report.append(where + OPTIONS.get(name, "uv has settings of its own."))
                continue
            for other in [Path(os.path.normpath(path.parent / given)) for given in value]:
                if other.is_file():
                    if other not in self.seen:
                        self.read(other, name == "constraints")
                else:
                    self.report.append(where + f"there is no file {other.name} at that path.")

    def take(self, where: str, item: InstallRequirement, constraint: bool) -> None:
        """Take a requirement, or report it."""
        url = item.link.url_without_fragment if item.link else ""
        if url and "://" not in url and not url.startswith("git+"):
            path = os.path.normpath(url)
            if path.startswith("packages/"):
                file = path.endswith((".whl", ".tar.gz", ".zip"))
                self.taken[f"./{path}" if file else f"-e ./{path}"] = where, ""
            else:
                self.report.append(where + (ITSELF if path == "." else LOCAL))
            return
        # git+git@host:path is not a URL, though pip takes it.
        url = re.sub(r"^git\+(git@[^/:]+):", r"git+ssh://\1/", url)
        if url and item.link.subdirectory_fragment:
            url += f"#subdirectory={item.link.subdirectory_fragment}"
        if not item.name:
            self.taken[url] = where, ""
            return
        requirement = Requirement(item.name)
        requirement.extras, requirement.marker = set(item.extras), item.marker
        if url.startswith("file:"):
            self.unversioned.append(item.name)
        elif url:
            requirement.url = url
        elif not self.unpinned:
            # A local version, such as +cu118, names a build that is on another index.
            requirement.specifier = SpecifierSet(re.sub(r"\+[\w.]+", "", str(item.req.specifier)))
        name = canonicalize_name(requirement.name)
        requirement.name = NAMES.get(name, requirement.name)
        name = canonicalize_name(requirement.name)
        refusals = [why for names, why in REFUSED.items() if re.fullmatch(names, name)]
        if name in ("pip", "python"):
            version = self.python[0] if self.python and name == "python" else ""
            if version and not any(
                item.req.specifier.contains(f"{version}.{n}") for n in range(30)
            ):
                why = f"the project has Python {version}, the answer to python_version."
                self.report.append(where + why)
        elif constraint:
            self.constraints.append(str(requirement))
        elif name in self.elsewhere:
            self.report.append(where + self.elsewhere[name])
        elif refusals and not requirement.marker:
            self.report.append(where + refusals[0])
        else:
            self.taken[str(requirement)] = where, name
            present = self.present.get(name)
            if present and (requirement.specifier or url) and str(requirement) != present:
                self.report.append(where + f"it replaces {present} in pyproject.toml.")
            if name in ("torch", "torchaudio", "torchvision"):
                self.report.append(where + "it comes with CUDA, which is several GB.")

    def add(self) -> subprocess.CompletedProcess:
        """Add the packages with uv, except those that the index does not have."""
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("\n".join(self.constraints))
            file.flush()
            command = ["uv", "add", "--no-sync", "--no-workspace", "--requirements", "-"]
            command += ["--constraints", file.name] if self.constraints else []
            while True:
                given = "\n".join(self.taken)
                done = subprocess.run(command, input=given, text=True, stderr=subprocess.PIPE)
                # uv names one at a time, and says this otherwise if the name has extras.
                found = re.findall(MISSING, done.stderr)
                missing = {name for names in found for name in names}
                unknown = [key for key, (_, name) in self.taken.items() if name in missing - {""}]
                if not unknown:
                    return done
                for key in unknown:
                    where, _ = self.taken.pop(key)
                    self.report.append(where + "the index has no such package. Check its name.")


def main(file: Path, report: Path) -> int:
    """Add the packages in a file, write the report, and return the exit status."""
    reader = Reader(file.parent)
    try:
        reader.read(file)
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = getattr(error, "problem", None) or getattr(error, "strerror", None) or error
        mark = getattr(error, "problem_mark", None)
        where = f"{file.name}, line {mark.line + 1}" if mark else file.name
        print(f"error: {where} cannot be read: {reason}. {FORMATS}", file=sys.stderr)
        return 1
    if not reader.taken and not reader.report:
        print(f"error: {file.name} lists no packages. {FORMATS}", file=sys.stderr)
        return 1
    if reader.unversioned:
        names = ", ".join(reader.unversioned)
        reader.report.append(
            f"{file.name}: {names} : their versions are unknown. New ones are taken."
        )
    done = reader.add()
    print(done.stderr, end="", file=sys.stderr)
    report.write_text("".join(f"{line}\n" for line in reader.report), "utf-8")
    return done.returncode


sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
