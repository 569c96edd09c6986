#!/bin/sh
# One backup of the database, whole or not at all: sh portal/operations/backup.sh FOLDER
# libpq's own variables (PGHOST, PGUSER, PGDATABASE, PGPASSFILE …) say which; a password has no place on a command line.
set -eu
umask 077
folder=${1:?"usage: backup.sh FOLDER"}
name="portal-$(date -u +%Y-%m-%dT%H%M%SZ).dump"

pg_dump --format=custom --file "$folder/.$name.part"
pg_restore --list "$folder/.$name.part" > /dev/null
sync "$folder/.$name.part"
mv "$folder/.$name.part" "$folder/$name"
echo "$folder/$name"
