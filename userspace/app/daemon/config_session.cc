// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/config_session.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "app/daemon/files.h"
#include "app/daemon/logger.h"
#include "base/status_macros.h"
#include "core/config/candidate.h"
#include "core/config/text_diff.h"
#include "core/crypto/openssl_rng.h"

namespace flexvpn::app {
namespace {

using Answer = ConfigSession::Answer;
constexpr char kSavedBy[] = "! Saved by flexvpnd";

// A text with keys in it.
struct SecretText {
  explicit SecretText(std::string text) : s(std::move(text)) {}
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  ~SecretText() { WipeMemory(s.data(), s.size()); }
  std::string s;
};

Answer Refuse(const std::string& why, const std::string& hint = "") {
  Answer a;
  a.ok = false;
  a.text = absl::StrCat("% ", why, "\n", hint.empty() ? "" : absl::StrCat("  hint: ", hint, "\n"));
  a.data["error"] = why;
  if (!hint.empty()) a.data["hint"] = hint;
  return a;
}

std::string Plural(size_t n, absl::string_view what) { return absl::StrCat(n, " ", what, n == 1 ? "" : "s"); }

std::string Utc(time_t when) {
  tm t{};
  gmtime_r(&when, &t);
  char text[32];
  strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &t);
  return text;
}

show::Json DiagnosticsJson(const std::vector<config::Diagnostic>& diagnostics) {
  static constexpr const char* kNames[] = {"error", "warning", "note"};
  show::Json list = show::Json::array();
  for (const config::Diagnostic& d : diagnostics) {
    show::Json j = {{"severity", kNames[static_cast<size_t>(d.severity)]},
                    {"line", d.where.line}, {"column", d.where.column}, {"message", d.message}};
    if (!d.hint.empty()) j["hint"] = d.hint;
    list.push_back(std::move(j));
  }
  return list;
}

void AddChanges(const std::vector<config::Change>& changes, Answer* a) {
  static constexpr const char* kNames[] = {"added", "removed", "changed"};
  a->data["changes"] = show::Json::array();
  for (const config::Change& c : changes) {
    const char* kind = kNames[static_cast<size_t>(c.kind)];
    absl::StrAppendFormat(&a->text, "  %-7s  %s\n", kind, c.object);
    a->data["changes"].push_back({{"kind", kind}, {"object", c.object}});
  }
}

std::string DueWithin(int64_t count) {
  return absl::StrCat("without 'commit' within ", Plural(static_cast<size_t>(count), "minute"),
                      " the configuration before returns\n");
}

// What a diff says; `from` and `to` name its sides.
Answer DiffAnswer(absl::string_view from, absl::string_view to, std::string diff) {
  Answer a;
  a.data["from"] = from;
  a.data["to"] = to;
  a.text = diff.empty() ? absl::StrCat(to, " does not differ from ", from, "\n")
                        : absl::StrCat("--- ", from, "\n+++ ", to, "\n", diff);
  a.data["diff"] = std::move(diff);
  return a;
}

}  // namespace

ConfigSession::ConfigSession(Paths paths, std::unique_ptr<MasterKey> key, RunningConfig& running)
    : paths_(std::move(paths)), key_(std::move(key)), running_(running), history_(paths_.state + "/rollback"),
      saved_(paths_.state + "/startup") {}

std::string ConfigSession::Text(const config::Model& model) const {
  return config::Render(model, /*all=*/false, /*secrets=*/true, cipher());
}

std::string ConfigSession::Difference(const config::Model& from, const config::Model& to) const {
  const SecretText before(Text(from)), after(Text(to));
  return config::DiffText(before.s, after.s);
}

Answer ConfigSession::Handle(absl::string_view words, const std::vector<std::string>& lines, Instant now) {
  if (absl::StartsWith(words, "commit") || words == "show configuration diff") return Candidate(words, lines, now);
  if (!lines.empty()) return Refuse(absl::StrCat("'", words, "' takes no lines of configuration"));
  if (words == "show archive") return ShowArchive(now);
  if (absl::StartsWith(words, "key")) return MakeMasterKey();
  if (absl::StartsWith(words, "write") || absl::StartsWith(words, "copy")) return Write();
  size_t revision = 0;
  if (!absl::SimpleAtoi(words.substr(words.rfind(' ') + 1), &revision))
    return Refuse(absl::StrCat("'", words, "' is no command of the configuration session"));
  return Rollback(revision, absl::StrContains(words, "check"), now);
}

