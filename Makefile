# SPDX-License-Identifier: ISC
#
#   make              build/multidropd
#   make demo         the main job, shown between real servers
#   make check        every test; SANITIZE=1 runs it under ASan and UBSan
#   make lint         warnings, clang-tidy, cppcheck, include table, options documented
#   make torture      10,000 random faults, and some with the real ledger; SEED=n RUNS=n repeats, FAULTS=n
#   make coverage     line and branch coverage of make check, by folder
#   make fuzz         each fuzzer of tests/fuzz for SECONDS=60, with clang
#   make bench        messages a second of the main job
#   make bench-route  headers routed a second
#   make packages     installs the Debian packages that a build needs
#   make install      DESTDIR, PREFIX, SYSCONFDIR, MANDIR, UNITDIR are honoured
#
# V=1 shows the commands. ONLY=pattern runs the tests whose name holds it. NO_INSTALL=1 keeps all targets from
# installing Debian packages.

VERSION    = 0.1.0
PREFIX     = /usr/local
SBINDIR    = $(PREFIX)/sbin
MANDIR     = $(PREFIX)/share/man
SYSCONFDIR = /etc
UNITDIR    = $(PREFIX)/lib/systemd/system

CC         = gcc
PKG_CONFIG = pkg-config
LIBRARIES  = libevent libevent_openssl openssl libconfuse libgsasl sqlite3 libidn2
# The journal, notify and the watchdog; the daemon also builds and runs without.
SYSTEMD   := $(shell $(PKG_CONFIG) --exists libsystemd 2>/dev/null && echo 1)

Q       := $(if $(V),,@)
BUILD    = build/$(if $(FUZZ),fuzz,$(if $(COVERAGE),coverage,$(if $(SANITIZE),sanitize,release)))
CFLAGS   = -O2 -g
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wformat=2 -Wwrite-strings \
           -Wundef -Wvla -Wimplicit-fallthrough=3 -Werror
HARDEN   = -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE -D_FORTIFY_SOURCE=2
LINKHARD = -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifeq ($(SANITIZE),1)
CFLAGS   = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
HARDEN   = -fPIE
endif
ifeq ($(COVERAGE),1)
CFLAGS   = -O0 -g --coverage -fprofile-update=atomic
HARDEN   = -fPIE
endif

ifeq ($(FUZZ),1)
CC       = clang
CFLAGS   = -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined
WARNINGS = -Wall
HARDEN   = -fPIE
endif

PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(LIBRARIES) 2>/dev/null)
PKG_LIBS   := $(shell $(PKG_CONFIG) --libs $(LIBRARIES) $(if $(SYSTEMD),libsystemd) 2>/dev/null)

ALL_CPPFLAGS = -std=c17 -D_GNU_SOURCE -Iinclude -DMULTIDROPD_VERSION='"$(VERSION)"' \
               $(if $(SYSTEMD),-DHAVE_SYSTEMD) $(CPPFLAGS)
ALL_CFLAGS   = $(WARNINGS) $(HARDEN) $(CFLAGS) $(PKG_CFLAGS)
LDLIBS       = $(PKG_LIBS) -lpthread

