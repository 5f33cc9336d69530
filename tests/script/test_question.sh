#!/bin/sh
# test_question.sh BINARY SOURCE_DIR BUILD_DIR: `raml sample --question` prints the text of a question's samples as it comes: the
# same samples as from a file, no file unless asked for, ended at once by a signal.
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
ask() { "$raml" sample --model init:micro --dtype f32 --question '12+19=?' "$@"; }
tokens() { grep -o '"tokens":\[[0-9,]*\]' "$1"; }

ask --max_tokens 40 --seed 4 >one 2>said || fail "$(cat said)"
[ -s one ] || fail "nothing was printed"
[ "$(tail -c 1 one | od -An -c | tr -d ' ')" = '\n' ] || fail "no line's end: $(od -c one | tail -n 2)"
[ "$(ls)" = "one
said" ] || fail "a file was written: $(ls)"
[ ! -s said ] || fail "said $(cat said)"
ask --max_tokens 40 --seed 4 --n 3 --out rec.jsonl >three 2>said || fail "$(cat said)"
[ "$(head -c "$(wc -c <one)" three | cksum)" = "$(cksum <one)" ] || fail "the first of three is another one"
[ "$(tokens rec.jsonl | wc -l)" -eq 3 ] || fail "three samples: $(cat rec.jsonl)"

# The samples are those of a file, which grow side by side.
printf '{"question": "12+19=?"}\n' >q.jsonl
"$raml" sample --model init:micro --dtype f32 q.jsonl --max_tokens 40 --seed 4 --n 3 --out file.jsonl >said 2>&1 || fail "$(cat said)"
tokens rec.jsonl >a
tokens file.jsonl >b
cmp a b || fail "other samples than from a file"
"$raml" sample --model init:micro --dtype f32 q.jsonl --max_tokens 4 >said 2>&1 || fail "$(cat said)"
[ "$(tokens samples.jsonl | wc -l)" -eq 4 ] || fail "from a file there are 4 samples: $(cat samples.jsonl)"

# As it comes: there is text while it goes on. Then it is stopped (a shell's background jobs ignore SIGINT), and ends with the line.
"$raml" sample --model init:micro --dtype f32 --question '12+19=?' --max_tokens 1900 --n 1000 >long 2>said &
pid=$!
i=0
while [ ! -s long ] && [ $i -lt 200 ]; do
    sleep 0.05
    i=$((i + 1))
done
kill -0 $pid 2>/dev/null || fail "it ended before it was stopped: $(cat said)"
[ -s long ] || fail "nothing after 10 seconds"
kill -TERM $pid 2>/dev/null || :
i=0
while kill -0 $pid 2>/dev/null && [ $i -lt 200 ]; do
    sleep 0.05
    i=$((i + 1))
done
kill -9 $pid 2>/dev/null && fail "SIGTERM did not end it in 10 seconds"
rc=0
wait $pid || rc=$?
[ $rc -ne 0 ] || fail "stopped with exit code 0"
[ "$(tail -c 1 long | od -An -c | tr -d ' ')" = '\n' ] || fail "stopped in a line: $(od -c long | tail -n 4) $(cat said)"

# refuses WORDS ARGUMENT...
refuses() {
    words=$1 rc=0
    shift
    ask "$@" >out 2>said || rc=$?
    [ $rc -eq 2 ] || fail "$*: exit code $rc, expected 2"
    grep -qF -- "$words" said || fail "$*: no '$words' in: $(cat said)"
    [ ! -s out ] || fail "$*: printed $(cat out)"
}
refuses "files are given too" q.jsonl
refuses "--families is given too" --families add:2
refuses "found no text" --question ''
refuses "prints text" --json
echo ok
