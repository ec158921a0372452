"""Lists of the frameworks, the services and the kernels, printed before their questions."""

import click

from generation.frameworks import describe_framework, frameworks
from generation.kernels import describe_kernel, kernels
from generation.services import catalogue, describe_service

# The steps of a data science project. Services are listed by the first one that they serve.
STEPS = {
    "obtain": "collect data from people, the web and databases",
    "scrub": "correct, complete and tidy the data",
    "explore": "look for patterns with tables and charts",
    "model": "train models that predict or explain",
    "interpret": "present the results and put them to use",
}


def list_frameworks() -> list[str]:
    """Return the lines that describe the frameworks."""
    width = max(map(len, frameworks()))
    return ["Frameworks:", *(f"  {name:{width}}  {describe_framework(name)['about']}" for name in frameworks())]


def list_kernels() -> list[str]:
    """Return the lines that describe the kernels."""
    width = max(map(len, kernels()))
    return ["Languages besides Python:", *(f"  {name:{width}}  {describe_kernel(name)['about']}" for name in kernels())]


def list_services() -> list[str]:
    """Return the lines that describe the services, grouped by step."""
    described = {name: describe_service(name) for name in catalogue()}
    width = max(map(len, described), default=0)
    lines = ["Services, by the first step of a data science project that they serve:"]
    for step, explanation in STEPS.items():
        group = []
        for name, (steps, text) in described.items():
            first, _, others = steps.partition(", ")
            if first == step:
                group.append(f"    {name:{width}}  {text}" + (f" Also: {others}." if others else ""))
        lines += [f"  {step.capitalize()}: {explanation}", *group] if group else []
    return lines


def list_before_prompt(question: str) -> str:
    """Print the possible answers to a typed question, if a person is asked, and return the name of the question.

    cookiecutter shows the text of a question as it stands in cookiecutter.json, so the list cannot be a part of it.
    """
    command = click.get_current_context(silent=True)
    if command and command.params.get("no_input") is False:
        lists = {"framework": list_frameworks, "services": list_services, "kernels": list_kernels}
        print("", *(f"  {line}" for line in lists[question]()), sep="\n")
    return question
