# make demo   a first set of pictures in demo-output/, from nothing but Python >= 3.10
# make test   the tests          make lint   ruff and pyright          make clean   all that these made
#
# torch comes from PyPI, which on Linux means gigabytes of CUDA libraries. Its CPU build is about 200 MB:
#   make demo TORCH_CPU=1
# PYTHON=python3.12 takes another interpreter, TORCH='torch==2.13.0' another torch.

PYTHON ?= python3
TORCH ?= torch>=2.8,<2.14
TORCH_CPU ?=
TORCH_INDEX = $(if $(filter-out 0,$(TORCH_CPU)),--index-url https://download.pytorch.org/whl/cpu)

BIN = .venv/bin
PIP = $(BIN)/python -m pip install --disable-pip-version-check

.PHONY: demo test lint clean

demo: .venv/installed
	$(BIN)/emotive demo -o demo-output

test: .venv/installed-dev
	$(BIN)/python -m pytest

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

clean:
	rm -rf .venv build dist demo-output src/emotive.egg-info .pytest_cache .ruff_cache .hypothesis

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) $(TORCH_INDEX) '$(TORCH)'
	$(PIP) -e .
	@touch $@

.venv/installed-dev: .venv/installed
	$(PIP) -e '.[dev]'
	@touch $@
