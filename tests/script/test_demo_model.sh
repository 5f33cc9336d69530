#!/bin/sh
# test_demo_model.sh BINARY SOURCE_DIR BUILD_DIR: raml demo --model: the steps, the questions, what a stopped one leaves, and the same
# bytes after --resume; what is refused.
set -eu
raml=$1
tmp=$(mktemp -d)
pid=
trap 'if [ "$pid" ]; then kill -s KILL -- "-$pid" 2>/dev/null || :; fi; rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
printf '%s\n' '{"question": "What is 1+2?", "answer": "3"}' '{"question": "no answer", "answer": ""}' \
    '{"question": "What is 2+2?", "answer": "4"}' '{"question": "What is 3+2?", "answer": "5"}' >"two words.jsonl"
demo() {
    "$raml" demo --model init:micro --questions "two words.jsonl" --limit 3 --num_generations 2 --max_completion_length 16 \
        --instruction ' Be brief; "now".' --threads 1 "$@"
}
demo --out whole >said 2>&1 || fail "$(cat said)"
[ "$(grep -c '^\$ raml ' said)" -eq 5 ] || fail "not five commands: $(cat said)"
for i in 1 2 3 4 5; do grep -q "^$i of 5: " said || fail "no step $i: $(cat said)"; done
[ "$(wc -l <whole/questions.jsonl)" -eq 14 ] || fail "twelve and two questions: $(cat whole/questions.jsonl)"
grep -q 'two words.jsonl  *2  *4 ' said || fail "no line of the file: $(cat said)"
grep -qF -- "--instruction ' Be brief; \"now\".'" said || fail "an instruction as a shell reads it: $(cat said)"
[ "$(wc -l <whole/trace/curves.jsonl)" -eq 28 ] || fail "curves"
[ -s whole/fork/fork.jsonl ] && [ -s whole/report.html ] && [ -s whole/eval.json ] || fail "$(ls whole)"
grep -q '"fork"' whole/summary.json || fail "no phase of forks: $(cat whole/summary.json)"

# The printed commands are those of a person.
sed -n 's/^\$ //p' said | head -n 1 | sed 's,whole/samples,again,; s,whole/,whole/,g' >command
mkdir bin
ln -s "$raml" bin/raml
PATH=$PWD/bin:$PATH sh command >/dev/null 2>&1 || fail "$(cat command)"
cmp whole/samples.jsonl again.jsonl || fail "the command that was printed gives other samples"

# Stopped while it samples, killed after it, resumed: the same.
setsid "$raml" demo --model init:micro --questions "two words.jsonl" --limit 3 --num_generations 2 --max_completion_length 16 \
    --instruction ' Be brief; "now".' --threads 1 --out part >said 2>&1 &
pid=$!
n=0
until grep -q '^\$ raml sample' said; do
    n=$((n + 1))
    [ $n -lt 1200 ] || fail "it does not begin: $(cat said)"
    sleep 0.05
done
kill -TERM "$pid"
code=0
wait "$pid" || code=$?
pid=
case $code in
0) ;; # it was faster
1) grep -q 'the same command with --resume goes on from there' said || fail "$(cat said)" ;;
*) fail "exit code $code: $(cat said)" ;;
esac
demo --out part --resume >said 2>&1 || fail "$(cat said)"
for name in questions.jsonl samples.jsonl trace/curves.jsonl fork/fork.jsonl; do
    cmp "whole/$name" "part/$name" || fail "$name after --resume"
done
sed -i 's/"steps_done": 5/"steps_done": 2/' part/demo.json # it was killed before it noted the third
demo --out part --resume >said 2>&1 || fail "$(cat said)"
[ "$(grep -c '^\$ raml ' said)" -eq 3 ] || fail "what was done is done again: $(cat said)"
cmp whole/trace/curves.jsonl part/trace/curves.jsonl || fail "curves after another --resume"

# refuses PART ARGUMENT...
refuses() {
    part=$1 code=0
    shift
    "$raml" demo "$@" >said 2>&1 || code=$?
    [ $code -ne 0 ] || fail "demo $* passes"
    grep -qF -- "$part" said || fail "demo $*: $(cat said)"
}
refuses "--questions needs --model" --questions "two words.jsonl" --out other
refuses "holds a demo already" --model init:micro --out whole
refuses "that demo has limit 3" --model init:micro --questions "two words.jsonl" --out whole --resume
sed -n 2p "two words.jsonl" >none.jsonl
refuses "none.jsonl: none of its questions has an answer" --model init:micro --questions none.jsonl --out other
refuses "the step \`raml sample" --model nowhere --out other2
exit 0
