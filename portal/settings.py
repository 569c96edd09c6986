"""The only settings file: reads the environment into typed values. Raises ImproperlyConfigured for an invalid value.

Every name read here is a row of docs/configuration.md. Secrets may come from a file: NAME_FILE instead of NAME.
"""

import os
import secrets
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from environs import EnvError

from portal.common.env import (
    env,
    get_hosts,
    get_https_url,
    get_integer,
    get_positive_number,
    get_role_groups,
    get_roles,
    get_secret,
    get_ticket_patterns,
    is_loopback_url,
    parse_smtp_url,
    require_all_or_none,
)

VERSION = "0.2.0"
"""Version of this release, as in pyproject.toml, which an image does not contain."""

BASE_DIR = Path(__file__).resolve().parent.parent
_HAS_DEVSERVER = find_spec("portal.devserver") is not None  # a production installation leaves the package out
STATE_DIR: Path = env.path("PORTAL_STATE_DIR", BASE_DIR / ".state")
# `make run` stores the keys that it generates in the state folder; a deployment has no such file.
env.read_env(str(STATE_DIR / "env"), recurse=False)


try:
    # --- This portal -------------------------------------------------------------------------------
    DEBUG: bool = env.bool("PORTAL_DEBUG", False)
    PORTAL_DEMO: bool = env.bool("PORTAL_DEMO", False)
    # Only for demos and tests, which have no second administrator to ask; refused below without PORTAL_DEMO.
    CONSOLE_GIVES_RIGHTS: bool = env.bool("PORTAL_CONSOLE_GIVES_RIGHTS", False)
    # Process that reads these settings; empty for a management command that one account runs for all processes.
    PROCESS: str = env.str("PORTAL_PROCESS", "")
    HOLDS_KEYS = PROCESS not in {"sealer", "scheduler", "owner"}
    # sealer, scheduler and owner sign no session and decrypt no value, so they start without the keys for it.
    SECRET_KEY = get_secret("PORTAL_SECRET_KEY", None if HOLDS_KEYS else "") or secrets.token_urlsafe(48)
    ENCRYPTION_KEYS = get_secret("PORTAL_ENCRYPTION_KEYS", None if HOLDS_KEYS else "")
    # Web processes and delivery workers refuse to start without these keys; scheduler and sealer need none.
    APPROVAL_MAC_KEYS = get_secret("PORTAL_APPROVAL_MAC_KEYS", "")
    FINGERPRINT_KEY = get_secret("PORTAL_FINGERPRINT_KEY", "")
    PORT: int = env.int("PORT", 8000)
    BASE_URL = get_https_url("PORTAL_BASE_URL", f"http://localhost:{PORT}").rstrip("/")
    ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
    TRUSTED_PROXIES: int = env.int("PORTAL_TRUSTED_PROXIES", 0)
    LOG_LEVEL: str = env.str("PORTAL_LOG_LEVEL", "INFO").upper()
    # Lines for a developer at a terminal, JSON for the log collector of a deployment.
    LOG_FORMAT: str = env.str("PORTAL_LOG_FORMAT", "line" if is_loopback_url(BASE_URL) else "json")
    TRACING: bool = env.bool("PORTAL_TRACING", False)
    METRICS_TOKEN = get_secret("PORTAL_METRICS_TOKEN", "")
    METRICS_DIR: str = env.str("PORTAL_METRICS_DIR", "")
    APPROVALS_REQUIRED = get_integer("APPROVALS_REQUIRED", 1, 1)
    SIGNED_VOTES: str = env.str("SIGNED_VOTES", "off")
    SIGNED_VOTES_SINCE: str = env.str("SIGNED_VOTES_SINCE", "")
    VOTE_KEYS_FIRST_FILE: str = env.str("VOTE_KEYS_FIRST_FILE", "")
    TICKET_URL_PATTERNS = get_ticket_patterns("TICKET_URL_PATTERN")
    LINK_HOSTS = get_hosts("LINK_HOSTS")
    CHANGE_SUBMITS_PER_HOUR = get_integer("CHANGE_SUBMITS_PER_HOUR", 100, 1)
    CHANGE_PENDING_DAYS = get_positive_number("CHANGE_PENDING_DAYS", 14)
    CHANGE_APPROVED_DAYS = get_positive_number("CHANGE_APPROVED_DAYS", 7)

    # --- Sign-in with OpenID Connect ---------------------------------------------------------------
    OIDC_ISSUER = get_https_url("OIDC_ISSUER", "")
    OIDC_CLIENT_ID: str = env.str("OIDC_CLIENT_ID", "")
    OIDC_CLIENT_SECRET = get_secret("OIDC_CLIENT_SECRET", "")
    OIDC_PROVIDER_NAME: str = env.str("OIDC_PROVIDER_NAME", "") or urlsplit(OIDC_ISSUER).hostname or ""
    OIDC_SCOPES: list[str] = env.str("OIDC_SCOPES", "openid profile email").split()
    OIDC_USERNAME_CLAIM: str = env.str("OIDC_USERNAME_CLAIM", "preferred_username")
    PASSWORD_SIGN_IN: bool = env.bool("PORTAL_PASSWORD_SIGN_IN", True)
    # The one local account whose password still works where passwords are switched off; empty for none.
    EMERGENCY_ACCOUNT: str = env.str("PORTAL_EMERGENCY_ACCOUNT", "").strip()
    OIDC_GROUPS_CLAIM: str = env.str("OIDC_GROUPS_CLAIM", "groups")
    OIDC_ACR_VALUES: str = env.str("OIDC_ACR_VALUES", "")
    # Without these the provider never counts as a second factor.
    OIDC_ACCEPTED_ACR: list[str] = env.list("OIDC_ACCEPTED_ACR", [])
    OIDC_ACCEPTED_AMR: list[str] = env.list("OIDC_ACCEPTED_AMR", [])
    SECOND_FACTOR_ROLES = get_roles(
        "SECOND_FACTOR_ROLES",
        [] if PORTAL_DEMO else ["approver", "auditor", "administrator"],
        ("requester", "approver", "auditor", "administrator"),
    )
    OIDC_ROLE_GROUPS = get_role_groups("OIDC_ROLE_GROUPS", ("requester", "approver", "auditor", "administrator"))

    # --- Audit log ---------------------------------------------------------------------------------
    AUDIT_SIGNING_KEY = get_secret("AUDIT_SIGNING_KEY", "")
    AUDIT_CHECKPOINT_DIR: str = env.str("AUDIT_CHECKPOINT_DIR", "")
    AUDIT_VERIFY_EVERY_S = get_positive_number("AUDIT_VERIFY_EVERY_S", 86400)
    AUDIT_MAIL_EVERY_S = get_positive_number("AUDIT_MAIL_EVERY_S", 86400)
    # 0 keeps the whole log; less than a year would not cover the questions of a yearly audit.
    RETAIN_AUDIT_DAYS = get_integer("RETAIN_AUDIT_DAYS", 0, 0)
    RETAIN_NOTIFICATIONS_DAYS = get_integer("RETAIN_NOTIFICATIONS_DAYS", 365, 1)
    SEAL_EVERY_S = get_positive_number("SEAL_EVERY_S", 0.5)

    # --- Segura ------------------------------------------------------------------------------------
    SEGURA_URL = get_https_url("SEGURA_URL", "")
    SEGURA_TOKEN_URL = get_https_url("SEGURA_TOKEN_URL", "")
    SEGURA_UI_URL = get_https_url("SEGURA_UI_URL", "")
    SEGURA_CLIENT_ID: str = env.str("SEGURA_CLIENT_ID", "")
    SEGURA_CLIENT_SECRET = get_secret("SEGURA_CLIENT_SECRET", "")
    SEGURA_CLIENT_AUTH: str = env.str("SEGURA_CLIENT_AUTH", "body")
    # Only for the names that sharing fields suggest; if empty, users type names freely.
    SEGURA_SCIM_CLIENT_ID: str = env.str("SEGURA_SCIM_CLIENT_ID", "")
    SEGURA_SCIM_CLIENT_SECRET = get_secret("SEGURA_SCIM_CLIENT_SECRET", "")
    SEGURA_SCIM_SYNC_EVERY_S = get_positive_number("SEGURA_SCIM_SYNC_EVERY_S", 3600)
    REVIEW_READS: str = env.str("REVIEW_READS", "open")
    SEGURA_TENANT: str = env.str("SEGURA_TENANT", "")
    SEGURA_CA_BUNDLE: str = env.str("SEGURA_CA_BUNDLE", "")
    SEGURA_CONNECT_TIMEOUT_S = get_positive_number("SEGURA_CONNECT_TIMEOUT_S", 5)
    SEGURA_GATEWAY_TIMEOUT_S = get_positive_number("SEGURA_GATEWAY_TIMEOUT_S", 60)
    SEGURA_GATEWAY_RETRIES = get_integer("SEGURA_GATEWAY_RETRIES", 5, 0)
    # Longer than the gateway's own timeout, so that the gateway answers first.
    SEGURA_DEADLINE_S = get_positive_number("SEGURA_DEADLINE_S", SEGURA_GATEWAY_TIMEOUT_S + 5)
    # Short, because a user waits and occupies one of few web threads; workers use SEGURA_DEADLINE_S.
    SEGURA_PAGE_DEADLINE_S = get_positive_number("SEGURA_PAGE_DEADLINE_S", 8)
    CATALOG_SYNC_EVERY_S = get_positive_number("CATALOG_SYNC_EVERY_S", 300)
    CATALOG_VANISHED_MOST_PERCENT = get_integer("CATALOG_VANISHED_MOST_PERCENT", 20, 0)

    # --- Delivery ----------------------------------------------------------------------------------
    DELIVERY_LEASE_S = get_positive_number("DELIVERY_LEASE_S", 3 * SEGURA_DEADLINE_S)
    DELIVERY_MAX_UNKNOWN_OUTCOMES = get_integer("DELIVERY_MAX_UNKNOWN_OUTCOMES", 8, 1)
    DELIVERY_BACKOFF_S = get_positive_number("DELIVERY_BACKOFF_S", 1)
    DELIVERY_PROBE_EVERY_S = get_positive_number("DELIVERY_PROBE_EVERY_S", 30)
    DELIVERY_RATE_PER_S = get_integer("DELIVERY_RATE_PER_S", 0, 0)
    DELIVERY_BACKLOG_RATE_PER_S = get_positive_number("DELIVERY_BACKLOG_RATE_PER_S", 5)
    DELIVERY_SPOOL_DIR: Path = env.path("DELIVERY_SPOOL_DIR", STATE_DIR / "spool")
    SWEEP_EVERY_S = get_positive_number("SWEEP_EVERY_S", 10)
    OPERATIONS_UNKNOWN_AFTER_S = get_positive_number("OPERATIONS_UNKNOWN_AFTER_S", 600)
    OPERATIONS_UNSENT_AFTER_S = get_positive_number("OPERATIONS_UNSENT_AFTER_S", 900)
    WORKER_STUCK_AFTER_S = get_positive_number("WORKER_STUCK_AFTER_S", 60)
    # Seconds in which the gateway may still replay an unanswered call: (connect + read) x tries, plus a margin.
    DELIVERY_HOLD_S = 2 * SEGURA_GATEWAY_TIMEOUT_S * (SEGURA_GATEWAY_RETRIES + 1) + get_positive_number(
        "DELIVERY_REPLAY_MARGIN_S", 10
    )

    # --- Notifications, and email: that of notifications and the checkpoints of the log to auditors ---
    NOTIFICATIONS_EVERY_S = get_positive_number("NOTIFICATIONS_EVERY_S", 5)
    DAILY_MAIL_HOUR = get_integer("DAILY_MAIL_HOUR", 8, 0)
    _mail = parse_smtp_url("EMAIL_URL", get_secret("EMAIL_URL", ""))
    DEFAULT_FROM_EMAIL: str = env.str("EMAIL_FROM", "") or f"countersign@{urlsplit(BASE_URL).hostname}"

    # --- Database and broker -----------------------------------------------------------------------
    # The scheduler only sends messages: a database connection that it opened by mistake must fail.
    _nowhere = "postgresql://scheduler.invalid/" if PROCESS == "scheduler" else None
    os.environ["DATABASE_URL"] = get_secret("DATABASE_URL", _nowhere)
    if urlsplit(os.environ["DATABASE_URL"]).scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured("DATABASE_URL must be postgresql://user:password@host/name.")
    DATABASES = {"default": env.dj_db_url("DATABASE_URL")}
    REDIS_URL = get_secret("REDIS_URL", "redis://127.0.0.1:6379/0")
