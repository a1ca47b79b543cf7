"""What every test needs: an environment of its own, a database that starts by itself, no network.

The environment is set while this file is imported, because settings read it once. Makers of data are in factories.py.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from labeling.runtime.postgres import EmbeddedPostgres, connection_parameters, connection_url

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from pytest_django import DjangoDbBlocker

TEST_DATA = Path(os.environ.get("PREFLOOP_TEST_DATA") or Path(__file__).parent.parent / ".data" / "tests").resolve()
EMBEDDED_URL = connection_url(TEST_DATA / "postgres")
# Another address in the environment wins: the tests make and drop their databases on that server. Under xdist the
# workers inherit what the first process set here.
DATABASE_URL = os.environ.get("DATABASE_URL") or EMBEDDED_URL
SERVER = EmbeddedPostgres(TEST_DATA / "postgres", durable=False) if DATABASE_URL == EMBEDDED_URL else None

os.environ.update(
    DJANGO_SETTINGS_MODULE="labeling.settings",
    SECRET_KEY="only-for-tests-" + "0123456789" * 4,
    DATABASE_URL=DATABASE_URL,
    DATA_DIR=str(TEST_DATA),
    DEBUG="0",
    HTTPS="0",
    API_REQUESTS_PER_MINUTE="1000000",
    ALLOWED_HOSTS="testserver,localhost,127.0.0.1,[::1]",
    CSRF_TRUSTED_ORIGINS="",
    MODEL="",
    SAMPLING_SERVER="",
    SAMPLING_SERVER_KEY="",
    SAMPLING_SERVER_TIMEOUT="",
    DEMO_PASSWORD="",
    HF_HUB_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    TOKENIZERS_PARALLELISM="false",
    OMP_WAIT_POLICY="PASSIVE",  # as in manage.py
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first, so that no core waits at the end for a file that the other one began late.

    Of those that need the default model the first comes first of all: it trains it. The next, which makes the
    installation that all others copy, comes when that is done, and the others last of the long ones: nobody waits.
    """

    def takes_long(item: pytest.Item) -> bool:
        return item.get_closest_marker("slow") is not None or item.get_closest_marker("browser") is not None

    long_files = {item.path for item in items if takes_long(item)}
    need_the_model = sorted(path for path in long_files if path.parent.name == "acceptance")

    def turn(item: pytest.Item) -> int:
        if item.path in need_the_model:
            return (0, 2, 4)[min(need_the_model.index(item.path), 2)]
        if item.path not in long_files:
            return 5
        return 1 if "alignment" in item.path.relative_to(Path(__file__).parent).parts else 3

    items.sort(key=turn)


def pytest_configure() -> None:
    """Load the settings; pytest-django, which does this last, then sets Django up."""
    from django.conf import settings

    # Templates render without a collectstatic before; tests of the real server collect into a folder of their own.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    # Half a second for each password that a test makes is for attackers, not for tests.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    (TEST_DATA / "static").mkdir(parents=True, exist_ok=True)


@pytest.fixture(scope="session")
def database_server() -> Iterator[None]:
    """The database server, started by the first process of a run that needs it and stopped by the last that leaves."""
    if SERVER is None:
        yield
        return
    with SERVER.running():
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    database_server: None,
    django_db_blocker: DjangoDbBlocker,
) -> None:
    """pytest-django asks for this before it makes the test database, which is a copy of one with all tables."""
    if SERVER is None:
        return
    from django.db import connections
    from template_database import template_database

    with django_db_blocker.unblock():
        name = template_database(connection_parameters(TEST_DATA / "postgres"), folder=TEST_DATA)
    connections["default"].settings_dict["TEST"]["TEMPLATE"] = name


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Before the test database is dropped, connections are ended that threads of some test have kept."""
    from django.test import TransactionTestCase
    from emptying import empty_tables

    def empty(self: TransactionTestCase) -> None:
        empty_tables()

    TransactionTestCase._fixture_teardown = empty  # type: ignore[attr-defined]  # the stubs leave it out
    yield
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """A new data folder for an installation of its own; unlike pytest's, the database's account can reach it."""
    with TemporaryDirectory(prefix="prefloop-") as parent:
        Path(parent).chmod(0o711)
        yield Path(parent) / "data"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """To tests every other machine is out of reach; the error names the address."""
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {"localhost", "127.0.0.1", "::1"}:
            raise OSError(errno.ENETUNREACH, f"tests have no network; one tried to reach {address[0]}:{address[1]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)


# The first two are pages of the address bar that every window would load: two thirds of what a new page costs. The
# others are those that Playwright switches off, whose list this one takes the place of.
FEATURES_OFF = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
)
CHROMIUM_ARGUMENTS = [
    f"--disable-features={','.join(FEATURES_OFF)}",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, for the tests of one file.

    Playwright's synchronous interface keeps an event loop running in this thread as long as it lives: tests of other
    files that run a loop of their own would find it.
    """
    from playwright.sync_api import sync_playwright

    path = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    assert path, "tests marked browser need a Chromium on the PATH: install the package chromium"
    # Playwright's synchronous interface keeps an event loop in this thread, in which Django refuses database calls.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
