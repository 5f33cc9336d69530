#!/bin/sh
# test_pages.sh BINARY SOURCE_DIR BUILD_DIR: manual pages and shell completion know every command and every option, and
# complete words and paths. What checks them (groff, mandoc, bash, zsh, fish) is used where it is there.
# shellcheck disable=SC2086  # names of commands are one word or two
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rc=0
fail() {
    echo "FAIL: $*"
    rc=1
}
have() { command -v "$1" >/dev/null 2>&1 || { echo "skipped: there is no $1"; return 1; }; }

# The list: lines of two spaces, the name padded to 14, the description. And each command's options, by --help.
"$raml" --help | sed -n 's/^  \([a-z].\{13\}\) [^ ].*/\1/p' | sed 's/ *$//' >"$tmp/commands"
[ "$(wc -l <"$tmp/commands")" -ge 10 ] || fail "fewer commands than there are: $(cat "$tmp/commands")"
options() { "$raml" $1 --help | sed -n 's/^  --\(\[no-\]\)\{0,1\}\([a-z_0-9]*\).*/\2/p' | LC_ALL=C sort; }

# -- Manual pages
page() { "$raml" help $1 --format man >"$tmp/page.1" || fail "no page of '$1'"; }
check_page() {
    if command -v groff >/dev/null; then
        groff -ww -man -Tascii -rLL=200n -P-cbou "$tmp/page.1" >"$tmp/text" 2>"$tmp/said"
        [ ! -s "$tmp/said" ] || fail "groff on the page of '$1': $(cat "$tmp/said")"
    else
        sed 's/\\-/-/g; s/\\f.//g' "$tmp/page.1" >"$tmp/text"
    fi
    if command -v mandoc >/dev/null; then # a page without a date, that names pages that are not installed, is meant
        mandoc -Tlint -Wwarning "$tmp/page.1" | grep -v 'missing date' >"$tmp/said" || :
        [ ! -s "$tmp/said" ] || fail "mandoc on the page of '$1': $(cat "$tmp/said")"
    fi
}
have groff || :
have mandoc || :
page ""
check_page ""
while read -r name; do
    grep -q "raml-$(echo "$name" | tr ' ' -)(1)" "$tmp/text" || grep -q "raml-$(echo "$name" | tr ' ' -) *(1)" "$tmp/text" ||
        fail "raml(1) does not name '$name'"
done <"$tmp/commands"
n=0
while read -r name; do
    page "$name" </dev/null
    check_page "$name"
    options "$name" >"$tmp/options" </dev/null
    while read -r option; do
        n=$((n + 1))
        grep -Eq "^ *--(\[no-\])?$option( |\$)" "$tmp/text" || fail "the page of '$name' lacks --$option"
    done <"$tmp/options"
    grep -q "raml $name" "$tmp/text" || fail "the page of '$name' has no example"
done <"$tmp/commands"
[ "$n" -ge 200 ] || fail "only $n options were looked for"