except EnvError as error:
    raise ImproperlyConfigured(str(error)) from None

if METRICS_DIR:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = METRICS_DIR  # read when prometheus_client is first imported

EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.host, _mail.port, _mail.user, _mail.password
EMAIL_USE_SSL, EMAIL_USE_TLS, EMAIL_TIMEOUT = _mail.tls, _mail.starttls, 20

if PROCESS not in {"", "web", "worker", "sealer", "scheduler", "owner"}:
    raise ImproperlyConfigured("PORTAL_PROCESS must be web, worker, sealer, scheduler or owner, or empty.")
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("PORTAL_SECRET_KEY must be 32 characters or longer: openssl rand -base64 48 makes one.")
if DEBUG and not is_loopback_url(BASE_URL):
    raise ImproperlyConfigured("PORTAL_DEBUG is for this machine only: PORTAL_BASE_URL must be a loopback address.")
if CONSOLE_GIVES_RIGHTS and not PORTAL_DEMO:
    raise ImproperlyConfigured("PORTAL_CONSOLE_GIVES_RIGHTS is for demos: one person could give every right.")
if TRACING and find_spec("opentelemetry") is None:
    raise ImproperlyConfigured("PORTAL_TRACING needs the packages of portal/requirements/otel.txt.")
if LOG_FORMAT not in {"json", "line"}:
    raise ImproperlyConfigured("PORTAL_LOG_FORMAT must be 'json' or 'line'.")
