#!/bin/sh
# gcc 12.2.0 (Debian's package 12.2.0-14+deb12u1): _mm512_mask_dpbf16_ps, the bf16 dot product of 16 lanes under a mask, with
# AVX512DQ allowed (-march=x86-64-v4). Expected: the 16 bits of its mask reach the mask register (kmovw, as for
# _mm512_mask_add_ps in the same file, or kmovd). Seen: kmovb, which moves 8 bits and clears the rest, so that lanes 8 to 15
# keep their old sums whatever the mask is. Without AVX512DQ it is kmovw. raml's kernels do not mask this instruction.
# Output seen: "dot product: kmovb, addition: kmovw". Exit code 0 while it is so, 1 when it has changed.
# Needs Debian 12 on x86-64 with libc6-dev; runs only the compiler proper, to assembly: no AVX-512 is needed.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get -q download cpp-12=12.2.0-14+deb12u1 libgcc-12-dev=12.2.0-14+deb12u1 libisl23=0.25-1.1 libmpc3=1.3.1-1 \
    libmpfr6=4.2.0-1 libgmp10 >/dev/null
for package in *.deb; do dpkg -x "$package" root; done
gcc=$dir/root/usr/lib/gcc/x86_64-linux-gnu/12
cat >masked.c <<'C'
#include <immintrin.h>
__m512 dot(__m512 sum, __mmask16 mask, __m512bh a, __m512bh b) { return _mm512_mask_dpbf16_ps(sum, mask, a, b); }
__m512 add(__m512 sum, __mmask16 mask, __m512 a, __m512 b) { return _mm512_mask_add_ps(sum, mask, a, b); }
C
LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu "$gcc/cc1" -quiet -O2 -march=x86-64-v4 -mavx512bf16 -isystem "$gcc/include" \
    -imultiarch x86_64-linux-gnu masked.c -o masked.s
move() { sed -n "/^$1:/,/ret/s/^[[:space:]]*\(kmov[a-z]\).*/\1/p" masked.s; }
printf 'dot product: %s, addition: %s\n' "$(move dot)" "$(move add)"
[ "$(move dot)" = kmovb ] && [ "$(move add)" = kmovw ]
