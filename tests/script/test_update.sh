#!/bin/sh
# test_update.sh BINARY SOURCE_DIR BUILD_DIR: raml update's files agree with each other and with raml trace; faults.
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() {
    echo "FAIL: $*"
    exit 1
}
cd "$tmp"
"$raml" task make --families add:2,perm:2 --n 4 --trajectories 2 --styles concise,verbose --out q.jsonl --quiet >made
run() {
    "$raml" update --model init:micro --seed 3 q.jsonl --quiet "$@" >said || fail "update $*"
}
# numbers FIELD FILE: the arrays of a field, one number a line, 5 digits
numbers() {
    tr -d ' ' <"$2" | sed "s/.*\"$1\":\[\([^]]*\)\].*/\1/" | tr ',' '\n' | awk '{ printf "%.5f\n", $1 }'
}

run --out u --check --exchange 1 --exchange_steps 3 --exchange_rates 0.01,0.1
n=$(grep -c . u/update.jsonl)
[ "$n" -eq 24 ] || fail "update.jsonl: $n lines; expected 8 trajectories with 2 controls each"
for kind in real filler foreign; do
    [ "$(grep -c "\"trajectory\":\"$kind\"" u/update.jsonl)" -eq 8 ] || fail "not 8 of $kind"
done
grep -q 'patched network: largest difference of a layer.s output [0-9.]*e-0[5-9] ' said || fail "--check: $(cat said)"
grep -q 'exchange rate: the median of [0-9]* questions* is worth .* trajectories are not reached by' said || fail "exchange rate: $(cat said)"
grep -q 'at each rate alone: 0.01: [0-9> ]*, 0.1: [0-9> ]*$' said || fail "exchange rate by rate: $(cat said)"
[ "$(grep -c '"steps_worth_by_rate":\[\[0,[^]]*\],\[0,' u/update.jsonl)" -eq 2 ] || fail "steps worth by rate"
[ "$(grep -c . u/exchange.jsonl)" -eq 1 ] || fail "exchange.jsonl"
[ "$(grep -c '"steps_worth":\[0,' u/update.jsonl)" -eq 6 ] || fail "steps worth of the first question's trajectories"

# the loss curve is that of raml trace, to the last digit
"$raml" trace --model init:micro --seed 3 q.jsonl --quiet --out t --dtype f32 >said
grep '"trajectory":"real"' u/update.jsonl >real
numbers L real >found
numbers L t/curves.jsonl >wanted
diff wanted found >/dev/null || fail "L differs from raml trace's"

# an update starts at 0, and a table row is the mean of the lines
[ "$(grep -c '"size":\[0.0,' u/update.jsonl)" -eq 24 ] || fail "size does not begin at 0"
awk -F '\t' 'NR == 1 { if ($0 != "trajectory\tgroup\tlayer\tmatrix\tmeasure\tn\tmean\tlow\thigh") exit 1; next }
    NF != 9 || ($8 != "nan" && !($8 <= $7 && $7 <= $9)) { exit 1 }' u/update.tsv || fail "update.tsv"
mean=$(awk -F '\t' '$1 == "filler" && $2 == "all" && $3 == 1 && $4 == "up" && $5 == "rank_steps" { print $7 }' u/update.tsv)
grep '"trajectory":"filler"' u/update.jsonl | tr '{' '\n' | awk '/"rank_steps"/ { k = n++ % 14; if (k != 4) next
    sub(/.*"rank_steps":/, ""); sub(/[,}].*/, ""); sum += $0; m++ } END { printf "%.5f\n", sum / m }' >found
awk -v a="$mean" -v b="$(cat found)" 'BEGIN { exit !(a - b < 2e-4 && b - a < 2e-4) }' ||
    fail "layer 1 up, filler: rank of steps $mean in the table, $(cat found) in the lines"
for f in update_distance update_step update_align update_align_left exchange_rate; do
    [ -s "u/$f.tsv" ] && [ -s "u/$f.gp" ] || fail "no $f"
    ! command -v gnuplot >/dev/null || [ -s "u/$f.svg" ] || fail "no $f.svg"
done

# the same bytes again, whatever the batch; a model only read gives the same lengths
run --out again --check --exchange 1 --exchange_steps 3 --exchange_rates 0.01,0.1 --max_batch_tokens 3000 --threads 1
cmp -s u/update.jsonl again/update.jsonl || fail "another batch: other bytes"
run --out reading --no-alignment --filler '' --no-foreign
! grep -q align reading/update.jsonl || fail "--no-alignment: alignment"
numbers size real >wanted
numbers size reading/update.jsonl >found
diff wanted found >/dev/null || fail "--no-alignment: other lengths"
run --out strided --stride 10 --probe_token 2 --answer_prefix '</think>So' --join split --max_samples 1 --limit 1
grep -q '"probe":2,"at":\[0,10,20,' strided/update.jsonl || fail "--stride, --probe_token: $(cut -c -200 strided/update.jsonl)"
run --json --overwrite --out strided --max_samples 1 --limit 2 --shuffled
grep -q '"real - foreign":{"right":{"distance":{"n":2,"mean":' said || fail "--json: $(cut -c -300 said)"

# a shuffled trajectory has the tokens, and by chance not the order, of the real one
[ "$(grep -c '"trajectory":"shuffled"' strided/update.jsonl)" -eq 2 ] || fail "--shuffled"
grep '"trajectory":"shuffled"' strided/update.jsonl >shuffled
grep '"trajectory":"real"' strided/update.jsonl >real
numbers L shuffled >found
numbers L real >wanted
[ "$(grep -c . found)" -eq "$(grep -c . wanted)" ] && ! cmp -s found wanted || fail "--shuffled: losses"

# faults: one message, and what was written before is still there
fault() {
    want=$1
    shift
    rc=0
    "$raml" update --model init:micro --quiet --overwrite --out u "$@" >out 2>said || rc=$?
    [ "$rc" -ne 0 ] || fail "passes: $*"
    grep -qF -- "$want" said || fail "$*: message is '$(cat said)'; expected '$want'"
    [ "$(grep -c . said)" -eq 1 ] || fail "$*: more than one message"
    cmp -s u/update.jsonl again/update.jsonl || fail "$*: results were lost"
}
awk 'BEGIN { printf "{\"id\":\"long\",\"question\":\"1+1\",\"answer\":\"2\",\"trajectories\":[{\"text\":\"";
    for (i = 0; i < 9000; i++) printf "x"; print "\"}]}" }' >long.jsonl
printf '%s\n' '{"id":"open","question":"1+1","answer":"","trajectories":[{"text":"x"}]}' >open.jsonl
fault "longer than the model's context" long.jsonl
fault "has no answer to trace" open.jsonl
fault "the answer prefix has no token" q.jsonl --answer_prefix ''
fault "is followed by no token of the answer" q.jsonl --probe_token 90
fault "the filler 'two words' is 9 tokens; expected one" q.jsonl --filler 'two words'
fault "--exchange_rates is '0.1,x'" q.jsonl --exchange_rates 0.1,x
"$raml" update --model no-model --exchange_rates x q.jsonl >out 2>said && fail "--exchange_rates x passes"
grep -q 'exchange_rates' said || fail "rates are read after the model: $(cat said)"
fault "update takes one FILE.jsonl; found 0"
fault "none.jsonl" none.jsonl
echo "update: all checks passed"
