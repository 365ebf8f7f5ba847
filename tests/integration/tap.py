# SPDX-License-Identifier: ISC
"""A test program: functions marked @test, run in their order, reported as TAP (testanything.org)."""
import contextlib
import os
import signal
import sys
import traceback
import unittest

_tests = []

# unittest's assertions, for their messages
check = unittest.TestCase()
check.maxDiff = 4000


class Skip(Exception):
    """Raised by a test that cannot run here; the text says why."""


def test(function):
    _tests.append(function)
    return function


def main(setting=None):
    """Runs the tests named on the command line, or all, within `setting`, a context that they share.

    Told to stop, it ends its servers first.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = [function for function in _tests if len(sys.argv) < 2 or function.__name__ in sys.argv[1:]]
    print(f"1..{len(chosen)}", flush=True)
    failed = 0
    with setting or contextlib.nullcontext():
        for number, function in enumerate(chosen, 1):
            result, name = _run(function), function.__name__.replace("_", " ")
            failed += result.startswith("not ok")
            first, _, rest = result.partition("\n")
            print(f"{first.format(number=number, name=name)}\n{rest}", end="", flush=True)
    sys.stdout.flush()
    os._exit(failed > 0)    # threads of scripted servers may still wait for somebody


def _run(function):
    try:
        function()
        return "ok {number} - {name}\n"
    except Skip as skip:
        return f"ok {{number}} - {{name}} # SKIP {skip}\n"
    except Exception:
        lines = "".join(f"# {line}\n" for line in traceback.format_exc().splitlines())
        return "not ok {number} - {name}\n" + lines
