// SPDX-License-Identifier: Apache-2.0
// Every lookup of the endpoint: O(1) by SPI, id, source or identity, O(log n) by time.
#ifndef FLEXVPN_CORE_IKE_TABLES_H_
#define FLEXVPN_CORE_IKE_TABLES_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "core/ike/half_open.h"

namespace flexvpn::ike {

class Tables {
 public:
  // Sessions own their IKE SAs; pointers stay valid until Sweep().
  Session& AddSession();
  IkeSa& AddSa(Session& session, IkeSpi local_spi);
  Session* FindSession(IkeSaId id) const;
  IkeSa* FindSa(IkeSpi local_spi) const;
  // Whether an IKE SA of ours has this SPI, half-open or not.
  bool Knows(IkeSpi local_spi) const { return FindSa(local_spi) != nullptr || half_open_sas_.contains(local_spi); }
  size_t size() const { return sessions_.size() + half_open_sas_.size(); }
  // Ids of all sessions, ascending.
  std::vector<IkeSaId> SessionIds() const;
  // Those between these ends now, ascending.  O(sessions).
  std::vector<IkeSaId> SessionsBetween(const net::Endpoint& local, const net::Endpoint& remote) const;

  IkeSpi NewSpi(Rng& rng) const;  // random, unused, not 0
  EspSpi NewEspSpi(Rng& rng);     // random in 0xc0000000..0xcfffffff, reserved until released
  void ReleaseEspSpi(EspSpi spi) { esp_spis_.erase(spi); }
  void ReleaseOffer(const Op& op);
  ChildId NewChildId(IkeSaId owner);
  Session* OwnerOf(ChildId id) const;
  void DropChildId(ChildId id) { child_owner_.erase(id); }

  // IKE_SA_INIT requests seen: a retransmission finds the SPI of its IKE SA, 0 if there is none.
  static uint64_t InitKey(const net::Endpoint& remote, uint64_t fingerprint);
  IkeSpi FindInit(uint64_t key) const;

  // Half-open SAs are owned here until their peer is heard: then a session takes the place of the record, and only
  // counts as half-open until EndHalfOpen().
  HalfOpen& AddHalfOpen(std::unique_ptr<HalfOpen> half_open);  // gives it its id; spi_r, init_key etc. are set
  HalfOpen* FindHalfOpen(IkeSpi local_spi) const;
  HalfOpen* FindHalfOpen(IkeSaId id) const;  // O(half-open SAs)
  std::vector<const HalfOpen*> HalfOpenSas() const;  // by id, ascending
  void DropHalfOpen(const HalfOpen& half_open);
  void Promote(const HalfOpen& half_open, std::unique_ptr<Session> session);
  size_t ExpireHalfOpen(Instant now);  // how many
  void EndHalfOpen(IkeSa& sa);
  size_t half_open() const { return half_open_; }
  size_t half_open(const net::IpAddress& source) const;

  // Sessions of ours that are not up yet.
  void BeginNegotiation(Session& session);
  void EndNegotiation(Session& session);  // harmless if it is not counted
  size_t negotiating() const { return negotiating_; }

  // Sessions up by authenticated identity and profile (INITIAL_CONTACT).  Those of other VRFs are not the same: a peer
  // may have a tunnel over each of its uplinks.
  void BindIdentity(Session& session);
  std::vector<IkeSaId> SameIdentity(const Session& session) const;  // without `session`, ascending

  // Sessions up with the peer's address, in whatever VRF; (re)bound when one comes up or moves.
  void BindAddress(Session& session);
  size_t up_with(const net::IpAddress& remote) const;

  void Schedule(Session& session, std::optional<Instant> when);
  std::optional<Instant> NextDeadline() const;
  // Removes and returns the ids due, in order of time.
  std::vector<IkeSaId> TakeDue(Instant now);

  // Frees what is marked gone below `id`, and the session itself when nothing of it is left.
  void Sweep(IkeSaId id);

  // Everything but `jobs`.  O(sessions): for tests and support, not for every event.
  void Count(Endpoint::Usage& usage) const;

 private:
  void Unlink(IkeSa& sa);
  void Uncount(const net::IpAddress& source);
  void Remove(const HalfOpen& half_open);
  void UnbindAddress(Session& session);

  absl::flat_hash_map<IkeSaId, std::unique_ptr<Session>> sessions_;
  absl::flat_hash_map<IkeSpi, IkeSa*> by_spi_;
  absl::flat_hash_map<IkeSpi, std::unique_ptr<HalfOpen>> half_open_sas_;
  absl::btree_set<std::pair<Instant, IkeSpi>> half_open_timers_;
  absl::flat_hash_map<uint64_t, IkeSpi> by_init_;
  absl::flat_hash_map<net::IpAddress, uint32_t> half_open_by_source_;
  absl::btree_set<std::pair<uint64_t, IkeSaId>> by_identity_;  // hash of profile and identity
  absl::flat_hash_map<net::IpAddress, uint32_t> up_by_address_;
  absl::flat_hash_map<ChildId, IkeSaId> child_owner_;
  absl::flat_hash_set<EspSpi> esp_spis_;
  absl::btree_set<std::pair<Instant, IkeSaId>> timers_;
  size_t half_open_ = 0, negotiating_ = 0;
  uint64_t next_session_ = 1, next_child_ = 1;
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_TABLES_H_
