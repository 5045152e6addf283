# make run: serve on http://127.0.0.1:8080; make test: every test. Needs Python 3.11 or newer.

PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11 # the first that will do
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
BENCH := $(VENV)/.bench
FUZZ := $(VENV)/.fuzz
AUDIT := $(VENV)/.audit

FUZZ_MINUTES ?= 5

.PHONY: run test check audit fuzz chaos soak crash conformance clients bench format docs clean

run: $(RUNTIME)
	@exec $(BIN)/python -m app serve

test: $(DEV)
	$(BIN)/python -m pytest -n auto

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit -q -c pyproject.toml -r app gunicorn.conf.py wsgi.py

audit: $(AUDIT)  ## known vulnerabilities of what is installed to run; asks the internet
	$(BIN)/pip-audit --strict -r requirements.txt -r requirements-redis.txt

fuzz: $(FUZZ)  ## FUZZ_MINUTES of coverage-guided fuzzing, then the long run against /openapi.json
	$(BIN)/python -m fuzz --minutes $(FUZZ_MINUTES)
	$(BIN)/python -m pytest -m long tests/live/test_openapi.py

chaos: $(DEV)  ## every fault in every dialect, 10,000 random answers: docs/faults.md
	$(BIN)/python -m pytest -n auto -m "long or not long" tests/chaos tests/truth

SOAK_SECONDS ?= 600
soak: $(DEV)  ## ten minutes of mixed load
	SOAK_SECONDS=$(SOAK_SECONDS) $(BIN)/python -m pytest -m long tests/soak

crash: $(DEV)  ## SIGKILL at 200 random instants of a refresh
	CRASH_ROUNDS=200 $(BIN)/python -m pytest tests/credentials/test_crash.py --log-cli-level=INFO

conformance: $(DEV)  ## the SDKs' own suites, against the gateway
	$(BIN)/python -m conformance

clients: $(DEV)  ## released clients, through a whole task
	$(BIN)/python -m clients

bench: $(BENCH)  ## speed and memory, about eight minutes: docs/performance.md
	$(BIN)/python -m benchmarks

format: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(RUNTIME)  ## what is generated from tables
	$(BIN)/python -m app settings markdown > docs/settings.md
	$(BIN)/python -m app settings env-example > .env.example
	$(BIN)/python -m tests.chaos.render > docs/faults.md
	$(BIN)/python -m tests.dialects.render > docs/dialects.md

clean:
	rm -rf $(VENV)

# a stamp newer than its requirements makes the next run start at once
$(RUNTIME): requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(DEV): requirements-dev.txt requirements-redis.txt requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(RUNTIME)

$(BENCH): requirements-bench.txt requirements-dev.txt requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@ $(DEV) $(RUNTIME)

$(FUZZ): requirements-fuzz.txt requirements-dev.txt requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-fuzz.txt
	@touch $@ $(DEV) $(RUNTIME)

$(AUDIT): requirements-audit.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-audit.txt
	@touch $@

$(BIN)/python:
	@for python in $(PYTHON); do \
	  if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    $$python -m venv $(VENV) && exit 0; rm -rf $(VENV); exit 1; \
	  fi; \
	done; \
	echo "kiro2api needs Python 3.11 or newer with venv (on Debian: apt install python3-venv)," >&2; \
	echo "and none of these is: $(PYTHON). Name one with make PYTHON=..." >&2; exit 1
