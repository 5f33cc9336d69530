#!/bin/sh
# test_distill.sh BINARY SOURCE_DIR BUILD_DIR: raml train distill from the command line: what it writes and says, kill -9 and
# --resume with either teacher, and what is refused.
# shellcheck disable=SC2086  # words
set -eu
raml=$1
tmp=$(mktemp -d)
pid=''
trap 'if [ "$pid" ]; then kill -KILL "$pid" 2>/dev/null || :; fi; rm -rf "$tmp"' EXIT
fail() {
    echo "FAIL: $*"
    exit 1
}
cd "$tmp"
small="--model init:micro --families add:1 --num_questions 30 --batch_size 2 --num_generations 3 --max_completion_length 12"
small="$small --dtype f32 --threads 1 --learning_rate 1e-3"
distill() { "$raml" train distill $small --hint_format '{question} {hint}' "$@" >said 2>&1; }

# -- What it writes, and says
distill --max_steps 3 --out one || fail "distill: $(cat said)"
[ "$(grep -c . one/rollouts.jsonl)" -eq 6 ] || fail "rollouts.jsonl: $(grep -c . one/rollouts.jsonl) lines, expected 6"
[ "$(grep -o '"reverse_kl"' one/rollouts.jsonl | grep -c .)" -eq 18 ] || fail "rollouts.jsonl: samples"
for name in reverse_kl student_nll teacher_nll entropy log_ratio_max accuracy completions/mean_length hint/too_long_ratio; do
    grep -q "\"$name\":" one/metrics.jsonl || fail "metrics.jsonl has no $name"
done
grep -q '"logp_gap/max":0\.0' one/metrics.jsonl || fail "the samples' log-probabilities: $(cat one/metrics.jsonl)"
grep -qF 'hint_format: "{question} {hint}"' one/recipe.yaml || fail "the recipe: $(grep hint one/recipe.yaml)"
"$raml" train distill --config one/recipe.yaml --out two >said 2>&1 || fail "recipe: $(cat said)"
cmp one/rollouts.jsonl two/rollouts.jsonl || fail "the recipe's rollouts"
cmp one/checkpoint-3/model.safetensors two/checkpoint-3/model.safetensors || fail "the recipe's model"
distill --max_steps 3 --one_pass --out together || fail "one pass: $(cat said)"
cmp one/checkpoint-3/model.safetensors together/checkpoint-3/model.safetensors || fail "one pass: another model"

# -- A budget of tokens that ends a run whose schedule has hardly begun is named
distill --num_train_epochs 500 --token_budget 3000 --out short || fail "a budget: $(cat said)"
grep -q 'token_budget ended training at step [0-9]* of the 7500 that' said || fail "a schedule that has not begun: $(cat said)"
distill --num_train_epochs 500 --token_budget 3000 --lr_scheduler_type constant --warmup_ratio 0 --out plainly || fail "a budget: $(cat said)"
grep -q 'token_budget ended' said && fail "a constant rate: $(cat said)"

# -- Questions with their solution in them, to train a start that can use hints
"$raml" task make --families add:2 --n 20 --out plain.jsonl >said 2>&1 || fail "task make: $(cat said)"
"$raml" task make --families add:2 --n 20 --hint_format '{question} hint: {hint}' --out hinted.jsonl >said 2>&1 || fail "task make: $(cat said)"
sed 's/"id":"/&hint-/; s/"question":"\([^"]*\)\(.*"text":"\)\([^"]*\)/"question":"\1 hint: \3\2\3/' plain.jsonl >want.jsonl
cmp want.jsonl hinted.jsonl || fail "hinted: $(head -n 1 hinted.jsonl)"
"$raml" task make --families add:2 --n 2 --hint_format '{question}' --out no.jsonl >said 2>&1 && fail "a format without a hint"
grep -q 'hint_format' said || fail "a format without a hint: $(cat said)"
"$raml" task make --families add:2 --n 2 --trajectories 0 --hint_format '{hint}' --out no.jsonl >said 2>&1 && fail "no solution"
grep -q 'has no trajectory to show' said || fail "no solution: $(cat said)"
[ ! -e no.jsonl ] || fail "half a result"

# -- kill -9 at a few moments, and --resume
for teacher in current start; do
    long="--max_steps 16 --save_steps 2 --logging_steps 3 --teacher $teacher"
    distill $long --out "whole-$teacher" || fail "$teacher: $(cat said)"
    for step in 2 8; do
        rm -rf part
        "$raml" train distill $small --hint_format '{question} {hint}' $long --out part >said 2>&1 &
        pid=$!
        n=0
        until [ -s part/checkpoint-$step/trainer_state.json ]; do
            n=$((n + 1))
            [ $n -lt 1200 ] || fail "no step within a minute"
            sleep 0.05
        done
        kill -KILL "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
        pid=''
        distill $long --out part --resume || fail "$teacher, killed after step $step: $(cat said)"
        for f in metrics.jsonl rollouts.jsonl checkpoint-16/model.safetensors checkpoint-16/trainer_state.json; do
            cmp "whole-$teacher/$f" "part/$f" || fail "$teacher, killed after step $step: $f"
        done
    done
done
cmp -s whole-current/checkpoint-16/model.safetensors whole-start/checkpoint-16/model.safetensors && fail "both teachers are one"

# -- What is refused
refuses() { # refuses WORDS ARGUMENT...
    words=$1 code=0
    shift
    distill --max_steps 4 --out never "$@" || code=$?
    if [ $code -ne 2 ] || ! grep -qF "$words" said; then fail "$*: exit code $code: $(cat said)"; fi
    [ ! -e never ] || fail "$*: leaves a folder: $(ls never)"
}
refuses "expected temperature 1, top_k 0, top_p 1 and min_p 0" --temperature 0.8
refuses "expected steps_per_generation 1" --num_iterations 2
refuses "expected a text with {hint} in it" --hint_format '{question}'
refuses "expected teacher current" --one_pass --teacher start
code=0
distill --hint answer --max_steps 16 --logging_steps 3 --teacher start --out whole-start --resume || code=$?
if [ $code -ne 2 ] || ! grep -q 'resume with hint = "answer", but the run was started with "solution"' said; then fail "another hint: $code: $(cat said)"; fi
