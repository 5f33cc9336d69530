#!/bin/sh
# test_exits.sh BINARY SOURCE_DIR BUILD_DIR: raml study exits as a person runs it: a set made, replayed without a model, cut
# short and completed; a policy in running samples; the report; and one clear error for each bad input.
set -eu

raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
rc=0

fail() {
    echo "FAIL: $*"
    rc=1
}
i=0
while [ $i -lt 6 ]; do
    printf '{"id":"q%d","question":"%d+1?","answer":"%d","trajectories":[{"text":"%d and one, wait, is %d","answer":"%d","correct":true},{"text":"a guess","answer":"0","correct":false}]}\n' \
        $i $i $((i + 1)) $i $((i + 1)) $((i + 1))
    i=$((i + 1))
done >samples.jsonl
exits() { "$raml" study exits --quiet --threads 1 --stride 4 --probe_tokens 5 "$@"; }
# refused CODE WHAT TEXT ARGUMENTS...: the command fails with the code, says TEXT in one line, and writes no results
refused() {
    code=$1 what=$2 text=$3
    shift 3
    rm -rf bad
    got=0
    exits "$@" --out bad >out 2>err || got=$?
    [ "$got" -eq "$code" ] || fail "$what: exit code $got, expected $code"
    grep -qF -- "$text" err || fail "$what: expected '$text', found: $(cat err)"
    [ "$(wc -l <err)" -eq 1 ] || fail "$what: more than one line: $(cat err)"
    [ ! -e bad/exits.tsv ] || fail "$what: left results"
}

exits --model init:micro samples.jsonl --out exits >out || fail "a set: $(cat out)"
for f in probes.jsonl exits.tsv chosen.tsv exits.jsonl marks.jsonl trajectories.html exits.yaml exits_accuracy.tsv exits_accuracy.gp \
    exits_cost.tsv; do
    [ -s exits/$f ] || fail "no $f"
done
grep -q '^12 trajectories, ' out || fail "printed: $(head -n 1 out)"
grep -q '"wait":true' exits/probes.jsonl || fail "no place before a word that waits"
[ "$(wc -l <exits/probes.jsonl)" -eq 13 ] || fail "lines of probes.jsonl"
# Halves: every question is on one, and both have some.
awk -F'"' '{ for (i = 1; i < NF; i++) if ($i == "id") id = $(i + 2); else if ($i == "half") half = $(i + 2); print id, half }' \
    exits/exits.jsonl | sort -u >halves
[ "$(wc -l <halves)" -eq 6 ] || fail "a question on both halves: $(cat halves)"
grep -q validation halves && grep -q test halves || fail "a half without a question"

# Without a model the same tables come from the stored set.
exits --probes exits/probes.jsonl --out again >out || fail "a replay: $(cat out)"
cmp -s exits/exits.tsv again/exits.tsv && cmp -s exits/exits.jsonl again/exits.jsonl || fail "a replay gives other numbers"
exits --probes exits/probes.jsonl samples.jsonl --model init:micro --out again --overwrite >out || fail "a replay with its model: $(cat out)"

# Cut short as a kill does it, and completed.
cp exits/probes.jsonl whole
mkdir cut
head -c 9000 whole >cut/probes.jsonl
exits --model init:micro samples.jsonl --out cut >out || fail "a set that was cut: $(cat out)"
cmp -s cut/probes.jsonl whole || fail "a set that was cut short is completed to another one"
exits --model init:micro samples.jsonl --batch_size 3 --out batch >out || fail "--batch_size: $(cat out)"
cmp -s batch/probes.jsonl whole || fail "--batch_size changes the set"

# Changed by hand, or with a line missing: one error. Ended early, without its model: said first and last.
sed '3s/"right":false/"right":true/' whole >edited.jsonl
refused 1 "an answer that was changed" 'edited.jsonl:3: its check does not match' --probes edited.jsonl
sed 3d whole >short.jsonl
refused 1 "a line that is missing" 'short.jsonl:3: its check does not match' --probes short.jsonl
head -n 8 whole >early.jsonl
exits --probes early.jsonl --out early >out || fail "a set that ends early: $(cat out)"
[ "$(sed -n '1p;$p' out | grep -c '^INCOMPLETE: the stored set holds 7 of 12 trajectories')" -eq 2 ] ||
    fail "a set that ends early: $(head -n 1 out)"

# A list of policies, and one in running samples; replayed on the full samples it stops at the same places.
exits --model init:micro samples.jsonl --policies 'stability:stride=4,repeats=2;eat:stride=4,delta=1,warm=1' --online \
    --online_policy stability:stride=4,repeats=2 --num_generations 2 --max_completion_length 60 --json --out online >out ||
    fail "online: $(cat out)"
[ "$(cut -f 1 online/exits.tsv | sort -u | tr '\n' ' ')" = "budget eat full policy stability " ] || fail "policies of a list"
[ -s online/online.json ] && [ -s online/online.jsonl ] && [ "$(wc -l <online/online.tsv)" -eq 3 ] || fail "no files of running samples"
same=$(sed -n 's/.*"replayed":\([0-9]*\),"same_stop":\([0-9]*\),.*/\1 \2/p' out)
[ -n "$same" ] && [ "${same% *}" = "${same#* }" ] && [ "${same% *}" -gt 0 ] || fail "replayed and online differ: $same"

