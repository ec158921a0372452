"""The people who can log in: users.txt has a line for each, except for the user `owner`.

python -m services.notebooks.users add [--viewer] NAME
python -m services.notebooks.users remove NAME
"""

import argparse
import re
import secrets
import sys
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("users.txt")
SHOWN = "services/notebooks/users.txt"
# The password of this user is NOTEBOOKS_PASSWORD in .env.
OWNER = "owner"
# Users of the container.
RESERVED = {OWNER, "root", "nobody", "proxy", "published"}
NAME = r"[a-z][a-z0-9-]{0,30}[a-z0-9]"
HASH = r"argon2:\$argon2id?\$v=\d+\$m=\d+,t=\d+,p=\d+\$[\w+/]+\$[\w+/]+"


class UserError(ValueError):
    """A name or a line of users.txt cannot be used. The message says what to do."""


class User(NamedTuple):
    """A person who can log in."""

    hash: str
    viewer: bool  # sees published notebooks, and has no server


def check_name(name: str) -> None:
    """Check a name, which becomes a Unix user, a folder and a part of addresses.

    Raises:
        UserError: The name cannot be used.
    """
    if not re.fullmatch(NAME, name) or name in RESERVED:
        raise UserError(
            f"NAME={name!r} is not valid. Use 2 to 32 lower-case letters, digits and hyphens, "
            f"such as NAME=ada, and none of {', '.join(sorted(RESERVED))}."
        )


def parse(text: str) -> dict[str, User]:
    """Return the users in the text of users.txt, by name.

    Raises:
        UserError: A line is not `name hash` or `name hash viewer`, or a name occurs twice.
    """
    users: dict[str, User] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(rf"({NAME}) ({HASH})( viewer)?\s*", line)
        if not match or match[1] in RESERVED or match[1] in users:
            raise UserError(
                f"line {number} of {SHOWN} is not a new name and the hash of "
                "its password. Remove the line, then run make add-user with the name."
            )
        users[match[1]] = User(match[2], bool(match[3]))
    return users


def read(file: Path = FILE) -> str:
    """Return the text of users.txt. It is empty if there is no such file."""
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def write(text: str) -> None:
    """Replace users.txt in one step. Without text, remove it."""
    if not text:
        FILE.unlink(missing_ok=True)
        return
    temporary = FILE.with_name(".users.txt")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(FILE)


def without(text: str, name: str) -> str:
    """Return a text of users.txt without the line of this user."""
    return "".join(f"{line}\n" for line in text.splitlines() if line.split(" ")[0] != name)


def add(name: str, viewer: bool = False) -> str:
    """Write a user to users.txt, and return the new password. A known user gets another one.

    Raises:
        UserError: The name or users.txt cannot be used.
    """
    from jupyter_server.auth.security import passwd

    check_name(name)
    text = read()
    parse(text)
    password = secrets.token_urlsafe(15)
    write(without(text, name) + f"{name} {passwd(password)}{' viewer' * viewer}\n")
    return password


def remove(name: str) -> None:
    """Remove a user from users.txt.

    Raises:
        UserError: There is no such user.
    """
    text = read()
    if without(text, name) == text:
        names = ", ".join(parse(text)) or "none"
        raise UserError(f"there is no user {name!r} in {SHOWN}. The users are: {names}.")
    write(without(text, name))


def main() -> None:
    """Add or remove a user."""
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["add", "remove"])
    parser.add_argument("--viewer", action="store_true")
    parser.add_argument("name")
    options = parser.parse_args()
    try:
        if options.action == "remove":
            remove(options.name)
            print(f"{options.name} cannot log in any more; the files of {options.name} stay")
        else:
            print(f"password of {options.name}: {add(options.name, options.viewer)}")
    except (UserError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
