"""Send the extracts in data/processed to a Tableau server, each as a data source of its name.

Off until .env, or the command line, says where and as whom. No message has the token.
"""

import os
import sys
import warnings
from urllib.parse import urlsplit

import requests

from {{ cookiecutter.package_name }}.files import ROOT, one_line_errors

with warnings.catch_warnings():
    # Of its own texts, the first time that it is compiled.
    warnings.simplefilter("ignore", SyntaxWarning)
    import tableauserverclient as tableau

FOLDER = ROOT / "data" / "processed"
NEEDED = ("TABLEAU_SERVER", "TABLEAU_TOKEN_NAME", "TABLEAU_TOKEN")


def settings() -> dict[str, str]:
    """Return the settings that begin with TABLEAU_, of the environment or else of .env."""
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
    """Return the project of that name on the server. Errors: SystemExit where it is not the one."""
    found = [project for project in tableau.Pager(server.projects) if project.name == name]
    if len(found) != 1:
        count = "no project" if not found else f"{len(found)} projects"
        sys.exit(f"error: the server has {count} '{name}' for you. Correct TABLEAU_PROJECT.")
    return found[0]


def publish(chosen: dict[str, str]) -> None:
    """Sign in, send, sign out."""
    extracts = sorted(path for path in FOLDER.glob("*.hyper") if not path.name.startswith("."))
    if not extracts:
        sys.exit("error: there are no extracts. Make them: make extract.")
    server = tableau.Server(chosen["TABLEAU_SERVER"], use_server_version=True)
    who = tableau.PersonalAccessTokenAuth(
        chosen["TABLEAU_TOKEN_NAME"], chosen["TABLEAU_TOKEN"], chosen.get("TABLEAU_SITE", "")
    )
    with server.auth.sign_in(who):
        project = target(server, chosen.get("TABLEAU_PROJECT", "default"))
        for path in extracts:
            source = tableau.DatasourceItem(project.id, name=path.stem)
            sent = server.datasources.publish(source, path, tableau.Server.PublishMode.Overwrite)
            print(f"published {path.name} as {sent.name} in {project.name}")


def main() -> None:
    """Publish, or say in one line why not."""
    chosen = settings()
    if missing := [name for name in NEEDED if name not in chosen]:
        words = "is" if len(missing) == 1 else "are"
        sys.exit(
            f"error: nothing is published: {', '.join(missing)} {words} not set. "
            "Put them into .env: see services/tableau/README.md."
        )
    address = chosen["TABLEAU_SERVER"]
    parts = urlsplit(address)
    # A token is not sent where others can read it on the way.
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1"):
        sys.exit("error: TABLEAU_SERVER is no address with https://. Correct it in .env.")
    try:
        publish(chosen)
    except tableau.FailedSignInError:
        sys.exit(
            f"error: {address} refused the token. Check TABLEAU_TOKEN_NAME, TABLEAU_TOKEN and "
            "TABLEAU_SITE; Tableau ends tokens that are not used."
        )
    except (requests.RequestException, tableau.ServerResponseError, OSError) as error:
        said = " ".join(str(error).split()).replace(chosen["TABLEAU_TOKEN"], "…")[:200]
        sys.exit(f"error: {address} did not take it: {said.rstrip('.')}. Check TABLEAU_SERVER.")


if __name__ == "__main__":
    with one_line_errors():
        main()
