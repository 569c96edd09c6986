"""manage.py run: run the whole portal on this host, set up from nothing, until Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import secrets
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command
from django.db import Error as DatabaseError
from django.db import connections

from portal.audit.sealing import log_origin
from portal.devserver import demo_provider, demo_users, processes, redis_server
from portal.devserver.demo_history import was_started
from portal.devserver.postgres_server import (
    OWNER,
    PORTAL,
    READY,
    SEALER,
    PostgresServer,
    PostgresUnavailable,
    plan_server,
)
from portal.devserver.state_dir import (
    AlreadyRunning,
    StateDirUnwritable,
    acquire_run_lock,
    load_or_create_json,
    prepare_state_folder,
    write_private,
)
from portal.devserver.supervisor import ChildProcess, NotReady, Stopped, Supervisor, print_line

READY_WITHIN_S = 60.0
DEMO_TIMES = {
    "SEGURA_GATEWAY_TIMEOUT_S": "4",
    "SEGURA_GATEWAY_RETRIES": "0",
    "DELIVERY_REPLAY_MARGIN_S": "1",
    "SWEEP_EVERY_S": "2",
    "NOTIFICATIONS_EVERY_S": "2",
    "OPERATIONS_UNKNOWN_AFTER_S": "20",
    "OPERATIONS_UNSENT_AFTER_S": "20",
}
"""Times for the sandbox, so that the demo shows within minutes what takes longer with an appliance."""


class Command(BaseCommand):
    help = "Runs the whole portal on this machine: PostgreSQL, Redis, the stand-in Segura, web, workers and beat."
    requires_system_checks: list[str] = []  # the children run them; here they would only delay the start by a second
    requires_migrations_checks = False

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Run until asked to stop. Raises CommandError, one sentence, if the portal cannot run."""
        try:
            os.umask(0o077)  # so that files which children write into the state folder are private as well
            state = prepare_state_folder()
            with acquire_run_lock(state):
                require_free_port(settings.PORT)
                if demo_provider.is_wanted():
                    require_free_port(settings.PORT + 1)
                _Run(state, settings.PORT).to_the_end()
        except (AlreadyRunning, StateDirUnwritable, redis_server.NoRedis, PostgresUnavailable) as error:
            raise CommandError(str(error)) from None
        except NotReady as error:
            raise CommandError(
                f"{error} did not become ready in {READY_WITHIN_S:.0f} s; its last lines are above."
            ) from None
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {str(error).strip()}") from None


