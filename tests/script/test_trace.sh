#!/bin/sh
# test_trace.sh BINARY SOURCE_DIR BUILD_DIR: raml trace as a person runs it: several answers and controls in one run, two
# readers and their difference, its tables, and one clear error for each bad input.
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
trace() { "$raml" trace --model init:micro --quiet --threads 1 "$@"; }
# refused WHAT TEXT COMMAND...: the command fails, says TEXT in one line, and writes nothing
refused() {
    what=$1 text=$2
    shift 2
    rm -rf bad
    if "$@" --out bad >out 2>err; then fail "$what: went through"; fi
    grep -qF -- "$text" err || fail "$what: expected '$text', found: $(cat err)"
    [ "$(wc -l <err)" -eq 1 ] || fail "$what: more than one line: $(cat err)"
    [ ! -e bad/curves.jsonl ] || fail "$what: left curves.jsonl"
}

cat >samples.jsonl <<'END'
{"id":"a","question":"1+1?","answer":"2","trajectories":[{"text":"1+1 is 2","answer":"2","correct":true},{"text":"wait. it is 3","answer":"3","correct":false}]}
{"id":"b","question":"2+2?","answer":"4","trajectories":[{"text":"2 and 2\nmake 4","answer":"4","correct":true},{"text":"","answer":"5","correct":false}]}
END

trace samples.jsonl --answers gold,own,majority,wrong --layers all --control shuffle,foreign,filler --out all >out
for table in groups.tsv mean_curve.tsv modes_tokens.tsv modes_position.tsv wrong_answer.tsv commitment.tsv layers.tsv control.tsv; do
    [ -s "all/$table" ] || fail "all/$table is missing"
done
for word in 'other answer' 'own | wrong' 'shuffle | right' 'layer 4' 'thinking' 'nothinking'; do
    grep -qF "$word" out || fail "the printed tables lack '$word'"
done
# as many fields in every line as in the first
awk -F '\t' 'NR == 1 { n = NF } NF != n { bad = 1 } END { exit bad || n != 9 || NR < 50 }' all/groups.tsv ||
    fail "all/groups.tsv is no table of 9 columns"

# one answer alone gives the same curve, byte for byte
trace samples.jsonl --out one >/dev/null
for folder in all one; do
    sed 's/,"descent":.*//' "$folder/curves.jsonl" >"$folder.L"
done
cmp -s all.L one.L || fail "several answers change the first one's L"

# the old option, and the new one
trace samples.jsonl --answer own --out own >/dev/null
trace samples.jsonl --answers own --out own2 >/dev/null
cmp -s own/curves.jsonl own2/curves.jsonl || fail "--answer own and --answers own differ"

# two readers: the same model twice differs by nothing
trace samples.jsonl --reader init:micro --out two >out
grep -q '"reader":"init:micro"' two/reader/curves.jsonl || fail "the reader is not in its records"
! grep -q '"reader"' two/curves.jsonl || fail "a reader in the model's own records"
grep -qF 'reader less model' out || fail "the difference is not printed"
awk -F '\t' 'NR > 1 && $7 != 0 { bad = 1 } END { exit bad || NR < 20 }' two/reader.tsv ||
    fail "a model differs from itself"
"$raml" trace --reader init:micro --quiet --threads 1 samples.jsonl --out alone >/dev/null
grep -q '"reader":"init:micro"' alone/curves.jsonl || fail "a reader without a model is not in its records"

# answers that begin one another: one message that names them and what helps, and their number
cat >nested.jsonl <<'END'
{"id":"n","question":"9^3?","answer":"729","trajectories":[{"text":"9*81","answer":"72","correct":false},{"text":"729","answer":"729","correct":true}]}
END
"$raml" trace --model init:micro --threads 1 nested.jsonl --answers gold,own --json --out nested >out 2>err
[ "$(grep -c -- "--score_end" err)" -eq 1 ] && grep -qF "question 'n' (line 1), trajectory 1: '72' begins '729'" err ||
    fail "answers that begin one another are not named: $(cat err)"
