#!/bin/sh
# test_endpoint.sh BINARY SOURCE_DIR BUILD_DIR: score, sample, eval and trace ask a server. A made-up one (tests/endpoint), with
# faults; and raml serve, whose curves must be those of the model read here. Program and server are killed in the middle.
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
    : >url.txt
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
serve() { # PORT: raml serve, slow enough that there is a middle; sets url and pid
    : >serve.txt
    "$raml" serve --model run --dtype f32 --port "$1" --batch_window 0.05 >serve.txt 2>&1 &
    pid=$!
    pids="$pids $pid"
    url=
    for _ in $(seq 300); do
        url=$(sed -n 's,.*\(http://[0-9.:]*/v1\).*,\1,p' serve.txt | head -1)
        [ -n "$url" ] && break
        sleep 0.1
    done
}
until_lines() { # N FILE
    for _ in $(seq 3000); do
        [ -e "$2" ] && [ "$(wc -l <"$2")" -gt "$1" ] && return
        sleep 0.02
    done
    fail "$2 has no $1 lines"
}
# survives START OUT FILE COMMAND...: what is computed undisturbed (OUT.calm, its FILE) is what comes, to the byte, after the program
# was killed, and then the server, which START starts again at the same port. As many requests are answered, each once.
survives() { # tries until the kill of the server meets requests on their way
    begin=$1 out=$2 file=$3
    shift 3
    "$raml" "$@" --endpoint "$url" --parallel 4 --out "$out.calm" >/dev/null 2>err.txt || fail "$1: $(cat err.txt)"
    total=$(sed -n 's/.*: \([0-9]*\) requests answered, .*/\1/p' err.txt)
    for _ in 1 2 3 4 5 6; do
        rm -rf "$out" "$out.journal"
        two_kills "$@"
        grep -q ' [1-9][0-9]* asked again, ' err.txt && return
    done
    fail "$1: no kill of the server met a request: $(grep journal err.txt)"
}
two_kills() {
    "$raml" "$@" --endpoint "$url" --parallel 4 --out "$out" --quiet >/dev/null 2>&1 &
    first=$!
    until_lines $((total / 6)) "$out.journal"
    kill -9 $first
    wait $first 2>/dev/null || :
    [ "$1" = sample ] || [ ! -e "$out$file" ] || fail "$1: half a result is there"
    done=$(($(grep -c '}$' "$out.journal") - 1))
    "$raml" "$@" --endpoint "$url" --parallel 4 --out "$out" --overwrite >/dev/null 2>err.txt &
    second=$!
    until_lines $((done + (total - done) / 3)) "$out.journal"
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || :
    keys=$(sed -n 's/.*"key":"\([0-9a-f]*\)".*/\1/p' "$out.journal" | sort | uniq -d | wc -l)
    [ "$keys" = 0 ] || fail "$1: $keys requests are in the journal twice"
    port=${url##*:}
    $begin "${port%%/*}"
    wait $second || fail "$1 after both were killed: $(cat err.txt)"
    cmp -s "$out.calm$file" "$out$file" || fail "$1: other results after both were killed"
    grep -q ": $((total - done)) requests answered, [0-9]* asked again, " err.txt ||
        fail "$1: of $total requests, $done in the journal: $(grep journal err.txt)"
    [ ! -e "$out.journal" ] || fail "$1: the journal is still there"
}
slowly() { start "$1" 16; } # at every 7th request
slowly 0
survives slowly hard "" score in.jsonl
cmp -s calm.jsonl hard || fail "a slow server gives other scores"
"$raml" train sft --model init:micro --families add:1-3 --num_questions 40 --max_steps 2 --output_dir run --quiet >/dev/null 2>err.txt ||
    fail "train: $(cat err.txt)"
survives slowly drawn "" sample --families add:3 --num_questions 30 --num_generations 4 --max_completion_length 9 --model run

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
    serve 0
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

    # The cost that is said beforehand, controls included, is what the server computes
    prompts() { sed -n 's/.* tokens \([0-9]*\) + .*/\1/p' serve.txt | awk '{ n += $1 } END { print n + 0 }'; }
    before=$(prompts)
    "$raml" trace s.jsonl --endpoint "$url" --model run --stride 4 --control shuffle,foreign,filler --out controls >/dev/null 2>err.txt ||
        fail "trace with controls: $(cat err.txt)"
    said=$(sed -n 's/.*: \([0-9]*\) texts; tokens to compute: \([0-9]*\) without.*/\1 \2/p' err.txt)
    sent=$(sed -n 's/.*: \([0-9]*\) requests answered, 0 asked again.*; \([0-9]*\) prompt tokens sent.*/\1 \2/p' err.txt)
    [ -n "$said" ] && [ "$said" = "$sent" ] || fail "texts and tokens said: '$said', sent: '$sent'"
    for _ in $(seq 50); do # the server's last lines may come later
        got=$(($(prompts) - before))
        [ "$got" -ge "${said#* }" ] && break
        sleep 0.1
    done
    [ "$got" -le $((${said#* } + 8)) ] && [ "$got" -ge "${said#* }" ] || fail "tokens said: ${said#* }, read by the server: $got" # 8: of a trial
    shared=$(sed -n 's/.*without the server.s prefix cache, about \([0-9]*\) with it.*/\1/p' err.txt)
    "$raml" trace s.jsonl --model run --dtype f32 --stride 4 --control shuffle,foreign,filler --out controls_here --json --quiet >out.txt 2>err.txt ||
        fail "trace with controls here: $(cat err.txt)"
    grep -q "\"tokens_read\": *$shared[,}]" out.txt || fail "tokens said with a prefix cache: $shared; read here: $(cat out.txt)"

    survives serve traced /curves.jsonl trace s.jsonl --model run --max_samples 1
    refuses 2 "layers: .* gives no states of layers" trace s.jsonl --endpoint "$url" --model run --layers all --out other
else
    echo "skipped: this build has no raml serve"
fi
[ $rc = 0 ] && echo "test_endpoint: all as it should be"
exit $rc
