// SPDX-License-Identifier: Apache-2.0
// EAP inside of IKE_AUTH (RFC 7296 §2.16): the seam between the engine and the methods.  The engine carries messages, bounds
// them, and checks the AUTH payloads that end a login; what the messages say is the business of a method outside, of either
// side: a library, or a RADIUS server.
//
//   engine  ── EapReceived{question, session, message} ──▶  method          one question of a session at a time
//   engine  ◀── Endpoint::EapAnswer(id, question, EapStep) ──  method   at once or later, within SessionPolicy::eap_timeout
//   engine  ── SessionUp, or EapEnded{id} ──▶  method                       the login is over; no answer is wanted any more
#ifndef FLEXVPN_CORE_IKE_EAP_H_
#define FLEXVPN_CORE_IKE_EAP_H_

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/secret.h"
#include "base/strong_id.h"
#include "core/ike/codec/message.h"
#include "core/ike/identity.h"

namespace flexvpn::ike {

// The first octet of an EAP packet (RFC 3748 §4).
inline constexpr uint8_t kEapRequest = 1, kEapResponse = 2, kEapSuccess = 3, kEapFailure = 4;

// EAP packets in one direction of one login, and octets of one of them.
inline constexpr int kMaxEapRounds = 128;
inline constexpr size_t kMaxEapMessage = 16 * 1024;

using EapQuestion = StrongId<struct EapQuestionTag, uint64_t>;  // never used twice

// What a method says to a message.
struct EapStep {
  enum class Kind : uint8_t {
    kMessage,  // `message` is next
    kSuccess,  // the login has succeeded
    kFailure,  // it has not; `why` goes to our log
  } kind = Kind::kFailure;
  // An EAP packet, whose code has to fit or the login fails.  As responder (authenticator) a Request, with kSuccess the EAP-Success, with kFailure the EAP-Failure; as
  // initiator (peer) a Response, and nothing with the other two.
  Bytes message{};
  // kSuccess: the key the method has made.  Empty: it makes none, and SK_pi and SK_pr stand for it, if
  // SessionPolicy::eap_keyless allows that.
  SecretBytes msk{};
  // kSuccess, as responder: who the peer has proved to be.  From then on it is the session's remote_id, in place of the IDi
  // that has chosen the profile and is nobody's proof.
  std::optional<Identity> identity{};
  std::string why{};
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_EAP_H_
