"""Which process is a server of this data folder. A pid in a file is no proof: by now it may be another's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

PROC = Path("/proc")
SERVER_NAMES = {"postgres", "postmaster"}


def is_server_of(pid: int, cluster: Path) -> bool:
    """Whether ``pid`` is a live postmaster that was started on ``cluster``. A zombie has no command line and is not."""
    # Not the start time, because clocks are set; and not the working folder, because containers hide that of another
    # account from root. Everybody may read the command line, and only a postmaster of this folder has this one.
    program, _, arguments = command_line(pid).partition(" -D ")
    return Path(program).name in SERVER_NAMES and f"{arguments} ".startswith(f"{cluster} ")


def orphans_of(cluster: Path) -> list[int]:
    """Server processes that work in ``cluster``: children of a killed postmaster when there is no postmaster.

    Empty where /proc is missing or hidden; PostgreSQL itself then refuses to start beside them.
    """
    if not PROC.is_dir():
        return []
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal() and _works_in(entry, cluster)]


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie, which its parent has not yet collected, does not."""
    if (PROC / "self").exists():
        try:
            # The name may hold blanks and brackets: the state is the first word after the last bracket.
            return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
        except (OSError, IndexError):
            return False
    state = _ps(pid, "stat")
    return bool(state) and not state.startswith("Z")


def command_line(pid: int) -> str:
    """The process's command and arguments with blanks between; empty for none, a zombie, or one that is hidden."""
    if (PROC / "self").exists():
        try:
            arguments = (PROC / str(pid) / "cmdline").read_bytes()
        except OSError:
            return ""
        return os.fsdecode(arguments).rstrip("\0").replace("\0", " ")
    return _ps(pid, "command")


def _works_in(process: Path, cluster: Path) -> bool:
    try:
        program = os.readlink(process / "exe").removesuffix(" (deleted)")  # an upgrade replaced the file meanwhile
        return os.readlink(process / "cwd") == str(cluster) and Path(program).name in SERVER_NAMES
    except OSError:
        return False


def _ps(pid: int, column: str) -> str:
    """One column of ps, for systems without /proc."""
    finished = subprocess.run(["ps", "-p", str(pid), "-o", f"{column}="], capture_output=True, text=True, check=False)
    return finished.stdout.strip()
