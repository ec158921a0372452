"""The command line of cookiecutter: its answers arrive as they were typed, and a refusal prints it with all answers.

There is none if another program, such as cruft, calls cookiecutter.
"""

import os
import shutil
import sys

import click
from click.core import ParameterSource

from generation.escaping import jinja, shell

# Options that are not repeated in the command with all answers.
LEFT_OUT = ("no_input", "verbose", "debug_file")


def command_line() -> click.Context | None:
    """Return the parameters of cookiecutter's command, or None if another program called cookiecutter."""
    context = click.get_current_context(silent=True)
    return context if context and {"template", "extra_context"} <= context.params.keys() else None


def literal(source: str) -> str:
    """Return a template that renders to `source`, if it is an answer on the command line, and `source` otherwise.

    cookiecutter renders these answers, but not those that are typed at the prompt.
    """
    context = command_line()
    answers = (context.params["extra_context"] or {}).values() if context else ()
    # Equal text is not enough: the name of the project's folder in the template could be an answer.
    return jinja(source) if any(source is answer for answer in answers) else source


def program() -> str:
    """Return the words that start cookiecutter on this machine."""
    # uvx puts its own environment on PATH, which the shell that called it does not have.
    if "UV" in os.environ:
        return "uvx cookiecutter"
    return "cookiecutter" if shutil.which("cookiecutter") else f"{shell(sys.executable)} -m cookiecutter"


def command_for(answers: dict) -> str:
    """Return the command that was typed, with all answers, as indented lines, or "" without a command line."""
    context = click.get_current_context(silent=True)
    # Another command that asks the questions, such as adopt, keeps its words here.
    words = context.obj or [] if context else []
    if command_line():
        words = [program(), "--no-input"]
        for option in context.command.params:
            given = context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE
            if isinstance(option, click.Option) and given and option.name not in LEFT_OUT:
                value = [] if option.is_flag else [shell(str(context.params[option.name]))]
                words += [option.opts[-1], *value]
        words.append(shell(context.params["template"]))
    if not words:
        return ""
    lines = [f"  {name}={shell(answer)}" for name, answer in answers.items() if not name.startswith("_")]
    return " \\\n".join(f"  {line}" for line in [" ".join(words), *lines])
