// SPDX-License-Identifier: Apache-2.0
// The driver's part of IKE and ESP in TCP (RFC 9329): ESP goes between connections and the kernel without the node.
#include <utility>

#include "absl/strings/str_cat.h"
#include "app/daemon/driver.h"
#include "app/daemon/logger.h"

namespace flexvpn::app {

constexpr Duration kTcpRetry = seconds(10);

// A device or port that is taken may be free soon; said once.
void Driver::TcpFailed(const absl::Status& status) {
  const std::string error = absl::StrCat("TCP encapsulation: ", status.message());
  if (tcp_error_ != error) LogLine(Level::kError, absl::StrCat(error, "; tried again every ", kTcpRetry / seconds(1), " s"));
  tcp_error_ = error;
  tcp_retry_ = os::Loop::Now() + kTcpRetry;
}

void Driver::ListenTcp(const node::ListenIn& listen) {
  tcp_wanted_ = listen;
  tcp_retry_.reset();
  if (!listen.tcp) return CloseTcp();
  if (tun_ == nullptr) {
    auto tun = os::EspTun::Make(*loop_, [this](const net::Endpoint& local, const net::Endpoint& remote, BytesView esp) {
      tcp_->SendEsp(local, remote, esp);
    });
    if (!tun.ok()) return TcpFailed(tun.status());
    // Inputs wait for their turn: the loop feeds them before it sleeps.
    os::TcpCarrier::Receiver receiver;
    receiver.ike = [this](const net::Endpoint& local, const net::Endpoint& remote, BytesView message) {
      inputs_.push_back(node::IkeDatagram{{local, remote, Bytes(message.begin(), message.end())}, os::Loop::Now()});
    };
    receiver.esp = [this](const net::Endpoint& local, const net::Endpoint& remote, BytesView esp) {
      tun_->Deliver(local, remote, esp);
    };
    receiver.lost = [this](const net::Endpoint& local, const net::Endpoint& remote, const std::string& why) {
      LogLine(Level::kInfo, absl::StrCat("TCP connection with ", remote.ToString(), " is gone: ", why));
      inputs_.push_back(node::TcpLost{local, remote});
    };
    tcp_ = std::make_unique<os::TcpCarrier>(*loop_, std::move(receiver));
    tun_ = *std::move(tun);
  }
  if (absl::Status s = tcp_->Listen(listen.tcp_port); !s.ok()) return TcpFailed(s);
  if (!std::exchange(tcp_error_, {}).empty()) LogLine(Level::kInfo, "TCP encapsulation works now");
}

void Driver::CloseTcp() {
  tcp_.reset();
  tun_.reset();
}

void Driver::AppendTcpDrops(std::vector<show::DropRow>& rows) const {
  if (tcp_ == nullptr) return;
  for (const Counters* counters : {&tcp_->counters(), &tun_->counters()})
    for (const auto& [name, count] : counters->all()) rows.push_back({"tcp", std::string(name), count, ""});
}

}  // namespace flexvpn::app
