# make run: serve on http://127.0.0.1:8080; make test: every test. Needs Python 3.11 or newer.

# the first that was built with optimisation, a tenth faster; if none was, the first that will do
PYTHON ?= python3 /usr/bin/python3 python3.14 python3.13 python3.12 python3.11
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
TOOLS := $(VENV)/.tools
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

FUZZ_MINUTES ?= 5

.PHONY: run test check audit fuzz chaos hostile soak crash outages conformance clients bench counts format docs
.PHONY: image topology newest scale lock clean

run: $(RUNTIME)
	@exec $(BIN)/kiro2api serve

TEST_OPTIONS ?=
test: $(DEV)  ## COVERAGE=1: and which lines of app/ they run; each room has a floor
ifdef COVERAGE
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto -p tests.coverage.plugin $(TEST_OPTIONS)
	$(BIN)/python -m pytest -n auto $(TEST_OPTIONS) $$($(BIN)/python -m tests.coverage.plugin)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage json --quiet
	$(BIN)/python -m tests.coverage.floors coverage.json
else
	$(BIN)/python -m pytest -n auto $(TEST_OPTIONS)
endif

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --quiet --offline .github/workflows
	$(BIN)/bandit -q -c pyproject.toml -r app gunicorn.conf.py wsgi.py

audit: $(TOOLS)  ## known vulnerabilities of what is installed to run; asks the internet
	$(BIN)/pip-audit --strict --disable-pip -r requirements/redis.txt

fuzz: $(TOOLS)  ## FUZZ_MINUTES of coverage-guided fuzzing, then the long run against /openapi.json
	$(BIN)/python -m fuzz --minutes $(FUZZ_MINUTES)
	$(BIN)/python -m pytest -m long tests/live/test_openapi.py

chaos: $(DEV)  ## every fault in every dialect, 10,000 random answers: docs/faults.md
	$(BIN)/python -m pytest -n auto -m "long or not long" tests/chaos tests/truth

HOSTILE_SECONDS ?= 600
hostile: $(DEV)  ## clients and services that misbehave, hours if given: docs/threats.md
	HOSTILE_SECONDS=$(HOSTILE_SECONDS) $(BIN)/python -m pytest -m "long or not long" tests/hostile

SOAK_SECONDS ?= 600
soak: $(DEV)  ## ten minutes of mixed load
	SOAK_SECONDS=$(SOAK_SECONDS) $(BIN)/python -m pytest -m long tests/soak

crash: $(DEV)  ## SIGKILL at 200 random instants of a refresh
	CRASH_ROUNDS=200 $(BIN)/python -m pytest tests/credentials/test_crash.py --log-cli-level=INFO

OUTAGE_ROUNDS ?= 50
outages: $(DEV)  ## Redis away, full or out of date across a refresh, fifty times for each kind of login
	OUTAGE_ROUNDS=$(OUTAGE_ROUNDS) $(BIN)/python -m pytest -n auto -m long \
	  tests/credentials/store/test_outages.py

conformance: $(DEV)  ## the SDKs' own suites, against the gateway
	$(BIN)/python -m conformance

clients: $(DEV)  ## released clients, through a whole task
	$(BIN)/python -m clients

image: $(DEV)  ## the image, built and run without an engine; needs root, buildah, debootstrap
	$(BIN)/python -m pytest -n 0 -m long tests/image

topology: $(DEV)  ## three gateways, nginx and Redis, and what happens to them: docs/topology.md
	$(BIN)/python -m pytest -n 0 -m "long or not long" tests/topology

newest: $(DEV)  ## the newest of every client and SDK, and what became of it: one table
	$(BIN)/python -m clients.newest

scale: $(DEV)  ## what many gateways need, from what 1, 2 and 3 do: docs/scaling.md
	$(BIN)/python -m benchmarks.scale

BENCH ?=
bench: $(TOOLS)  ## speed and memory, about fifteen minutes: docs/performance.md; BENCH="S1 S6": rows
	$(BIN)/python -m benchmarks $(BENCH)

counts: $(DEV)  ## instructions, system calls, garbage: none has grown; RENEW=1: what is counted now is right
ifdef RENEW
	$(BIN)/python -m benchmarks.counted
else
	$(BIN)/python -m pytest -n 0 -m "long or not long" tests/benchmarks/test_counts.py
endif

format: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(RUNTIME)  ## what is generated from tables
	$(BIN)/kiro2api settings markdown > docs/settings.md
	$(BIN)/kiro2api settings env-example > .env.example
	$(BIN)/python -m tests.chaos.render > docs/faults.md
	$(BIN)/python -m tests.dialects.render > docs/dialects.md
	$(BIN)/python -m tests.metrics.render markdown > docs/metrics.md
	$(BIN)/python -m tests.metrics.render grafana > deploy/grafana/kiro2api.json
	$(BIN)/python -m tests.dialects.compatibility > docs/compatibility.md
	$(BIN)/python -m tests.topology.row > docs/topology.md
	$(BIN)/python -m benchmarks.counting.errors

# Pins stay as they are unless pyproject.toml asks for others; make lock LOCK=--upgrade renews all.
# requirements/tools.txt has everything and says why; the others are parts of it.
LOCK ?=
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal \
  --python-version 3.11 --generate-hashes $(LOCK)
PART = $(COMPILE) --no-annotate --constraint requirements/tools.txt
lock: $(DEV)  ## the hashed requirements, from the pins in pyproject.toml
	$(COMPILE) pyproject.toml --extra brotli --extra otel --extra redis --group dev --group tools \
	  -o requirements/tools.txt
	$(PART) pyproject.toml --extra brotli --extra otel --extra redis --group dev \
	  -o requirements/dev.txt
	$(PART) pyproject.toml --extra redis -o requirements/redis.txt
	$(PART) pyproject.toml -o requirements.txt
	$(PART) --group conformance -o requirements/conformance.txt

clean:
	rm -rf $(VENV)

# A stamp newer than what it was made from makes the next run start at once. The project itself is
# installed as a link to this checkout, which gives the command kiro2api.
$(RUNTIME): requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes -r requirements.txt
	$(PIP) --no-deps --editable .
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes -r requirements/dev.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ $(RUNTIME)

$(TOOLS): requirements/tools.txt pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes -r requirements/tools.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ $(DEV) $(RUNTIME)

$(BIN)/python:
	@found=; for python in $(PYTHON); do \
	  $$python -I app/common/python_build.py >/dev/null 2>&1; \
	  case $$? in 0) found=$$python; break;; 3) found=$${found:-$$python};; esac; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "kiro2api needs Python 3.11 or newer with venv (on Debian: apt install python3-venv)," >&2; \
	  echo "and none of these is: $(PYTHON). Name one with make PYTHON=..." >&2; exit 1; \
	fi; \
	echo "$(VENV) is made with $$found: $$($$found -I app/common/python_build.py)"; \
	$$found -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
