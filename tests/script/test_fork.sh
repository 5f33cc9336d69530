#!/bin/sh
# test_fork.sh BINARY SOURCE_DIR BUILD_DIR: raml fork's files agree with each other, with raml trace and with raml sample;
# the same bytes whatever the batch; faults.
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() {
    echo "FAIL: $*"
    exit 1
}
cd "$tmp"
"$raml" task make --families countdown:3 --n 5 --trajectories 2 --styles reflect,concise --out right.jsonl --quiet >made
# the first trajectories end wrong: there are two answers to lean to, not equal even in value
sed 's/"answer":"[^"]*","correct":true,"style":"reflect"/"answer":"1","correct":false,"style":"reflect"/' right.jsonl >q.jsonl
[ "$(grep -c '"answer":"1"' q.jsonl)" -eq 5 ] || fail "trajectories of raml task make: $(head -n 1 right.jsonl)"
run() {
    "$raml" fork --model init:micro --seed 3 q.jsonl --quiet --max_completion_length 24 "$@" >said || fail "fork $*"
}
# field NAME FILE: the arrays of a field, one number a line, 5 digits
field() {
    tr -d ' ' <"$2" | sed "s/.*\"$1\":\[\([^]]*\)\].*/\1/" | tr ',' '\n' | awk '{ printf "%.5f\n", $1 }'
}

run --out f --places line --num_generations 3 --insert 'wait,|hm' --control 'so|and' --replace 'no' --position_buckets 1
[ "$(grep -c . f/fork.jsonl)" -eq 5 ] || fail "fork.jsonl: $(grep -c . f/fork.jsonl) lines; expected a trajectory of each question"
for file in fork.tsv importance.tsv fork.yaml trajectories.html fork_accuracy.tsv fork_kl.tsv fork_now.tsv fork_carried.tsv \
    importance_1.tsv importance_4.tsv importance_scatter.tsv; do
    [ -s "f/$file" ] || fail "no $file"
done
grep -q 'fork_accuracy.tsv' f/fork_accuracy.gp || fail "no script of a figure"
grep -q '^changes against the unedited trajectory' said || fail "summary: $(cat said)"
grep -q 'times fewer than each fork from its own prompt' said || fail "summary: $(cat said)"

# which critical position parts the places is named; few values have no interval, and are marked with their number
grep -q '^before, after: the resampled critical position; qu.: questions; \*: fewer than 30 values or 5 questions' said ||
    fail "which critical position: $(cat said)"
grep -q 'values   qu\. .* now ' said || fail "no column of now: $(cat said)"
grep -q '^insert .* all  *[0-9]*\*  *[0-9]' said || fail "few values are not marked: $(cat said)"
awk -F '\t' 'NR > 1 && ($6 < 30 || $7 < 5) && ($9 != "nan" || $10 != "nan") { exit 1 }' f/fork.tsv ||
    fail "intervals from few values"
[ "$(head -n 2 f/effects.tsv | cut -f 3-4 | tr '\t\n' '  ')" = 'part critical all - ' ] ||
    fail "effects.tsv: $(cut -f 3-4 f/effects.tsv | sort -u)"
! grep -q 'nan' said || fail "nan is printed: $(cat said)"

# replacing has its controls: control words in the same unit's place
grep -q '^replace no - control' said || fail "no controls of replace: $(cat said)"
awk -F '\t' '$1 == "replace" && $3 == "all" && $4 == "all" && $8 != "nan" { print $5 }' f/fork.tsv >measures
for measure in now carried accuracy_change; do
    grep -qx "$measure - control" measures || fail "replace: no $measure - control"
done

# the loss curve is that of raml trace
"$raml" trace --model init:micro --seed 3 q.jsonl --quiet --max_samples 1 --out t >said
field L f/fork.jsonl >found
field L t/curves.jsonl >wanted
diff wanted found >/dev/null || fail "L differs from raml trace's"

