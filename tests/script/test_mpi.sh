#!/bin/sh
# test_mpi.sh BINARY SOURCE_DIR BUILD_DIR: training on several ranks, started by mpirun: the functions of mpi.c; every
# command on two ranks against one; one, two, one again; kill -9 (kill_mpi.sh: at more moments); a request to stop; what
# is refused, and how. Models are as small as they can be: most of the time is mpirun's.
# shellcheck disable=SC2086  # words
set -eu
raml=$1 source_dir=$2 build=$3
. "$source_dir/tests/script/mpi_launch.sh"
tmp=$(mktemp -d)
pid=''
trap 'if [ "$pid" ]; then kill -KILL "$pid" 2>/dev/null || :; fi; rm -rf "$tmp"' EXIT
export OMPI_MCA_orte_tmpdir_base="$tmp" # what a killed mpirun leaves goes with the rest
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

# -- Every function, on two to four ranks, with messages of a megabyte and of a few elements
for n in 2 3 4; do launch $n "$build/mpi_check" || fail "mpi_check on $n ranks"; done

# -- One curve, whatever the number of ranks; on as many ranks the same bytes
cd "$tmp"
cat >shape.json <<'END_OF_SHAPE'
{"model_type": "qwen3", "vocab_size": 261, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
 "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 128, "rms_norm_eps": 1e-6,
 "rope_theta": 10000, "tie_word_embeddings": true, "eos_token_id": 256}
END_OF_SHAPE
every="--dtype f32 --threads 1 --seed 1 --logging_steps 1"
sft="train sft --model init:./shape.json --families add:2 --num_questions 100 --max_steps 6 --batch_size 5 --eval_steps 3 $every"
numbers() { # numbers RUN NAME...: of metrics.jsonl, one a line
    run=$1
    shift
    for name in "$@"; do sed -n "s/.*\"$name\":\([^,}]*\).*/\1/p" "$run/metrics.jsonl"; done >"$run/numbers"
}
compare() { # compare RUN RUN NAME...: relative to 1e-6
    one=$1 two=$2
    shift 2
    numbers "$one" "$@"
    numbers "$two" "$@"
    [ "$(grep -c . "$one/numbers")" -eq "$(grep -c . "$two/numbers")" ] || fail "$one and $two have not as many numbers"
    paste -d ' ' "$one/numbers" "$two/numbers" | awk '
        { d = $1 - $2; if (d < 0) d = -d
          a = $1 < 0 ? -$1 : $1; seen++
          if (!(d <= 1e-6 * (a > 1 ? a : 1))) { print "number " NR ": " $1 " and " $2; bad = 1 } }
        END { exit bad || seen < 6 }' || fail "$one and $two differ"
}
same() { # same STEP RUN RUN
    for f in metrics.jsonl checkpoint-$1/model.safetensors checkpoint-$1/optimizer.safetensors \
        checkpoint-$1/trainer_state.json rollouts.jsonl; do
        [ ! -e "$2/$f" ] || cmp "$2/$f" "$3/$f" || fail "$2/$f and $3/$f"
    done
}
ends 0 "$raml" $sft --out one
for n in 2 3; do
    ends 0 launch $n "$raml" $sft --out "on$n"
    says "$n ranks, "
    said_times 1 "questions with"
    said_times 1 "checkpoint-6: "
    compare one "on$n" loss grad_norm eval_loss tokens trained_tokens
    grep -q "^raml_ranks: $n\$" "on$n/recipe.yaml" || fail "recipe.yaml does not say how many ranks"
done
ends 0 launch 2 "$raml" $sft --out again
same 6 on2 again
bf16="train sft --model init:./shape.json --families add:2 --num_questions 60 --max_steps 3 --batch_size 2 --logging_steps 1"
ends 0 launch 3 "$raml" $bf16 --out bf16 # a rank without questions

# -- One rank, two, one again: as one rank all the way
constant="$sft --lr_scheduler_type constant --eval_steps 0"
ends 0 "$raml" $constant --out legs --max_steps 2
ends 0 launch 2 "$raml" $constant --out legs --resume --max_steps 4
ends 0 "$raml" $constant --out legs --resume
ends 0 "$raml" $constant --out straight
compare straight legs loss grad_norm tokens

