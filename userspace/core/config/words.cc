// SPDX-License-Identifier: Apache-2.0
#include "core/config/words.h"

#include <map>

#include "absl/strings/str_cat.h"

namespace flexvpn::config {
namespace {

// By the word, or by the end of the path to it; the longest end wins.
const std::map<std::string, const char*, std::less<>>& Texts() {
  static const auto* const kTexts = new std::map<std::string, const char*, std::less<>>{
      {"aaa", "authentication, authorization, accounting"}, {"aaa authorization", "what a peer may do and gets"},
      {"aaa group", "groups of servers"}, {"aaa authentication", "where logins are checked"}, {"access-list", "prefixes"},
      {"accept", "take the peer's routes"}, {"address", "an IP address"}, {"any", "all of them"},
      {"authentication", "how one side proves who it is"}, {"authorization", "addresses and routes for peers"},
      {"auto", "by itself"}, {"banner", "texts for those who log in"}, {"cert", "peers with a certificate"},
      {"certificate", "certificates"}, {"clear", "end or empty something"}, {"client", "this router as a client"},
      {"config-exchange", "attributes and routes by IKEv2"}, {"crypto", "encryption: IKEv2, IPsec, certificates"},
      {"crypto ikev2", "Internet Key Exchange version 2"}, {"crypto ipsec", "IPsec: Child SAs"},
      {"crypto pki", "certificates and CAs"}, {"show", "what is there"}, {"debug", "what helps to find faults"},
      {"domain", "a DNS domain, or names in it"}, {"email", "an email address"}, {"fqdn", "a host name"},
      {"dn", "the subject of a certificate"}, {"key-id", "an opaque name"}, {"gre", "GRE, which carries NHRP"},
      {"hex", "hexadecimal digits follow"}, {"0", "in clear"}, {"6", "encrypted by the master key"}, {"identity", "IKE identity"},
      {"ip", "IPv4"}, {"ip vrf", "VRFs (old spelling)"}, {"ipv6", "IPv6"}, {"ip local", "addresses to give out"}, {"ipsec", "without GRE"},
      {"key", "a key follows"}, {"kilobytes", "volume"}, {"days", "in days"}, {"seconds", "in seconds"},
      {"lifetime", "time or volume between rekeys"}, {"limit", "upper limits"}, {"list", "a list of methods"},
      {"local", "our side"}, {"remote", "the peer's side"}, {"mask", "a netmask"}, {"match", "for whom it is"}, {"mode", "mode"},
      {"nat", "network address translation"}, {"nhrp", "Next Hop Resolution Protocol"}, {"on-demand", "only when there is doubt"},
      {"periodic", "always"}, {"override", "before the attributes of the user"}, {"policy", "a policy"}, {"pre-share", "a pre-shared key"},
      {"psk", "peers with a pre-shared key"}, {"platform", "this machine; our own commands"}, {"replay", "replay window"},
      {"route", "routes by IKEv2"}, {"security-association", "settings of SAs"}, {"set", "settings, or what is sent"},
      {"track", "state of an object"}, {"tunnel", "tunnel"}, {"timeout", "seconds to wait"}, {"disable", "off"},
      {"<NAME>", "name"}, {"<A:address>", "address"}, {"<KEY>", "the key, one word"}, {"<HEX>", "hexadecimal digits"},
      {"<M>", "netmask"}, {"<A>", "address"}, {"<B>", "a second address"}, {"<P>", "prefix/length"}, {"<IF>", "interface"},
      {"<TEXT>", "text to the end of the line"}, {"<LIST>", "name of the list"}, {"<S>", "seconds"}, {"<N>", "number"},
      {"<VRF>", "name of the VRF"}, {"<INTERVAL>", "seconds between checks"}, {"<RETRY>", "seconds between tries"},
      {"<KB>", "kilobytes"}, {"<DAYS>", "days"}, {"<TAG>", "tag of the routes"}, {"<DISTANCE>", "administrative distance"},
      {"<SEQ>", "sequence number"}, {"<W>", "wildcard mask"}, {"<FIRST>", "first address"}, {"<LAST>", "last address"},
      {"max-redirects", "most redirects in a row"}, {"mtu", "size in octets"}, {"incoming", "those that peers begin"},
      {"terminal", "the terminal of this session"}, {"configure terminal", "from here"}, {"interval", "seconds between"},
      {"outgoing", "those that we begin"}, {"linux", "the device of Linux"}, {"optional", "packets in clear"}};
  return *kTexts;
}

const Command* AnyCommand(const Node& n, size_t* count) {
  const Command* found = nullptr;
  if (n.command != nullptr && (n.command->kind == Command::Kind::kOwn || n.command->kind == Command::Kind::kKept)) {
    found = n.command;
    ++*count;
  }
  for (const auto& c : n.children)
    if (const Command* below = AnyCommand(*c, count); below != nullptr && found == nullptr) found = below;
  return found;
}

}  // namespace

std::string ArgForm(const Node& n) {
  switch (n.type) {
    case ArgType::kKeyword: return n.name;
    case ArgType::kNumber: return absl::StrCat("<", n.min, "-", n.max, ">");
    case ArgType::kIpv4:
    case ArgType::kMask:
    case ArgType::kWildcard: return "A.B.C.D";
    case ArgType::kIpv6: return "X:X:X:X::X";
    case ArgType::kAddress: return "A.B.C.D|X:X:X:X::X";
    case ArgType::kPrefix: return "X:X:X:X::X/<0-128>";
    case ArgType::kInterface: return "INTERFACE";
    case ArgType::kLine: return "LINE";
    case ArgType::kWords: return "WORDS";
    case ArgType::kSecret:
    case ArgType::kWord: return "WORD";
  }
  return "";
}

std::string PathWord(const Node& n) { return n.type == ArgType::kKeyword ? n.name : absl::StrCat("<", n.name, ">"); }

std::string HelpOf(absl::string_view path, const Node& node) {
  size_t commands = 0;
  const Command* command = AnyCommand(node, &commands);
  const std::string own = command == nullptr ? "" : command->help;
  // The last keyword of a command is the command.
  if (node.no_command != nullptr && !own.empty() && node.type == ArgType::kKeyword && node.no_command->help == own) return own;
  for (absl::string_view end = path; !end.empty();) {
    if (const auto it = Texts().find(end); it != Texts().end()) return it->second;
    const size_t blank = end.find(' ');
    end = blank == absl::string_view::npos ? absl::string_view() : end.substr(blank + 1);
  }
  return own;
}

}  // namespace flexvpn::config
