# Build: the pinned, hashed packages in an environment of their own, and the code with modes of its own.
ARG PYTHON_DIGEST=
FROM python:3.11.16-slim-bookworm${PYTHON_DIGEST} AS build
COPY portal/requirements/base.txt /tmp/base.txt
RUN python -m venv /opt/venv \
 && /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/base.txt
WORKDIR /app
COPY manage.py ./
COPY static static
COPY templates templates
COPY portal portal
# The keys are for this one command; nothing is signed or encrypted with them, and no database is asked. A checkout that
# was made with a strict umask has files that only its owner may read: here all may read them, and only root may write.
RUN PORTAL_SECRET_KEY=0000000000000000000000000000000000000000000000000000000000000000 \
    PORTAL_ENCRYPTION_KEYS=0000000000000000000000000000000000000000000000000000000000000000 \
    DATABASE_URL=postgresql:///portal PORTAL_STATE_DIR=/app/state PYTHONDONTWRITEBYTECODE=1 \
    /opt/venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
 && chmod -R u=rwX,go=rX /app /opt/venv \
 && mkdir /production && cp -a /app /production/app \
 && rm -r /production/app/portal/devserver /production/app/portal/sandbox

# Run: no compiler, no pip cache, no root.
FROM python:3.11.16-slim-bookworm${PYTHON_DIGEST} AS runtime
LABEL org.opencontainers.image.title=countersign org.opencontainers.image.version=0.2.0
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
USER 10001
EXPOSE 8000
CMD ["python", "-m", "granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "4", "--workers-kill-timeout", "10s", "--no-ws", "portal.wsgi:application"]

# With the Segura sandbox and the development server; only the sandbox of `docker compose --profile demo` runs in it.
FROM runtime AS demo
COPY --from=build /app /app

# The portal alone: the last target, so the one that is built where none is named.
FROM runtime AS production
COPY --from=build /production/app /app
