#!/bin/sh
# test_words.sh BINARY SOURCE_DIR BUILD_DIR: no marks of unfinished work in the tree (open work goes to the tracker), and none
# of the words that were replaced by the field's own, in comments, messages, names and prose.
set -eu

# One word per thing. A row: KIND OLD -> NEW. OLD is an extended regular expression.
#   word   whole words in any case, also as parts of a name: `is_blank` is found by `blank`, `isblank` is not
#   name   what an identifier of ours begins with, as it is written
rules() {
    cat <<'END'
word behind -> after
word blanks? -> whitespace, a space, an empty line
word white space -> whitespace
word so many -> n, that many, a number of
word told -> reported, returned, given, shown
word never clos(ed|es) -> not closed (of a sample: thinking not closed)
word cut off -> truncated, hidden
word straddl(e|es|ing) -> spans the border, border_bytes
word (is|are) held in -> is kept in
word truncated / open -> truncated / not closed
name raml_score -> raml_logprobs, raml_evaluator, raml_target, raml_graded, raml_samples
name raml_mark -> raml_plot_style
name raml_foreign_mark -> raml_foreign_grade
name raml_jmark -> raml_jprovenance
name raml_pick -> raml_sample_tokens, raml_token_sampler
name raml_token_drawn -> raml_token_sampled
name raml_feed -> raml_training_set, raml_select
name raml_ballot -> raml_answer_classes
name raml_flip -> raml_permutation
name raml_cells? -> raml_count_table
name raml_plan_of -> raml_sample_size_of
name raml_harness -> raml_lm_eval
name raml_format_(cue|wording) -> raml_format_answer_prefix, raml_format_preset
name raml_role([^s]|$) -> raml_segment
name raml_family_pattern -> raml_pretokenizer
name raml_stored -> raml_file_tensor
name raml_few -> raml_skinny
name raml_room -> raml_scratch
name raml_device_room -> raml_device_alloc_uninit
name RAML_ROLE_ -> RAML_SEGMENT_
name RAML_TO_(READ|TRAIN) -> RAML_INFERENCE, RAML_TRAINING
END
}
# Legitimate uses. A row: PATH: LINE, the line without the spaces around it. A row that exempts nothing is an error.
exempt() {
    cat <<'END'
src/answer/compare/compare.c: if (same_when_rounded(c, a, b)) return raml_compare_said(c, RAML_EQUAL, "the same to so many decimals");
src/jinja/filters.c: {"indent", "width first blank", 0, indent},
tests/text/jinja_expressions.h: {"multi|indent(width=1,blank=true)", "l1\n l2\n l3\n \n   l5"},
END
}

look() { (cd "$1" && grep -rnwE 'TO''DO|FIX''ME|XX''X' src include tests bench fuzz 2>/dev/null); }

# words TREE: prints PATH:LINE: for every line that a rule finds and no row exempts, and for rows that exempt nothing.
# This script is not looked at: the old words stand in it.
words() {
    (
        cd "$1"
        find src include tests bench fuzz docs README.md run -type f ! -path tests/script/test_words.sh 2>/dev/null |
            LC_ALL=C sort >"$tmp/files"
        # shellcheck disable=SC2046  # our file names have no spaces
        [ ! -s "$tmp/files" ] || LC_ALL=C awk -v rules="$tmp/rules" -v exempt="$tmp/exempt" '
        BEGIN {
            while ((getline row <rules) > 0) {
                split(row, side, " -> ")
                kind[++n] = substr(side[1], 1, 4)
                old[n] = word = substr(side[1], 6)
                gsub(/ /, "[ _]+", word)
                instead[n] = side[2]
                at[n] = kind[n] == "word" ? "(^|[^a-z])(" word ")([^a-z]|$)" : "(^|[^A-Za-z0-9_])" word
            }
            while ((getline row <exempt) > 0) allowed[row] = 1
        }
        {
            low = tolower($0)
            for (i = 1; i <= n; i++) {
                if ((kind[i] == "word" ? low : $0) !~ at[i]) continue
                line = $0
                gsub(/^[ \t]+|[ \t]+$/, "", line)
                key = FILENAME ": " line
                if (key in allowed) used[key] = 1
                else printf "%s:%d: %s -> %s: %s\n", FILENAME, FNR, old[i], instead[i], line
            }
        }
        END { for (key in allowed) if (!(key in used)) printf "%s: is exempt and need not be\n", key }
        ' $(cat "$tmp/files")
    )
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rules >"$tmp/rules"
exempt >"$tmp/exempt"
rc=0
if look "$2"; then
    echo "FAIL: unfinished work is marked above; finish it or open an issue"
    rc=1
fi
words "$2" >"$tmp/found"
if [ -s "$tmp/found" ]; then
    cat "$tmp/found"
    echo "FAIL: $(wc -l <"$tmp/found") uses of words that have another one here (rules and exemptions: tests/script/test_words.sh)"
    rc=1
fi
if ! grep -q '^src/core/' "$tmp/files" || ! grep -q '^docs/' "$tmp/files"; then
    echo "FAIL: src/core or docs was not looked at"
    rc=1
fi

mkdir -p "$tmp/tree/src" "$tmp/tree/tests" "$tmp/tree/docs"
printf '/* %s: planted */\n' 'TO''DO' >"$tmp/tree/src/a.c"
printf 'x = 1; // %s\n' 'XX''X' >"$tmp/tree/tests/b.sh"
printf 'mktemp a.%s\n' 'XX''XXXX' >"$tmp/tree/tests/c.sh"
if [ "$(look "$tmp/tree" | wc -l)" -ne 2 ]; then
    echo "FAIL: planted marks were not found"
    rc=1
fi
rm "$tmp/tree/src/a.c" "$tmp/tree/tests/b.sh" "$tmp/tree/tests/c.sh"

# Every rule finds a line with its old word, in prose and in a name, and not the new one. planted N LINE: N lines are found.
planted() {
    printf '%s\n' "$2" >"$tmp/tree/docs/page.md"
    words "$tmp/tree" >"$tmp/found"
    if [ "$(wc -l <"$tmp/found")" -ne "$1" ]; then
        cat "$tmp/found"
        echo "FAIL: expected $1 of: $2"
        rc=1
    fi
}
: >"$tmp/exempt"
while read -r kind row; do
    old=$(printf '%s\n' "${row%% -> *}" | sed 's/(\([^|)]*\)|[^)]*)/\1/g; s/.?//g')
    planted 0 "new: ${row#* -> }"
    case $kind in
    word)
        planted 1 "A line, $old."
        planted 1 "$(printf '%s' "$old" | tr '[:lower:]' '[:upper:]') it is"
        planted 1 "is_$(printf '%s' "$old" | tr ' ' _)"
        planted 0 "x${old}y"
        ;;
    name)
        planted 1 "calls $old(1)"
        planted 1 "struct ${old}_options"
        planted 0 "x_$old"
        ;;
    *)
        echo "FAIL: a rule of kind '$kind'"
        rc=1
        ;;
    esac
done <"$tmp/rules"
printf 'docs/page.md: It is behind the moon.\n' >"$tmp/exempt"
planted 0 '  It is behind the moon.  '
planted 2 'It is behind the sun.' # the line, and the exemption without use
exit $rc
