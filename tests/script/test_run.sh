#!/bin/sh
# test_run.sh BINARY SOURCE_DIR BUILD_DIR: what `./run` prints and does about packages and test results, on a machine
# whose package tools, cmake and ctest are small scripts. Nothing is installed.
# shellcheck disable=SC2016  # the made-up tools expand these
set -eu

source_dir=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rc=0
fail() {
    echo "FAIL: $1"
    sed 's/^/    /' "$tmp/out"
    rc=1
}

mkdir "$tmp/bin" "$tmp/tree"
cp "$source_dir/run" "$tmp/tree/run"
for tool in sh cat cut dirname env grep head mkdir nproc rm sed tail tr; do
    ln -s "$(command -v "$tool")" "$tmp/bin/$tool"
done
fake() { # fake NAME: its script is read from standard input; its calls are appended to `calls`
    { echo '#!/bin/sh'; echo "echo \"${1} \$*\" >>'$tmp/calls'"; cat; } >"$tmp/bin/$1"
    chmod +x "$tmp/bin/$1"
}
gone() { (cd "$tmp/bin" && rm -f "$@"); }
# try WANTED_CODE ARGUMENT...: runs it in the made-up machine
try() {
    want=$1
    shift
    : >"$tmp/calls"
    got=0
    env -i PATH="$tmp/bin" "$tmp/tree/run" "$@" >"$tmp/out" 2>&1 || got=$?
    [ "$got" -eq "$want" ] || fail "./run $*: exit code $got, expected $want"
}
says() { grep -qF -- "$1" "$tmp/out" || fail "it does not say: $1"; }
calls() { grep -qF -- "$1" "$tmp/calls" || fail "it does not call: $1"; }
never() { ! grep -qF -- "$1" "$tmp/calls" || fail "it calls: $1"; }
list="gcc libc6-dev cmake ninja-build"

try 0
says "Usage: ./run VERB"
try 0 help
try 2 nonsense
says 'unknown verb "nonsense"'

# No Debian; no apt-get; no way to become root: the list of packages, and exit code 1.
echo 'echo 1000' | fake id
try 1 demo
says "not a Debian machine"
says "apt-get install --no-install-recommends $list"
echo 'exit 1' | fake dpkg-query
try 1 build
says "there is no apt-get"
says "apt-get install --no-install-recommends $list"
echo 'exit 0' | fake apt-get
try 1 build
says "no sudo"
says "apt-get install --no-install-recommends $list"
never "apt-get install"

# With sudo: prints what and why, then installs through it.
echo '[ "$1" = -v ] || "$@"' | fake sudo
echo 'exit 3' | fake cmake
try 1 build
says "libdnnl-dev        matrix products (oneDNN)"
says "Installing them: sudo apt-get install"
calls "sudo env DEBIAN_FRONTEND=noninteractive apt-get"
calls "install --no-install-recommends $list"
says "configuring failed"
! grep -q libcmocka "$tmp/calls" || fail "it installs the tests' library for a build"
never " make"
try 1 test
calls "libcmocka-dev"
calls " make"
never "libclang-rt"
try 1 tsan
calls "libomp-dev"
calls "libclang-rt-dev"
calls "libcmocka-dev"
try 1 libfuzzer
says "needs a target"
try 1 libfuzzer gguf
calls "libclang-rt-dev"
echo 'exit 1' | fake sudo
try 1 build
says "sudo was refused"

# As root, without sudo; apt-get fails.
gone sudo
echo 'echo 0' | fake id
try 1 build
calls "install --no-install-recommends $list"
printf '%s\n' 'case "$*" in *install*) echo "E: no such package"; exit 100 ;; esac' | fake apt-get
try 1 build
says "E: no such package"
says "apt-get install --no-install-recommends $list"
never "cmake -G"

# All installed: nothing is done. One of several alternatives is enough.
printf '%s\n' 'case "$*" in *gnuplot-nox | *pkgconf) exit 1 ;; esac' 'echo "install ok installed"' | fake dpkg-query
echo 'exit 0' | fake apt-get
echo 'exit 0' | fake pkg-config
try 1 build
never apt-get
calls "cmake -G Ninja"

# Installing: only what is installed is built, and where it goes is handed on.
echo 'exit 0' | fake cmake
try 0 install
calls "cmake --build $tmp/tree/build --target installable"
calls "cmake --install $tmp/tree/build --prefix /usr/local"
says "Installed in /usr/local; "
try 0 install --prefix /opt/raml
calls "cmake --install $tmp/tree/build --prefix /opt/raml"
try 0 install --prefix=here
calls "--prefix $PWD/here"
try 1 install --prefix
says "--prefix needs a folder"
try 1 install /opt
says 'found "/opt", expected --prefix DIR'
printf '%s\n' 'case "$*" in *--install*) echo "CMake Error at x: cannot copy: Permission denied."; exit 1 ;; esac' | fake cmake
try 1 install
says "Permission denied"
says "as root, or with --prefix DIR, it may not"

# Tests: the last line counts, and the exit code follows it.
echo 'exit 0' | fake cmake
results() { # results CTEST_CODE LINE
    printf '%s\n' 'while [ "$1" != --output-log ]; do shift; done' "echo '$2' >\"\$2\"" "exit $1" | fake ctest
}
last() { [ "$(tail -n 1 "$tmp/out")" = "$1" ] || fail "the last line is not: $1"; }
results 0 "100% tests passed, 0 tests failed out of 12"
try 0 test -R tree
last "12 passed, 0 failed"
calls "-R tree"
results 8 "75% tests passed, 3 tests failed out of 12"
try 1 test
last "9 passed, 3 failed"
results 8 "No tests were found!!!"
try 1 test
last "0 passed, 0 failed"
results 0 ""
try 1 sanitize
last "0 passed, 0 failed"
calls "-L unit"
calls "-DRAML_SANITIZE=address,undefined"
exit $rc
