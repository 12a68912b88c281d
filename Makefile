#   make            build build/nbdkit-streaming-plugin.so and build/stream-disk
#   make demo       stream an example image into a .zst file, verify, restore and compare
#                   (one of yours: make demo IMAGE=disk.qcow2 FORMAT=qcow2 OUT=disk.raw.zst)
#   make check      build, and run all tests (some: make check FILTER=name)
#   make check-versions  run the end-to-end tests with this nbdkit and with Debian's newest, unpacked
#                   into build/ with its own C library
#   make check-ceph  let a Ceph cluster of its own, in memory and on loopback, import format=rbd-*, as root
#   make check-guest  back up a real, emulated machine while it runs, in every way of docs/BACKUP.md, and tell
#                   what it saw, in about 10 minutes (into the page: make check-guest WRITE=1; some:
#                   make check-guest WORD=pull)
#   make bench      measure speed and memory into docs/BENCHMARKS.md, in about 40 minutes
#                   (roughly, in 3: make bench QUICK=1; some: make bench ROWS="dense sparse-*")
#   make sanitize   run the tests under the address and the thread sanitizer, the plugin served by
#                   nbdkit among them, in about 25 minutes
#   make fuzz       let libFuzzer at the ordering, reading, the decoders and the parameters, a minute
#                   each (SECONDS=60)
#   make soak       every small layout, more random operations, runs of each client, signals and
#                   connections, in about 10 minutes; then random sessions (SECONDS=600)
#   make bench-scale  measure many streams at once into docs/SCALING.md, in 3 minutes (QUICK=1)
#   make install    plugin, stream-disk, manual pages and completions (PLUGINDIR=, BINDIR=, MANDIR=,
#                   SHAREDIR=, DESTDIR=)
#   make uninstall  remove them
#   make man        build the manual pages
#   make docs       build the documentation of NBDKit for plugin authors into build/docs
#   make dist       pack the last commit, and the Swift packages it needs, as a source tarball that
#                   builds without a network, into build/
#   make deb        build a Debian package, into build/
#   make check-deb  install it into a clean Debian and test it there, in a few minutes, as root
#   make check-systemd  run the unit of deploy/ under systemd in such a Debian: start, stop, kill, in a few
#                   minutes, as root
#   make check-dist  build the source tarball twice, in two places and without a network, and compare
#                   plugin, command and packages, in 7 to 14 minutes, as root
#   make rpm        build an RPM package of the source tarball, into build/rpm/
#   make format     format the Swift sources, and list their unsafe code in docs/ARCHITECTURE.md
#   make lint       check sources, scripts and documentation for style
#   make deps       install what building and testing need
#   make clean      remove everything built

NAME := nbdkit-streaming-plugin
PLUGIN := build/$(NAME).so
PAGE := build/$(NAME).1
COMMAND := build/stream-disk
COMMAND_PAGE := build/stream-disk.1
COMPLETIONS := build/completions/stream-disk build/completions/_stream-disk \
  build/completions/stream-disk.fish
BINDING := nbdkit-swift-plugin
BINDING_PAGE := build/$(BINDING).3

VERSION = $(shell sed -n 's/.* version: String? = "\(.*\)"/\1/p' Sources/StreamingPlugin/StreamingPlugin.swift)
TARBALL = build/$(NAME)-$(VERSION).tar.gz
DEB = build/nbdkit-plugin-streaming_$(shell dpkg-parsechangelog -S Version)_$(shell dpkg --print-architecture).deb

# Where `make install` takes the plugin and the command from. Packages give build/unstripped.
PROGRAMS = build

PLUGINDIR = $(shell pkg-config nbdkit --variable=plugindir)
PREFIX = $(or $(shell pkg-config nbdkit --variable=prefix),/usr)
BINDIR = $(PREFIX)/bin
SHAREDIR = $(PREFIX)/share
MANDIR = $(SHAREDIR)/man

# Self-contained: the Swift runtime is linked in, and nothing of it shows. Never unloaded, as a
# Swift runtime can't be. Optimized across modules, as a write passes through four of them: its way
# is 300 instructions then and not 350.
OPTIMIZED = -c release -Xswiftc -static-stdlib -Xswiftc -use-ld=lld \
  -Xswiftc -cross-module-optimization $(REPRODUCIBLE)
LINKED = --disable-local-rpath -Xlinker --gc-sections -Xlinker -z -Xlinker now

# The same in every directory: paths are told from here, and what the compiler keeps for its next run,
# where its modules are and hashes that go by paths, is left out.
REPRODUCIBLE = -Xswiftc -file-prefix-map -Xswiftc '$(CURDIR)=.' -Xcc '-ffile-prefix-map=$(CURDIR)=.' \
  -Xswiftc -Xfrontend -Xswiftc -no-clang-module-breadcrumbs \
  -Xswiftc -Xfrontend -Xswiftc -disable-incremental-llvm-codegen

