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
  const AccessEntry entry{k.Has("permit"), ReadPrefix(c, k)};
  std::vector<uint64_t>& numbers = c.sequence[list->name];
  numbers.resize(list->entries.size());
  if (!k.set()) {
    for (size_t i = list->entries.size(); i-- > 0;) {
      if (!(list->entries[i] == entry)) continue;
      list->entries.erase(list->entries.begin() + static_cast<std::ptrdiff_t>(i));
      numbers.erase(numbers.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return;
  }
  const uint64_t n = k.Number("SEQ", (numbers.empty() ? 0 : *std::max_element(numbers.begin(), numbers.end())) + 10);
  const auto at = std::lower_bound(numbers.begin(), numbers.end(), n);
  const auto index = at - numbers.begin();
  if (at != numbers.end() && *at == n) {
    list->entries[static_cast<size_t>(index)] = entry;
    return;
  }
  numbers.insert(at, n);
  list->entries.insert(list->entries.begin() + index, entry);
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

void AddAccessListCommands(Mode& root, Mode& access_list) {
  root.Add({
      {"access-list <N:1-1999> {permit|deny} {any|host <A:ipv4>|<A:ipv4> [<W:wildcard>]} [log]",
       "entry of a standard access list", Numbered},
      {"access-list <N:1-1999> remark [<TEXT:line>]", "comment", Numbered},
      {"ip access-list standard <NAME>", "a standard access list", EnterList, ModeId::kAccessList},
      // `no access-list N`: the number is what the no form needs
      Foreign("access-list <N:100-199> <REST:words>"),
      Foreign("access-list <N:2000-2699> <REST:words>"),
  });
  access_list.Add({
      {"[<SEQ:1-2147483647>] {permit|deny} {any|host <A:ipv4>|<A:ipv4> [<W:wildcard>]} [log]",
       "entry of the list, in order", Entry},
      {"[<SEQ:1-2147483647>] remark [<TEXT:line>]", "comment", nullptr},
  });
}

}  // namespace flexvpn::config
