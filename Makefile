# Winnow. `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build library install install-library demo test interop interop-full bench docs clean

PREFIX ?= /usr/local
# pkg-config and run paths want to know where that is.
override PREFIX := $(abspath $(PREFIX))
BUILD := swift build -c release --explicit-target-dependency-import-check error
# Where that leaves what it made.
BUILT := .build/release
# Symbols for debugging are three quarters of what is built.
INSTALL_STRIPPED := install -s

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing (into .deps where the system has no package)
	@scripts/setup

build: setup ## build the winnow command in release
	@echo "make: building Winnow in release (a few minutes the first time)"
	@$(BUILD) --product winnow
	@cp -Pf .deps/lib/*.so* $(BUILT)/ 2>/dev/null || true
	@echo "make: built $(BUILT)/winnow"

library: setup ## build the library of winnow.h for C and other languages
	@echo "make: building libwinnow in release"
	@$(BUILD) --product WinnowC
	@cp -Pf .deps/lib/*.so* $(BUILT)/ 2>/dev/null || true
	@ln -sf libWinnowC.so $(BUILT)/libwinnow.so.0
	@ln -sf libwinnow.so.0 $(BUILT)/libwinnow.so
	@echo "make: built $(BUILT)/libwinnow.so"

install-library: library ## copy libwinnow, winnow.h and its pkg-config file to PREFIX (default /usr/local)
	@install -d $(PREFIX)/lib/pkgconfig $(PREFIX)/include
	@$(INSTALL_STRIPPED) $(BUILT)/libWinnowC.so $(PREFIX)/lib/libwinnow.so.0
	@ln -sf libwinnow.so.0 $(PREFIX)/lib/libwinnow.so
	@cp -Pf .deps/lib/*.so* $(PREFIX)/lib/ 2>/dev/null || true
	@install -m 644 Sources/CWinnow/include/winnow.h $(PREFIX)/include/
	@printf '%s\n' 'prefix=$(PREFIX)' 'Name: winnow' 'Description: runs compressed neural networks' 'Version: 0.1.0' \
		'Libs: -L$${prefix}/lib -lwinnow -lgcc_s' 'Cflags: -I$${prefix}/include' > $(PREFIX)/lib/pkgconfig/winnow.pc
	@echo "make: installed $(PREFIX)/lib/libwinnow.so and $(PREFIX)/include/winnow.h"

COMPLETIONS := bash:bash-completion/completions/winnow zsh:zsh/site-functions/_winnow fish:fish/vendor_completions.d/winnow.fish

install: build ## copy winnow, its libraries, completions, manual pages and guides to PREFIX (default /usr/local)
	@install -d $(PREFIX)/bin $(PREFIX)/lib
	@$(INSTALL_STRIPPED) $(BUILT)/winnow $(PREFIX)/bin/winnow
	@cp -Pf .deps/lib/*.so* $(PREFIX)/lib/ 2>/dev/null || true
	@for entry in $(COMPLETIONS); do \
		file=$(PREFIX)/share/$${entry#*:}; install -d "$${file%/*}"; \
		$(BUILT)/winnow --generate-completion-script $${entry%%:*} > "$$file"; \
	done
	@$(BUILT)/winnow manual $(PREFIX)/share/man/man1
	@install -d $(PREFIX)/share/doc/winnow/Guides
	@install -m 644 README.md CHANGELOG.md LICENSE $(PREFIX)/share/doc/winnow/
	@install -m 644 Guides/*.md $(PREFIX)/share/doc/winnow/Guides/
	@echo "make: installed $(PREFIX)/bin/winnow"

demo: build ## the main job: train, prune, quantize, and a report of what was lost and won
	@echo "make: running the demo"
	@scripts/demo

test: setup ## all tests: Swift, then the files Winnow writes in other runtimes
	@scripts/setup models || echo "make: going on without the trained models"
	@scripts/setup browser || echo "make: going on without a browser"
	@scripts/test

interop: build ## the files Winnow writes, run in ONNX Runtime
	@echo "make: running the interop tests"
	@.deps/python/bin/python -m pytest Interop

interop-full: build ## the same, with OpenVINO and PyTorch beside it
	@scripts/setup python-full models
	@echo "make: running the interop tests with every runtime"
	@.deps/python-full/bin/python -m pytest Interop

bench: build ## measure Winnow beside other tools
	@echo "make: running the benchmarks"
	@Benchmarks/run

docs: setup ## write the documentation of the library to .build-docs/html
	@echo "make: writing the documentation"
	@scripts/docs

clean: ## remove what was built; what was installed into .deps stays
	@echo "make: removing .build and out"
	@rm -rf .build .build-* out
