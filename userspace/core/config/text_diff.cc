// SPDX-License-Identifier: Apache-2.0
// A patience diff over the tree of blocks: heads that both sides have once are the anchors (the longest sequence of them
// that ascends in both), between two anchors equal lines at both ends belong together, the rest differs.
#include "core/config/text_diff.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace flexvpn::config {
namespace {

constexpr size_t kMaxDepth = 8;  // deeper lines stand beside those of this depth

struct Block {
  absl::string_view line;  // a banner: all its lines
  std::vector<Block> body;
};

// --- text to tree ---------------------------------------------------------------------------------------------
class Reader {
 public:
  explicit Reader(absl::string_view text) : rest_(text) {}

  std::vector<Block> Run() {
    std::vector<Block> all;
    std::vector<std::pair<size_t, std::vector<Block>*>> open{{0, &all}};  // indentation of the lines, where they go
    while (!rest_.empty()) {
      const absl::string_view line = Take();
      const size_t indent = line.find_first_not_of(' ');
      if (indent == absl::string_view::npos || Filler(line.substr(indent))) continue;
      while (open.size() > 1 && open.back().first > indent) open.pop_back();
      std::vector<Block>* list = open.back().second;
      if (indent > open.back().first && !list->empty() && open.size() < kMaxDepth) {
        list = &list->back().body;
        open.emplace_back(indent, list);
      }
      list->push_back({line, {}});
    }
    return all;
  }

 private:
  static bool Filler(absl::string_view word) { return word[0] == '!' || word == "exit" || word == "end"; }

  absl::string_view Take() {
    size_t end = rest_.find('\n');
    if (absl::StartsWith(rest_, "banner ")) end = rest_.find('\n', EndOfBanner());
    absl::string_view line = rest_.substr(0, end);
    rest_ = end == absl::string_view::npos ? absl::string_view() : rest_.substr(end + 1);
    absl::ConsumeSuffix(&line, "\n");  // of a banner that is cut off
    return line;
  }

  // Where the closing delimiter of the banner stands that `rest_` begins with; where it is cut off, the end.
  size_t EndOfBanner() const {
    const size_t kind = rest_.find_first_not_of(' ', 6);
    const size_t blank = rest_.find(' ', kind);
    if (kind == absl::string_view::npos || blank == absl::string_view::npos || blank + 1 >= rest_.size()) return 0;
    const absl::string_view delimiter = rest_.substr(blank + 1, rest_.substr(blank + 1, 2) == "^C" ? 2 : 1);
    return rest_.find(delimiter, blank + 1 + delimiter.size());
  }

  absl::string_view rest_;
};

// --- what belongs together ------------------------------------------------------------------------------------
using Pairs = std::vector<std::pair<size_t, size_t>>;  // index in the one list, index in the other; ascending in both

// The longest subsequence of `pairs` (ascending in the first) that ascends in the second: patience sorting.
Pairs LongestAscent(const Pairs& pairs) {
  std::vector<size_t> top;                                // of each pile, an index in `pairs`
  std::vector<size_t> below(pairs.size(), pairs.size());  // what lay on top of the pile to the left
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto pile = std::lower_bound(top.begin(), top.end(), pairs[i].second,
                                       [&](size_t have, size_t value) { return pairs[have].second < value; });
    if (pile != top.begin()) below[i] = *(pile - 1);
    if (pile == top.end()) top.push_back(i);
    else *pile = i;
  }
  Pairs out;
  if (!top.empty())
    for (size_t i = top.back(); i != pairs.size(); i = below[i]) out.push_back(pairs[i]);
  std::reverse(out.begin(), out.end());
  return out;
}

Pairs Anchors(const std::vector<Block>& a, const std::vector<Block>& b) {
  struct Seen {
    size_t in_a = 0, in_b = 0, at_b = 0;
  };
  absl::flat_hash_map<absl::string_view, Seen> seen;
  for (const Block& x : a) ++seen[x.line].in_a;
  for (size_t i = 0; i < b.size(); ++i) {
    Seen& s = seen[b[i].line];
    ++s.in_b;
    s.at_b = i;
  }
  Pairs once;
  for (size_t i = 0; i < a.size(); ++i)
    if (const Seen& s = seen[a[i].line]; s.in_a == 1 && s.in_b == 1) once.emplace_back(i, s.at_b);
  return LongestAscent(once);
}

// --- tree to text ---------------------------------------------------------------------------------------------
class Writer {
 public:
  void Compare(const std::vector<Block>& a, const std::vector<Block>& b) {
    Pairs anchors = Anchors(a, b);
    anchors.emplace_back(a.size(), b.size());
    size_t i = 0, j = 0;
    for (const auto& [x, y] : anchors) {
      Gap(a, b, i, x, j, y);
      if (x < a.size()) Inside(a[x], b[y]);
      i = x + 1;
      j = y + 1;
    }
  }

  std::string out;

 private:
  // [i, i_end) of `a` against [j, j_end) of `b`.
  void Gap(const std::vector<Block>& a, const std::vector<Block>& b, size_t i, size_t i_end, size_t j, size_t j_end) {
    for (; i < i_end && j < j_end && a[i].line == b[j].line; ++i, ++j) Inside(a[i], b[j]);
    size_t tail = 0;
    while (i + tail < i_end && j + tail < j_end && a[i_end - tail - 1].line == b[j_end - tail - 1].line) ++tail;
    for (; i + tail < i_end; ++i) Whole('-', a[i]);
    for (; j + tail < j_end; ++j) Whole('+', b[j]);
    for (; i < i_end; ++i, ++j) Inside(a[i], b[j]);
  }

  void Inside(const Block& a, const Block& b) {
    if (a.body.empty() && b.body.empty()) return;
    heads_.push_back(a.line);
    Compare(a.body, b.body);
    heads_.pop_back();
    told_ = std::min(told_, heads_.size());
  }

  void Whole(char sign, const Block& block) {
    for (; told_ < heads_.size(); ++told_) Print(' ', heads_[told_]);
    Print(sign, block.line);
    for (const Block& b : block.body) Whole(sign, b);
  }

  void Print(char sign, absl::string_view lines) {
    for (absl::string_view line : absl::StrSplit(lines, '\n')) absl::StrAppend(&out, std::string(1, sign), line, "\n");
  }

  std::vector<absl::string_view> heads_;  // of the blocks we are in
  size_t told_ = 0;                       // how many of them are printed
};

}  // namespace

std::string DiffText(absl::string_view before, absl::string_view after) {
  Writer w;
  w.Compare(Reader(before).Run(), Reader(after).Run());
  return std::move(w.out);
}

}  // namespace flexvpn::config
