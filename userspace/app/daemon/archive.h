// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_ARCHIVE_H_
#define FLEXVPN_APP_DAEMON_ARCHIVE_H_

#include <time.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/secret.h"

namespace flexvpn::app {

// The last versions of a text that holds secrets: one directory, one file (0600) each, named by a number that only
// grows, so that a new version is one rename and a crash leaves all of the old ones.  Survives restarts.
class Archive {
 public:
  static constexpr size_t kKept = 20;
  struct Version {
    uint64_t number = 0;  // of the file
    time_t saved = 0;
    std::string path;
  };
  // The directory is made when something is added.
  explicit Archive(std::string directory) : directory_(std::move(directory)) {}

  // Newest first: [0] is revision 1.  A directory that is not there is empty; files of other names are not ours.
  absl::StatusOr<std::vector<Version>> List() const;
  // `text` becomes revision 1; the others move by one, what is older than kKept is deleted.
  absl::Status Add(BytesView text);
  // kNotFound, saying how many there are, if there is no such revision (from 1).
  absl::StatusOr<SecretBytes> Read(size_t revision) const;

 private:
  std::string directory_;
};

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_ARCHIVE_H_
