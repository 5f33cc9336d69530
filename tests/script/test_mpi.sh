#!/bin/sh
# test_mpi.sh BINARY SOURCE_DIR BUILD_DIR: training on several ranks, started by mpirun: the functions of mpi.c; two ranks
# against one; one, two, one again; kill -9 (kill_mpi.sh: at more moments); a request to stop; what is refused, and how.
# shellcheck disable=SC2086  # words
set -eu
raml=$1 source_dir=$2 build=$3
. "$source_dir/tests/script/mpi_launch.sh"
tmp=$(mktemp -d)
pid=''
trap 'if [ "$pid" ]; then kill -KILL "$pid" 2>/dev/null || :; fi; rm -rf "$tmp"' EXIT
fail() {
    echo "FAIL: $*"
    exit 1
}
says() { grep -qF -- "$1" said || fail "it does not say: $1: $(cat said)"; }
said_times() { # said_times N TEXT
    [ "$(grep -cF -- "$2" said)" -eq "$1" ] || fail "said $(grep -cF -- "$2" said) times, expected $1: $2: $(cat said)"
}
ends() { # ends WANTED_CODE COMMAND...
    want=$1 code=0
    shift
    "$@" >said 2>&1 || code=$?
    [ "$code" -eq "$want" ] || fail "exit code $code, expected $want: $*: $(cat said)"
}
echo "$library"

# -- Every function, on one to four ranks, with messages of a megabyte and of a few elements
for n in 1 2 3 4; do
    launch $n "$build/mpi_check" || fail "mpi_check on $n ranks"
    launch $n "$build/mpi_check" 9 || fail "mpi_check on $n ranks with short messages"
done

# -- One curve, whatever the number of ranks; on as many ranks the same bytes
cd "$tmp"
sft="train sft --model init:micro --families add:2 --num_questions 100 --max_steps 12 --batch_size 5 --dtype f32"
sft="$sft --logging_steps 2 --eval_steps 6 --seed 1 --threads 1"
alike() { # alike RUN RUN: every number of metrics.jsonl
    for f in "$1" "$2"; do tr -c '0-9.eE+\n-' ' ' <"$f/metrics.jsonl" >"$f/numbers"; done
    compare "$1" "$2"
}
compare() { # compare RUN RUN: their numbers, relative to 1e-6
    [ "$(grep -c . "$1/numbers")" -eq "$(grep -c . "$2/numbers")" ] || fail "$1 and $2 have not as many lines"
    paste -d ' ' "$1/numbers" "$2/numbers" | awk '
        { n = NF / 2
          for (i = 1; i <= n; i++) { if ($i !~ /[0-9]/) continue
            d = $i - $(i + n); if (d < 0) d = -d
            a = $i < 0 ? -$i : $i; seen++
            if (d > 1e-6 * (a > 1 ? a : 1)) { print "line " NR ": " $i " and " $(i + n); bad = 1 } } }
        END { exit bad || seen < 12 }' || fail "$1 and $2 differ"
}
same() { # same RUN RUN
    for f in metrics.jsonl checkpoint-12/model.safetensors checkpoint-12/optimizer.safetensors \
        checkpoint-12/trainer_state.json; do
        cmp "$1/$f" "$2/$f" || fail "$1/$f and $2/$f"
    done
}
"$raml" $sft --out one >said 2>&1 || fail "one rank: $(cat said)"
for n in 2 3; do
    ends 0 launch $n "$raml" $sft --out "on$n"
    says "$n ranks, "
    said_times 1 "questions with"
    said_times 1 "checkpoint-12: "
    alike one "on$n"
    grep -q "^raml_ranks: $n\$" "on$n/recipe.yaml" || fail "recipe.yaml does not say how many ranks"
done
ends 0 launch 2 "$raml" $sft --out again
same on2 again
bf16="train sft --model init:micro --families add:2 --num_questions 60 --max_steps 3 --batch_size 4 --logging_steps 1"
ends 0 launch 2 "$raml" $bf16 --out bf16
ends 0 launch 3 "$raml" $sft --batch_size 2 --max_steps 4 --out small # a rank without questions

