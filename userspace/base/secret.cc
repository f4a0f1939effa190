// SPDX-License-Identifier: Apache-2.0
#include "base/secret.h"

#include <string.h>

namespace flexvpn {

void WipeMemory(void* data, size_t size) {
  if (size != 0) explicit_bzero(data, size);
}

}  // namespace flexvpn
