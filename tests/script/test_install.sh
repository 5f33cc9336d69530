#!/bin/sh
# test_install.sh BINARY SOURCE_DIR BUILD_DIR: what `cmake --install` leaves is all that a program needs: the examples are
# built against it with pkg-config, with libraml.so and with libraml.a, and do what they say. No file of it names a folder
# that it was built in.
set -eu
raml=$1 source_dir=$2 build_dir=$3
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rc=0
fail() {
    echo "FAIL: $*"
    rc=1
}
stop() {
    fail "$@"
    exit 1
}
cached() { sed -n "s/^$1:[A-Z]*=//p" "$build_dir/CMakeCache.txt"; }
export OMP_WAIT_POLICY=passive

# -- What lies where
cmake --install "$build_dir" --prefix "$tmp/prefix" >"$tmp/log" 2>&1 || stop "cmake --install: $(tail -n 5 "$tmp/log")"
prefix=$tmp/prefix
pc=$(find "$prefix" -name raml.pc)
[ -n "$pc" ] || stop "raml.pc is not installed"
lib=$(dirname "$(dirname "$pc")")
for file in bin/raml share/man/man1/raml.1 share/man/man1/raml-train-sft.1 share/bash-completion/completions/raml \
    share/zsh/site-functions/_raml share/fish/vendor_completions.d/raml.fish; do
    [ -s "$prefix/$file" ] || fail "$file is not installed"
done
(cd "$source_dir/studies" && find . -name '*.yaml' | LC_ALL=C sort) >"$tmp/wanted"
(cd "$prefix/share/raml/studies" && find . -type f | LC_ALL=C sort) >"$tmp/found"
diff "$tmp/wanted" "$tmp/found" || fail "studies: < in the tree, > installed"
(cd "$tmp" && "$prefix/bin/raml" study paper --plan --quiet >"$tmp/plan" 2>&1) || fail "study paper: $(tail -n 2 "$tmp/plan")"
for file in libraml.so libraml.a; do [ -s "$lib/$file" ] || stop "$file is not installed"; done
(cd "$source_dir/include" && find . -name '*.h' | LC_ALL=C sort) >"$tmp/wanted"
(cd "$prefix/include" && find . -type f | LC_ALL=C sort) >"$tmp/found"
diff "$tmp/wanted" "$tmp/found" || fail "headers: < in the tree, > installed"
"$raml" help --format bash | cmp - "$prefix/share/bash-completion/completions/raml" || fail "another program's completion"
"$raml" --help | grep -c '^  [a-z].\{13\} [^ ]' >"$tmp/wanted"
find "$prefix/share/man/man1" -name 'raml-*.1' | grep -c . | diff "$tmp/wanted" - || fail "pages: < commands, > installed"

# look DIR: prints the files that name a folder of the build.
look() {
    for folder in "$source_dir" "$build_dir"; do grep -rlF -- "$folder" "$1" || :; done
}
if [ "$(cached CMAKE_BUILD_TYPE)" != Debug ]; then # which a debugger reads where it was built
    look "$prefix" >"$tmp/found"
    [ ! -s "$tmp/found" ] || fail "these name a folder that they were built in: $(cat "$tmp/found")"
fi
mkdir "$tmp/planted"
printf 'x\0%s/src/core/err.c\0' "$source_dir" >"$tmp/planted/file"
[ -n "$(look "$tmp/planted")" ] || fail "a planted folder was not found"

# DESTDIR goes in front of the prefix, which stays what the files say.
DESTDIR=$tmp/stage cmake --install "$build_dir" --prefix /opt/raml >"$tmp/log" 2>&1 || fail "with DESTDIR: $(tail -n 5 "$tmp/log")"
[ -s "$tmp/stage/opt/raml/bin/raml" ] || fail "DESTDIR is not respected"

