#!/bin/sh
# test_output.sh BINARY SOURCE_DIR BUILD_DIR: one rule for what commands write, and samples that are gone on with.
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
refused() { # refused WORDS ARGUMENT...: exit code 2, and it says why
    words=$1 code=0
    shift
    "$raml" "$@" --quiet >out.txt 2>said.txt || code=$?
    [ $code -eq 2 ] || fail "raml $*: exit code $code: $(cat said.txt)"
    grep -qF -e "$words" said.txt || fail "raml $*: says $(cat said.txt), expected $words"
}
"$raml" task make --families add:2 --n 60 --out q.jsonl >/dev/null
echo '{"gold": "1/2", "pred": "0.5"}' >v.jsonl
echo '{"text": "ab c"}' >t.jsonl
echo '{"prompt": "ab", "completions": [{"text": " c"}]}' >r.jsonl
echo '{"messages": [{"role": "user", "content": "x"}]}' >m.jsonl
echo '{{ messages[0].content }}' >t.jinja
echo '{"id": 1, "correct": [1, 0]}' >g.jsonl

each() { # each COMMAND...: with every command that writes a file
    for name in verify tokenize score prompt task sample eval leak; do
        case $name in
        verify) set -- v.jsonl verify v.jsonl ;;
        tokenize) set -- t.jsonl tokenize t.jsonl ;;
        score) set -- r.jsonl score --model init:micro r.jsonl ;;
        prompt) set -- m.jsonl prompt --template t.jinja m.jsonl ;;
        task) set -- q.jsonl task make --families add:2 --n 5 ;;
        sample) set -- q.jsonl sample --model init:micro --max_completion_length 2 --limit 3 q.jsonl ;;
        eval) set -- g.jsonl eval g.jsonl ;;
        leak) set -- q.jsonl data leak q.jsonl --against q.jsonl ;;
        esac
        input=$1
        shift
        rule "$@"
    done
}
rule() { # rule ARGUMENT...
    rm -rf out first null mode link target
    "$raml" "$@" --quiet --out first >/dev/null || fail "raml $*"
    [ -s first ] || fail "raml $*: no output"
    echo mine >out
    refused "out: exists; --overwrite replaces it" "$@" --out out
    [ "$(cat out)" = mine ] || fail "raml $*: out is replaced"
    chmod 600 out
    ln -s out link
    "$raml" "$@" --quiet --overwrite --out link >/dev/null || fail "raml $* --overwrite"
    cmp first out || fail "raml $* --overwrite: other bytes"
    [ -L link ] || fail "raml $*: the link is replaced"
    [ "$(stat -c %a out)" = 600 ] || fail "raml $*: the mode is $(stat -c %a out)"
    "$raml" "$@" --quiet --out /dev/null >/dev/null || fail "raml $* --out /dev/null"
    [ -c /dev/null ] || fail "raml $*: /dev/null is replaced"
    "$raml" "$@" --quiet --out - >got 2>/dev/null || fail "raml $* --out -"
    cmp first got || fail "raml $* --out -: other bytes"
    [ ! -e ./- ] || fail "raml $*: there is a file called -"
    code=0
    "$raml" "$@" --quiet --out none/out >/dev/null 2>said.txt || code=$?
    [ $code -eq 1 ] || fail "raml $* --out none/out: exit code $code"
    case $1 in
    task) ;;
    *)
        cp "$input" before
        refused "is the input" "$@" --overwrite --out "$input"
        cmp "$input" before || fail "raml $*: the input is changed"
        ;;
    esac
    if ls ./*.tmp ./*.unfinished >/dev/null 2>&1; then fail "raml $*: something is left: $(ls)"; fi
}
each

# folders: what no run made is never deleted
mkdir -p d/with && echo x >d/with/notes.txt
refused "d/with: exists, and no demo made it" demo --out d
refused "d/with: exists, and no demo made it" demo --out d --overwrite
[ "$(cat d/with/notes.txt)" = x ] || fail "notes.txt is gone"
"$raml" train sft --model init:micro q.jsonl --max_steps 2 --quiet --out run >/dev/null
cp -r run run-before
refused "is a checkpoint from which a run goes on" convert run run/checkpoint-2 --overwrite
refused "a run is not replaced" train sft --model init:micro q.jsonl --max_steps 2 --out run --overwrite
diff -r run run-before || fail "the run is changed"

# a file that an option names is an input too, or another output
cp g.jsonl other.jsonl
cp q.jsonl test.jsonl
refused "other.jsonl: is also --compare" eval g.jsonl --compare other.jsonl --out other.jsonl --overwrite
refused "test.jsonl: is also --against" data leak q.jsonl --against g.jsonl,test.jsonl --out test.jsonl --overwrite
refused "t.jinja: is also --template" prompt m.jsonl --template t.jinja --out t.jinja --overwrite
: >twice
refused "twice: is also --" eval --model init:micro --limit 1 --max_completion_length 2 q.jsonl --out twice --samples_out twice
cmp g.jsonl other.jsonl && cmp q.jsonl test.jsonl || fail "an input is replaced"

# --resume says what differs; the recipe takes the run again, nameless arguments included
head -n 20 q.jsonl >few.jsonl
refused "file 1 of the data is another" train sft --model init:micro few.jsonl --max_steps 3 --out run --resume
refused "model_name_or_path" train sft --model init:small q.jsonl --max_steps 3 --out run --resume
refused "run was started with the data" train sft --model init:micro q.jsonl few.jsonl --max_steps 3 --out run --resume
"$raml" train sft --config run/recipe.yaml --quiet --out again >/dev/null || fail "--config of a recipe"
cmp run/checkpoint-2/model.safetensors again/checkpoint-2/model.safetensors || fail "--config of a recipe: other bytes"

# samples: killed, and gone on with by the same command, to the same bytes
set -- sample --model init:micro --max_completion_length 40 q.jsonl --threads 1 --quiet
"$raml" "$@" --out whole.jsonl >/dev/null
for kill in KILL TERM KILL; do
    rm -f part.jsonl part.jsonl.unfinished
    "$raml" "$@" --out part.jsonl >/dev/null 2>said.txt &
    pid=$!
    while [ ! -s part.jsonl ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
    kill -s $kill $pid 2>/dev/null || :
    wait $pid || :
    if [ -e part.jsonl.unfinished ]; then
        refused "temperature is 1.0 there, and 0.5 here" "$@" --temperature 0.5 --out part.jsonl
        printf '{"id": "torn' >>part.jsonl
        "$raml" "$@" --out part.jsonl >/dev/null || fail "$kill: not gone on with"
    fi
    cmp whole.jsonl part.jsonl || fail "$kill: other samples"
    [ ! -e part.jsonl.unfinished ] || fail "$kill: part.jsonl.unfinished is left"
done
set -- eval --model init:micro --max_completion_length 40 q.jsonl --threads 1 --num_generations 4 --quiet
"$raml" "$@" --out whole.json >/dev/null
"$raml" "$@" --out part.json >/dev/null 2>&1 &
pid=$!
while [ ! -s part.json.samples ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
kill -s KILL $pid 2>/dev/null || :
wait $pid || :
[ -e part.json ] || "$raml" "$@" --out part.json >/dev/null || fail "eval: not gone on with"
cmp whole.json part.json || fail "eval: another table"
if ls part.json.* >/dev/null 2>&1; then fail "eval: something is left: $(ls)"; fi
