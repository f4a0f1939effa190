// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_CONFIG_SESSION_H_
#define FLEXVPN_APP_DAEMON_CONFIG_SESSION_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "app/daemon/archive.h"
#include "app/daemon/config_file.h"
#include "app/daemon/master_key.h"
#include "base/time.h"
#include "core/config/diff.h"
#include "core/node/node.h"
#include "core/show/document.h"

namespace flexvpn::app {

// What is in force, and what puts something else in force.
class RunningConfig {
 public:
  virtual const config::Model& Running() const = 0;
  virtual node::Node::Restarts Apply(LoadedConfig config) = 0;  // in force when it returns

 protected:
  ~RunningConfig() = default;
};

// Changes of the running configuration as a whole: check, diff, commit (with automatic return), rollback, write memory,
// reload.  Every configuration that is replaced becomes revision 1 of the history.  Files are written here and nowhere
// else; who may ask is the caller's business, since every command sees keys.
class ConfigSession {
 public:
  struct Paths {
    std::string file;   // startup-config
    std::string state;  // directory of this instance: its history and its master key
    std::string master_key() const { return state + "/master-key"; }
  };
  struct Answer {  // "ok", "text" and "data" of the control protocol
    bool ok = true;
    std::string text;
    show::Json data = show::Json::object();
  };
  // `key`: nullptr if there is none.
  ConfigSession(Paths paths, std::unique_ptr<MasterKey> key, RunningConfig& running);

  // `words`: a command of Place::kSession as ParseExec gives it.  `lines`: the candidate, typed on top of the running
  // configuration; only commit, commit check and show configuration diff take any.  A refusal changes nothing.
  Answer Handle(absl::string_view words, const std::vector<std::string>& lines, Instant now);

  // Of keys of type 6; may come to be by a command.
  const config::KeyCipher* cipher() const { return key_.get(); }

  // When a `commit confirmed` is taken back.
  std::optional<Instant> NextDeadline() const;
  void OnTick(Instant now);

  // The file becomes the running configuration; false, logged and nothing changed if it has errors.
  bool Reload();

 private:
  // A commit that waits for its confirmation.
  struct Unconfirmed {
    Instant until;
    config::Model before;
  };
  struct Commit {
    std::string command;                  // for the log
    std::optional<int64_t> minutes = {};  // to be confirmed within
    Instant now;
  };
  Answer Candidate(absl::string_view words, const std::vector<std::string>& lines, Instant now);
  Answer Put(LoadedConfig next, const Commit& commit);
  Answer Unchanged(const Commit& commit);
  Answer Confirm();
  Answer Rollback(size_t revision, bool check, Instant now);
  Answer DiffWithFile() const;
  Answer Write();
  absl::Status Save(const std::string& path, absl::string_view text, std::vector<std::string>* notes);
  Answer ShowArchive(Instant now) const;
  Answer MakeMasterKey();
  std::string Text(const config::Model& model) const;  // running-config of it, with keys
  std::string Difference(const config::Model& from, const config::Model& to) const;
  // The running configuration goes into the history; what went wrong, or "".
  std::string Remember();

  const Paths paths_;
  std::unique_ptr<MasterKey> key_;
  RunningConfig& running_;
  Archive history_, saved_;
  std::optional<Unconfirmed> unconfirmed_;
};

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_CONFIG_SESSION_H_