# -- One rank, two, one again: as one rank all the way
ends 0 "$raml" $sft --out legs --max_steps 4 --lr_scheduler_type constant
ends 0 launch 2 "$raml" $sft --out legs --resume --max_steps 8 --lr_scheduler_type constant
ends 0 "$raml" $sft --out legs --resume --lr_scheduler_type constant
ends 0 "$raml" $sft --out straight --lr_scheduler_type constant
for run in straight legs; do sed -n 's/.*"loss":\([^,]*\),.*"grad_norm":\([^,]*\),.*/\1 \2/p' $run/metrics.jsonl >$run/numbers; done
[ "$(grep -c . straight/numbers)" -eq 6 ] || fail "six lines of metrics: $(cat straight/metrics.jsonl)"
compare straight legs

# -- Killed
sh "$source_dir/tests/script/kill_mpi.sh" "$raml" 4 || fail "kill -9"

# -- A request to stop, which mpirun passes on
long="train sft --model init:micro --families add:2 --num_questions 100 --max_steps 4000 --batch_size 4 --dtype f32 --threads 1"
case $library in "Open MPI"*)
    "$launcher" -n 2 "$raml" $long --logging_steps 1 --out stopped >said 2>&1 &
    pid=$!
    n=0
    until [ -s stopped/metrics.jsonl ]; do
        n=$((n + 1))
        [ $n -lt 1200 ] || fail "no step within a minute: $(cat said)"
        sleep 0.05
    done
    kill -USR1 "$pid"
    code=0
    wait "$pid" || code=$?
    pid=
    [ $code -eq 1 ] || fail "SIGUSR1: exit code $code, expected 1"
    says "asked to stop; stopped/checkpoint-"
    said_times 1 "asked to stop"
    ;;
esac

# -- What is refused: said once, nothing written
ends 2 launch 2 "$raml" $sft --out on2
said_times 1 "on2: already holds a run"
says "rank 0 on "
ends 2 launch 2 "$raml" $sft --no_such 1 --out x
said_times 1 "unknown option --no_such"
ends 2 launch 2 "$raml" tokenize x
said_times 1 "raml tokenize: started as 2 processes"
ends 2 launch 2 "$raml" train grpo --model one --families add:2 --num_questions 9 --batch_size 3 --max_steps 1 --out x
said_times 1 "a step has 3 questions; expected a multiple of the 2 processes"
ends 2 launch 1 "$raml" $sft --out x : -n 1 "$raml" $sft --learning_rate 0.5 --out x
said_times 1 "learning_rate: found 0.5, expected 0.001 as rank 0 has it"
says "rank 1 on "
ends 2 launch 1 "$raml" $sft --out x : -n 1 "$raml" $sft --num_questions 99 --out x
said_times 1 "number of questions: found 99, expected 100 as rank 0 has it"
ends 2 launch 1 "$raml" $sft --out x : -n 1 "$raml" $sft --model one --out x
said_times 1 "hash of the model's weights: found "
ends 1 launch 1 "$raml" $sft --out x : -n 1 "$raml" $sft --model absent --out x
says "absent: is not a folder"
ends 2 launch 1 "$raml" $sft --out x : -n 1 "$raml" $sft --cpu ref --out x
said_times 1 "kernels (--cpu): found \"ref\""
[ ! -e x ] || fail "it wrote: $(ls x)"
printf 'x' | dd of=on2/checkpoint-12/optimizer.safetensors bs=1 seek=3 conv=notrunc 2>/dev/null
ends 1 launch 2 "$raml" $sft --max_steps 14 --out on2 --resume
said_times 1 "optimizer.safetensors"
# The environment of several without a launcher.
code=0
env -u OMPI_COMM_WORLD_SIZE PMI_SIZE=2 PMI_RANK=0 "$raml" $sft --out x >said 2>&1 || code=$?
[ $code -ne 0 ] || fail "one process that is said to be two"
[ ! -e x ] || fail "it wrote"
# A batch script of Slurm is one process.
ends 0 env SLURM_NTASKS=4 SLURM_PROCID=0 SLURM_JOB_ID=7 "$raml" $bf16 --out batch
