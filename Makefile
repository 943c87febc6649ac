.PHONY: help setup demo test check docs policy planner lock

INSTRUCTION ?= put the red cube in the bowl, then press the button
SEED ?= 42
VLA := .venv/bin/vla
PYTEST := OMP_NUM_THREADS=1 .venv/bin/python -m pytest
COVER := --cov=vla --cov=envs --cov=policies
export OMP_NUM_THREADS ?= 2

help:            ## list the targets
	@grep -E '^[a-z]+: .*##|^[a-z]+: *##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | column -t -s:

setup:           ## create .venv and install everything (Python 3.12)
	@scripts/setup.sh

demo: setup      ## carry out one instruction with the released policy; writes outputs/demo.mp4
	$(VLA) run "$(INSTRUCTION)" seed=$(SEED) output=outputs/demo.mp4

test: setup      ## all tests, with coverage; those that keep time run after the others, alone
	@scripts/browser.sh
	$(PYTEST) -n 2 -m "not realtime" --hypothesis-profile=ci $(COVER) --cov-report=
	$(PYTEST) -m realtime $(COVER) --cov-append --cov-report=term:skip-covered --cov-fail-under=85

check: setup     ## lint, types and the fast tests
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/pyright
	$(PYTEST) -n 2 -q -m "not slow"

docs: setup      ## build the documentation into outputs/site
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet
	@echo "outputs/site/index.html"

policy: setup    ## collect demonstrations and train a policy like checkpoints/tabletop from nothing (about 11 hours)
	scripts/tabletop_policy.sh

planner: setup   ## train a vision-language model that plans for the tabletop from nothing (about 6 hours)
	scripts/tabletop_planner.sh

lock: setup      ## renew requirements.lock
	.venv/bin/uv pip compile --quiet --upgrade --python-version 3.12 --extra dev --extra docs --extra metaworld --no-annotate --no-header pyproject.toml -o requirements.lock
