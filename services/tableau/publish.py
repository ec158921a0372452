"""Publish the extracts in data/processed to a Tableau server, each as a data source of its name.

This is off until .env or the command line has the server and a token. No message shows the token.
"""

import os
import sys
import warnings
from urllib.parse import urlsplit

import requests

from {{ cookiecutter.package_name }}.files import ROOT, exit_on_os_error

with warnings.catch_warnings():
    # Python warns about the library's string literals when it compiles them.
    warnings.simplefilter("ignore", SyntaxWarning)
    import tableauserverclient as tableau

FOLDER = ROOT / "data" / "processed"
REQUIRED = ("TABLEAU_SERVER", "TABLEAU_TOKEN_NAME", "TABLEAU_TOKEN")


def settings() -> dict[str, str]:
    """Return the settings that begin with TABLEAU_. The environment overrides .env."""
    found = {}
    file = ROOT / ".env"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    pairs = [line.partition("=")[::2] for line in lines] + list(os.environ.items())
    for name, value in pairs:
        if name.startswith("TABLEAU_") and value:
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[name] = value[1:-1] if quoted else value
    return found


def target(server: tableau.Server, name: str) -> tableau.ProjectItem:
    """Return the project of that name on the server.

    Raises:
        SystemExit: There is no such project, or more than one.
    """
    found = [project for project in tableau.Pager(server.projects) if project.name == name]
    if len(found) != 1:
        count = "no project" if not found else f"{len(found)} projects"
        sys.exit(f"error: the server has {count} '{name}'. Correct TABLEAU_PROJECT.")
    return found[0]


def publish(options: dict[str, str]) -> None:
    """Sign in, publish all extracts, and sign out."""
    extracts = sorted(path for path in FOLDER.glob("*.hyper") if not path.name.startswith("."))
    if not extracts:
        sys.exit("error: there are no extracts. Run: make extract.")
    server = tableau.Server(options["TABLEAU_SERVER"], use_server_version=True)
    token = tableau.PersonalAccessTokenAuth(
        options["TABLEAU_TOKEN_NAME"], options["TABLEAU_TOKEN"], options.get("TABLEAU_SITE", "")
    )
    with server.auth.sign_in(token):
        project = target(server, options.get("TABLEAU_PROJECT", "default"))
        for path in extracts:
            source = tableau.DatasourceItem(project.id, name=path.stem)
            sent = server.datasources.publish(source, path, tableau.Server.PublishMode.Overwrite)
            print(f"published {path.name} as {sent.name} in {project.name}")


def main() -> None:
    """Publish, or fail with one line."""
    options = settings()
    if missing := [name for name in REQUIRED if name not in options]:
        verb = "is" if len(missing) == 1 else "are"
        sys.exit(
            f"error: nothing was published: {', '.join(missing)} {verb} not set. "
            "Set them in .env: see services/tableau/README.md."
        )
    address = options["TABLEAU_SERVER"]
    parts = urlsplit(address)
    # Never send the token unencrypted over a network.
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1"):
        sys.exit("error: TABLEAU_SERVER is not a URL with https://. Correct it in .env.")
    try:
        publish(options)
    except tableau.FailedSignInError:
        sys.exit(
            f"error: {address} refused the token. Check TABLEAU_TOKEN_NAME, TABLEAU_TOKEN and "
            "TABLEAU_SITE; Tableau lets unused tokens expire."
        )
    except (requests.RequestException, tableau.ServerResponseError, OSError) as error:
        reason = " ".join(str(error).split()).replace(options["TABLEAU_TOKEN"], "…")[:200]
        sys.exit(
            f"error: publishing to {address} failed: {reason.rstrip('.')}. Check TABLEAU_SERVER."
        )


if __name__ == "__main__":
    with exit_on_os_error():
        main()
