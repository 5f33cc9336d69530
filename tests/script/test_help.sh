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
for name in sft rft dpo grpo distill; do
    case $said in "raml: unknown command 'train foo'"*"raml train $name "*) ;; *) fail "'train foo' said '$said'" ;; esac
done
# A group's name alone, or with a recipe: one error, and the group's commands.
recipe=$(mktemp) || exit 1
trap 'rm -f "$messages" "$list" "$recipe"' EXIT
# refused WHAT MESSAGE ARGUMENTS...
refused() {
    what=$1
    begin=$2
    shift 2
    expect 2 "$what" "$@"
    [ -z "$out" ] || fail "$what: wrote to standard output"
    case $said in "raml train: $begin"*) ;; *) fail "$what: said '$said'" ;; esac
    for name in sft rft dpo grpo distill; do
        case $said in *"raml train $name "*) ;; *) fail "$what: no train $name in '$said'" ;; esac
    done
}
refused "train alone" "expected one of these commands, or --config FILE whose raml_command names one:" train
refused "train with an option" "expected one of these commands, or --config" train --quiet
refused "--config without a file" "expected one of these commands, or --config" train --config
refused "after --" "expected one of these commands, or --config" train -- --config "$recipe"
printf '# no command\n[a, b]: 1\nmax_steps: 2\n' >"$recipe"
refused "a recipe without a command" "$recipe: found no raml_command, expected one of these commands:" train --config "$recipe"
for other in "train gppo" "sample" "train"; do
    printf 'max_steps: 2\nraml_command: "%s"\n' "$other" >"$recipe"
    refused "a recipe for $other" "$recipe:2: raml_command: found '$other', expected one of these commands:" train "--config=$recipe"
done
expect 2 "a recipe for another command" train grpo --config "$recipe"
[ "$said" = "raml train grpo: $recipe:2: this recipe is for 'raml train', not for 'raml train grpo'" ] || fail "said '$said'"
printf 'raml_command: [a]\n' >"$recipe"
expect 2 "a list as command" train --config "$recipe"
[ "$said" = "raml train: $recipe:1: raml_command: found a list, expected text" ] || fail "a list as command: said '$said'"
printf 'max_steps: 2\nraml_command: train rft\nno_such: 1\n' >"$recipe"
expect 2 "the command's own error" train --config "$list" --config "$recipe" --quiet
case $said in "raml train rft: $recipe:3: unknown key 'no_such'"*) ;; *) fail "the command's own error: '$said'" ;; esac
expect 2 "an option in front" train --no_such_option --config "$recipe"
case $said in "raml train rft: unknown option --no_such_option"*) ;; *) fail "an option in front: '$said'" ;; esac
expect 1 "no such recipe" train --config /nowhere/a.yaml
case $said in "raml train: --config: /nowhere/a.yaml"*) ;; *) fail "no such recipe: '$said'" ;; esac
for help in "train --help" "help train"; do
    expect 0 "raml $help" $help
    case $out in "raml train: expected one of these commands, or --config"*"raml train sft "*) ;; *) fail "$help: '$out'" ;; esac
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
