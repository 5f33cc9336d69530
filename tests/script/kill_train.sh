#!/bin/sh
# kill_train.sh [BINARY] N [KIND..]: a training (grpo, distill, fomaml, maml, reptile, lora: all of them) is killed by SIGKILL
# at N random moments, each time resumed, and must end in the bytes of a run that nobody killed. Prints how many moments left
# something lost or different. Tests do it for a few moments; with N = 100, by hand: tests/script/kill_train.sh build/raml 100.
set -eu
case ${1:-} in
*[!0-9]*) ;;
*) set -- "$(dirname "$0")/../../build/raml" "$@" ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
raml=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") times=$2
shift 2
[ $# -gt 0 ] || set -- grpo distill fomaml maml reptile lora
end_all() { kill -KILL "$1" 2>/dev/null || :; }
. "$here/kill_moments.sh"

# A small model that gives some right answers.
"$raml" train sft --model init:./shape.json --families add:1 --num_questions 40 --max_steps 60 --learning_rate 5e-3 \
    --trajectories 1 --batch_size 16 --dtype f32 --seed 1 --out start --quiet >said 2>&1 || fail "sft: $(cat said)"
every="--model start --max_steps 24 --learning_rate 1e-3 --logging_steps 3 --save_steps 4 --save_total_limit 2 --eval_steps 8"
every="$every --eval_questions 4 --save_best --dtype f32 --seed 3 --threads 1 --quiet"
rollouts="--families add:1 --num_questions 40 --batch_size 3 --num_generations 4 --max_completion_length 20"
tasks="--families add:1,mul:1,perm:2 --num_questions 60 --task family --task_size 6 --batch_size 2 --inner_steps 2"
arguments() { # arguments KIND
    case $1 in
    grpo)
        echo "grpo $every $rollouts --steps_per_generation 2 --num_iterations 2 --dynamic_sampling --beta 0.02 --entropy_coef 0.01"
        ;;
    distill) echo "distill $every $rollouts --hint solution --teacher start" ;;
    fomaml) echo "fomaml $every $tasks --inner_optimizer adam --loss_before --eval_adapted" ;;
    maml) echo "maml $every $tasks --inner_batch_size 2" ;;
    reptile) echo "reptile $every $tasks --inner_batch_size 2 --learning_rate 0.5" ;;
    lora) echo "sft $every --families add:1 --num_questions 40 --batch_size 8 --trajectories 1 --lora_r 4 --loss_steps 3" ;;
    *) fail "$1: expected grpo, distill, fomaml, maml, reptile or lora" ;;
    esac
}
# shellcheck disable=SC2086  # words
run() { "$raml" train $train --out "$@" >said 2>&1; }
killed_at() { # killed_at SECONDS OUT ARGUMENT..: did it run until then?
    after=$1
    shift
    # shellcheck disable=SC2086
    "$raml" train $train --out "$@" >said 2>&1 &
    pid=$!
    sleep "$after"
    alive=0
    kill -KILL "$pid" 2>/dev/null && alive=1
    wait "$pid" 2>/dev/null || :
    pid=
    [ $alive -eq 1 ]
}
bad=0
for kind in "$@"; do
    train=$(arguments "$kind") || fail "$train"
    rm -rf whole
    began=$(now)
    run whole || fail "$kind: $(cat said)"
    took=$(($(now) - began))
    [ "$kind" != grpo ] || grep -q '"correct":true' whole/rollouts.jsonl || fail "nothing is right: $(tail -n 1 whole/metrics.jsonl)"
    lost=0 different=0 killed=0 again=0 i=0
    while [ "$i" -lt "$times" ]; do
        i=$((i + 1))
        rm -rf run
        # At a moment spread over the time of a run; every third time once more, while it goes on.
        at=$(moment $i "$took")
        if killed_at "$at" run; then killed=$((killed + 1)); fi
        if [ $((i % 3)) -eq 0 ] && killed_at "$at" run --resume; then again=$((again + 1)); fi
        if ! run run --resume; then
            lost=$((lost + 1))
            echo "$kind: lost after ${at}s: $(cat said)"
        elif f=$(differs whole run); then
            different=$((different + 1))
            echo "$kind: different after ${at}s: $f"
        fi
        [ "$(find whole -name 'checkpoint-*' | sort | sed 's/^whole//')" = "$(find run -name 'checkpoint-*' | sort | sed 's/^run//')" ] ||
            echo "note: other checkpoints after ${at}s: $(find run -name 'checkpoint-*' | tr '\n' ' ')"
    done
    echo "$kind: $times moments, $killed killed while it ran, $again a second time: $lost lost, $different different"
    [ "$killed" -gt 0 ] || fail "$kind: none was killed"
    bad=$((bad + lost + different))
done
[ $bad -eq 0 ]
