// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/archive.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "app/daemon/files.h"
#include "base/status_macros.h"
#include "core/config/lexer.h"

namespace flexvpn::app {
namespace {

constexpr char kSuffix[] = ".conf";
constexpr size_t kMaxVersion = 4 * config::kMaxTextBytes;  // what is shown may be longer than what was written

// "0000000017.conf" -> 17; 0 if it is no file of ours.
uint64_t NumberOf(absl::string_view name) {
  uint64_t n = 0;
  const bool ours = absl::ConsumeSuffix(&name, kSuffix) && !name.empty() &&
                    name.find_first_not_of("0123456789") == absl::string_view::npos;
  return ours && absl::SimpleAtoi(name, &n) ? n : 0;
}

}  // namespace

absl::StatusOr<std::vector<Archive::Version>> Archive::List() const {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(directory_.c_str()), closedir);
  if (dir == nullptr && errno == ENOENT) return std::vector<Version>();
  if (dir == nullptr) return absl::ErrnoToStatus(errno, directory_);
  std::vector<Version> out;
  while (const dirent* e = readdir(dir.get())) {
    Version v{NumberOf(e->d_name), 0, absl::StrCat(directory_, "/", e->d_name)};
    struct stat s {};
    if (v.number == 0 || lstat(v.path.c_str(), &s) != 0 || !S_ISREG(s.st_mode)) continue;
    v.saved = s.st_mtime;
    out.push_back(std::move(v));
  }
  std::sort(out.begin(), out.end(), [](const Version& a, const Version& b) { return a.number > b.number; });
  return out;
}

absl::Status Archive::Add(BytesView text) {
  RETURN_IF_ERROR(MakePrivateDirectory(directory_));
  ASSIGN_OR_RETURN(const std::vector<Version> have, List());
  const uint64_t next = have.empty() ? 1 : have[0].number + 1;
  RETURN_IF_ERROR(WriteFileAtomically(absl::StrFormat("%s/%010u%s", directory_, next, kSuffix), text));
  for (size_t i = kKept - 1; i < have.size(); ++i) unlink(have[i].path.c_str());
  return absl::OkStatus();
}

absl::StatusOr<SecretBytes> Archive::Read(size_t revision) const {
  ASSIGN_OR_RETURN(const std::vector<Version> have, List());
  if (revision == 0 || revision > have.size())
    return absl::NotFoundError(have.empty() ? "no earlier configuration is kept"
                                            : absl::StrCat("no revision ", revision, ": 1 to ", have.size(), " are kept"));
  return ReadFile(have[revision - 1].path, kMaxVersion);
}

}  // namespace flexvpn::app
