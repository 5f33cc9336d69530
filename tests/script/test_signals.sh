#!/bin/sh
# test_signals.sh BINARY SOURCE_DIR BUILD_DIR: the first SIGTERM or SIGINT is heeded at once, by whatever a command waits
# for: a pipe, a FIFO without a writer or a reader, gnuplot. While a model trains, no thread that computes takes signals.
set -eu
raml=$1
tmp=$(mktemp -d)
pid=
what=
trap 'if [ "$pid" ]; then kill -s KILL "$pid" 2>/dev/null || :; fi; rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
until_true() { # until_true COMMAND...: within a minute
    n=0
    while ! "$@" 2>/dev/null; do
        n=$((n + 1))
        [ $n -lt 1200 ] || fail "$what: not within a minute: $*: $(cat said)"
        sleep 0.05
    done
}
# Is it what was started (not env), and waiting? The test holds too when it is not waiting yet.
sleeps() { grep -q '^raml' "/proc/$pid/comm" && grep -q '^State:[[:space:]]*S' "/proc/$pid/status"; }
gone() { ! kill -0 "$pid" 2>/dev/null || grep -q '^State:[[:space:]]*Z' "/proc/$pid/status"; }
start() { # start ARGUMENT...: in the background, where a shell would have it ignore SIGINT
    env --default-signal=INT "$raml" "$@" <silent >said 2>&1 9<&- &
    pid=$!
}
ends_by() { # ends_by SIGNAL: the process is asked once; it ends by itself, with exit code 1 and a message
    kill -s "$1" "$pid"
    until_true gone
    code=0
    wait "$pid" || code=$?
    pid=
    [ $code -eq 1 ] || fail "$what, $1: exit code $code, expected 1: $(cat said)"
    grep -q 'stop' said || fail "$what, $1: it does not say that it was stopped: $(cat said)"
}

"$raml" task make --families add:2 --n 3 --out q.jsonl >/dev/null
echo '{"gold": "1", "pred": "1"}' >v.jsonl
echo '{{ messages[0].content }}' >t.jinja
mkfifo fifo full silent
exec 9<>silent # standard input is open, and nothing comes
for signal in TERM INT; do
    for command in "verify fifo" "verify -" "score --model init:micro fifo" "score --model init:micro -" "tokenize fifo" \
        "tokenize -" "prompt --template t.jinja fifo" "sample --model init:micro fifo" "sample --model init:micro -" "eval fifo" \
        "eval --model init:micro fifo" "trace --model init:micro fifo" "data check fifo" "data split fifo --out split" \
        "train sft --model init:micro fifo --out run" "verify v.jsonl --out full" "report --config fifo"; do
        what="raml $command"
        # shellcheck disable=SC2086  # words
        start $command
        until_true sleeps
        ends_by $signal
    done
done

# gnuplot that never ends is ended with it; without gnuplot's picture nothing is left half done.
mkdir bin
printf '#!/bin/sh\necho $$ >"%s/gnuplot.pid"\nexec sleep 1000\n' "$tmp" >bin/gnuplot
chmod +x bin/gnuplot
"$raml" sample --model init:micro --max_completion_length 4 q.jsonl --out s.jsonl >/dev/null 2>&1
for signal in TERM INT; do
    what="gnuplot hangs"
    rm -f gnuplot.pid
    PATH="$tmp/bin:$PATH" start trace --model init:micro s.jsonl --out "trace-$signal"
    until_true test -s gnuplot.pid
    ends_by $signal
    drawing=$(cat gnuplot.pid)
    if kill -0 "$drawing" 2>/dev/null && ! grep -q '^State:[[:space:]]*Z' "/proc/$drawing/status"; then
        fail "gnuplot goes on"
    fi
done

# Of a training's threads, one takes SIGINT, SIGUSR1, SIGPIPE and SIGTERM; all others block them.
start train sft --model init:micro --families add:2 --num_questions 300 --max_steps 100000 --out masks --threads 3
until_true test -s masks/metrics.jsonl
n=0
for thread in "/proc/$pid/task"/*; do
    name=$(cat "$thread/comm")
    blocked=$(sed -n 's/^SigBlk:[[:space:]]*//p' "$thread/status")
    case $name in
    raml-signals) want=0 ;;
    *) want=$((0x5202)) n=$((n + 1)) ;;
    esac
    [ $((0x$blocked & 0x5202)) -eq $want ] || fail "thread $name blocks $blocked"
done
[ $n -ge 3 ] || fail "$n threads that compute"
what="training"
ends_by TERM
