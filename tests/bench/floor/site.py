"""The least Django site that is honest: a session, a page of 25 rows by keyset, one approval, one submission, a 204.

What the portal's pages are held against, on the same server and database. `python -m tests.bench.floor.site ROWS` makes
its tables and prints the key of a session; BENCH_FLOOR_URL names its database, BENCH_PAD how heavy its page is to be.
"""

from __future__ import annotations

import os
import sys
import uuid
from importlib import import_module
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings

_ROW = """<tr class="row status-{{ r.status }}" data-id="{{ r.id }}"><td><input type="checkbox" name="pick"
 value="{{ r.id }}" aria-label="Pick {{ r.id }}"></td><td><a href="/requests/{{ r.id }}">#{{ r.id }}</a></td>
<td><time datetime="{{ r.created|date:'c' }}">{{ r.created|date:'Y-m-d H:i' }}</time></td><td>{{ r.system }}</td>
<td>{{ r.account }}</td><td>{{ r.requester }}</td><td><span class="badge">{{ r.status }}</span></td>
<td>{{ r.reason }}</td><td><a class="button" href="/requests/{{ r.id }}/approve">Approve</a></td></tr>"""
_PAGE = (
    """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Queue</title></head><body><header><nav>
{% for n in nav %}<a href="/{{ n }}">{{ n|title }}</a>{% endfor %}</nav><p>{{ user.username }}</p></header><main>
<form method="post">{% csrf_token %}<table>{% for r in rows %}"""
    + _ROW
    + """{% endfor %}</table></form><a href="?after={{ next }}">Next</a></main>"""
    + "<!-- "
    + "x" * int(os.environ.get("BENCH_PAD", "0"))
    + " --></body></html>"
)

if not settings.configured:
    _url = urlsplit(os.environ["BENCH_FLOOR_URL"])
    settings.configure(
        DEBUG=False, SECRET_KEY="of the bench alone", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", LOGIN_URL="/login",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                        "tests.bench.floor.apps.FloorConfig"],
        MIDDLEWARE=["django.middleware.security.SecurityMiddleware",
                    "django.contrib.sessions.middleware.SessionMiddleware",
                    "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
                    "django.contrib.auth.middleware.AuthenticationMiddleware",
                    "django.middleware.clickjacking.XFrameOptionsMiddleware"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {
            "context_processors": ["django.template.context_processors.request",
                                   "django.contrib.auth.context_processors.auth"],
            "loaders": [("django.template.loaders.locmem.Loader", {"page.html": _PAGE})]}}],
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "USER": _url.username or "postgres",
                               "HOST": parse_qs(_url.query).get("host", [_url.hostname])[0], "NAME": _url.path[1:],
                               "CONN_MAX_AGE": None}},
    )  # fmt: skip
django.setup()

from django.contrib.auth.decorators import login_required  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.shortcuts import redirect, render  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402
from django.views.decorators.http import require_POST  # noqa: E402

from tests.bench.floor.models import Entry, Part, Request  # noqa: E402

_NAV = ["queue", "requests", "audit", "reports", "systems", "profile"]


@login_required
def keyset(request: HttpRequest) -> HttpResponse:
    """25 rows that wait, the oldest first."""
    rows = list(Request.objects.filter(status="pending", pk__gt=int(request.GET.get("after", 0))).order_by("pk")[:25])
    return render(request, "page.html", {"rows": rows, "nav": _NAV, "next": rows[-1].pk if rows else 0})


@login_required
def nothing(request: HttpRequest) -> HttpResponse:
    """No news."""
    return HttpResponse(status=204)


@login_required
@require_POST
def approve(request: HttpRequest, number: int) -> HttpResponse:
    """Lock, check, change, record, in one durable transaction."""
    with transaction.atomic():
        found = Request.objects.select_for_update().get(pk=number)
        if found.status != "pending":
            return HttpResponse(status=409)
        found.status = "approved"
        found.save(update_fields=["status"])
        _record(request, "request.approved", found)
    return redirect("/keyset")


@login_required
@require_POST
def submit(request: HttpRequest) -> HttpResponse:
    """Three INSERTs in one durable transaction."""
    with transaction.atomic():
        made = Request.objects.create(
            created=timezone.now(), status="draft", system="system", account="account",
            requester=request.user.get_username(), reason=request.POST["reason"],
        )  # fmt: skip
        Part.objects.create(id=uuid.uuid4(), request=made, patch={"notes": request.POST["reason"]})
        _record(request, "request.submitted", made)
    return redirect("/keyset")


def _record(request: HttpRequest, action: str, about: Request) -> None:
    Entry.objects.create(
        at=timezone.now(), actor=request.user.get_username(), event=action, request_id=about.pk,
        object=f"{about.system}/{about.account}", detail={"to": about.status},
    )  # fmt: skip


urlpatterns = [
    path("keyset", keyset), path("nothing", nothing), path("approve/<int:number>", approve), path("submit", submit),
]  # fmt: skip
application = get_wsgi_application()


def prepare(rows: int) -> str:
    """Its tables with so many rows, and the key of a session."""
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        for model in (Request, Entry, Part):
            editor.create_model(model)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO floor_request (created, status, system, account, requester, reason)"
            " SELECT timestamptz '2026-01-01' + i * interval '7 seconds',"
            " CASE WHEN i % 10 < 3 THEN 'pending' ELSE 'done' END,"
            " 'system-' || i % 400, 'account-' || i % 5000, 'user' || i % 900 || '@example.test',"
            " 'Rotate the credential of partner ' || i % 1000 || ' after week ' || i % 52"
            f" FROM generate_series(1, {rows}) i"
        )
        cursor.execute("VACUUM (ANALYZE) floor_request")
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model

    user = get_user_model().objects.create(username="approver")
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


if __name__ == "__main__":
    sys.stdout.write(prepare(int(sys.argv[1])) + "\n")
