#!/bin/sh
# One role and schema a service: none can read another's. Run once, by the postgres image.
set -eu
for name in auth fiche transcription audit automation; do
  psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set role="vigie_$name" --set schema="$name" --set password="$VIGIE_DB_PASSWORD" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
ALTER ROLE :"role" SET search_path = :"schema";
GRANT CONNECT, TEMPORARY ON DATABASE vigie TO :"role";
CREATE SCHEMA :"schema" AUTHORIZATION :"role";
SQL
done
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
REVOKE ALL ON DATABASE vigie FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
-- Searches in audit lists; a service's role may not make it.
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA audit;
SQL