Answer ConfigSession::Candidate(absl::string_view words, const std::vector<std::string>& lines, Instant now) {
  const bool diff = words == "show configuration diff", check = words == "commit check";
  if (lines.empty() && diff) return DiffWithFile();
  if (lines.empty() && words == "commit") return Confirm();
  const SecretText text(absl::StrJoin(lines, "\n"));
  CheckedConfig checked = CheckFiles(config::ParseCandidate(running_.Running(), text.s, cipher()));
  const std::string report = FormatDiagnostics(checked, "candidate", text.s);
  Answer a;
  if (checked.errors != 0) {
    a = Refuse(absl::StrCat(Plural(checked.errors, "error"), " in the candidate: nothing was changed"));
  } else if (diff) {
    a = DiffAnswer("running-config", "candidate", Difference(running_.Running(), checked.config.model));
  } else if (check) {
    const std::vector<config::Change> changes = config::Diff(running_.Running(), checked.config.model);
    a.text = absl::StrCat("no errors; commit would change ", Plural(changes.size(), "object"), "\n");
    AddChanges(changes, &a);
  } else {
    Commit commit{std::string(words), std::nullopt, now};
    int64_t minutes = 10;
    if (absl::StartsWith(words, "commit confirmed")) {
      if (!absl::SimpleAtoi(words.substr(words.rfind(' ') + 1), &minutes)) minutes = 10;  // the word itself
      commit.minutes = minutes;
    }
    a = Put(std::move(checked.config), commit);
  }
  a.text.insert(0, report);
  a.data["diagnostics"] = DiagnosticsJson(checked.diagnostics);
  return a;
}

std::string ConfigSession::Remember() {
  const SecretText text(Text(running_.Running()));
  const absl::Status s = history_.Add(AsView(text.s));
  if (s.ok()) return "";
  const std::string why = absl::StrCat("the configuration before this one is not kept for rollback: ", s.message());
  LogLine(Level::kError, why);
  return why;
}

Answer ConfigSession::Put(LoadedConfig next, const Commit& commit) {
  Answer a;
  const std::vector<config::Change> changes = config::Diff(running_.Running(), next.model);
  if (next.model == running_.Running()) return Unchanged(commit);
  const std::string warning = Remember();
  std::optional<Unconfirmed> wait;
  if (commit.minutes)
    wait = Unconfirmed{commit.now + std::chrono::minutes(*commit.minutes),
                       unconfirmed_ ? std::move(unconfirmed_->before) : running_.Running()};
  unconfirmed_ = std::move(wait);
  const node::Node::Restarts sessions = running_.Apply(std::move(next));
  LogLine(Level::kInfo, absl::StrCat(commit.command, ": ", Plural(changes.size(), "object"), " changed"));
  a.text = absl::StrCat("in force: ", Plural(changes.size(), "object"), " changed, ", sessions.restarted, " of ",
                        Plural(sessions.sessions, "session"), " restarted",
                        sessions.renewed == 0 ? "" : absl::StrCat(", ", sessions.renewed, " changed in place"), "\n");
  AddChanges(changes, &a);
  a.data["restarted"] = sessions.restarted;
  a.data["changed_in_place"] = sessions.renewed;
  a.data["sessions"] = sessions.sessions;
  if (!warning.empty()) {
    absl::StrAppend(&a.text, "warning: ", warning, "\n");
    a.data["warnings"] = {warning};
  }
  if (commit.minutes) {
    a.text += DueWithin(*commit.minutes);
    a.data["confirm_within_minutes"] = *commit.minutes;
  }
  return a;
}

// Nothing to put in force; a commit that waits is confirmed, or gets more time.
Answer ConfigSession::Unchanged(const Commit& commit) {
  if (!unconfirmed_ || !commit.minutes) return Confirm();
  unconfirmed_->until = commit.now + std::chrono::minutes(*commit.minutes);
  Answer a;
  a.text = absl::StrCat("no changes; ", DueWithin(*commit.minutes));
  a.data["confirm_within_minutes"] = *commit.minutes;
  return a;
}