# every fork counts its continuations; a table's row is the mean of the lines
awk '{ n = gsub(/"count":\[/, "&") } !n { exit 1 }' f/fork.jsonl || fail "a line without counts"
tr '{' '\n' <f/fork.jsonl | sed -n 's/.*"count":\[\([0-9,]*\)\].*/\1/p' |
    awk -F, '{ s = 0; for (i = 1; i <= NF; i++) s += $i; if (s != 3) exit 1 }' || fail "a fork without its 3 continuations"
awk -F '\t' 'NR == 1 { if ($0 != "edit\tword\tgroup\tposition\tmeasure\tn\tquestions\tmean\tlow\thigh") exit 1; next }
    NF != 10 || ($9 != "nan" && !($9 <= $8 + 1e-9 && $8 <= $10 + 1e-9)) { exit 1 }' f/fork.tsv || fail "fork.tsv"
for edit in none insert control end delete window replace; do
    cut -f 1 f/fork.tsv | grep -qx "$edit" || fail "no row of $edit"
done
mean=$(awk -F '\t' '$1 == "insert" && $2 == "wait," && $3 == "all" && $4 == "all" && $5 == "carried" { print $8 }' f/fork.tsv)
tr '{' '\n' <f/fork.jsonl | awk '/"edit": *"insert", *"word": *"wait,"/ { sub(/.*"carried": */, ""); sub(/[,}].*/, ""); s += $0; n++ }
    END { printf "%.6f\n", s / n }' >found
awk -v a="$mean" -v b="$(cat found)" 'BEGIN { exit !(a - b < 1e-5 && b - a < 1e-5) }' ||
    fail "insert wait,: carried $mean in the table, $(cat found) in the lines"
# importance: a row for each unit, which are the lines' places without the last
units=$(($(grep -c . f/importance.tsv) - 1))
[ "$units" -eq "$(tr '{' '\n' <f/fork.jsonl | grep -c '"forced_accuracy"')" ] || fail "importance.tsv: $units units"
[ "$(grep -o '<div class="view">' f/trajectories.html | grep -c .)" -eq 5 ] || fail "trajectories on the page"

# in the report: its figures, its tables before and after the critical position, and marks in the trajectory view
mkdir report
cp -r t report/trace
cp -r f report/fork-1
"$raml" report report --quiet --overwrite >said
for text in 'Forks: what a word, a step or the end of thinking causes' 'Importance of units, forced against resampled' \
    '<td class="t">insert</td><td class="t">wait,</td>' 'marks":\[{"at":0,"kind":"fork","name":"insert wait,"'; do
    grep -q "$text" report/report.html || fail "report: no $text"
done
! grep -q 'were skipped' report/report.html || fail "report: $(grep 'were skipped' report/report.html)"

# marks of another trajectory are not shown, and of several folders of a kind each says which
sed -n 1p f/marks.jsonl | grep -q '"n_tokens":[0-9]*,"text_hash":"[0-9a-f]*"' || fail "marks: $(cut -c -200 f/marks.jsonl)"
cp -r f report/fork-2
"$raml" report report --quiet --overwrite >said
for name in 'fork-1: insert wait,' 'fork-2: insert wait,'; do
    grep -q "\"name\":\"$name\"" report/report.html || fail "report: marks without their folder, $name"
done
sed 's/"text_hash":"[0-9a-f]*"/"text_hash":"0123456789abcdef"/' f/marks.jsonl >report/fork-2/marks.jsonl
"$raml" report report --quiet --overwrite >said
grep -q 'marks are of another trajectory: text_hash is 0123456789abcdef; the text of sample 0 of' report/report.html ||
    fail "report: marks of another text are taken"
! grep -q '"name":"fork-2: ' report/report.html || fail "report: marks of another text are shown"
sed 's/"n_tokens":[0-9]*/"n_tokens":7/' f/marks.jsonl >report/fork-2/marks.jsonl
"$raml" report report --quiet --overwrite >said
grep -q 'marks are of another trajectory: n_tokens is 7; sample 0 of .* has [0-9]' report/report.html ||
    fail "report: marks of a shorter trajectory are taken"

