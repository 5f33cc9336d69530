#!/bin/sh
# test_lora.sh BINARY SOURCE_DIR BUILD_DIR: low-rank adapters on the command line. Trained, resumed, continued, read with
# --adapter and as a model; merged and in GGUF they give the same scores; what is wrong gets one sentence.
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
# refuse PART ARGUMENTS...: fails, with PART in the message
refuse() {
    part=$1
    shift
    if "$raml" "$@" --quiet >said 2>&1; then fail "$* passes"; fi
    [ "$(wc -l <said)" -eq 1 ] || fail "$*: more than a line: $(cat said)"
    grep -qF -e "$part" said || fail "$*: $(cat said)"
}
train() { # OUT ARGUMENTS...
    out=$1
    shift
    "$raml" train sft --families add:1-1 --num_questions 40 --dtype f32 --learning_rate 1e-2 --out "$out" "$@" --quiet \
        >train.out 2>&1 || fail "training $out: $(cat train.out)"
}
score() { "$raml" score q.jsonl --dtype f32 --quiet "$@" || fail "score $*"; }
# near A B: the same keys, numbers within 1e-5
near() {
    tr -c '0-9.eE+-' '\n' <"$1" | grep '[0-9]' >"$1.n"
    tr -c '0-9.eE+-' '\n' <"$2" | grep '[0-9]' >"$2.n"
    paste "$1.n" "$2.n" | awk 'NF != 2 || !(($1 - $2) ^ 2 <= 1e-10) { bad = 1; print } END { exit bad || NR < 8 }' ||
        fail "$1 and $2 differ"
}

printf '%s\n' '{"id":"a","prompt":"<|question|>1+2=?<think>","completions":[{"text":"3"},{"text":"1+2=3</think>3"}]}' >q.jsonl
train base --model init:micro --max_steps 3
train other --model init:micro --max_steps 3 --seed 5
train run --model base --lora_r 4 --lora_rank_pattern k_proj=2 --max_steps 6 --save_steps 3
grep -q '35840 parameters, 6 steps' train.out || fail "said $(cat train.out)"
grep -q '"base_model_name_or_path": "base/checkpoint-3"' run/checkpoint-6/adapter_config.json || fail "no base"
for name in adapter_config.json adapter_model.safetensors tokenizer.json optimizer.safetensors trainer_state.json; do
    [ -f "run/checkpoint-6/$name" ] || fail "no $name"
done
[ ! -e run/checkpoint-6/model.safetensors ] || fail "the checkpoint has a whole model"

# Another half, resumed: the same bytes.
train half --model base --lora_r 4 --lora_rank_pattern k_proj=2 --max_steps 6 --save_steps 3
rm -r half/checkpoint-6
train half --model base --lora_r 4 --lora_rank_pattern k_proj=2 --max_steps 6 --save_steps 3 --resume
for name in adapter_config.json adapter_model.safetensors optimizer.safetensors; do
    cmp "run/checkpoint-6/$name" "half/checkpoint-6/$name" || fail "resumed: another $name"
done

# All ways to read it score alike, and not as the base does.
score --model base >s.base
score --model run >s.run
cmp -s s.base s.run && fail "the adapter changes nothing"
score --adapter run >s.alone
score --model base --adapter run/checkpoint-6 >s.two
cmp s.run s.alone || fail "--adapter alone"
cmp s.run s.two || fail "--model with --adapter"
"$raml" convert run run.gguf --quiet >said
grep -q '^run.gguf: 56 tensors, 35840 parameters, f32$' said || fail "said $(cat said)"
"$raml" convert --merge run merged --quiet >/dev/null
"$raml" convert --merge --adapter run base merged.gguf --quiet >/dev/null
"$raml" convert run.gguf back --base base --quiet >/dev/null
score --model base --adapter run.gguf >s.gguf
score --model merged >s.merged
score --model merged.gguf >s.merged2
score --model base --adapter back >s.back
for s in gguf merged merged2 back; do near s.run s.$s; done
[ -f merged/tokenizer.json ] && [ -f merged/config.json ] || fail "merged holds $(ls merged)"

