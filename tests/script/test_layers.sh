#!/bin/sh
# test_layers.sh BINARY SOURCE_DIR BUILD_DIR: every #include points to a lower layer, never up or sideways.
# The order: core; device, tree, store, jinja, answer and endpoint; shape, eval and text; modelfile and samples; model; task;
# inner; outer; study; cli (see `below`).
# A public header include/raml/X.h belongs to the layer that holds X.c, or to the one that `home` names.
# The command line uses the public headers, as any other program would, and the tools of core (paths, clocks, JSON).
# And hardware has one door, src/device/backend.h: see `doors`.
set -eu

# look TREE: prints one line for each include that points where it must not, or nowhere.
look() {
    (
        cd "$1"
        find include src -name '*.[ch]' | LC_ALL=C sort >"$tmp/files"
        # shellcheck disable=SC2046  # our file names have no spaces
        grep -nE '^[ \t]*#[ \t]*include[ \t]*("|<raml/)' $(cat "$tmp/files") >"$tmp/includes" || :
    )
    awk '
    function layer_of(path,   part) {                  # "" when the path is in no layer
        if (path ~ /^include\/raml\//) return header[path]
        split(path, part, "/")
        return part[1] == "src" ? part[2] : ""
    }
    function say(what) { printf "%s:%s: %s\n", from, line, what }
    function tidy(path) {                              # a/b/../c -> a/c
        while (sub(/[^\/]+\/\.\.\//, "", path)) { }
        while (sub(/(^|\/)\.\//, "/", path)) { }
        return path
    }
    BEGIN {
        below["core"] = ""
        below["device"] = below["tree"] = below["store"] = below["jinja"] = below["answer"] = "core"
        below["eval"] = "core answer"
        below["samples"] = "core answer eval"
        below["text"] = "core store jinja"
        below["shape"] = "core store"
        below["endpoint"] = "core"
        below["modelfile"] = "core store shape"
        below["model"] = "core device tree store shape modelfile"
        below["task"] = "core answer text store tree"
        below["inner"] = below["model"] " " below["task"] " model task samples eval endpoint"
        below["outer"] = below["inner"] " inner"
        below["serve"] = below["outer"]
        below["study"] = below["outer"] " outer"
        below["cli"] = below["study"] " study serve"
        n = split("raml cli config shape family task format text device device model model tap model row task objective outer " \
                  "rollouts outer train outer lora modelfile serve serve remote endpoint study study", word, " ")
        for (i = 1; i < n; i += 2) home[word[i]] = word[i + 1]
    }
    FILENAME == ARGV[1] {
        there[$0] = 1
        if ($0 ~ /^src\/[a-z]+\/[a-z0-9_]+\.c$/ && $0 !~ /^src\/cli\//) {
            split($0, part, "/")
            sub(/\.c$/, "", part[3])
            holder[part[3]] = holder[part[3]] " " part[2]
        }
        next
    }
    !sorted++ {                                        # all files are known: give every public header its layer
        for (path in there) {
            if (path !~ /^include\/raml\//) continue
            name = path
            sub(/^include\/raml\//, "", name)
            sub(/\.h$/, "", name)
            from = path
            line = 1
            if (name in home) header[path] = home[name]
            else if (split(holder[name], part, " ") == 1) header[path] = part[1]
            else say("belongs to no layer: one src/<layer>/" name ".c, or a row in `home`, must say which")
        }
    }
    {
        match($0, /^[^:]*:/)
        from = substr($0, 1, RLENGTH - 1)
        rest = substr($0, RLENGTH + 1)
        line = rest + 0
        match(rest, /["<][^">]*/)
        name = substr(rest, RSTART + 1, RLENGTH - 1)
        own = from
        sub(/[^\/]*$/, "", own)
        if (name ~ /^raml\//) to = "include/" name
        else if (tidy(own name) in there) to = tidy(own name)
        else to = tidy("src/" name)
        if (!(to in there)) { say("includes " name ", which is not in the tree"); next }
        a = layer_of(from)
        b = layer_of(to)
        if (a == "" || b == "" || a == b) next         # a header without a layer is reported above
        if (!(a in below)) { say("src/" a " is no layer"); next }
        if (index(" " below[a] " ", " " b " ") == 0) say(a " must not include " to ", which is of " b)
        else if (a == "cli" && b != "core" && to !~ /^include\//) say("the command line must not include the private " to)
    }' "$tmp/files" "$tmp/includes"
}

# doors TREE: prints one line for each place in src/model, src/inner, src/outer or above where work on the device's memory
# could bypass device/backend.h: loops over threads, memory for vectors, vector instructions, other headers of the
# device (except its types), names of its kernels and products. (The host's own lists and files may use malloc and
# memcpy there; tests on the device of tests/device/far.h prove that no device memory is among them.)
doors() {
    (
        cd "$1"
        find src/model src/inner src/outer src/study src/serve src/cli include -name '*.[ch]' | LC_ALL=C sort >"$tmp/inhabited"
        # shellcheck disable=SC2046  # our file names have no spaces
        awk '
        function say(what) { printf "%s:%d: %s\n", FILENAME, FNR, what }
        { engine = FILENAME ~ /^src\/(model|inner|outer|study|serve)\// }
        /^[ \t]*#[ \t]*include/ {
            if (FILENAME ~ /^src\/(model|inner|outer|study|serve)\// && /"(\.\.\/)*device\// && !/"device\/(backend|types)\.h"/)
                say("includes a header of the device other than device/backend.h and device/types.h")
            if (/[<"]([a-z]*mmintrin|immintrin|x86intrin|omp)\.h/ && engine) say("includes the processor or OpenMP itself")
            next
        }
        engine && /#[ \t]*pragma[ \t]+omp/ { say("runs a loop over threads: that is the device or core/parallel.h") }
        engine && /(^|[^a-z_])omp_[a-z_]+[ \t]*\(/ { say("asks OpenMP") }
        engine && /(^|[^a-z_])(aligned_alloc|posix_memalign)[ \t]*\(/ { say("takes memory for vectors") }
        engine && /raml_ops|raml_mm_|raml_cpu_|raml_device_(use|alloc|room|fault)[^a-z]|dev->(ops|mm|threads|cpu)/ {
            say("names what is inside the device")
        }
        !engine && FILENAME ~ /^include\// && /raml_ops|raml_mm_|raml_backend/ { say("names what is inside the device") }
        ' $(cat "$tmp/inhabited")
    )
}

source_dir=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rc=0

look "$source_dir" >"$tmp/found"
if [ -s "$tmp/found" ]; then
    cat "$tmp/found"
    echo "FAIL: includes that point to a higher layer"
    rc=1
fi
if ! [ -s "$tmp/includes" ]; then
    echo "FAIL: no #include found under $source_dir: nothing was checked"
    rc=1
fi

doors "$source_dir" >"$tmp/found"
if [ -s "$tmp/found" ]; then
    cat "$tmp/found"
    echo "FAIL: a way to the device around device/backend.h"
    rc=1
fi
if ! grep -q '^src/model/layers.c$' "$tmp/inhabited"; then
    echo "FAIL: src/model/layers.c was not checked"
    rc=1
fi

# Each planted line must be found: plant FILE LINE WANTED
plant() {
    rm -rf "$tmp/tree"
    mkdir "$tmp/tree"
    cp -R "$source_dir/include" "$source_dir/src" "$tmp/tree"
    mkdir -p "$tmp/tree/src/model" "$tmp/tree/src/core" "$tmp/tree/$(dirname "$1")"
    echo >"$tmp/tree/src/model/planted_private.h"
    echo >"$tmp/tree/src/core/planted_core.h"
    printf '%s\n' "$2" >>"$tmp/tree/$1"
    {
        look "$tmp/tree"
        doors "$tmp/tree"
    } >"$tmp/planted"
    if [ -n "$3" ] && ! grep -F "$1:" "$tmp/planted" | grep -qF "$3"; then
        echo "FAIL: not found: $2 in $1"
        rc=1
    elif [ -z "$3" ] && grep -F "$1:" "$tmp/planted"; then
        echo "FAIL: wrongly found: $2 in $1"
        rc=1
    fi
}
plant src/core/planted.c '#include "raml/model.h"' "core must not include include/raml/model.h"
plant src/eval/planted.c '  # include <raml/safetensors.h>' "eval must not include include/raml/safetensors.h"
plant src/store/planted.c '#include "raml/tokenizer.h"' "store must not include include/raml/tokenizer.h"
plant include/raml/err.h '#include "raml/tree.h"' "core must not include include/raml/tree.h"
plant src/device/cpu/planted.c '#include "model/planted_private.h"' "device must not include src/model/planted_private.h"
plant src/tree/planted.c '#include "../model/planted_private.h"' "tree must not include src/model/planted_private.h"
plant src/cli/planted.c '#include "model/planted_private.h"' "must not include the private"
plant src/cli/planted.c '#include "core/planted_core.h"' ""
plant src/core/planted.c '#include "core/no_such.h"' "which is not in the tree"
plant src/planted/planted.c '#include "raml/err.h"' "is no layer"
plant include/raml/planted.h '#include "raml/err.h"' "belongs to no layer"
plant src/model/planted.c '#include "core/planted_core.h"' ""
plant src/core/planted.c '#include "planted_core.h"' ""
plant src/task/planted.c '#include "raml/tree.h"' ""
plant src/model/head.c '#include "device/impl.h"' "includes a header of the device other than"
plant src/inner/sample_token.c '#include "device/ops.h"' "includes a header of the device other than"
plant src/outer/adamw.c '#include "../device/matmul.h"' "includes a header of the device other than"
plant src/model/layers.c '#include <immintrin.h>' "includes the processor or OpenMP itself"
plant src/outer/planted.c '#include <omp.h>' "includes the processor or OpenMP itself"
plant src/model/planted.c '#pragma omp parallel for' "runs a loop over threads"
plant src/inner/sample.c '    int n = omp_get_max_threads();' "asks OpenMP"
plant src/model/pass.c '    p->block = aligned_alloc(64, bytes);' "takes memory for vectors"
plant src/model/cache.c '    raml_mm_rows(n);' "names what is inside the device"
plant src/model/backward.c '    const struct raml_ops *ops;' "names what is inside the device"
plant src/outer/train.c '    raml_device_use(dev);' "names what is inside the device"
plant src/inner/trace.c '    int t = dev->threads;' "names what is inside the device"
plant include/raml/model.h 'struct raml_backend;' "names what is inside the device"
plant src/model/planted.c '#include "device/backend.h"' ""
plant src/model/planted.c '    int n = raml_device_threads(dev), some_omp_ = 0;' ""
exit $rc
