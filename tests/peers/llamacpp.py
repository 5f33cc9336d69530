"""llama.cpp by its C API, for comparison: the library inside the wheel xllamacpp, with the declarations of the wheel llama-cpp-py-sync.

FOLDER holds both, unpacked: pip install --no-deps --target FOLDER/xllamacpp xllamacpp; pip install --no-deps --target FOLDER/h llama-cpp-py-sync
(of the same build of llama.cpp: xllamacpp 2026.10.11549 and llama-cpp-py-sync 0.11548 were used).
"""
import re

import cffi
import numpy as np


class LlamaCpp:
    def __init__(self, folder):
        self.ffi = cffi.FFI()
        source = open(folder + "/h/llama_cpp_py_sync/_cffi_bindings.py").read()
        self.ffi.cdef(re.search(r'_LLAMA_H_CDEF = """(.*?)"""', source, re.S).group(1))
        self.lib = self.ffi.dlopen(folder + "/xllamacpp/xllamacpp/xllamacpp.abi3.so")
        self.quiet = self.ffi.callback("void(enum ggml_log_level, char *, void *)", lambda level, text, user: None)
        self.lib.llama_log_set(self.quiet, self.ffi.NULL)
        self.lib.llama_backend_init()

    def open(self, path):
        return Model(self, path)


class Model:
    def __init__(self, of, path):
        self.ffi, self.lib = of.ffi, of.lib
        p = self.lib.llama_model_default_params()
        p.n_gpu_layers = 0
        if hasattr(p, "use_extra_bufts"):
            p.use_extra_bufts = False  # no repacking: the file's own blocks are multiplied
        self.model = self.lib.llama_model_load_from_file(path.encode(), p)
        if self.model == self.ffi.NULL:
            raise RuntimeError("llama.cpp does not load " + path)
        self.vocab = self.lib.llama_model_get_vocab(self.model)
        self.n_vocab = self.lib.llama_vocab_n_tokens(self.vocab)

    def close(self):
        self.lib.llama_model_free(self.model)

    def ids(self, text, special):
        raw = text.encode()
        out = self.ffi.new("llama_token[]", len(raw) + 8)
        n = self.lib.llama_tokenize(self.vocab, raw, len(raw), out, len(raw) + 8, False, special)
        return list(out[0:n])

    def ends(self):
        return [i for i in range(self.n_vocab) if self.lib.llama_vocab_is_eog(self.vocab, i)]

    def context(self, size, threads=2):
        c = self.lib.llama_context_default_params()
        c.n_ctx = max(64, size)
        c.n_batch = c.n_ubatch = c.n_ctx
        c.n_threads = c.n_threads_batch = threads
        c.type_k = c.type_v = 0  # keys and values in f32
        c.flash_attn_type = 0
        context = self.lib.llama_init_from_model(self.model, c)
        if context == self.ffi.NULL:
            raise RuntimeError("llama.cpp makes no context")
        return context

    def decode(self, context, ids, first, all_logits):
        b = self.lib.llama_batch_init(len(ids), 0, 1)
        b.n_tokens = len(ids)
        for i, t in enumerate(ids):
            b.token[i], b.pos[i], b.n_seq_id[i], b.logits[i] = t, first + i, 1, all_logits or i + 1 == len(ids)
            b.seq_id[i][0] = 0
        rc = self.lib.llama_decode(context, b)
        self.lib.llama_batch_free(b)
        if rc:
            raise RuntimeError(f"llama_decode: {rc}")

    def logits(self, ids, threads=2):
        context = self.context(len(ids), threads)
        self.decode(context, ids, 0, True)
        row = lambda i: self.ffi.buffer(self.lib.llama_get_logits_ith(context, i), 4 * self.n_vocab)
        out = np.stack([np.frombuffer(row(i), dtype="<f4").copy() for i in range(len(ids))])
        self.lib.llama_free(context)
        return out
