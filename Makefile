# SPDX-License-Identifier: ISC
#
#   make              build/multidropd
#   make demo         the main job, shown between real servers
#   make check        every test; SANITIZE=1 runs it under ASan and UBSan
#   make lint         warnings, clang-tidy, cppcheck, include table, options documented
#   make coverage     line and branch coverage of make check
#   make install      DESTDIR, PREFIX, SYSCONFDIR, MANDIR, UNITDIR are honoured
#
# V=1 shows the commands. NO_INSTALL=1 keeps demo and check from installing Debian packages.

VERSION    = 0.1.0
PREFIX     = /usr/local
SBINDIR    = $(PREFIX)/sbin
MANDIR     = $(PREFIX)/share/man
SYSCONFDIR = /etc
UNITDIR    = $(PREFIX)/lib/systemd/system

CC         = gcc
PKG_CONFIG = pkg-config
LIBRARIES  = libevent libevent_openssl openssl libconfuse libgsasl sqlite3
# The journal, notify and the watchdog; the daemon also builds and runs without.
SYSTEMD   := $(shell $(PKG_CONFIG) --exists libsystemd 2>/dev/null && echo 1)

Q       := $(if $(V),,@)
BUILD    = build/$(if $(COVERAGE),coverage,$(if $(SANITIZE),sanitize,release))
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
CFLAGS   = -O0 -g --coverage
HARDEN   = -fPIE
endif

ALL_CPPFLAGS = -std=c17 -D_GNU_SOURCE -Iinclude -DMULTIDROPD_VERSION='"$(VERSION)"' \
               $(if $(SYSTEMD),-DHAVE_SYSTEMD) $(CPPFLAGS)
ALL_CFLAGS   = $(WARNINGS) $(HARDEN) $(CFLAGS) $(shell $(PKG_CONFIG) --cflags $(LIBRARIES) 2>/dev/null)
LDLIBS       = $(shell $(PKG_CONFIG) --libs $(LIBRARIES) $(if $(SYSTEMD),libsystemd) 2>/dev/null) -lpthread

SOURCES  = $(filter-out src/main.c src/ctl/% src/import/%,$(wildcard src/*/*.c))
OBJECTS  = $(SOURCES:%.c=$(BUILD)/%.o)
ARCHIVE  = $(BUILD)/libmultidropd.a

# A test links the archive; a fake that it brings along comes first and takes the real one's place.
FAKES        = $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/conversations/test_%.c,$(wildcard tests/conversations/*.c)))
UNIT_TESTS   = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
SCRIPT_TESTS = $(patsubst tests/conversations/%.c,$(BUILD)/tests/conversation_%,$(wildcard tests/conversations/test_*.c))

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

tests: $(UNIT_TESTS) $(SCRIPT_TESTS)

clean:
	rm -rf build

.PHONY: all tests clean
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
