"""What a command gets where the environment names no server: settings for this machine, and the embedded database."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from labeling.runtime.places import make_folder
from labeling.runtime.postgres import EmbeddedPostgres

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SECRET_KEY_FILE = "secret_key"
# Everything else may reach for the database; makemigrations does, to compare the history it finds there.
WITHOUT_DATABASE = {
    "check",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "run",  # keeps the database itself, for longer than its own steps
    "sendtestemail",
    "spectacular",
    "startapp",
    "startproject",
    "version",
}
HELP = {"-h", "--help", "--version"}


def data_folder() -> Path:
    """DATA_DIR, or .data beside the code; as the settings read it."""
    return Path(os.environ.get("DATA_DIR", "").strip() or REPOSITORY / ".data").expanduser().resolve()


def uses_embedded_database() -> bool:
    """Whether no server is named by DATABASE_URL."""
    return not os.environ.get("DATABASE_URL", "").strip()


def needs_database(arguments: Sequence[str]) -> bool:
    """Whether this ``manage.py`` command line may reach for the database."""
    if not arguments or HELP & set(arguments):
        return False
    return arguments[0] not in WITHOUT_DATABASE or any(word.startswith("--database") for word in arguments)


def is_local(arguments: Sequence[str]) -> bool:
    """Whether the command line gets settings for this machine alone.

    ``check --deploy`` judges the environment as it is, and a named server means a deployment, which sets its own.
    """
    return (uses_embedded_database() and "--deploy" not in arguments) or arguments[:1] == ["run"]


def set_local_environment(folder: Path) -> None:
    """Set what a single machine needs and nobody set: a secret key of its own, plain HTTP, its own names."""
    if not os.environ.get("SECRET_KEY", "").strip():
        os.environ["SECRET_KEY"] = secret_key(folder)
    os.environ.setdefault("HTTPS", "0")
    os.environ.setdefault("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")


def secret_key(folder: Path) -> str:
    """The secret key of this data folder, made once and readable by its owner alone."""
    path = folder / SECRET_KEY_FILE
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    make_folder(folder)
    scratch = folder / f"{SECRET_KEY_FILE}.{os.getpid()}"
    scratch.unlink(missing_ok=True)
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(50))
    with suppress(FileExistsError):
        os.link(scratch, path)  # two first starts at once: one key wins, whole, and both read it
    scratch.unlink()
    return path.read_text().strip()


@contextmanager
def surroundings(arguments: Sequence[str]) -> Iterator[None]:
    """Run a ``manage.py`` command with what it needs around it; a server named by DATABASE_URL is left alone.

    Raises:
        StartError: the embedded database cannot run.
    """
    folder = data_folder()
    if is_local(arguments):
        set_local_environment(folder)
    if not (uses_embedded_database() and needs_database(arguments)):
        yield
        return
    with EmbeddedPostgres(folder / "postgres").running():
        yield
