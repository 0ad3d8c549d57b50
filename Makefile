# make book | test | check | lab | bench | stress | browser | pdf   (see README.md)
DATA ?= phantom
HAM10000 ?=
KERNEL ?=
PYTHON ?= python3
BIN := .venv/bin

export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: book test check lab bench stress browser pdf gpu-kernel pins

book: .venv/ready
	$(BIN)/skinlib book --data $(DATA) $(if $(HAM10000),--ham10000 "$(HAM10000)") $(if $(KERNEL),--kernel $(KERNEL))

# Tests run side by side: so each has one thread.
test check: export TF_NUM_INTRAOP_THREADS ?= 1

test: .venv/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --durations 15 -m "not slow"

# The rest of what every change must pass: slow tests, JAX, and the committed chapters under nbval.
check: test .venv/jax
	$(BIN)/pytest -n 2 --durations 15 -m slow
	KERAS_BACKEND=jax JAX_DISABLE_MOST_OPTIMIZATIONS=1 $(BIN)/pytest -n 2 \
	    tests/layers tests/test_losses.py \
	    tests/models/test_models.py::test_training_changes_every_weight \
	    tests/training/test_vital_signs.py::test_each_network_of_table_1_is_alive_after_a_few_steps
	$(BIN)/pytest -n 2 --dist loadfile --nbval book

# The pages of `make book` in Chromium: whole, readable, silent. And on paper.
browser: .venv/ready
	$(BIN)/pytest -n 2 --dist loadscope --durations 5 tests/browser

pdf: .venv/ready
	$(BIN)/python -m skinlib.book.pdf

lab: .venv/ready
	$(BIN)/jupyter lab --notebook-dir=book

bench: .venv/ready
	for bench in deformable models; do $(BIN)/python benchmarks/$$bench.py $(RECORD) || exit; done

# Damaged inputs, and sweeps that are killed: how many end as they should.
stress: .venv/ready
	SKINLIB_DAMAGES=60 $(BIN)/pytest -n 2 tests/data/test_damage.py
	$(BIN)/python benchmarks/kills.py

# A second kernel for the chapters, on this machine's NVIDIA card (Linux).
gpu-kernel: .venv/ready
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[gpu]'
	$(BIN)/python -m ipykernel install --sys-prefix --name skinlib-gpu --display-name "skinlib (GPU)" \
	    --env SKINLIB_DEVICE gpu

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[book,test,browser]'
	touch $@

.venv/jax: .venv/ready
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[jax]'
	touch $@

# Pins the newest versions that pyproject.toml allows, for every Python that it names.
pins: .venv/ready
	$(BIN)/uv pip compile --quiet --upgrade pyproject.toml --all-extras --universal \
	    --python-version 3.11 --no-emit-index-url --no-annotate --no-header \
	    --output-file constraints.txt
