"""Settings that cannot work are refused with their name; what the environment says changes nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
import requests

from portal.sandbox import Sandbox
from portal.vault import Applied, Client, ConfigError, NotSent, SecretStr, SeguraConfig
from portal.vault.transport import Transport


def _config(**options):
    return SeguraConfig(
        **{"url": "https://segura.example", "client_id": "c", "client_secret": SecretStr("s"), **options}
    )


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"url": "http://segura.example/"}, "SEGURA_URL"),
        ({"url": "http://10.0.0.1/"}, "SEGURA_URL"),
        ({"url": "http://127.0.0.1.example.com/"}, "SEGURA_URL"),
        ({"url": "ftp://127.0.0.1/"}, "SEGURA_URL"),
        ({"url": ""}, "SEGURA_URL"),
        ({"url": "https://[::1"}, "SEGURA_URL"),
        ({"url": "https://user:pw@segura.example/"}, "SEGURA_URL"),
        ({"url": "https://segura.example/?x=1"}, "SEGURA_URL"),
        ({"url": "https://segura.example:99999/"}, "SEGURA_URL"),
        ({"token_url": "http://segura.example/token"}, "SEGURA_TOKEN_URL"),
        ({"client_id": ""}, "SEGURA_CLIENT_ID"),
        ({"client_secret": SecretStr("")}, "SEGURA_CLIENT_SECRET"),
        ({"client_auth": "digest"}, "SEGURA_CLIENT_AUTH"),
        ({"ca_bundle": "/nowhere/ca.pem"}, "SEGURA_CA_BUNDLE"),
        ({"deadline_s": 0}, "SEGURA_DEADLINE_S"),
    ],
)
def test_settings_that_cannot_work_are_named(options, named):
    with pytest.raises(ConfigError, match=named):
        _config(**options)


def test_a_bundle_without_certificates_is_named(tmp_path):
    bundle = tmp_path / "ca.pem"
    bundle.write_text("no certificate")
    with pytest.raises(ConfigError, match="SEGURA_CA_BUNDLE"):
        Transport(_config(ca_bundle=str(bundle)))


def test_trust_is_read_once_and_anew_when_its_file_changes(tls_files, tmp_path):
    bundle = tmp_path / "ca.pem"
    bundle.write_text(Path(tls_files[2]).read_text())
    first = Transport(_config(ca_bundle=str(bundle)))._trust
    assert Transport(_config(ca_bundle=str(bundle)))._trust is first
    bundle.write_text(Path(tls_files[2]).read_text() + "\n")
    assert Transport(_config(ca_bundle=str(bundle)))._trust is not first
    bundle.unlink()
    bundle.write_text("no certificate")
    with pytest.raises(ConfigError, match="SEGURA_CA_BUNDLE"):
        Transport(_config(ca_bundle=str(bundle)))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://localhost/", "http://[::1]:8/", "https://segura.example"]
)
def test_plain_http_is_for_this_machine_alone(url):
    config = _config(url=url)
    assert config.url.endswith("/")
    assert config.token_url == config.url + "api/oauth2/token"


def test_neither_config_nor_client_shows_the_secret():
    config = _config(client_secret=SecretStr("canary"))
    client = Client.connect(url=config.url, client_id="c", client_secret="canary")
    assert "canary" not in repr(config) + repr(client) + str(vars(client))


@pytest.fixture
def traps(listener, tmp_path, monkeypatch):
    """An environment that would send us elsewhere, under another name, trusting nobody; the listener it leads to."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login wrong password wrong\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, listener.url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    monkeypatch.setenv("CURL_CA_BUNDLE", "/nowhere/ca.pem")
    return listener


@pytest.mark.shows("S11")
@pytest.mark.parametrize("secure", [False, True])
def test_netrc_proxies_and_ca_variables_are_ignored(secure, traps, tls_files, connect):
    certificate, key, authority, _ = tls_files
    with Sandbox(tls=(certificate, key) if secure else None) as segura:
        own = {"client_id": segura.client_id, "client_secret": SecretStr(segura.client_secret)}
        client = connect(url=segura.url, ca_bundle=authority if secure else "", **own)
        assert client.read_secret(43).name == "GCP"
        outcome = client.update_secret(43, {"notes": "x"}, attempt_id="a")
        assert type(outcome) is Applied, "a token as Authorization, as it was given"
    assert (traps.connections, traps.received) == (0, b"")


@pytest.mark.shows("S11")
def test_the_environment_is_not_even_asked(sandbox, connect, monkeypatch):
    """What the test above shows would hold by our adapter and requests_oauthlib's own auth alone, for now."""
    asked = []
    for name in ("get_environ_proxies", "get_netrc_auth"):
        monkeypatch.setattr(requests.sessions, name, lambda *_args, name=name, **_options: asked.append(name) or {})
    assert connect().read_secret(43).name == "GCP"
    assert asked == []


@pytest.mark.shows("S11")
def test_a_ca_variable_cannot_make_us_trust(tls_files, monkeypatch, connect):
    certificate, key, authority, _ = tls_files
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority)
    monkeypatch.setenv("SSL_CERT_FILE", authority)
    with Sandbox(tls=(certificate, key)) as secure:
        outcome = connect(url=secure.url).update_secret(43, {"name": "x"}, attempt_id="a")
    assert type(outcome) is NotSent


def test_it_needs_neither_django_nor_celery():
    script = "import sys, portal.vault, portal.sandbox; print([m for m in ('django', 'celery') if m in sys.modules])"
    root = Path(__file__).parents[2]
    printed = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"
