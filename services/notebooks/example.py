"""Two people log in and work apart; a published notebook answers; an intruder gets nothing."""

import uuid

from websocket import WebSocketBadStatusException

from {{ cookiecutter.package_name }} import data
from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.access import wait_for
from services.notebooks import users
from services.notebooks.client import PUBLISHED, Visitor

PEOPLE = ["example-ann", "example-bob"]


def check(condition: bool, problem: str) -> None:
    """Exit with one line unless what should be so is so."""
    if not condition:
        raise SystemExit(f"error: {problem}. See: make logs SERVICE=notebooks.")


def move_slider(visitor: Visitor) -> list[str]:
    """Move the slider of the published notebook to the middle and the end. Return what it says."""
    channel = visitor.open_published("tumors.ipynb")
    widgets = channel.widgets().items()
    (name, state), *_ = [each for each in widgets if each[1]["model"] == "FloatSliderModel"]
    said = []
    for value in ((state["min"] + state["max"]) / 2, state["max"]):
        update = {"method": "update", "state": {"value": value}, "buffer_paths": []}
        message = channel.send("comm_msg", {"comm_id": name, "data": update})
        said.append(channel.printed_until_idle(message).strip())
    return said


def main() -> None:
    """Make two users, work as them, and remove them."""
    wait_for("notebooks", 8000)
    data.main()
    before = users.read()
    try:
        visitors = [Visitor(name, users.add(name)) for name in PEOPLE]
        ann, bob = visitors
        for visitor in visitors:
            visitor.start_server()
        for number, visitor in enumerate(visitors, start=1):
            visitor.open_server()
            text = {"type": "file", "format": "text", "content": f"by {visitor.name}"}
            stored = visitor.send("PUT", "/api/contents/note.txt", text)
            check(stored.status_code in (200, 201), f"{visitor.name} cannot write a file")
            own = visitor.run("print(open('note.txt').read())").strip()
            check(own == f"by {visitor.name}", f"a kernel of {visitor.name} reads {own!r}")
            print(f"{number} of {len(visitors)} people logged in and wrote note.txt", flush=True)
        answer = bob.run(f"open('/home/{ann.name}/note.txt')").strip()
        print(f"{bob.name} opens the file of {ann.name}: {answer}")
        check("Permission denied" in answer, "a person reads another's file")

        said = move_slider(ann)
        print(f"the published notebook, as its slider moves: {', then '.join(said)}")
        answers = all(" of " in line for line in said) and said[0] != said[1]
        check(answers, "the published notebook does not answer")

        intruder = Visitor()
        file = f"/user/{ann.name}/api/contents/note.txt"
        kernel = f"{PUBLISHED}/api/kernels/{uuid.uuid4()}"
        statuses = {
            "a file, without a login": intruder.get(file).status_code,
            f"a file, as {bob.name}": bob.get(file).status_code,
            "a published notebook, without a login": intruder.get(kernel).status_code,
        }
        try:
            intruder.channel(PUBLISHED, str(uuid.uuid4()))
        except WebSocketBadStatusException as error:
            statuses["its kernel, without a login"] = error.status_code
        for what, status in statuses.items():
            print(f"an intruder asks for {what}: {status}")
        check(set(statuses.values()) == {403}, "an intruder gets in")
        for visitor in visitors:
            visitor.send("DELETE", "/api/contents/note.txt")
    finally:
        users.write(before)


if __name__ == "__main__":
    with exit_on_os_error():
        main()
