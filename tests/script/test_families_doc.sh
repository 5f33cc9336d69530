#!/bin/sh
# test_families_doc.sh BINARY SOURCE_DIR BUILD_DIR: the examples in docs/families.md are what the program prints.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$1" task list --trajectories >"$tmp/printed"
# The fenced blocks, with an empty line between them.
awk '/^```text$/ { inside = 1; if (n++) print ""; next } /^```$/ { inside = 0; next } inside' \
    "$2/docs/families.md" >"$tmp/written"
[ -s "$tmp/written" ] || { echo "FAIL: no examples in docs/families.md: nothing was checked"; exit 1; }
if ! diff "$tmp/written" "$tmp/printed"; then
    echo "FAIL: < docs/families.md, > raml task list --trajectories"
    exit 1
fi
