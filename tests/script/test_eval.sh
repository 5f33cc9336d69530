#!/bin/sh
# test_eval.sh BINARY SOURCE_DIR BUILD_DIR: graded files to tables, comparisons, sample sizes, lm_eval's files and back.
set -eu
raml=$1
doc=$2/docs/eval.md
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
# refused WORDS ARGUMENTS...: exits with 1 or 2, prints the words, writes nothing to standard output
refused() {
    words=$1
    shift
    if "$raml" eval "$@" >out.txt 2>said.txt; then fail "passes: $*"; fi
    grep -qF -e "$words" said.txt || fail "'$*' said: $(cat said.txt)"
    [ ! -s out.txt ] || fail "'$*' wrote to standard output"
}

# The document's example, as printed there.
awk '/^## An example/ { on = 1 } on && /^    / { sub(/^    /, ""); print; seen = 1; next } on && seen { exit }' "$doc" |
    sed '/^raml /d' >make.sh
sh make.sh
[ "$(wc -l <grades.jsonl)" -ge 2 ] || fail "the document's file: $(cat grades.jsonl)"
awk '/^prints$/ { on = 1; next } on && /^    / { sub(/^    /, ""); print; seen = 1; next }
     on && seen && /^$/ { print; next } on && seen { exit }' "$doc" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' >want.txt
"$raml" eval grades.jsonl --k 2 --metrics pass,gpass,mgpass,maj --tau 0.5,1 >got.txt
diff want.txt got.txt || fail "the document's table differs"

# The same bytes again; maj@k where answers are known.
"$raml" eval grades.jsonl --k 2 --json --out table.json >one.json
"$raml" eval grades.jsonl --k 2 --json >two.json
cmp -s one.json two.json || fail "not the same bytes"
grep -q '"maj@2"' table.json || fail "no maj@2 by default: $(cat table.json)"
grep -q '"truncated":1' one.json || fail "truncated: $(cat one.json)"

# The first n questions, of both files together.
"$raml" eval grades.jsonl grades.jsonl --limit 4 --json >got.txt
grep -q '"all":{"questions":4,' got.txt || fail "--limit: $(cat got.txt)"
grep -q '"questions":1,"samples":4,' got.txt || fail "--limit within the second file: $(cat got.txt)"
"$raml" eval grades.jsonl grades.jsonl --limit 3 --json | grep -q '"all":{"questions":3,' || fail "--limit 3"

# Two files.
printf '%s\n' '{"id": "q1", "correct": [1, 1, 1, 1]}' '{"id": "q2", "correct": [0, 1, 1, 0]}' \
    '{"id": "q4", "correct": [1, 0, 0, 0]}' >other.jsonl
"$raml" eval grades.jsonl --k 2 --compare other.jsonl >got.txt
for words in '2 questions in both' '1 only in grades: q3' '1 only in other: q4' '+25.0'; do
    grep -qF "$words" got.txt || fail "comparison lacks '$words': $(cat got.txt)"
done
! grep -q 'maj@2.*equal' got.txt || fail "maj@2 of a file without answers"
"$raml" eval grades.jsonl --compare other.jsonl --match line --json >got.txt
grep -q '"comparison":{"questions":3' got.txt || fail "--match line: $(cat got.txt)"

# Sample sizes.
"$raml" eval --required_n 0.03 >got.txt
grep -q ' 1068 ' got.txt || fail "plan: $(cat got.txt)"
"$raml" eval grades.jsonl --required_n 0.05 --json | grep -q '"required_n":{' || fail "plan of a file"

# lm_eval's files: named, and read back by their grades.
"$raml" eval grades.jsonl --k 2 --lm_eval lm --task demo --date 2026-01-31T12-30-59 >got.txt
[ -f lm/results_2026-01-31T12-30-59.json ] || fail "no results: $(ls lm)"
grep -q '"pass@2,none"' lm/results_2026-01-31T12-30-59.json || fail "results lack pass@2"
[ "$(wc -l <lm/samples_demo_2026-01-31T12-30-59.jsonl)" -eq 3 ] || fail "samples"
"$raml" eval lm/samples_demo_2026-01-31T12-30-59.jsonl --layout grades --json >again.json
grep -q '"correct":5,' again.json || fail "read again: $(cat again.json)"
grep -q '"right":5,' again.json || fail "the old name of the field: $(cat again.json)"
"$raml" eval lm/samples_demo_2026-01-31T12-30-59.jsonl --layout marks --json >old_word.json
cmp -s again.json old_word.json || fail "--layout marks is --layout grades: $(cat old_word.json)"
grep -q '"truncated":1,' again.json || fail "truncated is lost: $(cat again.json)"

# As what they are, without a word about layout or metric; and not replaced unasked.
"$raml" eval lm/samples_demo_2026-01-31T12-30-59.jsonl --json >again.json || fail "what raml wrote is not read"
grep -q '"correct":5,' again.json && grep -q '"truncated":1,' again.json || fail "read as lm_eval's: $(cat again.json)"
refused "lm/results_2026-01-31T12-30-59.json: exists; --overwrite replaces it" grades.jsonl --lm_eval lm --task demo \
    --date 2026-01-31T12-30-59
printf '%s\n' '{"id":"a","correct":[1,0]}' '{"id":"b","correct":[1,1]}' '{"id":"c","correct":[0,0],"unclosed":[1,0]}' >plain.jsonl
"$raml" eval plain.jsonl --lm_eval lm2 >want.txt
"$raml" eval lm2/samples_*.jsonl >got.txt || fail "what raml wrote is not read"
[ "$(head -2 want.txt)" = "$(head -2 got.txt)" ] || fail "read back: $(cat want.txt got.txt)"

# Refusals.
refused "pass@5 needs 1 to n for k; question 'q1' has n = 4 samples" grades.jsonl --k 5
refused "question 'q1': the file has no answers" other.jsonl --k 2 --metrics maj
refused "--k: found '0'" grades.jsonl --k 0
refused "--k: found '1,'" grades.jsonl --k 1,
refused "--k: 2 is in '2,2' twice" grades.jsonl --k 2,2
refused "threshold '1/0'" grades.jsonl --tau 1/0 --metrics gpass
refused "threshold '1.5'" grades.jsonl --tau 1.5 --metrics gpass
refused "expected pass, gpass, mgpass or maj" grades.jsonl --metrics pass,all
refused "task 'a/b'" grades.jsonl --lm_eval lm --task a/b
refused "no samples; give a FILE.jsonl" --k 1
refused "--samples_out needs --model" grades.jsonl --samples_out x
[ ! -e x ] || fail "a refused run left a file"
echo ok
