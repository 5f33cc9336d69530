#!/bin/sh
# ranks.sh [BINARY [PRESET [STEPS [TIMES]]]]: tokens per second and memory of training on one rank with one core, on two ranks
# with a core each, on one rank with both, and of two trainings side by side with a core each that know nothing of each
# other, which is all that the machine has; what the optimizer's moments take on each rank. Each in turn, TIMES times; the
# median, and of the ratios to one rank on one core their range. On a quiet machine: bench/ranks.sh build/raml small 30 5.
# shellcheck disable=SC2086  # words
set -eu
raml=${1:-$(dirname "$0")/../build/raml} preset=${2:-small} steps=${3:-30} times=${4:-5}
raml=$(cd "$(dirname "$raml")" && pwd)/$(basename "$raml")
. "$(dirname "$0")/../tests/script/mpi_launch.sh"
export OMPI_MCA_hwloc_base_binding_policy=core
unset OMPI_MCA_mpi_yield_when_idle
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
train="train sft --model init:$preset --families add:3-4 --num_questions 2000 --batch_size 32 --max_steps $steps"
train="$train --logging_steps $steps --dtype f32"
value() { # value FIELD RUN
    sed -n 's/.*"'"$1"'": *\([0-9.e+]*\).*/\1/p' "$2/timing.jsonl" | tail -n 1
}
report() { # report NAME RUN...: adds the runs' tokens per second, as one line of `speeds`; memory of the first
    name=$1
    shift
    sum=0 peak=$(value peak_memory_bytes "$1")
    for run; do
        sum="$sum $(value tokens_per_s "$run")"
        rm -rf "$run"
    done
    moments=$(sed -n 's/.*moments of the optimizer: \(.* MiB a rank\).*/\1/p' said)
    echo "$sum" | awk -v name="$name" -v peak="$peak" -v moments="${moments:-all on one}" \
        '{ for (i = 1; i <= NF; i++) s += $i; printf "%s|%s|%s|%s\n", name, s, peak, moments }' >>speeds
}
for _ in $(seq "$times"); do
    taskset -c 0 "$raml" $train --threads 1 --out one >said 2>&1
    report "1 rank, 1 core" one
    launch 2 "$raml" $train --threads 1 --out two >said 2>&1
    report "2 ranks, 1 core each" two
    taskset -c 0,1 "$raml" $train --threads 2 --out both >said 2>&1
    report "1 rank, 2 cores" both
    taskset -c 0 "$raml" $train --threads 1 --out left >said 2>&1 &
    taskset -c 1 "$raml" $train --threads 1 --out right >/dev/null 2>&1
    wait
    report "2 runs apart, 1 core each" left right
done
echo "$library, $preset, $steps steps of 32 questions, median of $times (ratio to one rank on one core: median, range)"
awk -F '|' '
    { speed[$1, ++n[$1]] = $2; peak[$1] = $3; moments[$1] = $4; if (n[$1] == 1) order[++names] = $1 }
    function sorted(a, count, i, j, t) {
        for (i = 2; i <= count; i++) for (j = i; j > 1 && a[j] < a[j - 1]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
    }
    END {
        for (k = 1; k <= names; k++) {
            name = order[k]; count = n[name]
            for (i = 1; i <= count; i++) { s[i] = speed[name, i] + 0; r[i] = s[i] / speed[order[1], i] }
            sorted(s, count); sorted(r, count); mid = int((count + 1) / 2)
            printf "%-28s %7.0f tokens/s  %.2f (%.2f to %.2f)  peak of rank 0 %7.1f MiB  moments %s\n", name, s[mid], r[mid], r[1], r[count], peak[name] / 1048576, moments[name]
        }
    }' speeds