if PROCESS in {"", "web"}:  # no other process signs users in
    require_all_or_none(
        OIDC_ISSUER=OIDC_ISSUER,
        OIDC_CLIENT_ID=OIDC_CLIENT_ID,
        OIDC_CLIENT_SECRET=OIDC_CLIENT_SECRET,
        OIDC_ROLE_GROUPS=OIDC_ROLE_GROUPS,
    )
if not PASSWORD_SIGN_IN and not OIDC_ISSUER:
    raise ImproperlyConfigured("PORTAL_PASSWORD_SIGN_IN is off, so OIDC_ISSUER must be set: no one could sign in.")
if EMERGENCY_ACCOUNT and PASSWORD_SIGN_IN:
    raise ImproperlyConfigured("PORTAL_EMERGENCY_ACCOUNT needs PORTAL_PASSWORD_SIGN_IN=0: all passwords work now.")
if "openid" not in OIDC_SCOPES:
    raise ImproperlyConfigured("OIDC_SCOPES must contain openid: without it there is no ID token.")
if urlsplit(OIDC_ISSUER).query or urlsplit(OIDC_ISSUER).fragment:
    raise ImproperlyConfigured("OIDC_ISSUER must be the provider's issuer, without query and fragment.")
if SIGNED_VOTES not in {"off", "allowed", "required_high_risk", "required"}:
    raise ImproperlyConfigured("SIGNED_VOTES must be 'off', 'allowed', 'required_high_risk' or 'required'.")
