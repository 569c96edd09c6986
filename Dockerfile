# Build: the pinned, hashed packages in an environment of their own.
FROM python:3.11.13-slim-bookworm AS build
COPY portal/requirements/base.txt /tmp/base.txt
RUN python -m venv /opt/venv \
 && /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/base.txt

# Run: no compiler, no pip cache, no root.
FROM python:3.11.13-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=portal.settings \
    PORTAL_STATE_DIR=/app/state
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin portal \
 && install -d -o 10001 /data \
 && install -d -o 10001 -m 700 /spool
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY manage.py ./
COPY static static
COPY templates templates
COPY portal portal
# The keys are for this one command; nothing is signed or sealed with them, and no database is asked.
RUN PORTAL_SECRET_KEY=0000000000000000000000000000000000000000000000000000000000000000 \
    PORTAL_SEALING_KEYS=0000000000000000000000000000000000000000000000000000000000000000 \
    DATABASE_URL=postgresql:///portal \
    python manage.py collectstatic --noinput --verbosity 0
USER 10001
EXPOSE 8000
CMD ["python", "-m", "granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "4", "--workers-kill-timeout", "10s", "--no-ws", "portal.wsgi:application"]
