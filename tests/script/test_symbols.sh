#!/bin/sh
# test_symbols.sh BINARY SOURCE_DIR BUILD_DIR: the libraries export names that begin with raml_, and no others
# (libraml_cli.a, which no other program links: cli_ too). libraml.so exports what the public headers declare, all of it
# and nothing else.
set -eu

# look DIR: prints LIBRARY:SYMBOL for each foreign name that a libraml_*.a in DIR exports.
look() {
    find "$1" -name 'libraml_*.a' | LC_ALL=C sort | while read -r lib; do
        # A sanitizer marks each exported variable with a name of its own (__odr_asan.raml_x).
        nm -g --defined-only "$lib" 2>/dev/null |
            awk -v lib="${lib##*/}" '
                NF != 3 || $3 ~ /^raml_/ || $3 ~ /^__odr_asan[._]/ { next }
                lib == "libraml_cli.a" && $3 ~ /^cli_/ { next }
                { print lib ":" $3 }'
    done
}

# differ LIBRARY TREE: prints a line for each function and each table that TREE/include/raml/*.h declare and the shared
# LIBRARY does not export, and for each name that it exports and they do not declare.
differ() {
    for header in "$2"/include/raml/*.h; do # a compiler leaves out the comments, and puts in the macros
        printf '#include "raml/%s"\n' "${header##*/}" | "$cc" -std=c11 -E -P -I "$2/include" -x c - |
            tr '\n' ' ' | sed 's/;/;\n/g' | grep -v '^ *typedef' >"$tmp/header"
        grep -oE '(^|[^a-zA-Z0-9_])raml_[a-z0-9_]+ *\([^*]' "$tmp/header" | grep -oE 'raml_[a-z0-9_]+' || :
        sed -nE 's/^ *extern [^(]*[^a-z0-9_(](raml_[a-z0-9_]+)(\[[^(]*)?;$/\1/p' "$tmp/header"
    done | LC_ALL=C sort -u >"$tmp/declared"
    nm -D --defined-only "$1" | awk '{ sub(/@.*/, "", $NF); print $NF }' | grep -v '^__odr_asan' |
        LC_ALL=C sort -u >"$tmp/exported" || :
    LC_ALL=C comm -23 "$tmp/declared" "$tmp/exported" | sed 's/^/declared and not exported: /'
    LC_ALL=C comm -13 "$tmp/declared" "$tmp/exported" | sed 's/^/exported and not declared: /'
}

build_dir=$3
cc=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$build_dir/CMakeCache.txt")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rc=0

look "$build_dir" >"$tmp/found"
if [ -s "$tmp/found" ]; then
    cat "$tmp/found"
    echo "FAIL: exported names that do not begin with raml_"
    rc=1
fi
n=$(find "$build_dir" -name 'libraml_*.a' -exec nm -g --defined-only {} + 2>/dev/null | grep -c ' raml_' || :)
if [ "$n" -eq 0 ]; then
    echo "FAIL: no exported raml_ name in $build_dir: nothing was checked"
    rc=1
fi

differ "$build_dir/libraml.so" "$2" >"$tmp/found"
if [ -s "$tmp/found" ]; then
    cat "$tmp/found"
    echo "FAIL: libraml.so and include/raml differ (a public header lies between the two lines '#pragma GCC visibility')"
    rc=1
fi
if [ "$(wc -l <"$tmp/declared")" -lt 50 ]; then
    echo "FAIL: fewer than 50 functions are declared in include/raml: nothing was checked"
    rc=1
fi

# A planted library must be found.
cat >"$tmp/planted.c" <<'END'
int raml_fine(void);
int cli_fine_in_cli(void);
int planted_function(void);
int planted_variable = 1;
static int local_is_fine(void) { return 1; }
int raml_fine(void) { return local_is_fine(); }
int cli_fine_in_cli(void) { return raml_fine(); }
int planted_function(void) { return raml_fine(); }
END
"$cc" -c "$tmp/planted.c" -o "$tmp/planted.o"
ar rc "$tmp/libraml_planted.a" "$tmp/planted.o"
ar rc "$tmp/libraml_cli.a" "$tmp/planted.o"
look "$tmp" >"$tmp/planted"
cat >"$tmp/wanted" <<'END'
libraml_cli.a:planted_function
libraml_cli.a:planted_variable
libraml_planted.a:cli_fine_in_cli
libraml_planted.a:planted_function
libraml_planted.a:planted_variable
END
if ! LC_ALL=C sort "$tmp/planted" | diff "$tmp/wanted" -; then
    echo "FAIL: planted names: < wanted, > found"
    rc=1
fi
mkdir -p "$tmp/tree/include/raml"
cat >"$tmp/tree/include/raml/planted.h" <<'END'
/* raml_in_a_comment() is none. */
#define MADE(x) int raml_##x(void)
int raml_fine(void);
MADE(by_macro);
enum raml_planted { RAML_PLANTED };
typedef enum raml_planted raml_planted_fn(int x);
struct raml_calls { enum raml_planted (*call)(int x); };
extern const struct raml_calls raml_a_table[];
extern const int raml_n_rows;
END
"$cc" -shared -fPIC "$tmp/planted.c" -o "$tmp/libplanted.so"
differ "$tmp/libplanted.so" "$tmp/tree" | grep -v 'cli_' >"$tmp/planted"
cat >"$tmp/wanted" <<'END'
declared and not exported: raml_a_table
declared and not exported: raml_by_macro
declared and not exported: raml_n_rows
exported and not declared: planted_function
exported and not declared: planted_variable
END
if ! diff "$tmp/wanted" "$tmp/planted"; then
    echo "FAIL: planted names of a shared library: < wanted, > found"
    rc=1
fi
exit $rc
