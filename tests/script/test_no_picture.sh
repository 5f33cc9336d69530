#!/bin/sh
# A gnuplot that is absent, fails, is killed or writes nothing: every command that draws ends with exit code 0, has said so
# once, and leaves data and script of each picture; a report says which picture is missing and how to draw it.
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*" >&2
    exit 1
}

"$raml" task make --families add:2 --n 2 --out q.jsonl >/dev/null
"$raml" sample --model init:micro --max_completion_length 4 --num_generations 2 q.jsonl --out s.jsonl >/dev/null 2>&1
mkdir bin absent
for tool in sh env; do ln -s "$(command -v $tool)" absent/$tool; done

draws() { # draws NAME COMMAND...: with a gnuplot of this kind
    out=$1
    shift
    PATH="$path" "$raml" "$@" --out "$out" >out.txt 2>messages || fail "$kind, $*: exit code $?: $(cat messages)"
    [ "$(grep -c 'are not drawn: ' messages)" -eq 1 ] || fail "$kind, $*: $(cat messages)"
    grep -q "are not drawn: $kind.* Their data and scripts are kept: .gnuplot [a-z_0-9]*\.gp. " messages || fail "$kind, $*: $(cat messages)"
    for script in "$out"/*.gp; do
        [ -s "${script%.gp}.tsv" ] || fail "$kind, $*: no data of $script"
        [ ! -e "${script%.gp}.svg" ] || fail "$kind, $*: a picture for $script"
    done
    [ ! -e "$out/contours.svg" ] || fail "$kind, $*: a film of no pictures"
    ! ls "$out"/*.tmp 2>/dev/null || fail "$kind, $*: left something"
}

all() {
    n=$((n + 1))
    draws r$n/trace trace --model init:micro s.jsonl
    draws r$n/roles roles --model init:micro s.jsonl
    [ $n -eq 1 ] || return 0
    draws r$n/update update --model init:micro s.jsonl --limit 1
    draws r$n/fork fork --model init:micro s.jsonl --limit 1 --num_generations 2 --max_completion_length 4
    draws r$n/prune prune --model init:micro s.jsonl --limit 1 --keep_wrong
    draws r$n/exits study exits --model init:micro s.jsonl
    draws r$n/landscape landscape --model init:micro s.jsonl --grid 3x3 --frames 1 --no-curvature
    draws r$n/slice landscape --model init:micro s.jsonl --grid 3x1 --frames 1 --no-curvature
    PATH="$path" "$raml" report r$n >out.txt 2>messages || fail "report: exit code $?"
    [ "$(grep -c 'are not drawn: ' messages)" -eq 1 ] || fail "$kind, report: $(cat messages)"
    for script in r$n/figures/*.gp r$n/[a-z]*/*.gp; do
        name=$(basename "$script")
        case $script in */trace/* | */importance_[2-9].gp) continue ;; esac # it shows some of these, and draws its own of a trace
        grep -q "Not drawn: .*<code>gnuplot $name</code>" r$n/report.html || fail "report: does not say how to draw $script"
    done
}

n=0
path=$tmp/bin:$PATH
kind="gnuplot ended with exit code 1: line 1: broken"
printf '#!/bin/sh\necho "line 1: broken" >&2\nexit 1\n' >bin/gnuplot
chmod +x bin/gnuplot
all
kind="gnuplot was ended by signal 9"
printf '#!/bin/sh\nkill -9 $$\n' >bin/gnuplot
all
kind="gnuplot left no whole picture"
printf '#!/bin/sh\nhead -c 100000 /dev/urandom\n' >bin/gnuplot
all
kind="gnuplot was not found"
path=$tmp/absent
all
