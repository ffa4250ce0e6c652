# Everything a newcomer needs; `make help` lists it.
# TORCH=cpu adds PyTorch without CUDA, for other models; PYTHON=… takes another interpreter.
# PROFILE=engines shows the demo with Elasticsearch, Neo4j, S3 and PostgreSQL.
# WORKERS=… runs so many tests at once; a third keeps two cores busier, and each test waits longer.
BIN := .venv/bin
WORKERS ?= 2
PACKAGES := $(if $(TORCH),sentence-transformers,default)
export HF_HUB_OFFLINE := 1
export NO_MKDOCS_2_WARNING := 1
# Many processes import the same modules; the tests' too are compiled only once.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo up down test programs tests lint types unit integration eval pages soak fuzz bench docs clean requirements
.DEFAULT_GOAL := help

help: ## List the targets.
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/.%: requirements/%.txt requirements/torch.txt pyproject.toml
	@scripts/install $*

demo: .venv/.$(if $(PROFILE),dev,$(PACKAGES)) ## Start the mesh, ingest the sample library, ask six questions, stop.
	@$(if $(PROFILE),scripts/programs engines)
	@$(BIN)/python -m cluster.demo $(PROFILE)

up: .venv/.$(PACKAGES) ## Start the mesh and leave it serving.
	@$(BIN)/pmoves up --detach

down: .venv/.$(PACKAGES) ## Stop the mesh.
	@$(BIN)/pmoves down

test: ## Everything that CI runs; what needs one core runs beside the tests.
	@scripts/uv --version >/dev/null
	@$(MAKE) --no-print-directory -j 2 .venv/.dev programs
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory -j 2 tests types docs eval

programs:
	@scripts/programs browser engines lanes

tests: .venv/.dev programs
	@scripts/promtool
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup --timeout=900 --durations=20

lint: .venv/.dev ## Style, formatting and the import rules between folders.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/.dev ## mypy, strict.
	$(BIN)/mypy cluster serve_apps data_jobs publishing retrieval eval tests

unit: .venv/.dev ## The fast tests: what opens no store and starts no process.
	@scripts/promtool
	$(BIN)/pytest -m "not integration" -n $(WORKERS)

integration: .venv/.dev programs ## The tests that start Ray, the mesh, a browser and the engines.
	$(BIN)/pytest -m integration -n $(WORKERS) --dist loadgroup --timeout=900 --durations=20

eval: .venv/.dev ## Search quality on the sample library, held against its baseline.
	@$(BIN)/pmoves evaluate library --known-items --mode hybrid --metric nDCG@10 --explain \
		--suite eval/library/suites.yaml --baseline eval/library/baseline.json $(EVAL)

pages: .venv/.dev ## Screenshots of the pages in artifacts/screenshots, and their tests.
	@scripts/programs browser
	PMOVES_TEST_SOAK=1 $(BIN)/pytest -m integration tests/eval/pages

soak: .venv/.dev ## The long tests: killed writers, commits, killed parts, 1,000 mixed files, huge ones, an hour of load.
	PMOVES_TEST_SOAK=1 PMOVES_TEST_MIXED=1000 PMOVES_TEST_HUGE=100 \
		PMOVES_TEST_SOAK_MINUTES=$${SOAK_MINUTES:-60} \
		$(BIN)/pytest -s -m soak
	PMOVES_TEST_KILLS=200 PMOVES_TEST_COMMITS=2000 PMOVES_TEST_ROUNDS=20 \
		PMOVES_TEST_KEYS=100_000 PMOVES_TEST_REPETITIONS=10 \
		$(BIN)/pytest -s -m "integration and not soak" \
		tests/retrieval/corpus tests/serve_apps/test_under_load.py \
		tests/data_jobs/objects/test_many_objects.py tests/cluster/test_quality_gate.py

fuzz: .venv/.dev ## Attack the API, the parsers and what has properties for hours; FUZZ_SEED=… begins elsewhere.
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-2000} FUZZ_SEED=$${FUZZ_SEED:-1} \
		$(BIN)/pytest --randomly-dont-reorganize tests/serve_apps/test_fuzz.py
	FUZZ_MUTANTS=$${FUZZ_MUTANTS:-50000} FUZZ_SEED=$${FUZZ_SEED:-1} \
		$(BIN)/pytest --randomly-dont-reorganize tests/data_jobs/test_fuzz.py
	PMOVES_TEST_EXAMPLES=$${FUZZ_EXAMPLES:-2000} $(BIN)/pytest -m hypothesis -n $(WORKERS) --timeout=0

bench: .venv/.dev ## The benchmarks behind the README's figures.
	$(BIN)/pmoves bench all

docs: .venv/.dev ## Build the documentation into site/, links checked.
	$(BIN)/mkdocs build --strict --quiet

requirements: ## Pin the packages anew.
	scripts/compile-requirements
	scripts/compile-peer-requirements

clean: ## Remove what was built; the mesh's data stays.
	rm -rf .venv .venv-uv site artifacts .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