try:
    datetime.fromisoformat(SIGNED_VOTES_SINCE or "2026-01-01")
except ValueError:
    raise ImproperlyConfigured("SIGNED_VOTES_SINCE must be a date such as 2026-12-01.") from None
if SIGNED_VOTES.startswith("required") and not VOTE_KEYS_FIRST_FILE and PROCESS not in {"scheduler", "owner"}:
    raise ImproperlyConfigured("SIGNED_VOTES requires VOTE_KEYS_FIRST_FILE: without the first keys no vote counts.")
if REVIEW_READS not in {"open", "click", "off"}:
    raise ImproperlyConfigured("REVIEW_READS must be 'open', 'click' or 'off'.")
if SEGURA_CLIENT_AUTH not in {"body", "basic"}:
    raise ImproperlyConfigured("SEGURA_CLIENT_AUTH must be 'body' or 'basic'.")
if 0 < RETAIN_AUDIT_DAYS < 365:
    raise ImproperlyConfigured("RETAIN_AUDIT_DAYS must be 0, which keeps everything, or 365 and more.")
if DAILY_MAIL_HOUR > 23:
    raise ImproperlyConfigured("DAILY_MAIL_HOUR is an hour of the day: 0 to 23.")
if DELIVERY_LEASE_S < 2 * SEGURA_DEADLINE_S:
    raise ImproperlyConfigured("DELIVERY_LEASE_S must be at least twice SEGURA_DEADLINE_S.")

DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Detect dead peers within 30 s; otherwise PostgreSQL keeps their locks for hours. DATABASE_URL may override this.
DATABASES["default"]["OPTIONS"] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
    " -c tcp_user_timeout=20000 -c idle_in_transaction_session_timeout=300000",
    **DATABASES["default"].get("OPTIONS", {}),
}