# -- bash
"$raml" help --format bash >"$tmp/raml.bash"
"$raml" help --format=zsh >"$tmp/_raml"
"$raml" help --format fish >"$tmp/raml.fish"
cat >"$tmp/complete.bash" <<'END'
# complete.bash SCRIPT WORD...: the candidates for the last word, a line each; "=" is a word of its own, as bash has it.
set -u
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_raml
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
END
offers() { bash "$tmp/complete.bash" "$tmp/raml.bash" raml "$@" | LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//'; }
# wants WANTED WORD...
wants() {
    want=$1
    shift
    got=$(offers "$@")
    [ "$got" = "$want" ] || fail "bash offers for 'raml $*': '$got', expected '$want'"
}
if have bash; then
    while read -r name; do
        { options "$name"; "$raml" $name --help | sed -n 's/^  --\[no-\]\([a-z_0-9]*\).*/no-\1/p'; } </dev/null |
            LC_ALL=C sort -u | sed 's/^/--/' | LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//' >"$tmp/options"
        wants "$(cat "$tmp/options")" $name -- </dev/null
        case $name in
        *" "*) case " $(offers "${name% *}" "") " in *" ${name#* } "*) ;; *) fail "bash does not offer '$name'" ;; esac ;;
        *) wants "$name" "$name" </dev/null ;;
        esac
    done <"$tmp/commands"
    mkdir "$tmp/in"
    : >"$tmp/in/two words.jsonl"
    : >"$tmp/in/three.jsonl"
    wants "sample score serve study" s
    wants "anil distill dpo fomaml grpo maml reptile rft sft" train ""
    wants "bash fish man zsh" help --format ""
    wants "trace train" help tra
    wants "anil distill dpo fomaml grpo maml reptile rft sft" help train ""
    wants "gold own" trace --answer ""
    wants "gold" trace --answer = g
    wants "gold own" trace --answer =
    wants "avx2 avx512 avx512bf16" doctor --cpu avx
    wants "--max_batch_tokens" trace --max_b
    wants "--max-batch-tokens" trace --max-b
    wants "--no-prefix_cache --no-token_table --no-token_values" trace --no
    wants "$tmp/in/three.jsonl $tmp/in/two words.jsonl" trace --data "$tmp/in/t"
    wants "$tmp/in/three.jsonl" train sft --train_file = "$tmp/in/th"
    wants "$tmp/in/two words.jsonl" trace --score_end "$tmp/in/tw"
    wants "" trace --stride ""
    wants "" doctor ""
    if have shellcheck; then shellcheck -s bash -e SC2034,SC2207 "$tmp/raml.bash" || fail "shellcheck"; fi
fi

# -- zsh and fish
while read -r name; do
    options "$name" </dev/null >"$tmp/options"
    while read -r option; do
        grep -Eq "'--$option=?\[" "$tmp/_raml" || fail "zsh lacks --$option of '$name'"
        grep -q -- "__raml_at $name' -l $option " "$tmp/raml.fish" || fail "fish lacks --$option of '$name'"
    done <"$tmp/options"
done <"$tmp/commands"
if have zsh; then zsh -n "$tmp/_raml" || fail "zsh does not read it"; fi
if have fish; then
    fish_offers() {
        HOME=$tmp timeout 60 fish --no-config -c "source $tmp/raml.fish; complete -C '$1'" </dev/null | cut -f 1 | LC_ALL=C sort | tr '\n' ' '
    }
    [ "$(fish_offers 'raml trace --answer ')" = "gold own " ] || fail "fish: values: $(fish_offers 'raml trace --answer ')"
    [ "$(fish_offers 'raml train ')" = "sft " ] || fail "fish: a group: $(fish_offers 'raml train ')"
    [ "$(fish_offers 'raml trace --max_b')" = "--max_batch_tokens " ] || fail "fish: options"
    [ "$(fish_offers 'raml sc')" = "score " ] || fail "fish: commands"
fi

# -- What is refused
# refuses WORDS ARGUMENT...
refuses() {
    words=$1 code=0
    shift
    "$raml" help "$@" >"$tmp/out" 2>"$tmp/said" || code=$?
    [ "$code" -eq 2 ] || fail "raml help $*: exit code $code, expected 2"
    grep -qF -- "$words" "$tmp/said" || fail "raml help $*: no '$words' in: $(cat "$tmp/said")"
    [ ! -s "$tmp/out" ] || fail "raml help $*: printed something"
}
refuses "found 'ksh', expected man, bash, zsh or fish" --format ksh
refuses "found '', expected man" --format
refuses "--format bash is one file for all commands" trace --format bash
refuses "unknown command 'trance'" trance --format man
refuses "unknown command 'train'" train --format man
refuses "unknown command 'trace data'" trace data --format man
refuses "found 'more' after a command" train sft more --format man
exit $rc
