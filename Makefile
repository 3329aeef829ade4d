# Firedoor needs Python 3.11 or later, make and git; everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
CUSTODIAN := .venv-c7n
ANSIBLE := .venv-ansible

.PHONY: help drill test identities called credentials slack edits laws slack-abuse manual new-action new-vendor new-playbook new-channel chaos outages e2e browser sweep cluster hunt bench bench-sweep lint types docs docs-check lock clean

help:
	@echo "make drill   a whole exercise: an attacker, simulated vendors, containment (ARGS=--no-contain to see the judge say no)"
	@echo "make test    the tests, in under four minutes"
	@echo "make laws    every case of every action, held to every law; prints what was tried of each"
	@echo "make identities  what Firedoor's own identities may do, the doctor who looks at them, and the benchmarks at a tiny size"
	@echo "make called  what the units declare, held against all that cases, sweeps, hunts, the doctor and whole runs really call"
	@echo "make credentials  the inventory, hunts and sweeps"
	@echo "make slack   the app in Slack, and all that goes to and fro between it and people"
	@echo "make edits   records and evidence packs altered in thousands of ways, and all of it found"
	@echo "make slack-abuse  thousands of hostile attempts at the app in Slack, each judged by what came of it, by a judge who is judged too"
	@echo "make chaos   processes killed at every instant, replies lost and lying: nothing doubled, nothing lost, nothing told wrong (ARGS=--sample)"
	@echo "make outages whole processes while a vendor, Slack or Prefect is away, and random worlds against a model, for long"
	@echo "make e2e     the tests that start whole drills and a real Prefect server"
	@echo "make browser the tests that use the drill's pages with a real browser (Debian's chromium); pictures of them go to build/"
	@echo "make sweep   5,000 access keys and 200 credentials of Okta swept at simulated vendors, with traps: build/sweep.json"
	@echo "make cluster a sweep on several machines, with PostgreSQL, Prefect and two workers, one of them killed (FIREDOOR_CLUSTER_KEYS=2000)"
	@echo "make hunt    a hunt over a System Log of 200,000 entries, and files of their size: what was found, time and memory"
	@echo "make manual  every command of the documentation, typed at a simulated company, and every recipe of CONTRIBUTING.md, followed"
	@echo "make new-action ID=okta.clear_something, new-vendor NAME=..., new-playbook NAME=..., new-channel NAME=...: one that works, to be made yours"
	@echo "make bench   how fast it is, a containment beside a script and Ansible: build/bench.json, docs/benchmarks.md; an error where a limit is missed"
	@echo "make bench-sweep  a sweep of 5,000 keys beside a bare script and Cloud Custodian, and how it grows to 50,000 (ARGS=--small)"
	@echo "make lint types docs docs-check lock"

drill: $(VENV)/.drill
	@$(BIN)/firedoor drill $(ARGS)

test: $(VENV)/.dev
	$(BIN)/pytest -m "not e2e and not laws and not browser and not abuse and not chaos and not cluster and not scale and not identities and not bench and not edits and not credentials and not slack and not manual" --numprocesses 4 --dist loadgroup $(ARGS)

identities: $(VENV)/.dev
	$(BIN)/pytest -m "identities or bench" tests/doctor tests/permissions tests/test_bench.py --numprocesses 2 $(ARGS)

called: $(VENV)/.dev
	$(BIN)/python -m tests.permissions.called $(ARGS)

credentials: $(VENV)/.dev
	$(BIN)/pytest -m "credentials and not edits and not scale" tests/sweeps tests/hunts --numprocesses 4 $(ARGS)

slack: $(VENV)/.dev
	$(BIN)/pytest -m slack tests/channels/slack --numprocesses 4 --dist loadgroup $(ARGS)

edits: $(VENV)/.dev
	$(BIN)/pytest -m edits --numprocesses 2 $(ARGS)

laws: $(VENV)/.dev
	$(BIN)/python -m tests.laws $(ARGS)

slack-abuse: $(VENV)/.dev
	$(BIN)/python -m tests.abuse $(ARGS)
	$(BIN)/pytest -m abuse tests/abuse --numprocesses 2

