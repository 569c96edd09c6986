"""The bare Celery application: one task, one PUT; and one that claims and records it besides, in plain SQL."""

from __future__ import annotations

import os
import threading
from typing import Any

import psycopg
from celery import Celery
from celery.signals import worker_process_init
from oauthlib.oauth2 import BackendApplicationClient
from requests.adapters import HTTPAdapter
from requests_oauthlib import OAuth2Session

app = Celery("floor", broker=os.environ["BENCH_BROKER"])
app.conf.update(
    task_ignore_result=True,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    broker_transport_options={"socket_keepalive": True},
)
_BODY = {"name": "API key of the payment gateway", "notes": "n" * 80, "tags": "team,payments", "method": "get"}
_lock = threading.Lock()
_local = threading.local()
_sessions: list[OAuth2Session] = []


@worker_process_init.connect
def forget(**_: Any) -> None:
    """A forked process connects for itself."""
    _sessions.clear()


def _session() -> OAuth2Session:
    with _lock:
        if not _sessions:
            session = OAuth2Session(client=BackendApplicationClient(client_id="bench"))
            session.trust_env = False
            session.mount("http://", HTTPAdapter(pool_maxsize=128))
            session.fetch_token(
                os.environ["BENCH_VAULT"] + "api/oauth2/token", client_id="bench", client_secret="bench"
            )
            _sessions.append(session)
        return _sessions[0]


def _database() -> psycopg.Connection[Any]:
    if not hasattr(_local, "database"):
        _local.database = psycopg.connect(os.environ["BENCH_FLOOR_URL"], autocommit=True)
    found: psycopg.Connection[Any] = _local.database
    return found


@app.task
def put(number: int) -> None:
    """One PUT and nothing else."""
    url = f"{os.environ['BENCH_VAULT']}api/mysafe/secretapi/update/{number}"
    _session().put(url, json=_BODY, timeout=30).raise_for_status()


@app.task
def put_and_record(number: int) -> None:
    """Claim (one committed UPDATE), PUT, record (UPDATE and INSERT in one transaction)."""
    database = _database()
    claim = "UPDATE floor_change SET state = 'running' WHERE id = %s AND state = 'approved' RETURNING id"
    if database.execute(claim, [number]).fetchone() is None:
        return
    put(number)
    with database.transaction():
        database.execute(
            "INSERT INTO floor_audit (change, at, event, code, detail)"
            " VALUES (%s, now(), 'put', 200, 'Secret updated')",
            [number],
        )
        database.execute("UPDATE floor_change SET state = 'done' WHERE id = %s", [number])


def prepare(rows: int) -> None:
    """Its two tables, with so many changes to carry out."""
    _database().execute(
        "CREATE TABLE floor_change (id bigint PRIMARY KEY, state text NOT NULL) WITH (fillfactor = 70);"
        "CREATE TABLE floor_audit (id bigserial PRIMARY KEY, change bigint NOT NULL, at timestamptz NOT NULL,"
        " event text NOT NULL, code int, detail text NOT NULL); CREATE INDEX ON floor_audit (change);"
        f"INSERT INTO floor_change SELECT i, 'approved' FROM generate_series(1, {rows}) i"
    )
