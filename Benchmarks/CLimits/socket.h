// What the limit programs share: loopback sockets that hide short transfers and EINTR.

#ifndef CLIMITS_SOCKET_H
#define CLIMITS_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Connects to 127.0.0.1 at `port` with TCP_NODELAY. Returns the descriptor or -errno.
int climits_connect(uint16_t port);

/// Accepts connections for ever and gives each, with TCP_NODELAY set, to `serve` until that returns; then closes it.
/// Returns -errno when the listener fails.
int climits_accept_loop(int listen_fd, void (*serve)(int fd, void *context), void *context);

/// Sends all `length` bytes. Returns 0 or -errno.
int climits_send_all(int fd, const void *bytes, size_t length);

/// Receives at least one byte and at most `length`. Returns how many, 0 when the peer ended its side, or -errno.
typedef ssize_t climits_receive_t(int fd, void *bytes, size_t length);

/// Sleeps until there is something.
climits_receive_t climits_receive;

/// Asks again and again until there is something, and never sleeps.
climits_receive_t climits_receive_spinning;

/// Receives exactly `length` bytes with `receive`. Returns 0 or -errno: -ECONNRESET when the peer ended its side before.
int climits_receive_all(int fd, void *bytes, size_t length, climits_receive_t *receive);

/// From now on, writing to a closed peer is an error in the calling thread, for code that cannot say MSG_NOSIGNAL.
void climits_block_sigpipe(void);

/// Writes `value` as 8 bytes, big-endian.
void climits_store_u64(unsigned char *bytes, uint64_t value);

/// Reads 8 bytes, big-endian.
uint64_t climits_load_u64(const unsigned char *bytes);

/// Nanoseconds on the clock that nobody sets.
uint64_t climits_now_ns(void);

#endif
