#!/bin/sh
# newer.sh [SUITE]: the sources that use oneDNN and FLINT also compile against the 3.x headers of both, those that use libmicrohttpd
# against 1.x, and libcurl against 8.x (Debian trixie's packages). Downloads the packages into a temporary folder and installs nothing. Needs the mirror, so
# it is not part of CI. To test the libraries themselves, not only their headers: tests/chroot.sh trixie test
set -eu

suite=${1:-trixie}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
keys=/usr/share/keyrings/debian-archive-keyring.gpg
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# shellcheck disable=SC2016  # apt expands these
mirror=$(apt-get indextargets --format '$(REPO_URI) $(LABEL) $(COMPONENT)' 'Identifier: Packages' |
    awk '$2 == "Debian" && $3 == "main" { print $1; exit }')
mkdir -p "$tmp/state/lists/partial" "$tmp/cache/archives/partial" "$tmp/etc/preferences.d"
: >"$tmp/status"
echo "deb [signed-by=$keys] ${mirror:-http://deb.debian.org/debian} $suite main" >"$tmp/etc/sources.list"
# This machine's settings (proxies) hold; lists, cache, sources and state are in the temporary folder.
fetch() {
    (cd "$tmp" && apt-get -q -o Dir::State="$tmp/state" -o Dir::State::status="$tmp/status" \
        -o Dir::Cache="$tmp/cache" -o Dir::Etc::sourcelist="$tmp/etc/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::Etc::preferencesparts=- -o APT::Sandbox::User="$(id -un)" "$@") >>"$tmp/log" 2>&1 ||
        { tail "$tmp/log"; echo "newer.sh: cannot get $suite's packages from $mirror"; exit 1; }
}

# check PACKAGE HEADER PROOF SOURCE...: every source compiles, and PROOF (a condition of the preprocessor) shows that it
# is these headers that are used, not the machine's own.
check() {
    package=$1 header=$2 proof=$3
    shift 3
    fetch download "$package"
    mkdir -p "$tmp/$package"
    dpkg-deb -x "$tmp/$package"_*.deb "$tmp/$package"
    include=$(find "$tmp/$package" -path "*/$header" | sed "s,/$header\$,,")
    n=0
    for source in "$@"; do
        { printf '#include <%s>\n#if !(%s)\n#error "not the newer headers"\n#endif\n' "$header" "$proof"
          printf '#include "%s"\n' "$source"; } >"$tmp/unit.c"
        for cc in gcc clang; do
            command -v "$cc" >/dev/null || continue
            if "$cc" -std=c11 -D_GNU_SOURCE -DRAML_VERSION='"0"' -Wall -Wextra -Wpedantic -Werror -fopenmp \
                -fsyntax-only -isystem "$include" -I "$root/include" -I "$root/src" "$tmp/unit.c"; then
                n=$((n + 1))
            else
                echo "FAIL: $cc: ${source#"$root"/}"
                rc=1
            fi
        done
    done
    [ "$n" -gt 0 ] || { echo "FAIL: nothing compiled"; rc=1; }
    echo "$n compilations passed against $package $(dpkg-deb -f "$tmp/$package"_*.deb Version)"
}

rc=0
fetch update
# shellcheck disable=SC2046  # our file names have no spaces
check libdnnl-dev oneapi/dnnl/dnnl_version.h 'DNNL_VERSION_MAJOR >= 3' \
    $(grep -rlE 'include.*oneapi/dnnl' "$root/src" --include='*.c')
check libflint-dev flint/flint.h '__FLINT_VERSION >= 3' "$root"/src/answer/decide/*.c
check libmicrohttpd-dev microhttpd.h 'MHD_VERSION >= 0x01000000' "$root"/src/cli/http.c
check libcurl4-openssl-dev curl/curl.h 'LIBCURL_VERSION_NUM >= 0x080000' "$root"/src/endpoint/curl.c
exit $rc
