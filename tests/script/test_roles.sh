#!/bin/sh
# test_roles.sh BINARY SOURCE_DIR BUILD_DIR: raml roles as a person runs it: words whose forms are different tokens, tables,
# records, what is printed, the report, and one clear error for each bad input.
set -eu

raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
rc=0

fail() {
    echo "FAIL: $*"
    rc=1
}
# A byte-level tokenizer in which "Wait", " Wait", "wait" and " wait" are one token each, and all else single characters:
# "WAIT" is four, "await" is a and wait. A byte has the letter of its number where that is visible, else one from U+0100 on.
LC_ALL=C awk 'BEGIN {
    printf "{\"version\":\"1.0\",\"added_tokens\":[],\"normalizer\":null,"
    printf "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false},"
    printf "\"post_processor\":null,\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\",\"vocab\":{"
    for (i = 0; i < 256; i++)
        printf "\"\\u%04x\":%d,", (i > 32 && i < 127) || (i > 160 && i != 173) ? i : 256 + hidden++, i
    printf "\"it\":256,\"Wa\":257,\"wa\":258,\"Wait\":259,\"wait\":260,"
    printf "\"\\u0120Wait\":261,\"\\u0120wait\":262},\"merges\":[\"i t\",\"W a\",\"w a\",\"Wa it\",\"wa it\","
    printf "\"\\u0120 Wait\",\"\\u0120 wait\"]}}\n"
}' >tokenizer.json
cat >forms.jsonl <<'END'
{"id":"a","question":"1+1?","answer":"2","trajectories":[{"text":"Wait, 1. Wait 2 wait, await WAIT; waiting (wait)","answer":"2","correct":true}]}
{"id":"b","question":"2+2?","answer":"4","trajectories":[{"text":"Hold  on:\nhold on","answer":"5","correct":false}]}
END
traced() {
    command=$1
    shift
    "$raml" "$command" --model init:micro --tokenizer tokenizer.json --prompt_before 'Q: ' --prompt_after ' A: ' \
        --answer_prefix ' = ' --quiet --threads 1 "$@"
}
roles() { traced roles "$@"; }
# refused WHAT TEXT ARGUMENTS...: the command fails, says TEXT in one line, and writes nothing
refused() {
    what=$1 text=$2
    shift 2
    rm -rf bad
    if roles "$@" --out bad >out 2>err; then fail "$what: went through"; fi
    grep -qF -- "$text" err || fail "$what: expected '$text', found: $(cat err)"
    [ "$(wc -l <err)" -eq 1 ] || fail "$what: more than one line: $(cat err)"
    if [ -e bad/units.jsonl ] || [ -e bad/roles.tsv ]; then fail "$what: left results"; fi
    [ ! -e bad ] || fail "$what: left a folder"
}

roles forms.jsonl --min_units 2 --out forms >out || fail "forms: $(cat out)"
grep '"word":"' forms/units.jsonl | sed 's/.*"word":"\([^"]*\)","text":"\([^"]*\)","first":\([0-9]*\),"last":\([0-9]*\),.*/\1|\2|\3|\4/' >found
cat >want <<'END'
wait|Wait|1|1
wait| Wait|6|6
wait| wait|9|9
wait|WAIT|15|18
wait|wait|26|26
hold on|Hold  on|1|8
hold on|hold on|11|17
END
diff want found || fail "words and the tokens that they are"
# a unit's losses are those of the curve, before its first and after its last token
traced trace forms.jsonl --out curves >/dev/null
grep '"id":"a"' curves/curves.jsonl | sed 's/.*"L":\[//; s/\].*//' | tr ',' '\n' >L
grep '"id":"a"' forms/units.jsonl |
    sed 's/.*"first":\([0-9]*\),"last":\([0-9]*\),"before":\([^,]*\),"after":\([^,]*\),.*/\1 \2 \3 \4/' |
    awk 'NR == FNR { L[n++] = $1; next }
        { if (L[$1 - 1] != $3 || L[$2] != $4 || $1 != last + 1) bad = 1; last = $2; k++ }
        END { exit bad || last != n - 1 || k < 20 }' L - || fail "a unit's losses are not those of the curve around it"

sed -n 1p forms/marks.jsonl | grep -q '"n_tokens":[0-9]*,"text_hash":"[0-9a-f]*"' || fail "marks: of which text"
grep -q '^all: each token by itself' out || fail "what all counts: $(cat out)"

# tables: as many cells in every line; sums of units; what is printed
for table in roles words; do
    awk -F '\t' 'NR == 1 { n = NF } NF != n { bad = 1 } END { exit bad || n != 35 || NR < 3 }' "forms/$table.tsv" ||
        fail "forms/$table.tsv is no table of 35 columns: $(head -2 "forms/$table.tsv")"
done
awk -F '\t' '$2 == "all" && $1 == "all" { all = $3 } $2 == "all" && $1 != "all" { tokens += $4 }
    END { exit all != tokens || all < 40 }' forms/roles.tsv || fail "roles.tsv: tokens of the roles are not all"
