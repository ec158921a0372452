"""Print the packages in the image of this container as CycloneDX 1.6: `sbom.py PROJECT IMAGE`.

Standard input is what `docker image inspect IMAGE` prints. The same image always gives the same
text: nothing depends on the clock, on randomness or on the order of files on the disk.
"""

import json
import os
import platform
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from urllib.parse import quote

# Folders that are not part of the image.
EXCLUDED = {"/dev", "/proc", "/sys", "/tmp", "/run", "/workspace", "/cache", "/supply-chain"}


def python_folders() -> list[str]:
    """Return the package folders of all Pythons: the base image has one of its own."""
    found = []
    for path, folders, _ in os.walk("/"):
        folder = Path(path)
        folders[:] = [name for name in folders if str(folder / name) not in EXCLUDED]
        if folder.name in ("site-packages", "dist-packages"):
            found.append(str(folder))
            folders.clear()
    return found


def licenses(package: Distribution) -> list[dict]:
    """Return the license of a package, from the most precise field that it has."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return [{"expression": expression}]
    # Some packages put the whole text of the license here.
    if (name := (metadata.get("License") or "").strip()) and "\n" not in name and len(name) <= 80:
        return [{"license": {"name": name}}]
    kinds = [kind for kind in metadata.get_all("Classifier", []) if kind.startswith("License :: ")]
    return [{"license": {"name": kind.split(" :: ")[-1]}} for kind in sorted(set(kinds))]


def component(kind: str, name: str, version: str, purl: str | None, **more) -> dict:
    """Return a component without its empty fields."""
    ref = purl or f"{name}@{version}"
    fields = {"type": kind, "bom-ref": ref, "name": name, "version": version, "purl": purl, **more}
    return {key: value for key, value in fields.items() if value}


def python_packages(project: str) -> Iterator[dict]:
    """Yield a component for each Python package."""
    for package in distributions(path=python_folders()):
        name, version = package.metadata.get("Name"), package.metadata.get("Version")
        if name and version:
            # A package index may have a different package with the project's name.
            own = re.sub(r"[-_.]+", "-", name).lower() == project
            purl = f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{quote(version)}"
            purl = None if own else purl
            yield component("library", name, version, purl, licenses=licenses(package))


def system_packages(system: dict[str, str]) -> Iterator[dict]:
    """Yield a component for each Debian package. `system` is the content of /etc/os-release."""
    fields = "db:Status-Status Package Version Architecture source:Package source:Version".split()
    line = "\\t".join("${" + field + "}" for field in fields) + "\\n"
    rows = subprocess.check_output(["dpkg-query", "--show", "-f", line], text=True).splitlines()
    distro = "-".join(filter(None, (system["ID"], system.get("VERSION_ID"))))
    for row in rows:
        status, name, version, architecture, source, source_version = row.split("\t")
        if status != "installed":
            continue
        qualifiers = {"arch": architecture, "distro": distro}
        # Scanners look a package up by its source package.
        if (source, source_version) != (name, version):
            same = source_version == version
            qualifiers["upstream"] = source if same else f"{source}@{source_version}"
        tail = "&".join(f"{key}={quote(value, safe='')}" for key, value in qualifiers.items())
        purl = f"pkg:deb/{system['ID']}/{quote(name, safe='')}@{quote(version, safe='')}?{tail}"
        yield component("library", name, version, purl)


def main() -> None:
    """Print the list."""
    project, image = sys.argv[1:]
    (inspected,) = json.load(sys.stdin)
    image_id, labels = inspected["Id"], inspected["Config"].get("Labels") or {}
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
    by_ref = {item["bom-ref"]: item for item in sorted(components, key=json.dumps)}
    version = labels.get("org.opencontainers.image.version")
    subject = {"type": "container", "bom-ref": image_id, "name": image, "version": version}
    subject["properties"] = [{"name": "image-id", "value": image_id}]
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, image_id)}",
        "version": 1,
        "metadata": {
            "timestamp": inspected["Created"],
            "tools": {"components": [{"type": "application", "name": "make sbom"}]},
            "component": {key: value for key, value in subject.items() if value},
        },
        "components": [by_ref[ref] for ref in sorted(by_ref)],
    }
    print(json.dumps(bom, indent=2, ensure_ascii=False))


main()
