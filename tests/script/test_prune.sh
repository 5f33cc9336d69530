#!/bin/sh
# test_prune.sh BINARY SOURCE_DIR BUILD_DIR: raml prune on a model, trained here in some seconds, that needs one step of three:
# what it keeps, beside random deletion and budgets; losses beside raml trace's; leaking summaries; rows for training; faults.
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() {
    echo "FAIL: $*"
    exit 1
}
cd "$tmp"

# Three lines, of which one is "=d", and the answer is d.
awk 'BEGIN {
    srand(1)
    for (i = 0; i < 3000; i++) {
        d = int(rand() * 10); k = int(rand() * 3); t = ""
        for (j = 0; j < 3; j++) t = t (j ? "\\n" : "") (j == k ? "=" d : (rand() < 0.5 ? "hm" : "so"))
        printf "{\"id\":\"q%d\",\"question\":\"?\",\"answer\":\"%d\",\"trajectories\":[{\"text\":\"%s\"}]}\n", i, d, t
    }
}' >made.jsonl
"$raml" train sft --model init:micro --data made.jsonl --out run --token_budget 80000 --dtype f32 --batch_size 16 --learning_rate 0.003 \
    --lr_scheduler_type constant --quiet >said 2>&1 || fail "training: $(cat said)"
head -40 made.jsonl >q.jsonl
run() { "$raml" prune --model run q.jsonl --quiet "$@" >said 2>err || fail "prune $*: $(cat err)"; }
# cell FOLDER LEVEL VALUE METHOD COLUMN: of prune.tsv
cell() {
    awk -F '\t' -v l="$2" -v v="$3" -v m="$4" -v c="$5" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next }
        $1 == l && $2 == v && $3 == m { print $k }' "$1/prune.tsv"
}
# holds WHAT EXPRESSION: an awk condition on numbers
holds() { awk "BEGIN { exit !($2) }" || fail "$1: $2"; }

# -- what is kept ------------------------------------------------------------------------------------------------------
run --out p --subsets 3 --write slack:0.1
holds "the model answers" "$(cell p whole '' given accuracy) > 0.95 && $(cell p nothing '' given accuracy) < 0.5"
share=$(cell p slack 0.1 greedy share)
holds "one line of three is needed" "$share > 0.2 && $share < 0.45"
holds "with it the answer stays right" "$(cell p slack 0.1 greedy accuracy) > 0.95"
for method in random budget; do
    holds "$method keeps as many tokens" "($(cell p slack 0.1 $method share) - $share) ^ 2 < 0.01"
    holds "$method loses the answer" "$(cell p slack 0.1 $method accuracy) < 0.7 && $(cell p slack 0.1 $method accuracy_less_low) > 0.1"
    holds "$method loses likelihood" "$(cell p slack 0.1 $method loss_less_high) < -0.3"
done
holds "a budget is exact" "($(cell p slack 0.1 budget share) - $share) ^ 2 < 1e-12"
best=$(cell p slack 0.1 best share)
holds "no set under the bound is smaller than the best" "$best <= $share + 1e-9 && $best > 0.2"
holds "the gap is that" "($(cell p slack 0.1 best share_less) - ($share - $best)) ^ 2 < 1e-9"
unchanged() { awk -F '\t' -v m="$1" -v c="$2" '$1 == "slack" && $2 == m { print $c }' p/unchanged.tsv; }
holds "kept share at unchanged accuracy" "$(unchanged greedy 4) < 0.45 && $(unchanged random 4) > 0.7 && $(unchanged budget 4) > 0.7"
holds "its difference" "$(unchanged random 7) < 0 && $(unchanged random 9) < 0"
grep -q '^kept share at unchanged accuracy' said && grep -q '^40 trajectories of 40 questions, 120 steps$' said || fail "printed: $(cat said)"
grep -q 'p/pruned.jsonl: 40 trajectories in 40 lines$' said || fail "rows are not counted: $(cat said)"
for f in prune_accuracy prune_loss; do
    [ -s "p/$f.tsv" ] && [ -s "p/$f.gp" ] || fail "no $f"
    ! command -v gnuplot >/dev/null || [ -s "p/$f.svg" ] || fail "no $f.svg"
