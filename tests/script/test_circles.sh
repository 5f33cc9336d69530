#!/bin/sh
# test_circles.sh BINARY SOURCE_DIR BUILD_DIR: sources that need each other are those that `groups` lists, and no others.
# Which source needs which is read from the libraries: an object needs the one that defines what it leaves undefined.
set -eu

# A circle is allowed within one line. Grammars, values and comparisons recurse; so do circles of one table each.
groups() {
    cat <<'END'
parse parse_atom parse_base parse_count parse_function parse_list parse_qualifier parse_spelled parse_table parse_unit
compare compare_qualified compare_relation compare_set compare_unit compare_words
find_math find_words
rational rational_fn
ratio ring
radical radical_exp
ball ball_fn
parse parse_expr
compare value
access call eval expr filters filters_seq format methods methods_seq ops tests text
backend device weight
panel panel_direct panel_skinny
options recipe
END
}

# circles DIR: prints LIBRARY: the sources of one circle, a line each, of the libraml_*.a in DIR.
circles() {
    find "$1" -name 'libraml_*.a' | LC_ALL=C sort | while read -r lib; do
        name=${lib##*/libraml_}
        # A library may hold two objects of one name: each that nm begins is a node of its own.
        nm -g "$lib" 2>/dev/null | awk -v lib="${name%.a}" '
            /:$/ { sub(/(\.c)?\.o:$/, ""); node = lib "/" ++n "/" $0; next }
            NF == 2 && $1 == "U" { print node, "needs", $2 }
            NF == 3 { print node, "has", $3 }'
    done >"$tmp/symbols"
    LC_ALL=C awk '
        # Tarjan 1972. at, low, i, v, to, member: local
        function visit(node,   i, to, member, names, size, list) {
            index_of[node] = low[node] = ++visited
            stack[++depth] = node
            on_stack[node] = 1
            for (i = 1; i <= n_edges[node]; i++) {
                to = edge[node, i]
                if (!(to in index_of)) {
                    visit(to)
                    if (low[to] < low[node]) low[node] = low[to]
                } else if (on_stack[to] && index_of[to] < low[node]) low[node] = index_of[to]
            }
            if (low[node] != index_of[node]) return
            size = 0
            do {
                member = stack[depth--]
                on_stack[member] = 0
                names = names " " member
                size++
            } while (member != node)
            if (size > 1) print substr(names, 2)
        }
        $2 == "has" { home[$3] = $1; next }
        { needs[++n_needs] = $1 " " $3 }
        END {
            for (k = 1; k <= n_needs; k++) {
                split(needs[k], part, " ")
                to = home[part[2]]
                if (to == "" || to == part[1] || (part[1], to) in known) continue
                known[part[1], to] = 1
                if (!(part[1] in n_edges)) from[++n_from] = part[1]
                edge[part[1], ++n_edges[part[1]]] = to
            }
            for (k = 1; k <= n_from; k++) if (!(from[k] in index_of)) visit(from[k])
        }' "$tmp/symbols" | while read -r circle; do
        # shellcheck disable=SC2086  # one word a node
        printf '%s:' "${circle%%/*}"
        # shellcheck disable=SC2086
        printf '%s\n' $circle | sed 's|.*/||' | LC_ALL=C sort -u | tr '\n' ' ' | sed 's/^/ /; s/ $//'
        echo
    done | LC_ALL=C sort -u
}

# not_allowed FILE: the lines of circles that fit into no group.
not_allowed() {
    groups >"$tmp/groups"
    awk '
        FILENAME == ARGV[1] { group[++n] = " " $0 " "; next }
        {
            for (k = 1; k <= n; k++) {
                fits = 1
                for (i = 2; i <= NF; i++) if (index(group[k], " " $i " ") == 0) fits = 0
                if (fits) next
            }
            print
        }' "$tmp/groups" "$1"
}

build_dir=$3
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rc=0

circles "$build_dir" >"$tmp/found"
not_allowed "$tmp/found" >"$tmp/wrong"
if [ -s "$tmp/wrong" ]; then
    cat "$tmp/wrong"
    echo "FAIL: sources that need each other: move what both use into one below them"
    rc=1
fi
if ! grep -q '^answer: .*compare_set' "$tmp/found"; then
    echo "FAIL: the circle of src/answer/compare was not found in $build_dir: nothing was checked"
    rc=1
fi

# Planted objects: two circles that share an object are one, a chain is none, and one name may stand twice.
cc=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$build_dir/CMakeCache.txt")
mkdir "$tmp/other"
plant() { # FILE HAS NEEDS...
    file=$1
    has=$2
    shift 2
    {
        for need in "$@"; do echo "void $need(void);"; done
        echo "void $has(void); void $has(void) {"
        for need in "$@"; do echo "    $need();"; done
        echo "}"
    } >"$tmp/$file.c"
    "$cc" -c "$tmp/$file.c" -o "$tmp/$file.c.o"
}
plant one raml_one raml_two raml_three
plant two raml_two raml_one
plant three raml_three raml_one raml_four
plant four raml_four raml_five
plant five raml_five
plant other/five raml_other_five raml_four
plant parse raml_parse raml_parse_expr
plant parse_expr raml_parse_expr raml_parse
(
    cd "$tmp"
    ar rcP libraml_planted.a one.c.o two.c.o three.c.o four.c.o five.c.o parse.c.o parse_expr.c.o
    ar qP libraml_planted.a other/five.c.o
) 2>/dev/null
circles "$tmp" >"$tmp/planted"
not_allowed "$tmp/planted" >"$tmp/planted_wrong"
printf '%s\n' 'planted: one three two' 'planted: parse parse_expr' >"$tmp/wanted"
printf '%s\n' 'planted: one three two' >"$tmp/wanted_wrong"
if ! diff "$tmp/wanted" "$tmp/planted" || ! diff "$tmp/wanted_wrong" "$tmp/planted_wrong"; then
    echo "FAIL: planted circles: < wanted, > found"
    rc=1
fi
exit $rc
