# Two commands do all the set-up: `make lab` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

PYTHON ?= python3
STACK ?= dev
STEP ?= status
VENV := .venv
READY := $(VENV)/.installed
RUN := PULUMI_ERROR_OUTPUT_STRING=true $(VENV)/bin/python

# Most container images set it, and then every command would compile its thousand modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help lab lab-down lab-status lab-kubeconfig lab-shell lab-logs lab-image example traps plan policy \
	pr-comment preflight adopt verify attack waves preview up destroy bootstrap-plan bootstrap-record decisions \
	install test test-long gitops-test test-unit check format bench bench-policy bench-lab netpol-conformance \
	bench-mesh reliability bench-cdk docs schemas lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lab: $(READY) ## [GITOPS=1] the whole program, real parts and real traffic on this machine, and the proofs that it holds
	@$(RUN) -m lab up $(if $(GITOPS),--gitops)

lab-down: $(READY) ## stop the lab and remove all of it (the built tools stay cached)
	@$(RUN) -m lab down

lab-status: $(READY) ## what of the lab is running
	@$(RUN) -m lab status

lab-kubeconfig: $(READY) ## the path of the lab's kubeconfig, and nothing else
	@$(RUN) -m lab kubeconfig

lab-shell: $(READY) ## POD=… [COMMAND=…] a shell in a pod of the lab, also where the image has none
	@$(RUN) -m lab shell $(POD) $(if $(COMMAND),-- $(COMMAND))

lab-logs: $(READY) ## [POD=…] the access logs of all sidecars, or all that a pod or a workload writes, until interrupted
	@$(RUN) -m lab logs $(POD) --follow

lab-image: $(READY) ## FILE=… [NAME=…] an image of yours (docker save, or an OCI layout, as a tar) for the lab's nodes to pull
	@$(RUN) -m lab image $(FILE) $(if $(NAME),--name $(NAME))

example: $(READY) ## NAME=… one of the reference articles' systems on the running lab, step by step
	@$(RUN) -m lab example $(NAME)

traps: $(READY) ## traps 3 and 5 measured on the running lab
	@$(RUN) -m lab traps

plan: $(READY) ## STACK=… what a stack would make, without credentials or network: build/plan/<stack>/
	@$(RUN) -m meshops plan --stack $(STACK)

policy: $(READY) ## STACK=… [BASE=…] what the policy pack finds in that plan; BASE is the plan of what stands
	@$(RUN) -m meshops policy --stack $(STACK) $(if $(BASE),--base $(BASE))

# Without STACK all of them but the lab; `dev` is the default of the other targets only.
pr-comment: $(READY) ## BASE=… [HEAD=…] [STACK=…] [PREVIEW=…] [PLANS=…] what a pull request changes: build/pr/comment.md
	@$(RUN) -m meshops review $(if $(PLANS),--plans $(PLANS),--base $(BASE)) $(if $(HEAD),--head $(HEAD)) \
		$(if $(filter file,$(origin STACK)),,--stack $(STACK)) $(if $(OUT),--out $(OUT)) $(if $(PREVIEW),--preview $(PREVIEW)) \
		$(if $(RUN_URL),--run-url $(RUN_URL))

preflight: $(READY) ## STACK=… (AWS credentials; kubeconfig once there is a cluster) subnets, certificate, access: will it come up?
	@$(RUN) -m meshops preflight --stack $(STACK) $(if $(ONLY),--only $(ONLY))

# For the lab with ARGS="--kubeconfig $$(make lab-kubeconfig)".
adopt: $(READY) ## STACK=… NAMESPACES='…' [FROM=…] [TRAFFIC='…'] (kubeconfig) what runs there as settings: build/adopt/<stack>/
	@$(RUN) -m meshops adopt --stack $(STACK) --namespaces $(NAMESPACES) $(if $(FROM),--from $(FROM)) \
		$(if $(TRAFFIC),--traffic $(TRAFFIC)) $(ARGS)

# For the lab its own kubeconfig, programs and AWS stand-in; for any other stack the environment's.
verify: $(READY) ## STACK=… (kubeconfig) prove by traffic that the running mesh holds; CHECKS=… for some of them
	@$(RUN) -m $(if $(filter lab,$(STACK)),lab verify,meshops verify --stack $(STACK)) $(if $(CHECKS),--only $(CHECKS))

# On the lab all of them, elsewhere what only reads; LONG=1 for thousands of generated requests, ONLY=… for some.
attack: $(READY) ## STACK=… (kubeconfig) try every known way through the running mesh; LONG=1, ONLY=… (ids, families)
	@$(RUN) -m $(if $(filter lab,$(STACK)),lab attack,meshops attack --stack $(STACK)) $(if $(LONG),--long) $(if $(ONLY),--only $(ONLY))

# STEP: status, next, check, shadow, rollback; WITH=… its options, e.g. WITH='--namespace payments --now'.
waves: $(READY) ## STACK=… [STEP=next] [WITH=…] where each namespace stands, its next step, its gate, the way back
	@$(RUN) -m $(if $(filter lab,$(STACK)),lab waves $(STEP),meshops waves $(STEP) --stack $(STACK)) $(WITH)

preview: $(READY) ## STACK=… [OPTIONS=…] (AWS credentials) pulumi preview
	@$(RUN) -m meshops pulumi preview --stack $(STACK) $(OPTIONS)