# Other types: of the base in f32, its bf16 copy, and GGUF, whose hash is the same.
"$raml" convert base half.gguf --dtype bf16 --quiet >/dev/null
score --model half.gguf --adapter run >/dev/null
"$raml" convert --merge --adapter run base q8.gguf --dtype q8_0 --quiet >/dev/null
score --model q8.gguf >/dev/null

# Trained further, as a model and with --adapter: the same; and by pairs and on rollouts, whose reference is the start.
train more --model run --max_steps 2
train more2 --model base --adapter run --max_steps 2
cmp more/checkpoint-2/adapter_model.safetensors more2/checkpoint-2/adapter_model.safetensors || fail "continued differently"
cmp -s run/checkpoint-6/adapter_model.safetensors more/checkpoint-2/adapter_model.safetensors && fail "nothing was trained"
"$raml" train grpo --model run --families add:1-1 --num_questions 8 --max_steps 1 --batch_size 2 --num_generations 2 \
    --max_completion_length 16 --beta 0.1 --out rollouts --quiet >said 2>&1 || fail "grpo: $(cat said)"
printf '%s\n' '{"prompt":"1+2=?","chosen":"3","rejected":"4"}' '{"prompt":"2+2=?","chosen":"4","rejected":"5"}' >pairs.jsonl
"$raml" train dpo pairs.jsonl --model base --lora_r 4 --max_steps 2 --batch_size 2 --logging_steps 1 --out pairs --quiet \
    >said 2>&1 || fail "dpo: $(cat said)"
head -n 1 pairs/metrics.jsonl | grep -q '"loss":0.69314' || fail "the reference is not the start: $(cat pairs/metrics.jsonl)"
"$raml" train distill --model base --lora_r 4 --lora_target_modules '["q_proj", "v_proj"]' --families add:1-1 \
    --num_questions 8 --max_steps 1 --batch_size 2 --num_generations 2 --max_completion_length 16 --hint answer \
    --out taught --quiet >said 2>&1 || fail "distill: $(cat said)"
grep -q '^taught/checkpoint-1: 7168 parameters' said || fail "distill: $(cat said)"
"$raml" score q.jsonl --model taught --dtype f32 --quiet >s.taught || fail "scores of taught"
"$raml" sample --model run --families add:1-1 --num_questions 2 --max_completion_length 8 --out samples.jsonl --quiet \
    >said 2>&1 || fail "sample: $(cat said)"

"$raml" inspect run --quiet >said
grep -q 'model.layers.\*.self_attn.k_proj  *\[64, 128\]  *4  *2  *32  *16  *1536$' said || fail "inspect: $(cat said)"
"$raml" inspect run.gguf --base base --json --quiet >said
grep -q '"parameters":35840' said || fail "inspect: $(cat said)"

# Refused
refuse "an adapter for another base: it was trained on weights with hash" score q.jsonl --model other --adapter run
refuse "an adapter for another base" convert --merge --adapter run other x
refuse "there is no module 'q_porj'; did you mean 'q_proj'?" train sft --model base --lora_r 4 --lora_target_modules \
    q_porj --families add:1-1 --num_questions 9 --out x
refuse "lora_rank_pattern: 'q_porj' matches no module that has an adapter; names of those are like 'model.layers.0." \
    train sft --model base --lora_r 4 --lora_rank_pattern q_porj=2 --families add:1-1 --num_questions 9 --out x
refuse "--lora_alpha: found '0', expected a number from 1e-06" train sft --model base --lora_r 4 --lora_alpha 0 \
    --families add:1-1 --num_questions 9 --out x
refuse "lora_alpha_pattern: alpha 0 of 'model.layers.0.self_attn.k_proj'" train sft --model base --lora_r 4 \
    --lora_alpha_pattern k_proj=0 --families add:1-1 --num_questions 9 --out x
