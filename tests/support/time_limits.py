"""Checks that must end: what one came to, whether it holds, fails, hangs or warns."""

import faulthandler
import signal
import tempfile
import traceback
import warnings
from pathlib import Path


class TooLong(BaseException):
    """A check takes longer than it may."""


def outcome_of(check, seconds, ignored=()):
    """What ``check(folder)`` returns within its time, "fault: ..." if something was wrong; warnings are errors.

    Parameters
    ----------
    check : callable
        Takes an empty folder, a Path.
    seconds : float
        After three times as many, in code that no signal reaches, the process ends.
    ignored : sequence of warning categories
    """

    def ring(*_):
        raise TooLong(f"more than {seconds} s")

    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(3 * seconds, exit=True)
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("error")
            for category in ignored:
                warnings.simplefilter("ignore", category)
            return check(Path(folder))
    except (Exception, TooLong):
        return f"fault: {traceback.format_exc(limit=-8)}"
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