for budget in 7 1 0; do
    "$raml" study exits --quiet --threads 1 --probes whole samples.jsonl --model init:micro --policies full --online \
        --online_policy budget:budget=$budget --max_completion_length 60 --temperature 0 --json --out budget-$budget >out ||
        fail "a budget of $budget online: $(cat out)"
    same=$(sed -n 's/.*"replayed":\([0-9]*\),"same_stop":\([0-9]*\),.*/\1 \2/p' out)
    [ "$same" = "${same%% *} ${same%% *}" ] && [ -n "$same" ] || fail "a budget of $budget, replayed and online: $same"
done

# Running samples of an earlier run do not stay beside new tables.
cp -r online replayed
if exits --probes whole --policies full --out replayed >out 2>err; then fail "results of other settings were replaced"; fi
grep -q 'replayed: holds a result of other settings already (exits.yaml): .* there, and .* here; --overwrite' err || fail "says $(cat err)"
exits --probes whole --policies full --out replayed --overwrite >out || fail "a replay: $(cat out)"
[ ! -e replayed/online.json ] && [ ! -e replayed/online_probes.jsonl ] || fail "running samples of an earlier run"

# A policy that does not stop has no sign; released code stands last.
if grep -q '"text":"end;' exits/marks.jsonl; then fail "a sign where nothing stops"; fi
awk -F'\t' 'NR > 1 { if (last == 1 && $5 == 0) bad = 1; last = $5 } END { exit bad }' exits/chosen.tsv || fail "released code is not last"
grep -q 'up to 4 tokens' exits/trajectories.html || fail "pieces are not explained"

rm -rf replayed
"$raml" report . --quiet >/dev/null || fail "no report"
grep -q 'When to stop thinking' report.html && grep -q 'Accuracy against what it cost' report.html &&
    grep -q 'with the policy' report.html || fail "not in the report"

refused 2 "no file" 'takes one FILE.jsonl' --model init:micro
refused 2 "no model" '--model is missing' samples.jsonl
refused 2 "own answers" '--answer own' --model init:micro samples.jsonl --answer own
refused 2 "a policy that is none" "no policy 'stable'" --model init:micro samples.jsonl --policies stable
[ ! -e bad ] || fail "probes were made before the policies were read"
refused 1 "places that are not there" 'no probe is stored after 3' --probes whole --policies stability:stride=3
refused 2 "a set of another model" 'was made from another model' --probes whole samples.jsonl --model init:micro --seed 3
refused 2 "a set of other data" 'was made from other data' --probes whole samples.jsonl --limit 3
refused 2 "a set with another answer prefix" 'was made with another answer_prefix' --probes whole samples.jsonl \
    --model init:micro --answer_prefix '</think>So'
refused 2 "a set with another stride" 'was made with another stride: 4 there, 8 here' --probes whole --stride 8
refused 2 "a set with other words" 'was made with other waits: "wait" there, "but" here' --probes whole --waits but
refused 2 "a set of longer probes" 'was made with other probe_tokens: 5 there, 6 here' --probes whole --probe_tokens 6
refused 1 "no set" 'probes.jsonl: ' --probes nowhere/probes.jsonl
refused 1 "a file that is no set" "samples.jsonl:1: field 'raml' is missing" --probes samples.jsonl
refused 2 "a policy for no samples" '--online_policy needs --online' --probes whole --online_policy eat
refused 2 "running samples without a model" '--online needs --model' --probes whole --online
refused 2 "an oracle in running samples" 'can only be replayed' --model init:micro samples.jsonl --online --online_policy loss
head -n 1 samples.jsonl >one.jsonl
refused 1 "a question for one half" '1 question with trajectories and an answer; expected at least 2' --model init:micro one.jsonl
[ ! -e bad ] || fail "probes of a single question were made"
head -n 2 samples.jsonl >two.jsonl
cp exits/probes.jsonl before
if exits --model init:micro two.jsonl --out exits >out 2>err; then fail "a set of other data was overwritten"; fi
cmp -s before exits/probes.jsonl || fail "a refused set was changed"
grep -q 'exits: holds a result of other settings already' err || fail "other data: $(cat err)"
rm exits/exits.yaml
if exits --model init:micro two.jsonl --out exits >out 2>err; then fail "a set of other data was overwritten"; fi
cmp -s before exits/probes.jsonl || fail "a refused set was changed"
grep -q 'the stored set was made from other data: .*; --overwrite makes it anew' err || fail "other data: $(cat err)"
exits --model init:micro two.jsonl --out exits --overwrite >out || fail "--overwrite: $(cat out)"
exits --model init:micro two.jsonl --out two >out
cmp -s exits/probes.jsonl two/probes.jsonl || fail "--overwrite makes another set"
exits --model init:micro two.jsonl --out exits >out || fail "the same settings do not go on: $(cat out)"

[ $rc -ne 0 ] || echo "raml study exits: sets, replays, running samples and refusals"
exit $rc
