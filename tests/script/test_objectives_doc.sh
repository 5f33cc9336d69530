#!/bin/sh
# test_objectives_doc.sh BINARY SOURCE_DIR BUILD_DIR: docs/objectives.md names every setting of policy-gradient objectives, every
# word that one can be, and every preset with its settings.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# look TREE: prints what the page lacks.
look() {
    page=$1/docs/objectives.md
    tr '\n' ' ' <"$1/src/outer/policy_settings.c" >"$tmp/settings"
    grep -oE '(REAL|WORD|FLAG)\([a-z_]+|AT\([a-z_]+' "$tmp/settings" | sed 's/.*(//' | grep -vx field >"$tmp/names"
    grep -oE '"[a-z0-9+|-]*\|[a-z0-9+|-]*"' "$tmp/settings" | tr -d '"' | tr '|' '\n' | grep . >"$tmp/words"
    tr '\n' ' ' <"$1/src/outer/policy_presets.c" | grep -oE '[ "][a-z_]+=[A-Za-z0-9.+-]+' | tr -d ' "' | grep -vx name=value >"$tmp/set"
    grep -oE '^    \{"[a-z0-9_+-]+",' "$1/src/outer/policy_presets.c" | tr -d ' {",' >"$tmp/presets"
    for list in names words set presets; do
        [ -s "$tmp/$list" ] || echo "no $list were found: nothing was checked"
        LC_ALL=C sort -u "$tmp/$list" | while read -r word; do
            grep -qF -e "\`$word\`" -e "\`$word=" -e "=$word\`" "$page" || echo "$list: $word"
        done
    done
}

look "$2" >"$tmp/found"
if [ -s "$tmp/found" ]; then
    cat "$tmp/found"
    echo "FAIL: docs/objectives.md lacks these"
    exit 1
fi
# A page without them must be found.
mkdir -p "$tmp/tree/docs" "$tmp/tree/src"
cp -r "$2/src/outer" "$tmp/tree/src/outer"
grep -v 'kl_value_clamp\|dr_grpo' "$2/docs/objectives.md" >"$tmp/tree/docs/objectives.md"
look "$tmp/tree" >"$tmp/planted"
for word in 'names: kl_value_clamp' 'presets: dr_grpo' 'set: kl_value_clamp=10'; do
    grep -qxF "$word" "$tmp/planted" || { echo "FAIL: a page without '$word' was not found"; exit 1; }
done
