# From a clean clone, with Python 3.11 or newer and make:
#   make run     serve the portal with sample data on http://localhost:8000 (PORT=... for another port)
#   make test    every check and every test on SQLite, and on PostgreSQL where one answers
#   make test-fast   the tests without the browser, on SQLite: about five minutes
#   make check   the static checks alone
#   make attack  attack a portal that runs as in production; prints one JSON object
#   make fuzz     altered files of every kind, then ten minutes of requests that no browser sends
#   make lock    write the lock files anew (UPGRADE=--upgrade also takes newer versions)
#   make messages-extract   bring new interface texts into locale/ (needs GNU gettext)
#   make clean   remove the virtualenv, the stamps and caches; data and secrets in var/ stay
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run sample test test-fast check attack fuzz lock messages messages-extract clean

PORT ?= 8000
REQUIREMENTS ?= requirements/dev.txt
UPGRADE ?=
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
STAMPS := .venv/stamps
CATALOGUES := $(wildcard locale/*/LC_MESSAGES/django.po)
STATIC := $(shell find static -type f 2>/dev/null)

help:
	@sed -n 's/^#   //p' Makefile

$(STAMPS)/uv: requirements/uv.txt .ci/venv
	@.ci/venv
	@mkdir -p $(STAMPS) && touch $@

# The stamp is named after the lock file, so that a change from one lock to another syncs again.
$(STAMPS)/$(notdir $(REQUIREMENTS)): $(REQUIREMENTS) $(STAMPS)/uv
	@.ci/sync $(REQUIREMENTS)
	@rm -f $(STAMPS)/*.txt && touch $@

messages: $(STAMPS)/$(notdir $(REQUIREMENTS)) $(CATALOGUES)
	@$(BIN)/python -m portal.messages

setup: messages
	@$(BIN)/python -m portal.secrets var/portal.env

var/static/.collected: $(STAMPS)/$(notdir $(REQUIREMENTS)) $(STATIC)
	@$(MANAGE) collectstatic --noinput --verbosity 0
	@touch $@

sample run: export PORTAL_SAMPLE := true
sample: setup var/static/.collected
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) load_catalog
	@$(MANAGE) setup_keys --sample
	@$(MANAGE) sample_data

run: sample
	@exec $(MANAGE) serve --port $(PORT)

check: setup
	@.ci/gettext
	@.ci/check

test: setup
	@.ci/browser
	@.ci/other-browsers
	@.ci/clamav
	@.ci/nginx
	@.ci/tor
	@.ci/gettext
	@.ci/redis
	@.ci/poppler
	@.ci/age
	@.ci/systemd
	@.ci/test

test-fast: setup
	@.ci/test-fast

attack: setup
	@.ci/nginx
	@.ci/redis
	@$(BIN)/python -m bench.attack

fuzz: export FUZZED_FILES ?= 200
fuzz: setup
	@$(BIN)/pytest -q -n 2 tests/adapters/test_fuzzed_files.py
	@$(BIN)/python -m bench.fuzz

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header $(UPGRADE)
lock: $(STAMPS)/uv
	cd requirements && ../$(LOCK) uv.in -o uv.txt
	cd requirements && ../$(LOCK) base.in -o base.txt
	cd requirements && ../$(LOCK) -c base.txt -c uv.txt dev.in -o dev.txt
	@test -z "$(UPGRADE)" || date -u +%F > requirements/locked-on.txt

messages-extract: setup
	@.ci/gettext
	@$(MANAGE) makemessages --locale id --no-obsolete --add-location file \
		--ignore .venv --ignore var --ignore tests --ignore bench

clean:
	rm -rf .venv var/static .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
