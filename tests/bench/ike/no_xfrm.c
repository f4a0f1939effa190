// SPDX-License-Identifier: Apache-2.0
// Preloaded into charon by tools/bench ike: Child SAs without a kernel that has ESP.  Requests that would
// change XFRM states or policies leave as NLMSG_NOOP, which the kernel only acknowledges; the answer to
// ALLOCSPI is made up from that acknowledgement.  So charon does all its own work and its system calls, and
// the kernel keeps nothing, as with the fake_kernel option of strongSwan's load-tester plugin, which Debian
// does not package.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <string.h>
#include <sys/socket.h>

static __thread unsigned
    spi_request;  // sequence number of the ALLOCSPI under way; charon waits for each answer
static unsigned next_spi = 0xc0000000;

static int changes_state(unsigned type) {
  return type == XFRM_MSG_NEWSA || type == XFRM_MSG_UPDSA || type == XFRM_MSG_DELSA ||
         type == XFRM_MSG_ALLOCSPI || type == XFRM_MSG_NEWPOLICY || type == XFRM_MSG_UPDPOLICY ||
         type == XFRM_MSG_DELPOLICY;
}

static int is_xfrm(int fd) {
  int protocol = -1, domain = -1;
  socklen_t size = sizeof protocol;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_NETLINK) return 0;
  return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == NETLINK_XFRM;
}

ssize_t sendto(int fd, const void* data, size_t size, int flags, const struct sockaddr* to,
               socklen_t to_size) {
  static ssize_t (*real)(int, const void*, size_t, int, const struct sockaddr*, socklen_t);
  if (real == NULL) real = dlsym(RTLD_NEXT, "sendto");
  const struct nlmsghdr* request = data;
  if (size < sizeof *request || to == NULL || to->sa_family != AF_NETLINK ||
      !changes_state(request->nlmsg_type) || !is_xfrm(fd))
    return real(fd, data, size, flags, to, to_size);
  struct nlmsghdr noop = *request;
  if (request->nlmsg_type == XFRM_MSG_ALLOCSPI) spi_request = request->nlmsg_seq;
  noop.nlmsg_len = sizeof noop;
  noop.nlmsg_type = NLMSG_NOOP;
  noop.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  return real(fd, &noop, sizeof noop, flags, to, to_size) == (ssize_t)sizeof noop ? (ssize_t)size : -1;
}

ssize_t recv(int fd, void* data, size_t size, int flags) {
  static ssize_t (*real)(int, void*, size_t, int);
  if (real == NULL) real = dlsym(RTLD_NEXT, "recv");
  const ssize_t n = real(fd, data, size, flags);
  struct nlmsghdr* answer = data;
  struct xfrm_usersa_info* sa = NLMSG_DATA(answer);
  if (spi_request == 0 || n < (ssize_t)sizeof *answer || size < NLMSG_LENGTH(sizeof *sa) ||
      answer->nlmsg_type != NLMSG_ERROR || answer->nlmsg_seq != spi_request)
    return n;
  spi_request = 0;
  memset(sa, 0, sizeof *sa);
  sa->id.spi = __builtin_bswap32(__atomic_add_fetch(&next_spi, 1, __ATOMIC_RELAXED));
  answer->nlmsg_type = XFRM_MSG_NEWSA;
  answer->nlmsg_len = NLMSG_LENGTH(sizeof *sa);
  return (ssize_t)answer->nlmsg_len;
}
