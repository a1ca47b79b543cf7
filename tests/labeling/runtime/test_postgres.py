from __future__ import annotations

import os
import pwd
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from labeling.runtime import binaries, places
from labeling.runtime.errors import StartError
from labeling.runtime.postgres import EmbeddedPostgres, connection_parameters, connection_url

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about what root has to take care of")


def quick(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder, durable=False)


def ask(folder: Path, question: str) -> list[tuple[object, ...]]:
    with psycopg.connect(connection_url(folder), autocommit=True) as connection:
        cursor = connection.execute(question)
        return cursor.fetchall() if cursor.description else []


def test_asking_for_the_address_changes_nothing(new_folder):
    parameters = connection_parameters(new_folder)

    assert parameters == {"host": f"{new_folder}/socket", "port": "5432", "user": "prefloop", "dbname": "prefloop"}
    assert not new_folder.parent.exists()


def test_the_first_start_makes_a_database_in_utf_8_for_an_ordinary_role(new_folder, server_pid_of):
    with quick(new_folder).running():
        answer = ask(
            new_folder,
            "SELECT current_database(), getdatabaseencoding(), datcollate, rolsuper, rolcreatedb,"
            " current_setting('listen_addresses'), current_setting('max_connections')"
            " FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user",
        )
        pid = server_pid_of(new_folder)

    assert answer == [("prefloop", "UTF8", "C.UTF-8", False, True, "", "200")]
    assert os.stat(new_folder / "cluster").st_uid != 0
    assert pid is not None
    assert server_pid_of(new_folder) is None


def test_durable_is_the_default(folder):
    with EmbeddedPostgres(folder).running():
        switches = ask(folder, "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes')")

    assert sorted(switches) == [("fsync", "on"), ("full_page_writes", "on")]


def test_two_starters_at_once_get_one_server(folder, hold):
    first, second = hold(), hold()

    both_in = first.says("in") and second.says("in")

    processes = [path for path in Path("/proc").glob("[0-9]*") if _is_server(path, folder)]
    assert both_in
    assert len(processes) == 1


def test_the_server_stays_until_the_last_holder_leaves(folder, hold, server_pid_of, eventually):
    first, second = hold(), hold()
    assert first.says("in")
    assert second.says("in")
    pid = server_pid_of(folder)

    first.leave()
    assert first.says("out")
    still_there = server_pid_of(folder)
    second.leave()
    assert second.says("out")

    assert still_there == pid
    assert server_pid_of(folder) is None


def test_a_killed_holder_does_not_keep_the_server(folder, hold, server_pid_of):
    killed = hold()
    assert killed.says("in")
    pid = server_pid_of(folder)

    killed.kill()
    with quick(folder).running():
        joined = server_pid_of(folder)

    assert joined == pid
    assert server_pid_of(folder) is None


def test_rows_survive_a_killed_server(folder, hold, server_pid_of):
    other = hold()
    assert other.says("in")
    ask(folder, "CREATE TABLE kept (n int)")
    ask(folder, "INSERT INTO kept SELECT generate_series(1, 1000)")

    os.kill(server_pid_of(folder), signal.SIGKILL)
    with EmbeddedPostgres(folder).running():
        rows = ask(folder, "SELECT count(*) FROM kept")

    assert rows == [(1000,)]


def test_a_holder_can_start_a_killed_server_again(folder, server_pid_of, eventually):
    server = quick(folder)
    with server.running():
        killed = server_pid_of(folder)
        os.kill(killed, signal.SIGKILL)

        noticed = eventually(lambda: not server.is_alive())  # kill returns before the kernel has ended the process
        server.ensure_started()

        assert noticed
        assert server.is_alive()
        assert ask(folder, "SELECT 1") == [(1,)]
        assert server_pid_of(folder) != killed


