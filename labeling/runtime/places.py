"""Under which account the embedded server runs, and where its cluster and socket lie.

PostgreSQL refuses to run as root, so root hands it to an unprivileged account. Where that account cannot reach the data
folder, the cluster goes to another place and the data folder keeps a note of it: the rights of the folders above it are
the user's and are never changed. What only asks has no side effects: settings ask before anything
runs.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from labeling.runtime.errors import ELSEWHERE, StartError

ACCOUNT = "prefloop-postgres"  # made only where there is no account named postgres
AWAY = Path("/var/lib/prefloop")  # for what the server's account cannot reach in the user's folders
SHORT = Path("/tmp")  # not TMPDIR: every process has to find the same socket, whatever its environment
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 103  # bytes; sun_path holds 104 with its final zero on macOS, 108 on Linux
NOTE = "cluster-is-at"


@dataclass(frozen=True)
class Account:
    """Whom the server runs as."""

    name: str
    """Its name; the number as text where the system has no name for it."""
    uid: int
    """User id; -1 for an account that is yet to be made."""
    groups: tuple[int, ...]
    """Group ids, the primary one first."""

    @property
    def is_self(self) -> bool:
        """Whether this process runs as it already."""
        return self.uid == os.geteuid()

    @property
    def owner(self) -> tuple[int, int]:
        """(uid, gid) for files made for it."""
        return self.uid, self.groups[0]

    def run(self, command: list[str], *, check: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command as this account, in /, with the few variables it needs: not with this process's secrets."""
        environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        environment["LC_ALL"] = "C"
        user, group, extra = (None, None, None) if self.is_self else (self.uid, self.groups[0], self.groups[1:])
        return subprocess.run(
            command,
            user=user,
            group=group,
            extra_groups=extra,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=check,
            start_new_session=True,  # Ctrl-C in the terminal is for Prefloop, which then stops the server in order
        )


def account_of(uid: int) -> Account:
    """The account with this user id, whether or not it has a name."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:  # a container may run under a number alone
        return Account(str(uid), uid, (os.getegid(),) if uid == os.geteuid() else (uid,))
    return Account(
        entry.pw_name, uid, (entry.pw_gid, *(set(os.getgrouplist(entry.pw_name, entry.pw_gid)) - {entry.pw_gid}))
    )


def server_account(home: Path) -> Account:
    """Whom a server of ``home`` runs as: this user; for root the owner of ``home``, else an unprivileged account."""
    if os.geteuid() != 0:
        return account_of(os.geteuid())
    owner = _owner_of(home)
    if owner:
        return account_of(owner)
    for name in ("postgres", ACCOUNT):
        try:
            return account_of(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    return Account(ACCOUNT, -1, (-1,))


def make_account() -> Account:
    """Make the unprivileged system account, without a login, under which root runs the server.

    Raises:
        StartError: the system has no way to make one, or refuses.
    """
    shell = shutil.which("nologin", path="/usr/sbin:/sbin:/usr/bin:/bin") or "/bin/false"
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", shell]
    try:
        subprocess.run(["useradd", *options, ACCOUNT], check=True, capture_output=True, text=True)
        return account_of(pwd.getpwnam(ACCOUNT).pw_uid)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        detail = (getattr(error, "stderr", "") or str(error)).strip()
        raise StartError(
            f"PostgreSQL does not run as root and the account {ACCOUNT} could not be made ({detail}). "
            f"Start Prefloop as an ordinary user, or set DATABASE_URL."
        ) from error


def home_of(data_folder: Path) -> Path:
    """Where the cluster of this data folder is or will be: the folder itself, or a place its account can reach."""
    folder = data_folder.resolve()
    note = folder / NOTE
    if os.access(folder, os.R_OK | os.X_OK) and note.is_file():
        return Path(note.read_text().strip())
    if os.geteuid() != 0 or (folder / "cluster").exists() or can_reach(folder, server_account(folder)):
        return folder
    return AWAY / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def socket_folder(home: Path) -> Path:
    """The private folder of the socket; a short one where its path is too long or libpq would misread it."""
    folder = home / "socket"
    path = os.fsencode(folder / SOCKET_NAME)
    if len(path) <= LONGEST_SOCKET_PATH and not set(b",\"'\\") & set(path):
        return folder
    return SHORT / f"prefloop-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


def can_reach(folder: Path, account: Account) -> bool:
    """Whether the account may pass through every existing folder above ``folder``, which itself may be missing."""
    return all(_may_pass(parent.stat(), account) for parent in folder.parents if parent.exists())


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing.

    Root lets others pass through, not look into, the folders made here, whatever the umask: the server's account has to
    reach the cluster. Folders that exist keep their rights.
    """
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        for place in reversed(missing):
            place.mkdir()
            if os.geteuid() == 0:
                place.chmod(stat.S_IMODE(place.stat().st_mode) | 0o711)
    except FileExistsError:
        make_folder(folder)  # another process made one of them at the same moment
    except OSError as error:
        raise StartError(f"The folder {folder} cannot be made ({error.strerror}): {ELSEWHERE}.") from error


def make_private_folder(folder: Path, account: Account) -> None:
    """Make ``folder`` with mode 0700 for the account, or check that nobody else made it first.

    Raises:
        StartError: it is a link, no folder, or another's.
    """
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise StartError(f"The folder {folder} cannot be made ({error.strerror}): {ELSEWHERE}.") from error
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise StartError(
            f"{folder} should be a folder and is {stat.filemode(found.st_mode)}: remove it, or {ELSEWHERE}."
        )
    if found.st_uid not in {account.uid, os.geteuid()}:
        owner = account_of(found.st_uid).name
        raise StartError(f"{folder} belongs to {owner}: start Prefloop as {owner} or root, or {ELSEWHERE}.")
    if found.st_uid != account.uid:
        os.chown(folder, *account.owner, follow_symlinks=False)
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)


def _owner_of(folder: Path) -> int | None:
    try:
        return folder.stat().st_uid
    except OSError:
        return None


def _may_pass(found: os.stat_result, account: Account) -> bool:
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid in account.groups:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)
