#!/bin/sh
# mpi_hosts.sh [BINARY]: two ranks on two hosts, which are two network namespaces with names of their own: Open MPI starts the
# second by a remote shell (here: ip netns exec) and all goes over TCP. The second host has no run folder. By hand, as root:
# tests/script/mpi_hosts.sh build/raml. Where namespaces can't be made, it says so and ends.
# shellcheck disable=SC2086  # words
set -eu
raml=${1:-$(dirname "$0")/../../build/raml}
raml=$(cd "$(dirname "$raml")" && pwd)/$(basename "$raml")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/mpi_launch.sh"
case $library in "Open MPI"*) ;; *) echo "SKIPPED: two hosts are NOT tested: the remote shell is set as Open MPI has it" && exit 0 ;; esac
tmp=$(mktemp -d)
a=raml-a-$$ b=raml-b-$$
trap 'ip netns del "$a" 2>/dev/null || :; ip netns del "$b" 2>/dev/null || :; rm -rf "$tmp"' EXIT
fail() {
    echo "FAIL: $*"
    exit 1
}
if ! { ip netns add "$a" && ip netns add "$b" && ip link add name v1-$$ netns "$a" type veth peer name v2-$$ netns "$b"; } 2>"$tmp/why"; then
    echo "SKIPPED: two hosts are NOT tested: network namespaces can't be made here: $(head -n 1 "$tmp/why")"
    exit 0
fi
for i in 1 2; do
    if [ $i -eq 1 ]; then ns=$a; else ns=$b; fi
    ip -n "$ns" addr add 10.77.0.$i/24 dev v$i-$$
    ip -n "$ns" link set v$i-$$ up
    ip -n "$ns" link set lo up
done
# agent HOST COMMAND...: what ssh would be
cat >"$tmp/agent" <<END
#!/bin/sh
case \$1 in 10.77.0.1) ns=$a ;; *) ns=$b ;; esac
echo "\$1" >>"$tmp/hosts"
shift
exec ip netns exec "\$ns" unshare --uts sh -c "hostname \$ns; \$*"
END
chmod +x "$tmp/agent"
mkdir "$tmp/one" "$tmp/two"
export OMPI_MCA_plm_rsh_agent="$tmp/agent" OMPI_MCA_btl=self,tcp OMPI_MCA_btl_tcp_if_include=10.77.0.0/24
export OMPI_MCA_oob_tcp_if_include=10.77.0.0/24 OMPI_MCA_orte_keep_fqdn_hostnames=1
train="train sft --model init:micro --families add:2 --num_questions 100 --max_steps 30 --batch_size 4 --dtype f32 --threads 1"
train="$train --save_steps 10 --logging_steps 5 --quiet"
hosts() { # hosts ARGUMENT...: rank 0 in folder one of the first host, rank 1 in folder two of the second
    ip netns exec "$a" unshare --uts sh -c "hostname $a; exec \"\$@\"" sh "$launcher" -n 1 --host 10.77.0.1:1 \
        --wdir "$tmp/one" "$raml" $train "$@" : -n 1 --host 10.77.0.2:1 --wdir "$tmp/two" "$raml" $train "$@" >"$tmp/said" 2>&1
}
hosts --out run || fail "two hosts: $(cat "$tmp/said")"
grep -q '^10.77.0.2$' "$tmp/hosts" || fail "the second host was not started by the agent"
sent=$(ip netns exec "$b" cat "/proc/net/dev" | sed -n "s/^ *v2-$$: *\([0-9]*\).*/\1/p")
[ "$sent" -gt 90000000 ] || fail "the hosts exchanged $sent bytes; expected 96 million: of 30 gradients and weights a half each"
[ ! -e "$tmp/two/run" ] || fail "rank 1 wrote a folder"
(cd "$tmp/one" && launch 2 "$raml" $train --out local >/dev/null 2>&1) || fail "one host"
for f in metrics.jsonl checkpoint-30/model.safetensors checkpoint-30/optimizer.safetensors; do
    cmp "$tmp/one/run/$f" "$tmp/one/local/$f" || fail "$f"
done
# A checkpoint is only on the first host.
rm -r "$tmp/one/run/checkpoint-30" "$tmp/one/run/checkpoint-20"
hosts --out run --resume || fail "resuming: $(cat "$tmp/said")"
for f in metrics.jsonl checkpoint-30/model.safetensors checkpoint-30/optimizer.safetensors; do
    cmp "$tmp/one/run/$f" "$tmp/one/local/$f" || fail "resumed: $f"
done
[ ! -e "$tmp/two/run" ] || fail "rank 1 wrote a folder"
# What the second host lacks is said with its name.
hosts --out other --model "$tmp/one/run" >/dev/null 2>&1 || fail "a model that both see: $(cat "$tmp/said")"
cp -r "$tmp/one/run/checkpoint-30" "$tmp/one/start"
if hosts --out third --model start; then fail "a model that the second host lacks"; fi
grep -q "rank 1 on $b: start: is not a folder" "$tmp/said" || fail "it does not name the host: $(cat "$tmp/said")"
[ ! -e "$tmp/one/third" ] || fail "it wrote a folder"
echo "two hosts: the bytes of two ranks on one, $((sent / 1000000)) MB received; resumed from a folder that one of them sees"