refuse "run.gguf: names no base (base_model_name_or_path); give --model BASE --adapter run.gguf (raml convert, raml \
inspect: --base BASE)" inspect run.gguf
cp -r run/checkpoint-6 bare
rm bare/adapter_config.json
refuse "bare: holds adapter_model.safetensors, but no adapter_config.json" score q.jsonl --model bare
refuse "bare: holds adapter_model.safetensors, but no adapter_config.json" score q.jsonl --model base --adapter bare
refuse "rank 300 is more than" train sft --model base --lora_r 300 --families add:1-1 --num_questions 9 --out x
code=0
"$raml" train sft --model base --lora_r 300 --families add:1-1 --num_questions 9 --out x >said 2>&1 || code=$?
[ $code -eq 2 ] || fail "a rank that doesn't fit: exit code $code, expected 2, of a wrong setting"
refuse "adapters are of a trained model" train sft --model init:micro --lora_r 4 --families add:1-1 \
    --num_questions 9 --out x
refuse "--lora_r makes new adapters, but run/checkpoint-6 has some" train sft --model run --lora_r 4 --families add:1-1 \
    --num_questions 9 --out x
refuse "holds no adapter_config.json, and is no GGUF adapter" score q.jsonl --model base --adapter other
refuse "is an adapter, and so is" score q.jsonl --model run --adapter run
refuse "--adapter is added to SRC with --merge" convert base x --adapter run
refuse "is no adapter; give one as SRC, or with --adapter" convert --merge base x
refuse "--base: is for an adapter" convert base x --base base
refuse "adapters are written as f32" convert run x.gguf --dtype bf16
refuse "resume with 'model.layers.0.self_attn.q_proj', rank 8, scale 4, but the run was started with" train sft \
    --model base --lora_r 8 --families add:1-1 --num_questions 40 --max_steps 6 --out run --resume
refuse "the run trains adapters; resume it with its own lora_r" train sft --model base --families add:1-1 \
    --num_questions 40 --max_steps 6 --out run --resume
refuse "the run trains all parameters" train sft --model other --lora_r 4 --families add:1-1 --num_questions 40 \
    --max_steps 6 --out base --resume
mv base elsewhere
refuse "its base 'base/checkpoint-3' (base_model_name_or_path) is not found; give --model BASE --adapter" score q.jsonl \
    --model run
score --model elsewhere --adapter run >s.moved
cmp s.run s.moved || fail "a base that was moved"

# A rate that is one for adapters and new models is remarked on where all of a large trained model would be moved by it.
cat >large.json <<'END'
{"model_type": "llama", "vocab_size": 512, "hidden_size": 1024, "intermediate_size": 2560, "num_hidden_layers": 1,
 "num_attention_heads": 8, "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 512,
 "rms_norm_eps": 1e-5, "rope_theta": 10000, "tie_word_embeddings": true, "hidden_act": "silu"}
END
remarks() { # COUNT ARGUMENTS...: a step of training says it that many times
    count=$1
    shift
    rm -rf step
    "$raml" train sft --families add:1-1 --num_questions 4 --batch_size 1 --max_steps 1 --dtype f32 --out step "$@" >said 2>&1 ||
        fail "$*: $(cat said)"
    [ "$(grep -c 'of a trained model: mostly so far that it forgets' said)" -eq "$count" ] || fail "$*: $(cat said)"
}
remarks 0 --model init:./large.json
mv step/checkpoint-1 large
rm large/optimizer.safetensors
remarks 1 --model large
remarks 0 --model large --learning_rate 2e-5
remarks 0 --model large --lora_r 2
remarks 0 --model elsewhere # a small one
[ ! -e x ] && [ ! -e x.gguf ] && [ ! -e x.tmp ] || fail "something was left"
echo "adapters: trained, resumed, continued, merged, in GGUF; faults refused"