awk -F '\t' '$1 == "wait" && $2 == "all" && $3 == 5 && $4 == 8 && $5 == 1 && $6 == 0 { n++ } END { exit n != 1 }' forms/words.tsv ||
    fail "words.tsv: $(grep '^wait' forms/words.tsv | cut -f 1-7)"
roles forms.jsonl --out few >out
grep -q '^wait  *5\* ' out || fail "few units are not marked as such: $(head -3 out)"
awk -F '\t' '$1 == "wait" && $2 == "all" && $6 == 1 && $9 == "nan" && $10 == "nan" && $8 != "nan" { n++ }
    END { exit n != 1 }' few/words.tsv || fail "few units have an interval"
for figure in effect delta relative; do
    [ -s "forms/${figure}_by_role.tsv" ] || fail "the figure of $figure by role is missing"
    [ -s "few/${figure}_by_word.gp" ] || fail "the figure of $figure by word is missing"
done
roles forms.jsonl --json --out j >out
case $(cat out) in
'{"out":"j","questions":2,"trajectories":2,"skipped":0,"units":'*'"words":{"wait":{"right":{"units":5,'*'"effect":{"value":'*'"roles":{"'*) ;;
*) fail "--json: $(head -c 300 out)" ;;
esac

# the same bytes again; words of one's own, from a file; where none occurs, no row, and no figure of an earlier run
cp -r forms again
roles forms.jsonl --min_units 2 --overwrite --out again >/dev/null
for name in units.jsonl marks.jsonl words.tsv roles.tsv delta_by_word.tsv; do
    cmp -s "forms/$name" "again/$name" || fail "again: other bytes in $name"
done
printf 'nothing\nnowhere\n' >none.txt
roles forms.jsonl --words_file none.txt --overwrite --out again >out
grep -q 'none of the 2 words occurs' out || fail "no word: $(cat out)"
[ "$(wc -l <again/words.tsv)" -eq 1 ] || fail "no word: rows"
if [ -e again/effect_by_word.tsv ] || [ -e again/delta_by_word.gp ]; then fail "figures of an earlier run are still there"; fi
[ -s again/delta_by_role.tsv ] || fail "no figure of roles"
roles forms.jsonl --words 'waiting,@paper' --out own >out
if ! grep -q '^waiting ' out || ! grep -q '^hold on ' out; then fail "--words: $(cat out)"; fi
roles --config forms/roles.yaml forms.jsonl --out config >/dev/null || fail "roles.yaml can't be read"

# the report shows them, and words as signs of the trajectory
mkdir run
mv forms run/roles
mv curves run/trace
"$raml" report run >/dev/null
grep -q 'Token roles and words of reflection' run/report.html || fail "the report has no roles"
grep -q '"marks":\[{"at":1,"kind":"word","name":"wait"' run/report.html || fail "the report has no marks"

# bad input
printf 'wait\n\nso\n' >empty.txt
printf 'wait\n  \n' >spaces.txt
printf '\177ELF\001\000\n' >binary.txt
printf 'wait\nWait\n' >twice.txt
: >nothing.txt
refused "an unknown list" "words: entry 2: there is no list '@best'; expected @reflection or @paper" forms.jsonl --words 'wait,@best'
refused "an empty word" "words: entry 2: found an empty text" forms.jsonl --words 'wait,,so'
refused "a word of spaces" "words: entry 1: found only spaces" forms.jsonl --words '  '
refused "an empty line" "empty.txt:2: found an empty text; expected a word" forms.jsonl --words_file empty.txt
refused "a line of spaces" "spaces.txt:2: found only spaces; expected a word" forms.jsonl --words_file spaces.txt
refused "a file that is no text" "binary.txt:1: found a byte 0x7f; expected text" forms.jsonl --words_file binary.txt
refused "a word twice" "twice.txt:2: 'wait' is there twice" forms.jsonl --words_file twice.txt
refused "an empty file" "nothing.txt: is empty; expected a word a line" forms.jsonl --words_file nothing.txt
refused "a file that is not there" "absent.txt" forms.jsonl --words_file absent.txt
refused "a list and a file" "words and words_file exclude each other" forms.jsonl --words so --words_file twice.txt
refused "an empty delimiter" "delimiters: entry 1: found an empty text; expected a delimiter" forms.jsonl --delimiters ','
refused "no part" "position_buckets" forms.jsonl --position_buckets 0
refused "no file" "roles takes one FILE.jsonl; found 0"
refused "no trajectory" "forms.jsonl: no trajectory: 2 questions, 0 trajectories selected" forms.jsonl --family none
awk 'BEGIN { s = "x"; for (i = 0; i < 14; i++) s = s s; printf "{\"id\":\"long\",\"question\":\"q\",\"answer\":\"1\",\"trajectories\":[{\"text\":\"%s\"}]}\n", s }' >long.jsonl
refused "a trajectory longer than the context" "question 'long' (line 1), trajectory 1: prompt" long.jsonl
exit $rc
