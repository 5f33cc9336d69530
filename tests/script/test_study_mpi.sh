#!/bin/sh
# test_study_mpi.sh BINARY SOURCE_DIR BUILD_DIR: raml study run on two ranks, started by mpirun: the results of one process,
# also where a rank is killed and it is started again; each step by one of them; steps that fail; what ranks of one host have
# of its processors. Steps are processes of their own: one that took itself for a rank would wait for others for ever.
set -eu
raml=$1 source_dir=$2
. "$source_dir/tests/script/mpi_launch.sh"
tmp=$(mktemp -d)
pid=''
trap 'if [ "$pid" ]; then kill -KILL "$pid" 2>/dev/null || :; fi; rm -rf "$tmp"' EXIT
export OMPI_MCA_orte_tmpdir_base="$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
cd "$tmp"
cat >small.yaml <<'END'
name: small
seeds: 3
arms: {cold: {temperature: 0}, warm: {temperature: 1}}
steps:
  questions: task make --families add:1 --n 8 --trajectories 0 --seed {seed} --out {out}/q.jsonl
  model: train sft --model init:micro --families add:1 --num_questions 40 --max_steps 3 --batch_size 2 --save_steps 1 --seed {seed} --out {out}
  samples: sample --model {model} {questions}/q.jsonl --num_generations 2 --temperature {temperature} --max_completion_length 12 --seed {seed} --out {out}/s.jsonl
  eval: eval {samples}/s.jsonl --out {out}/eval.json
measures:
  right: {step: eval, file: eval.json, at: all.accuracy.value, unit: accuracy}
  loss: {step: model, file: metrics.jsonl, at: "[-1].loss", unit: nats per token}
claims:
  loss: {says: A new model knows nothing., of: cold.loss, holds: above 3}
  same: {says: Temperature changes nothing., of: warm.right - cold.right, holds: within 0.5}
END
"$raml" study run small.yaml --out one --threads 1 --quiet >out 2>&1 || fail "one process: $(cat out)"

# Two ranks. Each says nothing but rank 0; the store has every step once.
timeout 300 "$launcher" -n 2 "$raml" study run small.yaml --out two >out 2>err || fail "two ranks: $(cat err)"
cmp one/results.json two/results.json || fail "two ranks, other results"
[ "$(grep -c '^2 claims: ' out)" -eq 1 ] || fail "not one of two ranks speaks: $(cat out)"
[ "$(grep -c 'task make' two/steps/questions-*.log | grep -cv ':0$')" -le 3 ] || fail "questions were made twice"
[ "$(grep -l . two/steps/*.json | wc -l)" -eq 18 ] || fail "not 18 records"
mine=$(grep -c ' steps done: ' err)
[ "$mine" -gt 0 ] && [ "$mine" -lt 18 ] || fail "rank 0 ran $mine of 18 steps: $(cat err)"
processors=$(nproc)
want=$((processors / 2 > 0 ? processors / 2 : 1))
grep -q "^threads: $want\$" two/steps/model-*/recipe.yaml ||
    fail "two ranks on $processors processors: $(grep -h '^threads' two/steps/model-*/recipe.yaml)"

# A rank is killed: mpirun ends the other one; started again, it goes on.
timeout 300 "$launcher" -n 2 "$raml" study run small.yaml --out killed >out 2>err &
pid=$!
n=0
until [ "$(find killed/steps -name 'model-*.json' 2>/dev/null | grep -c .)" -gt 0 ]; do
    n=$((n + 1))
    [ $n -lt 2400 ] || fail "no step within two minutes: $(cat err)"
    sleep 0.05
done
rank=$(pgrep -f "study run small.yaml --out killed" | while read -r p; do
    grep -qz '^\(OMPI_COMM_WORLD_RANK\|PMI_RANK\)=1$' "/proc/$p/environ" 2>/dev/null && echo "$p"
done | head -n 1)
[ "$rank" ] || fail "rank 1 was not found"
kill -KILL "$rank"
wait "$pid" && fail "a killed rank, and it went well"
pid=''
timeout 300 "$launcher" -n 2 "$raml" study run small.yaml --out killed --quiet >out 2>err || fail "again: $(cat err)"
cmp one/results.json killed/results.json || fail "killed and started again, other results"

# Steps that fail: the others are run, by both, and one of them says so.
sed 's/eval {samples}\/s.jsonl/eval {samples}\/none.jsonl/' small.yaml >broken.yaml
code=0
timeout 300 "$launcher" -n 2 "$raml" study run broken.yaml --out broken --quiet >out 2>err || code=$?
[ "$code" -eq 1 ] || fail "steps that fail: exit code $code: $(cat err)"
[ "$(grep -c 'raml study run: 6 steps failed, and 0 that need them were not run' err)" -eq 1 ] || fail "steps that fail: $(cat err)"
grep -q '^loss  *holds ' out && grep -q '^same  *not measured ' out || fail "steps that fail, claims: $(cat out)"
