#!/bin/sh
# test_doc_paths.sh BINARY SOURCE_DIR BUILD_DIR: what the documentation names exists: files of ours in backticks, pages that
# are linked to, their sections, and functions and types of ours (raml_*).
# shellcheck disable=SC2016  # the backticks are Markdown's
set -eu

# named TREE: prints PAGE:LINE: and the thing that is not there, one a line.
named() {
    (
        cd "$1"
        find . \( -name .git -o -name 'build*' \) -prune -o -type f -print | sed 's|^\./||' | LC_ALL=C sort >"$tmp/files"
        find README.md docs -name '*.md' 2>/dev/null | LC_ALL=C sort >"$tmp/pages"
        [ -s "$tmp/pages" ] || exit 0
        # shellcheck disable=SC2002,SC2046  # our file names have no spaces
        cat $(grep -E '^(include|src|tests|bench|fuzz|cmake)/|^(CMakeLists\.txt|run)$' "$tmp/files") 2>/dev/null |
            grep -oE '(raml|RAML)_[a-zA-Z0-9_]+' | LC_ALL=C sort -u >"$tmp/names"
        # shellcheck disable=SC2046
        awk -v files="$tmp/files" -v names="$tmp/names" '
        function say(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; n_bad++ }
        function folder(path) { return match(path, /.*\//) ? substr(path, 1, RLENGTH) : "" }
        function tidy(path) { while (sub(/[^\/]+\/\.\.\//, "", path)) { } return path }
        function slug(title) {                         # as hosts make it of a heading
            title = tolower(title)
            gsub(/[^a-z0-9 _-]/, "", title)
            gsub(/ /, "-", title)
            return title
        }
        function file(path) {                          # a source of ours; patterns and placeholders are none
            if (path ~ /[*{<]|[A-Z][A-Z]+|third_party|\.\.\./) return
            if (path ~ /\//) found = path in there || ("src/device/cpu/" path) in there
            else found = path in base
            if (!found) say(path " is not in the tree")
        }
        function link(to,   page, part) {
            if (to ~ /^https?:/) return
            page = to
            sub(/#.*/, "", page)
            page = page == "" ? FILENAME : tidy(folder(FILENAME) page)
            sub(/\/$/, "", page)
            if (!(page in there) && !(page in folders)) say("links to " page ", which is not in the tree")
            else if (to ~ /#/) {
                part = to
                sub(/^[^#]*#/, "", part)
                wanted[page "#" part] = FILENAME ":" FNR
            }
        }
        BEGIN {
            while ((getline path <files) > 0) {
                there[path] = 1
                name = path
                sub(/.*\//, "", name)
                base[name] = 1
                while (match(path, /.*\//)) { path = substr(path, 1, RLENGTH - 1); folders[path] = 1 }
            }
            while ((getline name <names) > 0) known[name] = 1
        }
        FNR == 1 { fence = 0 }
        /^```/ { fence = !fence }
        /^#+ / && !fence { title = $0; sub(/^#+ /, "", title); heading[FILENAME "#" slug(title)] = 1 }
        {
            text = $0
            if (fence || text ~ /^    /) next
            while (match(text, /`[^`]+`/)) {
                code = substr(text, RSTART + 1, RLENGTH - 2)
                text = substr(text, 1, RSTART - 1) " " substr(text, RSTART + RLENGTH)
                if (code ~ /^[A-Za-z0-9_.\/*{},<>-]+\.(c|h|sh|cmake)$/) file(code)
                else if (code ~ /^(src|include|tests|bench|fuzz|cmake|findings)\/[a-z0-9_\/]*\/?$/) {
                    sub(/\/$/, "", code)
                    if (!(code in folders) && !(code in there)) say(code "/ is not in the tree")
                }
                while (match(code, /(raml|RAML)_[a-zA-Z0-9_]+/)) {
                    name = substr(code, RSTART, RLENGTH)
                    before = substr(code, 1, RSTART - 1)
                    code = substr(code, RSTART + RLENGTH)
                    if (!(name in known) && before !~ /[a-zA-Z0-9_]$/ && code !~ /^[*+]/) say(name " is in no source")
                }
            }
            while (match(text, /\]\([^)]+\)/)) {
                to = substr(text, RSTART + 2, RLENGTH - 3)
                text = substr(text, 1, RSTART) substr(text, RSTART + RLENGTH)
                link(to)
            }
        }
        END { for (w in wanted) if (!(w in heading)) printf "%s: no section %s\n", wanted[w], w }
        ' $(cat "$tmp/pages")
    )
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rc=0
named "$2" >"$tmp/found"
if [ -s "$tmp/found" ]; then
    cat "$tmp/found"
    echo "FAIL: the documentation names what is not there"
    rc=1
fi
if [ "$(wc -l <"$tmp/pages")" -lt 2 ] || ! [ -s "$tmp/names" ]; then
    echo "FAIL: no pages or no names found: nothing was checked"
    rc=1
fi

# A small tree: each planted line must be found, or must not: planted LINE [WANTED]
mkdir -p "$tmp/tree/docs" "$tmp/tree/src/core"
echo 'int raml_known(void);' >"$tmp/tree/src/core/known.h"
printf '# Other page\n\n## A `raml` section, or two\n' >"$tmp/tree/docs/other.md"
planted() {
    printf '# Page\n\n%s\n' "$1" >"$tmp/tree/docs/page.md"
    named "$tmp/tree" >"$tmp/found"
    if [ -n "${2-}" ] && ! grep -qF "docs/page.md:3: $2" "$tmp/found"; then
        echo "FAIL: not found: $1"
        rc=1
    elif [ -z "${2-}" ] && [ -s "$tmp/found" ]; then
        cat "$tmp/found"
        echo "FAIL: wrongly found: $1"
        rc=1
    fi
}
planted 'see `src/core/gone.c`' 'src/core/gone.c is not in the tree'
planted 'see `gone.h`' 'gone.h is not in the tree'
planted 'see `src/gone/`' 'src/gone/ is not in the tree'
planted 'call `raml_gone` twice' 'raml_gone is in no source'
planted 'see [this](gone.md)' 'links to docs/gone.md'
planted 'see [this](other.md#gone)' 'no section docs/other.md#gone'
planted 'see `src/core/known.h`, `known.h`, `src/core/`, `raml_known`, [this](other.md#a-raml-section-or-two), `src/NAME.c`'
planted '    see `src/core/gone.c` in an example'
exit $rc