done
[ -s p/prune.yaml ] || fail "no recipe"
awk -F '\t' 'NR == 1 { n = NF } NF != n { bad = 1 } END { exit bad || n != 32 || NR < 60 }' p/prune.tsv || fail "prune.tsv is no table"
[ ! -e p/leak.tsv ] || fail "leak.tsv without summaries"

# -- rows for training: the lines with the answer, nothing else ---------------------------------------------------------
sed 's/.*"text":"\([^"]*\)".*/\1/; s/\\n$//' p/pruned.jsonl | grep -c '^=[0-9]$' >found
[ "$(cat found)" -ge 38 ] || fail "$(cat found) of 40 pruned trajectories are the line with the answer"
"$raml" data check p/pruned.jsonl >said 2>&1 || fail "data check: $(cat said)"
grep -q 'questions  *40, 40 with an answer' said || fail "data check: $(cat said)"
"$raml" train sft --model init:micro --data p/pruned.jsonl --out again --max_steps 1 --token_budget 0 --num_train_epochs 1 \
    --quiet >said 2>&1 || fail "training on pruned rows: $(cat said)"
run --out strict --share '' --epsilon 3 --write epsilon:3 # some keep nothing
grep -q 'strict/pruned.jsonl: [0-9]* trajectories in [0-9]* lines; [0-9]* left out, as they are not answered right$' said || fail "wrong rows: $(tail -2 said)"
[ -s strict/pruned.jsonl ] && ! grep -q '"correct":false' strict/pruned.jsonl || fail "rows that are answered wrong are written"
run --out strict --share '' --epsilon 3 --write epsilon:3 --write_wrong --overwrite
grep -q 'strict/pruned.jsonl: 40 trajectories in 40 lines$' said && grep -q '"correct":false' strict/pruned.jsonl || fail "--write_wrong: $(tail -2 said)"
run --out ratio --limit 5 --ratio_text ' [keep {}]' --share ''
[ "$(grep -c '"question":"? \[keep 0\.[0-9]\]"' ratio/pruned.jsonl)" -eq 5 ] || fail "--ratio_text: $(cat ratio/pruned.jsonl)"
run --out none --limit 5 --write none --share ''
[ ! -e none/pruned.jsonl ] && [ ! -e none/prune_loss.tsv ] || fail "--write none, --share '': files"
# The page's example, with this model, which answers none of its questions, and few of them.
sed -n '/^## Pruned trajectories as training rows/,/^## Files/p' "$2/docs/prune.md" | sed -n 's/^    raml /"$raml" /p' |
    sed 's,demo/with,run,; s/--num_questions 200/--num_questions 4/; /" sample/s/$/ --max_completion_length 20/
        /" prune/s/$/ --keep_wrong --write_wrong/; /" train/s/$/ --max_steps 1/' >printed
[ "$(grep -c . printed)" -eq 4 ] || fail "docs/prune.md prints other lines: $(cat printed)"
while read -r line; do
    case $line in *' train sft '*) sed -i 's/"correct":false/"correct":true/g' prune-train/pruned.jsonl ;; esac # not trained on
    eval "$line" >said 2>&1 </dev/null || fail "docs/prune.md: $line: $(cat said)"
done <printed
[ -d run-pruned/checkpoint-1 ] || fail "docs/prune.md: nothing was trained: $(ls run-pruned)"

# -- losses are those of raml trace, to the last digit ------------------------------------------------------------------
# numbers FIELD FILE: the arrays of a field, one number a line
numbers() { sed "s/.*\"$1\":\[\([^]]*\)\].*/\1/" "$2" | tr ',' '\n'; }
"$raml" trace --model run q.jsonl --borders line --quiet --out traced >said
numbers L p/prune.jsonl >found
numbers L traced/curves.jsonl >wanted
cmp -s found wanted || fail "L at the borders differs from raml trace's"
"$raml" trace --model run p/pruned.jsonl --quiet --overwrite --out traced >said
sed 's/.*"level":"slack","value":0.1,"method":"greedy"[^}]*"loss":\([^,]*\),.*/\1/' p/prune.jsonl >found
sed 's/.*"L":\[\([^]]*\)\].*/\1/; s/.*,//' traced/curves.jsonl >wanted
cmp -s found wanted || fail "the loss after a pruned trajectory differs from raml trace's"