class _Run:
    """One run: its child processes, their environment, and the output for the developer."""

    def __init__(self, state: Path, port: int) -> None:
        self.state, self.port = state, port
        self.url = f"http://localhost:{port}"  # not 127.0.0.1, where browsers refuse passkeys
        times = {} if settings.SEGURA_URL else DEMO_TIMES
        self.environment = {**times, **os.environ, "PORTAL_STATE_DIR": str(state), "PORT": str(port)}
        # As in production only the sealer has the signing key: the others get an empty one.
        self.environment |= {"AUDIT_SIGNING_KEY": "", "AUDIT_SIGNING_KEY_FILE": ""}
        self.of_the_sealer = {"AUDIT_SIGNING_KEY": settings.AUDIT_SIGNING_KEY}
        self.facts: dict[str, Any] = {"pid": os.getpid(), "url": self.url, "ready": False}
        self.facts["segura_url"] = settings.SEGURA_URL
        self.hints: list[str] = []

    def to_the_end(self) -> None:
        """Start all processes, then supervise them. Raises NotReady; a stop signal is a normal end."""
        try:
            with Supervisor(print_line, self.note) as supervisor:
                self.bring_up(supervisor)
                supervisor.forever()
        except Stopped:
            self.finish()

    def bring_up(self, supervisor: Supervisor) -> None:
        """Start the services that the portal needs, prepare the database meanwhile, then start the portal."""
        grounds = [*self.broker(), *self.sandbox(), *self.openid_provider()]
        for child in grounds:
            supervisor.start(child)
        server = self.find_server()
        if server:
            self.start_database(supervisor, server)
        beat = processes.scheduler_process(self.state, self.environment)
        supervisor.start(beat)  # it does not use the database, and a processor is idle
        with supervisor.interruptible():
            passwords = prepare_portal(self.state, roles=server is not None)
        supervisor.wait_ready(*grounds, within=READY_WITHIN_S)
        for child in grounds:
            if child.name == "sandbox":
                self.use_sandbox(json.loads(child.announced))
        web, worker = processes.web_process(self.port, self.environment), processes.worker_process(self.environment)
        sealer = processes.sealer_process({**self.environment, **self.of_the_sealer})
        for child in (web, worker, sealer):
            supervisor.start(child)
        supervisor.wait_ready(web, within=READY_WITHIN_S)
        supervisor.wait(lambda: is_responding(self.url), READY_WITHIN_S, "web")
        supervisor.wait_ready(worker, sealer, beat, within=READY_WITHIN_S)
        self.facts["ready"] = True
        self.note(self.facts["pids"])
        self.announce(passwords)
        self.start_history(supervisor)

    def start_history(self, supervisor: Supervisor) -> None:
        """Play the history of the demo, unless DEMO is empty, there is no sandbox, or it was played before."""
        control_url = self.facts.get("control_url")
        if settings.PORTAL_DEMO and control_url and os.environ.get("DEMO") != "empty" and not was_started(self.state):
            supervisor.start(processes.demo_history_process(self.url, control_url, self.environment))

    def find_server(self) -> PostgresServer | None:
        """Return the embedded PostgreSQL, None if the environment names another one."""
        if not (self.state / "postgres.json").exists():
            return None
        server = plan_server(self.state)
        return server if os.environ["DATABASE_URL"] == server.url(OWNER) else None

    def start_database(self, supervisor: Supervisor, server: PostgresServer) -> None:
        """Start the embedded PostgreSQL with its roles; set the database URLs of portal and sealer."""
        with supervisor.interruptible():
            server.initialise()
        child = processes.postgres_process(
            server.build_command(), server.environment, READY, cwd=server.folder, **server.account
        )
        supervisor.start(child)
        supervisor.wait_ready(child, within=READY_WITHIN_S)
        with supervisor.interruptible():
            server.ensure_database()
        self.environment["DATABASE_URL"] = server.url(PORTAL)
        self.of_the_sealer["DATABASE_URL"] = server.url(SEALER)

    def broker(self) -> list[ChildProcess]:
        """Return the process of a Redis server, unless the environment names one."""
        if os.environ.get("REDIS_URL") or os.environ.get("REDIS_URL_FILE"):
            return []
        server = redis_server.plan_redis_server(self.state)
        self.environment["REDIS_URL"] = self.facts["redis_url"] = server.url
        return [processes.redis_process(server)]

    def sandbox(self) -> list[ChildProcess]:
        """Return the process of the Segura sandbox, unless the settings name a server."""
        if settings.SEGURA_URL:
            return []
        made = {name: secrets.token_urlsafe(24) for name in ("client_secret", "scim_client_secret")}
        known = load_or_create_json(self.state / "sandbox-client.json", made)
        for name, value in known.items():
            self.environment.pop(f"SEGURA_{name.upper()}_FILE", None)
            self.environment[f"SEGURA_{name.upper()}"] = value
        ports = redis_server.free_port(), redis_server.free_port()
        return [
            processes.sandbox_process(
                *ports, self.state / "sandbox.json", known["client_secret"], known["scim_client_secret"]
            )
        ]

    def openid_provider(self) -> list[ChildProcess]:
        """Return the process of the OpenID provider, if it is wanted, and set the portal's settings for it."""
        if not demo_provider.is_wanted():
            return []
        provider = demo_provider.prepare_provider(self.state, self.port)
        self.environment |= provider.build_settings()
        self.facts["openid_url"] = provider.issuer
        names = ", ".join(demo_provider.PEOPLE)
        self.hints = ["", f"  Continue with {demo_provider.NAME}:  {names}; password {provider.password}"]
        self.hints += [f"  Change their groups in {provider.folder / 'people.json'}; the next sign-in reads them"]
        return [provider.build_process(self.url)]

    def use_sandbox(self, announced: dict[str, str]) -> None:
        """Pass the URLs that the sandbox printed to the portal and to run.json."""
        self.environment |= {
            "SEGURA_URL": announced["url"],
            "SEGURA_TOKEN_URL": announced["token_url"],
            "SEGURA_CLIENT_ID": processes.SANDBOX_CLIENT_ID,
            "SEGURA_SCIM_CLIENT_ID": processes.SANDBOX_SCIM_CLIENT_ID,
        }
        self.facts |= {"segura_url": announced["url"], "control_url": announced["control_url"]}

    def note(self, pids: dict[str, int]) -> None:
        """Write run.json in the state folder, which tells tools what runs where."""
        self.facts["pids"] = pids
        write_private(self.state / "run.json", json.dumps(self.facts, indent=2) + "\n")

    def announce(self, passwords: dict[str, str]) -> None:
        """Print the URL and the accounts in one block."""
        lines = ["", f"  The portal is ready:  {self.url}", ""]
        if passwords:
            lines += ["  Demo accounts (refused outside the demo); the sign-in page needs no password"]
        lines += [f"    {name:<12}{password}" for name, password in passwords.items()]
        lines += [*self.hints, "", f"  State: {self.state}   Stop: Ctrl-C   Start over: make reset", ""]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()

    def finish(self) -> None:
        """Print that everything has stopped, and remove run.json."""
        (self.state / "run.json").unlink(missing_ok=True)
        try:
            sys.stdout.write("Stopped.\n")
            sys.stdout.flush()
        except BrokenPipeError:  # the reader is gone; keep Python from writing again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def prepare_portal(state: Path, *, roles: bool) -> dict[str, str]:
    """Create tables, static files and demo accounts; close the connections, so that children inherit none.

    `roles`: this process owns the tables, and grants the rights of the embedded server's other roles.
    """
    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)
    if roles:
        call_command("restrict_db_role", PORTAL, stdout=io.StringIO())
        call_command("restrict_db_role", SEALER, sealer=True, stdout=io.StringIO())
    call_command("collectstatic", verbosity=0, interactive=False)
    log_origin.require_demo_mode()
    passwords = demo_users.ensure_demo_users(state) if settings.PORTAL_DEMO else {}
    connections.close_all()
    return passwords


def require_free_port(port: int) -> None:
    """Raise CommandError with advice if the port cannot be used, before anything is started."""
    another = "Choose another one: PORT=9000 make run"
    if not 1 <= port <= 65535:
        raise CommandError(f"PORT must be between 1 and 65535, not {port}. {another}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise CommandError(f"Port {port} is reserved for root. {another}") from None
        except OSError:
            raise CommandError(f"Port {port} is taken by another program. {another}") from None


def is_responding(url: str) -> bool:
    """Return whether the first page answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - our own loopback address
            return bool(response.status == 200)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