# -- Every command
start="train sft --model init:./shape.json --families add:1 --num_questions 60 --max_steps 150 --batch_size 16 --trajectories 1"
ends 0 "$raml" $start --learning_rate 5e-3 --dtype f32 --threads 1 --out start
ends 0 "$raml" sample --model start --families add:1 --split train --num_questions 30 --n 6 --max_tokens 24 --threads 1 --out pairs.jsonl
questions="--model start --families add:1 --num_questions 60 --batch_size 4"
rollouts="$questions --num_generations 4 --max_completion_length 20 --eval_steps 2 --eval_questions 5"
tasks="--model start --families add:1,mul:1,perm:2 --num_questions 60 --task family --task_size 6 --batch_size 3 --inner_learning_rate 0.01"
on_two() { # on_two NAME COMMAND...: 3 steps on one rank and on two
    name=$1
    shift
    ends 0 "$raml" train "$@" $every --max_steps 3 --out "$name"
    ends 0 launch 2 "$raml" train "$@" $every --max_steps 3 --out "$name-2"
    compare "$name" "$name-2" loss tokens
}
by_tasks() { # by_tasks NAME COMMAND...: tasks are added in their order: the same weights on one rank, two and three
    on_two "$@"
    name=$1
    shift
    ends 0 launch 3 "$raml" train "$@" $every --max_steps 3 --out "$name-3"
    for n in 2 3; do
        for f in model optimizer; do
            cmp "$name/checkpoint-3/$f.safetensors" "$name-$n/checkpoint-3/$f.safetensors" || fail "$name: $f of $n ranks"
        done
    done
}
on_two sft sft $questions --lora_r 4
says "moments of the optimizer: 16.0 KiB a rank, of 32.0"
on_two rft rft $rollouts
on_two dpo dpo pairs.jsonl --model start --batch_size 4
on_two grpo grpo $rollouts --beta 0.02
on_two grpo-lora grpo $rollouts --lora_r 4
on_two distill distill $rollouts --hint solution --teacher start
by_tasks fomaml fomaml $tasks --support 3 --inner_steps 2 --loss_before
by_tasks maml maml $tasks --support 3
by_tasks anil anil $tasks --support 3 --adapted_layers 1 --first_order
by_tasks reptile reptile $tasks --inner_steps 2 --inner_batch_size 2
for run in rft grpo; do
    grep -q '"reward":0\.[0-9]*[1-9]' $run/metrics.jsonl || fail "no sample of $run is right: $(cat $run/metrics.jsonl)"
done

# -- Killed
sh "$source_dir/tests/script/kill_mpi.sh" "$raml" 4 || fail "kill -9"

# -- A request to stop, which mpirun passes on
long="train sft --model init:./shape.json --families add:2 --num_questions 100 --max_steps 40000 --batch_size 4 $every"
case $library in "Open MPI"*)
    "$launcher" -n 2 "$raml" $long --out stopped >said 2>&1 &
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
ends 2 launch 2 "$raml" train
said_times 1 "raml train: expected one of these commands"
ends 2 launch 2 "$raml" train grpo --model start --families add:1 --num_questions 9 --batch_size 3 --max_steps 1 --out x
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
alike="train sft --families add:1 --num_questions 20 --max_steps 1 $every --out x"
ends 2 launch 1 "$raml" $alike --model start --lora_r 2 : -n 1 "$raml" $alike --model start --lora_r 2 --lora_alpha 16
said_times 1 "hash of the adapters' modules, ranks and scales: found "
ends 2 launch 1 "$raml" $alike --model start --lora_r 2 --lora_target_modules q_proj : \
    -n 1 "$raml" $alike --model start --lora_r 2 --lora_target_modules o_proj
said_times 1 "hash of the adapters' modules, ranks and scales: found "
ends 2 launch 1 "$raml" $alike --model start --lora_r 2 : -n 1 "$raml" $alike --model one --lora_r 2
said_times 1 "hash of the adapters' base: found "
cp -r start turned
sed -i 's/"rope_theta": *[0-9.e]*/"rope_theta": 5000.0/' turned/checkpoint-150/config.json
ends 2 launch 1 "$raml" $alike --model start : -n 1 "$raml" $alike --model turned
said_times 1 "rope_theta: found 5000.0, expected 10000.0 as rank 0 has it"
version=$("$raml" --version | cut -d ' ' -f 2)
another=$(echo "$version" | tr 0-9 1-90)
LC_ALL=C sed "s/$(echo "$version" | sed 's/\./[.]/g')/$another/g" "$raml" >other # the same program but for that
chmod +x other
ends 2 launch 1 "$raml" $sft --out x : -n 1 ./other $sft --out x
said_times 1 "version of raml: found \"$another\", expected \"$version\" as rank 0 has it"
[ ! -e x ] || fail "it wrote: $(ls x)"
printf 'x' | dd of=on2/checkpoint-6/optimizer.safetensors bs=1 seek=3 conv=notrunc 2>/dev/null
ends 1 launch 2 "$raml" $sft --max_steps 8 --out on2 --resume
said_times 1 "optimizer.safetensors"
# The environment of several without a launcher.
code=0
env -u OMPI_COMM_WORLD_SIZE PMI_SIZE=2 PMI_RANK=0 "$raml" $sft --out x >said 2>&1 || code=$?
[ $code -ne 0 ] || fail "one process that is said to be two"
[ ! -e x ] || fail "it wrote"
# A batch script of Slurm is one process.
ends 0 env SLURM_NTASKS=4 SLURM_PROCID=0 SLURM_JOB_ID=7 "$raml" $bf16 --out batch