def test_rows_survive_the_death_of_everything(folder, hold, server_pid_of, eventually):
    other = hold()
    assert other.says("in")
    ask(folder, "CREATE TABLE kept (n int)")
    ask(folder, "INSERT INTO kept VALUES (41)")

    other.kill()
    for process in Path("/proc").glob("[0-9]*"):
        if _works_in(process, folder):
            os.kill(int(process.name), signal.SIGKILL)
    with EmbeddedPostgres(folder).running():
        rows = ask(folder, "SELECT n FROM kept")

    assert rows == [(41,)]


def test_a_session_that_outlives_its_server_does_not_keep_a_new_one_away(folder, server_pid_of, eventually):
    with quick(folder).running(), psycopg.connect(connection_url(folder), autocommit=True) as busy:
        # A loop that never waits doesn't notice that the postmaster is gone.
        busy.execute("SET statement_timeout = 0")
        loop = "DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$"
        with psycopg.connect(connection_url(folder), autocommit=True) as watcher:
            busy.pgconn.send_query(loop.encode())
            state = "SELECT state FROM pg_stat_activity WHERE pid = %s"
            pid = busy.info.backend_pid
            assert eventually(lambda: watcher.execute(state, [pid]).fetchone() == ("active",))
        os.kill(server_pid_of(folder), signal.SIGKILL)

        with quick(folder).running():
            answer = ask(folder, "SELECT 1")

        busy.pgconn.finish()
    assert answer == [(1,)]
    assert not Path(f"/proc/{pid}/cwd").exists()


def test_a_pid_file_that_names_an_unrelated_process_is_not_believed(folder, server_pid_of):
    with quick(folder).running():
        owner = os.stat(folder / "cluster").st_uid
        files = [folder / "cluster" / "postmaster.pid", folder / "socket" / ".s.PGSQL.5432.lock"]
        contents = [file.read_text().split("\n", 1)[1] for file in files]
    with subprocess.Popen(["sleep", "60"], user=owner if os.geteuid() == 0 else None) as unrelated:
        for file, content in zip(files, contents, strict=True):
            file.write_text(f"{unrelated.pid}\n{content}")
            os.chown(file, owner, -1)

        with quick(folder).running():
            answer = ask(folder, "SELECT 1")

        survived = unrelated.poll() is None
        unrelated.kill()
    assert answer == [(1,)]
    assert survived


def test_a_killed_initdb_is_done_again(new_folder):
    unfinished = new_folder / "cluster.unfinished"
    places.make_folder(new_folder.parent)
    places.make_private_folder(new_folder, places.server_account(new_folder))
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")

    with quick(new_folder).running():
        answer = ask(new_folder, "SELECT 1")

    assert answer == [(1,)]
    assert not unfinished.exists()


def test_only_its_account_and_root_reach_the_socket(folder):
    places.make_folder(folder.parent)

    with quick(folder).running():
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode)
            for path in (folder, folder / "socket", folder / "socket" / ".s.PGSQL.5432")
        }

    assert modes == {"postgres": 0o700, "socket": 0o700, ".s.PGSQL.5432": 0o700}


def test_a_very_long_path_gets_a_short_private_socket_folder(new_folder):
    long = new_folder.parent / ("a-long-name-" * 10) / "postgres"

    with quick(long).running():
        host = Path(connection_parameters(long)["host"])
        mode = stat.S_IMODE(host.stat().st_mode)
        answer = ask(long, "SELECT 1")

    host.rmdir()
    assert answer == [(1,)]
    assert host.parent == Path("/tmp")
    assert mode == 0o700


def test_a_socket_folder_that_somebody_else_made_is_refused(new_folder):
    long = new_folder.parent / ("a-long-name-" * 10) / "postgres"
    host = Path(connection_parameters(long)["host"])
    host.symlink_to(new_folder.parent.parent)

    try:
        with pytest.raises(StartError, match="should be a folder"), quick(long).running():
            pass
    finally:
        host.unlink()


