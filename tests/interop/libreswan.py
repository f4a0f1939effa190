# SPDX-License-Identifier: Apache-2.0
"""libreswan (pluto) as the other side, told by `ipsec whack`."""
import re
import subprocess

from certificates import Issued, put
from configs import FLEX, KEY, SWAN
from swan import PEERS, SWAN_NODE, Failure, Pair

_CONF = """\
config setup
	protostack=xfrm
conn gre
	ikev2=insist
	authby=%(authby)s
%(cert)s	left=%(local)s
	leftid=@swan1.example.net
	leftprotoport=gre
	right=%(remote)s
	rightid=@hub.example.net
	rightprotoport=gre
	type=%(mode)s
	ike=%(ike)s
	esp=%(esp)s
	fragmentation=yes
	mobike=%(mobike)s
	pfs=%(pfs)s
	ppk=%(ppk)s
	retransmit-timeout=%(timeout)s
%(more)s	auto=ignore
"""
_DEFAULTS = {"local": SWAN, "remote": FLEX, "mode": "transport", "ike": "aes_gcm256-sha2_512;dh19", "esp": "aes_gcm256",
             "pfs": "no", "authby": "secret", "cert": "", "mobike": "no", "ppk": "no", "timeout": "30s", "more": ""}


def libreswan(**values):
    """ipsec.conf with one connection "gre".  more: further lines, each with a tab before it."""
    return _CONF % dict(_DEFAULTS, **values)


def libreswan_certificate(name, authby, **values):
    """The same with the certificate `name` that install_libreswan() put there.  authby: "rsasig" (PKCS#1 and PSS) or "ecdsa-sha2"."""
    return libreswan(authby=authby, cert="\tleftcert=" + name + "\n\tleftsendcert=always\n", **values)


def install_libreswan(t, name, own, ca, above=()):
    """The certificate `own` with its key as `name`, and the CA that is believed: all that pluto's NSS database has then.
    above: intermediates."""
    t.end_peer()  # or pluto calls again without the key that is deleted here
    packed = subprocess.run(["openssl", "pkcs12", "-export", "-inkey", own.key, "-name", name, "-passout", "pass:lab"],
                            input="".join(Issued.text(x.cert) for x in (own, *above)).encode(),
                            check=True, stdout=subprocess.PIPE).stdout
    script = ("cd /var/lib/ipsec/nss; certutil -L -d sql:. | "
              "sed -n 's/^\\(.*[^ ]\\)  *u,u,u *$/-F \\1/p; s/^\\(.*[^ ]\\)  *[CT]*,, *$/-D \\1/p' | "
              "while read -r how n; do certutil $how -d sql:. -n \"$n\"; done >&2; "
              "certutil -A -d sql:. -n ca -t CT,, -i /run/ca.pem && cat >/run/swan1.p12 && "
              "pk12util -i /run/swan1.p12 -d sql:. -W lab -K ''; code=$?; rm -f /run/swan1.p12; exit $code")
    put(t, SWAN_NODE, "/run/ca.pem", Issued.text(ca.cert))
    r = t.lab.run(SWAN_NODE, ["sh", "-c", script], stdin=packed)
    if r.returncode != 0:
        raise Failure("certificates for libreswan: %s" % (r.stdout + r.stderr)[-400:])
    if t.believes is not ca:
        t.lab.restart(SWAN_NODE)  # a running pluto goes by the CAs it has seen, for minutes
        t.believes = ca


def secrets(key=KEY, ppk=None):
    """ipsec.secrets; ppk: name and key of one of RFC 8784."""
    pair = "@swan1.example.net @hub.example.net : "
    return pair + 'PSK "%s"\n' % key + (pair + 'PPKS "%s" "%s"\n' % ppk if ppk else "")


class Libreswan(Pair):
    """pluto has one connection, "gre"."""

    key, ppk = KEY, None
    believes = None  # the CA in its database

    def whack(self, *words, check=True, seconds=60):
        r = self.lab.run(SWAN_NODE, ["timeout", "-s", "KILL", str(seconds), "ipsec", *words], timeout=seconds + 30)
        text = r.stdout + r.stderr
        if check and r.returncode != 0:
            raise Failure("ipsec %s ended %d: %s" % (" ".join(words), r.returncode, text.strip()[-500:]))
        return text

    def end_peer(self):
        self.whack("whack", "--name", "gre", "--delete", check=False, seconds=20)

    def load_peer(self):
        self.lab.run(SWAN_NODE, ["sh", "-c", "cat >/etc/ipsec.secrets"], stdin=secrets(self.key, self.ppk).encode(), check=True)
        self.whack("whack", "--rereadsecrets")
        self.whack("addconn", "--config", "/etc/ipsec.conf", "gre")

    def initiate(self, check=True):
        return self.whack("whack", "--name", "gre", "--initiate", check=check)

    def swan_sas(self):
        text = self.whack("whack", "--showstates")
        return len(re.findall(r"ESTABLISHED_IKE_SA", text)), len(re.findall(r"ESTABLISHED_CHILD_SA", text)), text

    def rekey_by_peer(self, what):
        self.whack("whack", "--name", "gre", "--rekey-ike" if what == "ike" else "--rekey-ipsec")

    def delete_by_peer(self, what):
        text = self.swan_sas()[2]
        state = re.search(r"#(\d+): .*ESTABLISHED_%s_SA" % what.upper(), text)
        if not state:
            raise Failure("libreswan has no %s SA:\n%s" % (what, text))
        self.whack("whack", "--deletestate", state.group(1))


PEERS["libreswan"] = Libreswan
