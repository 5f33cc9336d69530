#!/bin/sh
# test_recipes.sh BINARY SOURCE_DIR BUILD_DIR: every recipe runs at its smallest setting, from the folder that start.yaml makes,
# leaves metrics, and has just the active terms that its comments name; its first lines say how it is run.
set -eu
raml=$1
recipes=$2/recipes
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
must() { "$@" >said 2>&1 || fail "$*: $(cat said)"; }

# A folder named start, and pairs of right and wrong samples, as the recipes' own commands would make them.
must "$raml" train sft --config "$recipes/start.yaml" --max_steps 4 --num_questions 300 --out start --quiet
cp -R start start-hints # distill.yaml's, which its comments make
for i in 1 2 3 4; do
    for sample in "1+1=2|2|true" "1+1=3|3|false"; do
        text=${sample%%|*} rest=${sample#*|}
        echo "{\"text\":\"$text\",\"answer\":\"${rest%|*}\",\"correct\":${rest#*|}}"
    done | paste -s -d, | sed "s/.*/{\"id\":\"q$i\",\"question\":\"1+$i=?\",\"answer\":\"2\",\"trajectories\":[&]}/"
done >pairs.jsonl

n=0
for recipe in "$recipes"/*.yaml; do
    name=$(basename "$recipe" .yaml)
    n=$((n + 1))
    # The comment begins with the file's name and has its command.
    head -n 1 "$recipe" | grep -q "^# $name\.yaml: " || fail "$name: the first line is '$(head -n 1 "$recipe")'"
    grep -q "^#     raml train --config recipes/$name\.yaml .*--out .*" "$recipe" ||
        fail "$name: its comments have no line 'raml train --config recipes/$name.yaml .. --out ..'"
    verb=$(grep -v '^#' "$recipe" | sed -n '1s/^raml_command: "train \([a-z]*\)"$/\1/p')
    [ -n "$verb" ] || fail "$name: its first key is not raml_command: \"train ..\""
    lines=$(sed '/^# Active terms/q' "$recipe" | grep -c '^#')
    [ "$lines" -ge 3 ] && [ "$lines" -le 8 ] || fail "$name: $lines lines of comments, expected 3 to 8"
    small="--max_steps 2 --batch_size 2 --logging_steps 1"
    case $verb in
    grpo | rft | distill) small="$small --num_generations 4 --max_completion_length 24" ;;
    esac
    grep -q '^eval_steps' "$recipe" && small="$small --eval_steps 2 --eval_questions 2"
    grep -q '^eval_adapted' "$recipe" && small="$small --eval_questions 8" # two of a family, to adapt to one of them
    # shellcheck disable=SC2086
    must "$raml" train --config "$recipe" $small --out "out-$name"
    ! grep 'has no effect' said || fail "$name sets what does nothing"
    [ "$(grep -c '"grad_norm":' "out-$name/metrics.jsonl")" -eq 2 ] || fail "$name: $(cat "out-$name/metrics.jsonl")"
    # What the recipe claims, what the run recorded, what it printed.
    sed -n '/^# Active terms/,/^[^#]/s/^#   //p' "$recipe" >claimed
    sed -n 's/^# //p' "out-$name/recipe.yaml" >recorded
    cmp -s claimed recorded || fail "$name: active terms are: $(cat recorded) - the recipe says: $(cat claimed)"
    while IFS= read -r line; do
        grep -qxF "$line" said || fail "$name: '$line' is not printed"
    done <claimed
    # The record is a recipe itself.
    [ "$name" != dapo ] || must "$raml" train "$verb" --config "out-$name/recipe.yaml" --out again --quiet
done
[ "$n" -ge 20 ] || fail "only $n recipes"
cmp out-dapo/metrics.jsonl again/metrics.jsonl || fail "the recorded recipe trains otherwise"
# The record of a run whose data file was a nameless argument is a recipe too; a file that is named replaces it.
short="--model start --max_steps 2 --batch_size 2 --logging_steps 1 --quiet"
# shellcheck disable=SC2086
must "$raml" train dpo pairs.jsonl $short --out named
must "$raml" train --config named/recipe.yaml --out replayed --quiet
cmp named/metrics.jsonl replayed/metrics.jsonl || fail "a recipe with arguments trains otherwise"
cp pairs.jsonl other.jsonl
must "$raml" train dpo other.jsonl --config named/recipe.yaml --out replaced --quiet
grep -qxF 'raml_arguments: ["other.jsonl"]' replaced/recipe.yaml || fail "arguments: $(grep raml_arg replaced/recipe.yaml)"
# A recipe for another command is refused, with its line.
line=$(grep -n '^raml_command' "$recipes/rft.yaml" | cut -d : -f 1)
rc=0
"$raml" train grpo --config "$recipes/rft.yaml" --out other >said 2>&1 || rc=$?
[ "$rc" -eq 2 ] && [ "$(cat said)" = "raml train grpo: $recipes/rft.yaml:$line: this recipe is for 'raml train rft', not for 'raml train grpo'" ] ||
    fail "rft's recipe by grpo: exit $rc: $(cat said)"
[ ! -e other ] || fail "a refused recipe wrote a folder"
grep -qxF 'learning_rate: 1.0e-05' named/recipe.yaml || fail "dpo's own rate: $(grep learning_rate named/recipe.yaml)"
grep -q '"kl":' out-grpo/metrics.jsonl || fail "grpo: no KL"
grep -q '"rewards/margins":' out-dpo/metrics.jsonl || fail "dpo: $(cat out-dpo/metrics.jsonl)"
grep -q '"loss":0.69314' out-dpo/metrics.jsonl || fail "dpo: does not begin at log 2"
grep -q '"loss":25.0' out-ipo/metrics.jsonl || fail "ipo: does not begin at 25: $(cat out-ipo/metrics.jsonl)"

# Validation has the same texts whatever the support set is: before the first step the loss is one number.
for support in "--support_size 1" "--support_size 8" "--support_size 8 --paraphrases" "--trajectories 2 --support_size 2"; do
    rm -rf support
    # shellcheck disable=SC2086
    must "$raml" train sft --config "$recipes/support-set.yaml" --model start --max_steps 1 --batch_size 1 --eval_questions 4 $support --out support
    sed -n 's/^{"step":0,.*"eval_loss":\([^,}]*\).*/\1/p' support/metrics.jsonl >>before
done
[ "$(wc -l <before)" -eq 4 ] && [ "$(sort -u before | wc -l)" -eq 1 ] || fail "support set: validation before the first step: $(cat before)"

# What is given wins over the preset, in a recipe too.
printf 'preset: dapo\nepsilon_high: 0.5\n' >own.yaml
sed 's/^preset.*//' "$recipes/rloo.yaml" >>own.yaml
must "$raml" train grpo --config own.yaml --max_steps 1 --batch_size 1 --num_generations 2 --max_completion_length 8 --out own
grep -qF 'within [0.8, 1.5])' said || fail "a recipe's own setting: $(cat said)"
echo "test_recipes: $n recipes"
