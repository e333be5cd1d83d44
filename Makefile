# Every target is one word and works on a fresh checkout. `make` alone prints this list.
SHELL := /bin/bash
PY    := .venv/bin/python
export PYTHONHASHSEED := 0
export RAY_USAGE_STATS_ENABLED := 0

N ?= 5000

.PHONY: help setup setup-test demo test check bench evidence transfer apps walk clean

help:        ## this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 18

setup:       ## .venv and the Debian packages that the demo needs
	@deploy/setup.sh base

setup-test:  ## the same for the tests: Docker, Chromium, vendors' clients, TRL
	@deploy/setup.sh test

demo: setup  ## spec → snapshot → certificate → rollouts → better policy → replay; leaves out/demo/
	@$(PY) -m rollout.demo

test: setup-test  ## every test, with real Docker and Chromium
	@$(PY) -m pytest

check: setup-test ## ruff (format, lint, banned calls), mypy --strict, import-linter
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

bench: setup-test ## ratios measured side by side; JSON in out/bench/
	@$(PY) -m benchmarks

evidence: setup  ## the second control: trained on shuffled rewards, a policy does not get better
	@.venv/bin/grind lock specs/mail.yaml && .venv/bin/grind build specs/mail.yaml
	@.venv/bin/grind audit mail --workers 2 >/dev/null
	@$(PY) -m rollout.learner.evidence

transfer: setup-test ## a policy learns in 20 compiled apps and is tried in 5 that it never saw; out/transfer/report.json
	@$(PY) -W ignore -m rollout.learner.transfer_run

apps: setup-test ## every API description compiled, proven, given certified tasks; out/apps/report.json, resumable
	@$(PY) -W ignore -m factory.fleet

walk: setup-test ## N=5000 steps through pages of many apps, random and oracles', without a browser and in Chromium
	@$(PY) -W ignore -m factory.walks --steps $(N)

clean:       ## removes out/ and .venv/ (the store of built environments stays)
	@rm -rf out .venv
