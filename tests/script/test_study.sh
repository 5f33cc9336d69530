#!/bin/sh
# test_study.sh BINARY SOURCE_DIR BUILD_DIR: raml study run as a person runs it: planned, run, killed and run again to the
# same bytes, by two processes at once, with a step shared by two studies, with steps that fail, in parts; and one clear error
# for each bad input.
set -eu

raml=$1 source=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
rc=0

fail() {
    echo "FAIL: $*"
    rc=1
}
study() { "$raml" study run --quiet --threads 1 "$@"; }
# refused CODE TEXT arguments: that exit code, and the text in what is said
refused() {
    code=$1 text=$2
    shift 2
    got=0
    study "$@" >out 2>err || got=$?
    [ "$got" -eq "$code" ] || fail "$*: exit code $got, expected $code: $(cat err)"
    grep -qF -- "$text" err || fail "$*: expected '$text', found: $(cat err)"
}

cat >small.yaml <<'END'
name: small
seeds: 3
values: {length: 12}
arms:
  cold: {temperature: 0}
  warm: {temperature: 1}
steps:
  questions: task make --families add:1 --n 8 --trajectories 0 --seed {seed} --out {out}/q.jsonl
  model: train sft --model init:micro --families add:1 --num_questions 40 --max_steps 3 --batch_size 2 --save_steps 1 --seed {seed} --out {out}
  samples: sample --model {model} {questions}/q.jsonl --num_generations 2 --temperature {temperature} --max_completion_length {length} --seed {seed} --out {out}/s.jsonl
  eval:
    - eval {samples}/s.jsonl --out {out}/eval.json
    - eval {samples}/s.jsonl --by family --out {out}/family.json
measures:
  right: {step: eval, file: eval.json, at: all.accuracy.value, unit: accuracy}
  loss: {step: model, file: metrics.jsonl, at: "[-1].loss", unit: nats per token}
claims:
  loss: {says: A new model knows nothing., of: cold.loss, holds: above 3}
  same: {says: Temperature changes nothing., of: warm.right - cold.right, holds: within 0.5}
  lower: {says: It is below one., of: cold.loss, holds: below 1}
END

# A plan runs nothing.
study small.yaml --plan >plan || fail "a plan: $(cat plan)"
[ "$(grep -c '^raml ' plan)" -eq 24 ] || fail "a plan of other commands: $(cat plan)"
grep -q '^# 18 steps, 0 done' plan || fail "a plan's last line: $(tail -n 1 plan)"
[ ! -e small ] || fail "a plan made a folder"

# Run; what is read out of it.
study small.yaml --out whole >out || fail "a study: $(cat out)"
grep -q '^loss  *holds ' out && grep -q '^lower  *does not hold ' out || fail "verdicts: $(cat out)"
grep -q '^3 claims: ' out || fail "the last line: $(cat out)"
for f in study.yaml declared.json results.json claims.tsv values.tsv claim_1.tsv claim_2.gp report.html; do
    [ -s whole/$f ] || fail "no $f"
done
cmp -s small.yaml whole/study.yaml || fail "the file is not kept as it was"
[ "$(wc -l <whole/values.tsv)" -eq 13 ] || fail "values.tsv: $(cat whole/values.tsv)"
[ -z "$(find whole -name '*.lock' -o -name '*.part.json')" ] || fail "left: $(find whole -name '*.lock' -o -name '*.part.json')"
[ -n "$(find whole -name model.safetensors)" ] && [ -z "$(find whole -name optimizer.safetensors)" ] || fail "done steps' checkpoints: $(find whole -path '*checkpoint*')"

# The program is installed anew while a study runs: its steps go on with what it was started as.
cp "$raml" old
./old study run --threads 1 small.yaml --out meanwhile >out 2>&1 &
pid=$!
for _ in $(seq 200); do
    [ -d meanwhile/steps ] && break
    sleep 0.02
done
rm old
printf '#!/bin/sh\nexit 3\n' >old
chmod +x old
wait $pid || fail "with another program in its place: $(tail -n 3 out)"
cmp -s whole/results.json meanwhile/results.json || fail "other results with another program in its place"

# Again: nothing runs, the same bytes.
cp whole/results.json first.json
study small.yaml --out whole --json >json || fail "again: $(cat json)"
cmp -s first.json whole/results.json || fail "other results without a change"

