#!/usr/bin/env python
"""In an image build: runs a command of uv. If it fails, the last line says why, and what to do.

explain.py uv add name
"""

import os
import re
import subprocess
import sys

OTHER = "Use another version, or none: UNPINNED=1 leaves out those of a list."
APT = "Add the Debian package that contains it to apt-build.txt"
# What docker/lib/faults.txt explains, since it does not only happen to uv.
NETWORK = r"invalid peer certificate|could not be queried due to"
# Patterns for what uv prints. {0} is the package that is built, and {1} the group that matches. The
# first pattern that is found counts.
FAULTS = {
    r"(lockfile) at `uv.lock` needs to be updated": (
        "uv.lock does not match pyproject.toml. Run 'make lock'."
    ),
    r"TOML parse error at line (\d+)": "pyproject.toml is not valid. Correct line {1}.",
    r"dependency `(\S+)` could not be found": (
        "your project does not have the package {1}: pyproject.toml lists its dependencies. "
        "Correct the name."
    ),
    r"often confused for `(\S+)`. Did you mean": (
        "the index has another package under this name. Use {1}."
    ),
    r"parse requirement.*\n.*\n +(.+)|Failed to parse: `(.+)`": (
        "'{1}' is not a requirement. Write name, or name>=1.2."
    ),
    r"(\S+) was not found in the package registry|there are no versions of (\S+)\[": (
        "there is no Python package '{1}'. Check its name."
    ),
    r"there is no version of (\S+)|only \S+ is available and your project depends on (\S+),": (
        f"there is no version {{1}}. {OTHER}"
    ),
    # With a marker in braces, which has blanks.
    r"([\w.-]+(?:\{[^}]*\})?\S*) has no wheels with a matching Python": (
        f"{{1}} does not fit this Python. {OTHER}"
    ),
    r"([\w.-]+(?:\{[^}]*\})?\S*) has no wheels with a matching platform": (
        f"{{1}} does not fit this machine. {OTHER}"
    ),
    r"(\S+) requires Python": f"{{1}} does not fit this Python. {OTHER}",
    r"(?:404.* for url \(|fatal: repository ')([^')]+)": "there is no {1}. Check the address.",
    r"(Could not resolve host\w*:? [^\s:]+|Failed to connect to \S+|dns error|tcp connect error)": (
        "the network fails: {1}. Check the address and the proxy (HTTPS_PROXY)."
    ),
    r"'(.+)' does not appear to be a git": "{1} is not a git repository. Check the address.",
    r"could not read Username for '(\S+)'|Authentication failed for '(\S+)'": (
        "{1} wants a password, which the build does not have. Put it into the file that NETRC "
        "names, or use git+ssh:// with an SSH agent."
    ),
    r"(\S+): Permission denied \(publickey|(Host key) verification failed": (
        "{1}: the build has no SSH key for it. Check ssh-add -l, or use git+https://."
    ),
    r"failed to (?:fetch|find) (?:branch|tag|commit)[\w, ]* `(\S+)`": (
        "the git repository has no {1}. Check the branch, tag or commit."
    ),
    r"fatal error: (\S+): No such file": f"{{0}} needs the file {{1}} to be built. {APT}.",
    r"directory: '([\w+-]+)'|command '([\w+-]+)' failed: No|execute '?([\w+-]+)'?: No|"
    r"([\w+-]+): (?:command )?not found|(\w+) executable not found|compiler\(s\): \[\['([\w+-]+)": (
        f"{{0}} needs the program {{1}} to be built. {APT}, such as build-essential for a compiler."
    ),
    r"No module named '(distutils|pkg_resources|imp)\b": (
        "{0} is too old for this Python: it needs {1}. Use a newer version."
    ),
    r"No module named '(\w+)": (
        "{0} needs {1} to be built, but does not say so. Add it to pyproject.toml, below "
        "[tool.uv.extra-build-dependencies]."
    ),
}


def conflict(text: str) -> str:
    """Return which requirements exclude each other, or nothing if that is not the fault."""
    text = " ".join(text.partition("\n\n")[0].split())
    found = re.findall(r"[Bb]ecause (.*?), we can conclude that (.*?)(?=\. And|\.?$)", text)
    # What a package needs says more than what this follows from.
    facts = [end if re.match(r"(?!your )\S+ depends on ", end) else start for start, end in found]
    return "; ".join([fact for fact in facts if "requires your project" not in fact][-3:])


def explain(text: str) -> str:
    """Return what is wrong, and what to do."""
    if match := re.search(r"^error: (.*\. Use .*\.)$", text, re.MULTILINE):
        return match[1]
    built = re.findall(r"[Ff]ailed to (?:download and )?build `([^`]+)", text)
    package = built[-1] if built else "the package"
    for pattern, explanation in FAULTS.items():
        if match := re.search(pattern, text):
            return explanation.format(package, next(filter(None, match.groups())))
    if facts := conflict(text):
        return f"versions exclude each other: {facts}. {OTHER}"
    lines = re.findall(r"^ *(\S.*)", text.partition("\nhint: ")[0], re.MULTILINE)
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception): ", line)]
    last = re.sub(r"^(error|cause): ", "", ["", *lines, *errors][-1]).rstrip(".")
    return f"{package} cannot be added: {last}. Rerun with V=1 to see everything."


output = ""
# Otherwise uv wraps lines.
wide = {**os.environ, "COLUMNS": "10000"}
with subprocess.Popen(sys.argv[1:], text=True, stderr=subprocess.PIPE, env=wide) as process:
    for line in process.stderr:
        output += line
        # The explanation is the only line that begins with `error:`.
        print(f"  {line}", end="", file=sys.stderr, flush=True)
if process.returncode and not re.search(NETWORK, output):
    print(f"error: {explain(output)}", file=sys.stderr)
sys.exit(process.returncode)
