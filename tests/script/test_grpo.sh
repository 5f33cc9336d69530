#!/bin/sh
# test_grpo.sh BINARY SOURCE_DIR BUILD_DIR: raml train grpo and rft from the command line: what they write, SIGTERM and
# --resume, and which of preset, recipe and command line wins.
# shellcheck disable=SC2086  # words
set -eu
raml=$1
source_dir=$2
tmp=$(mktemp -d)
pid=''
trap 'if [ "$pid" ]; then kill -KILL "$pid" 2>/dev/null || :; fi; rm -rf "$tmp"' EXIT
fail() {
    echo "FAIL: $*"
    exit 1
}
cd "$tmp"
small="--model init:micro --families add:1 --num_questions 30 --batch_size 2 --num_generations 3 --max_completion_length 12"
small="$small --dtype f32 --threads 1"
grpo() { "$raml" train grpo $small "$@" >said 2>&1; }

# -- What it writes, and says
grpo --max_steps 3 --out one || fail "grpo: $(cat said)"
[ "$(grep -c . one/rollouts.jsonl)" -eq 6 ] || fail "rollouts.jsonl: $(grep -c . one/rollouts.jsonl) lines, expected 6"
[ "$(grep -o '"n_tokens"' one/rollouts.jsonl | grep -c .)" -eq 18 ] || fail "rollouts.jsonl: samples"
for f in recipe.yaml metrics.jsonl timing.jsonl checkpoint-3/model.safetensors checkpoint-3/trainer_state.json; do
    [ -s "one/$f" ] || fail "no one/$f"
done
for name in reward frac_reward_zero_std completions/mean_length clip_ratio/region_mean entropy tree_token_ratio grad_norm; do
    grep -q "\"$name\":" one/metrics.jsonl || fail "metrics.jsonl has no $name"
done
grep -q '"logp_gap/max":0\.0' one/metrics.jsonl || fail "the first update's log-probabilities: $(cat one/metrics.jsonl)"
grep -q '"seconds/sampling":' one/timing.jsonl || fail "timing.jsonl: $(cat one/timing.jsonl)"
code=0
grpo --max_steps 3 --out one || code=$?
[ $code -eq 2 ] || fail "a folder that holds a run: exit code $code, expected 2"
"$raml" train rft $small --max_steps 2 --out rft >said 2>&1 || fail "rft: $(cat said)"
[ "$(grep -c . rft/rollouts.jsonl)" -eq 4 ] || fail "rft: rollouts.jsonl"

# -- The recipe that it wrote gives the same bytes
"$raml" train grpo --config one/recipe.yaml --out two >said 2>&1 || fail "recipe: $(cat said)"
cmp one/rollouts.jsonl two/rollouts.jsonl || fail "the recipe's rollouts"
cmp one/checkpoint-3/model.safetensors two/checkpoint-3/model.safetensors || fail "the recipe's model"

# -- SIGTERM: a checkpoint, exit code 1, and --resume
long="--max_steps 60 --num_iterations 2 --logging_steps 3"
grpo $long --out whole || fail "whole: $(cat said)"
"$raml" train grpo $small $long --out part >said 2>&1 &
pid=$!
n=0
until [ -s part/metrics.jsonl ]; do
    n=$((n + 1))
    [ $n -lt 1200 ] || fail "no step within a minute"
    sleep 0.05
done
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
pid=''
[ $code -eq 1 ] || fail "SIGTERM: exit code $code, expected 1: $(cat said)"
at=$(sed -n 's|.*asked to stop; part/checkpoint-\([0-9]*\) holds what was done.*|\1|p' said)
[ -s "part/checkpoint-$at/model.safetensors" ] || fail "SIGTERM: $(cat said)"
if [ $((at % 2)) -ne 0 ] || [ "$at" -ge 60 ]; then fail "checkpoint-$at is within a round, or the last"; fi
grpo $long --out part --resume || fail "--resume: $(cat said)"
for f in metrics.jsonl rollouts.jsonl checkpoint-60/model.safetensors checkpoint-60/trainer_state.json; do
    cmp "whole/$f" "part/$f" || fail "--resume: $f"
done
code=0
grpo $long --epsilon 0.3 --out part --resume || code=$?
if [ $code -ne 2 ] || ! grep -q 'resume with epsilon = 0.3, but the run was started with 0.2' said; then fail "other settings: $(cat said)"; fi

# -- Preset below recipe below command line
wins() { # wins SETTING VALUE ARGUMENT...: what is in force, by the recipe that is written
    setting=$1 value=$2
    shift 2
    rm -rf shown
    grpo --max_steps 1 --out shown "$@" || fail "$*: $(cat said)"
    grep -q "^$setting: \"\{0,1\}$value\"\{0,1\}\$" shown/recipe.yaml || fail "$*: $(grep "^$setting:" shown/recipe.yaml), expected $value"
}
printf 'preset: dapo\nepsilon: 0.15\n' >mine.yaml
wins epsilon_high 0.2
wins epsilon_high 0.28 --preset dapo
wins epsilon_high 0.3 --preset dapo --epsilon_high 0.3
wins epsilon_high 0.3 --epsilon_high 0.3 --preset dapo
wins epsilon_high 0.28 --config mine.yaml
wins epsilon 0.15 --config mine.yaml
wins epsilon 0.1 --config mine.yaml --epsilon 0.1
wins policy_loss cispo --preset dapo+cispo
wins epsilon_high 0.28 --preset gspo+dapo
code=0
grpo --preset dappo --out never || code=$?
if [ $code -ne 2 ] || ! grep -q "dapo" said; then fail "an unknown preset: exit code $code: $(cat said)"; fi
[ ! -e never ] || fail "an unknown preset leaves a folder"
code=0
grpo --max_steps 3 --num_iterations 2 --out never || code=$?
if [ $code -ne 2 ] || ! grep -q "max_steps is 3; expected a multiple of a round's 2 steps" said; then fail "max_steps: $code: $(cat said)"; fi
[ ! -e never ] || fail "what is refused leaves a folder: $(ls never)"
