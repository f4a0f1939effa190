// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include "absl/strings/ascii.h"

namespace flexvpn {

std::string ToHex(BytesView bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (uint8_t b : bytes) {
    out.push_back(kDigits[b >> 4]);
    out.push_back(kDigits[b & 15]);
  }
  return out;
}

Bytes FromHex(absl::string_view hex) {
  Bytes out;
  int high = -1;
  for (char c : hex) {
    if (absl::ascii_isspace(static_cast<unsigned char>(c))) continue;
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return {};
    const char lower = absl::ascii_tolower(static_cast<unsigned char>(c));
    const int digit = lower <= '9' ? lower - '0' : lower - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<uint8_t>(high * 16 + digit));
      high = -1;
    }
  }
  return high < 0 ? out : Bytes{};
}

Bytes ToBytes(absl::string_view text) {
  const BytesView view = AsView(text);
  return {view.begin(), view.end()};
}

std::string ToString(BytesView bytes) { return {bytes.begin(), bytes.end()}; }

BytesView ByteReader::Take(size_t n) {
  if (!ok_ || n > left()) {
    ok_ = false;
    pos_ = data_.size();
    return {};
  }
  const BytesView view = data_.subspan(pos_, n);
  pos_ += n;
  return view;
}

uint64_t ByteReader::Number(size_t n) {
  uint64_t v = 0;
  for (uint8_t b : Take(n)) v = v << 8 | b;
  return v;
}

void ByteWriter::PatchU16(size_t pos, uint16_t v) {
  out_[pos] = static_cast<uint8_t>(v >> 8);
  out_[pos + 1] = static_cast<uint8_t>(v);
}

void ByteWriter::PatchU32(size_t pos, uint32_t v) {
  PatchU16(pos, static_cast<uint16_t>(v >> 16));
  PatchU16(pos + 2, static_cast<uint16_t>(v));
}

void ByteWriter::Number(uint64_t v, size_t n) {
  uint8_t octets[sizeof(v)];
  for (size_t i = 0; i < n; ++i) octets[i] = static_cast<uint8_t>(v >> (8 * (n - 1 - i)));
  out_.insert(out_.end(), octets, octets + n);
}

}  // namespace flexvpn
