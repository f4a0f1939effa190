// SPDX-License-Identifier: Apache-2.0
// The trustpoints of the configuration with what their files hold.  The files are read by whoever owns the node.
#ifndef FLEXVPN_CORE_NODE_PKI_H_
#define FLEXVPN_CORE_NODE_PKI_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/config/model.h"
#include "core/crypto/certificate.h"
#include "core/ike/endpoint.h"
#include "core/node/local_end.h"
#include "core/show/rows.h"

namespace flexvpn::node {

struct LoadedTrustpoint {
  std::shared_ptr<const crypto::Credential> credential;  // our certificate; nullptr: none
  std::vector<crypto::CertificateInfo> authorities;
  std::vector<Bytes> crls;                               // DER
  std::shared_ptr<const crypto::TrustStore> trust;       // of both; nullptr without authorities
};
using Pki = std::map<std::string, LoadedTrustpoint>;  // by name of the trustpoint
bool SamePki(const Pki& a, const Pki& b);             // by content

// Whether a certificate fits one sequence number of the map.  Case, and blanks around '=' and ',', do not count.
bool Matches(const config::CertificateMap& map, const crypto::CertificateInfo& certificate);

// How its peers are checked for revocation.
crypto::RevocationPolicy ToPolicy(const config::Trustpoint& trustpoint);

bool ExpectsCertificate(const config::IkeProfile& profile);

// The certificate side of a session policy: what we sign with, what we accept, and our identity if it is the subject.
// Error: no trustpoint has a certificate of the kind of key that `authentication local` names.
absl::Status FillCertificates(const config::Model& model, const Pki& pki, const config::IkeProfile& profile,
                              ike::SessionPolicy& policy);

// Key ids of all CAs by which some profile for `local` checks its peers.
std::vector<Bytes> Authorities(const config::Model& model, const Pki& pki, const LocalEnd& local);

// `now`: time of day, for the status.
std::vector<show::CertificateRow> CertificateRows(const Pki& pki, crypto::UnixTime now);

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_PKI_H_
