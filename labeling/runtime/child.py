"""Run a command that ends when its parent does: ``python child.py PARENT COMMAND ARGUMENT...``

Run by path, so that nothing else is imported first. Linux sends the signal itself, by a mark that stays over exec;
elsewhere this process stays beside the command and watches.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
WATCH_SECONDS = 0.5


def main(parent: int, command: list[str]) -> int:
    """Become the command, or run it and watch the parent; then the command's exit status."""
    if not die_with_parent():
        return watch(parent, command)
    if os.getppid() != parent:  # it died before the mark was set
        return 1
    return os.execvp(command[0], command)


def die_with_parent() -> bool:
    """Have the kernel send SIGTERM when the parent dies; False where it can't."""
    try:
        return bool(ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0) == 0)
    except (AttributeError, OSError):
        return False


def watch(parent: int, command: list[str]) -> int:
    """Run the command, hand on the signals that end it, and send SIGTERM when the parent is gone."""
    running = subprocess.Popen(command)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda received, _frame: running.send_signal(received))
    while running.poll() is None:
        if os.getppid() != parent:
            running.terminate()
        time.sleep(WATCH_SECONDS)
    return running.returncode if running.returncode >= 0 else 128 - running.returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