chaos: $(VENV)/.dev
	$(BIN)/python -m tests.chaos $(ARGS)
	$(if $(ARGS),,$(BIN)/pytest -m chaos tests/chaos --numprocesses 2 --dist loadfile)

outages: $(VENV)/.dev
	$(BIN)/pytest -m "e2e and chaos" tests/e2e --timeout 400 $(ARGS)
	$(BIN)/pytest -m laws tests/model --numprocesses 2 --timeout 900

e2e: $(VENV)/.dev
	$(BIN)/pytest -m "e2e and not chaos" tests/e2e --numprocesses 3 --dist loadgroup $(ARGS)

browser: $(VENV)/.dev
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-liberation; } \
	  || { echo "make browser needs chromium. On Debian and Ubuntu: apt-get install chromium"; exit 1; }
	$(BIN)/pytest -m browser tests/browser $(ARGS)

manual: $(VENV)/.dev
	$(BIN)/pytest tests/manual --numprocesses 2 --dist loadgroup $(ARGS)

new-action: $(VENV)/.dev
	$(BIN)/python -m scaffold action $(ID)

new-vendor new-playbook new-channel: $(VENV)/.dev
	$(BIN)/python -m scaffold $(@:new-%=%) $(NAME)

sweep: $(VENV)/.dev
	$(BIN)/python -m bench.sweep $(ARGS)

cluster: $(VENV)/.dev
	$(BIN)/pytest -m cluster tests/cluster --timeout 1500 $(ARGS)

hunt: $(VENV)/.dev
	$(BIN)/pytest -m scale tests/hunts --timeout 900 -s $(ARGS)

bench: $(VENV)/.dev $(ANSIBLE)/.done
	$(BIN)/python -m bench $(ARGS)

bench-sweep: $(VENV)/.dev $(CUSTODIAN)/.done
	$(BIN)/python -m bench.compare $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/firedoor playbooks lint

types: $(VENV)/.dev
	$(BIN)/mypy

docs: $(VENV)/.dev
	$(BIN)/python docs/generate.py
	$(BIN)/python -m tests.doctor

docs-check: docs
	@git diff --exit-code -- docs playbooks/schema.json || { echo "docs/ or playbooks/schema.json is not what the code generates: commit the change above"; exit 1; }

# New locks from the ranges in pyproject.toml. They hold hashes and no address of any package registry.
UV := $(shell command -v uv || echo $(BIN)/uv)
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
lock: $(VENV)/.dev
	$(COMPILE) -o requirements/bootstrap.lock requirements/bootstrap.in
	$(COMPILE) -o requirements/installer.lock requirements/installer.in
	$(COMPILE) -o requirements/c7n.lock requirements/c7n.in
	$(COMPILE) -o requirements/ansible.lock requirements/ansible.in
	$(COMPILE) --all-extras -o requirements/dev.lock pyproject.toml
	$(COMPILE) --extra drill -c requirements/dev.lock -o requirements/drill.lock pyproject.toml
	$(COMPILE) --extra drill --extra observe -c requirements/dev.lock -o requirements/serve.lock pyproject.toml

clean:
	rm -rf $(VENV) $(CUSTODIAN) $(ANSIBLE) .firedoor build

$(VENV)/.bootstrap: requirements/bootstrap.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Firedoor needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.12 drill"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@sh requirements/install.sh $(BIN) bootstrap
	@touch $@

$(VENV)/.drill: $(VENV)/.bootstrap requirements/drill.lock pyproject.toml
	@sh requirements/install.sh $(BIN) drill
	@touch $@

$(VENV)/.dev: $(VENV)/.bootstrap requirements/dev.lock pyproject.toml
	@sh requirements/install.sh $(BIN) dev
	@touch $@ $(VENV)/.drill

# Cloud Custodian and Ansible have pins of their own, which Firedoor's environment is not to have: it is only measured against them.
$(CUSTODIAN)/.done: requirements/c7n.lock
$(ANSIBLE)/.done: requirements/ansible.lock
$(CUSTODIAN)/.done $(ANSIBLE)/.done:
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@
