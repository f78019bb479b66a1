#!/bin/sh
# Three hosts on this machine, without Docker: network namespaces on one bridge, an engine in a fourth.
# Each host has its own daemon; every host reads the writes of the others. Needs root, ip(8), tigerd[nats].
# Usage: examples/machines/three_hosts.sh
set -eu
base=$(mktemp -d /dev/shm/tigerd-hosts.XXXXXX)
net=tgdemo

on() { # on HOST COMMAND...: run a command on a host
    where=$1
    shift
    ip netns exec "$net-$where" "$@"
}

cleanup() {
    for host in web worker tests; do tigerd stop --dir "$base/$host" > /dev/null 2>&1 || true; done
    [ -z "${engine:-}" ] || kill "$engine" 2> /dev/null || true
    wait 2> /dev/null || true
    for host in web worker tests engine switch; do ip netns del "$net-$host" 2> /dev/null || true; done
    rm -rf "$base"
}
trap cleanup EXIT

# --- The network: one switch, a link for each host ---
ip netns add "$net-switch"
on switch ip link add br0 type bridge
on switch ip link set br0 up
number=0
for host in web worker tests engine; do
    number=$((number + 1))
    ip netns add "$net-$host"
    ip link add eth0 netns "$net-$host" type veth peer name "p$number" netns "$net-switch"
    on switch ip link set "p$number" master br0 up
    on "$host" ip addr add "10.78.0.$number/24" dev eth0
    on "$host" ip link set eth0 up
    on "$host" ip link set lo up
done

# --- The engine, and a daemon for each host ---
log=nats://10.78.0.4:4222/shop
ip netns exec "$net-engine" tigerd log serve --listen 10.78.0.4:4222 --store "$base/engine" \
    2> /dev/null > "$base/ready" &
engine=$!
until grep -q ready "$base/ready"; do sleep 0.1; done
for host in web worker tests; do on "$host" tigerd start --dir "$base/$host" --log "$log"; done

# --- One account on three hosts ---
export TIGERD_EVERYWHERE=1 # a write is on all hosts when it returns
echo '{"id": "order_1", "amount": 900, "status": "open"}' |
    on web tigerd put --dir "$base/web" payment_intents
on worker tigerd get --dir "$base/worker" payment_intents order_1
echo '{"id": "order_1", "amount": 900, "status": "paid"}' |
    on worker tigerd put --dir "$base/worker" payment_intents
on tests tigerd get --dir "$base/tests" payment_intents order_1
on tests tigerd log status --dir "$base/tests"
