#!/bin/sh
# test_fuzz.sh BINARY SOURCE_DIR BUILD_DIR: raml-fuzz finds the faults of its target "planted": a check that does not hold, a
# hang, a slow case; it keeps the case, and the case alone shows the fault again. What has no fault passes.
set -eu

fuzz=$3/raml-fuzz
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
rc=0

# expect CODE TEXT COMMAND...: exit code and, in what it prints, the text.
expect() {
    code=$1 text=$2
    shift 2
    got=0
    "$@" >out 2>&1 || got=$?
    if [ "$got" -ne "$code" ] || ! grep -qF -- "$text" out; then
        echo "FAIL: $*: exit code $got, expected $code and '$text':"
        cat out
        rc=1
    fi
}

# The word is in the target's list: edits put it into a case sooner or later, whatever the number of jobs.
expect 1 "FAULT: planted: ended by signal 6" "$fuzz" planted --n 5000 --jobs 1 --out .
set -- raml-fuzz-planted-1-*
kept=$1
case=${kept##*-}
if ! grep -q crash "$kept"; then
    echo "FAIL: the kept case '$kept' does not hold the fault"
    rc=1
fi
expect 134 "does not hold" sh -c "\"$fuzz\" planted $kept"
expect 134 "does not hold" sh -c "\"$fuzz\" planted --replay $case"
expect 1 "FAULT: planted: ended by signal 6: case $case of" "$fuzz" planted --n $((case + 1)) --jobs 1 --out .
expect 0 "$case cases from 1 seeds" "$fuzz" planted --n "$case" --jobs 1 --out .
expect 1 "FAULT: planted: ended by signal 6" "$fuzz" planted --n 5000 --jobs 3 --out .

mkdir hang slow none
echo hang >hang/a
echo slow >slow/a
expect 1 "FAULT: planted: takes more than 0.2 s" "$fuzz" planted --n 2 --jobs 1 --corpus hang --hang_s 0.2 --out .
expect 1 "FAULT: planted: took more than 0.1 s" "$fuzz" planted --n 2 --jobs 1 --corpus slow --limit_s 0.1 --out .
expect 0 "2 cases from 2 seeds: 2 read, 0 refused" "$fuzz" planted --n 2 --jobs 1 --corpus slow --out .
expect 2 "no such folder" "$fuzz" planted --corpus missing
expect 2 "usage:" "$fuzz" planted --n minus
expect 2 "usage:" "$fuzz" nothing

# All in turn, the generated answers too.
expect 0 "20 inputs: " "$fuzz" --n 20 --jobs 2 --out .
for name in $("$fuzz" list); do grep -q "^$name .*: .* read" out || { echo "FAIL: $name was left out"; rc=1; }; done

# Each target's seeds as files, which it reads.
for name in $("$fuzz" list); do
    expect 0 "seeds in" "$fuzz" "$name" --write_seeds "seeds-$name"
    expect 0 ": read" "$fuzz" "$name" "seeds-$name"
    if grep -q refused out; then
        echo "FAIL: $name refuses a seed of its own"
        rc=1
    fi
done
[ "$(find . -name "seeds-*.dict" | wc -l)" -ge 9 ] || { echo "FAIL: fewer than nine targets"; rc=1; }
exit $rc
