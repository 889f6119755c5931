# Two commands matter: `make book` and `make test`. Each does all its own set-up.
# `make help` lists the rest.

PYTHON ?= python3
ifeq ($(OS),Windows_NT)
VENV := .venv/Scripts/python.exe
else
VENV := .venv/bin/python
endif

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help book serve lab notebooks test lint format bench clean
.PHONY: release collect grade feedback marks formgrader
.PHONY: environment environment-test environment-coursework

help: ## list what can be made
	@echo "Recurrent Neural Networks from Scratch. What make can do:"
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1@\2/p' $(MAKEFILE_LIST) | awk -F@ '{printf "%-18s %s\n", $$1, $$2}'
	@echo
	@echo "Start with: make book"

book: environment ## build the book into _build/html
	@$(VENV) tools/build_book.py

serve: book ## build the book and serve it on this machine
	@$(VENV) tools/serve.py

lab: ## open the chapters in JupyterLab, to run and change them
	@$(call ensure,lab)
	@echo "Opening JupyterLab on book/. Stop it with Ctrl-C."
	@cd book && ../$(VENV) -m jupyterlab

notebooks: environment ## run all chapters again and store what they print (ONLY=path for one)
	@$(VENV) tools/run_notebooks.py $(ONLY)

test: environment-test ## run every test and every notebook
	@$(VENV) -m pytest -n auto --maxprocesses 4

lint: environment-test ## look for style faults in code and notebooks
	@$(VENV) -m ruff check .
	@$(VENV) -m ruff format --check .

format: environment-test ## mend the style of code and notebooks
	@$(VENV) -m ruff check --fix .
	@$(VENV) -m ruff format .

bench: ## measure the library against torch and jax (ONLY=S1 for one size)
	@$(call ensure,bench)
	@$(VENV) -m bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

release: environment-coursework ## write the assignments of a term (TERM=2027-spring)
	@$(call coursework,$(NAME))

collect: environment-coursework ## take over what was handed in (TERM= ASSIGNMENT= FROM=zip or folder)
	@$(if $(FROM),,$(error Where are the submissions? make collect TERM=... ASSIGNMENT=... FROM=path))\
	$(call coursework,$(NAME) "$(FROM)")

grade: environment-coursework ## run and mark it (TERM=, and ASSIGNMENT= STUDENT= AGAIN=1 JOBS= SHARD=1/4)
	@$(call coursework,$(NAME) $(if $(STUDENT),--student "$(STUDENT)") $(if $(AGAIN),--again) \
	$(if $(JOBS),--jobs $(JOBS)) $(if $(SHARD),--shard $(SHARD)) $(if $(SANDBOX),--sandbox $(SANDBOX)))

formgrader: environment-coursework ## mark by hand, in the browser (TERM=)
	@$(call coursework)

feedback: environment-coursework ## write a page for each student (TERM=)
	@$(call coursework,$(NAME))

marks: environment-coursework ## write tables of marks, for Moodle too (TERM=; ASSIGNMENT= ACCEPT=STUDENT)
	@$(call coursework,$(NAME) $(if $(ACCEPT),--accept "$(ACCEPT)"))

clean: ## remove what was built and the environment (the next make does it all again)
	rm -rf _build .venv .pytest_cache .hypothesis .ruff_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

define ensure
command -v $(PYTHON) >/dev/null || { \
  echo "There is no '$(PYTHON)' here. Install Python 3.11 or newer (python.org, or your package"; \
  echo "manager), or say where it is: make PYTHON=/path/to/python3 book"; exit 1; }; \
$(PYTHON) tools/environment.py $(1)
endef

# TERM is also what a shell calls its terminal: only one that is given to make counts, and it is
# kept from the programs below.
NAME = $(if $(ASSIGNMENT),--assignment "$(ASSIGNMENT)")
define coursework
$(if $(filter command,$(firstword $(origin TERM))),,$(error Which term? For instance: make $@ TERM=2027-spring))\
TERM=xterm $(VENV) -m coursework $@ "$(TERM)" $(1)
endef

environment:
	@$(call ensure,book)

environment-test:
	@$(call ensure,test)

environment-coursework:
	@$(call ensure,coursework)
