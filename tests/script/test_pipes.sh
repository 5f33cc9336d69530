#!/bin/sh
# test_pipes.sh BINARY SOURCE_DIR BUILD_DIR: what comes through a pipe, a FIFO, /dev/stdin or "-" is read as the file is.
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
python() { command -v python3 >/dev/null; }

"$raml" task make --families add:2,modchain:3 --n 40 --out q.jsonl >/dev/null
"$raml" sample --model init:micro --max_completion_length 5 q.jsonl --quiet --out s.jsonl >/dev/null
sed 's/^/,/; 1s/^,/[/' q.jsonl >q.json && echo ']' >>q.json
{ printf '\n\n \n'; cat q.json; } >late.json
printf 'question,answer\n1+1,2\n"two,\nlines",3\n' >q.csv
echo '{"id": 1, "correct": [1, 0, 1]}' >grades.jsonl
printf '{"gold": "1/2", "pred": "0.5"}\n{"gold": "1", "pred": "2"}\n' >v.jsonl
echo '{"text": "ab c"}' >t.jsonl
echo '{"prompt": "ab", "completions": [{"text": " c"}]}' >r.jsonl
echo '{{ messages[0].content }}' >t.jinja
echo '{"messages": [{"role": "user", "content": "x"}]}' >m.jsonl

# each way in which FILE comes to `raml ... FILE`; what is printed is compared, FILE's name being one word
through() { # through WAY FILE ARGUMENT...
    way=$1 file=$2
    shift 2
    case $way in
    file) "$raml" "$@" "$file" ;;
    dash) cat "$file" | "$raml" "$@" - ;;
    stdin) cat "$file" | "$raml" "$@" /dev/stdin ;;
    redirected) "$raml" "$@" /dev/stdin <"$file" ;;
    fifo) # the name of the file, in another folder
        rm -rf fifo && mkdir fifo && mkfifo "fifo/$file"
        cat "$file" >"fifo/$file" &
        code=0
        "$raml" "$@" "fifo/$file" || code=$?
        wait
        return $code
        ;;
    fd) # what bash writes for <(cat FILE)
        rm -f hold && mkfifo hold
        cat "$file" >hold &
        code=0
        "$raml" "$@" /dev/fd/5 5<hold || code=$?
        wait
        return $code
        ;;
    esac
}
same() { # same FILE ARGUMENT...
    through file "$@" --quiet >want 2>&1 || fail "raml $*: $(cat want)"
    for way in dash stdin redirected fifo fd; do
        case $way-$1 in *.csv) [ $way = fifo ] || continue ;; esac # a table is known by its name
        through $way "$@" --quiet >got 2>&1 || fail "$way: raml $*: $(cat got)"
        sed "s,fifo/$1,$1,g; s,/dev/stdin,$1,g; s,/dev/fd/5,$1,g; s,^-$,$1,; s,^-:,$1:,; s,\"path\":\"-\",\"path\":\"$1\",g" got >said
        cmp want said || fail "$way: raml $*: $(diff want said)"
    done
}
same s.jsonl eval
same s.jsonl eval --json
same s.jsonl eval --k 1,4 --regrade
same s.jsonl eval --limit 7
same grades.jsonl eval
same grades.jsonl eval --layout grades
for file in q.jsonl q.json late.json q.csv; do same $file data check; done
same q.jsonl data show
same v.jsonl verify
same t.jsonl tokenize
same r.jsonl score --model init:micro
same m.jsonl prompt --template t.jinja

# samples of another tool that are one document of many lines
shared=${RAML_SHARED:-$2/../shared}
if [ -d "$shared/data" ]; then
    find "$shared/data" -name '*.json*' -size -2000k -path '*eval*' | sort | head -n 12 >files
    while read -r path; do
        "$raml" eval "$path" --quiet >want 2>/dev/null || continue
        cp "$path" x.jsonl
        "$raml" eval x.jsonl --quiet >want 2>&1 || continue
        cat x.jsonl | "$raml" eval - --quiet >got 2>&1 || fail "eval: $path: $(cat got)"
        sed 's,^-:,x.jsonl:,' got | cmp want - || fail "eval: $path"
    done <files
else
    echo "test_pipes.sh: $shared is missing: other tools' samples are NOT checked" >&2
fi

