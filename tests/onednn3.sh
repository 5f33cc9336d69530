#!/bin/sh
# onednn3.sh [SUITE]: the sources that use oneDNN also compile against the 3.x headers (Debian trixie's libdnnl-dev).
# Downloads the package into a temporary folder and installs nothing. Needs the mirror, so it is not part of CI.
# Against the library itself, not only its headers: tests/chroot.sh trixie test
set -eu

suite=${1:-trixie}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
keys=/usr/share/keyrings/debian-archive-keyring.gpg
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# shellcheck disable=SC2016  # apt expands these
mirror=$(apt-get indextargets --format '$(REPO_URI) $(LABEL) $(COMPONENT)' 'Identifier: Packages' |
    awk '$2 == "Debian" && $3 == "main" { print $1; exit }')
mkdir -p "$tmp/state/lists/partial" "$tmp/cache/archives/partial" "$tmp/etc/preferences.d" "$tmp/headers"
: >"$tmp/status"
echo "deb [signed-by=$keys] ${mirror:-http://deb.debian.org/debian} $suite main" >"$tmp/etc/sources.list"
# This machine's settings (proxies) hold; lists, cache, sources and state are in the temporary folder.
fetch() {
    (cd "$tmp" && apt-get -q -o Dir::State="$tmp/state" -o Dir::State::status="$tmp/status" \
        -o Dir::Cache="$tmp/cache" -o Dir::Etc::sourcelist="$tmp/etc/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::Etc::preferencesparts=- -o APT::Sandbox::User="$(id -un)" "$@") >>"$tmp/log" 2>&1 ||
        { tail "$tmp/log"; echo "onednn3.sh: cannot get $suite's libdnnl-dev from $mirror"; exit 1; }
}
fetch update
fetch download libdnnl-dev
dpkg-deb -x "$tmp"/libdnnl-dev_*.deb "$tmp/headers"
include=$(find "$tmp/headers" -path '*/oneapi/dnnl/dnnl.h' | sed 's,/oneapi/dnnl/dnnl.h$,,')

n=0 rc=0
# shellcheck disable=SC2013  # our file names have no spaces
for source in $(grep -rlE 'include.*oneapi/dnnl' "$root/src" --include='*.c'); do
    # The first line proves that it is these headers that are seen, not the machine's own.
    { printf '#include <oneapi/dnnl/dnnl_version.h>\n#if DNNL_VERSION_MAJOR < 3\n#error "not oneDNN 3"\n#endif\n'
      printf '#include "%s"\n' "$source"; } >"$tmp/unit.c"
    for cc in gcc clang; do
        command -v "$cc" >/dev/null || continue
        if "$cc" -std=c11 -D_GNU_SOURCE -DRAML_VERSION='"0"' -Wall -Wextra -Wpedantic -Werror -fopenmp -fsyntax-only \
            -isystem "$include" -I "$root/include" -I "$root/src" "$tmp/unit.c"; then
            n=$((n + 1))
        else
            echo "FAIL: $cc: ${source#"$root"/}"
            rc=1
        fi
    done
done
version=$(dpkg-deb -f "$tmp"/libdnnl-dev_*.deb Version)
[ "$n" -gt 0 ] || { echo "FAIL: nothing compiled"; rc=1; }
echo "$n compilations passed against oneDNN $version"
exit $rc
