#!/bin/sh
# test_tokenize.sh BINARY SOURCE_DIR BUILD_DIR: texts to ids and back give the same lines; faults name the line.
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() {
    echo "FAIL: $*"
    exit 1
}
printf '%s\n' '{"id":"a","text":"1+2=<think>é\n"}' '{"text":""}' '' '{"id":7,"text":"\u0001 <|endoftext|>"}' >"$tmp/texts"
for special in --parse_special --no-parse_special; do
    "$raml" tokenize "$tmp/texts" $special --quiet --overwrite --out "$tmp/ids" >"$tmp/said"
    grep -q ': 3 lines, ' "$tmp/said" || fail "summary: $(cat "$tmp/said")"
    "$raml" tokenize "$tmp/ids" --decode --quiet >"$tmp/back"
    grep -v '^$' "$tmp/texts" >"$tmp/want"
    diff "$tmp/want" "$tmp/back" || fail "$special: not the same texts"
done
"$raml" tokenize "$tmp/texts" --quiet | head -n 1 >"$tmp/plain"
"$raml" tokenize "$tmp/texts" --parse_special --quiet | head -n 1 >"$tmp/special"
! cmp -s "$tmp/plain" "$tmp/special" || fail "--parse_special changes nothing"
printf '%s\n' '{"text":"x"}' '{"ids":[1,99999]}' >"$tmp/bad"
if "$raml" tokenize "$tmp/bad" --decode --quiet --out "$tmp/none" 2>"$tmp/said"; then fail "a line without ids passes"; fi
grep -q "bad:1: field 'ids'" "$tmp/said" || fail "message: $(cat "$tmp/said")"
[ ! -e "$tmp/none" ] || fail "a failed run left a file"
echo ok
