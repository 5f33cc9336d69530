#!/bin/sh
# test_attention.sh BINARY SOURCE_DIR BUILD_DIR: raml attention as a person runs it: a run's checkpoints, tables whose groups add
# up, a trajectory whose queries are counted by hand, the report, and one clear error for each bad input.
set -eu

raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
rc=0

fail() {
    echo "FAIL: $*"
    rc=1
}
# refused WHAT TEXT ARGUMENTS...: the command fails, says TEXT in one line, and writes nothing
refused() {
    what=$1 text=$2
    shift 2
    if "$raml" attention --quiet "$@" --out bad >out 2>err; then fail "$what: went through"; fi
    grep -qF -- "$text" err || fail "$what: expected '$text', found: $(cat err)"
    [ "$(wc -l <err)" -eq 1 ] || fail "$what: more than one line: $(cat err)"
    [ ! -e bad ] || fail "$what: left a folder"
}
# In each head the groups but source add up to 1, and so does what is uniform.
adds_up() {
    awk -F '\t' 'NR > 1 && $4 != "source" { sum[$1, $2, $3] += $5; even[$1, $2, $3] += $8; n++ }
        END { for (k in sum) if (!(sum[k] > 0.99999 && sum[k] < 1.00001 && even[k] > 0.99999 && even[k] < 1.00001)) exit 1
            exit n == 0 }' "$1/attention.tsv"
}
# queries FOLDER NAME: how many there are
queries() { awk -F '\t' -v name="$2" '$1 == name { print $9; exit }' "$1/attention.tsv"; }

# One step from left to right; one from right to left; the same step twice after a "wait"; other words; no lines at all.
cat >hand.jsonl <<'END'
{"id":"left","family":"perm","question":"a=25134;b=31254;ab?","answer":"13254","trajectories":[{"text":"a:25134\nb:13 21 32 45 54;21 54 13 32 45;14325","answer":"14325","correct":true}]}
{"id":"right","family":"perm","question":"a=25134;b=31254;ab?","answer":"13254","trajectories":[{"text":"b:31254\na:13 21 32 45 54;23 51 14 32 45;31425","answer":"31425","correct":true}]}
{"id":"again","family":"perm","question":"a=25134;b=31254;ab?","answer":"13254","trajectories":[{"text":"a:25134\nb:13 21 32 45 54;21 54 13 32 45;41325\nwait, no\nb:13 21 32 45 54;21 54 13 32 45;14325","answer":"14325","correct":true}]}
{"id":"words","family":"perm","question":"a=25134;b=31254;ab?","answer":"13254","trajectories":[{"text":"Start with a, it is 25134.\nThen b: 1 goes to 2 then 1, so 14325.","answer":"14325","correct":true}]}
{"id":"plain","question":"1+1?","answer":"2","trajectories":[{"text":"2","answer":"2","correct":true}]}
END
"$raml" attention --model init:micro hand.jsonl --quiet --out hand >out || fail "by hand: went wrong"
adds_up hand || fail "by hand: groups do not add up to 1"
[ "$(queries hand state) $(queries hand operand)" = "20 20" ] || fail "by hand: $(queries hand state) and $(queries hand operand) symbols, expected 20"
[ "$(queries hand line) $(queries hand result)" = "6 6" ] || fail "by hand: $(queries hand line) lines, expected 6"
grep -q '"lookup"' hand/results.json || fail "results.json has no look-ups"
[ -e hand/training.tsv ] && fail "a figure of training of one model"
[ -s hand/heads_state.tsv ] || fail "no map of heads"

# A run's checkpoints, in the order of their steps.
"$raml" train sft --model init:micro --families perm:2 --num_questions 60 --max_steps 12 --batch_size 2 --save_steps 4 --dtype f32 --quiet \
    --threads 2 --out run >/dev/null || fail "training"
"$raml" task make --families perm:2 --n 12 --seed 3 --quiet --out q.jsonl >/dev/null
"$raml" attention --model run q.jsonl --checkpoints --quiet --threads 2 --out run/attention >out || fail "checkpoints"
adds_up run/attention || fail "checkpoints: groups do not add up to 1"
[ "$(awk -F '\t' 'NR > 1 { print $1 }' run/attention/models.tsv | uniq | tr '\n' ' ')" = "4 8 12 " ] || fail "steps: $(cut -f1 run/attention/models.tsv | uniq)"
awk -F '\t' 'NR > 1 && $2 < last { exit 1 } { last = $2 } END { exit !(last > 0) }' run/attention/models.tsv || fail "tokens do not rise"
grep -q "attention to the last state" run/attention/training.tsv || fail "no figure of training"
# The largest of the table of heads is what the table of models has for the last one.
most=$(awk -F '\t' '$1 == "state" && $4 == "source" && $5 > m { m = $5; at = $2 "\t" $3 "\t" $5 } END { print at }' run/attention/attention.tsv)
[ "$most" = "$(awk -F '\t' '$1 == 12 && $3 == "state" && $4 == "source" { print $5 "\t" $6 "\t" $7 }' run/attention/models.tsv)" ] || fail "the largest head: $most"

# The newest alone has the same numbers, whatever the passes and threads.
"$raml" attention --model run q.jsonl --quiet --threads 1 --max_batch_tokens 100 --out one >out || fail "one model"
cmp one/attention.tsv run/attention/attention.tsv || fail "the newest checkpoint by itself has other numbers"
"$raml" attention --model run q.jsonl --quiet --json --overwrite --out one >out || fail "--json"
case $(cat out) in '{'*'"models":[{'*'"step":12'*'"seconds":'*) ;; *) fail "--json: $(cut -c1-200 out)" ;; esac
"$raml" attention --config one/attention.yaml q.jsonl --quiet --out again >/dev/null || fail "attention.yaml can't be read"
cmp one/results.json again/results.json || fail "attention.yaml: other results"

"$raml" report run --quiet >/dev/null
grep -q 'Attention where steps begin' run/report.html || fail "the report has no attention"

# bad input
refused "no file" "attention takes one FILE.jsonl; found 0" --model run
refused "no run" "one holds no checkpoint-N; expected a run's folder" --model one q.jsonl --checkpoints
refused "no model" "--model is missing" q.jsonl --checkpoints
refused "no trajectory" "no trajectory: 5 questions" --model run hand.jsonl --family none
awk 'BEGIN { s = "x"; for (i = 0; i < 14; i++) s = s s; printf "{\"id\":\"long\",\"question\":\"q\",\"answer\":\"1\",\"trajectories\":[{\"text\":\"%s\"}]}\n", s }' >long.jsonl
refused "a trajectory longer than the context" "question 'long' (line 1), trajectory 1: a text of" --model run long.jsonl
exit $rc