# Killed after a step's commands and before its record: they run again, over what is there.
rm whole/steps/*.json
study small.yaml --out whole >out 2>err || fail "steps without records: $(cat err)"
cmp -s first.json whole/results.json || fail "steps that ran twice: other results"

# A record that can't be read, and one whose step is gone: what is to be done, and that step alone once more.
for f in whole/steps/eval-*.json; do break; done
cp "$f" kept.json && : >"$f"
refused 1 'the record of a step that is done (without it the step runs again)' small.yaml --out whole
cp kept.json "$f" && rm -r "${f%.json}"
study small.yaml --out whole --plan | grep -q '^# 18 steps, 17 done' || fail "a step without its folder is taken for done"
study small.yaml --out whole >out 2>err || fail "a step without its folder: $(cat err)"
cmp -s first.json whole/results.json || fail "a step without its folder: other results"

# What had run before it was declared is said, and kept; a study of its own steps says nothing.
study small.yaml --out whole >out && ! grep -q 'before it was declared' out || fail "declared first: $(cat out)"
grep -q '"steps_done_before": 0' whole/declared.json && grep -q 'before any of its steps had run' whole/report.html || fail "declared first: $(cat whole/declared.json)"
study small.yaml --out after --store whole/steps >out || fail "declared after: $(cat out)"
grep -q '^18 of its 18 steps had run before it was declared$' out || fail "declared after: $(cat out)"
grep -q '18 of its 18 steps had run before it was declared' after/report.html || fail "declared after: not on the page"
cmp -s whole/results.json after/results.json || fail "declared after: other results"

# A run that is done can't go on without its optimizer's state, which is gone; nothing else writes into its folder.
for d in whole/steps/model-*/; do break; done
"$raml" train sft --resume --out "${d%/}" --model init:micro --families add:1 --num_questions 40 --max_steps 3 --batch_size 2 --save_steps 1 --seed "$(sed -n "s/^seed: //p" "$d/recipe.yaml")" >out 2>err && fail "resumed"
grep -q "optimizer.safetensors is not there, and without the optimizer's state a run can't go on" err || fail "no optimizer's state: $(cat err)"
sed 's/^  samples: .*/&\n  more: train sft --model {model} --families add:1 --num_questions 40 --max_steps 6 --resume --seed {seed} --out {model}/
    s/{step: model, file: metrics/{step: more, file: metrics/' small.yaml >into.yaml
refused 2 "another step's; expected {out} or what is in it" into.yaml --plan
refused 2 '--seed 4: a study has several: --seeds N, and --first_seed for others' small.yaml --seed 4

# Killed at spread moments, and run again; two at once.
n=0 killed=0
while [ $n -lt 8 ]; do
    "$raml" study run --quiet --threads 1 small.yaml --out killed >out 2>err &
    pid=$!
    sleep 0.$((1 + n % 4))
    if kill -9 $pid 2>/dev/null; then killed=$((killed + 1)); fi
    wait $pid 2>/dev/null || :
    n=$((n + 1))
done
[ $killed -gt 0 ] || fail "no kill met a running study"
study small.yaml --out killed >one 2>err1 &
pid=$!
study small.yaml --out killed >two 2>err2 || fail "the second of two: $(cat err2)"
wait $pid || fail "the first of two: $(cat err1)"
cmp -s whole/results.json killed/results.json || fail "killed $killed times, other results"
cmp -s whole/values.tsv killed/values.tsv || fail "killed $killed times, other values"

# A request to stop ends it, and the step that runs.
"$raml" study run --quiet --threads 1 small.yaml --out stopped >out 2>err &
pid=$!
while [ ! -d stopped/steps ] && kill -0 $pid; do sleep 0.05; done # its handlers are there
kill -TERM $pid
got=0
wait $pid || got=$?
if [ $got -ne 0 ]; then grep -q 'goes on from there' err || fail "stopped with $got: $(cat err)"; fi
study small.yaml --out stopped >out || fail "after a stop: $(cat out)"
cmp -s whole/results.json stopped/results.json || fail "stopped, other results"

# Another study with the same steps runs none of them again.
sed 's/^name: small/name: other/; s/A new model knows nothing/In other words/' small.yaml >other.yaml
study other.yaml --store whole/steps --plan >plan || fail "a shared store: $(cat plan)"
grep -q '^# 18 steps, 18 done' plan || fail "steps of another study are not shared: $(tail -n 1 plan)"

# refused CODE TEXT ARGUMENTS...
refused 2 'a study is not changed while it runs' other.yaml --out whole
refused 2 'declared with set [], now it is ["length=9"]' small.yaml --out whole --set length=9
study small.yaml --out whole --set length=9 --plan >plan || fail "a plan of another declaration: $(cat plan)"
grep -q '^# a run is refused: .*declared with set ' plan || fail "a plan does not say what a run would: $(tail -n 1 plan)"
study small.yaml --out whole --plan | grep 'refused' && fail "a plan of what is declared: refused"
study small.yaml --out single --seeds 1 --store whole/steps >out || fail "one seed: $(cat out)"
grep -q '^3 claims: .*; 1 seed; declared ' out || fail "one seed: $(tail -n 2 out)"

# Other seeds: the same steps where they are the same, and a declaration of their own.
study small.yaml --out later --seeds 2 --first_seed 2 --store whole/steps --plan >plan || fail "later seeds: $(cat plan)"
grep -q '^# 12 steps, 12 done' plan || fail "later seeds, other steps: $(tail -n 1 plan)"
study small.yaml --out much-later --first_seed 9 --store whole/steps --plan >plan || fail "far seeds: $(cat plan)"
grep -q '^# 18 steps, 0 done; about [1-9][0-9]* s for the rest$' plan || fail "far seeds: their cost is not that of others: $(tail -n 1 plan)"
study small.yaml --out later --seeds 2 --first_seed 2 --store whole/steps >out || fail "later seeds: $(cat out)"
grep -q '^3 claims: .*; 2 seeds from 2 on; declared ' out || fail "later seeds: $(tail -n 2 out)"
awk -F'\t' '$3 != 1' whole/values.tsv | cmp -s - later/values.tsv || fail "later seeds, other values: $(cat later/values.tsv)"
grep -q '2 seeds from 2 on' later/report.html || fail "later seeds: not on the page"

# Beside each other: the same seeds, other seeds, one whose claim was declared otherwise, none in common, no results.
"$raml" study compare whole whole >out || fail "compare: $(cat out)"
grep -q '^loss  *again  *holds, holds ' out && grep -q '^lower  *again  *does not hold, does not hold ' out || fail "compare: $(cat out)"
grep -q ' 3 of 3 estimates agree' out && grep -q ' 3 of seeds that are in both' out || fail "compare: $(cat out)"
sed 's/holds: below 1}/holds: below 2}/; s/^  same:/  other:/' small.yaml >otherwise.yaml
study otherwise.yaml --out otherwise --seeds 1 --first_seed 4 >out 2>err || fail "otherwise: $(cat err)"
"$raml" study compare whole otherwise --out c.tsv >out || fail "compare: $(cat out)"
grep -q '^1 claim in both' out && grep -q ' 1 declared otherwise: lower$' out && grep -q ' 1 in the first alone: same$' out &&
    grep -q ' 1 in the second alone: other$' out && ! grep -q 'seeds that are in both' out || fail "compare: $(cat out)"
[ "$(cut -f 1-3,7 c.tsv | sed -n 2p)" = "loss	undecided now	holds	undecided" ] || fail "compare's table: $(cat c.tsv)"
"$raml" study compare whole later --json >out && grep -q '"shared_seeds":true' out || fail "compare --json: $(cat out)"
mkdir one-of two-of # 2 [1.5, 4] less 1 [0, 3]: 1 - sqrt(0.5^2 + 2^2), 1 + sqrt(2^2 + 1^2)
claim='"id": "x", "of": "a.b", "rule": "above", "by": 0, "interval": "seeds", "unit": "u", "n": 3'
echo "{\"study\": {\"seeds\": 3}, \"claims\": [{$claim, \"verdict\": \"holds\", \"estimate\": 1, \"low\": 0, \"high\": 3}]}" >one-of/results.json
echo "{\"study\": {\"seeds\": 3, \"first_seed\": 4}, \"claims\": [{$claim, \"verdict\": \"does not hold\", \"estimate\": 2, \"low\": 1.5, \"high\": 4}]}" >two-of/results.json
"$raml" study compare one-of two-of --out c.tsv >out || fail "compare by hand: $(cat out)"
[ "$(cut -f 2,11- c.tsv | sed -n 2p)" = "opposite	1	-1.06155281	3.23606798	u" ] || fail "the interval of a difference: $(cat c.tsv)"
! grep -q 'seeds that are in both' out || fail "seeds 1 to 3 and 4 to 6 are taken to meet"
sed 's/"first_seed": 4/"first_seed": 3/' two-of/results.json >tmp.json && mv tmp.json two-of/results.json
"$raml" study compare one-of two-of | grep -q ' 1 of seeds that are in both' || fail "seeds 1 to 3 and 3 to 5 are taken not to meet"
compared() {
    code=$1 text=$2 e=0
    shift 2
    "$raml" study compare "$@" >out 2>err || e=$?
    [ $e -eq "$code" ] && grep -qF -- "$text" err && [ "$(wc -l <err)" -eq 1 ] || fail "compare $*: $e, $(cat err)"
}
compared 2 'found 1 folders, expected two' whole
compared 1 'nowhere/results.json' whole nowhere
mkdir none && echo '{"a": 1}' >none/results.json
compared 1 'none/results.json: expected results of raml study run' whole none
echo '{"study": {}, "claims": [{"id": "x", "verdict": "holds"}]}' >none/results.json
compared 1 'have no claim in common' whole none
sed 's/"verdict": "holds"/"verdict": "maybe"/' whole/results.json >none/results.json
compared 1 "none/results.json: claim loss: field 'verdict' is 'maybe'" whole none
[ ! -e c2.tsv ] && ! "$raml" study compare whole none --out c2.tsv 2>err && [ ! -e c2.tsv ] || fail "a comparison that failed left a table"
refused 2 'declared with first_seed 2, now it is missing' small.yaml --out later --seeds 2 --store whole/steps
refused 2 "--first_seed: found '0', expected an integer from 1" small.yaml --first_seed 0
refused 2 'has no value called' small.yaml --out new --set lenght=9
refused 2 'found 0 files, expected one' --out new
refused 1 'none.yaml' none.yaml --out new
sed 's/--temperature/--temprature/' small.yaml >bad.yaml
refused 2 " (cold 1): raml sample: " bad.yaml --out new
grep -q 'did you mean' err || fail "no name near it: $(cat err)"
sed 's/eval {samples}/evaluate {samples}/' small.yaml >bad.yaml
refused 2 "there is no command 'raml evaluate" bad.yaml --out new
[ ! -e new ] || fail "a refused study made a folder"
sed 's/at: all.accuracy/at: all.acc/' small.yaml >bad.yaml
refused 1 'all.acc.value: no field acc; found fields: ' bad.yaml --out bad --store whole/steps
sed 's/eval {samples}\/s.jsonl --by/eval {samples}\/none.jsonl --by/' small.yaml >bad.yaml
refused 1 'step eval-' bad.yaml --out bad2 --store whole/steps


# A step that fails stops nothing that does not need it; what it fails of is named, and its log.
sed 's/eval {samples}\/s.jsonl --by/eval {samples}\/none.jsonl --by/; s/^name: small/name: broken/' small.yaml >broken.yaml
refused 1 '6 steps failed, and 0 that need them were not run; the first one' broken.yaml --out broken --store whole/steps
grep -q '^loss  *holds ' out && grep -q '^same  *not measured  *the step eval-.* is not done' out ||
    fail "verdicts beside a step that failed: $(cat out)"
grep -q '^3 claims: 1 hold, 1 do not, 0 undecided, 1 not measured' out || fail "the sum beside a step that failed: $(cat out)"
[ "$(grep -c '^raml study: step eval-.*none.jsonl.*\.log)$' err)" -eq 6 ] || fail "failed steps are not named: $(cat err)"
[ ! -e broken/claim_2.tsv ] || fail "a figure of a claim that is not measured"
sed 's/--families add:1 --num_questions 40/--data none.jsonl/; s/^name: small/name: blocked/' small.yaml >blocked.yaml
refused 1 '3 steps failed, and 12 that need them were not run' blocked.yaml --out blocked

# Tables and page of what is there, while nothing is run.
study small.yaml --out part --report >out 2>err || fail "a report of nothing: $(cat err)"
grep -q '^3 claims: 0 hold, 0 do not, 0 undecided, 3 not measured' out || fail "a report of nothing: $(cat out)"
mkdir -p part/steps && cp -R whole/steps/model-* part/steps
study small.yaml --out part --report >out 2>err || fail "a report of a part: $(cat err)"
grep -q '^3 claims: 1 hold, 1 do not, 0 undecided, 1 not measured' out || fail "a report of a part: $(cat out)"
[ "$(find part/steps -name '*.json' | grep -cv model-)" -eq 0 ] || fail "a report ran something"
refused 2 'either --plan or --report' small.yaml --out part --report --plan

# A study of parts: steps that they share run once; each part is the study of its file; tables over all.
mkdir sub && cp small.yaml sub/one.yaml
sed 's/length: 12/length: 14/; s/^name: small/name: long/' small.yaml >sub/long.yaml
printf 'name: all\nabout: both\nparts:\n  one: sub/one.yaml\n  long: sub/long.yaml\n' >all.yaml
study all.yaml --plan >plan || fail "a plan of parts: $(cat plan)"
grep -q '^# 30 steps, 0 done' plan || fail "a plan of parts: $(tail -n 1 plan)" # 18, and 12 whose length differs
grep -q '^# part long' plan || fail "a plan of parts without their names: $(cat plan)"
study all.yaml >out 2>err || fail "a study of parts: $(cat err)"
grep -q '^6 claims: ' out && grep -q '^long, 3 seeds, declared ' out || fail "a study of parts: $(cat out)"
for f in study.yaml declared.json claims.tsv results.json report.html one/study.yaml one/results.json long/claim_1.tsv; do
    [ -s all/$f ] || fail "a study of parts: no $f"
done
[ "$(wc -l <all/claims.tsv)" -eq 7 ] && grep -q '^long	same	' all/claims.tsv || fail "all claims: $(cat all/claims.tsv)"
cmp -s whole/results.json all/one/results.json || fail "a part differs from the study of its file"
# The page: what was declared, by name, hash and seeds, of the whole and of each part; every claim twice, every figure once.
for text in "$(sed -n 's/.*"sha256": "\(.*\)",/\1/p' all/declared.json)" "$(sha256sum <sub/long.yaml | cut -d ' ' -f 1)" \
    ', 3 seeds; SHA-256' '<h3 id="part-long">' 'href="#part-long"' 'href="./long/claims.tsv"' 'A new model knows nothing.'; do
    grep -qF -- "$text" all/report.html || fail "not on the page of parts: $text"
done
[ "$(grep -c '<tr class="claim">' all/report.html)" -eq 12 ] || fail "the page's claims: $(grep -c '<tr class="claim">' all/report.html)"
[ "$(grep -c '<figure class="lab' all/report.html)" -eq 6 ] || fail "the page's figures"
grep -q 'is not done' part/report.html || fail "the page of a part does not say what is not done"
study sub/one.yaml --out all/one --store all/steps >out || fail "a part by itself: $(cat out)"
study all.yaml --parts long >out 2>err || fail "one of the parts: $(cat err)"
grep -q '^3 claims: ' out || fail "one of the parts: $(cat out)"
refused 2 "there is no part 'lon'; did you mean 'long'?" all.yaml --parts lon
refused 2 'small.yaml has no parts' small.yaml --parts one
refused 2 'no part of all.yaml has a value called' all.yaml --set lenght=9
refused 2 'part one: sub/one.yaml has no scales' all.yaml --scale quick
echo '# changed' >>sub/long.yaml
refused 2 'declared with the part long "' all.yaml
refused 2 'declared with the part long "' all.yaml --parts one

# The paper's study is found beside the program, and not elsewhere.
"$raml" study paper --plan --budget quick >plan 2>err || fail "study paper: $(cat err)"
grep -q '^# part descent' plan || fail "study paper: $(head -n 3 plan)"
cp "$raml" alone
if ./alone study paper --plan >plan 2>err; then fail "study paper without its file"; fi
grep -q 'studies/paper.yaml is neither in .*/share/raml nor in ' err || fail "study paper without its file: $(cat err)"

printf 'answer_prefix: "so "\n' >asked.yaml # of studies/real.yaml: how its model is asked
# The studies that come with the program are sound, and the one of docs/study.md.
awk '/^    name: length/ { on = 1 } on && !/^    / { exit } on { print substr($0, 5) }' "$source/docs/study.md" >page.yaml
for f in page.yaml "$source"/studies/*.yaml; do
    study "$f" --plan >plan 2>err || fail "$f: $(cat err)"
done
exit $rc
