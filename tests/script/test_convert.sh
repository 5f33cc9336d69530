#!/bin/sh
# test_convert.sh BINARY SOURCE_DIR BUILD_DIR: a trained model to GGUF and back gives the same bytes, scores and tokens;
# --help's example runs; existing files are not lost.
set -eu
raml=$1
source_dir=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
# refuse PART ARGUMENTS...: bad usage, with PART in the message
refuse() {
    part=$1
    shift
    if "$raml" convert "$@" --quiet >said 2>&1; then fail "convert $* passes"; fi
    grep -qF -e "$part" said || fail "convert $*: $(cat said)"
}

"$raml" train sft --model init:micro --families add:1-1 --num_questions 20 --max_steps 2 --save_steps 1 --out run \
    --quiet >train.out 2>&1 || fail "training: $(cat train.out)"
[ -d run/checkpoint-2 ] || fail "no run/checkpoint-2: $(ls run)"

# The run's newest checkpoint; a checkpoint; the same bytes.
"$raml" convert run model.gguf --quiet >said
grep -q '^model.gguf: .* tensors, .* parameters, keep$' said || fail "said $(cat said)"
"$raml" convert run/checkpoint-2 same.gguf --quiet >/dev/null
cmp model.gguf same.gguf || fail "a run is not its newest checkpoint"
"$raml" convert model.gguf back --quiet --json >said
grep -q '"kind":"folder"' said || fail "said $(cat said)"
cmp run/checkpoint-2/model.safetensors back/model.safetensors || fail "not the same tensors"
for name in config.json generation_config.json model.safetensors tokenizer.json tokenizer_config.json; do
    [ -f "back/$name" ] || fail "no back/$name"
done
[ "$(ls back | wc -l)" -eq 5 ] || fail "back holds $(ls back)"
[ ! -e back.tmp ] || fail "back.tmp is left"
tr -d ' \n' <back/generation_config.json | grep -q '"eos_token_id":\[256\]' || # transformers stops by nothing else
    fail "$(cat back/generation_config.json)"
grep -q '"eos_token": "<|endoftext|>"' back/tokenizer_config.json || fail "$(cat back/tokenizer_config.json)"

# What other programs need to stop and to ask is in the checkpoint, and stays; a checkpoint of a version that did not say
# it is recognised and completed, to a folder and to GGUF.
says_all() {
    tr -d ' \n' <"$1/generation_config.json" | grep -q '"eos_token_id":\[256\]' || fail "$1: $(cat "$1/generation_config.json")"
    grep -q '"eos_token_id": 256' "$1/config.json" || fail "$1: $(cat "$1/config.json")"
    for part in '"tokenizer_class": "PreTrainedTokenizerFast"' '"eos_token": "<|endoftext|>"' '"pad_token": "<|pad|>"' \
        '"chat_template": ".*<|question|>.*<think>'; do
        grep -q "$part" "$1/tokenizer_config.json" || fail "$1: no $part: $(cat "$1/tokenizer_config.json")"
    done
}
says_all run/checkpoint-2
says_all back
cp -R run/checkpoint-2 old
rm old/generation_config.json old/tokenizer_config.json
sed 's/"float32",$/"float32"/; /"eos_token_id"/d' run/checkpoint-2/config.json >old/config.json
"$raml" convert old new --quiet >/dev/null
says_all new
for name in config.json generation_config.json tokenizer_config.json; do
    cmp "run/checkpoint-2/$name" "new/$name" || fail "completed otherwise than trained: $name"
done
"$raml" convert old old.gguf --quiet >/dev/null
"$raml" convert old.gguf new2 --quiet >/dev/null
says_all new2
rm -r old old.gguf new new2

# bf16 through GGUF
"$raml" convert run half --dtype bf16 --quiet >/dev/null
"$raml" convert half half.gguf --quiet >/dev/null
"$raml" convert half.gguf half2 --dtype bf16 --quiet >/dev/null
cmp half/model.safetensors half2/model.safetensors || fail "bf16: not the same tensors"
grep -q '"torch_dtype": "bfloat16"' half2/config.json || fail "bf16: $(grep torch half2/config.json)"
cmp run/checkpoint-2/tokenizer.json half/tokenizer.json || fail "folder to folder: another tokenizer.json"

