// SPDX-License-Identifier: Apache-2.0
// show crypto pki certificates in the layout of IOS.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/show/text.h"

namespace flexvpn::show {
namespace {

std::string Status(const std::string& status) {
  if (status == "available") return "Available";
  return status == "expired" ? "Expired" : "Not yet valid";
}

}  // namespace

std::string TextCertificates(const Json& data) {
  std::string out;
  for (const Json& c : List(data, "certificates")) {
    const std::string role = Str(c, "role"), names = Join(List(c, "names"), ", ");
    absl::StrAppend(&out, out.empty() ? "" : "\n",
                    role == "own"  ? "Certificate\n"
                    : role == "ca" ? "CA Certificate\n"
                                   : "Intermediate CA Certificate\n",
                    "  Status: ", Status(Str(c, "status")),
                    "\n  Certificate Serial Number (hex): ", Str(c, "serial"),
                    "\n  Certificate Usage: ", role == "own" ? "General Purpose" : "Signature",
                    "\n  Issuer: \n    ", Str(c, "issuer"), "\n  Subject: \n");
    if (!names.empty()) absl::StrAppend(&out, "    Name: ", names, "\n");
    absl::StrAppend(&out, "    ", Str(c, "subject"),
                    "\n  Validity Date: \n    start date: ", FormatDate(Int(c, "not_before")),
                    "\n    end   date: ", FormatDate(Int(c, "not_after")), "\n  Public Key: ", Str(c, "key"),
                    "\n  Signature Algorithm: ", Str(c, "signature_algorithm"),
                    "\n  Fingerprint SHA256: ", Str(c, "fingerprint_sha256"),
                    "\n  Associated Trustpoints: ", Str(c, "trustpoint"), " \n");
  }
  return out;
}

}  // namespace flexvpn::show