# -- pkg-config, and the examples
command -v pkg-config >/dev/null || stop "there is no pkg-config"
export PKG_CONFIG_PATH="$lib/pkgconfig"
[ "raml $(pkg-config --modversion raml)" = "$("$raml" --version)" ] || fail "raml.pc has another version"
pkg-config --validate raml || fail "raml.pc is not valid"
case " $(pkg-config --libs raml) " in *" -ldnnl "*) fail "with libraml.so, its own libraries are named" ;; esac
case " $(pkg-config --static --libs raml) " in *" -ldnnl "*) ;; *) fail "for libraml.a, its libraries are not named" ;; esac
cc=$(cached CMAKE_C_COMPILER)
cp -R "$source_dir/examples" "$tmp/examples"
for kind in shared static; do
    mkdir "$tmp/$kind"
    if [ $kind = static ]; then set -- STATIC=1; else set --; fi
    make -C "$tmp/examples" CC="$cc" OUT="$tmp/$kind" CFLAGS="-O1 -Wall -Wextra -Werror" "$@" >"$tmp/log" 2>&1 ||
        stop "examples, $kind: $(tail -n 9 "$tmp/log")"
done
needs() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }
for program in "$tmp"/shared/*; do
    needs "$program" | grep -q '^libraml\.so\.' || fail "${program##*/} does not load libraml.so"
    needs "$program" | grep -q '^libdnnl' && fail "${program##*/} loads what only libraml.so needs"
    needs "$tmp/static/${program##*/}" | grep -q '^libraml' && fail "${program##*/}, static, loads libraml.so"
done

# same NAME ARGUMENT...: runs shared and static, which must print the same; it is in $tmp/out.
same() {
    name=$1
    shift
    for kind in shared static; do
        code=0
        "$tmp/$kind/$name" "$@" >"$tmp/out.$kind" 2>"$tmp/said" || code=$?
        [ "$code" -eq 0 ] || stop "$name, $kind: exit code $code: $(cat "$tmp/said")"
    done
    cmp "$tmp/out.shared" "$tmp/out.static" || fail "$name: libraml.a and libraml.so differ"
    mv "$tmp/out.shared" "$tmp/out"
}
says() { grep -qF -- "$1" "$tmp/out" || fail "$name does not say '$1': $(cat "$tmp/out")"; }

# Training: the run is one that the program reads.
for kind in shared static; do
    "$tmp/$kind/train_objective" "$tmp/run-$kind" 4 >"$tmp/out" 2>&1 || stop "train_objective, $kind: $(cat "$tmp/out")"
    name=train_objective
    says " 4 steps, "
    says "focal loss "
done
cmp "$tmp/run-shared/metrics.jsonl" "$tmp/run-static/metrics.jsonl" || fail "libraml.a and libraml.so train differently"
cmp "$tmp/run-shared/checkpoint-4/model.safetensors" "$tmp/run-static/checkpoint-4/model.safetensors" || fail "weights differ"
grep -q '"objective": "focal"' "$tmp/run-shared/checkpoint-4/trainer_state.json" || fail "the objective is not recorded"
first=$(sed -n '1s/.*"loss": *\([0-9.]*\).*/\1/p' "$tmp/run-shared/metrics.jsonl")
last=$(sed -n '$s/.*"loss": *\([0-9.]*\).*/\1/p' "$tmp/run-shared/metrics.jsonl")
awk -v a="$first" -v b="$last" 'BEGIN { exit !(b > 0 && b < a) }' || fail "the loss does not fall: $first, then $last"

# On rollouts: the terms of the preset with the program's own, and the run's files.
for kind in shared static; do
    "$tmp/$kind/train_grpo" "$tmp/run-shared" "$tmp/grpo-$kind" dapo 2 >"$tmp/out" 2>&1 || stop "train_grpo, $kind: $(cat "$tmp/out")"
    name=train_grpo
    says "within [0.8, 1.28])"
    says "0.001 * entropy"
    says " 2 steps, "
done
cmp "$tmp/grpo-shared/rollouts.jsonl" "$tmp/grpo-static/rollouts.jsonl" || fail "libraml.a and libraml.so sample differently"
[ "$(wc -l <"$tmp/grpo-shared/rollouts.jsonl")" -eq 16 ] || fail "train_grpo: not 16 groups of rollouts"

# Tracing: the numbers of `raml trace`.
same trace_question "$tmp/run-shared" "12+34=" "add 4: 16" 46
says "L(0) "
[ "$(grep -c '^ *[0-9][0-9]* ' "$tmp/out")" -eq 10 ] || fail "trace_question: not one line a prefix: $(cat "$tmp/out")"
echo '{"id":"q","question":"12+34=","answer":"46","trajectories":[{"text":"add 4: 16"}]}' >"$tmp/q.jsonl"
"$prefix/bin/raml" trace --quiet --model "$tmp/run-shared" --dtype stored --prompt_format builtin --out "$tmp/trace" \
    "$tmp/q.jsonl" >/dev/null || fail "raml trace"
