#!/bin/sh
# transformers 5.24.0 (PyPI; with trl 1.16.0, torch 2.15.0): SFTTrainer with packing=True (its default strategy, several documents
# in one row) on models whose layers are partly recurrent. Models of Qwen3-Next's, Bamba's and Nemotron-H's kind refuse without
# kernels that can keep packed documents apart: "can't keep packed sequences apart". Expected of the others: the same, or apart.
# Seen: Jamba (its layers of Mamba) and MiniMax (lightning attention) take the collator's positions and boundaries, use them in
# their attention layers alone, and run the recurrent state on into the next document. No error or warning that would say so; one
# line says that the fallback for Mamba "is correct but much slower". The loss of a document then depends on what it is packed with.
# eval_loss of the same 16 documents with packing and without has to be equal, and is for Qwen3.
# Output seen: "Qwen3: 4.5848 packed, 4.5848 not; Qwen3-Next: refused; Jamba: 4.6332 packed, 4.5466 not; MiniMax: 4.8355 packed,
# 4.9731 not". Exit code 0 while it is so, 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install trl==1.16.0 transformers==5.24.0 accelerate==1.15.0 datasets==5.2.0 torch==2.15.0 numpy==2.4.6
HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES='' "$dir/venv/bin/python" - "$dir" <<'P' 2>"$dir/log" | tail -n 1
import sys

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (JambaConfig, JambaForCausalLM, MiniMaxConfig, MiniMaxForCausalLM, PreTrainedTokenizerFast, Qwen3Config,
                          Qwen3ForCausalLM, Qwen3NextConfig, Qwen3NextForCausalLM)
from trl import SFTConfig, SFTTrainer

folder = sys.argv[1]
words = Tokenizer(models.WordLevel({**{f"w{i}": i for i in range(62)}, "<end>": 62, "<pad>": 63}, unk_token="<pad>"))
words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
words = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>", pad_token="<pad>")
shape = dict(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=4, num_attention_heads=2,
             num_key_value_heads=1, max_position_embeddings=128, initializer_range=0.2, pad_token_id=63, bos_token_id=62,
             eos_token_id=62)
experts = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, shared_expert_intermediate_size=32)
linear = dict(linear_num_key_heads=2, linear_num_value_heads=2, linear_key_head_dim=16, linear_value_head_dim=16)
torch.manual_seed(0)
tested = {
    "Qwen3": Qwen3ForCausalLM(Qwen3Config(**shape, head_dim=16)),
    "Qwen3-Next": Qwen3NextForCausalLM(Qwen3NextConfig(**shape, head_dim=16, **experts, **linear)),
    "Jamba": JambaForCausalLM(JambaConfig(**shape, mamba_d_state=16, mamba_dt_rank=4, attn_layer_period=2, attn_layer_offset=1,
                                          num_experts=2, num_experts_per_tok=1)),
    "MiniMax": MiniMaxForCausalLM(MiniMaxConfig(**shape, layer_types=["linear_attention", "full_attention"] * 2, block_size=8,
                                                num_local_experts=2, num_experts_per_tok=1)),
}
documents = Dataset.from_list([{"input_ids": torch.randint(0, 62, (n,)).tolist()} for n in [8, 12, 5, 15] * 4])


def loss(model, packing):
    args = SFTConfig(output_dir=f"{folder}/out", use_cpu=True, bf16=False, gradient_checkpointing=False, packing=packing,
                     max_length=20, per_device_eval_batch_size=16, report_to="none", router_aux_loss_coef=0.0)
    try:
        return SFTTrainer(model=model, args=args, train_dataset=documents, eval_dataset=documents,
                          processing_class=words).evaluate()["eval_loss"]
    except ValueError as error:
        if "can't keep packed sequences apart" in str(error):
            return None
        raise


seen = {name: (loss(model, True), loss(model, False)) for name, model in tested.items()}
print("; ".join(f"{name}: refused" if packed is None else f"{name}: {packed:.4f} packed, {alone:.4f} not"
                for name, (packed, alone) in seen.items()))
apart = [packed is None or abs(packed - alone) < 1e-4 * alone for packed, alone in seen.values()]
same = apart == [True, True, False, False] and seen["Qwen3"][0] is not None and seen["Qwen3-Next"][0] is None
open(f"{folder}/verdict", "w").write("as described" if same else "changed")
P
[ "$(cat "$dir/verdict")" = "as described" ]
