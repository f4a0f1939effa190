// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <endian.h>
#include <linux/netlink.h>
#include <linux/udp.h>
#include <linux/xfrm.h>

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/netlink/algorithms.h"
#include "os/netlink/xfrm.h"
#include "os/netlink/xfrm_address.h"

namespace flexvpn::os::netlink {
namespace {

using dataplane::Direction;
using dataplane::Mode;
using dataplane::Sa;

constexpr uint32_t kMaxReplayWindow = 4096;  // XFRMA_REPLAY_ESN_MAX

void SetName(char (&field)[64], const char* name) { std::strncpy(field, name, sizeof(field) - 1); }

// The three algorithm structures of linux/xfrm.h end in the key.
template <class T>
void AttrAlgorithm(Message& m, uint16_t type, const T& head, const SecretBytes& key) {
  SecretBytes value(offsetof(T, alg_key) + key.size());
  std::memcpy(value.data(), &head, offsetof(T, alg_key));
  std::copy(key.begin(), key.end(), value.begin() + offsetof(T, alg_key));
  m.Attr(type, value);
}

absl::Status CheckKeys(const Sa& sa, const CipherName* cipher, const IntegrityName* integ) {
  // RFC 4303 §2.1: 0 is never sent, 1..255 are reserved.
  if (sa.spi < 256) return absl::InvalidArgumentError("reserved SPI");
  if (cipher == nullptr) return absl::InvalidArgumentError(absl::StrCat("unknown encryption ", sa.encr));
  const size_t want = sa.encr_key_bits / 8u + cipher->salt_octets;
  if (sa.encr_key.size() != want) {
    return absl::InvalidArgumentError(absl::StrCat("encryption key of ", sa.encr_key.size(), " octets, not ", want));
  }
  if (cipher->aead) return absl::OkStatus();
  if (integ == nullptr) return absl::InvalidArgumentError(absl::StrCat("unknown integrity ", sa.integ));
  if (sa.integ_key.size() != integ->key_octets) {
    return absl::InvalidArgumentError(
        absl::StrCat("integrity key of ", sa.integ_key.size(), " octets, not ", integ->key_octets));
  }
  return absl::OkStatus();
}

void AddAlgorithms(Message& m, const Sa& sa, const CipherName& cipher, const IntegrityName* integ) {
  auto bits = static_cast<uint32_t>(sa.encr_key.size() * 8);
  if (cipher.aead) {
    xfrm_algo_aead a{};
    SetName(a.alg_name, cipher.name);
    a.alg_key_len = bits;
    a.alg_icv_len = cipher.icv_bits;
    return AttrAlgorithm(m, XFRMA_ALG_AEAD, a, sa.encr_key);
  }
  xfrm_algo c{};
  SetName(c.alg_name, cipher.name);
  c.alg_key_len = bits;
  AttrAlgorithm(m, XFRMA_ALG_CRYPT, c, sa.encr_key);
  xfrm_algo_auth a{};
  SetName(a.alg_name, integ->name);
  a.alg_key_len = static_cast<uint32_t>(sa.integ_key.size() * 8);
  a.alg_trunc_len = integ->truncated_bits;
  AttrAlgorithm(m, XFRMA_ALG_AUTH_TRUNC, a, sa.integ_key);
}

// Replay windows above 32 packets and ESN need the long state.  With XFRMA_SA_DIR the kernel wants no window
// outbound; without it, it refuses an outbound ESN state that has none.  Returns XFRMA_REPLAY_ESN_VAL if needed.
std::optional<Bytes> Replay(const Sa& sa, const SaOptions& options, xfrm_usersa_info& info) {
  uint32_t window = sa.direction == Direction::kIn ? std::min(sa.replay_window, kMaxReplayWindow) : 0;
  if (window == 0 && sa.esn && !options.direction_attribute) window = 1;
  if (!sa.esn && window <= 32) {
    info.replay_window = static_cast<uint8_t>(window);
    return std::nullopt;
  }
  xfrm_replay_state_esn head{};
  head.bmp_len = (window + 31) / 32;
  head.replay_window = window;
  Bytes value(sizeof(head) + head.bmp_len * sizeof(uint32_t));
  std::memcpy(value.data(), &head, sizeof(head));
  return value;
}

xfrm_usersa_info Info(const Sa& sa, const SaOptions& options) {
  xfrm_usersa_info i{};
  i.saddr = ToXfrm(sa.source);
  i.id.daddr = ToXfrm(sa.destination);
  i.id.spi = htobe32(sa.spi);
  i.id.proto = IPPROTO_ESP;
  i.family = AddressFamily(sa.destination.family());
  i.mode = sa.mode == Mode::kTunnel ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT;
  i.reqid = sa.peer.value();
  i.seq = options.sequence;
  i.lft = Unlimited();
  i.lft.hard_add_expires_seconds = sa.hard_seconds;
  if (sa.soft_bytes != 0) i.lft.soft_byte_limit = sa.soft_bytes;
  if (sa.hard_bytes != 0) i.lft.hard_byte_limit = sa.hard_bytes;
  if (sa.esn) i.flags |= XFRM_STATE_ESN;
  if (sa.mode == Mode::kTunnel) {
    i.flags |= XFRM_STATE_AF_UNSPEC;  // either family inside
  } else {
    i.sel.family = i.family;
  }
  return i;
}

void AddMarks(Message& m, const Sa& sa) {
  if (sa.direction == Direction::kIn) {
    m.AttrU32(XFRMA_SET_MARK, sa.peer.value());
    m.AttrU32(XFRMA_SET_MARK_MASK, net::kPeerMarkMask);
  } else if (sa.mark_state) {
    m.AttrStruct(XFRMA_MARK, xfrm_mark{sa.peer.value(), net::kPeerMarkMask});
  }
}

void AddOffload(Message& m, const Sa& sa, const SaOptions& options) {
  if (options.offload_index == 0) return;
  xfrm_user_offload o{};
  o.ifindex = options.offload_index;
  if (sa.destination.is_v6()) o.flags |= XFRM_OFFLOAD_IPV6;
  if (sa.direction == Direction::kIn) o.flags |= XFRM_OFFLOAD_INBOUND;
  if (options.offload_packet) o.flags |= XFRM_OFFLOAD_PACKET;
  m.AttrStruct(XFRMA_OFFLOAD_DEV, o);
}

absl::StatusOr<Message> Build(uint16_t type, const Sa& sa, const SaOptions& options) {
  const CipherName* cipher = FindCipher(sa.encr);
  const IntegrityName* integ = FindIntegrity(sa.integ);
  RETURN_IF_ERROR(CheckKeys(sa, cipher, integ));
  xfrm_usersa_info info = Info(sa, options);
  std::optional<Bytes> replay = Replay(sa, options, info);
  Message m(type, type == XFRM_MSG_NEWSA ? NLM_F_CREATE | NLM_F_EXCL : 0);
  m.Body(info);
  AddAlgorithms(m, sa, *cipher, integ);
  if (!options.replay_state.empty()) {
    m.Attr(replay ? XFRMA_REPLAY_ESN_VAL : XFRMA_REPLAY_VAL, options.replay_state);
  } else if (replay) {
    m.Attr(XFRMA_REPLAY_ESN_VAL, *replay);
  }
  AddMarks(m, sa);
  if (sa.encap_source_port != 0 || sa.encap_destination_port != 0) {
    xfrm_encap_tmpl e{};
    e.encap_type = UDP_ENCAP_ESPINUDP;
    e.encap_sport = htobe16(sa.encap_source_port);
    e.encap_dport = htobe16(sa.encap_destination_port);
    m.AttrStruct(XFRMA_ENCAP, e);
  }
  AddOffload(m, sa, options);
  if (options.direction_attribute) {
    m.AttrU8(kXfrmaSaDir, sa.direction == Direction::kIn ? 1 : 2);  // XFRM_SA_DIR_IN, _OUT
  }
  return m;
}

Message ById(uint16_t type, uint32_t spi, const net::IpAddress& destination, std::optional<xfrm_mark> mark) {
  xfrm_usersa_id id{};
  id.daddr = ToXfrm(destination);
  id.spi = htobe32(spi);
  id.family = AddressFamily(destination.family());
  id.proto = IPPROTO_ESP;
  Message m(type, 0);
  m.Body(id);
  if (mark) m.AttrStruct(XFRMA_MARK, *mark);
  return m;
}

std::optional<xfrm_mark> MarkOf(const Sa& sa) {
  if (!sa.mark_state || sa.direction == Direction::kIn) return std::nullopt;
  return xfrm_mark{sa.peer.value(), net::kPeerMarkMask};
}

void ParseAlgorithm(const Attrs& attrs, SaInfo& out) {
  // alg_name and alg_key_len begin all three structures.
  struct Head {
    char name[64];
    uint32_t key_bits;
  };
  auto head = attrs.Struct<Head>(XFRMA_ALG_AEAD);
  if (!head) head = attrs.Struct<Head>(XFRMA_ALG_CRYPT);
  if (!head) return;
  out.algorithm.assign(head->name, strnlen(head->name, sizeof(head->name)));
  out.key_bits = head->key_bits;
}

uint32_t WordAt(const Bytes& b, size_t offset) {
  uint32_t v = 0;
  std::memcpy(&v, b.data() + offset, sizeof(v));
  return v;
}
void SetWord(Bytes& b, size_t offset, uint32_t v) { std::memcpy(b.data() + offset, &v, sizeof(v)); }

SaInfo FromInfo(const xfrm_usersa_info& i, const Attrs& attrs) {
  SaInfo out;
  out.spi = be32toh(i.id.spi);
  out.protocol = i.id.proto;
  out.source = FromXfrm(i.saddr, i.family);
  out.destination = FromXfrm(i.id.daddr, i.family);
  out.mode = i.mode == XFRM_MODE_TUNNEL ? Mode::kTunnel : Mode::kTransport;
  out.reqid = i.reqid;
  out.sequence = i.seq;
  out.esn = (i.flags & XFRM_STATE_ESN) != 0;
  out.replay_window = i.replay_window;
  out.bytes = i.curlft.bytes;
  out.packets = i.curlft.packets;
  out.add_time = i.curlft.add_time;
  out.use_time = i.curlft.use_time;
  out.replay_window_errors = i.stats.replay_window;
  out.replay_errors = i.stats.replay;
  out.integrity_errors = i.stats.integrity_failed;
  // struct xfrm_replay_state_esn without its bitmap: bmp_len, oseq, seq, oseq_hi, seq_hi, replay_window.
  if (auto esn = attrs.Struct<std::array<uint32_t, 6>>(XFRMA_REPLAY_ESN_VAL)) out.replay_window = (*esn)[5];
  BytesView replay = attrs.Get(attrs.Has(XFRMA_REPLAY_ESN_VAL) ? XFRMA_REPLAY_ESN_VAL : XFRMA_REPLAY_VAL);
  out.replay_state.assign(replay.begin(), replay.end());
  if (auto mark = attrs.Struct<xfrm_mark>(XFRMA_MARK)) {
    out.mark = mark->v;
    out.mark_mask = mark->m;
  }
  out.output_mark = attrs.U32(XFRMA_SET_MARK);
  out.output_mark_mask = attrs.Has(XFRMA_SET_MARK_MASK) ? attrs.U32(XFRMA_SET_MARK_MASK) : 0;
  if (uint8_t d = attrs.U8(kXfrmaSaDir); d != 0) out.direction = d == 1 ? Direction::kIn : Direction::kOut;
  if (auto e = attrs.Struct<xfrm_encap_tmpl>(XFRMA_ENCAP)) {
    out.encap_source_port = be16toh(e->encap_sport);
    out.encap_destination_port = be16toh(e->encap_dport);
  }
  if (auto o = attrs.Struct<xfrm_user_offload>(XFRMA_OFFLOAD_DEV)) {
    out.offload_index = o->ifindex;
    out.offload_flags = o->flags;
  }
  ParseAlgorithm(attrs, out);
  return out;
}

std::optional<XfrmEvent> ParseExpire(const Received& message) {
  auto body = message.Body<xfrm_user_expire>();
  if (!body) return std::nullopt;
  return SaExpired{FromInfo(body->state, Attrs(message.After(sizeof(xfrm_user_expire)))), body->hard != 0};
}

std::optional<XfrmEvent> ParseAcquire(const Received& message) {
  auto body = message.Body<xfrm_user_acquire>();
  if (!body) return std::nullopt;
  Attrs attrs(message.After(sizeof(xfrm_user_acquire)));
  int family = body->sel.family;
  Acquire out;
  out.source = FromXfrm(body->sel.saddr, family);
  out.destination = FromXfrm(body->sel.daddr, family);
  out.protocol = body->sel.proto;
  out.remote = FromXfrm(body->id.daddr, family);
  if (auto t = attrs.Struct<xfrm_user_tmpl>(XFRMA_TMPL)) {
    out.reqid = t->reqid;
    out.remote = FromXfrm(body->id.daddr, t->family);
  }
  if (auto mark = attrs.Struct<xfrm_mark>(XFRMA_MARK)) out.mark = mark->v;
  return out;
}

}  // namespace

absl::StatusOr<Message> NewSa(const Sa& sa, const SaOptions& options) { return Build(XFRM_MSG_NEWSA, sa, options); }

absl::StatusOr<Message> UpdateSa(const Sa& sa, const SaOptions& options) {
  return Build(XFRM_MSG_UPDSA, sa, options);
}

Message DeleteSa(const Sa& sa) { return ById(XFRM_MSG_DELSA, sa.spi, sa.destination, MarkOf(sa)); }

Message GetSa(const Sa& sa) { return ById(XFRM_MSG_GETSA, sa.spi, sa.destination, MarkOf(sa)); }

Message DeleteSa(const SaInfo& sa) {
  std::optional<xfrm_mark> mark;
  if (sa.mark_mask != 0) mark = xfrm_mark{sa.mark, sa.mark_mask};
  return ById(XFRM_MSG_DELSA, sa.spi, sa.destination, mark);
}

Message DumpSas() {
  Message m(XFRM_MSG_GETSA, NLM_F_DUMP);
  return m;
}

std::optional<SaInfo> ParseSa(const Received& message) {
  if (message.type != XFRM_MSG_NEWSA && message.type != XFRM_MSG_UPDSA) return std::nullopt;
  auto body = message.Body<xfrm_usersa_info>();
  if (!body) return std::nullopt;
  return FromInfo(*body, Attrs(message.After(sizeof(xfrm_usersa_info))));
}

std::optional<XfrmEvent> ParseXfrmEvent(const Received& message) {
  if (message.type == XFRM_MSG_EXPIRE) return ParseExpire(message);
  if (message.type == XFRM_MSG_ACQUIRE) return ParseAcquire(message);
  return std::nullopt;
}

Bytes SkipAhead(Bytes replay_state, uint32_t packets) {
  if (replay_state.size() < sizeof(xfrm_replay_state)) return replay_state;
  const bool wide = replay_state.size() >= sizeof(xfrm_replay_state_esn);
  const size_t low = wide ? offsetof(xfrm_replay_state_esn, oseq) : offsetof(xfrm_replay_state, oseq);
  const size_t high = offsetof(xfrm_replay_state_esn, oseq_hi);
  const uint32_t before = WordAt(replay_state, low);
  const bool wraps = before > UINT32_MAX - packets;
  if (!wraps || wide) SetWord(replay_state, low, before + packets);
  if (wraps && wide) SetWord(replay_state, high, WordAt(replay_state, high) + 1);
  if (wraps && !wide) SetWord(replay_state, low, UINT32_MAX);
  return replay_state;
}

}  // namespace flexvpn::os::netlink
