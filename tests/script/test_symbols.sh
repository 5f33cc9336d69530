#!/bin/sh
# test_symbols.sh BINARY SOURCE_DIR BUILD_DIR: the libraries export names that begin with raml_, and no others
# (libraml_cli.a, which no other program links: cli_ too).
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

build_dir=$3
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

# A planted library must be found.
cc=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$build_dir/CMakeCache.txt")
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
exit $rc