# the same bytes, whatever the batch and however often
run --out again --places line --num_generations 3 --insert 'wait,|hm' --control 'so|and' --replace 'no' --position_buckets 1 \
    --batch_size 1 --threads 1
for file in fork.jsonl fork.tsv importance.tsv trajectories.html; do
    cmp -s "f/$file" "again/$file" || fail "another batch: other bytes in $file"
done
"$raml" fork --model init:micro --seed 4 q.jsonl --quiet --max_completion_length 24 --out other --places line --num_generations 3 \
    >said
! cmp -s f/fork.jsonl other/fork.jsonl || fail "--seed changes nothing"

# greedy continuations of the first place are raml sample's
run --out greedy --at 0 --num_generations 1 --temperature 0 --limit 3
"$raml" sample --model init:micro --seed 3 q.jsonl --quiet --limit 3 --num_generations 1 --temperature 0 --dtype stored \
    --max_completion_length 24 --out s.jsonl >said
tr '{' '\n' <greedy/fork.jsonl | awk '/"at": *0, *"put": *null, *"end": *false/ { sub(/.*"tokens": */, ""); sub(/[,}].*/, ""); print $0 + 0 }' >found
sed 's/.*"tokens": *\[\([^]]*\)\].*/\1/' s.jsonl | awk -F, '{ print NF }' >wanted
diff wanted found || fail "greedy continuations from the prompt are not raml sample's"

# a run leaves no figure of an earlier one, whatever its number
for end in tsv gp svg; do echo old >"greedy/importance_9.$end"; done
run --out greedy --overwrite --at 0 --num_generations 0 --no-delete --n_curves 0 --limit 3
for file in fork_accuracy.tsv importance_1.tsv importance_scatter.svg importance_9.tsv importance_9.gp importance_9.svg; do
    [ ! -e "greedy/$file" ] || fail "$file of an earlier run is still there"
done
[ -s greedy/fork_now.tsv ] || fail "no fork_now.tsv"
grep -q '^before, after: the forced critical position' said || fail "which critical position: $(cat said)"
! grep -qw 'nan' said || fail "nan is printed: $(cat said)"

# places
run --out r --places reflection --num_generations 0
grep -q '"text": *"wait"' r/fork.jsonl || fail "reflection: $(cut -c -300 r/fork.jsonl)"
! grep -q '"count"' r/fork.jsonl || fail "--num_generations 0 samples"
run --out e --places entropy --max_places 3 --num_generations 0 --no-delete --no-end
[ "$(tr '{' '\n' <e/fork.jsonl | grep -c '"at": *[0-9]*, *"end": *[0-9]*, *"text"')" -eq 15 ] || fail "entropy: not 3 places each"
id=$(sed -n '2s/.*"id": *"\([^"]*\)".*/\1/p' e/fork.jsonl)
printf '{"id":"%s","sample":0,"at":[0,4]}\n' "$id" >at.jsonl
run --at_file at.jsonl --num_generations 0 --out g
grep -q ' 5 questions, 2 places' said || fail "given places: $(cat said)"
run --json --out j --places line --num_generations 2 --limit 2
for key in '"rows":\[{"edit":"none"' '"importance":{"units":' '"critical_resampled":{"known":' '"prompt_tokens_by_fork":'; do
    tr -d ' ' <said | grep -q "$key" || fail "--json: no $key in $(cut -c -300 said)"
done

# faults: one message, and what was written before is still there
fault() {
    want=$1
    code=$2
    shift 2
    rc=0
    "$raml" fork --model init:micro --quiet --out f --overwrite "$@" >out 2>said || rc=$?
    [ "$rc" -eq "$code" ] || fail "exit code $rc, expected $code: $*"
    grep -qF -- "$want" said || fail "$*: message is '$(cat said)'; expected '$want'"
    [ "$(grep -c . said)" -eq 1 ] || fail "$*: more than one message"
    cmp -s f/fork.jsonl again/fork.jsonl || fail "$*: results were lost"
}
awk 'BEGIN { printf "{\"id\":\"long\",\"question\":\"1+1\",\"answer\":\"2\",\"trajectories\":[{\"text\":\"";
    for (i = 0; i < 9000; i++) printf "x"; print "\"}]}" }' >long.jsonl