# -- the same bytes again, however it is batched ------------------------------------------------------------------------
run --out other --subsets 3 --write slack:0.1 --batch_size 3 --threads 1
cmp -s p/prune.jsonl other/prune.jsonl || fail "--batch_size: other bytes"
cmp -s p/prune.tsv other/prune.tsv || fail "--batch_size: other means"
run --out seed --subsets 3 --write slack:0.1 --seed 7
! cmp -s p/prune.jsonl seed/prune.jsonl || fail "--seed: the same random deletions"
run --out small --max_batch_tokens 20
sed 's/.*"rounds"//' p/prune.jsonl | grep -o '"removed":[0-9]*' >wanted
sed 's/.*"rounds"//' small/prune.jsonl | grep -o '"removed":[0-9]*' >found
cmp -s wanted found || fail "--max_batch_tokens: other steps are removed"

# -- steps -----------------------------------------------------------------------------------------------------------------
run --out tokens --limit 3 --steps token --stride 2 --max_steps 0 --share '' --slack '' --epsilon '' --bound 0.5 --write none
[ "$(grep -c '"at":\[0,2,4,6,8\]' tokens/prune.jsonl)" -eq 3 ] || fail "--steps token: $(cut -c -300 tokens/prune.jsonl)"
grep -q '^bound	0.5	greedy	3	3	' tokens/prune.tsv || fail "--bound: $(cat tokens/prune.tsv)"
run --out joined --limit 3 --steps token --stride 1 --max_steps 4 --share '' --write none
grep -q '(of 3 trajectories neighbours were joined)' said || fail "--max_steps: $(cat said)"
[ "$(numbers delta joined/prune.jsonl | grep -c .)" -eq 12 ] || fail "--max_steps: not 4 steps each"
run --out unasked --limit 3 --n 0 --write none
! grep -q 'accuracy' said && ! grep -q '"right"' unasked/prune.jsonl || fail "--n 0: answers"
run --out sampled --limit 3 --n 3 --temperature 1 --share ''
grep -q '"right":0.333333333\|"right":0.666666667' sampled/prune.jsonl || fail "--n 3: no share of answers"
run --json --out json --limit 3 --share ''
grep -q '"unchanged_by_slack":{"greedy":{"questions":3,"mean":' said || fail "--json: $(cut -c -300 said)"

# -- summaries: one that holds the answer leaks, one that does not does not ------------------------------------------------
sed 's/.*"id":"\([^"]*\)".*"answer":"\([^"]*\)".*/{"id":"\1","summary":"=\2","text":"hm\\nso"}/' q.jsonl >s.jsonl
run --out leak --summaries s.jsonl --share '' --write summary
grep -q '^  they leak: .*; 40 of 40 hold the answer.s text$' said || fail "a summary with the answer: $(cat said)"
holds "after it the answer is right" "$(cell leak summary '' given accuracy) > 0.95"
holds "others' summaries mislead" "$(awk -F '\t' '$1 == "others - own" { print $6 }' leak/leak.tsv) > 1"
[ "$(grep -c '"leak":{"line":[0-9]*,"states_answer":true,"nothing":[0-9.]*,"own":[0-9.e-]*,"without":[0-9.]*,"others":\[[^]]*,' leak/prune.jsonl)" -eq 40 ] ||
    fail "records lack the leak test"
