# kill_moments.sh: read by kill_train.sh and kill_mpi.sh: a folder `tmp` to work in, a model's shape, moments to kill at, and
# what a resumed run must have. They define end_all PID, which ends what is running.
# shellcheck shell=sh disable=SC2034  # for those who read it
tmp=$(mktemp -d) pid=''
trap 'if [ "$pid" ]; then end_all "$pid"; fi; rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
cat >shape.json <<'END'
{"model_type": "qwen3", "vocab_size": 261, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
 "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 128, "rms_norm_eps": 1e-6,
 "rope_theta": 10000, "tie_word_embeddings": true, "eos_token_id": 256}
END
now() { date +%s%N | sed 's/......$//'; } # milliseconds
moment() { # moment I MILLISECONDS: the i-th of those spread over a run that took so long, in seconds
    awk -v seed="$1" -v ms="$2" 'BEGIN { srand(seed); rand(); printf "%.3f", rand() * ms / 1000 }'
}
differs() { # differs WHOLE RUN: names the first file that another run has otherwise: metrics, rollouts, the last checkpoint
    last=$(find "$1" -name 'checkpoint-*' -prune | sed 's/.*checkpoint-//' | sort -n | tail -n 1)
    for f in metrics.jsonl rollouts.jsonl "checkpoint-$last/model.safetensors" "checkpoint-$last/adapter_model.safetensors" \
        "checkpoint-$last/optimizer.safetensors" "checkpoint-$last/trainer_state.json"; do
        [ -e "$1/$f" ] || [ -e "$2/$f" ] || continue
        cmp -s "$1/$f" "$2/$f" && continue
        echo "$f"
        return 0
    done
    return 1
}
