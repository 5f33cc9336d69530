#!/bin/sh
# test_endpoint.sh BINARY SOURCE_DIR BUILD_DIR: score, sample, eval and trace ask a server. A made-up one (tests/endpoint), with
# faults, killed with the program in the middle; and raml serve, whose curves must be those of the model read here.
set -eu
raml=$1
server=$3/endpoint_server
tmp=$(mktemp -d)
trap 'kill $pids 2>/dev/null || :; rm -rf "$tmp"' EXIT
pids=
rc=0
cd "$tmp"
export OMP_WAIT_POLICY=passive
fail() {
    echo "FAIL: $*"
    rc=1
}
refuses() { # CODE WORDS COMMAND...
    code=$1 words=$2
    shift 2
    got=0
    "$raml" "$@" >out.txt 2>err.txt || got=$?
    [ "$got" = "$code" ] || fail "raml $*: exit code $got, expected $code"
    grep -q -- "$words" err.txt || fail "raml $*: said '$(tail -1 err.txt)', expected '$words'"
}
start() { # ARG...: the made-up server; sets url and pid
    "$server" "$@" >url.txt 2>server.txt &
    pid=$!
    pids="$pids $pid"
    for _ in $(seq 100); do
        [ -s url.txt ] && break
        sleep 0.1
    done
    url=$(cat url.txt)
}

# -- 300 lines, undisturbed; then with a fault at every 7th request; then killed in the middle
awk 'BEGIN { for (i = 0; i < 300; i++) printf "{\"id\":%d,\"prompt_tokens\":[%d,7],\"completions\":[{\"tokens\":[%d,3]}]}\n", i, i, i % 50 }' >in.jsonl
start
"$raml" score in.jsonl --endpoint "$url" --out calm.jsonl --quiet >/dev/null || fail "score by an endpoint"
[ "$(wc -l <calm.jsonl)" = 300 ] || fail "score gave $(wc -l <calm.jsonl) lines, expected 300"
[ ! -e calm.jsonl.journal ] || fail "the journal is still there"
grep -q entropy calm.jsonl && fail "an endpoint gives no entropies, and score wrote some"
"$raml" score - --endpoint "$url" <in.jsonl >piped.jsonl 2>/dev/null || fail "score of standard input"
cmp -s calm.jsonl piped.jsonl || fail "standard input gives other scores"
for fault in 1 2 8 9 10 11; do
    start 0 $fault
    "$raml" score in.jsonl --endpoint "$url" --out faults.jsonl --overwrite --quiet >/dev/null 2>err.txt ||
        fail "score with fault $fault: $(cat err.txt)"
    cmp -s calm.jsonl faults.jsonl || fail "fault $fault changes scores"
    kill "$pid"
done
start 0 16 # slow at every 7th, so that there is a middle
"$raml" score in.jsonl --endpoint "$url" --out hard.jsonl --parallel 4 --quiet >/dev/null 2>&1 &
first=$!
for _ in $(seq 300); do
    [ -e hard.jsonl.journal ] && [ "$(wc -l <hard.jsonl.journal)" -gt 20 ] && break
    sleep 0.1
done
kill -9 $first
wait $first 2>/dev/null || :
done=$(($(wc -l <hard.jsonl.journal) - 1))
[ ! -e hard.jsonl ] || fail "half a result is there"
kill -9 "$pid"
start
"$raml" score in.jsonl --endpoint "$url" --out hard.jsonl >/dev/null 2>err.txt || fail "score after a kill: $(cat err.txt)"
cmp -s calm.jsonl hard.jsonl || fail "a run that was killed ends in other scores"
grep -q "$((300 - done)) requests answered, 0 asked again, $done found in the journal" err.txt ||
    fail "of $done answers in the journal: $(grep journal err.txt)"

# -- What is wrong
refuses 2 "has no model 'large'; it has: smol" score in.jsonl --endpoint "$url" --endpoint_model large
refuses 2 "expected an address such as" score in.jsonl --endpoint localhost:80
refuses 1 "127.0.0.1:1/v1/models" score in.jsonl --endpoint http://127.0.0.1:1
refuses 2 "--adapter: is for a model that is read here" score in.jsonl --endpoint "$url" --adapter x
refuses 2 "--endpoint needs the tokenizer of its model" sample --families add:1 --num_questions 2 --endpoint "$url"
refuses 2 "api_key_env: there is no environment variable 'RAML_NO_KEY'" score in.jsonl --endpoint "$url" --api_key_env RAML_NO_KEY
printf '%s\n' '{"prompt":"a","completions":[{"text":"b"}]}' >text.jsonl
refuses 2 "is a text; --model or --tokenizer" score text.jsonl --endpoint "$url"
refuses 2 "think_budget: needs the model itself" sample --families add:1 --num_questions 2 --endpoint "$url" --model x --think_budget 5

# -- raml serve: the same curves, samples that eval reads
if "$raml" serve --help >/dev/null 2>&1; then
    "$raml" train sft --model init:micro --families add:1-3 --num_questions 40 --max_steps 2 --output_dir run --quiet >/dev/null 2>err.txt ||
        fail "train: $(cat err.txt)"
    "$raml" serve --model run --dtype f32 --port 0 >serve.txt 2>&1 &
    pids="$pids $!"
    for _ in $(seq 200); do
        url=$(sed -n 's,.*\(http://[0-9.:]*/v1\).*,\1,p' serve.txt | head -1)
        [ -n "$url" ] && break
        sleep 0.1
    done
    "$raml" sample --families add:1 --num_questions 3 --endpoint "$url" --model run --num_generations 2 --max_completion_length 20 \
        --out s.jsonl --quiet >/dev/null 2>err.txt || fail "sample: $(cat err.txt)"
    [ "$(wc -l <s.jsonl)" = 3 ] || fail "sample gave $(wc -l <s.jsonl) questions, expected 3"
    "$raml" eval --families add:1 --num_questions 3 --endpoint "$url" --model run --max_completion_length 20 --quiet >out.txt 2>err.txt ||
        fail "eval: $(cat err.txt)"
    "$raml" trace s.jsonl --endpoint "$url" --model run --out there --quiet >/dev/null 2>err.txt || fail "trace: $(cat err.txt)"
    "$raml" trace s.jsonl --model run --dtype f32 --out here --quiet >/dev/null 2>err.txt || fail "trace here: $(cat err.txt)"
    for f in here there; do grep -o '"L":\[[^]]*\]' $f/curves.jsonl >$f.txt || fail "$f has no curves"; done
    cmp -s here.txt there.txt || fail "the curves of raml serve are others than here"
    [ ! -e there.journal ] || fail "the journal of trace is still there"
    refuses 2 "layers: .* gives no states of layers" trace s.jsonl --endpoint "$url" --model run --layers all --out other
else
    echo "skipped: this build has no raml serve"
fi
[ $rc = 0 ] && echo "test_endpoint: all as it should be"
exit $rc