up: $(READY) ## STACK=… [OPTIONS=…] (AWS credentials) pulumi up
	@$(RUN) -m meshops pulumi up --stack $(STACK) $(OPTIONS)

destroy: $(READY) ## STACK=… [OPTIONS=…] (AWS credentials) pulumi destroy
	@$(RUN) -m meshops pulumi destroy --stack $(STACK) $(OPTIONS)

bootstrap-plan: $(READY) ## [STACK=…] what bootstrap/ would make in an account (its sample unless said): build/bootstrap/
	@$(RUN) -m bootstrap.plan $(if $(filter command line,$(origin STACK)),--stack $(STACK))

bootstrap-record: $(READY) ## STACK=… what a deployer of the stack needs, from its plan (`make plan` first): bootstrap/plans/
	@$(RUN) -m bootstrap.recorded $(STACK)

decisions: $(READY) ## (Go) asks the load balancer controller's own code for what the tests compare preflight with
	@$(RUN) -m tests.contract.load_balancer_controller

install: $(READY) ## what every other command does first: the packages of requirements.lock, by their hashes

# The toolchain first: compiled for it, the lab's Go is vetted in seconds.
test: $(READY) ## what CI runs: format, lint, types, imports, unit, contract and lab tests
	@$(RUN) -m lab toolchain
	@$(MAKE) --no-print-directory check
	@$(RUN) -m pytest --numprocesses=2 -m "not long and not gitops"

test-long: $(READY) ## the lab tests that take minutes each: upgrades, migrations, every cure taken away, the examples
	@$(RUN) -m pytest -m long

# Apart from them, because it builds Flux.
gitops-test: $(READY) ## Flux on a lab of the tests' own: what it takes from a namespace, and what keeps a label (Go; builds it once)
	@$(RUN) -m pytest -m gitops tests/lab/commands/test_gitops.py

test-unit: $(READY) ## the tests that need no control plane; about two minutes
	@$(RUN) -m pytest tests/unit

check: $(READY) ## format, lint, types, imports between rooms, gofmt, go vet
	@$(VENV)/bin/ruff format --check --quiet . || { echo 'not formatted: make format'; exit 1; }
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ty check --quiet --python $(VENV)
	@PYTHONPATH=. $(VENV)/bin/lint-imports --no-cache --no-logo > $(VENV)/imports.txt || { cat $(VENV)/imports.txt; exit 1; }
	@$(RUN) -m lab vet

format: $(READY) ## format the code
	@$(VENV)/bin/ruff check --quiet --fix . ; $(VENV)/bin/ruff format .

bench: $(READY) ## seconds and memory of a plan with 10, 100 and 1000 applications
	@$(RUN) -m meshops bench

bench-policy: $(READY) ## seconds that the policy pack takes over each stack's plan
	@$(RUN) -m meshops bench --policy

bench-lab: $(READY) ## seconds and memory of 50 more pods with sidecars on the running lab
	@$(RUN) -m lab bench

netpol-conformance: $(READY) ## [SHORT=1] Kubernetes' own NetworkPolicy tests against the running lab (Go; builds them once)
	@$(RUN) -m lab netpol-conformance $(if $(SHORT),--short)

bench-mesh: $(READY) ## [TABLES=…] what each layer adds to a request on the running lab, and what its proxies hold
	@$(RUN) -m lab costs $(if $(TABLES),--tables '$(TABLES)')

reliability: $(READY) ## [STEPS=…] what is lost while something happens, on the running lab; writes docs/reliability.md
	@$(RUN) -m lab reliability --write $(if $(STEPS),--steps '$(STEPS)')

bench-cdk: $(READY) ## a plan of prod beside `cdk synth` of the nearest CDK program (Node.js; downloads 520 MiB once)
	@docs/cdk-comparison/compare

docs: $(READY) ## write docs/settings.md, policies.md, verify.md, security.md from types, rules, checks and attempts; prod's picture
	@$(RUN) -m meshops.settings_reference > docs/settings.md
	@$(RUN) -m policy.reference docs/policies.md
	@$(RUN) -m meshops.verify.reference docs/verify.md
	@$(RUN) -m meshops.attack.reference docs/security.md
	@$(RUN) -m meshops plan --stack prod && cp build/plan/prod/topology.svg docs/plan-prod.svg

schemas: $(READY) ## write schemas/ from the pinned modules (needs Go)
	@$(RUN) -m validation.build.write

lock: $(READY) ## write requirements.lock: every package with the hashes of its files
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --target $(VENV)/uv uv==0.13.9
	@head -1 requirements.lock > requirements.lock.new
	@$(VENV)/uv/bin/uv pip compile requirements-dev.txt --quiet --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-header --allow-unsafe >> requirements.lock.new
	@mv requirements.lock.new requirements.lock

clean: ## remove the virtual environment and everything built in this directory
	@rm -rf $(VENV) build

# The stamp goes last, so that an interrupted installation is taken up again.
$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=…")'
	@echo 'installing Python packages into $(VENV) (once)…'
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r requirements.lock
# A tenth of all modules is ever imported: a plan compiles those, also for whom this directory is read-only.
	@$(RUN) -m meshops plan --stack dev --output $(VENV)/plan >/dev/null 2>&1 || true
	@rm -rf $(VENV)/plan
	@touch $@