# Scores and tokens are the same from every one.
printf '%s\n' '{"id":"a","prompt":"<|question|>1+2=?<think>","completions":[{"text":"3"},{"text":"1+2=3</think>3"}]}' >q.jsonl
printf '%s\n' '{"text":"<think>1 + 2, \u00e9"}' >t.jsonl
for model in run/checkpoint-2 model.gguf back; do
    "$raml" score q.jsonl --model "$model" --dtype f32 --quiet >"score.$(basename "$model")" ||
        fail "score with $model"
    "$raml" tokenize t.jsonl --tokenizer "$model" --parse_special --quiet >"ids.$(basename "$model")" ||
        fail "tokenize with $model"
done
for what in score ids; do
    cmp $what.checkpoint-2 $what.model.gguf || fail "$what: GGUF differs"
    cmp $what.checkpoint-2 $what.back || fail "$what: the folder that came back differs"
done

# --help's example, in a folder where its model is
mkdir run-sft
cp -R run/checkpoint-2 run-sft/checkpoint-50
example=$("$raml" convert --help | sed -n '/^example:$/{n;s/^ *raml //;p;}')
"$raml" convert half.gguf model.gguf --overwrite --quiet >/dev/null
rm model.gguf
# shellcheck disable=SC2086  # the example's words are ours
"$raml" $example --quiet >/dev/null || fail "the example does not run"
"$raml" score q.jsonl --model model.gguf --dtype f32 --quiet >score.q8 || fail "score with q8_0"
! cmp -s score.q8 score.checkpoint-2 || fail "q8_0 gives the same scores as f32"

# Several files; without a tokenizer.
"$raml" convert run many --max_shard_size 0.0003 --no-tokenizer --quiet >/dev/null
[ -f many/model.safetensors.index.json ] || fail "no index: $(ls many)"
[ ! -e many/tokenizer.json ] || fail "--no-tokenizer wrote one"
"$raml" convert many many.gguf --quiet >/dev/null
"$raml" convert many.gguf one --quiet >/dev/null
cmp run/checkpoint-2/model.safetensors one/model.safetensors || fail "shards: not the same tensors"

# Existing files stay.
refuse "exists; --overwrite replaces it" run model.gguf
refuse "is a folder that is not empty" run back
mkdir other
echo mine >other/file
refuse "is a folder without config.json" run other --overwrite
[ "$(cat other/file)" = mine ] || fail "other/file is lost"
cp run/checkpoint-2/config.json run/config.json
refuse "which is no part of a model" run/checkpoint-2 run --overwrite
rm run/config.json
refuse "q8_0 is only for GGUF" run q8 --dtype q8_0
refuse "SRC and DST; found 1" run
echo broken >file
refuse "is a file; expected a name that ends in .gguf, or a folder" run file
refuse "neither config.json nor a whole checkpoint" other x.gguf
mkdir empty
"$raml" convert run empty --quiet >/dev/null || fail "an empty folder is refused"
"$raml" convert run back --dtype bf16 --overwrite --quiet >/dev/null || fail "--overwrite"
cmp half/model.safetensors back/model.safetensors || fail "--overwrite left the old one"
"$raml" convert back back --dtype f32 --overwrite --quiet >/dev/null || fail "in place"
grep -q '"torch_dtype": "float32"' back/config.json || fail "in place: $(grep torch back/config.json)"
[ -f back/tokenizer.json ] || fail "in place: the tokenizer is lost"

# The worked example of docs/convert.md
sed -n 's/^    raml /raml /p' "$source_dir/docs/convert.md" >commands
[ -s commands ] || fail "docs/convert.md shows no command"
mkdir doc
cd doc
while read -r line; do
    # shellcheck disable=SC2086
    "$raml" ${line#raml } --quiet >out 2>&1 || fail "docs/convert.md: $line: $(cat out)"
done <../commands
echo ok
