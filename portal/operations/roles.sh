#!/bin/sh
# For the container of PostgreSQL, once, when its volume is new: three accounts, none of them a superuser.
# `owner` makes the tables (service migrate); `portal` and `sealer` are given what they need by `manage.py limit_role`.
# Their passwords are those in the services' database addresses: letters, digits, - and _.
# $PSQL: another way to psql, where the account that may read the addresses is not PostgreSQL's own.
set -eu
secrets=${SECRETS:-/run/secrets}

password_in() {
    sed -n 's|^[a-z]*://[^:]*:\([A-Za-z0-9_-]*\)@.*|\1|p' "$secrets/$1"
}

owner=$(password_in database_url_owner)
portal=$(password_in database_url)
sealer=$(password_in database_url_sealer)
: "${owner:?no password in database_url_owner}" "${portal:?none in database_url}" "${sealer:?none in database_url_sealer}"

${PSQL:-psql} --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<SQL
CREATE ROLE owner LOGIN PASSWORD '$owner';
CREATE ROLE portal LOGIN PASSWORD '$portal';
CREATE ROLE sealer LOGIN PASSWORD '$sealer';
ALTER DATABASE "$POSTGRES_DB" OWNER TO owner;
REVOKE ALL ON DATABASE "$POSTGRES_DB" FROM PUBLIC;
GRANT CONNECT ON DATABASE "$POSTGRES_DB" TO portal, sealer;
SQL
