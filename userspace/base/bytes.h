// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_BASE_BYTES_H_
#define FLEXVPN_BASE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace flexvpn {

using Bytes = std::vector<uint8_t>;
using BytesView = std::span<const uint8_t>;

// Hex without separators, lower case.  FromHex ignores blanks and line breaks; any other character or an
// odd number of digits gives an empty result (meant for tests and for `pre-shared-key hex`, which checks first).
std::string ToHex(BytesView bytes);
Bytes FromHex(absl::string_view hex);

// The octets of `text`, without a terminator.
Bytes ToBytes(absl::string_view text);
inline BytesView AsView(absl::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
std::string ToString(BytesView bytes);

// Reads big-endian fields one after the other.  Fails stickily: after one short read every later read gives
// 0 or an empty view and ok() is false, so a decoder reads straight through and checks once.
class ByteReader {
 public:
  explicit ByteReader(BytesView data) : data_(data) {}
  uint8_t U8() { return static_cast<uint8_t>(Number(1)); }
  uint16_t U16() { return static_cast<uint16_t>(Number(2)); }
  uint32_t U32() { return static_cast<uint32_t>(Number(4)); }
  uint64_t U64() { return Number(8); }
  // The next `n` octets; points into the data given to the constructor.
  BytesView Take(size_t n);
  BytesView TakeAll() { return Take(data_.size() - pos_); }
  void Skip(size_t n) { Take(n); }
  size_t pos() const { return pos_; }
  size_t left() const { return data_.size() - pos_; }
  bool ok() const { return ok_; }

 private:
  uint64_t Number(size_t n);
  BytesView data_;
  size_t pos_ = 0;
  bool ok_ = true;
};

// Appends big-endian fields; lengths that are known later are patched in place.
class ByteWriter {
 public:
  ByteWriter() = default;
  // Room for `expected` octets at once; more are no error.
  explicit ByteWriter(size_t expected) { out_.reserve(expected); }
  void U8(uint8_t v) { out_.push_back(v); }
  void U16(uint16_t v) { Number(v, 2); }
  void U32(uint32_t v) { Number(v, 4); }
  void U64(uint64_t v) { Number(v, 8); }
  void Append(BytesView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void Zeros(size_t n) { out_.insert(out_.end(), n, 0); }
  // Overwrites two or four octets at `pos`, which must have been written already.
  void PatchU16(size_t pos, uint16_t v);
  void PatchU32(size_t pos, uint32_t v);
  void PatchU8(size_t pos, uint8_t v) { out_[pos] = v; }
  size_t size() const { return out_.size(); }
  BytesView view() const { return out_; }
  Bytes Release() && { return std::move(out_); }

 private:
  void Number(uint64_t v, size_t n);
  Bytes out_;
};

}  // namespace flexvpn

#endif  // FLEXVPN_BASE_BYTES_H_