[ "$(grep -c '"text":"=[0-9]"' leak/pruned.jsonl)" -eq 40 ] || fail "--write summary: $(head -c 300 leak/pruned.jsonl)"
run --out leak --overwrite --summaries s.jsonl --summary_field text --share '' --write none
grep -q '^  no leak is seen: .*; 0 of 40 hold the answer.s text$' said || fail "a summary without the answer: $(cat said)"
[ ! -e leak/pruned.jsonl ] || fail "an earlier run's pruned.jsonl stays"
grep -q 'is not decided' said && fail "no summary states the answer, and something is left open: $(cat said)"
# all of them tell of the answer, one states it: what its sentence alone does is in the interval, and so is nothing
sed 's/.*"id":"\([^"]*\)".*"answer":"\([^"]*\)".*/{"id":"\1","summary":"=\2hm"}/; $s/hm"/"/' q.jsonl >glued.jsonl
run --out leak --overwrite --summaries glued.jsonl --share '' --write none
grep -q '^  they tell of their answers; whether .* is not decided; 1 of 40 hold' said || fail "one summary of 40 states its answer: $(cat said)"
sed 's/.*"id":"\([^"]*\)".*"text":"\([^"]*\)".*/{"id":"\1","summary":"\2"}/; s/=/= /' q.jsonl >stated.jsonl
run --out leak --overwrite --summaries stated.jsonl --share '' --write none --json
grep -q '"states_answer":40,' said || fail "the whole trajectory as a summary: $(cat said)"
head -30 s.jsonl >some.jsonl
echo '{"id":"stranger","summary":"so"}' >>some.jsonl
run --out some --summaries some.jsonl --share '' --write none
grep -q '^  10 trajectories have no summary$' said && grep -q '^  1 summary is of no question$' said || fail "summaries that lack: $(cat said)"
"$raml" prune --model run q.jsonl --summaries some.jsonl --share '' --n 0 --write none --out some --overwrite >said 2>err || fail "some: $(cat err)"
grep -qF "some.jsonl: 1 of 31 ids is of no question; the first is 'stranger' (line 31)" err || fail "a summary of no question is not named: $(cat err)"

# -- a section of the report ------------------------------------------------------------------------------------------------
mkdir page
cp -r p page/prune
cp leak/leak.tsv page/prune
"$raml" report page --quiet >said 2>&1 || fail "report: $(cat said)"
for what in '<h2>How much of its trajectory an answer needs</h2>' 'prune/prune.tsv' 'prune/unchanged.tsv' 'prune/leak.tsv' \
    '<td class="t">0.1</td><td class="t">budget</td><td>40</td>' '<td class="t">slack</td><td class="t">random</td><td>40</td>'; do
    grep -qF "$what" page/report.html || fail "the report lacks '$what'"
done
[ "$(grep -c '<h3>prune</h3>' page/report.html)" -eq 1 ] || fail "the report has $(grep -c '<h3>prune</h3>' page/report.html) sections of one folder"

# -- one, many, and lines that hold several trajectories ------------------------------------------------------------------
run --out one --limit 1 --share '' --n 1
grep -q '^1 trajectory of 1 question, 3 steps$' said && grep -q 'one/pruned.jsonl: 1 trajectory in 1 line$' said || fail "one: $(tail -5 said)"
sed 's/"trajectories":\[\(.*\)\]}/"trajectories":[\1,\1]}/' q.jsonl | head -5 >pairs.jsonl
"$raml" prune --model run pairs.jsonl --quiet --share '' --out pairs >said 2>err || fail "pairs: $(cat err)"
grep -q 'pairs/pruned.jsonl: 10 trajectories in 5 lines$' said || fail "pairs: $(tail -5 said)"

# -- which trajectories ----------------------------------------------------------------------------------------------------
sed 's/"text":"\([^"]*\)"}/"text":"\1","answer":"0","correct":false},{"text":"\1","correct":true},{"text":""}/' q.jsonl | head -5 >graded.jsonl
"$raml" prune --model run graded.jsonl --quiet --share '' --out graded >said 2>err || fail "graded: $(cat err)"
grep -q '^5 trajectories of 5 questions, 15 steps; 5 wrong ones left out; 5 skipped$' said || fail "graded: $(cat said)"
"$raml" prune --model run graded.jsonl --quiet --share '' --out graded --overwrite --keep_wrong --max_samples 1 >said 2>err || fail "graded: $(cat err)"
grep -q '^5 trajectories of 5 questions, 15 steps$' said || fail "--keep_wrong: $(cat said)"

# -- faults: one message, and what was written before is still there -------------------------------------------------------
fault() {
    code=$1 want=$2
    shift 2
    rc=0
    "$raml" prune --model run --quiet --out p --overwrite "$@" >out 2>said || rc=$?
    [ "$rc" -eq "$code" ] || fail "$*: exit code $rc, expected $code: $(cat said)"
    grep -qF -- "$want" said || fail "$*: message is '$(cat said)'; expected '$want'"
    [ "$(grep -c . said)" -eq 1 ] || fail "$*: more than one message"
    cmp -s p/prune.jsonl other/prune.jsonl || fail "$*: results were lost"
}
awk 'BEGIN { printf "{\"id\":\"q0\",\"summary\":\"fine\"}\n\n{\"id\":\"q1\",\"summary\":\"";
    for (i = 0; i < 9000; i++) printf "x"; print "\"}" }' >long.jsonl
