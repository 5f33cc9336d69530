#!/bin/sh
# test_landscape.sh BINARY SOURCE_DIR BUILD_DIR: the program's landscape: killed and continued with the same bytes, settings
# repeated from its recipe, one clear error for bad input.
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
# refused CODE WORDS ARGUMENTS...: exits with the code, prints the words
refused() {
    code=$1
    words=$2
    shift 2
    rc=0
    "$raml" landscape --model init:micro "$@" >out.txt 2>said.txt || rc=$?
    [ "$rc" -eq "$code" ] || fail "'$*' exits with $rc, expected $code: $(cat said.txt)"
    grep -qF -e "$words" said.txt || fail "'$*' said: $(cat said.txt)"
}

"$raml" task make --families add:3,perm:3 --num_questions 4 --out q.jsonl >/dev/null 2>&1
id=$(sed -n '3s/^{"id":"\([^"]*\)".*/\1/p' q.jsonl)
small="--grid 4x3 --no-curvature --quiet"

# Killed in the middle, then continued: the same bytes as without.
grid="--grid 30x30 --no-curvature --id $id --directions path"
# shellcheck disable=SC2086  # words
"$raml" landscape --model init:micro q.jsonl $grid --out whole --quiet >/dev/null
# shellcheck disable=SC2086  # words
"$raml" landscape --model init:micro q.jsonl $grid --out cut --quiet >/dev/null 2>&1 &
pid=$!
i=0
while [ "$i" -lt 600 ] && [ "$(cat cut/grid.journal 2>/dev/null | wc -l)" -le 20 ]; do
    i=$((i + 1))
    sleep 0.1
done
kill -9 "$pid" 2>/dev/null || fail "it was finished before it could be killed"
wait "$pid" 2>/dev/null || :
[ ! -e cut/landscape.npy ] || fail "files were written before the grid was finished"
n=$(wc -l <cut/grid.journal)
[ "$n" -gt 20 ] || fail "only $n lines in the journal"
# shellcheck disable=SC2086  # words
"$raml" landscape --model init:micro q.jsonl $grid --out cut >continued.txt 2>said.txt
grep -q 'points are there from an earlier run' said.txt || fail "it did not go on: $(cat said.txt)"
for file in grid.journal landscape.npy landscape.tsv landscape.csv path.tsv frames.tsv contour_0.tsv contour_0.gp; do
    cmp -s "whole/$file" "cut/$file" || fail "$file differs"
done
if command -v gnuplot >/dev/null; then
    cmp -s whole/contours.svg cut/contours.svg || fail "contours.svg differs"
    grep -q '<animate' cut/contours.svg || fail "the film does not move"
else
    printf '\n*** gnuplot is absent: no picture was checked ***\n\n' >&2
fi

# Seconds a point come before the grid; the recipe repeats the run; --json.
# shellcheck disable=SC2086  # words
"$raml" landscape --model init:micro q.jsonl $grid --grid 3x3 --out third >/dev/null 2>said.txt
grep -q ' points of 3 frames, .* s a point: about ' said.txt || fail "no time: $(cat said.txt)"
"$raml" landscape --config third/landscape.yaml q.jsonl --out fourth --json >got.json 2>/dev/null
cmp -s third/landscape.npy fourth/landscape.npy || fail "the recipe gives another landscape"
grep -q '"explained":\[0\.' got.json || fail "$(cat got.json)"

# A frame at the weights themselves is the loss curve's value: same prompt, same answer prefix, same answer.
"$raml" trace --model init:micro q.jsonl --limit 1 --out t >/dev/null 2>&1
# shellcheck disable=SC2086  # words
"$raml" landscape --model init:micro q.jsonl $small --frames 0,3,5 --out f >/dev/null
for i in 0 3 5; do
    curve=$(sed -n "s/.*\"i\":$i,.*\"L\":\([0-9.e-]*\),.*/\1/p" t/tokens.jsonl)
    centre=$(awk -v i="$i" '$1 == i { printf "%.9g\n", $2 }' f/frames.tsv)
    [ -n "$curve" ] && [ "$curve" = "$centre" ] || fail "L($i) is $curve in the curve and $centre in the landscape"