printf '%s\n' '{"id":"open","question":"1+1","answer":"","trajectories":[{"text":"x"}]}' >open.jsonl
printf '{"id":"%s","at":[3,99999]}\n' "$id" >outside.jsonl
printf '{"id":"%s","at":3}\n' "$id" >noarray.jsonl
fault "are longer than the model's context" 1 long.jsonl
fault "has no answer to trace" 1 open.jsonl
fault "question '$id' (line 2), trajectory 1: place 99999 is outside it; expected 0 to" 1 q.jsonl --at_file outside.jsonl
fault "place 99998 is outside it; expected 0 to" 1 q.jsonl --at 0,99998
printf '{"id":"%s","at":[1]}\n{"id":"nobody","at":[1]}\n' "$id" >nobody.jsonl
printf '{"id":"%s","sample":1,"at":[1]}\n' "$id" >second.jsonl
printf '{"id":"%s","at":[]}\n' "$id" >empty.jsonl
fault "nobody.jsonl:2: field 'id': found 'nobody'; expected the id of one of the 5 questions" 1 q.jsonl --at_file nobody.jsonl
fault "second.jsonl:1: id '$id': field 'sample': found 1; expected 0 to 0: 1 of its 2 trajectories are forked" 1 q.jsonl \
    --at_file second.jsonl
fault "empty.jsonl:1: id '$id': field 'at': found an empty list; expected places" 1 q.jsonl --at_file empty.jsonl
fault "insert: 'hm' is there twice" 2 q.jsonl --insert 'hm|ah|hm'
fault "control: 'hm' is a word to insert as well; expected other words" 2 q.jsonl --insert hm --control 'so|hm'
fault "control: 'hm' is a word to replace as well; expected other words" 2 q.jsonl --replace hm --control 'so|hm'
fault "noarray.jsonl:1: field 'at'" 1 q.jsonl --at_file noarray.jsonl
fault "--at: found '1,x', expected whole numbers joined by commas" 2 q.jsonl --at 1,x
fault "--at: found '-1', expected whole numbers joined by commas" 2 q.jsonl --at=-1
fault "--places line and given places (--at, --at_file): give one of the two" 2 q.jsonl --at 1 --places line
fault "--places given: expected --at or --at_file as well" 2 q.jsonl --places given
fault "insert: found an empty word in 'a||b'; expected words joined by '|'" 2 q.jsonl --insert 'a||b'
fault "fork takes one FILE.jsonl; found 0" 2
fault "fork takes one FILE.jsonl; found 2" 2 q.jsonl --data long.jsonl
fault "none.jsonl" 1 none.jsonl
sed 's/wait/xait/g' q.jsonl >plain.jsonl
fault "plain.jsonl: no place of the kind 'reflection' in 5 trajectories" 1 plain.jsonl --places reflection --num_generations 0
for arguments in 'plain.jsonl --places reflection --num_generations 0' 'open.jsonl' 'q.jsonl --insert a||b'; do
    "$raml" fork --model init:micro --quiet --out missing $arguments >out 2>said && fail "$arguments passes"
    [ ! -e missing ] || fail "$arguments: a folder is left"
done
"$raml" fork --model no-model --at x q.jsonl >out 2>said && fail "--at x passes"
grep -q -- "--at: found 'x'" said || fail "places are read after the model: $(cat said)"
printf '%s\n' "$(cat q.jsonl)" "$(cat long.jsonl)" >both.jsonl
"$raml" fork --model init:micro both.jsonl --out l --num_generations 0 --skip_long --places line >said 2>messages
grep -q '1 of 6 trajectories were skipped' messages || fail "--skip_long: $(cat messages)"
echo "fork: all checks passed"
