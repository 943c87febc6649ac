.PHONY: help setup demo test check policy lock

INSTRUCTION ?= put the red cube in the bowl, then press the button
SEED ?= 42
VLA := .venv/bin/vla
PYTHON := .venv/bin/python
export OMP_NUM_THREADS ?= 2

help:            ## list the targets
	@grep -E '^[a-z]+: .*##|^[a-z]+: *##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | column -t -s:

setup:           ## create .venv and install everything (Python 3.12)
	@scripts/setup.sh

demo: setup      ## carry out one instruction with the released policy; writes outputs/demo.mp4
	$(VLA) run "$(INSTRUCTION)" seed=$(SEED) output=outputs/demo.mp4

test: setup      ## all tests, with coverage
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n 2 --dist loadgroup --cov=vla --cov=envs --cov=policies --cov-report=term:skip-covered --cov-fail-under=85

check: setup     ## lint, types and the fast tests
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/pyright
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n 2 -q -m "not slow"

policy: setup    ## collect demonstrations and train a policy like checkpoints/tabletop from nothing (about 11 hours)
	scripts/tabletop_policy.sh

lock: setup      ## renew requirements.lock
	.venv/bin/uv pip compile --quiet --upgrade --python-version 3.12 --extra dev --extra metaworld --no-annotate --no-header pyproject.toml -o requirements.lock
