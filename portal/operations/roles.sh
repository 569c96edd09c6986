#!/bin/sh
# Make the three roles of PostgreSQL, none of them a superuser, or bring them back to what they have to be.
# `owner` makes the tables (service migrate); `portal` and `sealer` are given what they need by `manage.py restrict_db_role`.
# Their passwords are those in the services' database addresses: letters, digits, - and _.
# It may run at any time and as often as you like: after a start that was interrupted, or after a change of a password.
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
plain="LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"

${PSQL:-psql} --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<SQL
DO \$\$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['owner', 'portal', 'sealer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I', name);
        END IF;
    END LOOP;
END
\$\$;
ALTER ROLE owner $plain PASSWORD '$owner';
ALTER ROLE portal $plain PASSWORD '$portal';
ALTER ROLE sealer $plain PASSWORD '$sealer';
ALTER DATABASE "$POSTGRES_DB" OWNER TO owner;
REVOKE ALL ON DATABASE "$POSTGRES_DB" FROM PUBLIC;
GRANT CONNECT ON DATABASE "$POSTGRES_DB" TO portal, sealer;
SQL
