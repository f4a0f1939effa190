# SPDX-License-Identifier: Apache-2.0
"""Configurations of both ends: flexvpn.conf in the IOS grammar, swanctl.conf of strongSwan 5.9."""

KEY = "lab-only-key-of-hub-and-spokes"
WRONG_KEY = "not-the-key-of-the-others"
FLEX, SWAN = "198.51.100.2", "203.0.113.2"  # outer addresses
FLEX6, SWAN6 = "2001:db8:0:1::2", "2001:db8:0:2::2"
FLEX_OVERLAY = SWAN_OVERLAY = "10.0.0.254"  # of whoever gives out addresses 10.0.0.1-100

_COMMON = """\
hostname hub
!
aaa new-model
aaa authorization network default local
!
crypto ikev2 proposal P
 encryption %(encryption)s
 integrity %(integrity)s
 prf %(prf)s
 group %(group)s
crypto ikev2 policy P
 proposal P
!
crypto ikev2 authorization policy default
%(pool)s route set interface
 route set access-list LANS
!
crypto ikev2 keyring KR
 peer ANY
  address %(any)s
  pre-shared-key %(key)s
%(peer)s!
crypto ikev2 profile default
 match identity remote fqdn domain example.net
 identity local fqdn hub.example.net
 authentication remote pre-share
 authentication local pre-share
 keyring local KR
 dpd 10 2 periodic
%(profile)s%(authorization)s%(template)s!
%(globals)s%(sets)s!
crypto ipsec profile default
 set transform-set %(set_names)s
%(pfs)s set ikev2-profile default
!
ip access-list standard LANS
 permit 192.168.0.0 0.0.255.255
!
"""

_RESPONDER = """\
ip local pool FLEX 10.0.0.1 10.0.0.100
!
interface Loopback0
 ip address 10.0.0.254 255.255.255.255
!
interface Virtual-Template1 type tunnel
 ip unnumbered Loopback0
 ip nhrp network-id 1
 tunnel source eth0
%(tunnel_mode)s tunnel protection ipsec profile default
!
end
"""

_INITIATOR = """\
interface Tunnel0
 ip address %(address)s
 tunnel source eth0
%(tunnel_mode)s tunnel destination %(destination)s
 tunnel protection ipsec profile default
!
end
"""

_DEFAULTS = {"encryption": "aes-gcm-256", "integrity": "sha256", "prf": "sha512", "group": "19", "key": KEY, "pfs": "",
             "peer": "", "profile": "", "globals": ""}  # further lines: of the keyring's peer, of the profile, global ones


def flex(role, sets=("esp-gcm 256",), mode="transport", address="negotiated", ipv6=False, **values):
    """flexvpn.conf.  role: "responder" (Virtual-Template1, gives out addresses) or "initiator" (Tunnel0 to strongSwan).
    sets: transforms in order of preference.  address: of Tunnel0; one that is not "negotiated" asks for nothing.
    ipv6: the outer addresses are IPv6."""
    v = dict(_DEFAULTS, **values)
    v["address"] = address
    v["any"] = "::/0" if ipv6 else "0.0.0.0 0.0.0.0"
    v["tunnel_mode"] = " tunnel mode gre ipv6\n" if ipv6 else ""
    v["destination"] = SWAN6 if ipv6 else SWAN
    responder = role == "responder"
    v["pool"] = " pool FLEX\n" if responder else ""
    v["template"] = " virtual-template 1\n" if responder else ""
    v["authorization"] = " aaa authorization group list default default\n" if responder or address == "negotiated" else ""
    v["sets"] = "".join("crypto ipsec transform-set T%d %s\n mode %s\n" % (i, s, mode) for i, s in enumerate(sets))
    v["set_names"] = " ".join("T%d" % i for i in range(len(sets)))
    return (_COMMON + (_RESPONDER if responder else _INITIATOR)) % v


_SWAN = """\
connections {
  flex {
    version = 2
    local_addrs = %(local)s
    remote_addrs = %(remote)s
    proposals = %(ike)s
    dpd_delay = %(dpd)s
    mobike = %(mobike)s
    %(addresses)s
%(more)s    local {
      auth = psk
      id = swan1.example.net
    }
    remote {
      auth = psk
      id = hub.example.net
    }
    children {
      gre {
        local_ts = %(local_ts)s
        remote_ts = %(remote_ts)s
        mode = %(mode)s
        esp_proposals = %(esp)s
      }
    }
  }
}
pools {
  overlay {
    addrs = 10.0.0.1-10.0.0.100
    subnet = 10.0.0.254/32
  }
  overlay6 {
    addrs = 2001:db8:e::1-2001:db8:e::64
    subnet = 2001:db8:fe::1/128
  }
}
secrets {
  ike-flex {
    secret = "%(key)s"
  }
%(secrets)s}
"""

_SWAN_DEFAULTS = {"ike": "aes256gcm16-prfsha512-ecp256", "esp": "aes256gcm16", "mode": "transport", "dpd": "0s", "key": KEY,
                  "mobike": "yes", "more": "", "secrets": "", "local": SWAN, "remote": FLEX, "local_ts": SWAN + "/32[gre]", "remote_ts": FLEX + "/32[gre]"}


def swan(addresses, **values):
    """swanctl.conf.  addresses: "ask" (a virtual IP from us), "give" (from its pool), the same for "… both" families, or "none"."""
    v = dict(_SWAN_DEFAULTS, **values)
    v["addresses"] = {"ask": "vips = 0.0.0.0", "ask both": "vips = 0.0.0.0, ::", "give": "pools = overlay",
                      "give both": "pools = overlay, overlay6", "none": ""}[addresses]
    return _SWAN % v