Answer ConfigSession::Confirm() {
  Answer a;
  a.text = unconfirmed_ ? "confirmed: the running configuration stays\n" : "no changes to commit\n";
  a.data["confirmed"] = unconfirmed_.has_value();
  if (unconfirmed_) LogLine(Level::kInfo, "commit: the running configuration is confirmed");
  unconfirmed_.reset();
  return a;
}

std::optional<Instant> ConfigSession::NextDeadline() const {
  return unconfirmed_ ? std::optional(unconfirmed_->until) : std::nullopt;
}

void ConfigSession::OnTick(Instant now) {
  if (!unconfirmed_ || now < unconfirmed_->until) return;
  config::Model before = std::move(unconfirmed_->before);
  unconfirmed_.reset();
  Remember();
  CheckedConfig checked = CheckFiles({std::move(before), {}});
  for (const config::Diagnostic& d : checked.diagnostics) LogLine(Level::kWarning, d.message);
  LogLine(Level::kWarning, "the commit was not confirmed in time: the configuration before it is in force again");
  running_.Apply(std::move(checked.config));
}

bool ConfigSession::Reload() {
  std::optional<LoadedConfig> config = LoadConfig(paths_.file, cipher());
  if (!config) {
    LogLine(Level::kError, "reload refused: the configuration has errors; running on as before");
    return false;
  }
  if (unconfirmed_) LogLine(Level::kWarning, "reload: the commit that waited for confirmation is replaced by the file");
  unconfirmed_.reset();
  if (!(config->model == running_.Running())) Remember();
  running_.Apply(*std::move(config));
  return true;
}

Answer ConfigSession::Rollback(size_t revision, bool check, Instant now) {
  const auto text = history_.Read(revision);
  if (!text.ok()) return Refuse(std::string(text.status().message()), "show archive");
  CheckedConfig checked = CheckFiles(config::Parse(TextOf(*text), cipher()));
  const std::string name = absl::StrCat("rollback ", revision);
  Answer a;
  if (checked.errors != 0) {
    a = Refuse(absl::StrCat(Plural(checked.errors, "error"), " in revision ", revision, ": nothing was changed"));
    a.text.insert(0, FormatDiagnostics(checked, name, TextOf(*text)));
  } else if (check) {
    a = DiffAnswer("running-config", name, Difference(running_.Running(), checked.config.model));
  } else {
    a = Put(std::move(checked.config), {name, std::nullopt, now});
    unconfirmed_.reset();  // who returns to a configuration by hand wants to stay there
  }
  return a;
}

Answer ConfigSession::DiffWithFile() const {
  const auto text = ReadConfigText(paths_.file);
  if (!text.ok()) return Refuse(std::string(text.status().message()));
  const config::ParseResult startup = config::Parse(TextOf(*text), cipher());
  if (!startup.ok())
    return Refuse(absl::StrCat(paths_.file, " has errors"), absl::StrCat("flexvpnd --check --config ", paths_.file));
  return DiffAnswer("startup-config", "running-config", Difference(startup.model, running_.Running()));
}

