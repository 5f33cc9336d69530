#!/bin/sh
# test_memory.sh BINARY SOURCE_DIR BUILD_DIR [POINTS]: allocations fail one by one (tests/failing_malloc.c), once and for good:
# a command ends well and gives the same, or with exit code 1 and one line that names memory, and leaves nothing half-made.
# Then the address space is limited.
set -eu
raml=$1 build=$3 points=${4:-8}
shim=$build/libfailing_malloc.so
if grep -q '^RAML_SANITIZE:[A-Z]*=..*' "$build/CMakeCache.txt"; then
    echo "SKIPPED: sanitizers have a malloc of their own" >&2
    exit 0
fi
if [ ! -f "$shim" ]; then
    echo "SKIPPED: $shim was not built (it needs glibc): nothing was tried" >&2
    exit 0
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
export OMP_NUM_THREADS=1 GOMP_SPINCOUNT=1
tried=0 failed=0

cat >tiny.json <<'END'
{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 272, "hidden_size": 32,
 "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16,
 "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000, "tie_word_embeddings": true,
 "bos_token_id": 256, "eos_token_id": 257, "hidden_act": "silu"}
END
cat >v.jsonl <<'END'
{"id": "v1", "gold": "1/2", "pred": "The answer is $0.5$."}
{"id": "v2", "gold": "\\sqrt{2}+\\sqrt{3}", "pred": "\\boxed{\\sqrt{5+2\\sqrt{6}}}"}
{"id": "v3", "gold": "x^2-1", "pred": "(x-1)(x+1)"}
{"id": "v4", "gold": "\\sin(\\pi/7)", "pred": "\\cos(5\\pi/14)"}
{"id": "v5", "gold": "2^{100}", "pred": "1267650600228229401496703205376"}
END
printf '{"id": "a long enough name of a text", "text": "Hello w\\u00f6rld, na\303\257ve text 12+19"}\n' >t.jsonl
echo '{"id": 1, "prompt": "12+19=?", "completions": [{"text": " 31"}, {"text": " 30"}]}' >r.jsonl
echo '{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}]}' >m.jsonl
echo '{% for m in messages %}<{{ m.role }}>{{ m.content | trim | upper }}{% endfor %}' >t.jinja
"$raml" task make --families add:2 --n 4 --out q.jsonl --quiet >/dev/null
train="train sft q.jsonl --model init:tiny.json --save_steps 2 --logging_steps 1 --save_total_limit 9 --quiet --out"
"$raml" $train run --max_steps 4 >/dev/null
cp -r run/checkpoint-2 model
"$raml" sample --model model q.jsonl --num_generations 2 --max_completion_length 8 --quiet --out s.jsonl >/dev/null
mkdir report && cp -r run report/run && cp s.jsonl report
rm -r run/checkpoint-4
cp -r run resumed
mkdir before && cp -r resumed before

# What a command has left, but for times: files of out and resumed, and what it printed.
result() { # result STDOUT
    cat "$1"
    find out* resumed -type f ! -name '*.raml' ! -name timing.jsonl ! -name recipe.yaml 2>/dev/null | sort |
        while read -r file; do
            echo "$file $(cksum <"$file")"
        done
}
fresh() { rm -rf out* resumed && cp -r before/resumed resumed; }
say() {
    what=$1
    shift
    failed=$((failed + 1))
    echo "FAIL: allocation $n of $of$how: raml $*: $what"
}
# one [-q] COMMAND...: with each of some allocations failing. -q: what it prints has times in it.
one() {
    quiet=$1
    [ "$quiet" = -q ] && shift
    fresh
    FAIL_COUNT=count LD_PRELOAD=$shim "$raml" "$@" --threads 1 >stdout 2>stderr </dev/null || {
        echo "FAIL: raml $*:" && cat stderr
        exit 1
    }
    [ "$quiet" = -q ] && : >stdout
    result stdout >want
    of=$(cat count)
    [ "$of" -gt 20 ] || { echo "FAIL: $of allocations are counted" && exit 1; }
    i=0
    while [ $i -le "$points" ]; do
        n=$((i < 4 ? 1 + 3 * i : 1 + (of - 1) * (i - 3) / (points - 3)))
        for how in '' ' and all later ones'; do
            fresh
            code=0
            ever=${how:+FAIL_EVER=1}
            env FAIL_AT=$n $ever LD_PRELOAD="$shim" timeout 60 "$raml" "$@" --threads 1 >stdout 2>stderr </dev/null || code=$?
            tried=$((tried + 1))
            [ "$quiet" = -q ] && : >stdout
            if [ $code = 0 ]; then
                result stdout | cmp -s - want || grep -q 'pictures are not drawn' stderr || say "exit code 0, and another result" "$@"
            elif [ $code != 1 ]; then
                say "exit code $code: $(tail -n 1 stderr)" "$@"
            elif ! tail -n 1 stderr | grep -qiE 'memory|allocate'; then
                say "the message does not name memory: $(tail -n 1 stderr)" "$@"
            elif [ "$(grep -c "^raml [a-z ]*: " stderr)" != 1 ]; then
                say "not one message: $(cat stderr)" "$@"
            elif [ -f out ] && ! grep -qx "out $(cksum <out)" want; then
                # samples are written as they come, and the same command goes on
                [ "$1" = sample ] && "$raml" "$@" --threads 1 >stdout 2>stderr && : >stdout &&
                    result stdout | cmp -s - want || say "half of the output is there" "$@"
            else
                left=$(find . -maxdepth 1 -name 'out.*' -type f) # to remove a folder takes memory (opendir)
                [ -z "$left" ] || say "$left is left" "$@"
                [ -z "$how" ] && ls -d out.* >/dev/null 2>&1 && say "$(ls -d out.*) is left" "$@"
            fi
        done
        i=$((i + 1))
    done
}

one verify v.jsonl --explain --details --quiet
one -q verify v.jsonl --out out
one tokenize t.jsonl
one tokenize t.jsonl --tokenizer model --out out
one data show q.jsonl --n 2
one data check q.jsonl --json
one score --model model r.jsonl
one -q sample --model model q.jsonl --limit 2 --num_generations 2 --max_completion_length 8 --out out
one -q trace --model model q.jsonl --limit 1 --n_curves 0 --out out
one -q $train out --max_steps 2
one -q $train resumed --max_steps 4 --resume
one eval s.jsonl --k 1,2
one convert model out
one -q inspect model --json
one task make --families add:2,modchain:2 --n 5 --out out
one prompt m.jsonl --template t.jinja
one -q report report --out out

# the limits under which oneDNN's generator has no memory for its code
for kb in 60000 80000 90000 100000 110000 120000 130000 140000 150000 160000 200000; do
    code=0
    (ulimit -c 0 && ulimit -v $kb && exec "$raml" score --model model --dtype bf16 r.jsonl --threads 1) >stdout 2>stderr || code=$?
    tried=$((tried + 1))
    case $code in
    0 | 127) ;; # 127: the program itself does not start
    1) grep -qE 'memory|allocate|unavailable|thread' stderr || { failed=$((failed + 1)) && echo "FAIL: ulimit -v $kb: $(cat stderr)"; } ;;
    *) failed=$((failed + 1)) && echo "FAIL: ulimit -v $kb: exit code $code: $(tail -n 1 stderr)" ;;
    esac
done

# the shim does make them fail
FAIL_AT=100 LD_PRELOAD=$shim "$raml" verify v.jsonl --quiet >/dev/null 2>&1 && { echo "FAIL: no allocation failed" && exit 1; }
echo "$tried runs short of memory, $failed at fault"
[ $failed = 0 ]
