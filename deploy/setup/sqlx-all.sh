#!/usr/bin/env bash
# Writes the offline query data of every crate, on the server that `vigie-with-servers` started:
# migrations first, each as its service's role.
set -euo pipefail
cd "$(dirname "$0")/../.."
server=${VIGIE_TEST_POSTGRES_URL:?run me through vigie-with-servers}
host=${server##*@}/vigie
psql=$(command -v psql || compgen -G '/usr/lib/postgresql/*/bin/psql' | tail -n 1)

apply() { # role, migrations
  local file
  for file in "$2"/*.sql; do
    [ -e "$file" ] || continue
    "$psql" --no-psqlrc --quiet --set ON_ERROR_STOP=1 --single-transaction \
      "postgres://$1@$host" --file "$file" >/dev/null
  done
}

export SQLX_PREPARE_SERVER=$host
unset SQLX_OFFLINE

prepare() { # crate directory, role
  grep -rqE 'query(_as|_scalar)?!' "$1/src" || return 0
  echo "sqlx: $1"
  deploy/setup/sqlx-prepare.sh "$1" "$2"
}

apply vigie_bus crates/bus/migrations
prepare crates/bus vigie_bus
apply vigie_bus crates/webhooks/migrations
prepare crates/webhooks vigie_bus
for one in auth:auth fiche:fiche-cache transcription:transcription \
  audit:audit-orchestrator automation:automation; do
  schema=${one%%:*}
  # Services may look at their own outbox.
  apply "vigie_$schema" crates/bus/migrations
  apply "vigie_$schema" "migrations/$schema"
  prepare "services/${one#*:}" "vigie_$schema"
done