# redis-py spells unix:// and db=, Celery redis+socket:// and virtual_host=; REDIS_URL has redis-py's spelling.
CELERY_BROKER_URL = REDIS_URL
if REDIS_URL.startswith("unix://"):
    CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": max(300, int(2 * DELIVERY_LEASE_S)),
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 2,  # seconds a vote may wait for a frozen Redis, once
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "max_retries": 0,
}
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
# A worker without --queues consumes both queues; in docker-compose.yml only the sealer consumes the second.
CELERY_TASK_QUEUES: dict[str, dict[str, str]] = {"celery": {}, "sealing": {}}
CELERY_TASK_ROUTES = {"audit.*": {"queue": "sealing"}}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_DB_REUSE_MAX = 2**31  # CONN_MAX_AGE and its health check alone limit how long a task's connection lives
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_DIRECT = True  # one more queue per worker, for tasks that only this worker can do
CELERY_TASK_TIME_LIMIT = int(DELIVERY_LEASE_S) + 10
CELERY_TIMEZONE = "UTC"
# A message expires when later ones of the same schedule have replaced it.
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "changes.sweep", "schedule": SWEEP_EVERY_S, "options": {"expires": 3 * SWEEP_EVERY_S}},
    "catalog": {
        "task": "catalog.synchronise",
        "schedule": CATALOG_SYNC_EVERY_S,
        "options": {"expires": CATALOG_SYNC_EVERY_S},
    },
    "seal": {"task": "audit.seal", "schedule": SEAL_EVERY_S, "options": {"expires": 3 * SEAL_EVERY_S}},
    "tell": {
        "task": "notifications.dispatch",
        "schedule": NOTIFICATIONS_EVERY_S,
        "options": {"expires": 3 * NOTIFICATIONS_EVERY_S},
    },
    "mail": {
        "task": "notifications.send_mail",
        "schedule": NOTIFICATIONS_EVERY_S,
        "options": {"expires": 3 * NOTIFICATIONS_EVERY_S},
    },
    "retire": {"task": "operations.retire", "schedule": 3600, "options": {"expires": 3600}},
    "due": {
        "task": "audit.due",
        "schedule": min(600, AUDIT_VERIFY_EVERY_S, AUDIT_MAIL_EVERY_S),
        "options": {"expires": 600},
    },
}

# --- Django ----------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
    "template_partials",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "portal.accounts",
    "portal.web",
    "portal.audit",
    "portal.governance",
    "portal.vote_keys",
    "portal.catalog",
    "portal.identity",
    "portal.changes",
    "portal.notifications",
    "portal.operations",
    *(["portal.devserver"] if _HAS_DEVSERVER else []),
]
MIDDLEWARE = [
    "portal.accounts.request_origin.OriginMiddleware",
    "portal.operations.probes.ProbeMiddleware",
    # Above everything that answers, including static files and rejected host names.
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Below WhiteNoise, whose files may be cached; above everything that renders a page.
    "portal.web.caching.NoStoreMiddleware",
    "portal.operations.traffic_metrics.TrafficMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.accounts.devices.SessionEndMiddleware",
    "portal.web.user_locale.UserLocaleMiddleware",
    "portal.accounts.factors.middleware.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    *(["portal.devserver.middleware.DemoConfirmationMiddleware"] if _HAS_DEVSERVER else []),
    "portal.web.error_views.MethodNotAllowedMiddleware",
    # Last, so that they see why a page was denied or failed before Django turns the exception into a response.
    "portal.audit.denied_requests.DeniedRequestMiddleware",
    "portal.web.error_reporting.TracebackScrubbingMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.web.context_processors.person",
                "portal.identity.context_processors.sign_in_methods",
                "portal.changes.context_processors.pause",
                "portal.changes.context_processors.needs_you",
                "portal.notifications.context_processors.counts",
                *(["portal.devserver.context_processors.demo"] if _HAS_DEVSERVER else []),
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # templates/django/forms precedes Django's own
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("pt-br", _("Brazilian Portuguese"))]
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
FORMAT_MODULE_PATH = "portal.locale"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = STATE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# In the database, not in Redis: sign-in and voting must not depend on the broker.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portal_cache",
        # Django's default is 300 entries, beyond which it deletes entries before they expire.
        "OPTIONS": {"MAX_ENTRIES": 1_000_000},
    }
}
DEFAULT_EXCEPTION_REPORTER_FILTER = "portal.web.error_reporting.ScrubbingReporterFilter"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000  # two lists of 500 shares, each of up to four fields
FILE_UPLOAD_HANDLERS = ["portal.web.upload_handlers.RejectUploads"]

