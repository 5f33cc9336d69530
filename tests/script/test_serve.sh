#!/bin/sh
# test_serve.sh BINARY SOURCE_DIR BUILD_DIR: raml serve as a program: its log-probabilities are those of raml score, to the
# last digit; how it starts, ends, and what it says; and the example of docs/serve.md, where curl is there.
set -eu
raml=$1
source_dir=$(cd "$2" && pwd)
client=$3/http_check
tmp=$(mktemp -d)
pid=
trap 'if [ "$pid" ]; then kill -s KILL "$pid" 2>/dev/null || :; fi; rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
if ! [ -x "$client" ]; then
    echo "SKIPPED: built without libmicrohttpd" >&2
    exit 0
fi
start() { # start ARGUMENT...: in the background; sets port
    : >said
    env --default-signal=INT "$raml" serve --model init:micro --port 0 "$@" >out 2>said &
    pid=$!
    n=0
    until grep -q 'listening on .* ends it' said; do
        n=$((n + 1))
        [ $n -lt 1200 ] || fail "it does not listen: $(cat said)"
        kill -0 "$pid" 2>/dev/null || fail "it has ended: $(cat said)"
        sleep 0.05
    done
    port=$(sed -n 's|.*listening on http://[^ ]*:\([0-9]*\)/v1 .*|\1|p' said)
}
ends() { # ends SIGNAL
    kill -s "$1" "$pid"
    code=0
    wait "$pid" || code=$?
    pid=
    [ $code -eq 0 ] || fail "$1: exit code $code: $(cat said)"
}
says() { grep -q -- "$1" said || fail "it does not say: $1: $(cat said)"; }

# The same log-probabilities as raml score, of ids and of a text.
start
"$client" "$port" GET /health >answer || fail "health"
"$client" "$port" GET /v1/models | grep -q '"id":"init:micro"' || fail "models"
numbers() { tr -d ' ' | sed -n "s/.*\"$1\":\[\([^]]*\)\].*/\1/p"; }
echo '{"prompt_tokens": [5], "completions": [{"tokens": [6, 7, 250, 99, 8, 8, 8]}]}' >requests.jsonl
"$raml" score --model init:micro requests.jsonl 2>score.said | numbers logp >want
"$client" "$port" POST /v1/completions '{"prompt": [5, 6, 7, 250, 99, 8, 8, 8], "echo": true, "logprobs": 0, "max_tokens": 0}' |
    numbers token_logprobs | sed 's/^null,//' >got
[ -s want ] || fail "raml score: $(cat score.said)"
cmp want got || fail "other log-probabilities: $(cat want got)"
echo '{"prompt": "1", "completions": [{"text": "+1=2"}]}' >requests.jsonl
"$raml" score --model init:micro requests.jsonl 2>score.said | numbers logp >want
"$client" "$port" POST /v1/completions '{"model": "init:micro", "prompt": "1+1=2", "echo": true, "logprobs": 1, "max_tokens": 1}' |
    numbers token_logprobs | sed 's/^null,//; s/,[^,]*$//' >got
cmp want got || fail "other log-probabilities of a text: $(cat want got)"

# Many at once, and a request that is wrong.
for i in 1 2 3 4 5 6 7 8; do
    "$client" "$port" POST /v1/completions '{"prompt": "ab", "seed": 5, "max_tokens": 12}' >"many$i" &
    eval "job$i=$!"
done
for i in 1 2 3 4 5 6 7 8; do
    eval "wait \$job$i" || fail "request $i"
    sed -n 's/.*"choices"://p' "many$i" >"text$i"
    cmp text1 "text$i" || fail "request $i has another answer"
done
if "$client" "$port" POST /v1/completions '{"prompt": 1}' >answer 2>status; then fail "a wrong request was answered"; fi
grep -q 400 status || fail "status $(cat status)"
grep -q '"param":"prompt"' answer || fail "$(cat answer)"

# A port that is taken; another host; what is missing.
code=0
"$raml" serve --model init:micro --port "$port" >other 2>&1 || code=$?
[ $code -eq 1 ] || fail "port in use: exit code $code"
grep -q "port $port of 127.0.0.1 is in use" other || fail "$(cat other)"
code=0
"$raml" serve --port 0 >other 2>&1 || code=$?
[ $code -eq 2 ] || fail "no model: exit code $code"
code=0
"$raml" serve --model init:micro --host 192.0.2.1 >other 2>&1 || code=$?
[ $code -eq 1 ] || fail "another machine's address: exit code $code"
grep -q 'no address of this machine' other || fail "$(cat other)"
ends TERM
says 'POST /v1/completions 200'
says 'POST /v1/completions 400'
says '11 requests in .* (1 refused, 0 failed, 0 cancelled)'

# What is in progress is answered; SIGINT does the same; figures as JSON; a name of its own.
start --json --served_model_name mine --host 0.0.0.0
says 'ATTENTION: 0.0.0.0 is not only this machine'
"$client" "$port" POST /v1/completions '{"model": "mine", "prompt": "x", "max_tokens": 300}' >answer &
job=$!
sleep 0.3
ends INT
if wait $job; then
    grep -q '"completion_tokens":300\|"finish_reason":"stop"' answer || fail "$(cat answer)"
else # on a busy machine it may have come after the signal
    grep -q shutting_down answer || fail "the request in progress: $(cat answer)"
fi
grep -q '"requests":1,"refused":0,' out || fail "figures: $(cat out)"

# The example of the page: every line of curl as it stands there, but for the port and the model.
if ! command -v curl >/dev/null; then
    echo "SKIPPED: the example of docs/serve.md needs curl" >&2
    exit 0
fi
start --served_model_name demo/with
sed -n "s|^    \(curl .*\)|\1|p" "$source_dir/docs/serve.md" | sed "s|127.0.0.1:8000|127.0.0.1:$port|" >example.sh
[ "$(wc -l <example.sh)" -ge 4 ] || fail "docs/serve.md has no example"
while read -r line; do
    sh -c "$line" >answer 2>curl.said || fail "$line: $(cat curl.said)"
    grep -q '"object":\|"status":\|data: \[DONE\]' answer || fail "$line: $(cat answer)"
done <example.sh
ends TERM
