// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_TCP_TCP_CARRIER_H_
#define FLEXVPN_OS_TCP_TCP_CARRIER_H_

#include <compare>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "base/counters.h"
#include "base/time.h"
#include "core/net/ip.h"
#include "os/loop/fd.h"
#include "os/loop/loop.h"
#include "os/tcp/tcp_connection.h"

namespace flexvpn::os {

// Carries IKE and ESP in TCP connections (RFC 9329), those we dial and those peers open to us.  IPv4, global VRF.
//
// Endpoints: `local` is {our address, net::kTcpPort whatever the real port}, `remote` {the peer's address, its real
// port}; both have the carrier kTcpDialled or kTcpAccepted.  Address, address and remote port name a connection, and
// there is one of a name at most.  A name outlives its connection: after `lost`, SendIke dials the next one of it.
//
// Anybody may connect.  A connection is a stranger's until Vouch says that an authenticated session uses it: strangers
// bring IKE but no ESP, there are at most kMaxStrangers of those who called, kMaxStrangersOfSource of one address, and
// they are closed after a while.  All a peer can make us hold is bounded.
//
// Belongs to the loop's thread.  Callbacks may call everything here, about the same connection, too; they must not
// destroy the carrier.
class TcpCarrier {
 public:
  using Clock = std::function<Instant()>;
  struct Receiver {
    // An IKE message without marker (28 octets at least), an ESP packet (8 at least) of a connection vouched for.
    std::function<void(const net::Endpoint& local, const net::Endpoint& remote, BytesView bytes)> ike, esp;
    // A connection that was vouched for or that we dialled (dialling it included) has ended by itself: closed by the
    // peer, an error, no sense in what it brought, or stuck.  Not if its time had come without anybody's vouching.
    // Comes from the loop, never out of a call here; by then there may be a new connection of that name.
    std::function<void(const net::Endpoint& local, const net::Endpoint& remote, const std::string& why)> lost;
  };
  static constexpr size_t kMaxStrangers = 1024, kMaxStrangersOfSource = 16;  // of accepted connections
  // Octets queued for one connection: beyond the first ESP is dropped, IKE beyond the second ends the connection.  What
  // a stranger can make us hold is less.
  // IKE waits behind ESP: little of it, so that liveness checks get through.
  static constexpr size_t kMaxQueuedEsp = 64 * 1024, kMaxQueued = 512 * 1024, kMaxQueuedStranger = 128 * 1024;
  static constexpr int kMaxQueuedDialling = 8;            // IKE messages until it stands
  static constexpr Duration kFirstMessageTime = seconds(5);  // until who called has sent an IKE message
  static constexpr Duration kStrangerTime = seconds(30);     // from then on until somebody must have vouched for it
  static constexpr Duration kIdleTime = seconds(60);      // after the last Vouch(false), and the last IKE if dialled
  static constexpr Duration kDialTime = seconds(15);
  // Between dials, doubled each time, until the peer sends a message: a connection without one is no success.
  static constexpr Duration kFirstPause = seconds(1), kLongestPause = seconds(8);
  static constexpr Duration kAcceptPause = seconds(1);    // without descriptors

  // `clock` is for tests.
  TcpCarrier(Loop& loop, Receiver receiver, Clock clock = Loop::Now);
  // Closes all connections; what is queued and fits still goes.  `lost` is not called.
  ~TcpCarrier();
  TcpCarrier(const TcpCarrier&) = delete;
  TcpCarrier& operator=(const TcpCarrier&) = delete;

  // Takes calls on `port`, all IPv4 addresses, instead of the port before; 0: no more.  Connections stay.  On an error
  // (kAlreadyExists if somebody has the port; it is named) the port before stays.
  absl::Status Listen(uint16_t port);

  // Without a connection: dials if `remote` is kTcpDialled, from local.address and any port, and sends when it stands;
  // but not while a pause after dials without success lasts.  Whatever is not sent is counted: IKE sends it again.
  void SendIke(const net::Endpoint& local, const net::Endpoint& remote, BytesView message);
  // Carriers are not looked at: it goes by any connection that stands.  False: not sent, and counted.
  bool SendEsp(const net::Endpoint& local, const net::Endpoint& remote, BytesView esp);

