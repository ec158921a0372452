"""git in containers: commits have the name of the person, and GIT_SSH=1 passes on the person's SSH agent."""

import contextlib
import socket
import tempfile
import threading
from pathlib import Path

import pytest
from conftest import tool

pytestmark = pytest.mark.docker


@pytest.fixture
def agent():
    """The socket of an SSH agent that has no keys."""

    def answer():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            # The client may end without reading the answer.
            with connection, contextlib.suppress(ConnectionResetError):
                while connection.recv(4096):
                    # SSH_AGENT_IDENTITIES_ANSWER, with a number of keys: https://www.rfc-editor.org/rfc/rfc9987
                    connection.sendall(b"\0\0\0\x05\x0c\0\0\0\0")

    # The path of a socket is short.
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/agent")
        Path(folder).chmod(0o755)
        Path(folder, "agent").chmod(0o777)
        server.listen()
        threading.Thread(target=answer, daemon=True).start()
        yield f"{folder}/agent"


def test_commits_have_your_name(copy, tmp_path):
    tool("git")
    project = copy("git name")
    settings = tmp_path / "gitconfig"
    settings.write_text('[user]\n\tname = Ann \\"A.\\" O\'Hara\n\temail = ann@example.org\n')
    commit = (
        "cd /tmp && git init -q x && cd x && git commit -q --allow-empty -m first && git log -1 --format='%an <%ae>'"
    )
    said = project.run(commit, GIT_CONFIG_GLOBAL=str(settings))
    assert said == 'Ann "A." O\'Hara <ann@example.org>\n'


def test_your_ssh_agent_is_passed_on_when_asked(copy, agent):
    project = copy("git agent")
    listed = "ssh-add -l; true"
    assert "no identities" in project.run(listed, GIT_SSH="1", SSH_AUTH_SOCK=agent)
    assert "no identities" not in project.run(f"{listed} 2>&1", GIT_SSH="", SSH_AUTH_SOCK=agent)
    # git's own variable of this name.
    project.ok("jobs", GIT_SSH="/usr/bin/ssh")
    assert project.error("run", "CMD=true", GIT_SSH="1", SSH_AUTH_SOCK="/not/there") == (
        "error: GIT_SSH=1 needs an SSH agent, and SSH_AUTH_SOCK does not name one. "
        'Start it: eval "$(ssh-agent)" && ssh-add.'
    )
