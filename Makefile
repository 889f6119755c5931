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
.PHONY: help book serve lab notebooks test lint format bench clean environment environment-test

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

clean: ## remove what was built and the environment (the next make does it all again)
	rm -rf _build .venv .pytest_cache .hypothesis .ruff_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

define ensure
command -v $(PYTHON) >/dev/null || { \
  echo "There is no '$(PYTHON)' here. Install Python 3.11 or newer (python.org, or your package"; \
  echo "manager), or say where it is: make PYTHON=/path/to/python3 book"; exit 1; }; \
$(PYTHON) tools/environment.py $(1)
endef

environment:
	@$(call ensure,book)

environment-test:
	@$(call ensure,test)
