"""The Segura sandbox as a process, which prints its addresses as one line of JSON when it is ready."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from portal.sandbox import seed
from portal.sandbox.options import Options
from portal.sandbox.server import Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. Client secrets come from SANDBOX_*CLIENT_SECRET, never from argv."""
    options = _options(arguments)
    try:
        sandbox = Sandbox(
            knobs=Options().changed(json.loads(options.knobs)),
            seed=seed.seed_items(options.extra),
            host=options.host,
            port=options.port,
            control_host=options.control_host,
            control_port=options.control_port,
            client_id=options.client_id,
            client_secret=os.environ.get("SANDBOX_CLIENT_SECRET", "sandbox-secret"),
            scim_client_id=options.scim_client_id,
            scim_client_secret=os.environ.get("SANDBOX_SCIM_CLIENT_SECRET", "sandbox-scim-secret"),
            state=options.state,
            tls=(options.tls_cert, options.tls_key) if options.tls_cert else None,
        ).start()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"The stand-in cannot start: {error}\n")
        return 2
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    addresses = {"url": sandbox.url, "token_url": sandbox.token_url, "control_url": sandbox.control_url}
    sys.stdout.write(json.dumps(addresses) + "\n")
    sys.stdout.flush()
    ended.wait()
    sandbox.stop()
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m portal.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address of the stand-in's own port")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--control-host", default="127.0.0.1", help="keep it on this machine")
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--client-id", default="portal", help="its secret: SANDBOX_CLIENT_SECRET in the environment")
    parser.add_argument("--scim-client-id", default="portal-scim", help="its secret: SANDBOX_SCIM_CLIENT_SECRET")
    parser.add_argument("--state", type=Path, help="file that keeps the contents over restarts")
    parser.add_argument("--extra", type=int, default=0, help="how many secrets to generate besides the seed")
    parser.add_argument("--knobs", default="{}", help='as JSON: {"update_success_style": "201_registered"}')
    parser.add_argument("--tls-cert", default="", help="certificate chain (PEM): speak TLS")
    parser.add_argument("--tls-key", default="", help="its key (PEM)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
