"""In a container: print what is in its image, as CycloneDX 1.6 in JSON.

The arguments are the project's name, the image's name, its ID, when it was made, and the project's
version if it has one. The same image gives the same text: nothing comes from the clock, from
chance, or from the order on the disk.
"""

import json
import platform
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from urllib.parse import quote

# What is no part of the image, and where no packages are.
ELSEWHERE = {"/dev", "/proc", "/sys", "/tmp", "/run", "/workspace", "/cache"}


def python_folders() -> list[str]:
    """Return every folder that a Python takes packages from. The base image's has its own."""
    found = []
    for folder, folders, _ in Path("/").walk():
        folders[:] = [name for name in folders if str(folder / name) not in ELSEWHERE]
        if folder.name in ("site-packages", "dist-packages"):
            found.append(str(folder))
            folders.clear()
    return found


def licenses(package: Distribution) -> list[dict]:
    """Return what a package says about its licence, the most exact statement first."""
    about = package.metadata
    if expression := about.get("License-Expression"):
        return [{"expression": expression}]
    # Some put the whole text there.
    if (name := (about.get("License") or "").strip()) and "\n" not in name and len(name) <= 80:
        return [{"license": {"name": name}}]
    kinds = [kind for kind in about.get_all("Classifier", []) if kind.startswith("License :: ")]
    return [{"license": {"name": kind.split(" :: ")[-1]}} for kind in sorted(set(kinds))]


def component(kind: str, name: str, version: str, purl: str | None, **more) -> dict:
    ref = purl or f"{name}@{version}"
    about = {"type": kind, "bom-ref": ref, "name": name, "version": version, "purl": purl, **more}
    return {key: value for key, value in about.items() if value}


def python_packages(project: str) -> Iterator[dict]:
    for package in distributions(path=python_folders()):
        name, version = package.metadata.get("Name"), package.metadata.get("Version")
        if name and version:
            # A package index may have something else under the project's own name.
            own = re.sub(r"[-_.]+", "-", name).lower() == project
            purl = f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{quote(version)}"
            purl = None if own else purl
            yield component("library", name, version, purl, licenses=licenses(package))


def system_packages(system: dict[str, str]) -> Iterator[dict]:
    fields = "db:Status-Status Package Version Architecture source:Package source:Version".split()
    line = "\\t".join(f"${{{field}}}" for field in fields) + "\\n"
    rows = subprocess.check_output(["dpkg-query", "--show", "-f", line], text=True).splitlines()
    distro = "-".join(filter(None, (system["ID"], system.get("VERSION_ID"))))
    for row in rows:
        status, name, version, architecture, source, source_version = row.split("\t")
        if status != "installed":
            continue
        qualifiers = {"arch": architecture, "distro": distro}
        # Scanners look a package up by the source that it was built from.
        if (source, source_version) != (name, version):
            same = source_version == version
            qualifiers["upstream"] = source if same else f"{source}@{source_version}"
        tail = "&".join(f"{key}={quote(value, safe='')}" for key, value in qualifiers.items())
        purl = f"pkg:deb/{system['ID']}/{quote(name, safe='')}@{quote(version, safe='')}?{tail}"
        yield component("library", name, version, purl)


def main() -> None:
    project, image, image_id, created, *version = sys.argv[1:]
    system = platform.freedesktop_os_release()
    python = platform.python_version()
    components = [
        component("operating-system", system["ID"], system.get("VERSION_ID", ""), None),
        component(
            "platform",
            "python",
            python,
            f"pkg:generic/python@{python}",
            cpe=f"cpe:2.3:a:python:python:{python}:*:*:*:*:*:*:*",
        ),
        *python_packages(project),
        *system_packages(system),
    ]
    once = {each["bom-ref"]: each for each in sorted(components, key=json.dumps)}
    subject = {"type": "container", "bom-ref": image_id, "name": image, "version": "".join(version)}
    subject["properties"] = [{"name": "image-id", "value": image_id}]
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, image_id)}",
        "version": 1,
        "metadata": {
            "timestamp": created,
            "tools": {"components": [{"type": "application", "name": "make sbom"}]},
            "component": {key: value for key, value in subject.items() if value},
        },
        "components": [once[ref] for ref in sorted(once)],
    }
    print(json.dumps(bom, indent=2, ensure_ascii=False))


main()
