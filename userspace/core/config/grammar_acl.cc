// SPDX-License-Identifier: Apache-2.0
// Standard access lists: prefixes for `route set access-list`.
#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

// The entry of a permit or deny line; nullopt after an error.
net::Prefix ReadPrefix(Context& c, const Call& k) {
  const Arg* a = k.Find("A");
  if (a == nullptr) return net::Prefix::Default(net::Family::kIpv4);
  const Arg* w = k.Find("W");
  if (w == nullptr) return net::Prefix::Host(a->address);
  const net::Prefix p = *net::Prefix::FromWildcard(a->address, w->address);
  if (p.address() != a->address)
    c.Warn(At(k, *a), absl::StrCat("address has host bits; read as ", p.ToString()));
  return p;
}

void AddEntry(Context& c, const Call& k, AccessList* list) {
  AccessEntry entry{k.Has("permit"), ReadPrefix(c, k), 0};
  std::vector<AccessEntry>& all = list->entries;
  if (!k.set()) {
    std::erase_if(all, [&](const AccessEntry& e) { return e.permit == entry.permit && e.prefix == entry.prefix; });
    return;
  }
  const uint32_t last = all.empty() ? 0 : all.back().sequence;
  entry.sequence = static_cast<uint32_t>(k.Number("SEQ", last + 10));
  const auto at = std::lower_bound(all.begin(), all.end(), entry.sequence,
                                   [](const AccessEntry& e, uint32_t n) { return e.sequence < n; });
  if (at != all.end() && at->sequence == entry.sequence) *at = entry;
  else all.insert(at, entry);
}

AccessList* List(Context& c, const Call& k, const std::string& name) {
  AccessList& l = c.model.access_lists[name];
  l.name = name;
  l.where = k.where();
  return &l;
}

bool StandardNumber(uint64_t n) { return n <= 99 || n >= 1300; }

void Numbered(Context& c, const Call& k) {
  if (k.Find("N") == nullptr) {
    c.Error(k.where(), "incomplete command: expected the number of an access list");
    return;
  }
  const uint64_t n = k.Find("N")->number;
  const std::string name = absl::StrCat(n);
  if (!StandardNumber(n)) {
    c.Error(At(k, *k.Find("N")), "standard access lists have numbers from 1 to 99 and from 1300 to 1999");
    return;
  }
  if (!k.set() && !k.Has("permit") && !k.Has("deny")) {
    c.model.access_lists.erase(name);
    return;
  }
  AccessList* list = List(c, k, name);
  if (!k.Has("remark")) AddEntry(c, k, list);
}

void EnterList(Context& c, const Call& k) {
  const std::string name = k.Text("NAME");
  uint64_t n = 0;
  if (absl::SimpleAtoi(name, &n) && (n < 1 || n > 1999 || !StandardNumber(n))) {
    c.Error(At(k, *k.Find("NAME")), "standard access lists have numbers from 1 to 99 and from 1300 to 1999");
  }
  if (!k.set()) {
    c.model.access_lists.erase(name);
    return;
  }
  c.access_list = List(c, k, name);
  c.path = absl::StrCat("ip access-list standard ", name);
}

void Entry(Context& c, const Call& k) { AddEntry(c, k, c.access_list); }

}  // namespace

// Extended and IPv6 lists: kept.  Nothing here filters packets; what names such a list says so.
std::vector<Command> KeptEntries() {
  return {
      Quiet("[<SEQ:1-2147483647>] {permit|deny|evaluate} <REST:line>", "entry of the list, in order", Keep::kEach),
      Quiet("[<SEQ:1-2147483647>] remark [<TEXT:line>]", "comment", Keep::kEach),
      Quiet("sequence <SEQ:1-2147483647> {permit|deny|remark} <REST:line>", "entry of the list, in order", Keep::kEach),
  };
}

void AddAccessListCommands(Modes& modes) {
  constexpr Gravity kNote = Gravity::kNote;
  const std::string filters = "filter packets";
  At(modes, ModeId::kRoot)
      .Add({
          {"access-list <N:1-1999> {permit|deny} {any|host <A:ipv4>|<A:ipv4> [<W:wildcard>]} [log]",
           "entry of a standard access list", Numbered},
          {"access-list <N:1-99> remark [<TEXT:line>]", "comment", Numbered},
          {"access-list <N:1300-1999> remark [<TEXT:line>]", "comment", Numbered},
          {"ip access-list standard <NAME>", "a standard access list", EnterList, ModeId::kAccessList},
          Kept("access-list <N:100-199> {permit|deny|remark|dynamic} <REST:line>", "entry of an extended access list", filters,
               kNote, Keep::kEach),
          Kept("access-list <N:2000-2699> {permit|deny|remark|dynamic} <REST:line>", "entry of an extended access list", filters,
               kNote, Keep::kEach),
          KeptBlock("ip access-list extended <NAME>", "an extended access list", filters, ModeId::kExtendedAccessList, kNote),
          KeptBlock("ipv6 access-list <NAME>", "an IPv6 access list", filters, ModeId::kIpv6AccessList, kNote),
      });
  At(modes, ModeId::kAccessList)
      .Add({
          {"[<SEQ:1-2147483647>] {permit|deny} {any|host <A:ipv4>|<A:ipv4> [<W:wildcard>]} [log]",
           "entry of the list, in order", Entry},
          {"[<SEQ:1-2147483647>] remark [<TEXT:line>]", "comment", nullptr},
      });
  At(modes, ModeId::kExtendedAccessList).Add(KeptEntries());
  At(modes, ModeId::kIpv6AccessList).Add(KeptEntries());
}

}  // namespace flexvpn::config
