"""A worker as a process of the machine: what its children share with it."""

from __future__ import annotations

import gc

from celery.signals import worker_before_create_process

import portal.celery  # noqa: F401 - it listens


def test_collector_leaves_alone_what_was_loaded_before_a_process_begins() -> None:
    worker_before_create_process.send(sender=None)
    try:
        assert gc.get_freeze_count() > 100_000
    finally:
        gc.unfreeze()
