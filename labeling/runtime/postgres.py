"""An embedded PostgreSQL for one data folder, shared by all processes that work on it.

    with EmbeddedPostgres(DATA_DIR / "postgres").running():
        ...

Whoever enters first starts the server and whoever leaves last stops it. The kernel counts the holders, by shared locks
on a file: a killed holder counts no more, so no count can be wrong.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from labeling.runtime.cluster import SUPERUSER, Cluster
from labeling.runtime.locks import FileLock, alone
from labeling.runtime.places import (
    NOTE,
    home_of,
    make_account,
    make_folder,
    make_private_folder,
    server_account,
    socket_folder,
)

logger = logging.getLogger(__name__)

ROLE = "prefloop"  # may make databases, which tests need, and is no superuser: no programs, no files of the server
DATABASE = "prefloop"


def connection_parameters(data_folder: Path) -> dict[str, Any]:
    """How to reach the database of this data folder, in libpq's words. Starts nothing and changes nothing."""
    return {"host": str(socket_folder(home_of(data_folder))), "port": "5432", "user": ROLE, "dbname": DATABASE}


def connection_url(data_folder: Path) -> str:
    """The same as an address for DATABASE_URL."""
    host = quote(connection_parameters(data_folder)["host"], safe="")
    return f"postgresql://{ROLE}@/{DATABASE}?host={host}&port=5432"


class EmbeddedPostgres:
    """The server of ``data_folder``, which holds nothing else. ``durable=False`` trades safety in a crash for speed."""

    def __init__(self, data_folder: Path, *, durable: bool = True) -> None:
        self.data_folder = data_folder.resolve()
        self.durable = durable

    @contextmanager
    def running(self) -> Iterator[EmbeddedPostgres]:
        """Keep the server running during the block: join it or start it, and stop it when nobody else uses it.

        Raises:
            StartError: it cannot run; the message says why and what to do.
        """
        cluster = self._prepare()
        users = FileLock(cluster.home / "users.lock", owner=cluster.account.owner)
        try:
            self._enter(cluster, users)
            yield self
        finally:
            self._leave(cluster, users)

    def is_alive(self) -> bool:
        """Whether the server's first process lives."""
        return self._cluster().postmaster() is not None

    def ensure_started(self) -> None:
        """Start the server again if it died. For a holder, inside ``running()``."""
        cluster = self._cluster()
        with alone(cluster.home / "start.lock", owner=cluster.account.owner):
            self._start(cluster)

    def ensure_database(self, name: str = DATABASE) -> None:
        """Make the database unless it exists. The server runs."""
        with self._cluster().connect(user=ROLE) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return
            # Another process may make it between the two statements.
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _cluster(self) -> Cluster:
        home = home_of(self.data_folder)
        return Cluster(home, server_account(home), self.durable)

    def _prepare(self) -> Cluster:
        """Make the account and the folders."""
        if self._cluster().account.uid == -1:
            make_account()
        cluster = self._cluster()
        if cluster.home == self.data_folder:
            make_folder(self.data_folder.parent)
        elif not (self.data_folder / NOTE).exists():
            make_folder(self.data_folder)
            make_folder(cluster.home.parent)
            note = self.data_folder / f"{NOTE}.{os.getpid()}"
            note.write_text(f"{cluster.home}\n")
            note.rename(self.data_folder / NOTE)
            logger.warning(
                "The database lies in %s, because its account %s may not pass through the folders above %s",
                cluster.home,
                cluster.account.name,
                self.data_folder,
            )
        make_private_folder(cluster.home, cluster.account)
        return cluster

    def _enter(self, cluster: Cluster, users: FileLock) -> None:
        with alone(cluster.home / "start.lock", owner=cluster.account.owner):
            users.share()
            self._start(cluster)

    def _leave(self, cluster: Cluster, users: FileLock) -> None:
        with alone(cluster.home / "start.lock", owner=cluster.account.owner):
            try:
                if users.take_alone(wait=False):
                    cluster.stop()
            finally:
                users.release()

    def _start(self, cluster: Cluster) -> None:
        if cluster.postmaster() is not None and cluster.await_answer():
            return
        cluster.start()
        with cluster.connect(user=SUPERUSER) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(sql.Identifier(ROLE)))
        self.ensure_database()
