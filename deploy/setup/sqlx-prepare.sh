#!/usr/bin/env bash
# Writes the offline query data of one crate: sqlx-prepare.sh <crate dir> <role>. What `cargo sqlx
# prepare` does, without having to build that command: the macros save what they checked.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
crate=$root/${1:?crate directory}
role=${2:?role}
server=${SQLX_PREPARE_SERVER:-127.0.0.1:54329/vigie}
package=$(sed -n 's/^name = "\(.*\)"/\1/p' "$crate/Cargo.toml" | head -n 1)
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
# Dependencies first, from their committed data: only this crate's queries are saved, and a role knows
# no tables but its own. The crate itself may fail here, for want of the data that is being made.
SQLX_OFFLINE=true cargo check --quiet --manifest-path "$root/Cargo.toml" -p "$package" \
  --all-targets 2>/dev/null || true
touch "$crate"/src/lib.rs
DATABASE_URL="postgres://$role@$server" SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$fresh \
  cargo check --quiet --manifest-path "$root/Cargo.toml" -p "$package" --all-targets
rm -rf "$crate/.sqlx"
mkdir -p "$crate/.sqlx"
cp "$fresh"/query-*.json "$crate/.sqlx/"
