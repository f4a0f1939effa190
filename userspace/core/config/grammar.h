// SPDX-License-Identifier: Apache-2.0
// The modes and commands of the configuration language, and the state their handlers fill.
#ifndef FLEXVPN_CORE_CONFIG_GRAMMAR_H_
#define FLEXVPN_CORE_CONFIG_GRAMMAR_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/config/command.h"

namespace flexvpn::config {

// What is being filled while a text is read.  The pointers name the object of the current sub-mode; they are
// set by the command that enters it and not used outside of it.
class Context {
 public:
  Model model;
  std::vector<Diagnostic> diagnostics;

  Keyring* keyring = nullptr;
  size_t peer = 0;  // index in keyring->peers
  IkeProposal* proposal = nullptr;
  IkePolicy* policy = nullptr;
  AuthorizationPolicy* authorization = nullptr;
  IkeProfile* profile = nullptr;
  Trustpoint* trustpoint = nullptr;
  std::vector<CertificateRule>* certificate_rules = nullptr;  // of one sequence of a map
  TransformSet* transform_set = nullptr;
  IpsecProfile* ipsec_profile = nullptr;
  Interface* interface = nullptr;
  AccessList* access_list = nullptr;

  std::string path;  // "crypto ikev2 profile FLEX": key prefix into model.source
  // `crypto ipsec security-association …` reaches the profiles that do not say it themselves.
  std::optional<seconds> ipsec_lifetime;
  std::optional<std::optional<uint64_t>> ipsec_kilobytes;
  std::optional<uint32_t> ipsec_replay;
  std::set<std::string> own_lifetime, own_kilobytes, own_replay;  // names of IPsec profiles
  std::map<std::string, std::vector<uint64_t>> sequence;          // of access list entries
  bool default_policy_proposals = false;  // the proposals of `crypto ikev2 policy default` are written, not built in

  void Report(Diagnostic::Severity severity, Location where, std::string message, std::string hint = "");
  void Error(Location where, std::string message, std::string hint = "") {
    Report(Diagnostic::Severity::kError, where, std::move(message), std::move(hint));
  }
  void Warn(Location where, std::string message, std::string hint = "") {
    Report(Diagnostic::Severity::kWarning, where, std::move(message), std::move(hint));
  }
};

inline Location At(const Call& call, const Arg& arg) { return {call.line, arg.column}; }

// All modes, built once.
const Mode& GetMode(ModeId id);

// Filled by the grammar_*.cc files.
void AddGlobalCommands(Mode& root);
void AddIkeCommands(Mode& root, Mode& keyring, Mode& peer, Mode& proposal, Mode& policy, Mode& authorization);
void AddProfileCommands(Mode& root, Mode& profile);
void AddPkiCommands(Mode& root, Mode& trustpoint, Mode& map);
void AddIpsecCommands(Mode& root, Mode& transform_set, Mode& profile);
void AddInterfaceCommands(Mode& root, Mode& interface);
void AddAccessListCommands(Mode& root, Mode& access_list);

// Shorthand for the tables.
Command Unsupported(Diagnostic::Severity severity, std::string pattern, std::string what,
                    ModeId enter = ModeId::kNone);
Command Foreign(std::string pattern, ModeId enter = ModeId::kNone);

// A named choice out of a list of words ("aes-cbc-256"), by unambiguous prefix; reports what was expected.
const char* Choose(Context& c, const Call& call, const Word& word, const std::vector<std::string>& known,
                   absl::string_view what, size_t* index);

// Key argument: `[0] KEY`, `6 KEY` (an error), `hex HEX`.
bool ReadKey(Context& c, const Call& call, SecretBytes* out);

// What end-of-text completes: values that depend on other objects (docs/configuration.md, "Smart defaults").
void Finish(Context& c);

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_GRAMMAR_H_
