#define _GNU_SOURCE // accept4

#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "CLimits.h"

// Closes `fd` on the way out of a failure, keeping the errno that the caller is told. EINTR of close is no reason to
// repeat it: the descriptor is gone either way.
static int fail_closing(int fd) {
  int error = errno;
  close(fd);
  return -error;
}

static struct sockaddr_in loopback(uint16_t port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Without this a small frame waits for the acknowledgement of the one before it: 40 ms instead of microseconds.
static int set_nodelay(int fd) {
  int on = 1;
  return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int climits_listen_loopback(uint16_t *port_out) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  struct sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, SOMAXCONN) < 0 ||
      getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
    return fail_closing(fd);
  }
  *port_out = ntohs(address.sin_port);
  return fd;
}

// An interrupted connect goes on in the background. The next call waits for it, or says that it is done.
static int finish_connect(int fd, const struct sockaddr_in *address) {
  while (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0) {
    if (errno == EISCONN) return 0;
    if (errno != EINTR) return -1;
  }
  return 0;
}

int climits_connect(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  struct sockaddr_in address = loopback(port);
  if (finish_connect(fd, &address) < 0 || set_nodelay(fd) < 0) return fail_closing(fd);
  return fd;
}

int climits_accept_loop(int listen_fd, void (*serve)(int fd, void *context), void *context) {
  while (true) {
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
      // A peer that was gone before it was accepted is no failure of the listener.
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return -errno;
    }
    // This fails only when the peer is gone already, which serving finds out by itself.
    (void)set_nodelay(fd);
    serve(fd, context);
    close(fd);
  }
}

int climits_send_all(int fd, const void *bytes, size_t length) {
  const unsigned char *rest = bytes;
  while (length > 0) {
    // MSG_NOSIGNAL: a closed peer is an error to return, not a signal that ends the caller's process.
    ssize_t sent = send(fd, rest, length, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return -errno;
    }
    rest += sent;
    length -= (size_t)sent;
  }
  return 0;
}

ssize_t climits_receive(int fd, void *bytes, size_t length) {
  while (true) {
    ssize_t received = recv(fd, bytes, length, 0);
    if (received >= 0) return received;
    if (errno != EINTR) return -errno;
  }
}

ssize_t climits_receive_spinning(int fd, void *bytes, size_t length) {
  while (true) {
    ssize_t received = recv(fd, bytes, length, MSG_DONTWAIT);
    if (received >= 0) return received;
    if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) return -errno;
  }
}

int climits_receive_all(int fd, void *bytes, size_t length, climits_receive_t *receive) {
  unsigned char *rest = bytes;
  while (length > 0) {
    ssize_t received = receive(fd, rest, length);
    if (received < 0) return (int)received;
    if (received == 0) return -ECONNRESET;
    rest += received;
    length -= (size_t)received;
  }
  return 0;
}

void climits_block_sigpipe(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  (void)pthread_sigmask(SIG_BLOCK, &signals, NULL); // cannot fail: all arguments are ours
}

void climits_store_u64(unsigned char *bytes, uint64_t value) {
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(value >> (56 - 8 * i));
}

uint64_t climits_load_u64(const unsigned char *bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; i++) value = value << 8 | bytes[i];
  return value;
}

uint64_t climits_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now); // cannot fail: the clock exists and `now` is ours
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
