#!/bin/sh
# test_early_exit.sh BINARY SOURCE_DIR BUILD_DIR: early exit as a person runs it: what is printed and written, and what is refused.
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
must() { "$@" >said 2>&1 || fail "$*: $(cat said)"; }

must "$raml" train sft --model init:micro --families add:2 --num_questions 500 --max_steps 20 --batch_size 16 --out run --quiet
must "$raml" task make --families add:2 --num_questions 6 --out q.jsonl
sample() { must "$raml" sample q.jsonl --model run --n 3 --max_tokens 60 --seed 4 --quiet "$@"; }

# Probes that never stop change nothing but the field that records them.
sample --out plain.jsonl
if grep -q '"exit"\|probes' plain.jsonl said; then fail "probes where none were asked for"; fi
sample --exit stability:stride=4,repeats=1,bound=1 --out probed.jsonl
grep -q 'probes of .* tokens in all' said || fail "text: $(cat said)"
grep -q 'thinking stopped in 0 samples$' said || fail "text: $(cat said)"
sed 's/,"exit":{[^}]*}//g' probed.jsonl | cmp - plain.jsonl || fail "probes have changed the samples"
grep -q '"exit":{"policy":"stability:stride=4,most=0,repeats=1,bound=1","at":[0-9]*,"reason":"end","probes":[1-9]' probed.jsonl ||
    fail "the record: $(head -c 900 probed.jsonl)"

# A policy that stops says where and why, in the file and in the totals; reading and writing keeps it.
sample --exit eat:stride=2,warm=2,delta=1000 --json --out early.jsonl
grep -q '"probes":[1-9][0-9]*,"probe_tokens":[1-9][0-9]*,"probe_share":0\.[0-9]*,"stopped":{"settled":[1-9]' said ||
    fail "json: $(cat said)"
grep -q '"at":4,"reason":"settled","probes":3,"probe_tokens":6}' early.jsonl || fail "the record: $(head -c 900 early.jsonl)"
must "$raml" eval q.jsonl --model run --n 1 --max_tokens 60 --exit budget:budget=3 --samples_out eval.jsonl --quiet
grep -q '^0 probes of 0 tokens in all.*: budget ' said || fail "eval: $(cat said)"
grep -q '"at":3,"reason":"budget","probes":0' eval.jsonl || fail "eval: $(head -c 900 eval.jsonl)"

# A continuation only where the answer is not confident.
sample --force_continuation 1 --force_continuation_below 0.9 --out more.jsonl
grep -q '"exit":{"policy":null,' more.jsonl || fail "the record: $(head -c 900 more.jsonl)"

# Wrong settings: one line, exit 2, before the model is looked for.
refused() {
    want=$1
    shift
    rc=0
    "$raml" sample q.jsonl --model absent --out none.jsonl "$@" >said 2>&1 || rc=$?
    [ "$rc" -eq 2 ] || fail "$*: exit $rc: $(cat said)"
    grep -qF -- "$want" said || fail "$*: '$want' is not in: $(cat said)"
    [ "$(wc -l <said)" -eq 1 ] || fail "$*: more than a line: $(cat said)"
    [ ! -e none.jsonl ] || fail "$*: something was written"
}
refused "no policy 'patience'; expected one of full, budget, stability, confidence, dynasor, code_stop, eat, with" --exit patience
refused "stride is set twice" --exit stability:stride=8,stride=9
refused "bound is a probability" --exit confidence:bound=2
refused "tau is negative" --exit code_stop:tau=-1
refused "--probe_tokens needs --exit or --force_continuation_below" --probe_tokens 8
refused "--exit_words needs --exit" --exit_words but
refused "policy stability has no setting 'delta'" --exit stability:delta=1
refused "loss knows the question's answer" --exit loss
refused "budget needs a number of tokens" --exit budget
refused "no think_budget" --exit budget:budget=5 --think_budget 9
refused "answer_only" --exit stability --answer_only
refused "exit_words" --exit confidence --exit_words "wait,"
refused "needs force_continuation" --force_continuation_below 0.5
refused "probe_tokens" --exit confidence --probe_tokens -1
