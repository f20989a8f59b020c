# One entry per habit. `make demo` and `make test` are all a newcomer needs.

PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))
VENV   := .venv
BIN    := $(VENV)/bin
SOURCES := pyproject.toml meson.build meson.options tools/list_package.py $(shell find service models proto -type f -not -name '*.pyc' -not -path '*/__pycache__/*' -not -name '*.so')

# Benchmarks and tests are single-threaded so that figures compare.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# The environment whose Python and meson build the extension in the tree.
MESON = PATH="$(dir $(PYTHON)):$$PATH" "$(PYTHON)" -m mesonbuild.mesonmain

.PHONY: inplace help setup build dev proto check lint test search sanitizers ctest compilers portable fuzz package bench demo clean

help:
	@echo "make demo    build, start the service, stream a sample call to it, print the result; then remember, rank and forget a caller"
	@echo "make setup   build into .venv, from where .venv/bin/simpatico runs"
	@echo "make test    build and run all tests"
	@echo "make search  the property tests on many new examples"
	@echo "make coverage  which lines and branches the tests reach"
	@echo "make check   lint, types, import layers, generated code, C tests under sanitizers and by two compilers, fuzzing, the package"
	@echo "make bench   the figures of the README and docs (installs the reference packages)"
	@echo "make proto   regenerate the gRPC code"
	@echo "make clean   remove everything that was built"

$(BIN)/python:
	@sh tools/preflight.sh "$(PYTHON)"
	"$(PYTHON)" -m venv $(VENV)

$(VENV)/.built: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet .
	@touch $@

$(VENV)/.dev: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet '.[dev]'
	@touch $@ $(VENV)/.built

$(VENV)/.reference: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet '.[dev,reference]'
	$(BIN)/python -m pip install --quiet --no-deps 'silero-vad>=5'
	@touch $@

setup build: $(VENV)/.built
dev: $(VENV)/.dev

# The C extension beside its Python package, for work in the tree: service/simpatico/_core.*.so (install, not cp: writing over a file
# that a running process has mapped kills that process).
inplace: build/inplace/build.ninja
	$(MESON) compile -C build/inplace
	install build/inplace/service/_core.*.so service/simpatico/

build/inplace/build.ninja:
	$(MESON) setup build/inplace

proto: $(VENV)/.dev
	$(BIN)/python tools/generate_proto.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/python tools/generate_proto.py --check

# The C tests: under sanitizers, by gcc and by clang without warnings, and as on a processor without kernels of its own.
WITH_TOOLS = PATH="$(CURDIR)/$(BIN):$$PATH"
sanitizers: $(VENV)/.dev
	$(WITH_TOOLS) sh tools/sanitizers.sh

ctest: sanitizers
	$(WITH_TOOLS) sh tools/ctest.sh

compilers: $(VENV)/.dev
	$(WITH_TOOLS) sh tools/compilers_test.sh

portable: $(VENV)/.dev
	$(WITH_TOOLS) sh tools/portable_test.sh $(BIN)/python

# The source distribution and the wheel, built and used as a user would.
package: $(VENV)/.dev
	$(BIN)/python tools/package_test.py

# Bounded fuzzing of the C core from the seeds of the repository, the same inputs each time; `make fuzz FUZZ_SECONDS=3600 FUZZ_RUNS=` for new ones.
FUZZ_SECONDS ?= 60
FUZZ_RUNS ?= 2000
fuzz: sanitizers
	$(WITH_TOOLS) sh tools/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_RUNS)

# Two side by side, each one's output in one piece; those that take longest first.
check: $(VENV)/.dev
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target package portable lint compilers ctest fuzz

# For two processors: a good part of the tests' time is spent waiting, for databases, services and each other.
TEST_PROCESSES ?= 3
PYTEST = sh tools/in_memory.sh $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder
test: $(VENV)/.dev
	$(PYTEST)

# Which lines and branches the tests reach; it takes a third longer.
coverage: $(VENV)/.dev
	$(PYTEST) --cov --cov-report=term

# The property tests on examples nobody has tried: the checks use the same ones each time. Tests that fix how many examples they take
# search by the round.
SEARCH_ROUNDS ?= 5
search: $(VENV)/.dev
	for round in $$(seq $(SEARCH_ROUNDS)); do \
	  $(PYTEST) -m "hypothesis" --hypothesis-profile search || exit 1; \
	done

bench: $(VENV)/.reference
	sh tools/bench.sh $(BIN)/python

demo: $(VENV)/.built
	@$(BIN)/python tools/demo.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov service/simpatico/*.so
