"""Print the differences between two images, layer by layer: `compare_images.py FIRST SECOND`.

Standard input is an archive of both, as `docker save FIRST SECOND` writes it.
"""

import hashlib
import itertools
import json
import re
import sys
import tarfile

# The number of files to name for each layer.
MAX_FILES = 20


def files_in(layer) -> dict[str, dict]:
    """Return the content and the metadata of each file in a layer, by its name."""
    files = {}
    with tarfile.open(fileobj=layer, mode="r|*") as archive:
        for entry in archive:
            content = entry.linkname
            if entry.isfile():
                content = hashlib.file_digest(archive.extractfile(entry), "sha256").hexdigest()
            files[entry.name] = {
                "content": (entry.type, content),
                "mode": entry.mode,
                "owner": (entry.uid, entry.gid),
                "attributes": {
                    name: value
                    for name, value in entry.pax_headers.items()
                    if name.startswith("SCHILY.xattr.")
                },
                "time": entry.mtime,
            }
    return files


def read(archive) -> tuple[dict, dict]:
    """Return the JSON files and the layers of an archive, in one pass."""
    documents, layers = {}, {}
    for entry in archive:
        if entry.isfile():
            file = archive.extractfile(entry)
            if file.peek(1)[:1] in b"{[":
                documents[entry.name] = json.loads(file.read())
            else:
                try:
                    layers[entry.name] = files_in(file)
                except tarfile.ReadError:
                    # This Python does not know the compression.
                    pass
    return documents, layers


def steps(config: dict) -> list[str]:
    """Return the beginning of the Dockerfile step that made each layer."""
    layer_steps = [step for step in config["history"] if not step.get("empty_layer")]
    lines = [" ".join(step.get("created_by", "").split()) for step in layer_steps]
    shell = re.compile(r"^(RUN )?(\|\d+ .*?)?/bin/sh -c (#\(nop\) )?")
    return [shell.sub(r"\1", line.removesuffix(" # buildkit"))[:90] for line in lines]


def settings(config: dict) -> dict[str, object]:
    """Return the configuration of an image with an entry for each variable and each label."""
    flat = {name: value for name, value in config.items() if name not in ("config", "rootfs")}
    for name, value in config["config"].items():
        if name == "Env":
            pairs = (variable.partition("=") for variable in value)
            flat |= {f"variable {key}": rest for key, _, rest in pairs}
        elif name == "Labels":
            flat |= {f"label {key}": rest for key, rest in (value or {}).items()}
        else:
            flat[name] = value
    return flat


def differences(first: dict[str, dict], second: dict[str, dict]) -> list[str]:
    """Return a line for each file that differs between two layers.

    Files that differ only in their time come last, because those usually follow from the others.
    """
    lines, times = [], []
    for name in sorted(first.keys() | second.keys()):
        if name not in second:
            lines.append(f"only in the first   {name}")
        elif name not in first:
            lines.append(f"only in the second  {name}")
        elif parts := [part for part in first[name] if first[name][part] != second[name][part]]:
            (times if parts == ["time"] else lines).append(f"{', '.join(parts):<18}  {name}")
    return lines + times or ["the same files in a different order or compression"]


def main() -> None:
    """Print the layers and the settings, and how they differ."""
    names = sys.argv[1:]
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|*") as archive:
        documents, layers = read(archive)
    by_tag = {tag: image for image in documents["manifest.json"] for tag in image["RepoTags"]}
    # Podman puts localhost/ before a name.
    images = [next(by_tag[tag] for tag in by_tag if tag.endswith(name)) for name in names]
    configs = [documents[image["Config"]] for image in images]
    rows = itertools.zip_longest(
        *(config["rootfs"]["diff_ids"] for config in configs),
        *(image["Layers"] for image in images),
        *(steps(config) for config in configs),
    )
    for first, second, first_path, second_path, first_step, second_step in rows:
        result = "same" if first == second else "differs"
        print(f"  {result:<7}  {first_step or second_step or '-'}")
        if first == second:
            continue
        if first_path not in layers or second_path not in layers:
            print("             only one image has this layer, or it cannot be read")
            continue
        lines = differences(layers[first_path], layers[second_path])
        print(*(f"             {line}" for line in lines[:MAX_FILES]), sep="\n")
        if len(lines) > MAX_FILES:
            print(f"             and {len(lines) - MAX_FILES} more")
    first, second = map(settings, configs)
    names = sorted(first.keys() | second.keys())
    different = [name for name in names if first.get(name) != second.get(name)]
    print(f"  {'differs' if different else 'same':<7}  configuration")
    for name in different:
        values = "; ".join(str(configuration.get(name))[:60] for configuration in (first, second))
        print(f"             {name}" + (f": {values}" if name != "history" else ""))


main()
