# SPDX-License-Identifier: Apache-2.0
"""The daemons a node may run: how each is started, asked and configured."""
import os
import re

from .paths import LabError, cache_root


class Daemon:
    """`config`: file of the node's directory that holds its configuration.  `ready`: command that succeeds when it
    answers.  `load`: command after the start, or None.  `live`: where a changed configuration is written in place,
    because the file is bound over there; None: the daemon reads the node's directory itself."""

    def __init__(self, config, argv, ready, load=None, live=None):
        self.config, self.argv, self.ready, self.load, self.live = config, argv, ready, load, live


DAEMONS = {
    "flexvpnd": Daemon("flexvpn.conf", ["flexvpnd", "--config", "/run/node/flexvpn.conf", "--log-level",
                                        os.environ.get("FLEXVPN_LOG_LEVEL", "info")], ["flexvpn", "show", "version"]),
    # charon may never answer one who connects while it starts
    "charon-systemd": Daemon("swanctl.conf", ["/usr/sbin/charon-systemd"],
                             ["timeout", "-s", "KILL", "10", "swanctl", "--stats"], ["swanctl", "--load-all"],
                             "/etc/swanctl/swanctl.conf"),
    "pluto": Daemon("ipsec.conf", ["sh", "-c", "cd /var/lib/ipsec/nss && { [ -e cert9.db ] || "
                                               "certutil -N -d sql:. --empty-password; } && exec "
                                               "/usr/libexec/ipsec/pluto --config /etc/ipsec.conf --nofork --stderrlog"],
                    ["timeout", "-s", "KILL", "10", "ipsec", "whack", "--status"], ["ipsec", "whack", "--listen"],
                    "/etc/ipsec.conf"),
}
OF_KIND = {"hub": "flexvpnd", "spoke": "flexvpnd", "strongswan": "charon-systemd", "libreswan": "pluto"}


def libreswan_root():
    """Where install-packages unpacked libreswan, which Debian does not install beside strongSwan."""
    base = os.path.join(cache_root(), "libreswan")
    found = [n for n in (os.listdir(base) if os.path.isdir(base) else []) if os.path.exists(os.path.join(base, n, "complete"))]
    if not found:
        raise LabError("no libreswan in %s; run: sudo tools/install-packages" % base)
    return os.path.join(base, max(found, key=lambda n: [int(x) for x in re.findall(r"\d+", n)]))
