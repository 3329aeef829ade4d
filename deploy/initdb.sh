#!/bin/sh
# Two databases and two roles: whoever holds Prefect's cannot so much as read the journal.
set -eu
for name in firedoor prefect; do
    psql --no-psqlrc --set ON_ERROR_STOP=1 --username postgres --set name="$name" --set password="$(cat "/run/secrets/postgres_$name")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