SOURCES  = $(filter-out src/main.c src/ctl/% src/import/%,$(wildcard src/*/*.c))
OBJECTS  = $(SOURCES:%.c=$(BUILD)/%.o)
ARCHIVE  = $(BUILD)/libmultidropd.a

# A test links the archive; a fake that it brings along comes first and takes the real one's place.
FAKES        = $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/conversations/test_%.c $(ON_DISK),$(wildcard tests/conversations/*.c)))
# The real ledger behind the interface of the one in memory.
ON_DISK      = tests/conversations/ledger_on_disk.c
IN_MEMORY    = $(patsubst %,$(BUILD)/tests/conversations/fake_%.o,ledger listing known seen)
UNIT_TESTS   = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
SCRIPT_TESTS = $(patsubst tests/conversations/%.c,$(BUILD)/tests/conversation_%,$(wildcard tests/conversations/test_*.c))

FUZZERS      = $(patsubst tests/fuzz/%.c,$(BUILD)/tests/%,$(wildcard tests/fuzz/*.c))
FUZZ_FAKES   = $(addprefix $(BUILD)/tests/conversations/,fake_loop.o fake_stream.o fake_tls.o)

all: $(BUILD)/multidropd

$(BUILD)/multidropd: $(BUILD)/src/main.o $(ARCHIVE)
	@echo "  $(@:$(BUILD)/%=%)"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(LINKHARD) -o $@ $^ $(LDLIBS)

$(ARCHIVE): $(OBJECTS)
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  $(@:$(BUILD)/%=%)"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/test_%: $(BUILD)/tests/unit/test_%.o $(ARCHIVE)
	@echo "  $(@:$(BUILD)/%=%)"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(LINKHARD) -o $@ $< $(ARCHIVE) -lcmocka $(LDLIBS)

$(BUILD)/tests/conversation_%: $(BUILD)/tests/conversations/%.o $(FAKES) $(ARCHIVE)
	@echo "  $(@:$(BUILD)/%=%)"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(LINKHARD) -o $@ $< $(FAKES) $(ARCHIVE) -lcmocka $(LDLIBS)

$(BUILD)/tests/conversation_test_torture_disk: $(BUILD)/tests/conversations/test_torture_disk.o \
		$(filter-out $(IN_MEMORY),$(FAKES)) $(ON_DISK:%.c=$(BUILD)/%.o) $(ARCHIVE)
	@echo "  $(@:$(BUILD)/%=%)"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(LINKHARD) -o $@ $^ -lcmocka $(LDLIBS)

$(BUILD)/tests/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(FUZZ_FAKES) $(ARCHIVE)
	@echo "  $(@:$(BUILD)/%=%)"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $< $(FUZZ_FAKES) $(ARCHIVE) $(LDLIBS)

tests: $(UNIT_TESTS) $(SCRIPT_TESTS)

# Lets the integration tests run a Dovecot that is unpacked, not installed.
UNPACKED = $(BUILD)/tests/unpacked.so

$(UNPACKED): tests/integration/unpacked.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARNINGS) -O2 -shared -fPIC -o $@ $<

# Makes the daemon's calls fail, one in a run.
FAILING = $(BUILD)/tests/failing.so

$(FAILING): tests/integration/failing.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARNINGS) -O2 -shared -fPIC -o $@ $<

PYTHON      = $(or $(wildcard /usr/bin/python3),python3)
TEST_ENV    = PYTHONDONTWRITEBYTECODE=1 MULTIDROPD=$(BUILD)/multidropd MULTIDROPD_UNPACKED=$(UNPACKED) \
              MULTIDROPD_FAILING=$(FAILING)
INTEGRATION = $(wildcard tests/integration/test_*.py)

# Two steps each, so that make sees what the first one installed.
check demo lint coverage bench:
	@tests/packages $(patsubst bench,demo,$@)
	@+$(MAKE) --no-print-directory $(if $(filter coverage,$@),COVERAGE=1) $@-here

packages:
	@tests/packages build

check-here: $(BUILD)/multidropd $(UNPACKED) $(FAILING) tests
	@$(TEST_ENV) $(PYTHON) tests/run $(if $(ONLY),--only '$(ONLY)') $(INTEGRATION) $(UNIT_TESTS) $(SCRIPT_TESTS)

# Each time another seed, which is printed.
TORTURES = $(BUILD)/tests/conversation_test_torture $(BUILD)/tests/conversation_test_torture_disk
torture: export SEED := $(or $(SEED),$(shell date +%s000))
torture: export FAULTS := $(or $(FAULTS),10000)
torture: $(TORTURES)
	@$(BUILD)/tests/conversation_test_torture
	@FAULTS=$$(($$FAULTS / 10)) $(BUILD)/tests/conversation_test_torture_disk

demo-here: $(BUILD)/multidropd $(UNPACKED)
	@$(TEST_ENV) DEMO_KEEP=$(DEMO_KEEP) $(PYTHON) tests/demo/demo.py

bench-here: $(BUILD)/multidropd $(UNPACKED)
	@$(TEST_ENV) $(PYTHON) tests/bench/bench.py

$(BUILD)/tests/bench_%: $(BUILD)/tests/bench/bench_%.o $(ARCHIVE)
	@echo "  $(@:$(BUILD)/%=%)"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(LINKHARD) -o $@ $< $(ARCHIVE) $(LDLIBS)

bench-route: $(BUILD)/tests/bench_route
	@$<

lint-here: all tests
	@CFLAGS='$(filter-out -DMULTIDROPD_VERSION%,$(ALL_CPPFLAGS)) $(PKG_CFLAGS)' tests/lint/run

fuzz:
	@tests/packages build fuzz
	@+$(MAKE) --no-print-directory FUZZ=1 fuzz-here

# A crash leaves its input in build/fuzz.
SECONDS = 60
fuzz-here: $(FUZZERS)
	@set -e; for fuzzer in $(FUZZERS); do echo "== $$fuzzer"; \
	dictionary=tests/fuzz/$$(basename $$fuzzer | sed 's/fuzz_//; s/_session//').dict; \
	$$fuzzer -max_total_time=$(SECONDS) -artifact_prefix=build/fuzz/ -print_final_stats=1 \
	$$(test -f $$dictionary && echo -dict=$$dictionary) 2>&1 | grep -E 'ERROR|SUMMARY|Test unit|number_of_executed_units' | tee build/fuzz/last; \
	! grep -q SUMMARY build/fuzz/last; done

coverage-here: check-here
	@$(PYTHON) tests/coverage $(BUILD)

# The sample is installed beside a configuration, never over it.
install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(SYSCONFDIR)/multidropd $(DESTDIR)$(UNITDIR)
	install -m 755 $(BUILD)/multidropd $(DESTDIR)$(SBINDIR)/multidropd
	install -m 644 man/multidropd.8 $(DESTDIR)$(MANDIR)/man8
	install -m 644 man/multidropd.conf.5 $(DESTDIR)$(MANDIR)/man5
	install -m 644 etc/multidropd.conf $(DESTDIR)$(SYSCONFDIR)/multidropd/multidropd.conf.sample
	sed -e 's:/usr/local/sbin:$(SBINDIR):g' -e 's:/etc/multidropd:$(SYSCONFDIR)/multidropd:g' etc/multidropd.service \
	    >$(DESTDIR)$(UNITDIR)/multidropd.service

clean:
	rm -rf build

.PHONY: all tests torture fuzz fuzz-here check demo lint coverage bench bench-route packages install clean check-here demo-here lint-here coverage-here bench-here
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
