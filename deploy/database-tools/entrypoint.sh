#!/bin/sh
# Give PostgreSQL's programs the passwords and the address of the secret files, then run the command.
# The passwords go into a file that ends with the command, so that no command line and no environment shows them.
set -eu
umask 077
secrets=${SECRETS:-/run/secrets}
PGPASSFILE=$(mktemp)
export PGPASSFILE
trap 'rm -f "$PGPASSFILE"' EXIT

if [ -r "$secrets/postgres_password" ]; then
    printf '*:*:*:postgres:%s\n' "$(cat "$secrets/postgres_password")" >> "$PGPASSFILE"
fi
if [ -r "$secrets/database_url_owner" ]; then
    sed -n 's|^[a-z]*://\([^:]*\):\([^@]*\)@.*|*:*:*:\1:\2|p' "$secrets/database_url_owner" >> "$PGPASSFILE"
    part() { sed -n "s|^[a-z]*://\([^:]*\):[^@]*@\([^:/]*\):*\([0-9]*\)/\([^?]*\).*|\\$1|p" "$secrets/database_url_owner"; }
    : "${PGUSER:=$(part 1)}" "${PGHOST:=$(part 2)}" "${PGPORT:=$(part 3)}" "${PGDATABASE:=$(part 4)}"
    export PGUSER PGHOST PGPORT="${PGPORT:-5432}" PGDATABASE
fi
"$@"
