# SPDX-License-Identifier: Apache-2.0
"""What we fetch over HTTP to believe strongSwan's certificate: CRL, OCSP answer, the certificate itself (hash and URL).
Web server and OpenSSL's OCSP responder run beside strongSwan."""
import hashlib
import ssl

from certificate_suite import expect_methods, expect_refused
from certificates import SWAN_DIR, Authority, Issued, flex_certificate, install_flex, install_swan, put, swan_certificate
from configs import FLEX_OVERLAY, SWAN
from swan import SWAN_NODE, case, expect

WEB_DIR, WEB_PORT, OCSP_PORT = "/run/web", 8080, 8081
WEB, OCSP = "http://%s:%d" % (SWAN, WEB_PORT), "http://%s:%d" % (SWAN, OCSP_PORT)


class Server:
    """A program beside strongSwan that listens on a TCP port, for the length of a `with`."""

    def __init__(self, t, port, command):
        self.t, self.port = t, port
        self.command = "mkdir -p %s && cd %s && { %s >server.log 2>&1 & echo $! >/run/server-%d.pid; }" % (
            WEB_DIR, WEB_DIR, command, port)

    def __enter__(self):
        self.t.lab.run(SWAN_NODE, ["sh", "-c", self.command], check=True)
        self.t.wait("port %d answers" % self.port, 60, lambda: (":%d " % self.port) in
                    self.t.lab.run(SWAN_NODE, ["ss", "-Hltn"], check=True).stdout)

    def __exit__(self, *_):
        self.t.lab.run(SWAN_NODE, ["sh", "-c", "kill $(cat /run/server-%d.pid)" % self.port])


def web(t, files):
    for name, text in files.items():
        put(t, SWAN_NODE, "%s/%s" % (WEB_DIR, name), text)
    return Server(t, WEB_PORT, "exec /usr/bin/python3 -m http.server %d" % WEB_PORT)


def ocsp(t, ca, **index):
    for name, text in (("index", ca.index(**index)), ("ca.pem", Issued.text(ca.ca.cert)), ("ca.key", Issued.text(ca.ca.key))):
        put(t, SWAN_NODE, "%s/%s" % (WEB_DIR, name), text)
    return Server(t, OCSP_PORT, "exec openssl ocsp -index index -port %d -rsigner ca.pem -rkey ca.key -CA ca.pem" % OCSP_PORT)


def prepared(t, extensions, check, **values):
    """Both sides with certificates of a new CA; strongSwan's has the extensions.  Returns the CA and that certificate."""
    ca = Authority()
    theirs = ca.issue("swan1", "ecdsa256", extensions=extensions)
    install_flex(t, ca.issue("hub", "ecdsa256"), [ca.ca])
    install_swan(t, theirs, [ca.ca])
    t.configure(flex_certificate("responder", "ecdsa256", check=check, **values), swan_certificate("ask"))
    return ca, theirs


def accepted(t):
    t.initiate()
    ike, _ = t.established()
    expect_methods(ike, "ECDSA", "ECDSA")
    t.swan_gre(ike["assigned_address"] + "/32", FLEX_OVERLAY + "/32")
    t.both_ways(FLEX_OVERLAY, ike["assigned_address"], 3)


@case()
def crl_over_http(t):
    """CRL of the certificate's distribution point: nobody answers: refused; it is fetched: accepted; it names it: refused."""
    point = ("crlDistributionPoints=URI:%s/ca.crl" % WEB,)
    prepared(t, point, "crl")
    expect_refused(t, "revo")
    ca, _ = prepared(t, point, "crl")
    with web(t, {"ca.crl": ca.crl()}):
        accepted(t)
    ca, theirs = prepared(t, point, "crl")
    with web(t, {"ca.crl": ca.crl(theirs)}):
        expect_refused(t, "is revoked")


@case()
def ocsp_over_http(t):
    """OCSP, answered by OpenSSL's responder: good: accepted; revoked: refused; unknown to it: refused."""
    responder = ("authorityInfoAccess=OCSP;URI:%s/" % OCSP,)
    for index, verdict in (("valid", None), ("revoked", "is revoked"), (None, "revo")):
        ca, theirs = prepared(t, responder, "ocsp")
        with ocsp(t, ca, **({index: (theirs,)} if index else {})):
            accepted(t) if verdict is None else expect_refused(t, verdict)


@case()
def certificate_by_url(t):
    """strongSwan sends hash and URL of its certificate (RFC 7296 3.6) because we asked for that: we fetch it; pings."""
    ca = Authority()
    theirs = ca.issue("swan1", "ecdsa256")
    der = ssl.PEM_cert_to_DER_cert(Issued.text(theirs.cert))
    name = hashlib.sha1(der).hexdigest()
    install_flex(t, ca.issue("hub", "ecdsa256"), [ca.ca])
    install_swan(t, theirs, [ca.ca])
    authority = "authorities {\n  lab {\n    file = %s/x509ca/ca0.pem\n    cert_uri_base = %s/\n  }\n}\n" % (SWAN_DIR, WEB)
    t.configure(flex_certificate("responder", "ecdsa256", globals="crypto ikev2 http-url cert\n"),
                swan_certificate("ask") + authority)
    put(t, SWAN_NODE, "%s/made.pem" % WEB_DIR, Issued.text(theirs.cert))
    t.lab.run(SWAN_NODE, ["openssl", "x509", "-in", WEB_DIR + "/made.pem", "-outform", "DER", "-out", "%s/%s" % (WEB_DIR, name)],
              check=True)
    with web(t, {}):
        accepted(t)
        log = t.lab.run(SWAN_NODE, ["cat", WEB_DIR + "/server.log"], check=True).stdout
    expect("GET /" + name in log, "nobody fetched the certificate:\n%s", log)