@as_root
def test_an_unreachable_data_folder_keeps_its_rights_and_the_cluster_goes_elsewhere(new_folder, monkeypatch, caplog):
    private = new_folder.parent.parent / "private"
    private.mkdir(mode=0o700)
    away = new_folder.parent.parent / "away"
    monkeypatch.setattr(places, "AWAY", away)
    before = connection_parameters(private / "data" / "postgres")

    with quick(private / "data" / "postgres").running():
        answer = ask(private / "data" / "postgres", "SELECT 1")

    assert answer == [(1,)]
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert Path(before["host"]).is_relative_to(away)
    assert connection_parameters(private / "data" / "postgres") == before
    assert "may not pass through the folders above" in caplog.text


@as_root
def test_a_cluster_that_became_unreachable_is_not_replaced_by_an_empty_one(folder):
    with EmbeddedPostgres(folder).running():
        ask(folder, "CREATE TABLE kept (n int)")
    folder.parent.chmod(0o700)

    with pytest.raises(StartError, match="may not pass through the folders above it any more"):
        EmbeddedPostgres(folder).running().__enter__()

    folder.parent.chmod(0o711)
    with EmbeddedPostgres(folder).running():
        assert ask(folder, "SELECT count(*) FROM kept") == [(0,)]


def test_an_ordinary_user_runs_the_server_as_itself(new_folder, monkeypatch):
    # The user may not be able to read this checkout or this Python: everything is loaded before root turns into it.
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    monkeypatch.setattr(binaries, "AWAY", new_folder.parent.parent / "away")
    new_folder.parent.mkdir()
    os.chown(new_folder.parent, user.pw_uid, user.pw_gid)
    programs = binaries.copy_of(binaries.candidates()[0]) if os.geteuid() == 0 else binaries.candidates()[0]
    script = f"""
import os, sys
from pathlib import Path
import psycopg
from labeling.runtime.postgres import EmbeddedPostgres, connection_url
new_folder = Path({str(new_folder)!r})
if os.geteuid() == 0:
    os.setgroups([]); os.setgid({user.pw_gid}); os.setuid({user.pw_uid})
with EmbeddedPostgres(new_folder, durable=False).running(), psycopg.connect(connection_url(new_folder)) as connection:
    print(connection.execute("SELECT 1").fetchone(), os.stat(new_folder / "cluster").st_uid, os.geteuid())
"""

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(programs.parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == f"(1,) {user.pw_uid} {user.pw_uid}\n", done.stderr


@as_root
def test_another_users_cluster_is_refused_by_name(folder):
    with quick(folder).running():
        owner = pwd.getpwuid(os.stat(folder).st_uid).pw_name
    script = f"""
import os
from pathlib import Path
import psycopg
from labeling.runtime.postgres import EmbeddedPostgres
os.setgroups([]); os.setgid(65534); os.setuid(65534)
EmbeddedPostgres(Path({str(folder)!r})).running().__enter__()
"""

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)

    assert f"{folder} belongs to {owner}: start Prefloop as {owner} or root" in done.stderr


def test_a_cluster_of_another_version_is_refused_and_left_alone(folder):
    with quick(folder).running():
        pass
    version = folder / "cluster" / "PG_VERSION"
    version.write_text("13\n")

    with pytest.raises(StartError, match=r"holds a cluster of PostgreSQL 13, and the programs found are .*\(18\)"):
        quick(folder).running().__enter__()

    assert version.read_text() == "13\n"


def test_a_file_where_the_data_folder_should_be_is_named(new_folder):
    new_folder.parent.mkdir()
    new_folder.write_text("")

    with pytest.raises(StartError, match=rf"{new_folder} should be a folder"):
        quick(new_folder).running().__enter__()


def test_making_a_database_twice_is_harmless(folder):
    server = quick(folder)
    with server.running():
        server.ensure_database("another one")
        server.ensure_database("another one")

        names = ask(folder, "SELECT datname FROM pg_database WHERE datname LIKE 'another%'")

    assert names == [("another one",)]


def _is_server(process: Path, folder: Path) -> bool:
    try:
        return f"-D\0{folder}/cluster\0".encode() in (process / "cmdline").read_bytes()
    except OSError:
        return False


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return os.readlink(process / "cwd") == f"{folder}/cluster"
    except OSError:
        return False
