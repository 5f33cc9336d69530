#!/bin/sh
# test_sizes.sh BINARY SOURCE_DIR BUILD_DIR: no source over 600 lines, no function body over 80.
set -eu

# look TREE: prints one line for each file or function that is too long.
# A function's body begins with a { that ends a line at column 0, by itself or after a ), and ends with a } at column 0.
look() {
    (
        cd "$1"
        find include src tests bench -name '*.[ch]' 2>/dev/null | LC_ALL=C sort >"$tmp/files"
        # shellcheck disable=SC2046  # our file names have no spaces
        [ ! -s "$tmp/files" ] || awk '
        function file_ends() {
            if (lines > 600) printf "%s: %d lines; at most 600\n", file, lines
            if (start) printf "%s:%d: %s: its end, a } at column 0, was not found\n", file, start, name
        }
        FNR == 1 { file_ends(); file = FILENAME; start = 0; before = "" }
        {
            lines = FNR
            text = $0
            gsub(/\/\*[^*]*\*\//, "", text)            # a comment after the code
            sub(/\/\/.*/, "", text)
            sub(/[ \t]+$/, "", text)
        }
        text ~ /^[A-Za-z_].*\(/ && !start { name = text; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
        !start && ((text == "{" && before ~ /\)$/) || text ~ /^[A-Za-z_ ].*\) *\{$/) { start = FNR }
        /^}/ && start {
            n = FNR - start + 1
            if (n > 80) printf "%s:%d: %s: %d lines; at most 80\n", file, start, name, n
            start = 0
        }
        text != "" { before = text }
        END { file_ends() }' $(cat "$tmp/files")
    )
}

source_dir=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rc=0

look "$source_dir" >"$tmp/found"
if [ -s "$tmp/found" ]; then
    cat "$tmp/found"
    echo "FAIL: too long to read in one go; split it by what it does"
    rc=1
fi
if ! [ -s "$tmp/files" ]; then
    echo "FAIL: no source found under $source_dir: nothing was checked"
    rc=1
fi

# Planted files: what is over the bound is found, what is on it is not.
body() { awk -v n="$1" 'BEGIN { while (n-- > 0) print "    x++;" }'; }
mkdir -p "$tmp/tree/src/core"
{
    body 3 | sed 's/^ */int line; \/\/ /'
    printf 'static int fits(int x)\n{\n'
    body 78
    printf '}\n\nstatic const struct { int a; } table[] = {\n'
    body 90 | sed 's/x++;/{ 1 },/'
    printf '};\n\nint raml_too_long(int x,\n                  int y) /* why */\n{\n'
    body 79
    printf '}\n\nstatic void same_line(int x) {\n'
    body 79
    printf '}\n'
} >"$tmp/tree/src/core/functions.c"
body 600 >"$tmp/tree/src/core/fits.c"
body 601 >"$tmp/tree/src/core/long.c"
body 601 >"$tmp/tree/src/core/long.h"
look "$tmp/tree" | sed 's/:[0-9]*: /: /' >"$tmp/planted"
cat >"$tmp/wanted" <<'END'
src/core/functions.c: raml_too_long: 81 lines; at most 80
src/core/functions.c: same_line: 81 lines; at most 80
src/core/long.c: 601 lines; at most 600
src/core/long.h: 601 lines; at most 600
END
if ! diff "$tmp/wanted" "$tmp/planted"; then
    echo "FAIL: planted files: < wanted, > found"
    rc=1
fi
exit $rc
