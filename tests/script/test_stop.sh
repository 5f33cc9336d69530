#!/bin/sh
# test_stop.sh BINARY SOURCE_DIR BUILD_DIR: a training that is asked to stop leaves a checkpoint, from which it goes on to
# the same bytes: by itself, within `raml demo`, and when the demo is killed.
set -eu
raml=$1
tmp=$(mktemp -d)
pid=
trap 'if [ "$pid" ]; then kill -s KILL -- "-$pid" 2>/dev/null || :; fi; rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
start() { # start OUTPUT ARGUMENT...: in the background, in a process group of its own
    said=$1
    shift
    : >"$said" # now, not when the background has come so far: what it said before is not looked for
    setsid "$raml" "$@" >"$said" 2>&1 &
    pid=$!
}
ends() { # ends WANTED_CODE
    code=0
    wait "$pid" || code=$?
    pid=
    [ "$code" -eq "$1" ] || fail "exit code $code, expected $1: $(cat "$said")"
}
until_true() { # until_true COMMAND...: within a minute
    n=0
    while ! "$@" 2>/dev/null; do
        n=$((n + 1))
        [ $n -lt 1200 ] || fail "not within a minute: $*: $(cat "$said")"
        kill -0 "$pid" 2>/dev/null || [ ! "$pid" ] || fail "ended before: $*: $(cat "$said")"
        sleep 0.05
    done
}
says() { grep -qF -- "$1" "$said" || fail "it does not say: $1: $(cat "$said")"; }
newest() { find "$1" -name 'checkpoint-*' -prune | sed 's/.*checkpoint-//' | sort -n | tail -n 1; }
same() { # same RUN: the end of `whole`
    for name in metrics.jsonl "checkpoint-$last/model.safetensors" "checkpoint-$last/optimizer.safetensors"; do
        cmp "$1/$name" "whole/$name" || fail "$1/$name"
    done
}

# raml train: SIGTERM once; and twice at once, as timeout(1) sends it.
train="train sft --model init:micro --families add:2 --num_questions 300 --max_steps 120 --batch_size 8 --dtype f32"
train="$train --logging_steps 5 --quiet --threads 1"
# shellcheck disable=SC2086  # words
"$raml" $train --out whole >/dev/null || fail "the whole run"
last=120
for times in 1 2; do
    # shellcheck disable=SC2086
    start said $train --out "run$times"
    until_true test -s "run$times/metrics.jsonl"
    kill -TERM "$pid"
    if [ $times -eq 2 ]; then kill -TERM "$pid" || :; fi
    ends 1
    at=$(newest "run$times")
    if [ "$at" -lt 1 ] || [ "$at" -ge $last ]; then fail "checkpoint-$at"; fi
    says "asked to stop; run$times/checkpoint-$at holds what was done, and resuming continues from there"
    # shellcheck disable=SC2086
    "$raml" $train --out "run$times" --resume >/dev/null || fail "resuming"
    same "run$times"
done

# raml demo: a SIGTERM for it alone; one for its whole group; SIGKILL, after which its step stops by itself.
demo="demo --families add:2 --longer add:3 --unseen add:4 --token_budget 60000 --num_questions 300 --num_test 3"
demo="$demo --batch_size 8 --threads 1 --out demo"
has_lines() { [ "$(wc -l <demo/with/metrics.jsonl)" -ge "$1" ]; } # one every 20 steps
advanced() { [ "$(newest demo/with)" -gt "$at" ]; }
at=0
# shellcheck disable=SC2086
start said $demo
until_true has_lines 1
kill -TERM "$pid"
ends 1
advanced || fail "no checkpoint: $(cat said)"
says 'the same command with --resume goes on from there'
at=$(newest demo/with)
sed -n 's/^\$ raml \(train sft .*with\).*/\1/p' said | head -n 1 >command.txt
rc=0
# shellcheck disable=SC2086
"$raml" $demo --resume --seed 3 >said 2>&1 || rc=$?
[ $rc -eq 2 ] || fail "another seed: exit code $rc"
says "demo/demo.json: that demo has seed 0; resume it with the same settings, or start a new one without --resume"

lines=$(wc -l <demo/with/metrics.jsonl) # it runs once there is one more
# shellcheck disable=SC2086
start said $demo --resume
until_true has_lines $((lines + 1))
kill -s TERM -- "-$pid"
ends 1
advanced || fail "no checkpoint: $(cat said)"
at=$(newest demo/with)

lines=$(wc -l <demo/with/metrics.jsonl) # it runs once there is one more
# shellcheck disable=SC2086
start said $demo --resume
until_true has_lines $((lines + 1))
kill -KILL "$pid"
wait "$pid" || :
pid=
until_true advanced
until_true grep -q 'asked to stop' said

# What was done is not done again; the end is that of the command that the demo printed, run at one go.
# shellcheck disable=SC2086
start said $demo --resume
until_true test -s demo/with/eval.json
kill -TERM "$pid"
ends 1
sed 's,demo/with,whole,' command.txt >whole.txt
rm -r whole
# shellcheck disable=SC2046
"$raml" $(cat whole.txt) --quiet --threads 1 >/dev/null || fail "$(cat whole.txt)"
last=$(newest whole)
same demo/with
# shellcheck disable=SC2086
start said $demo --resume
until_true grep -q '^\$ raml' said
kill -TERM "$pid"
ends 1
if grep -q '^\$ raml train' said; then fail "it trains again: $(cat said)"; fi
