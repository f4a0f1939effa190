// SPDX-License-Identifier: Apache-2.0
// The command tree: what a line may say, in which mode, and what it does to the model.  Commands are data
// (pattern, help, handler); the parser, its error messages, help, completion and docs all walk the same tree.
//
// Pattern language, as in IOS manuals:   keyword   <NAME>   {a | b c}   [optional]
//   <N:1-4095> number   <A:ipv4> <A:ipv6> <A:address> (4 or 6) <M:mask> <W:wildcard> <P:prefix> (v6/len)
//   <IF:interface>   <K:secret>   <T:line> (rest of the line)   <L:words> (one or more words)
//   <G:group> one word of a list of names (names.h), <G:group...> one or more of them
#ifndef FLEXVPN_CORE_CONFIG_COMMAND_H_
#define FLEXVPN_CORE_CONFIG_COMMAND_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/config/lexer.h"
#include "core/config/names.h"

namespace flexvpn::config {

enum class ArgType : uint8_t { kKeyword, kWord, kNumber, kIpv4, kIpv6, kAddress, kMask, kWildcard, kPrefix, kInterface,
                               kSecret, kLine, kWords };

// A word (or words) of the line matched by one node of the tree.
struct Arg {
  ArgType type{};
  std::string name;    // of the argument, or the keyword in full
  std::string text;    // as written; kInterface: canonical
  uint64_t number = 0;
  net::IpAddress address;
  net::Prefix prefix;
  std::vector<Word> words;  // kWords
  int column = 0;
};

enum class Op : uint8_t { kSet, kNo, kDefault };
enum class ModeId : uint8_t {
  kNone, kExec, kRoot, kKeyring, kKeyringPeer, kProposal, kPolicy, kAuthorization, kProfile, kNameMangler, kClient, kCluster,
  kTrustpoint, kCertificateMap, kTransformSet, kIpsecProfile, kInterface, kAccessList, kExtendedAccessList, kIpv6AccessList,
  kVrf, kVrfFamily, kTrack, kRouteMap, kRadiusServer, kServerGroup, kPkiServer, kForeign, kUnsupported, kCount
};

struct Command;

// A matched line, as its handler sees it.  With kNo and kDefault, arguments may be missing.
class Call {
 public:
  Op op = Op::kSet;
  int line = 0;
  int column = 0;  // of the first word, after no/default
  const Command* command = nullptr;
  std::vector<Arg> args;

  bool set() const { return op == Op::kSet; }
  bool Has(absl::string_view keyword) const;  // keyword in full
  const Arg* Find(absl::string_view name) const;
  std::string Text(absl::string_view name) const;  // "" if missing
  // `missing` also for no and default: what the command leaves behind is then the default.
  uint64_t Number(absl::string_view name, uint64_t missing = 0) const;
  Location where() const { return {line, column}; }
};

class Context;

// What a kept line (Kind::kKept) does to what is there already.
enum class Keep : uint8_t {
  kOnce,     // replaces the line with the same fixed words: `dhcp timeout 10`
  kPerWord,  // … with the same keywords up to the first argument: `aaa accounting psk LIST`
  kPerName,  // … with the same words up to and with the first argument: `username NAME`
  kEach,     // stands beside all others: `split-dns NAME`
};
// How a kept line is told, and what it means for the object it stands in.
enum class Gravity : uint8_t {
  kQuiet,  // part of a block whose first line was told
  kNote,   // of no consequence for FlexVPN: told once
  kWarn,   // told at each line; without it the object works as it is written otherwise
  kShut,   // told at each line; without it the object would be weaker than written: it is not used at all
};
// Where an exec command is carried out.
enum class Place : uint8_t {
  kDaemon,   // by the node
  kSession,  // by what keeps the configuration, its file and its history around the node
  kShell,
};

struct Command {
  enum class Kind : uint8_t {
    kOwn,
    kKept,         // of our language: kept in the model and shown again, but nothing acts on it yet
    kForeign,      // another subsystem's: kept, not used
    kUnsupported,  // security, but not of our language (IKEv1 …): reported, not kept
  };
  std::string pattern;
  std::string help;
  void (*handler)(Context&, const Call&) = nullptr;  // kKept: instead of keeping the line, where there is a master key
  ModeId enter = ModeId::kNone;
  Kind kind = Kind::kOwn;
  Diagnostic::Severity severity = Diagnostic::Severity::kWarning;  // kUnsupported
  size_t fixed_words = 0;  // leading keywords: what `no` needs at least (filled by the tree)
  // kKept:
  Keep keep = Keep::kOnce;
  Gravity gravity = Gravity::kWarn;
  std::string effect = {};  // "accepted, but this version does not <effect>"
  // Mode kExec:
  bool measures = false;    // needs counters of the kernel
  bool privileged = false;  // changes something or shows keys: for administrators
  Place place = Place::kDaemon;
};

struct Node {
  ArgType type = ArgType::kKeyword;
  std::string name;          // keyword or argument name
  uint64_t min = 0, max = 0; // kNumber
  const std::vector<std::string>* choices = nullptr;  // kWord, kWords: what may stand there, if it is a known list
  std::vector<std::unique_ptr<Node>> children;
  const Command* command = nullptr;     // complete here
  const Command* no_command = nullptr;  // complete here after no/default
  bool own = false;                     // leads to a command of ours (for "expected …" lists)
};

struct Mode {
  ModeId id{};
  std::string prompt;  // "config-ikev2-profile"
  std::string title;   // "crypto ikev2 profile"
  ModeId parent = ModeId::kNone;
  std::vector<std::unique_ptr<Command>> commands;
  Node root;
  void Add(std::vector<Command> list);
};

// Why no command of a mode matched: the farthest word reached and what would have fitted there.
struct Mismatch {
  size_t word = 0;  // index; == words.size() if the line ended too early
  std::vector<std::string> expected;   // of our own commands
  std::vector<std::string> keywords;   // the keywords among them
  std::string detail;                  // "must be 1 to 4095"; empty = not expected here
};

// Matches the words of `line` from `first` on.  On success fills `call` (args, command) and returns true.
bool Match(const Mode& mode, const Line& line, size_t first, Call* call, Mismatch* mismatch);

// Whether `node` can take the word (or words) at index `i` of the line; the words it takes, 0 if none.
size_t Accepts(const Node& node, const Line& line, size_t i);

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_COMMAND_H_