done

# Another model, another grid, a damaged file: one error, and the journal as it was.
# shellcheck disable=SC2086  # words
"$raml" landscape --model init:micro q.jsonl $small --out l >/dev/null
cp l/grid.journal before
refused 2 "l: holds a result of other settings already (landscape.yaml): seed is 0 there, and 1 here" q.jsonl $small --out l --seed 1
rm l/landscape.yaml
refused 2 "is of another landscape: weights is" q.jsonl $small --out l --seed 1
refused 2 "grid is [4,3] there, and [3,4] here" q.jsonl --grid 3x4 --no-curvature --quiet --out l
refused 2 "is of another landscape: text is" q.jsonl $small --out l --id "$id"
cmp -s before l/grid.journal || fail "the journal was changed"
sed '3s/ [0-9]/ x/' before >l/grid.journal
refused 1 "l/grid.journal:3: the line does not have the hash" q.jsonl $small --out l
head -c 300 before >l/grid.journal
"$raml" landscape --model init:micro q.jsonl $small --out l >/dev/null
cmp -s before l/grid.journal || fail "a file that was cut short did not become whole again"
cp l/landscape.npy was.npy
"$raml" landscape --model init:micro q.jsonl $small --out l >/dev/null || fail "the same settings do not go on"
cmp -s was.npy l/landscape.npy || fail "the same settings give other bytes"
"$raml" landscape --model init:micro q.jsonl $small --out l --seed 1 --overwrite >/dev/null || fail "--overwrite"
"$raml" landscape --model init:micro q.jsonl $small --out l1 --seed 1 >/dev/null
cmp -s l1/landscape.npy l/landscape.npy && cmp -s l1/grid.journal l/grid.journal || fail "--overwrite: not of the new settings alone"

# One direction, written either way: a slice, and the file that the last line names is there.
for grid in 3 3x1; do
    "$raml" landscape --model init:micro q.jsonl --grid $grid --no-curvature --quiet --out "s$grid" >out.txt
    last=$(tail -n 1 out.txt)
    [ -e "$last" ] || fail "--grid $grid: '$last' is named, and is not there"
done
cmp -s s3/landscape.npy s3x1/landscape.npy || fail "3 and 3x1 differ"

# The third question, by its place and by its id.
# shellcheck disable=SC2086  # words
"$raml" landscape --model init:micro q.jsonl $small --question 3 --out by_place >/dev/null
# shellcheck disable=SC2086  # words
"$raml" landscape --model init:micro q.jsonl $small --id "$id" --out by_id >/dev/null
cmp -s by_place/landscape.npy by_id/landscape.npy || fail "--question 3 is not the third"
cmp -s by_place/landscape.npy l/landscape.npy && fail "--question 3 is the first"

# Bad input.
refused 1 "--question is 99" q.jsonl --question 99 $small --out bad
refused 1 "has no question 'nobody'" q.jsonl --id nobody $small --out bad
refused 1 "trajectory 9" q.jsonl --sample 9 $small --out bad
refused 1 "frames: 5000 is beyond the trajectory" q.jsonl --frames 0,5000 $small --out bad
refused 2 "frames: found '10%%'" q.jsonl --frames 0,10%% $small --out bad
refused 2 "--grid: found '5x'" q.jsonl --grid 5x --quiet --out bad
refused 2 "--grid: found 'five'" q.jsonl --grid five --quiet --out bad
refused 1 "a grid of 1 x 1 points" q.jsonl --grid 1 --quiet --out bad
refused 1 "a path needs two prefixes" q.jsonl --frames 1 --directions path $small --out bad
refused 2 "takes one FILE.jsonl" $small --out bad
[ ! -e bad ] || fail "a failed run left a folder"
