# For work on the template. `make new` generates a project, without cookiecutter being installed.

SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON := python3
OUTPUT := ..
# tests/conftest.py says which tests share projects and images, and so run in one process.
# Three keep two cores busy, since containers wait for each other at times.
WORKERS := 3

# Pass the path on as it was typed: make does not expand a $ in it.
override FROM := $(value FROM)
export FROM

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' Makefile

# The tools, from a list with hashes. They are installed again when the list changes.
.venv/done: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'error: Python is older than 3.11. Use a newer one, such as make PYTHON=python3.13.' >&2; exit 1; }
	@echo 'installing cookiecutter and the tools for tests and documentation in .venv; this happens once' >&2
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	@touch .venv/done

.PHONY: new
new: .venv/done ## Ask the questions and generate a project beside this folder, or in OUTPUT=folder
	@.venv/bin/cookiecutter . --output-dir "$(OUTPUT)" $(ANSWERS)

.PHONY: adopt
adopt: .venv/done ## Add what a project needs to the repository FROM=path, beside the files that are there
	@.venv/bin/python -m generation.adopt $(ANSWERS)

.PHONY: update
update: .venv/done ## Update the project FROM=path, which has no `make update` of its own, to the newest version
	@generation/update_project.sh "$(CURDIR)/.venv/bin/python"

.PHONY: test
test: .venv/done ## Run all tests, or ARGS="..."; those that need Docker run if an engine answers
	@.venv/bin/python -m pytest --numprocesses=$(WORKERS) --dist=loadscope --no-loadscope-reorder $(ARGS)

.PHONY: test-engines
test-engines: .venv/done ## Try a project on other engines, which the program in ENGINE_BOX starts: ENGINES="rootless podman"
	@ENGINES="$${ENGINES:-rootless podman podman-rootless podman58 docker28}" \
	  .venv/bin/python -m pytest tests/test_engines.py -k test_a_day $(ARGS)

.PHONY: catalogue
catalogue: .venv/done ## Print the names of the services, as a list in JSON
	@.venv/bin/python -c 'import json; from generation.services import catalogue; print(json.dumps(catalogue()))'

.PHONY: images
images: .venv/done ## List the images that generated projects pull
	@PYTHONPATH=. .venv/bin/python .ci/lists.py images

.PHONY: combinations
combinations: .venv/done ## Print the answers of the projects that are built each week, as a list in JSON
	@PYTHONPATH=. .venv/bin/python .ci/lists.py combinations

.PHONY: notes
notes: .venv/done ## Print the section of CHANGELOG.md for VERSION=v0.2.0, or fail if it is not ready for a release
	@PYTHONPATH=. .venv/bin/python .ci/notes.py "$(VERSION)"

.PHONY: lint
lint: .venv/done ## Check the code of this repository
	@.venv/bin/ruff check && .venv/bin/ruff format --check

.PHONY: docs
docs: .venv/done ## Build the documentation into docs/_build
	@.venv/bin/sphinx-build -W --keep-going --quiet docs docs/_build

.PHONY: bench
bench: .venv/done ## Compare build times with other setups in benchmarks/results.md; empties Docker's build cache; ROUNDS=3
	@.venv/bin/python benchmarks/bench.py

.PHONY: packages
packages: .venv/done ## Try the most used packages in generated projects, or some again: ARGS="numpy scipy"
	@.venv/bin/python benchmarks/packages/measure.py $(ARGS)

.PHONY: memory
memory: .venv/done ## Measure the memory of the services, or some of them: ARGS="postgres redis"
	@.venv/bin/python benchmarks/memory.py $(ARGS)

.PHONY: screenshots
screenshots: .venv/done ## Retake the screenshots in the documentation, or some of them: ARGS="-k dash"
	@SCREENSHOTS=1 .venv/bin/python -m pytest --quiet tests/test_browser.py tests/test_editors.py tests/test_docs.py::test_osemn_page_works_as_it_is_written tests/services $(ARGS)

.PHONY: requirements
requirements: .venv/done ## Update the list of tools from pyproject.toml
	@.venv/bin/uv pip compile --upgrade --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-emit-index-url --custom-compile-command 'make requirements' --group test --group docs \
	  --output-file requirements.txt pyproject.toml