fault 1 "long.jsonl:3: the summary in its trajectory's place: prompt (" q.jsonl --summaries long.jsonl
echo '{"id":"q0","summary":""}' >empty.jsonl
fault 1 "empty.jsonl:1: field 'summary' is empty; expected a text" q.jsonl --summaries empty.jsonl
fault 1 "field 'gist' is missing" q.jsonl --summaries s.jsonl --summary_field gist
cat s.jsonl s.jsonl >twice.jsonl
fault 1 "twice.jsonl:41: id 'q0' has a summary in line 1 already" q.jsonl --summaries twice.jsonl
echo '{"id":"stranger","summary":"so"}' >strangers.jsonl
fault 1 "none of its 1 ids is of a question; the first is 'stranger' (line 1)" q.jsonl --summaries strangers.jsonl
fault 1 "nowhere.jsonl" q.jsonl --summaries nowhere.jsonl
sed 's/"text":"[^"]*"/"text":"","correct":false/' q.jsonl >wrong.jsonl
fault 1 "no trajectory to prune: 40 questions, 0 trajectories selected, 40 left out as wrong" wrong.jsonl
awk 'BEGIN { printf "{\"id\":\"long\",\"question\":\"1+1\",\"answer\":\"2\",\"trajectories\":[{\"text\":\"";
    for (i = 0; i < 9000; i++) printf "x"; print "\"}]}" }' >longer.jsonl
fault 1 "longer than the model's context" longer.jsonl
fault 2 "--slack is '0,x'; expected numbers joined by commas" q.jsonl --slack 0,x
fault 2 "share 1.5; expected more than 0 and less than 1" q.jsonl --share 1.5
fault 2 "slack 0.1 is given twice" q.jsonl --slack 0.1,0.1
fault 2 "--write is 'slack'; expected slack:NUMBER" q.jsonl --write slack
fault 2 "the summary is to be written, but there is no file of summaries" q.jsonl --write summary
fault 2 "no answer is generated" q.jsonl --n 0
fault 2 "expected {} where the ratio is put" q.jsonl --ratio_text 'keep'
fault 2 "answers at temperature 0 are all the same" q.jsonl --n 4
fault 2 "prune takes one FILE.jsonl; found 0"
fault 1 "absent.jsonl" absent.jsonl

# -- stopped in the middle: what is complete is kept -----------------------------------------------------------------------
stopped=
for delay in 1 2 4 8; do
    rm -rf stopped
    timeout -s INT "$delay" "$raml" prune --model run made.jsonl --quiet --threads 1 --out stopped >said 2>err && break
    [ -f stopped/prune.yaml ] || continue # before the first trajectories
    stopped=yes
    break
done
if [ -z "$stopped" ]; then
    echo "SKIPPED: no run could be stopped in its middle: what it leaves is not tested by this script"
else
    n=$(grep -c . stopped/prune.jsonl)
    [ "$n" -gt 0 ] && [ "$n" -lt 3000 ] && [ $((n % 16)) -eq 0 ] || fail "stopped: $n trajectories"
    [ "$(head -1 stopped/prune.yaml)" = "# stopped: $n of 3000 trajectories were pruned" ] || fail "stopped: $(head -1 stopped/prune.yaml)"
    grep -q "stopped; $n trajectories are in stopped" err || fail "stopped: $(cat err)"
    [ -s stopped/prune.tsv ] && [ -s stopped/pruned.jsonl ] || fail "stopped: files are missing"
    # what a run that was not stopped has left stays
    cp -r p kept
    rc=0
    timeout -s INT "$delay" "$raml" prune --model run made.jsonl --quiet --threads 1 --out kept --overwrite >said 2>err || rc=$?
    [ "$rc" -ne 0 ] || fail "stopped over results: not stopped"
    diff -r p kept >said || fail "stopped over results: they were changed: $(cat said err)"
    grep -q "stopped; the results that were in kept are left as they were" err || fail "stopped over results: $(cat err)"
fi
echo "prune: all checks passed"
