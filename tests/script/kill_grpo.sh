#!/bin/sh
# kill_grpo.sh [BINARY] N: raml train grpo is killed by SIGKILL at N random moments, each time resumed, and must end in the
# bytes of a run that nobody killed. Prints how many moments left something lost or different. test_grpo.sh does it for a
# few moments; with N = 100, by hand: tests/script/kill_grpo.sh build/raml 100.
set -eu
[ $# -ge 2 ] || set -- "$(dirname "$0")/../../build/raml" "$@"
raml=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") times=$2 pid=''
tmp=$(mktemp -d)
trap 'if [ "$pid" ]; then kill -KILL "$pid" 2>/dev/null || :; fi; rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}

# A small model that gives some right answers.
cat >shape.json <<'END'
{"model_type": "qwen3", "vocab_size": 261, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
 "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 128, "rms_norm_eps": 1e-6,
 "rope_theta": 10000, "tie_word_embeddings": true, "eos_token_id": 256}
END
"$raml" train sft --model init:./shape.json --families add:1 --num_questions 40 --max_steps 60 --learning_rate 5e-3 \
    --trajectories 1 --batch_size 16 --dtype f32 --seed 1 --out start --quiet >said 2>&1 || fail "sft: $(cat said)"
train="train grpo --model start --families add:1 --num_questions 40 --max_steps 24 --batch_size 3 --num_generations 4"
train="$train --max_completion_length 20 --learning_rate 1e-3 --steps_per_generation 2 --num_iterations 2 --dynamic_sampling"
train="$train --beta 0.02 --entropy_coef 0.01 --logging_steps 3 --save_steps 4 --save_total_limit 2 --eval_steps 8"
train="$train --eval_questions 4 --save_best --dtype f32 --seed 3 --threads 1 --quiet"
# shellcheck disable=SC2086  # words
run() { "$raml" $train --out "$@" >said 2>&1; }
killed_at() { # killed_at SECONDS OUT ARGUMENT..: did it run until then?
    after=$1
    shift
    # shellcheck disable=SC2086
    "$raml" $train --out "$@" >said 2>&1 &
    pid=$!
    sleep "$after"
    alive=0
    kill -KILL "$pid" 2>/dev/null && alive=1
    wait "$pid" 2>/dev/null || :
    pid=
    [ $alive -eq 1 ]
}
now() { date +%s%N | sed 's/......$//'; } # milliseconds
began=$(now)
run whole || fail "whole: $(cat said)"
took=$(($(now) - began))
grep -q '"reward":[01]\.0,' whole/rollouts.jsonl || fail "no rewards"
grep -q '"correct":true' whole/rollouts.jsonl || fail "nothing is right: $(tail -n 1 whole/metrics.jsonl)"

lost=0 different=0 killed=0 again=0 i=0
while [ "$i" -lt "$times" ]; do
    i=$((i + 1))
    rm -rf run
    # At a moment spread over the time of a run; every third time once more, while it goes on.
    at=$(awk -v seed="$i" -v ms="$took" 'BEGIN { srand(seed); rand(); printf "%.3f", rand() * ms / 1000 }')
    if killed_at "$at" run; then killed=$((killed + 1)); fi
    if [ $((i % 3)) -eq 0 ] && killed_at "$at" run --resume; then again=$((again + 1)); fi
    if ! run run --resume; then
        lost=$((lost + 1))
        echo "lost after ${at}s: $(cat said)"
        continue
    fi
    for f in metrics.jsonl rollouts.jsonl checkpoint-24/model.safetensors checkpoint-24/optimizer.safetensors \
        checkpoint-24/trainer_state.json; do
        cmp -s "whole/$f" "run/$f" && continue
        different=$((different + 1))
        echo "different after ${at}s: $f"
        break
    done
    [ "$(find whole -name 'checkpoint-*' | sort | sed 's/^whole//')" = "$(find run -name 'checkpoint-*' | sort | sed 's/^run//')" ] ||
        echo "note: other checkpoints after ${at}s: $(find run -name 'checkpoint-*' | tr '\n' ' ')"
done
echo "$times moments, $killed killed while it ran, $again a second time: $lost lost, $different different"
[ "$killed" -gt 0 ] || fail "none was killed"
[ $((lost + different)) -eq 0 ]
