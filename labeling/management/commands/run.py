"""``make run``: everything on one machine, from the database to the worker, until Ctrl-C."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections

from labeling.runtime.errors import StartError
from labeling.runtime.fingerprints import fingerprint, is_done, mark_done
from labeling.runtime.gpus import num_gpus
from labeling.runtime.local import REPOSITORY, uses_embedded_database
from labeling.runtime.locks import FileLock
from labeling.runtime.places import make_folder
from labeling.runtime.ports import address_to_ask, answers, require_free_port
from labeling.runtime.postgres import EmbeddedPostgres
from labeling.runtime.supervisor import Backoff, Interruption, Program, Supervisor, run_step

LOOK_SECONDS = 1.0  # how often the database is looked after, and the web server until it answers


class Command(BaseCommand):
    """Start the database, bring it up to date, then keep the web server and the worker running."""

    help = "Start everything on this machine: database, web server and worker. Ctrl-C stops all of them."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until a signal ends it."""
        interruption = Interruption()
        with interruption.listening():
            try:
                Run(Screen()).until(interruption)
            except KeyboardInterrupt:
                self.stderr.write("Stopped.")
            except StartError as error:
                raise CommandError(f"Prefloop cannot start: {error}") from None


class Screen:
    """Lines for the person at the terminal, each with the seconds since the start."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.open = True

    def say(self, text: str) -> None:
        """Write one line at once. A reader that went away is no reason to stop."""
        if not self.open:
            return
        try:
            sys.stdout.write(f"{time.monotonic() - self.began:7.1f} s  {text}\n")
            sys.stdout.flush()
        except OSError:
            self.open = False


class Run:
    """One run of everything, on the data folder of the settings."""

    def __init__(self, screen: Screen) -> None:
        self.say = screen.say
        self.data: Path = settings.DATA_DIR
        self.host: str = settings.HOST
        self.port: int = settings.PORT
        self.server = EmbeddedPostgres(self.data / "postgres") if uses_embedded_database() else None
        self.backoff = Backoff()
        self.next_look = 0.0
        self.announced = False

    def until(self, interruption: Interruption) -> None:
        """Start all in order, supervise, and stop all in the opposite order."""
        with ExitStack() as stack:
            stack.enter_context(only_one(self.data))
            require_free_port(host=self.host, port=self.port)
            self.say("Database")
            if self.server is not None:
                stack.enter_context(self.server.running())
            self.prepare()
            supervisor = Supervisor(self.programs(), logs=self.data / "logs", say=self.say)
            self.say("Web server and worker")
            supervisor.run(interruption=interruption, tend=lambda: self.tend(interruption))
            self.say("Database stops")
        self.say("Stopped")

    def prepare(self) -> None:
        """Bring database, files and demo up to date; each step is quick when there is nothing to do."""
        try:
            self.say("Tables")
            call_command("migrate", interactive=False, verbosity=0)
            self.say("Static files")
            collect_static_files(settings.STATIC_ROOT)
            if "demo" in get_commands():
                self.say("Demo project")
                call_command("demo")
        except OperationalError as error:
            raise StartError(f"the database does not answer: {str(error).strip()}") from error
        finally:
            for connection in connections.all(initialized_only=True):
                connection.close()
        if "prepare_model" in get_commands():
            self.say("Model")
            self.prepare_model()

    def prepare_model(self) -> None:
        """Make or check the model in a process of its own, unless that was done: loading it takes half of a start."""
        digest, note = model_fingerprint(), self.data / "model-is-ready"
        if is_done(note, digest) and (settings.MODEL or any((self.data / "models").glob("*"))):
            return
        status = run_step([*manage(), "prepare_model"])
        if status != 0:
            raise StartError(f"the model could not be made ready (status {status}); the lines above say why")
        mark_done(note, digest)

    def programs(self) -> list[Program]:
        """What is kept running: web processes, a worker for each GPU or one on the CPU, a writer for conversations,
        and the importer."""
        command = web_command(host=self.host, port=self.port)
        webs = [Program(f"web{number or ''}", command) for number in range(settings.WEB_PROCESSES)]
        worker = [*manage(), "worker", "--queues", "training", "--slot"]
        others = [Program(f"worker{slot}", [*worker, str(slot)]) for slot in range(1, num_gpus(os.environ))]
        writer = Program("writer", [*manage(), "worker", "--queues", "conversations"])
        importer = Program("importer", [*manage(), "importer"])
        return [*webs, Program("worker", [*worker, "0"]), *others, writer, importer]

    def tend(self, interruption: Interruption) -> None:
        """Once a second: announce the web server when it answers, and start a database that died."""
        if time.monotonic() < self.next_look:
            return
        self.next_look = time.monotonic() + LOOK_SECONDS
        if not self.announced and answers(host=self.host, port=self.port, path="/healthz"):
            self.announced = True
            self.say(f"Prefloop is at http://{address_to_ask(self.host)}:{self.port}/ (Ctrl-C stops it)")
        if self.server is not None and not self.server.is_alive():
            with interruption.counted(False):
                self.restart_database(self.server)

    def restart_database(self, server: EmbeddedPostgres) -> None:
        """Start the database again; when it cannot start, say why and try again later."""
        self.say("The database died; it starts again")
        try:
            server.ensure_started()
        except StartError as error:
            delay = self.backoff.after(0)
            self.next_look = time.monotonic() + delay
            self.say(f"{error} Next try in {delay:g} s")
            return
        self.backoff = Backoff()
        self.say("Database")


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Keep a second run away from this data folder.

    Raises:
        StartError: one is there; names its process.
    """
    make_folder(data)
    lock = FileLock(data / "run.lock")
    try:
        if not lock.take_alone(wait=False):
            raise StartError(
                f"it already runs on {data} (process {lock.read() or 'unknown'}). Stop that one with Ctrl-C, "
                f"or name another data folder: DATA_DIR=... make run"
            )
        lock.write(str(os.getpid()))
        yield
    finally:
        lock.release()


def collect_static_files(target: Path) -> None:
    """collectstatic, unless nothing changed: compressing the files takes most of a start."""
    sources = [Path(storage.path(name)) for finder in get_finders() for name, storage in finder.list(None)]
    digest, note = fingerprint(sources), target / ".collected"
    if is_done(note, digest):
        return
    shutil.rmtree(target, ignore_errors=True)
    call_command("collectstatic", interactive=False, verbosity=0)
    mark_done(note, digest)


def model_fingerprint() -> str:
    """What the model is made of: its folder or name, or the corpus that the default one is trained on."""
    named = Path(settings.MODEL)
    files = named.glob("*") if settings.MODEL and named.is_dir() else [Path(settings.DEMO_CORPUS)]
    return f"{settings.MODEL} {fingerprint(file for file in files if file.is_file())}"


def web_command(*, host: str, port: int) -> list[str]:
    """The command line of a web process."""
    return [sys.executable, "-m", "labeling.runtime.web", "--host", host, "--port", str(port)]


def manage() -> list[str]:
    """The beginning of a command line for a management command."""
    return [sys.executable, str(REPOSITORY / "manage.py")]
