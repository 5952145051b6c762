#!/usr/bin/env bash
# unchanged.sh <make target> '<files…>': runs the target and fails when it changed the files, which
# are then as they should be committed.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$1
files=$2

sums() {
  local found
  # Unquoted on purpose: patterns.
  for found in $files; do
    [ -e "$found" ] && find "$found" -type f
  done | sort | xargs -r sha256sum
}

before=$(sums)
"${MAKE:-make}" --no-print-directory "$target"
if [ "$before" != "$(sums)" ]; then
  diff <(echo "$before") <(sums) || true
  echo "stale: run \`make $target\` and commit $files" >&2
  exit 1
fi
