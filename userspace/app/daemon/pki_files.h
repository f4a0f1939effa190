// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_PKI_FILES_H_
#define FLEXVPN_APP_DAEMON_PKI_FILES_H_

#include <vector>

#include "core/config/model.h"
#include "core/node/pki.h"

namespace flexvpn::app {

// Reads the files the trustpoints name.  What is missing, unreadable, too open to others or does not fit together is an
// error at the line that names the file; what is out of date a warning.
node::Pki LoadPki(const config::Model& model, crypto::UnixTime now, std::vector<config::Diagnostic>* diagnostics);

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_PKI_FILES_H_
