// SPDX-License-Identifier: Apache-2.0
// The modes and commands of the configuration language, and the state their handlers fill.
#ifndef FLEXVPN_CORE_CONFIG_GRAMMAR_H_
#define FLEXVPN_CORE_CONFIG_GRAMMAR_H_

#include <array>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/config/command.h"
#include "core/config/key_cipher.h"

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
  Vrf* vrf = nullptr;
  AccessList* access_list = nullptr;

  std::string path;  // "crypto ikev2 profile FLEX": key prefix into model.source
  bool default_policy_proposals = false;  // the proposals of `crypto ikev2 policy default` are written, not built in
  const Model* built_in = nullptr;        // smart defaults of the set in force
  const KeyCipher* cipher = nullptr;      // of keys of type 6; nullptr: there is no master key
  // Keyring peers by name: a keyring may have thousands.
  std::map<std::string, std::unordered_map<std::string, size_t>> peer_index;

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

using Modes = std::array<Mode, static_cast<size_t>(ModeId::kCount)>;
inline Mode& At(Modes& modes, ModeId id) { return modes[static_cast<size_t>(id)]; }

// Filled by the grammar_*.cc files.
void AddGlobalCommands(Mode& root);
void AddIkeCommands(Mode& root, Mode& keyring, Mode& peer, Mode& proposal, Mode& policy, Mode& authorization);
void AddIkeBlocks(Modes& modes);  // name-mangler, client flexvpn, cluster
void AddProfileCommands(Mode& root, Mode& profile);
void AddPkiCommands(Mode& root, Mode& trustpoint, Mode& map);
void AddIpsecCommands(Mode& root, Mode& transform_set, Mode& profile);
void AddInterfaceCommands(Mode& root, Mode& interface);
void AddNhrpCommands(Mode& interface);
void AddAccessListCommands(Modes& modes);
void AddAaaCommands(Modes& modes);      // aaa, radius, username
void AddRoutingCommands(Modes& modes);  // vrf, track, route-map
void AddSystemCommands(Mode& root);     // banner, logging, key config-key, platform
void AddExecCommands(Mode& exec);
void AddCommitCommands(Mode& exec);     // commit, rollback, write memory
void AddShellCommands(Mode& exec);

// Shorthand for the tables.
Command Unsupported(Diagnostic::Severity severity, std::string pattern, std::string what,
                    ModeId enter = ModeId::kNone);
Command Foreign(std::string pattern, ModeId enter = ModeId::kNone);
// A kept line; `effect` completes "accepted, but this version does not …".
Command Kept(std::string pattern, std::string help, std::string effect, Gravity gravity = Gravity::kWarn,
             Keep keep = Keep::kOnce);
// A kept block, entered with `pattern`.
Command KeptBlock(std::string pattern, std::string help, std::string effect, ModeId enter,
                  Gravity gravity = Gravity::kWarn);
// A line of such a block: told with the block.
Command Quiet(std::string pattern, std::string help, Keep keep = Keep::kOnce);

// A named choice out of a list of words ("aes-cbc-256"), by unambiguous prefix; reports what was expected.
const char* Choose(Context& c, const Call& call, const Word& word, const std::vector<std::string>& known,
                   absl::string_view what, size_t* index);

// Key argument: `[0] KEY`, `6 KEY` (an error without a master key), `hex HEX`.  `purpose` is one of those below.
bool ReadKey(Context& c, const Call& call, absl::string_view purpose, SecretBytes* out);
inline constexpr char kPreSharedKey[] = "pre-shared-key", kPpkKey[] = "ppk", kPassword[] = "password";

// A kept line that `handler` acts on where there is a master key.
Command WithMasterKey(Command kept, void (*handler)(Context&, const Call&));

// Smart defaults of a set; lives until the process ends.
const Model& BuiltInModel(DefaultSet set);

// Handler of `banner …`: the parser reads its lines itself.
void ReadBanner(Context& c, const Call& k);

// The statement of a matched line of kind kKept.
Statement MakeStatement(const Call& call);
// Puts a kept line into the list it belongs to as Command::keep says; `no` and `default` take it out.
// Returns the index of the statement in `list` after a set, else npos.
size_t KeepStatement(std::vector<Statement>& list, const Call& call);

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_GRAMMAR_H_
