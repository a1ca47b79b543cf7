# make run    everything on this machine: database, web server, worker and a demo project
# make test   all checks and all tests
# make check  the fast part of them
# make format put the code into its form
# make setup  the environment alone, in .venv

PYTHON ?= python3
# One more than cores: many tests wait for a browser or a process.
WORKERS ?= 3
TEST_DATA := $(or $(PREFLOOP_TEST_DATA),$(CURDIR)/.data/tests)
BIN := .venv/bin
# Checks that load the settings get throw-away ones; what a deployment sets is set for `check --deploy`.
HERE := SECRET_KEY=only-for-checks HTTPS=0 DATA_DIR="$(TEST_DATA)" DATABASE_URL=
DEPLOYED := SECRET_KEY="$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(50))')" HTTPS=1 DEBUG=0 \
	ALLOWED_HOSTS=labels.example CSRF_TRUSTED_ORIGINS=https://labels.example \
	DATABASE_URL=postgresql://prefloop@database.example/prefloop DATA_DIR="$(TEST_DATA)"
# Python keeps what it compiled. Some images tell it not to: then each process compiles torch and Django anew, 13 s of work
# in place of 5, and the tests start about a hundred.
export PYTHONDONTWRITEBYTECODE :=
# The tests are spread over the cores already: a process with a thread for each core only makes them wait.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-input
SHOWN := ^(Collecting|Installing|Building|Successfully|ERROR|error)|^ *(Downloading|error|note)

# name, command: say what is done, how long it took and whether it failed
define step
	@echo "== $(1)"; begin=$$(date +%s); status=0; { $(2); } || status=$$?; seconds=$$(($$(date +%s) - begin)); \
	if [ $$status -eq 0 ]; then echo "== $(1): $$seconds s"; \
	else echo "== $(1): FAILED (status $$status) after $$seconds s"; exit 1; fi
endef

# extras, stamp: install what pyproject.toml asks for, showing what pip is at; its status outlives the filter. Python
# compiles each module when it is first used: compiling all of them takes half a minute, and most are never used.
define install
	@echo "== Packages into .venv (a minute or two the first time)"; \
	{ $(PIP) --no-compile -e '.$(1)' 2>&1; echo $$? > .venv/status; } | grep --line-buffered -E '$(SHOWN)'; \
	[ "$$(cat .venv/status)" = 0 ] || { echo "The packages could not be installed: see above."; exit 1; }; \
	touch $(2)
endef

.PHONY: help run setup test check checks format format-check lint types imports migrations deploy collect browser
.PHONY: tests fast-tests

help:
	@sed -n '1,/^$$/s/^# //p' Makefile

run: .venv/installed
	@$(BIN)/python manage.py run

setup: .venv/installed

# The others go beside mypy, which takes one core for most of a minute.
test: .venv/installed-dev
	@$(MAKE) --no-print-directory -j2 types browser collect checks
	@$(MAKE) --no-print-directory tests

checks: format-check lint types imports migrations deploy

check: format-check lint imports fast-tests

format: .venv/installed-dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

format-check: .venv/installed-dev
	$(call step,ruff format,$(BIN)/ruff format --check .)

lint: .venv/installed-dev
	$(call step,ruff check,$(BIN)/ruff check .)

types: .venv/installed-dev
	$(call step,mypy,$(HERE) $(BIN)/mypy manage.py labeling alignment tests)

imports: .venv/installed-dev
	$(call step,lint-imports,$(BIN)/lint-imports)

migrations: .venv/installed-dev
	$(call step,migrations,$(HERE) $(BIN)/python manage.py makemigrations --check --dry-run)

deploy: .venv/installed-dev
	$(call step,check --deploy,$(DEPLOYED) $(BIN)/python manage.py check --deploy --fail-level WARNING)

# All processes of the tests load the same: here one compiles it for them.
collect: .venv/installed-dev
	$(call step,pytest --collect-only,found=$$($(BIN)/pytest --collect-only -qq 2>&1) || { echo "$$found"; false; })

tests: .venv/installed-dev
	$(call step,pytest,$(PYTEST) --durations 25 --durations-min 5)

fast-tests: .venv/installed-dev
	$(call step,pytest (fast),$(PYTEST) -m "not slow and not browser")

# The browser tests need a Chromium and fail without one.
browser:
	@found() { for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v $$name >/dev/null 2>&1 && return 0; done; return 1; }; \
	found && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "== Chromium for the browser tests"; \
		apt-get install -y --no-install-recommends chromium >/dev/null 2>&1 || \
		{ apt-get update >/dev/null && apt-get install -y --no-install-recommends chromium >/dev/null; }; \
	fi; \
	found || echo "No Chromium: install the package chromium (or google-chrome); without it the browser tests fail."

.venv/made:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or later."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Prefloop needs Python 3.11 or later, and $(PYTHON) is $$($(PYTHON) -V 2>&1)."; \
	echo "With another one installed: make PYTHON=python3.12 run"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	{ echo "Python's venv is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { echo "== Environment in .venv"; $(PYTHON) -m venv --clear .venv; }
	@touch $@

.venv/installed: pyproject.toml | .venv/made
	$(call install,,$@)

.venv/installed-dev: pyproject.toml | .venv/made
	$(call install,[dev],$@ .venv/installed)