  // An authenticated session uses the connection (`in_use`), or no longer does.  Counted by name, so each true needs
  // its false, after `lost` as well; a new connection of the name begins vouched for if the count is not 0.
  void Vouch(const net::Endpoint& local, const net::Endpoint& remote, bool in_use);

  // When OnTick is due.
  std::optional<Instant> NextDeadline() const;
  void OnTick(Instant now);

  struct Stats {
    uint16_t port = 0;         // where we listen; 0: nowhere
    size_t connections = 0;    // all, those being dialled as well
    size_t strangers = 0;      // accepted and not vouched for
    uint64_t accepted = 0, dialled = 0, octets_in = 0, octets_out = 0;  // since the start
  };
  Stats stats() const;
  const Counters& counters() const { return counters_; }  // what was dropped, refused or closed, by reason

 private:
  struct Name {
    net::IpAddress local, remote;
    uint16_t port = 0;  // the peer's
    friend auto operator<=>(const Name&, const Name&) = default;
    template <class H>
    friend H AbslHashValue(H h, const Name& n) {
      return H::combine(std::move(h), n.local, n.remote, n.port);
    }
  };
  struct Link {
    Link(const Name& n, Fd fd, bool we_dialled)
        : name(n), dialled(we_dialled), connection(std::move(fd), we_dialled) {}
    const Name name;
    const bool dialled;
    uint16_t local_port = 0;  // the real one; of accepted ones only
    TcpConnection connection;
    bool vouched = false, stranger = false;
    bool known = false;              // was vouched for at some time: may say its last words
    bool closed = false;
    bool answered = false;           // the peer has sent a message
    int dialling_messages = 0;       // queued before it stood
    bool watches_writing = false;    // EPOLLOUT is asked for
    std::optional<Instant> deadline; // of being closed; as in deadlines_
  };
  using LinkPtr = std::shared_ptr<Link>;
  struct Pause {
    Instant until;
    Duration length;
  };
  enum class How : uint8_t { kAtOnce, kOrderly };

  static Name NameOf(const net::Endpoint& local, const net::Endpoint& remote) {
    return {local.address, remote.address, remote.port};
  }
  LinkPtr Find(const Name& name) const;
  // Takes `link` into the tables and the loop; false if the loop has no room.
  bool Enter(const LinkPtr& link, Duration time);
  void Dial(const Name& name);
  void DialFailed(const Name& name);
  void Accept();
  void Admit(Fd fd, const Name& name, uint16_t local_port);
  void OnEvent(const LinkPtr& link);
  void Read(const LinkPtr& link);
  void OnMessage(Link& link, net::TcpStream::Kind kind, BytesView content);
  void WatchWriting(Link& link);
  void SetDeadline(Link& link, std::optional<Instant> deadline);
  void SetStranger(Link& link, bool stranger);
  // Ends it because of an error, and says so to whom it matters.
  void Lose(const LinkPtr& link, const std::string& why);
  void PostLost(const Name& name, bool dialled, const std::string& why);
  void Close(const LinkPtr& link, How how);
  void Expire(const LinkPtr& link);

  Loop& loop_;
  Receiver receiver_;
  Clock clock_;
  Fd listener_;
  uint16_t port_ = 0;
  std::optional<Instant> accept_again_;  // not accepting until then
  absl::flat_hash_map<Name, LinkPtr> links_;
  std::set<std::pair<Instant, Name>> deadlines_;
  absl::flat_hash_map<Name, int> vouched_;  // counts above 0
  absl::flat_hash_map<Name, Pause> pauses_;
  absl::flat_hash_map<net::IpAddress, size_t> strangers_of_;
  size_t strangers_ = 0;
  Stats ended_;  // octets of connections that are no more, and the numbers of all
  Counters counters_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // what is posted asks whether there is a carrier
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_TCP_TCP_CARRIER_H_
