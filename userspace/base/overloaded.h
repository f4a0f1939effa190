// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_BASE_OVERLOADED_H_
#define FLEXVPN_BASE_OVERLOADED_H_

namespace flexvpn {

// std::visit(Overloaded{[](const A&) {...}, [](const B&) {...}}, variant)
template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

}  // namespace flexvpn

#endif  // FLEXVPN_BASE_OVERLOADED_H_
