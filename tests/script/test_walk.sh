#!/bin/sh
# test_walk.sh BINARY SOURCE_DIR BUILD_DIR: pages of docs/ run as printed, from top to bottom, in one folder after another; no two
# pages write the same output, and options are spelled in one way.
set -eu
binary=$1 source=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rc=0
fail() {
    echo "FAIL: $*"
    rc=1
}

# commands PAGE: its indented commands in order, each of one or more lines, ended by a line "%%".
commands() {
    awk '
    function flush() { if (cmd != "") printf "%s\n%%%%\n", cmd; cmd = "" }
    /^```/ { fence = !fence; next }
    fence { next }
    {
        line = $0
        if (more) cmd = cmd "\n" substr(line, 5)
        else {
            if (line !~ /^    /) next
            sub(/^    (\$ )?/, "", line)
            if (line !~ /^(raml|printf|sed|mkdir|mpirun|curl|python3|hub\/bin\/[a-z]+) / || line ~ /^raml [a-z ]+: /) next
            cmd = line
        }
        text = cmd
        more = line ~ /\\$/ || gsub(/\047/, "", text) % 2
        if (!more) flush()
    }' "$1"
}

# written: the outputs that commands name, with --out or as the target of `raml convert` or of a redirection.
written() {
    awk '
    { for (i = 1; i <= NF; i++) {
        if ($i == "--out") print $(i + 1)
        if ($i ~ /^>[a-z]/) print substr($i, 2)
        if ($i == ">") print $(i + 1)
    } }'
}

mkdir "$tmp/bin" "$tmp/at"
ln -s "$binary" "$tmp/bin/raml"
PATH=$tmp/bin:$PATH
export PATH
n=0
for page in "$source"/docs/*.md; do
    name=$(basename "$page" .md)
    commands "$page" >"$tmp/$name.commands"
    n=$((n + $(grep -cx '%%' "$tmp/$name.commands" || :)))
    # What a page makes, another does not: they can be read in any order. Runs that --resume keeps may be on several.
    grep -v -- '--resume' "$tmp/$name.commands" | written | sort -u | sed "s|\$| $name|" >>"$tmp/outputs"
done
[ "$n" -ge 90 ] || fail "only $n commands were found"
sort "$tmp/outputs" | awk '$1 == last { print $1 ": " page ", " $2 } { last = $1; page = $2 }' >"$tmp/twice"
# training.md shows recipes/sft.yaml first, where multi-step.md keeps it
[ ! -s "$tmp/twice" ] || fail "outputs of two pages: $(cat "$tmp/twice")"

# A page that uses demo/with, the folder start or a model of the hub makes or fetches it first.
for page in "$tmp"/*.commands; do
    awk -v page="$(basename "$page" .commands)" '
    /raml demo/ { there["demo/with"] = 1 }
    /--out start( |$)/ { there["start"] = 1 }
    /--local-dir/ { for (i = 1; i < NF; i++) if ($i == "--local-dir") there[$(i + 1)] = 1 }
    { for (i = 1; i <= NF; i++) if ($i ~ /^(demo\/with|start|Qwen[^\/ ]+)$/ && !($i in there) && !named[$i]++)
        print page ": nothing makes " $i " before: " $0 }' "$page" >>"$tmp/lacks"
done
[ ! -s "$tmp/lacks" ] || fail "$(cat "$tmp/lacks")"

# Options are spelled with _ (a - is read too).
grep -nE -- '--[a-z]+-[a-z]+' "$source"/docs/*.md "$source"/README.md "$source"/recipes/*.yaml |
    grep -E 'raml |`--' | grep -vE -- '--no-|--logprobs-mode|--local-dir|--cpus-per-task|--map-by|--bind-to|--allow-run-as-root|--dump-eval-details|--test-dir|--output-on-failure' |
    grep -v '^[^:]*:[0-9]*:.*--[a-z]*-[a-z]*=' >"$tmp/dashes" || :
[ ! -s "$tmp/dashes" ] || fail "options with a dash: $(cat "$tmp/dashes")"

# The pages that take seconds, one after another in one folder, as somebody reads them.
cd "$tmp/at"
for name in arrays convert data families lora samples verify; do
    cmd=
    while IFS= read -r line; do
        if [ "$line" != "%%" ]; then
            cmd="$cmd$line
"
            continue
        fi
        case $cmd in
        *"demo"*|*graded.jsonl*|curl*|hub/bin*|python3*|*gsm8k/test.jsonl*) ;; # minutes, or the network
        *) sh -c "$cmd" >"$tmp/said" 2>&1 </dev/null || fail "docs/$name.md: $cmd: $(tail -n 3 "$tmp/said")" ;;
        esac
        cmd=
    done <"$tmp/$name.commands"
done
[ -f folder/model.safetensors ] || fail "docs/convert.md: nothing was converted"

# Each of the checks sees its fault.
printf '    raml task make --n 2 --out made.jsonl\n    raml eval --model start x\n' >"$tmp/page.md"
[ "$(commands "$tmp/page.md" | grep -cx '%%')" -eq 2 ] || fail "two planted commands were not found"
[ "$(commands "$tmp/page.md" | written)" = made.jsonl ] || fail "a planted output was not found"
exit $rc