BUILDFLAGS = $(OPTIMIZED) --product $(NAME) $(LINKED) \
  -Xlinker --version-script='$(CURDIR)/plugin.syms' -Xlinker -z -Xlinker nodelete

SWIFT_FILES := Package.swift Sources Tests Examples
SCRIPTS := .ci/run debian/tests/stream Tests/Sanitizers/bin/nbdkit \
  $(wildcard scripts/*.sh Tests/*/Scripts/*.sh)

# In the order written: what is missing is installed before it is used.
.NOTPARALLEL:
.SECONDEXPANSION:
.PHONY: build demo check check-versions check-ceph check-guest nested-packages sanitize fuzz soak \
  bench bench-scale install uninstall man docs format lint dist check-dist deb check-deb check-systemd \
  rpm deps demo-deps bench-deps pack-deps ceph-deps guest-deps clean help

# All that is installed, so that `sudo make install` makes nothing as root.
build: $(PLUGIN) $(COMMAND) $(COMPLETIONS) man

# What a failed command has left is no result.
.DELETE_ON_ERROR:

# By file, so that `sudo make install` needs no Swift in root's PATH and builds nothing as root;
# directories too, as only they change when a file is removed.
$(PLUGIN): Makefile Package.swift plugin.syms $(shell find Sources)
	@pkg-config --exists nbdkit || { echo "nbdkit's header is missing: run 'make deps'" >&2; exit 1; }
	swift build $(BUILDFLAGS)
	$(call stripped,.build/release/lib$(NAME).so,$@)

$(COMMAND): Makefile Package.swift $(shell find Sources/StreamDisk)
	swift build $(OPTIMIZED) --product stream-disk $(LINKED)
	$(call stripped,.build/release/stream-disk,$@)

# With its symbols it is kept for packages, which make one of their own of those.
stripped = mkdir -p build/unstripped && cp $(1) build/unstripped/$(notdir $(2)) && strip -o $(2) $(1)

# Made by the command itself. What bash sources begins with no interpreter.
$(COMPLETIONS): $(COMMAND)
	mkdir -p build/completions
	$(COMMAND) --generate-completion-script bash >build/completions/stream-disk
	sed -i '1{/^#!/d}' build/completions/stream-disk
	$(COMMAND) --generate-completion-script zsh >build/completions/_stream-disk
	$(COMMAND) --generate-completion-script fish >build/completions/stream-disk.fish

# The date in them is that of the last commit, which files in a source tarball have as well.
deb $(PAGE) $(BINDING_PAGE) $(COMMAND_PAGE): export SOURCE_DATE_EPOCH ?= \
  $(shell { [ -e .git ] && git log -1 --format=%ct; } || stat -c %Y Makefile)

man: $(PAGE) $(BINDING_PAGE) $(COMMAND_PAGE)

$(PAGE) $(BINDING_PAGE) $(COMMAND_PAGE): build/%: docs/$$(basename $$*).pod
	mkdir -p build
	pod2man --section=$(subst .,,$(suffix $@)) --name=$(basename $*) --center=NBDKIT \
	  --release=$(NAME) $< $@

docs:
	swift package --allow-writing-to-directory build/docs generate-documentation \
	  --target NBDKit --target NBDKitTestKit --enable-experimental-combined-documentation \
	  --warnings-as-errors --output-path build/docs

# Through the environment: a file's name may hold anything, and a pattern of rows an asterisk.
export IMAGE FORMAT OUT QUICK ROWS WORD

demo: demo-deps build
	@scripts/demo.sh "$$IMAGE" "$$OUT" "$$FORMAT"

# Packages that depend on this one build in one place, so that each compiles no more than itself. Of the
# package before nothing is left but what is compiled.
NESTED = .build/nested
nested = rm -f $(NESTED)/*.yaml $(NESTED)/*/description.json && \
  swift build --package-path $(1) --scratch-path $(NESTED) --product $(2) $(3)

TEST = swift test --skip-build --disable-xctest

nested-packages: deps
	$(call nested,Tests/ProbePlugin,ProbePlugin)
	$(call nested,Tests/Faults,Faults)
	$(call nested,Examples/Hello,nbdkit-hello-plugin)
	$(call nested,Examples/RAMDisk,nbdkit-ramdisk-plugin)

check: export STREAMING_PLUGIN ?= $(CURDIR)/$(PLUGIN)
check: export STREAM_DISK ?= $(CURDIR)/$(COMMAND)
check: deps build nested-packages
	swift build --build-tests
ifdef FILTER
	$(TEST) --filter '$(FILTER)'
else
	# Apart: what only computes takes every core, and the others wait for processes in vain.
	$(TEST) --skip EndToEndTests
	$(TEST) --filter EndToEndTests
	swift test --package-path Examples/RAMDisk --scratch-path .build/thread --disable-xctest \
	  --sanitize=thread
	$(call newest,$(MAIN_JOB),0)
endif

# With Debian's newest nbdkit first in PATH. Where it can't be had, which is said, with the status $(2).
newest = directory=$$(scripts/nbdkit-newest.sh) || exit $$(($$? == 3 ? $(2) : 1)); \
  PATH=$$directory:$$PATH $(TEST) --filter 'EndToEndTests.($(1))'
MAIN_JOB = (RunTests|QemuImgTests|ReadingClientsTests|SignalTests)/|HostileClientTests/(everyFlag\(\)|waitingParent)

# All that runs nbdkit, with both.
check-versions: export STREAMING_PLUGIN ?= $(CURDIR)/$(PLUGIN)
check-versions: deps build nested-packages
	swift build --build-tests
	$(TEST) --filter EndToEndTests
	$(call newest,.*,3)

check-ceph: ceph-deps build
	scripts/check-ceph.sh '$(PLUGIN)'

check-guest: guest-deps build
	@scripts/check-guest.sh $(if $(WRITE),--write) $${WORD:+"$$WORD"}

# Without the two suites that only compute: they take minutes there, and make fuzz does the same.
SANITIZED = --skip 'EndToEndTests|RandomOperationsTests|EveryLayoutTests'

# Without what measures memory, limits it, runs under valgrind or looks at the release's symbols.
SERVED = --filter EndToEndTests --skip 'GivenBackTests|ScarcityTests|standsAlone' \
  --skip 'HostileClientTests/(manyConnections|endlessStream|leaks)'

# The tests of the sources, then the plugin served by nbdkit. What is found there is left in the folder.
define sanitized
	swift build --build-tests --sanitize=$(1) --scratch-path .build/$(1)
	$(TEST) --sanitize=$(1) --scratch-path .build/$(1) $(SANITIZED)
	swift build --sanitize=$(1) --scratch-path .build/$(1) --product $(NAME) \
	  -Xlinker -z -Xlinker nodelete
	rm -rf build/$(1) && mkdir -p build/$(1) && chmod 1777 build/$(1)
	cp .build/$(1)/debug/lib$(NAME).so build/$(1)/$(NAME).so
	PATH='$(CURDIR)/Tests/Sanitizers/bin':$$PATH SANITIZER=$(1) SWIFT_BACKTRACE=enable=no \
	  STREAMING_PLUGIN='$(CURDIR)/build/$(1)/$(NAME).so' \
	  ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0:log_path='$(CURDIR)/build/$(1)/found' \
	  TSAN_OPTIONS="$$TSAN_OPTIONS log_path=$(CURDIR)/build/$(1)/found" $(TEST) $(SERVED)
	! cat build/$(1)/found* 2>/dev/null
endef

sanitize: export LSAN_OPTIONS = suppressions=$(CURDIR)/Tests/Sanitizers/leaks.txt
sanitize: export TSAN_OPTIONS = suppressions=$(CURDIR)/Tests/Sanitizers/races.txt
sanitize: deps nested-packages
	$(call sanitized,address)
	$(call sanitized,thread)

FUZZ = -max_total_time=$(SECONDS) -timeout=5 -artifact_prefix=build/fuzz/ -verbosity=0

# Optimised code that checks its invariants all the same.
ASSERTING = -Xswiftc -assert-config -Xswiftc Debug

# What was reached is kept in build/fuzz and gone on from; a finding is left there too.
fuzz: SECONDS = 60
fuzz: deps
	FUZZ=1 swift build --scratch-path .build/fuzz --sanitize=fuzzer -Xswiftc -O $(ASSERTING)
	mkdir -p build/fuzz/stream build/fuzz/reads build/fuzz/decoder build/fuzz/parameters
	Tests/Fuzz/Scripts/seeds.sh build/fuzz/decoder
	.build/fuzz/debug/FuzzStream $(FUZZ) -max_len=300 build/fuzz/stream
	.build/fuzz/debug/FuzzReads $(FUZZ) -max_len=300 build/fuzz/reads
	.build/fuzz/debug/FuzzDecoder $(FUZZ) -max_len=600 -rss_limit_mb=1024 build/fuzz/decoder
	.build/fuzz/debug/FuzzParameters $(FUZZ) -max_len=200 -dict=Tests/Fuzz/parameters.dict \
	  build/fuzz/parameters

# Optimised, as most of it only computes.
SOAK = SOAK=1 swift test --disable-xctest -c release --scratch-path .build/soak \
  -Xswiftc -enable-testing $(ASSERTING) --filter

soak: SECONDS = 600
soak: export STREAMING_PLUGIN ?= $(CURDIR)/$(PLUGIN)
soak: deps build
	$(SOAK) 'EveryLayoutTests|RandomOperationsTests|RandomReadsTests'
	$(SOAK) 'DisorderedClientTests'
	# A hundred thousand, several at a time, as most of a life is waiting: by what swift test has built, which
	# itself runs one at a time.
	seq 8 | xargs -P 8 -I @ env LIVES=12500 .build/soak/release/nbdkit-streaming-pluginPackageTests.xctest \
	  --testing-library swift-testing --filter RandomLivesTests
	$(SOAK) 'StreamDiskKillTests/kills'
	$(HOSTILE)/random_signals.py --runs 5000
	$(HOSTILE)/early_signals.py --runs 10000
	$(HOSTILE)/waiting_parent.py --early 2000
	$(HOSTILE)/many_connections.py 100000
	$(HOSTILE)/endless_stream.py 65536
	$(HOSTILE)/fuzz_sessions.py --seconds $(SECONDS)

HOSTILE = /usr/bin/python3 -B Tests/EndToEndTests/Scripts/hostile

bench: bench-deps build
	$(call nested,Examples/RAMDisk,nbdkit-ramdisk-plugin,$(OPTIMIZED))
	@/usr/bin/python3 -B bench

bench-scale: bench-deps build
	@/usr/bin/python3 -B bench/scale.py

INSTALLED = '$(DESTDIR)$(PLUGINDIR)/$(NAME).so' '$(DESTDIR)$(BINDIR)/stream-disk' \
  '$(DESTDIR)$(MANDIR)/man1/$(NAME).1' '$(DESTDIR)$(MANDIR)/man1/stream-disk.1' \
  '$(DESTDIR)$(MANDIR)/man3/$(BINDING).3' \
  '$(DESTDIR)$(SHAREDIR)/bash-completion/completions/stream-disk' \
  '$(DESTDIR)$(SHAREDIR)/zsh/site-functions/_stream-disk' \
  '$(DESTDIR)$(SHAREDIR)/fish/vendor_completions.d/stream-disk.fish'

install: $(PLUGIN) $(COMMAND) $(PAGE) $(BINDING_PAGE) $(COMMAND_PAGE) $(COMPLETIONS)
	$(if $(PLUGINDIR),,$(error where nbdkit looks for plugins is not known: give PLUGINDIR=))
	set -- $(INSTALLED); for file in $(notdir $(PLUGIN) $(COMMAND)); do \
	    install -D -m 755 "$(PROGRAMS)/$$file" "$$1"; shift; done; \
	  for file in $(PAGE) $(COMMAND_PAGE) $(BINDING_PAGE) $(COMPLETIONS); do \
	    install -D -m 644 "$$file" "$$1"; shift; done

uninstall:
	rm -f $(INSTALLED)

dist:
	mkdir -p build
	@git diff --quiet HEAD || echo 'dist: what is not committed is left out' >&2
	scripts/dist.sh '$(TARBALL)'

check-dist: pack-deps dist
	scripts/check-dist.sh '$(TARBALL)'

# Not by dpkg-buildpackage, which leaves the package in the parent directory.
deb: pack-deps build
	DEB_DIR=build debian/rules clean binary
	debian/rules clean
	lintian --allow-root --fail-on error,warning '$(DEB)'
	scripts/check-deb.sh unpacked '$(DEB)'

check-deb: deb
	scripts/check-deb.sh installed '$(DEB)'

check-systemd: deb
	scripts/check-systemd.sh '$(DEB)'

# Debian's rpm knows none of Debian's packages.
rpm: pack-deps dist
	rpmlint packaging/*.spec
	rpmbuild -tb $(if $(wildcard /etc/debian_version),--nodeps) \
	  --define '_topdir $(CURDIR)/build/rpm' '$(TARBALL)'

format:
	swift format --in-place --recursive $(SWIFT_FILES)
	/usr/bin/python3 -B scripts/unsafe.py write

lint:
	swift format lint --strict --recursive $(SWIFT_FILES)
	/usr/bin/python3 -B scripts/lines.py
	podchecker -warnings docs/*.pod
	/usr/bin/python3 -B scripts/unsafe.py check
	bash -n $(SCRIPTS)
	shellcheck $(SCRIPTS)

# Only check, demo and deps install what is missing; all others say what to type.
SAY = $(if $(filter deps,$(MAKECMDGOALS)),,say)
check demo: SAY =

deps:
	@scripts/deps.sh check $(SAY)

demo-deps bench-deps pack-deps ceph-deps guest-deps:
	@scripts/deps.sh $(@:-deps=) $(SAY)

clean:
	rm -rf .build build

help:
	@sed -n 's/^#   //p' Makefile
