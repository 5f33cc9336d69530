#!/bin/sh
# test_verify.sh BINARY SOURCE_DIR BUILD_DIR: lines are answered in order, the same bytes for any number of threads;
# an error names its file, line and field and leaves no file.
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() {
    echo "FAIL: $*"
    exit 1
}

cat >"$tmp/pairs" <<'END'
{"id":"a","gold":"1/2","pred":"so it is \\boxed{0.5}","equal":true}
{"id":2,"gold":["7","8"],"pred":"The answer is 8.","equal":true}

{"gold":42,"pred":null,"label":false}
{"gold":0.1,"pred":"0.1","label":true}
{"gold":"B","pred":"I think it's B","letters":true,"equal":true}
{"gold":"13","pred":"we see 3 birds and then 13 storks on the fence","last":true,"equal":true}
{"gold":"13","pred":"we see 3 birds and then 13 storks on the fence","equal":null}
{"gold":"3","pred":"<think>\\boxed{3}</think>\\boxed{4}","equal":false}
{"gold":-7,"pred":7}
END
"$raml" verify "$tmp/pairs" --quiet >"$tmp/got"
cut -d'"' -f1-11 <"$tmp/got" | sed 's/,"rule".*//' >"$tmp/verdicts"
cat >"$tmp/want" <<'END'
{"id":"a","verdict":"equal"
{"id":2,"verdict":"equal"
{"verdict":"unknown"
{"verdict":"equal"
{"verdict":"equal"
{"verdict":"equal"
{"verdict":"unknown"
{"verdict":"different"
{"verdict":"different"
END
diff "$tmp/want" "$tmp/verdicts" || fail "verdicts"
grep -c '"rule":"' "$tmp/got" | grep -qx 9 || fail "a line without its rule"

# A list of golds: one that is equal decides; else one that is unknown does.
verdict_of() { printf '{"gold":%s,"pred":"4"}\n' "$1" | "$raml" verify - --quiet | sed 's/.*"verdict":"\([a-z]*\)".*/\1/'; }
[ "$(verdict_of '["3","4","5"]')" = equal ] || fail "one of a list"
[ "$(verdict_of '["3","5"]')" = different ] || fail "none of a list"
[ "$(verdict_of '["3","","5"]')" = unknown ] || fail "a list with one that can't be read"
[ "$(verdict_of '["","4"]')" = equal ] || fail "a list that begins with one that can't be read"

# What pred's answer is, and how it was found.
"$raml" verify "$tmp/pairs" --quiet --details | sed -n 's/.*\("found":.*\)}/\1/p' >"$tmp/found"
cat >"$tmp/want" <<'END'
"found":"boxed","answer":"0.5"
"found":"phrase","answer":"8"
"found":"nothing","answer":null
"found":"bare","answer":"0.1"
"found":"letter","answer":"B"
"found":"last","answer":"13"
"found":"nothing","answer":null
"found":"boxed","answer":"4"
"found":"bare","answer":"7"
END
diff "$tmp/want" "$tmp/found" || fail "--details"
"$raml" verify "$tmp/pairs" --quiet --explain | head -n 1 | grep -q '"steps":\["' || fail "--explain"

# Order and bytes do not depend on the threads: more lines than a batch, of different length.
awk 'BEGIN {
    for (i = 0; i < 9000; i++) {
        text = ""
        for (k = 0; k < i % 40; k++) text = text "Then we see how it goes on. "
        printf "{\"id\":%d,\"gold\":\"%d\",\"pred\":\"%sThe answer is %d.\"}\n", i, i % 7, text, i % 5
    }
}' >"$tmp/many"
"$raml" verify "$tmp/many" --quiet --threads 1 --details --explain --out "$tmp/one" >"$tmp/said"
grep -q ': 9000 checks: ' "$tmp/said" || fail "summary: $(cat "$tmp/said")"
for threads in 2 5; do
    "$raml" verify "$tmp/many" --quiet --threads $threads --details --explain --overwrite --out "$tmp/more" >/dev/null
    cmp "$tmp/one" "$tmp/more" || fail "$threads threads change the result"
done
"$raml" verify - --quiet --details --explain <"$tmp/many" | cmp - "$tmp/one" || fail "standard input and output"
sed 's/.*"id":\([0-9]*\),.*/\1/' "$tmp/one" >"$tmp/ids"
awk '$1 != NR - 1 { exit 1 }' "$tmp/ids" || fail "order"
[ "$(wc -l <"$tmp/ids")" -eq 9000 ] || fail "lines"

# Counts, and agreement with labels.
"$raml" verify "$tmp/pairs" --quiet --out "$tmp/out" >"$tmp/said"
grep -q ': 9 checks: 5 equal, 2 different, 2 unknown; ' "$tmp/said" || fail "counts: $(cat "$tmp/said")"
grep -q '^agreement: 6 of 7 labelled lines, 85.7 %$' "$tmp/said" || fail "agreement: $(cat "$tmp/said")"
"$raml" verify "$tmp/pairs" --quiet --summary 2>"$tmp/said" | cmp - "$tmp/out" || fail "--summary changes the lines"
grep -q '^9 checks: ' "$tmp/said" || fail "--summary: $(cat "$tmp/said")"
"$raml" verify "$tmp/pairs" --quiet --json --overwrite --out "$tmp/out" | grep -q '"by_label":{"equal":{"equal":5,"different":0}' ||
    fail "--json"

# expect CODE WORDS COMMAND...
expect() {
    code=$1 words=$2
    shift 2
    rc=0
    "$@" >"$tmp/out1" 2>"$tmp/said" </dev/null || rc=$?
    [ "$rc" -eq "$code" ] || fail "$*: exit code $rc, expected $code: $(cat "$tmp/said")"
    grep -qF -- "$words" "$tmp/said" || fail "$*: no '$words' in: $(cat "$tmp/said")"
}
bad() { # bad LINE WORDS: a file whose third line is LINE
    printf '%s\n' '{"gold":"1","pred":"1"}' '' "$1" '{"gold":"1","pred":"1"}' >"$tmp/bad"
    rm -f "$tmp/none"
    expect 1 "bad:3: $2" "$raml" verify "$tmp/bad" --quiet --out "$tmp/none"
    [ ! -e "$tmp/none" ] && [ ! -e "$tmp/none.tmp" ] || fail "a failed run left a file"
}
bad '{"pred":"1"}' "field 'gold' is missing"
bad '{"gold":"1"}' "field 'pred' is missing"
bad '{"gold":null,"pred":"1"}' "field 'gold' is null"
bad '{"gold":[],"pred":"1"}' "field 'gold' is an empty list"
bad '{"gold":["1",true],"pred":"1"}' "field 'gold' is true"
bad '{"gold":"1","pred":["1"]}' "field 'pred' is an array"
bad '{"gold":"1","pred":"1","last":1}' "field 'last' is an integer"
bad '{"gold":"1","pred":"1","label":"yes"}' "field 'label' is a string"
bad '{"gold":"1"' "not valid JSON"
expect 1 "bad:3: " "$raml" verify "$tmp/bad" --quiet
[ "$(wc -l <"$tmp/out1")" -eq 1 ] || fail "the line before a bad one was not written"
expect 2 "go together" "$raml" verify --gold 1
expect 2 "take no file" "$raml" verify --gold 1 --pred 2 "$tmp/pairs"
expect 2 "are for files" "$raml" verify --gold 1 --pred 2 --summary
expect 2 "found 0 files" "$raml" verify
expect 2 "--think_end is empty" "$raml" verify "$tmp/pairs" --think_end ''

# One pair, as text.
"$raml" verify --gold '1/2' --pred '0.5' >"$tmp/said"
head -n 1 "$tmp/said" | grep -q '^equal: ' || fail "one pair: $(cat "$tmp/said")"
"$raml" verify --gold=-5 --pred=5 | grep -q '^different: ' || fail "a negative number"
"$raml" verify --gold 5 --pred 'x STOP 5' --think_end STOP --json --details | grep -q '"answer":"5"' || fail "--think_end"
[ -z "$("$raml" verify /dev/null --quiet)" ] || fail "an empty file"
echo ok
