// SPDX-License-Identifier: Apache-2.0
// Names of algorithms and forms of times as IOS prints them.
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/show/text.h"

namespace flexvpn::show {
namespace {

struct Civil {  // UTC
  const char* month;
  unsigned day;
  int year;
  std::string time;  // "10:46:42"
};
Civil ToCivil(int64_t unix_time) {
  using namespace std::chrono;
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_seconds at{seconds(unix_time)};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss<seconds> time(at - day);
  return {kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<unsigned>(date.day()),
          static_cast<int>(date.year()),
          absl::StrFormat("%02d:%02d:%02d", time.hours().count(), time.minutes().count(), time.seconds().count())};
}

}  // namespace

std::string FormatDate(int64_t unix_time) {
  const Civil c = ToCivil(unix_time);
  return absl::StrFormat("%s UTC %s %d %d", c.time, c.month, c.day, c.year);
}

std::string FormatTime(const Json& row) {
  if (!Has(row, "time")) return absl::StrCat(FormatAge(seconds(Int(row, "age_seconds"))), " ago");
  const Civil c = ToCivil(Int(row, "time"));
  return absl::StrFormat("%s %2d %s UTC", c.month, c.day, c.time);
}

std::string EncrName(uint16_t encr) {
  switch (encr) {
    case 2: return "DES";
    case 3: return "3DES";
    case 11: return "NULL";
    case 12: return "AES-CBC";
    case 13: return "AES-CTR";
    case 14:
    case 15:
    case 16: return "AES-CCM";
    case 18:
    case 19:
    case 20: return "AES-GCM";
    case 21: return "AES-GMAC";
    case 28: return "CHACHA20-POLY1305";
    default: return absl::StrCat(encr);
  }
}

std::string PrfName(uint16_t prf) {
  switch (prf) {
    case 1: return "MD5";
    case 2: return "SHA1";
    case 4: return "AES-XCBC";
    case 5: return "SHA256";
    case 6: return "SHA384";
    case 7: return "SHA512";
    case 8: return "AES-CMAC";
    default: return absl::StrCat(prf);
  }
}

std::string IntegName(uint16_t integ) {
  switch (integ) {
    case 0: return "None";
    case 1: return "MD596";
    case 2: return "SHA96";
    case 5: return "AES-XCBC";
    case 8: return "AES-CMAC";
    case 12: return "SHA256";
    case 13: return "SHA384";
    case 14: return "SHA512";
    default: return absl::StrCat(integ);
  }
}

std::string EspTransformName(uint16_t encr, uint16_t key_bits, uint16_t integ) {
  // As IOS shows them: 128 bits are not said, and AES-CBC has its size in the word.
  auto sized = [&](const char* word) { return key_bits == 128 ? word : absl::StrCat(word, " ", key_bits); };
  std::string out;
  switch (encr) {
    case 3: out = "esp-3des"; break;
    case 11: out = "esp-null"; break;
    case 12: out = key_bits == 128 ? "esp-aes" : absl::StrCat("esp-", key_bits, "-aes"); break;
    case 13: out = sized("esp-ctr"); break;
    case 14: out = sized("esp-ccm8"); break;
    case 15: out = sized("esp-ccm12"); break;
    case 16: out = sized("esp-ccm"); break;
    case 18: out = sized("esp-gcm8"); break;
    case 19: out = sized("esp-gcm12"); break;
    case 20: out = sized("esp-gcm"); break;
    case 21: out = sized("esp-gmac"); break;
    case 28: out = "esp-chacha20-poly1305"; break;
    default: out = absl::StrCat("esp-", encr, "-", key_bits);
  }
  switch (integ) {
    case 0: return out;
    case 1: return out + " esp-md5-hmac";
    case 2: return out + " esp-sha-hmac";
    case 5: return out + " esp-aes-xcbc";
    case 8: return out + " esp-aes-cmac";
    case 12: return out + " esp-sha256-hmac";
    case 13: return out + " esp-sha384-hmac";
    case 14: return out + " esp-sha512-hmac";
    default: return absl::StrCat(out, " esp-auth-", integ);
  }
}

std::string DhGroupName(uint16_t group) {
  const char* name = nullptr;
  switch (group) {
    case 1: name = "DH_GROUP_768_MODP"; break;
    case 2: name = "DH_GROUP_1024_MODP"; break;
    case 5: name = "DH_GROUP_1536_MODP"; break;
    case 14: name = "DH_GROUP_2048_MODP"; break;
    case 15: name = "DH_GROUP_3072_MODP"; break;
    case 16: name = "DH_GROUP_4096_MODP"; break;
    case 19: name = "DH_GROUP_256_ECP"; break;
    case 20: name = "DH_GROUP_384_ECP"; break;
    case 21: name = "DH_GROUP_521_ECP"; break;
    case 17: name = "DH_GROUP_6144_MODP"; break;
    case 18: name = "DH_GROUP_8192_MODP"; break;
    case 24: name = "DH_GROUP_2048_256_MODP"; break;
    case 27: name = "DH_GROUP_224_BRAINPOOL"; break;
    case 28: name = "DH_GROUP_256_BRAINPOOL"; break;
    case 29: name = "DH_GROUP_384_BRAINPOOL"; break;
    case 30: name = "DH_GROUP_512_BRAINPOOL"; break;
    case 31: name = "DH_GROUP_CURVE25519"; break;
    case 32: name = "DH_GROUP_CURVE448"; break;
    default: return absl::StrCat("Group ", group);
  }
  return absl::StrCat(name, "/Group ", group);
}

std::string FormatAge(seconds s) {
  const int64_t t = s.count() < 0 ? 0 : s.count();
  constexpr int64_t kDay = 86400, kWeek = 7 * kDay, kYear = 365 * kDay;
  if (t < kDay) return absl::StrFormat("%02d:%02d:%02d", t / 3600, t / 60 % 60, t % 60);
  if (t < kWeek) return absl::StrFormat("%dd%02dh", t / kDay, t / 3600 % 24);
  if (t < kYear) return absl::StrFormat("%dw%dd", t / kWeek, t % kWeek / kDay);
  return absl::StrFormat("%dy%dw", t / kYear, t % kYear / kWeek);
}

}  // namespace flexvpn::show