grep -q '"nested_answers":1,' out || fail "answers that begin one another are not counted"
"$raml" trace --model init:micro --threads 1 nested.jsonl --answers gold,own --score_end --overwrite --out nested >out 2>err
! grep -q -- "--score_end" err || fail "with the end, answers are said to begin one another"

# files of an earlier run that this one does not write do not stay; others do
cp -r all earlier
echo mine >earlier/notes.txt
echo mine >earlier/curve_x.svg
cp -r earlier before
[ "$(trace samples.jsonl --n_curves 1 --out earlier 2>&1)" = "raml trace: earlier: holds a result already (trace.yaml); --overwrite replaces it" ] ||
    fail "an earlier trace is not kept"
diff -r earlier before || fail "an earlier trace is changed"
trace samples.jsonl --no-token_table --n_curves 1 --overwrite --out earlier >/dev/null
[ ! -e earlier.tmp ] || fail "earlier.tmp is left"
for name in control.tsv layers.tsv layers.svg wrong_answer.gp commitment.tsv tokens.jsonl curve_2.tsv curve_4.svg; do
    [ ! -e "earlier/$name" ] || fail "earlier/$name is of an earlier run"
done
for name in curves.jsonl groups.tsv mean_curve.tsv curve_1.tsv trajectories.html notes.txt curve_x.svg; do
    [ -e "earlier/$name" ] || fail "earlier/$name is gone"
done
mkdir mine
echo mine >mine/control.tsv # a folder without a trace: its files are not an earlier run's, whatever their names
trace samples.jsonl --no-token_table --n_curves 1 --out mine >/dev/null
[ "$(cat mine/control.tsv)" = mine ] || fail "mine/control.tsv is gone"
grep -q '^# stopped' earlier/trace.yaml && fail "a run that went through says it was stopped"

# a run that is stopped says so, and its recipe can still be read
awk 'BEGIN { for (i = 0; i < 4000; i++) printf "{\"id\":\"q%d\",\"question\":\"1+%d?\",\"answer\":\"2\",\"trajectories\":[{\"text\":\"one and one and %d\"}]}\n", i, i, i }' >many.jsonl
stopped=
for delay in 1 2 4 8; do
    rm -rf stop
    timeout -s INT "$delay" "$raml" trace --model init:micro --quiet --threads 1 many.jsonl --out stop >out 2>err && break
    [ -f stop/trace.yaml ] || continue # before the first curve
    stopped=yes
    break
done
if [ -z "$stopped" ]; then
    echo "SKIPPED: no run could be stopped in its middle: what it says is not tested by this script"
else
    n=$(wc -l <stop/curves.jsonl)
    [ "$(head -1 stop/trace.yaml)" = "# stopped: $n of 4000 trajectories were traced" ] ||
        fail "a stopped run's recipe begins with: $(head -1 stop/trace.yaml)"
    trace --config stop/trace.yaml samples.jsonl --out again >/dev/null || fail "a stopped run's recipe can't be read"
fi

# modes are any texts: none moves the terminal's cursor, or looks like the row of all
printf '{"id":"m","question":"1+1?","answer":"2","trajectories":[{"text":"1","mode":"a\\u001b[2J\\nb"},{"text":"2","mode":"all"}]}\n' >modes.jsonl
trace modes.jsonl --out modes >out
! grep -q "$(printf '\033')" out || fail "a mode's control characters are printed"
grep -q '^a \[2J b ' out && grep -q '^mode all ' out && grep -q '^all ' out || fail "modes in the table: $(cat out)"

# ids of answers that are of no question are counted even where nothing is said
echo '{"id":"nobody","answers":["7"]}' >nobody.jsonl
trace samples.jsonl --json --answers_file nobody.jsonl --out nobody | grep -q '"unused_answer_ids":1,' ||
    fail "unused ids of answers are not counted"

