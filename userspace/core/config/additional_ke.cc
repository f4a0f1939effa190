// SPDX-License-Identifier: Apache-2.0
#include "core/config/additional_ke.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/config/names.h"

namespace flexvpn::config {
namespace {

struct Method {
  std::string word;
  uint16_t number;
};

const std::vector<Method>& Methods() {
  static const std::vector<Method> kMethods = [] {
    std::vector<Method> all = {{"none", 0}, {"mlkem512", 35}, {"mlkem768", 36}, {"mlkem1024", 37}};
    for (const NumberName& group : GroupNames()) all.push_back({group.word, group.number});
    return all;
  }();
  return kMethods;
}

}  // namespace

void SetAdditional(Context& c, const Call& k, AdditionalKe* list) {
  const Arg* n = k.Find("N");  // 1..7; `no` may go without
  if (n == nullptr) {
    *list = {};
    return;
  }
  std::vector<uint16_t>& methods = (*list)[static_cast<size_t>(n->number) - 1];
  methods.clear();
  if (!k.set()) return;
  if (k.Find("ALGORITHM") == nullptr) {
    c.Error(k.where(), "incomplete command: expected a key exchange");
    return;
  }
  std::vector<std::string> known;
  for (const Method& m : Methods()) known.push_back(m.word);
  for (const Word& w : k.Find("ALGORITHM")->words) {
    size_t i = 0;
    if (Choose(c, k, w, known, "key exchange", &i) == nullptr) continue;
    const uint16_t number = Methods()[i].number;
    if (std::find(methods.begin(), methods.end(), number) == methods.end()) methods.push_back(number);
  }
  if (methods == std::vector<uint16_t>{0}) methods.clear();
}

std::vector<std::string> AdditionalLines(const AdditionalKe& list) {
  std::vector<std::string> lines;
  for (size_t n = 0; n < list.size(); ++n) {
    if (list[n].empty()) continue;
    std::string line = absl::StrCat("additional-key-exchange ", n + 1);
    for (uint16_t number : list[n]) {
      const auto m = std::find_if(Methods().begin(), Methods().end(), [&](const Method& x) { return x.number == number; });
      absl::StrAppend(&line, " ", m == Methods().end() ? absl::StrCat(number) : m->word);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace flexvpn::config
