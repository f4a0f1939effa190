#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes one Vagrant machine a hub or a spoke: provision.sh NAME UNDERLAY-ADDRESS LAN-ADDRESS
set -eu
name=$1 underlay=$2 lan=$3
cd /flexvpn
./tools/install-packages --no-guest-kernel
./tools/dev build release flexvpnd flexvpn
./packaging/build-deb build
apt-get install -y ./build/flexvpn_*.deb
./kernel-config/check
# the underlay's device carries the name the examples use
device=$(ip -o -4 addr show to "$underlay" | awk '{print $2}')
ip link show lan0 >/dev/null 2>&1 || ip link add lan0 type dummy
ip link set lan0 up
ip addr replace "$lan/24" dev lan0
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.all.rp_filter=0
install -d -m 750 /etc/flexvpn
sed "s/tunnel source eth0/tunnel source $device/" "tests/topologies/configs/$name.conf" >/etc/flexvpn/flexvpn.conf
chmod 600 /etc/flexvpn/flexvpn.conf
systemctl enable --now flexvpnd
flexvpn show crypto ikev2 sa || true