# --- Sign-in ---------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["portal.accounts.backends.PortalBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "portal.identity.adapter.ProviderSignOutAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_FORMS = {
    "login": "portal.accounts.forms.SignInForm",
    "change_password": "portal.accounts.forms.PasswordForm",
    "reauthenticate": "portal.accounts.forms.PasswordConfirmForm",
}
ACCOUNT_PREVENT_ENUMERATION = True
PASSWORD_RESET_TIMEOUT = 24 * 3600  # of invitations and reset links alike
ACCOUNT_REAUTHENTICATION_TIMEOUT = get_integer("REAUTHENTICATION_AFTER_S", 300, 60)
REAUTHENTICATION_LATEST_S = get_integer("REAUTHENTICATION_LATEST_S", 3600, 0)
ACCOUNT_RATE_LIMITS = False  # allauth's counters live in the cache and limit whole addresses; see accounts/attempts.py

# Second factors. A sign-in with a passkey alone would go around the provider, which may have removed the user.
MFA_ADAPTER = "portal.accounts.factors.adapter.PortalMFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_PASSKEY_LOGIN_ENABLED = not OIDC_ISSUER
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_TOLERANCE = 0  # allauth remembers a used code for one period; with tolerance it would work twice
MFA_ALLOW_UNVERIFIED_EMAIL = True  # accounts have no verified addresses
MFA_FORMS = {
    "authenticate": "portal.accounts.factors.forms.SignInCodeForm",
    "authenticate_webauthn": "portal.accounts.factors.forms.SignInPasskeyForm",
    "login_webauthn": "portal.accounts.factors.forms.PasskeyOnlyForm",
    "add_webauthn": "portal.accounts.factors.forms.AddPasskeyForm",
    "activate_totp": "portal.accounts.factors.forms.AddAppForm",
}

# --- Cookies, TLS and security headers -------------------------------------------------------------
_tls = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _tls
_prefix = "__Host-" if _tls else ""  # browsers accept such a name over TLS only, and only from this host
SESSION_COOKIE_NAME = f"{_prefix}session"
CSRF_COOKIE_NAME = f"{_prefix}csrf"
LANGUAGE_COOKIE_NAME = f"{_prefix}language"
THEME_COOKIE_NAME = f"{_prefix}theme"
ZONE_COOKIE_NAME = f"{_prefix}zone"
MESSAGES_COOKIE_NAME = f"{_prefix}messages"
MESSAGE_STORAGE = "portal.web.message_storage.CookieMessageStorage"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
LANGUAGE_COOKIE_SECURE = _tls
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [BASE_URL]
CSRF_FAILURE_VIEW = "portal.accounts.typed_forms.csrf_failure"
SECURE_HSTS_SECONDS = 31536000 if _tls else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _tls
SECURE_SSL_REDIRECT = _tls
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Chromium applies form-action also to the redirect that answers a form, so the provider's origin must be allowed.
_provider = urlsplit(OIDC_ISSUER)
_provider_origin = [f"{_provider.scheme}://{_provider.netloc}"] if OIDC_ISSUER else []
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "form-action": ["'self'", *_provider_origin],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
        "manifest-src": ["'self'"],
    }
}

# --- Logs ------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        "json": {"()": "portal.common.json_logging.JsonFormatter"},
    },
    "filters": {"refusals": {"()": "portal.common.json_logging.OneLineRefusals"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["refusals"]},
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    # Below WARNING these would print headers, bodies and SQL parameters, the last three for every sweep.
    "loggers": {
        name: {"level": "WARNING"}
        for name in (
            "authlib",
            "fido2",
            "requests_oauthlib",
            "oauthlib",
            "urllib3",
            "django.db.backends",
            "kombu",
            "amqp",
            "celery.pool",
            "celery.utils.functional",
            "celery.worker.strategy",
            "celery.app.trace",
            "celery.beat",
        )
    }
    # The process that starts the worker waits for its line "ready", whatever the level.
    | {"celery.apps.worker": {"level": "INFO"}},
}
