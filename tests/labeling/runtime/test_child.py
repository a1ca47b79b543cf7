from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CHILD = ROOT / "labeling" / "runtime" / "child.py"
# A parent that starts a command under child.py, tells its pid and is then killed.
PARENT = """
import os, subprocess, sys
mode, path = sys.argv[1:]
runner = [sys.executable, path, str(os.getpid())]
if mode == "watch":
    code = "import sys; sys.path.insert(0, sys.argv[1]); import child; child.watch(int(sys.argv[2]), sys.argv[3:])"
    runner = [sys.executable, "-c", code, os.path.dirname(path), str(os.getpid())]
inner = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
subprocess.run([*runner, sys.executable, "-c", inner])
"""


def start(mode: str) -> tuple[subprocess.Popen[str], int]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, mode, str(CHILD)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        return parent, int(parent.stdout.readline())


def ended(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def test_the_kernel_ends_the_command_with_its_parent(eventually):
    parent, command = start("exec")

    parent.kill()
    parent.wait()

    assert eventually(lambda: ended(command))


def test_without_the_kernels_help_the_command_is_watched(eventually):
    parent, command = start("watch")

    parent.kill()
    parent.wait()

    assert eventually(lambda: ended(command))


def test_a_command_whose_parent_is_gone_already_is_not_started(tmp_path):
    mark = tmp_path / "mark"
    gone = subprocess.Popen(["true"])
    gone.wait()

    done = subprocess.run([sys.executable, str(CHILD), str(gone.pid), "touch", str(mark)], check=False)

    assert done.returncode == 1
    assert not mark.exists()


def test_the_commands_status_is_passed_on():
    done = subprocess.run([sys.executable, str(CHILD), str(os.getpid()), "sh", "-c", "exit 7"], check=False)

    assert done.returncode == 7