sed -n 's/^ *[0-9][0-9]*  *\([0-9.]*\)  .*/\1/p' "$tmp/out" >"$tmp/found"
tr -d ' ' <"$tmp/trace/curves.jsonl" | sed 's/.*"L":\[\([^]]*\)\].*/\1/' | tr ',' '\n' | awk '{ printf "%.4f\n", $1 }' >"$tmp/wanted"
diff "$tmp/wanted" "$tmp/found" || fail "trace_question: < raml trace, > it"

# The program in docs/library.md, as it is printed there.
awk '/^```c$/ { in_it = 1; next } /^```$/ { in_it = 0 } in_it' "$source_dir/docs/library.md" >"$tmp/mine.c"
# shellcheck disable=SC2046  # flags are words
(cd "$tmp" && "$cc" -Wall -Wextra -Werror mine.c $(pkg-config --cflags --libs raml) "-Wl,-rpath,$lib" -o shared/mine) >"$tmp/log" 2>&1 ||
    stop "the program in docs/library.md: $(tail -n 9 "$tmp/log")"
name=mine
"$tmp/shared/mine" "$tmp/run-shared/checkpoint-4" >"$tmp/out" 2>&1 || fail "mine: $(cat "$tmp/out")"
[ "$(sed 's/  -[0-9]*\.[0-9]* nats$//' "$tmp/out" | tr '\n' ' ')" = "12+34=46 12+34=47 " ] || fail "mine printed $(cat "$tmp/out")"

# Grading.
cat >"$tmp/answers.jsonl" <<'END'
{"gold": "1/2", "pred": "so it is \\boxed{0.5}"}
{"gold": "\\sqrt{8}", "pred": "The answer is 2\\sqrt{2}."}

{"gold": "42", "pred": "#### 41"}
{"gold": "7", "pred": "\\frac{1}{"}
END
same grade_file "$tmp/answers.jsonl"
sed 's/  .*//' "$tmp/out" | tr '\n' ' ' >"$tmp/found"
[ "$(cut -d' ' -f1-4 <"$tmp/found")" = "equal equal different unknown" ] || fail "grade_file: $(cat "$tmp/out")"
says "4 answers: 2 equal, 1 different, 1 unknown"
echo '{"gold": 1}' >"$tmp/bad.jsonl"
"$tmp/shared/grade_file" "$tmp/bad.jsonl" >/dev/null 2>&1 && fail "grade_file takes a bad line"

# Sampling: what the rule ends is shorter, the rest is as without it.
same sample_stop "$tmp/run-shared" "12+34=" 5 0
says "0 of 5 samples ended by the rule"
cp "$tmp/out" "$tmp/free"
same sample_stop "$tmp/run-shared" "12+34=" 5 2
ended=$(sed -n 's/ of 5 samples ended by the rule$//p' "$tmp/out")
[ "${ended:-0}" -ge 1 ] || fail "sample_stop: the rule has ended nothing: $(cat "$tmp/out")"
awk -v ended="$ended" '
    !/tokens/ { next }
    FNR == NR { n[$1] = $2; all[$1] = $0; next }
    $2 < n[$1] { shorter++; if ($4 != "stop") bad = 1; next }
    $0 != all[$1] && $2 != n[$1] { bad = 1 }
    END { exit bad || shorter > ended || shorter == 0 }' "$tmp/free" "$tmp/out" ||
    fail "sample_stop: without and with its rule: $(cat "$tmp/free" "$tmp/out")"

# A sampler that stays open: the rounds of a longer run begin with those of a shorter one, and no two are alike.
same sample_rounds "$tmp/run-shared" "12+34=" 2 3
cp "$tmp/out" "$tmp/two"
same sample_rounds "$tmp/run-shared" "12+34=" 3 3
[ "$(wc -l <"$tmp/out")" -eq 9 ] && head -6 "$tmp/out" | cmp -s - "$tmp/two" ||
    fail "sample_rounds: $(cat "$tmp/two" "$tmp/out")"
[ "$(cut -d ' ' -f 3- "$tmp/out" | sort -u | wc -l)" -eq 9 ] || fail "sample_rounds: rounds repeat: $(cat "$tmp/out")"
exit $rc
