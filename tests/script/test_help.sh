#!/bin/sh
# Every command explains what it does, with an example, in lines of at most 100 columns; bad usage exits with 2.
# usage: sh test_help.sh RAML_BINARY SOURCE_DIR BUILD_DIR
raml=$1
bad=0
n=0
fail() {
    echo "test_help: $*" >&2
    bad=1
}
# expect CODE WHAT ARGUMENTS...: runs raml with the arguments; output in $out, messages in $said
expect() {
    want=$1
    what=$2
    shift 2
    out=$("$raml" "$@" 2>"$messages")
    got=$?
    said=$(cat "$messages")
    [ "$got" -eq "$want" ] || fail "$what: exit code $got, expected $want: $said"
}
messages=$(mktemp) || exit 1
list=$(mktemp) || exit 1
trap 'rm -f "$messages" "$list"' EXIT

expect 0 "raml --version" --version
case $out in "raml "[0-9]*) ;; *) fail "--version printed '$out'" ;; esac
expect 2 "raml without arguments"
[ -z "$out" ] || fail "bad usage wrote to standard output"
expect 2 "unknown command" dotcor
case $said in *"did you mean 'raml doctor'"*) ;; *) fail "no nearest command in '$said'" ;; esac
expect 2 "an unknown command of a group" train foo
for name in sft rft dpo grpo; do
    case $said in "raml: unknown command 'train foo'"*"raml train $name "*) ;; *) fail "'train foo' said '$said'" ;; esac
done
expect 0 "raml --help" --help

# The list: lines of two spaces, the name padded to 14, the description.
printf '%s\n' "$out" | sed -n 's/^  \([a-z].\{13\}\) [^ ].*/\1/p' | sed 's/ *$//' >"$list"
while read -r name; do
    n=$((n + 1))
    expect 0 "raml $name --help" $name --help </dev/null
    long=$(printf '%s\n' "$out" | awk 'length($0) > 100')
    [ -z "$long" ] || fail "raml $name --help: longer than 100 columns: $long"
    example=$(printf '%s\n' "$out" | sed -n '/^example:$/{n;p;}')
    case $example in "  raml $name"*) ;; *) fail "raml $name: the example is '$example'" ;; esac
    first=$(printf '%s\n' "$out" | head -n 1)
    case $first in "usage: raml $name "*) ;; *) fail "raml $name --help begins with '$first'" ;; esac
    help=$out
    expect 0 "raml help $name" help $name </dev/null
    [ "$out" = "$help" ] || fail "'raml help $name' differs from 'raml $name --help'"
    expect 2 "raml $name with an unknown option" $name --no_such_option </dev/null
    case $said in "raml $name: unknown option --no_such_option"*) ;; *) fail "raml $name said '$said'" ;; esac
    [ -z "$out" ] || fail "raml $name: bad usage wrote to standard output"
done <"$list"
[ "$n" -ge 1 ] || fail "raml --help lists no commands"
echo "test_help: $n commands"
exit $bad
