"""The stand-in as a process: one line when ready, contents kept in a file, gone at once on SIGTERM."""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal.sandbox import Control, Sandbox
from portal.sandbox.seed import seed_items
from portal.vault import Client, VaultError

ROOT = Path(__file__).parents[2]


@contextmanager
def _process(*arguments):
    environment = {**os.environ, "SANDBOX_CLIENT_SECRET": "from the environment"}
    command = [sys.executable, "-m", "portal.sandbox", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _client(addresses, client_id="portal"):
    return Client.connect(url=addresses["url"], client_id=client_id, client_secret="from the environment")


def test_it_prints_its_addresses_and_keeps_its_contents_over_a_restart(tmp_path):
    state = tmp_path / "vault.json"
    with _process("--state", str(state), "--extra", "3", "--client-id", "me") as (process, addresses):
        assert len(_client(addresses, "me").list_secrets()) == 26
        _client(addresses, "me").update_secret(43, {"name": "Kept"}, attempt_id="a")
        begun = time.monotonic()
        process.terminate()
        assert process.wait(5) == 0
        assert time.monotonic() - begun < 1
    assert state.stat().st_mode & 0o077 == 0
    assert [each.name for each in tmp_path.iterdir()] == ["vault.json"]
    with _process("--state", str(state), "--client-id", "me") as (_, addresses):
        assert _client(addresses, "me").read_secret(43).name == "Kept"


def test_sigterm_does_not_wait_for_held_answers():
    with _process("--knobs", '{"token_ttl": 60}') as (process, addresses):
        control = Control(addresses["control_url"])
        assert control.knobs()["token_ttl"] == 60
        control.plan("hold", endpoint="list")
        errors = []

        def ask():
            try:
                _client(addresses).list_secrets()
            except VaultError as error:
                errors.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        control.wait(lambda journal: journal["held"] == 1)
        begun = time.monotonic()
        process.terminate()
        assert process.wait(5) == 0
        assert time.monotonic() - begun < 1
        thread.join(5)
        assert len(errors) == 1


@pytest.mark.parametrize("wrong", [("--knobs", '{"colour": 1}'), ("--knobs", "{")])
def test_wrong_options_end_with_a_sentence(wrong):
    command = [sys.executable, "-m", "portal.sandbox", *wrong]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "cannot start" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_taken_port_is_a_sentence():
    with Sandbox() as sandbox:
        port = sandbox.url.rsplit(":", 1)[1].strip("/")
        command = [sys.executable, "-m", "portal.sandbox", "--port", port]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_it_stops_at_once_and_starts_again_on_the_same_ports():
    sandbox = Sandbox(seed=seed_items()[:2]).start()
    url, control_url = sandbox.url, sandbox.control_url
    sandbox.control.plan("hold", endpoint="token")
    client = Client.connect(url=url, client_id=sandbox.client_id, client_secret=sandbox.client_secret)
    thread = threading.Thread(target=lambda: client.update_secret(12, {"name": "x"}, attempt_id="a"))
    thread.start()
    sandbox.control.wait(lambda journal: journal["held"] == 1)
    begun = time.monotonic()
    sandbox.stop()
    thread.join(5)
    assert time.monotonic() - begun < 1
    sandbox.start()
    assert (sandbox.url, sandbox.control_url) == (url, control_url)
    assert len(client.list_secrets()) == 2
    sandbox.stop()
