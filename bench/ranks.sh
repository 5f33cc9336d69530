#!/bin/sh
# ranks.sh [BINARY [PRESET [STEPS]]]: tokens per second and memory of training on one rank with one core, on two ranks with a
# core each, and on one rank with both; what the optimizer's moments take on each rank. On a quiet machine:
# bench/ranks.sh build/raml small 30.
# shellcheck disable=SC2086  # words
set -eu
raml=${1:-$(dirname "$0")/../build/raml} preset=${2:-small} steps=${3:-30}
raml=$(cd "$(dirname "$raml")" && pwd)/$(basename "$raml")
. "$(dirname "$0")/../tests/script/mpi_launch.sh"
export OMPI_MCA_hwloc_base_binding_policy=core
unset OMPI_MCA_mpi_yield_when_idle
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
train="train sft --model init:$preset --families add:3-4 --num_questions 2000 --batch_size 32 --max_steps $steps"
train="$train --logging_steps $steps --dtype f32"
report() { # report NAME: of the run in folder `run`, and what it said
    moments=$(sed -n 's/.*moments of the optimizer: \(.* MiB a rank\).*/\1/p' said)
    awk -v name="$1" -v moments="${moments:-all on one}" '{
        match($0, /"tokens_per_s":[0-9.e+]+/); speed = substr($0, RSTART + 15, RLENGTH - 15)
        match($0, /"peak_memory_bytes":[0-9.e+]+/); peak = substr($0, RSTART + 20, RLENGTH - 20)
    } END { printf "%-28s %10.0f tokens/s  peak of rank 0 %8.1f MiB  moments %s\n", name, speed, peak / 1048576, moments }' run/timing.jsonl
    rm -rf run
}
echo "$library, $preset, $steps steps of 32 questions"
taskset -c 0 "$raml" $train --threads 1 --out run >said 2>&1
report "1 rank, 1 core"
launch 2 "$raml" $train --threads 1 --out run >said 2>&1
report "2 ranks, 1 core each"
taskset -c 0,1 "$raml" $train --threads 2 --out run >said 2>&1
report "1 rank, 2 cores"
