#!/bin/sh
# gguf 0.19.0 (PyPI), the Python writer of GGUF files: GGUFWriter.add_array(key, []) writes nothing and reports nothing.
# Expected: the key, with an array of no elements, which the format has. Seen: the key is not in the file; a reader that
# asks for it (tokenizer.ggml.merges of a byte-level vocabulary without merges) finds it missing and refuses the model.
# Output seen: "x.empty dropped, x.one written". Exit code 0 while it is so, 1 when it has changed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install gguf==0.19.0
"$dir/venv/bin/python" - "$dir/arrays.gguf" <<'P'
import sys
import gguf

writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_array("x.empty", [])
writer.add_array("x.one", ["a b"])
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
fields = gguf.GGUFReader(sys.argv[1]).fields
print(", ".join(f"{key} {'written' if key in fields else 'dropped'}" for key in ("x.empty", "x.one")))
sys.exit(0 if "x.empty" not in fields and "x.one" in fields else 1)
P
