"""Databases that are made once for all tests of a process: a PostgreSQL server, and templates with the tables in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.outages.postgres import Cluster, throw_away_cluster
from simpatico.profiles.store import BlockingStore
from tests.profiles.samples import RING


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Return a running PostgreSQL; a test that asks for it is skipped, visibly, where there is none."""
    try:
        with throw_away_cluster() as made:
            yield made
    except LookupError as error:
        pytest.skip(str(error))


def _with_tables(url: str) -> None:
    with BlockingStore(url, RING):
        pass


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with the tables in it: migrations take longer than most tests."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _with_tables(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(cluster: Cluster) -> str:
    """Return the name of a PostgreSQL database with the tables in it."""
    _with_tables(cluster.make("tables"))
    return "tables"


@pytest.fixture
def postgres_url(cluster: Cluster) -> Iterator[str]:
    """Return the URL of an empty PostgreSQL database of a test's own."""
    url = cluster.make_another()
    yield url
    cluster.drop(url)


@pytest.fixture
def postgres_url_with_tables(cluster: Cluster, postgres_template: str) -> Iterator[str]:
    """Return the URL of a PostgreSQL database of a test's own with the tables in it."""
    url = cluster.make_another(postgres_template)
    yield url
    cluster.drop(url)
