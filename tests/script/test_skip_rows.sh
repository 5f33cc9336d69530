#!/bin/sh
# test_skip_rows.sh BINARY SOURCE_DIR BUILD_DIR: a bad row among good ones ends every command that reads rows; with
# --skip_bad_rows it is named and counted, and the rest is as if the file had only good ones.
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}

echo '{"question": "1+1=?", "answer": "2"}' >q.good
cat >q.bad <<'END'
{"question": "2+2=?", "answer":
{"question": 7, "answer": "4"}
{"question": "2+2=?"}
[1, 2]
{"question": "\ud835x", "question": "y", "answer": "4"}
END
echo '{"question": "1+1=?", "answer": "2", "generations": ["<think>one and one</think>\\boxed{2}"]}' >t.good
cat >t.bad <<'END'
{"question": "2+2=?", "answer": "4", "generations": "x
{"question": "2+2=?", "answer": "4", "generations": [3]}
END
echo '{"text": "ab c"}' >x.good
printf '%s\n' '{"text": 3}' '{"tex": "a"}' '{"text": "a"' '"a"' >x.bad
echo '{"ids": [97, 98]}' >i.good
printf '%s\n' '{"ids": [97, 1000000]}' '{"ids": "a"}' '{"ids": [-1]}' >i.bad
echo '{"gold": "1/2", "pred": "0.5"}' >v.good
printf '%s\n' '{"gold": "1/2"}' '{"gold": 1, "pred": }' >v.bad
echo '{"prompt": "ab", "completions": [{"text": " c"}]}' >s.good
printf '%s\n' '{"prompt": "ab"}' '{"prompt": 1, "completions": []}' '{' >s.bad
echo '{"messages": [{"role": "user", "content": "x"}]}' >m.good
printf '%s\n' '{"messages": 3}' '{"message": []}' '{"messages": [' '{"messages": [], "add_generation_prompt": 3}' >m.bad
echo '{"id": "1", "answer": "4", "trajectories": [{"answer": "4", "correct": true, "think_closed": true}]}' >e.good
printf '%s\n' '{"id": "1"}' '{"trajectories": 3}' '{"id": "2", "traj' >e.bad
echo '{"id": "1", "correct": [1, 0]}' >g.good
printf '%s\n' '{"id": "1", "correct": [2]}' '{"id": "2", "correct": "x"}' '{"id": ' >g.bad
echo '{{ messages[0].content }}' >t.jinja

rows=0
# skips KIND ARGUMENT...: FILE is KIND.jsonl. What is written to out, or printed, is that of the good rows alone.
skips() {
    kind=$1
    shift
    what="raml $* ($kind)"
    n=0
    while read -r line; do
        n=$((n + 1))
        { cat $kind.good && printf '%s\n' "$line"; } >$kind.jsonl
        if "$raml" "$@" $kind.jsonl --quiet >printed 2>said; then fail "$what: took $line"; fi
        grep -q "$kind.jsonl:2:" said || fail "$what: does not name the row: $(cat said)"
        rm -rf out
    done <$kind.bad
    rows=$((rows + n))
    cat $kind.good $kind.bad $kind.good >$kind.jsonl
    "$raml" "$@" $kind.jsonl --skip_bad_rows >printed 2>said || fail "$what: $(cat said)"
    [ "$(grep -c 'passed over: ' said)" = $n ] || fail "$what: not $n rows: $(cat said)"
    grep -q "$n rows that can't be read were passed over" said || fail "$what: not counted: $(cat said)"
    rm -rf out
    cp $kind.jsonl kept
    cat $kind.bad >$kind.jsonl
    if "$raml" "$@" $kind.jsonl --skip_bad_rows >none 2>said; then
        case $1 in tokenize | verify | score | prompt) ;; *) fail "$what: nothing can be read, and that is no failure" ;; esac
    fi
    rm -rf out
    cat $kind.good $kind.good >$kind.jsonl # the same rows, and no others
    "$raml" "$@" $kind.jsonl --quiet >want 2>said || fail "$what: $(cat said)"
    rm -rf out
    case $1 in sample | trace | train | data) return ;; esac # what they print has times, rates, line numbers
    cmp -s printed want || fail "$what: $(diff printed want)"
}
skips x tokenize
skips i tokenize --decode
skips v verify
skips s score --model init:micro
skips m prompt --template t.jinja
skips e eval --json
skips e eval --layout raml --regrade --json
skips g eval --json
skips q sample --model init:micro --max_completion_length 3 --out out
skips t data show --n 3
skips t trace --model init:micro --out out
skips t train sft --model init:micro --max_steps 1 --out out
echo "$rows rows"