# what is printed as JSON
trace samples.jsonl --json --answers gold,own --out j >out
case $(cat out) in
'{"out":"j"'*'"groups":[{"by":"all","group":"all","curve":"gold","measure":"tokens"'*'}') ;;
*) fail "--json: $(head -c 300 out)" ;;
esac

# bad input
awk 'BEGIN { s = "x"; for (i = 0; i < 14; i++) s = s s; printf "{\"id\":\"long\",\"question\":\"q\",\"answer\":\"1\",\"trajectories\":[{\"text\":\"%s\"}]}\n", s }' >long.jsonl
refused "a trajectory longer than the context" "question 'long' (line 1), trajectory 1: prompt (3 tokens), trajectory (16384)" \
    trace long.jsonl
echo '{"id":"e","question":"q","answer":"  ","trajectories":[{"text":"t"}]}' >empty.jsonl
refused "an answer that encodes to nothing" "question 'e' (line 1), trajectory 1 has no answer to trace" trace empty.jsonl
echo '{"id":"a","answers":[""]}' >given.jsonl
refused "a given answer that encodes to nothing" "given.jsonl:1: answers[0] is empty; expected a text" \
    trace samples.jsonl --answers_file given.jsonl
refused "an unknown answer" "answers: found 'best'" trace samples.jsonl --answers best
refused "both options" "--answer own and --answers exclude each other" trace samples.jsonl --answer own --answers gold
refused "unknown borders" "--borders: found 'word', expected one of token, line, sentence, paragraph, reflection" trace samples.jsonl --borders word
refused "a layer that is not there" "layers: found '9'" trace samples.jsonl --layers 9
refused "an unknown control" "controls: found 'noise'" trace samples.jsonl --control noise
refused "a filler without a control" "--filler and --control_cuts need --control" trace samples.jsonl --filler x
refused "cuts without a control" "--filler and --control_cuts need --control" trace samples.jsonl --control_cuts 4
refused "an empty filler" "filler '' encodes to nothing" trace samples.jsonl --control filler --filler ""
: >nothing.jsonl
refused "an empty file of answers" "nothing.jsonl: there is no answer in it" trace samples.jsonl --answers_file nothing.jsonl
refused "a tokenizer without a reader" "--reader_tokenizer needs --reader" trace samples.jsonl --reader_tokenizer x

# two models: what is wrong with the second is said before the first has read anything
refused "the model's layers, with a reader" "layers: found '20'; expected all, or rising numbers from 0 (the embedding) to 4" \
    trace samples.jsonl --reader init:qwen2.5-0.5b --layers 20
[ ! -e bad/reader/curves.jsonl ] || fail "the reader had read before the model's layers were looked at"

# a reader without a tokenizer is named with the option that gives one
bare=$2/../shared/golden/qwen3
if [ -f "$bare/config.json" ] && [ ! -f "$bare/tokenizer.json" ]; then
    refused "a reader without a tokenizer" "reader $bare: its tokenizer (--reader_tokenizer gives another)" \
        trace samples.jsonl --reader "$bare"
else
    echo "SKIPPED: $bare is no model without a tokenizer: such a reader is not tested by this script"
fi

# a reader that does not have the tokenizer's ids
wide=$2/../shared/data/tokenizer/qwen3/tokenizer.json
if [ -f "$wide" ]; then
    refused "a reader's wrong vocabulary" "reader init:micro: its vocabulary has 512 tokens, and the tokenizer's ids go up to" \
        trace samples.jsonl --reader init:micro --reader_tokenizer "$wide" --prompt_format plain
    refused "a reader's wrong vocabulary, without a format" "reader init:micro: its vocabulary has 512 tokens" \
        trace samples.jsonl --reader init:micro --reader_tokenizer "$wide"
else
    echo "SKIPPED: $wide is not there: a reader's wrong vocabulary is not tested by this script"
fi
exit $rc
