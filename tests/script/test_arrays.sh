#!/bin/sh
# test_arrays.sh BINARY SOURCE_DIR BUILD_DIR: the examples of docs/arrays.md, run on real files where their tools are
# installed, and what they read compared with each other.
set -eu
raml=$1
doc=$2/docs/arrays.md
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}
absent() {
    printf '\n*** %s is absent: the examples of docs/arrays.md for it were NOT run ***\n\n' "$1" >&2
}

# The three commands of the page.
sed -n 's/^    raml //p' "$doc" >commands
[ "$(wc -l <commands)" -eq 3 ] || fail "the page has $(wc -l <commands) commands; expected 3"
while read -r line; do
    # shellcheck disable=SC2086  # words of a command
    "$raml" $line >>out.txt 2>&1 </dev/null || fail "raml $line: $(cat out.txt)"
done <commands

# The first number of a file that has more than $2 digits; or one that is not there and written in another way than $3.
digits() {
    awk -F '\t' -v most="$2" -v none="$3" 'FNR > 1 { for (i = 1; i <= NF; i++) {
        if (tolower($i) == "nan" && $i != none) { print $i; exit }
        if ($i !~ /^[-+0-9.e]+$/) continue
        n = $i; sub(/e.*/, "", n); gsub(/[-+.]/, "", n); sub(/^0+/, "", n)
        if (length(n) > most) { print $i; exit } } }' "$1"
}
bad=$(digits trace/groups.tsv 9 nan)
[ -z "$bad" ] || fail "trace/groups.tsv: $bad; expected 9 digits and nan"
bad=$(digits landscape/frames.tsv 17 NaN)
[ -z "$bad" ] || fail "landscape/frames.tsv: $bad; expected 17 digits and NaN"

# The blocks that begin with a line "# TOOL", one after another.
blocks() {
    awk -v want="# $1" '/^```[a-z]/ { first = 1; next } /^```/ { on = 0; next }
        first { on = $0 == want; first = 0 } on' "$doc"
}

python=
for one in /usr/bin/python3 python3; do
    if [ -z "$python" ] && "$one" -c 'import numpy' 2>/dev/null; then python=$one; fi
done
if [ -n "$python" ]; then
    blocks numpy >read_numpy.py
    grep -q 'def safetensors' read_numpy.py || fail "the page's numpy blocks were not found"
    cat >>read_numpy.py <<'END'
assert loss.shape == (3, 5, 4) and loss.dtype == numpy.float64
assert alpha.tolist() == [-1, -0.5, 0, 0.5, 1] and len(beta) == 4
assert table.shape == (60,)
assert numpy.array_equal(table["loss"].reshape(3, 5, 4), loss)
assert numpy.array_equal(table["alpha"].reshape(3, 5, 4)[0, :, 0], alpha)
assert numpy.array_equal(table["beta"].reshape(3, 5, 4)[0, 0, :], beta)
assert least in set(zip(table["alpha"], table["beta"]))
lines = [json.loads(line) for line in open("trace/curves.jsonl")]
assert len(tensors) == len(lines) == 2
for line in lines:
    curve = tensors["%s/%d" % (line["id"], line["sample"])]
    assert curve.dtype == numpy.float32 and numpy.array_equal(curve, numpy.float32(line["L"]))
csv = numpy.genfromtxt("landscape/landscape.csv", names=True, delimiter=",")
assert numpy.array_equal(csv, table)
frames = numpy.genfromtxt("landscape/frames.tsv", names=True, delimiter="\t")
assert numpy.isnan(frames["trace"]).all() and (frames["least"] == loss.min(axis=(1, 2))).all()
END
    "$python" read_numpy.py || fail "numpy"
else
    absent "python3-numpy"
fi
if [ -n "$python" ] && "$python" -c 'import pandas' 2>/dev/null; then
    blocks pandas >read_pandas.py
    grep -q read_json read_pandas.py || fail "the page's pandas blocks were not found"
    cat >>read_pandas.py <<'END'
import numpy
loss = numpy.load("landscape/landscape.npy")
assert list(grid.columns) == ["i", "alpha", "beta", "loss"]
assert numpy.array_equal(surface.to_numpy(), loss[0])
assert numpy.array_equal(grid.loss, loss.ravel())
assert list(groups.columns)[-3:] == ["value", "low", "high"] and all(groups.dtypes[-3:] == float) and len(groups) > 0
assert len(curves) == 2 and len(tokens) == sum(len(l) for l in curves.L)
assert numpy.allclose(tokens.L, numpy.concatenate(list(curves.L)))
assert list(figure.columns) == ["series", "x", "y", "low", "high"] and len(figure) > 0
END
    "$python" -W error read_pandas.py || fail "pandas"
else
    absent "python3-pandas"
fi
if command -v Rscript >/dev/null; then
    blocks R >all.R
    grep -q read_npy all.R || fail "the page's R blocks were not found"
    cat >>all.R <<'END'
stopifnot(identical(dim(loss), c(3L, 5L, 4L)), identical(names(grid), c("i", "alpha", "beta", "loss")))
stopifnot(max(abs(as.vector(t(loss[1, , ])) - grid$loss[1:20])) < 1e-12)
stopifnot(max(abs(as.vector(surface) - as.vector(loss[1, , ]))) < 1e-12)
stopifnot(is.numeric(groups$value), is.numeric(groups$low), nrow(groups) > 0)
stopifnot(is.numeric(figure$y), is.numeric(figure$low), nrow(figure) > 0)
stopifnot(read_npy("landscape/alpha.npy") == c(-1, -0.5, 0, 0.5, 1))
END
    if Rscript --vanilla -e 'library(jsonlite)' >/dev/null 2>&1; then
        blocks "R jsonlite" >>all.R
        cat >>all.R <<'END'
stopifnot(nrow(curves) == 2, nrow(tokens) == sum(lengths(curves$L)), length(tensors) == 2)
for (k in 1:2) {
  curve <- tensors[[paste0(curves$id[k], "/", curves$sample[k])]]
  stopifnot(max(abs(curve - curves$L[[k]])) < 1e-6)
}
END
    else
        absent "r-cran-jsonlite"
    fi
    Rscript --vanilla all.R || fail "R"
else
    absent "R (r-base-core)"
fi
