#!/bin/sh
# test_chat_model.sh BINARY SOURCE_DIR BUILD_DIR: typical work with a chat model of the hub, on a small random one with
# the vocabulary and the template of Qwen 3: train, sample, trace, score, inspect; all of it again from its GGUF file.
set -eu
raml=$1
data=${RAML_SHARED:-$2/../shared}/data
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
if [ ! -d "$data/tokenizer/qwen3" ]; then
    echo "*** $data is absent: chat models were NOT tried ***" >&2
    exit 0
fi
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
must() { "$@" >said 2>&1 || fail "$*: $(cat said)"; }

printf '%s' '{"model_type": "qwen3", "vocab_size": 151936, "hidden_size": 32, "intermediate_size": 64,
"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 1000000, "tie_word_embeddings": true,
"eos_token_id": 151645}' >config.json
head -n 6 "$data/datasets/gsm8k/train.jsonl" >q.jsonl

# Rows are the template's rendering of a question: its own tokens are special, the question's text is plain.
must "$raml" data show q.jsonl --tokenizer "$data/tokenizer/qwen3"
grep -q 'prompt' said || fail "data show: $(cat said)"
grep -qF '<|im_start|>' said || fail "data show: no template: $(cat said)"
grep -qF '**Final Answer**' said || fail "data show: no answer prefix: $(cat said)"

must "$raml" train sft --model init:config.json --tokenizer "$data/tokenizer/qwen3" --data q.jsonl --max_steps 2 \
    --batch_size 2 --out run --quiet
[ -f run/checkpoint-2/tokenizer_config.json ] || fail "the checkpoint lacks the template: $(ls run/checkpoint-2)"
# another prompt format is another run
if "$raml" train sft --model init:config.json --tokenizer "$data/tokenizer/qwen3" --data q.jsonl --max_steps 3 \
    --batch_size 2 --out run --resume --prompt_format plain --quiet >said 2>&1; then fail "resumed with other prompts"; fi
must "$raml" convert run model.gguf --quiet
must "$raml" inspect model.gguf
for model in run model.gguf; do
    must "$raml" sample --model $model q.jsonl --limit 2 --n 2 --max_tokens 24 --think_budget 8 --dtype f32 --out $model.s --quiet
    must "$raml" trace --model $model q.jsonl --limit 2 --out $model.t --n_curves 0 --quiet
    must "$raml" eval --model $model q.jsonl --limit 2 --max_tokens 4 --dtype f32 --quiet
done
cmp run.s model.gguf.s || fail "a GGUF file gives other samples"
cmp run.t/curves.jsonl model.gguf.t/curves.jsonl || fail "a GGUF file has other curves"
grep -q '"think_start":0,"think_end":8' run.s || fail "no position of thinking: $(head -c 600 run.s)"

# Own texts instead; no template and no format is an error that explains what to do.
must "$raml" sample --model run q.jsonl --limit 1 --n 1 --max_tokens 4 --prompt_before 'Q: ' --prompt_after ' A:' --dtype f32 \
    --out own.s --quiet
rm run/checkpoint-2/tokenizer_config.json
if "$raml" sample --model run q.jsonl --limit 1 --n 1 --max_tokens 4 --out none.s --quiet >said 2>&1; then
    fail "sampled without a template"
fi
grep -q -- '--prompt_format' said && grep -q -- '--prompt_before' said || fail "said $(cat said)"
[ ! -e none.s ] || fail "none.s is left"
must "$raml" sample --model run q.jsonl --limit 1 --n 1 --max_tokens 4 --prompt_format qwen3 --dtype f32 --out named.s --quiet
echo ok
