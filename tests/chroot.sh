#!/bin/sh
# chroot.sh [SUITE [VERB...]]: proves `./run demo` and `./run test` (or the verbs given) on a bare Debian.
# Bootstraps a minimal SUITE (bookworm) into a temporary folder from this machine's own mirror and apt settings, puts a
# fresh clone of the last commit in it (and ../shared, where there is one), runs each verb as root and shows the time.
# Needs root, debootstrap, git and about 3 GB in ${TMPDIR:-/tmp}. Not part of CI. KEEP=1 leaves the folder.
set -eu

suite=${1:-bookworm}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- demo test
source_dir=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
inside=/srv/raml

die() {
    echo "chroot.sh: $*" >&2
    exit 1
}
[ "$(id -u)" -eq 0 ] || die "needs root"
for tool in debootstrap git chroot; do command -v "$tool" >/dev/null || die "needs $tool"; done

# The mirror that this machine takes Debian's main archive from.
# shellcheck disable=SC2016  # apt expands these
mirror=$(apt-get indextargets --format '$(REPO_URI) $(LABEL) $(COMPONENT)' 'Identifier: Packages' |
    awk '$2 == "Debian" && $3 == "main" { sub(/\/$/, "", $1); print $1; exit }')
: "${mirror:=http://deb.debian.org/debian}"

bare=$(mktemp -d)
clean_up() {
    rc=$?
    trap - EXIT INT TERM
    for mounted in dev/pts dev/shm proc; do
        ! mountpoint -q "$bare/$mounted" || umount "$bare/$mounted" || umount -l "$bare/$mounted"
    done
    rm -f "$bare.log"
    if [ -n "${KEEP:-}" ]; then
        echo "Left: $bare"
    else
        rm -rf --one-file-system "$bare"
    fi
    exit $rc
}
trap clean_up EXIT
trap 'exit 130' INT TERM

timed() {
    what=$1 from=$(date +%s)
    shift
    if "$@"; then echo "== $what: ok, $(($(date +%s) - from)) s"; else die "$what failed"; fi
}
enter() { chroot "$@"; }
in_bare() {
    enter "$bare" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LANG=C.UTF-8 \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "$@"
}

bootstrap() { debootstrap --variant=minbase "$suite" "$bare" "$mirror" >"$bare.log" 2>&1 || { tail "$bare.log"; false; }; }
chmod 755 "$bare"
timed "debootstrap $suite from $mirror" bootstrap
# apt behaves as on this machine (proxies, dates); its only sources are Debian's.
mkdir -p "$bare/etc/apt/apt.conf.d"
for conf in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
    [ ! -f "$conf" ] || cp "$conf" "$bare${conf}"
done
printf 'deb %s %s main\n' "$mirror" "$suite" >"$bare/etc/apt/sources.list"
[ ! -e /etc/resolv.conf ] || cp -L /etc/resolv.conf "$bare/etc/resolv.conf"
[ ! -e /etc/hosts ] || cp -L /etc/hosts "$bare/etc/hosts"
mount -t proc proc "$bare/proc"
mkdir -p "$bare/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$bare/dev/shm"
mkdir -p "$bare/dev/pts" # terminals, as any real machine has; without them a test says so and skips
! mount -t devpts -o newinstance,ptmxmode=0666 devpts "$bare/dev/pts" || ln -sf pts/ptmx "$bare/dev/ptmx"

git clone -q --no-hardlinks "$source_dir" "$bare$inside"
if [ -d "$source_dir/../shared" ]; then
    cp -R "$source_dir/../shared" "$bare$inside/../shared"
    chmod -R a-w,a+rX "$bare$inside/../shared"
fi
echo "== commit $(git -C "$source_dir" rev-parse --short HEAD), $(nproc) cores"

# Someone who may not install gets the list of packages and exit code 1.
no_root() { ! enter --userspec=65534:65534 "$bare" "$inside/run" build >"$bare/tmp/refusal" 2>&1 &&
    grep -q 'apt-get install .*libdnnl-dev' "$bare/tmp/refusal"; }
timed "without root: says what is missing" no_root
cat "$bare/tmp/refusal"

for verb in "$@"; do
    # shellcheck disable=SC2016  # expanded inside
    timed "./run $verb" in_bare sh -c 'cd "$0" && ./run "$1"' "$inside" "$verb"
done
