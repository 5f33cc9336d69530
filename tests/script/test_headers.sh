#!/bin/sh
# test_headers.sh BINARY SOURCE_DIR BUILD_DIR: every public header compiles by itself, without a warning.
set -eu

cc=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$3/CMakeCache.txt")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# look TREE: compiles each header of TREE/include/raml; fails when one does not.
look() {
    bad=0
    for header in "$1"/include/raml/*.h; do
        # A file that is only an include is empty C, which -Wpedantic minds; hence the declaration.
        printf '#include "raml/%s"\nint raml_nothing(void);\n' "${header##*/}" >"$tmp/unit.c"
        "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I "$1/include" "$tmp/unit.c" || bad=1
    done
    return $bad
}

rc=0
look "$2" || { echo "FAIL: public headers that do not compile by themselves"; rc=1; }
mkdir -p "$tmp/tree/include/raml"
echo 'size_t raml_planted(void);' >"$tmp/tree/include/raml/planted.h"
if look "$tmp/tree" 2>/dev/null; then
    echo "FAIL: a planted header that needs another one was not found"
    rc=1
fi
exit $rc