// --- write memory ---------------------------------------------------------------------------------------------
Answer ConfigSession::Write() {
  const config::Model& running = running_.Running();
  const SecretText text(
      absl::StrCat(kSavedBy, " ", FLEXVPN_VERSION, ", ", Utc(time(nullptr)), "\n", Text(running)));
  // A file the daemon cannot start from would be found out at the next boot.
  if (const config::ParseResult read = config::Parse(text.s, cipher()); !read.ok() || !(read.model == running)) {
    std::vector<std::string> objects;
    for (const config::Change& c : config::Diff(running, read.model)) objects.push_back(c.object);
    return Refuse(absl::StrCat("not saved: the text would not be read as the running configuration (",
                               objects.empty() ? "errors" : absl::StrJoin(objects, ", "), ")"),
                  "this is a defect of flexvpnd; the file is as it was");
  }
  char real[PATH_MAX];  // a symbolic link stays one
  const std::string path = realpath(paths_.file.c_str(), real) != nullptr ? real : paths_.file;
  std::vector<std::string> notes;
  if (absl::Status s = Save(path, text.s, &notes); !s.ok()) {
    const std::string directory = DirectoryOf(path);
    return Refuse(absl::StrCat("not saved: ", s.message()),
                  absl::StrCat("the daemon has to create files in ", directory, "; under systemd: ReadWritePaths=", directory));
  }
  LogLine(Level::kInfo, absl::StrCat("write memory: saved to ", path));
  Answer a;
  a.text = absl::StrCat("Building configuration...\n[OK]\nsaved to ", path, "\n");
  for (const std::string& n : notes) absl::StrAppend(&a.text, n, "\n");
  a.data["file"] = path;
  a.data["notes"] = notes;
  return a;
}

absl::Status ConfigSession::Save(const std::string& path, absl::string_view text, std::vector<std::string>* notes) {
  const auto old = ReadConfigText(path);
  if (!old.ok() && old.status().code() != absl::StatusCode::kNotFound) return old.status();
  if (old.ok()) {
    const std::string original = path + ".orig";
    struct stat s {};
    const bool by_hand = !absl::StartsWith(TextOf(*old), kSavedBy);
    if (by_hand && lstat(original.c_str(), &s) != 0) {
      RETURN_IF_ERROR(WriteFileAtomically(original, *old));
      notes->push_back(absl::StrCat("comments are not saved; the file as it was is kept in ", original));
    } else if (by_hand) {
      notes->push_back("comments are not saved; the file as it was is revision 1 of 'show archive'");
    }
    if (absl::Status kept = saved_.Add(*old); !kept.ok())
      notes->push_back(absl::StrCat("warning: the version before is not kept: ", kept.message()));
  }
  return WriteFileAtomically(path, AsView(text));
}

Answer ConfigSession::MakeMasterKey() {
  if (key_ != nullptr) return Refuse("there is a master key already", "keys that it encrypted could not be read any more");
  crypto::OpensslRng rng;
  auto key = MasterKey::Create(paths_.master_key(), rng);
  if (!key.ok()) return Refuse(std::string(key.status().message()));
  key_ = *std::move(key);
  LogLine(Level::kInfo, absl::StrCat("master key made: ", paths_.master_key()));
  Answer a;
  a.text = absl::StrCat("master key made: ", paths_.master_key(),
                        "\nkeep a copy of it apart from the configuration; the line 'password encryption aes' makes use of it\n");
  a.data["file"] = paths_.master_key();
  return a;
}

// --- show archive ---------------------------------------------------------------------------------------------
Answer ConfigSession::ShowArchive(Instant now) const {
  Answer a;
  const auto list = [&](absl::string_view title, const char* key, const Archive& archive) {
    show::Json& rows = a.data[key] = show::Json::array();
    absl::StrAppend(&a.text, title, "\n");
    const auto versions = archive.List();
    if (!versions.ok()) {
      a.ok = false;
      a.data["error"] = versions.status().message();
      absl::StrAppend(&a.text, "% ", versions.status().message(), "\n");
      return;
    }
    if (versions->empty()) a.text += "  none\n";
    for (size_t i = 0; i < versions->size(); ++i) {
      const Archive::Version& v = (*versions)[i];
      absl::StrAppendFormat(&a.text, "  %2u  %s  %s\n", i + 1, Utc(v.saved), v.path);
      rows.push_back({{"revision", i + 1}, {"saved", v.saved}, {"file", v.path}});
    }
  };
  list("Running configurations that were replaced (rollback N)", "rollback", history_);
  list(absl::StrCat("Versions of ", paths_.file, " that were replaced (write memory)"), "startup", saved_);
  if (unconfirmed_) {
    const int64_t left = std::max<int64_t>(0, WholeSeconds(unconfirmed_->until - now));
    absl::StrAppend(&a.text, "The running configuration is not confirmed: the one before returns in ", left, " s\n");
    a.data["confirm_within_seconds"] = left;
  }
  return a;
}

}  // namespace flexvpn::app
