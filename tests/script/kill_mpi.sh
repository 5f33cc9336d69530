#!/bin/sh
# kill_mpi.sh [BINARY] N: raml train grpo and sft on two ranks: at N random moments a rank, the other one or all of them are
# killed by SIGKILL; each time it is resumed, and must end in the bytes of a run of two ranks that nobody killed. test_mpi.sh
# does it for a few moments; with N = 50, by hand: tests/script/kill_mpi.sh build/raml 50.
set -eu
[ $# -ge 2 ] || set -- "$(dirname "$0")/../../build/raml" "$@"
here=$(cd "$(dirname "$0")" && pwd)
raml=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") times=$2
. "$here/mpi_launch.sh"
children() { cat "/proc/$1/task/$1/children" 2>/dev/null | tr ' ' '\n' | grep . || :; }
end_all() { # the launcher first, so that it can't end them otherwise
    for p in $1 $(children "$1"); do kill -KILL "$p" 2>/dev/null || :; done
}
. "$here/kill_moments.sh"
export OMPI_MCA_orte_tmpdir_base="$tmp" # what a killed mpirun leaves goes with the rest
sft="train sft --model init:./shape.json --families add:1 --num_questions 40 --max_steps 60 --learning_rate 5e-3"
sft="$sft --trajectories 1 --batch_size 16 --dtype f32 --seed 1 --save_steps 7 --save_total_limit 2 --eval_steps 9 --eval_questions 4"
sft="$sft --threads 1"
# shellcheck disable=SC2086  # words
"$raml" $sft --out start --quiet >said 2>&1 || fail "sft: $(cat said)"
grpo="train grpo --model start --families add:1 --num_questions 40 --max_steps 12 --batch_size 4 --num_generations 4"
grpo="$grpo --max_completion_length 20 --learning_rate 1e-3 --num_iterations 2 --dynamic_sampling --beta 0.02"
grpo="$grpo --logging_steps 3 --save_steps 4 --save_total_limit 2 --eval_steps 6 --eval_questions 5 --save_best"
grpo="$grpo --dtype f32 --seed 3 --threads 1"
# shellcheck disable=SC2086
run() { launch 2 "$raml" $train --quiet --out "$@" >said 2>&1; }
killed_at() { # killed_at SECONDS WHOM OUT ARGUMENT..: was it killed while it ran?
    after=$1 whom=$2
    shift 2
    # shellcheck disable=SC2086
    "$launcher" -n 2 "$raml" $train --quiet --out "$@" >said 2>&1 &
    pid=$!
    sleep "$after"
    alive=0
    if kill -0 "$pid" 2>/dev/null; then alive=1; fi
    case $whom in
    0) one=$(children "$pid" | head -n 1) ;;
    1) one=$(children "$pid" | tail -n 1) ;;
    *) one= ;;
    esac
    # MPICH has a proxy between launcher and ranks.
    if [ "$one" ] && [ "$(cat "/proc/$one/comm" 2>/dev/null)" = hydra_pmi_proxy ]; then one=$(children "$one" | head -n 1); fi
    if [ "$one" ]; then kill -KILL "$one" 2>/dev/null || :; else end_all "$pid"; fi
    # Open MPI 4.1.4's launcher may sleep for ever over a rank that died while it started: a zombie that it never reaps.
    n=0
    while kill -0 "$pid" 2>/dev/null && [ "$(cut -d ' ' -f 3 "/proc/$pid/stat" 2>/dev/null)" != Z ]; do
        n=$((n + 1))
        if [ $n -eq 600 ]; then
            slept=$((slept + 1))
            end_all "$pid"
            break
        fi
        sleep 0.1
    done
    code=0
    wait "$pid" 2>/dev/null || code=$?
    pid=
    [ $alive -eq 1 ] && [ $code -ne 0 ]
}
for kind in sft grpo; do
    eval "train=\$$kind"
    began=$(now)
    run "whole-$kind" || fail "$kind: $(cat said)"
    eval "took_$kind=$(($(now) - began))"
done
lost=0 different=0 killed=0 slept=0 i=0
while [ "$i" -lt "$times" ]; do
    i=$((i + 1))
    kind=grpo
    if [ $((i % 2)) -eq 1 ]; then kind=sft; fi
    eval "train=\$$kind took=\$took_$kind"
    rm -rf run
    at=$(moment $i "$took")
    if killed_at "$at" $((i / 2 % 3)) run; then killed=$((killed + 1)); fi
    n=0
    until run run --resume || [ $n -ge 20 ] || ! grep -q 'another process is writing this run' said; do
        n=$((n + 1)) # a rank of a launcher that was killed may need a moment to end
        sleep 0.5
    done
    if ! run run --resume; then
        lost=$((lost + 1))
        echo "lost after ${at}s ($kind): $(cat said)"
    elif f=$(differs "whole-$kind" run); then
        different=$((different + 1))
        echo "different after ${at}s ($kind): $f"
    fi
done
echo "$times moments, $killed killed while it ran: $lost lost, $different different"
[ $slept -eq 0 ] || echo "the launcher slept on after $slept of them, for a minute, and was ended"
[ "$killed" -gt 0 ] || fail "none was killed"
[ $((lost + different)) -eq 0 ]
