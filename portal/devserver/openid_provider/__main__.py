"""Start the provider: python -m portal.devserver.openid_provider --port 9000 --folder DIR --portal-url URL.

OPENID_CLIENT_SECRET is the secret of the client, whose id is --client-id. DIR has people.json.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, *_message: object) -> None:
        """Print nothing: the URLs contain codes."""


def main() -> None:
    """Create what is missing in the folder, and serve until the process is stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--portal-url", required=True)
    options = parser.parse_args()
    issuer = f"http://127.0.0.1:{options.port}"
    ensure_keys(options.folder)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "portal.devserver.openid_provider.settings",
        "OPENID_PROVIDER_DIR": str(options.folder),
        "OPENID_PROVIDER_ISSUER": issuer,
    }
    django.setup()
    call_command("migrate", verbosity=0)
    save_client(options.client_id, os.environ["OPENID_CLIENT_SECRET"], options.portal_url)
    application = get_wsgi_application()
    with make_server("127.0.0.1", options.port, application, _Server, _QuietHandler) as server:
        sys.stdout.write(json.dumps({"issuer": issuer}) + "\n")
        sys.stdout.flush()
        server.serve_forever()


def ensure_keys(folder: Path) -> None:
    """Write the signing key and the key of cookies into the folder, unless they are there."""
    if not (folder / "signing_key.pem").exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (folder / "signing_key.pem").write_bytes(key.private_bytes(*form))
    if not (folder / "secret_key").exists():
        (folder / "secret_key").write_text(secrets.token_urlsafe(48), encoding="utf-8")


def save_client(client_id: str, secret: str, portal_url: str) -> None:
    """Register the portal as client, which needs no consent of the user."""
    from allauth.idp.oidc.models import Client  # noqa: PLC0415 - models exist only once apps are ready

    client = Client.objects.filter(id=client_id).first() or Client(id=client_id)
    client.name, client.skip_consent, client.scopes = "Countersign", True, "openid\nprofile\nemail"
    client.set_secret(secret)
    client.set_redirect_uris([f"{portal_url}/identity/callback/"])
    client.set_post_logout_redirect_uris([f"{portal_url}/accounts/login/"])
    client.save()


if __name__ == "__main__":
    main()