# data split: the parts, and the record but for the name
for way in file dash fifo fd; do
    through $way q.jsonl data split --out "split-$way" >/dev/null || fail "data split: $way"
    for part in train.jsonl test.jsonl; do cmp "split-file/$part" "split-$way/$part" || fail "data split: $way: $part"; done
    sed 's,"path": ".*","path": "x",' "split-$way/split.json" >"record-$way"
    cmp record-file "record-$way" || fail "data split: $way: split.json"
done

# a message names what was given, with the line
printf '{"id": 1, "correct": [1]}\n{"id": 2, "correct": [x]}\n' >bad.jsonl
for way in file dash fifo fd; do
    if through $way bad.jsonl eval >/dev/null 2>said; then fail "bad samples: $way"; fi
    grep -q '2: ' said || fail "bad samples: $way: $(cat said)"
    if grep -q proc/self said; then fail "bad samples: $way: $(cat said)"; fi
done

# an input without end is read no further than it is needed
yes '{"question": "1+1", "answer": "2"}' | "$raml" sample --model init:micro --max_completion_length 2 --limit 2 --quiet \
    --out two.jsonl - >/dev/null || fail "--limit"
[ "$(wc -l <two.jsonl)" -eq 2 ] || fail "--limit: $(wc -l <two.jsonl) lines"

# without a file name, a pipe or a file on standard input is what is read; /dev/null and a terminal are not
for command in verify tokenize score prompt eval; do
    case $command in
    verify) file=v.jsonl; set -- verify ;;
    tokenize) file=t.jsonl; set -- tokenize ;;
    score) file=r.jsonl; set -- score --model init:micro ;;
    prompt) file=m.jsonl; set -- prompt --template t.jinja ;;
    eval) file=s.jsonl; set -- eval ;;
    esac
    "$raml" "$@" "$file" --quiet >want
    cat "$file" | "$raml" "$@" --quiet | cmp want - || fail "a pipe into raml $*"
    "$raml" "$@" --quiet <"$file" | cmp want - || fail "a file into raml $*"
    code=0
    "$raml" "$@" --quiet </dev/null >said 2>&1 || code=$?
    [ $code -eq 2 ] || fail "raml $* of nothing: exit code $code: $(cat said)"
done

for command in check show sample trace; do
    case $command in
    check) file=q.jsonl; set -- data check ;;
    show) file=q.jsonl; set -- data show ;;
    sample) file=q.jsonl; set -- sample --model init:micro --limit 2 --max_completion_length 2 --out made --overwrite ;;
    trace) file=s.jsonl; set -- trace --model init:micro --limit 2 --out made-trace --n_curves 0 --overwrite ;;
    esac
    "$raml" "$@" "$file" --quiet >want 2>&1 || fail "raml $*: $(cat want)"
    if [ -e made ]; then cp made want; fi
    if [ -e made-trace ]; then cp made-trace/curves.jsonl want; fi
    cat "$file" | "$raml" "$@" --quiet >got || fail "a pipe into raml $*"
    if [ -e made ]; then cp made got; fi
    if [ -e made-trace ]; then cp made-trace/curves.jsonl got; fi
    sed "s,^-$,$file,; s,^-:,$file:," got | cmp want - || fail "a pipe into raml $*"
    rm -rf made made-trace
    code=0
    "$raml" "$@" --quiet </dev/null >said 2>&1 || code=$?
    [ $code -eq 2 ] || fail "raml $* of nothing: exit code $code: $(cat said)"
done

# what is no text in UTF-8 is named, whatever it is given as
gzip -c t.jinja >packed
{ printf '\377\376'; sed 's/./&\n/g' v.jsonl | tr '\n' '\000'; } >wide
no_text() { # no_text ARGUMENT...: with the file's name after them
    for file in packed wide; do
        word=gzip
        [ $file = packed ] || word=UTF-16
        if "$raml" "$@" "$file" --quiet </dev/null >said 2>&1; then fail "raml $* $file"; fi
        grep -q "$file: is .*$word" said || fail "raml $* $file: $(cat said)"
    done
}
no_text verify
no_text tokenize t.jsonl --tokenizer
no_text study exits --probes
no_text report --config
no_text prompt m.jsonl --template
no_text data leak q.jsonl --against
no_text eval grades.jsonl --compare
