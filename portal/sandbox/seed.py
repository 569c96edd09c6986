"""Initial secrets of the sandbox: those of a plausible company, and the unusual cases of the contract (section 12)."""

from __future__ import annotations

import hashlib

from portal.sandbox.store import Item, Known

KNOWN = Known(
    users=frozenset(
        [
            "alices",
            "pduarte",
            "mferreira",
            "jsilva",
            "rcosta",
            "tnakamura",
            "lkowalski",
            "obrien",
            "svc-portal",
            "svc-backup",
        ]
    ),
    groups=frozenset(
        ["Test group", "Payments", "Platform", "Integration", "Site Reliability", "Finance systems", "Marketing"]
    ),
    people={
        "alices": "Alice Souza",
        "pduarte": "Paula Duarte",
        "mferreira": "Marcos Ferreira",
        "jsilva": "Joana Silva",
        "rcosta": "Rafael Costa",
        "tnakamura": "Tomoko Nakamura",
        "lkowalski": "Lena Kowalski",
        "obrien": "Sean O'Brien",
        "svc-portal": "Portal (service)",
        "svc-backup": "Backup (service)",
        "dpereira": "Davi Pereira",
    },
    inactive=frozenset(["dpereira"]),
)


def _value(label: str) -> str:
    """Return a value that looks like a key and is the same in every run."""
    return "demo_" + hashlib.sha256(label.encode()).hexdigest()[:32]


def _demo(identifier: int, name: str, url: str, tags: str, notes: str, method: str = "post") -> Item:
    return Item(
        identifier=identifier,
        name=name,
        url=url,
        client_id=f"{name}-client",
        client_secret=_value(name),
        identifier_code=f"{name[:4].strip('-')}{identifier}",
        tags=tags,
        notes=notes,
        method=method,
    )


def _shared(item: Item, users: dict[str, bool], groups: dict[str, bool] | None = None) -> Item:
    item.users_allowed.update(users)
    item.groups_allowed.update(groups or {})
    return item


def _everyday() -> list[Item]:
    return [*_older(), *_newer()]


def _older() -> list[Item]:
    return [
        _shared(
            _demo(12, "stripe-webhook", "https://api.stripe.com/v1/webhook_endpoints", "payments,webhook",
                  "Signing key of the checkout webhook. Rotate each quarter."),
            {"alices": True, "pduarte": False}, {"Payments": True}),
        _shared(
            _demo(14, "sap-connector", "https://sap.example.com:44300/sap/opu/odata", "erp,sap",
                  "Service account SVC_PORTAL of the ERP.", "get"),
            {"mferreira": True}, {"Finance systems": False}),
        _shared(
            _demo(15, "smtp-relay", "smtps://relay.example.com:465", "mail", "Outgoing mail of the shop."),
            {"jsilva": True, "alices": False}),
        _shared(
            _demo(17, "github-actions", "https://api.github.com", "ci,deploy",
                  "Deploy key of the build pipeline.", "get"),
            {"rcosta": True}, {"Platform": True}),
        _shared(
            _demo(18, "datadog-intake", "https://http-intake.logs.datadoghq.eu/api/v2/logs", "monitoring,logs",
                  "Log shipping from production."), {}, {"Site Reliability": True}),
        _shared(
            _demo(21, "azure-graph", "https://graph.microsoft.com/v1.0", "identity,cloud",
                  "Reads groups for provisioning. Expires every 180 days.", "get"),
            {"tnakamura": True}, {"Platform": False}),
    ]  # fmt: skip


def _newer() -> list[Item]:
    return [
        _shared(
            _demo(22, "salesforce-sync", "https://example.my.salesforce.com/services/oauth2/token", "crm",
                  "Nightly customer synchronisation."), {"lkowalski": True, "obrien": False}),
        _shared(
            _demo(25, "pix-gateway", "https://api.bank.example.com/pix/v2", "payments,pix",
                  "Client of the bank's instant payment API."), {"pduarte": True}, {"Payments": True}),
        _shared(
            _demo(26, "twilio-sms", "https://api.twilio.com/2010-04-01", "sms,login",
                  "One-time codes by text message."), {"alices": True}),
        _shared(
            _demo(29, "s3-backup", "https://s3.eu-central-1.amazonaws.com/example-backup", "cloud,backup",
                  "Write-only key of the backup bucket.", "put"), {"svc-backup": False}, {"Site Reliability": True}),
        _shared(
            _demo(31, "jira-automation", "https://example.atlassian.net/rest/api/3", "tickets",
                  "Creates tickets from alerts."), {"jsilva": False}),
        _shared(
            _demo(34, "hr-directory", "https://hr.example.com/api/people", "hr,directory",
                  "Read access to the staff directory.", "get"), {"mferreira": False}, {"Integration": True}),
        _shared(
            _demo(35, "maps-geocoding", "https://maps.googleapis.com/maps/api/geocode/json", "maps",
                  "Restricted to the shop's address.", "get"), {"rcosta": False}, {"Marketing": False}),
    ]  # fmt: skip


def _odd() -> list[Item]:
    gcp = Item(
        identifier=43, name="GCP", url="https://gcp.com", client_id="gf455f7g8fb5dfg8fd545bffbv",
        client_secret=_value("GCP"), identifier_code="hyga125", method="get", tags="Cloud",
        notes="Access details", users_allowed={"pduarte": True}, groups_allowed={"Test group": False},
    )  # fmt: skip
    return [
        gcp,
        Item(44, "GCP", "gcp.com", "second-client", _value("GCP two"), tags="cloud, test", notes="Same name"),
        Item(47, "legacy-ftp", "ftp://old.example.com", "legacy", _value("ftp"), active=False),
        Item(48, "board-room", "https://board.example.com", "board", _value("board"), owner="obrien", access="none"),
        Item(51, "treasury-api", "https://treasury.example.com/api", "treasury", _value("treasury"),
             identifier_code="trea51", tags="finance", need_justify=True, need_approval=True),
        Item(52, "vpn-radius", "https://radius.example.com", "radius", _value("radius"), need_justify=True),
        Item(55, "partner-feed", "https://feed.partner.example.com", "feed", _value("feed"), owner="lkowalski",
             access="view", users_allowed={"svc-portal": False}),
        Item(56, "dwh-export", "https://dwh.example.com/export", "dwh", _value("dwh"), owner="tnakamura",
             access="edit", users_allowed={"svc-portal": True, "tnakamura": True}),
        Item(58, "clash-of-codes", "https://clash.example.com", "clash", _value("clash"), owner="lkowalski",
             identifier_code="hyga125", access="edit", users_allowed={"svc-portal": True}),
        Item(61, "Integração Câmbio & Preços", "https://cambio.example.com/preços", "cambio", _value("cambio"),
             tags="câmbio,preços", notes="Preço & câmbio do dia: <código> 'à vista'", method="get"),
        Item(62, "no-details", "nova urlwqw", "x", "", method="posst"),
        Item(64, "long-notes", "https://notes.example.com", "notes", _value("notes"),
             notes="Why this key exists, at length. " * 25),
    ]  # fmt: skip


def seed_items(extra: int = 0) -> list[Item]:
    """Return the seed: ordinary secrets, unusual ones, and `extra` generated ones with identifiers from 1001."""
    generated = [
        _demo(1000 + n, f"service-{n:05}", f"https://service-{n:05}.example.com/api", "generated", f"Generated no. {n}")
        for n in range(1, extra + 1)
    ]
    return [*_everyday(), *_odd(), *generated]
