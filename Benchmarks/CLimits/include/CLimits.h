/// The limit programs: the least code that moves bytes between two processes over TCP.
///
/// One connection, one thread at each end. What they measure is the price of the kernel, and of libuv where they use it, so
/// the results of a library are given as a ratio to theirs, taken on the same machine at the same time.
///
/// The two ends are meant for two processes: one opens a listener, tells the other its port, and serves; the other
/// measures. Nothing here forks, starts a thread or keeps state, and nothing raises SIGPIPE.

#ifndef CLIMITS_H
#define CLIMITS_H

#include <stdint.h>

/// The largest payload of an echoed frame, in bytes: a bound on what a peer can make the server allocate.
#define CLIMITS_MAX_PAYLOAD (64u * 1024u * 1024u)

/// Opens a listening TCP socket on 127.0.0.1, at a port that the system picks and `port_out` receives.
///
/// Returns the descriptor, which is the caller's to close and is not inherited by programs it executes, or -errno.
int climits_listen_loopback(uint16_t *port_out);

/// Echoes frames on one connection after the other, for `climits_blocking_pingpong`.
///
/// A frame is its total length as 8 bytes, big-endian, counting themselves, and then the payload. A connection ends
/// when its peer closes it, when it fails, or when it sends a length below 8 or above the largest; the next one is
/// then accepted. Blocks until the listener fails, which `shutdown(listen_fd, SHUT_RDWR)` from another thread brings
/// about, and returns -errno of that failure. Does not close `listen_fd`.
int climits_blocking_echo_serve(int listen_fd);

/// How many round trips to make.
struct climits_trips {
  /// Made first, and not recorded.
  uint64_t warmup;
  /// The most that are recorded.
  uint64_t most;
  /// After this time no other one is begun, but one is recorded.
  uint64_t nanoseconds;
};

/// Measures round trips of one frame with `payload_bytes` of payload to the echo server at `port`, one at a time.
///
/// The nanoseconds of each go to `latencies_ns`, which has room for `trips.most`. Returns how many were recorded; or
/// -errno, and then the latencies mean nothing: -EMSGSIZE for a payload above CLIMITS_MAX_PAYLOAD, -ECONNRESET when the
/// server closed, -EPROTO when it sent something else than the frame's header back.
int64_t climits_blocking_pingpong(uint16_t port, uint32_t payload_bytes, struct climits_trips trips,
                                  uint64_t *latencies_ns);

/// As `climits_blocking_echo_serve`, but while a connection lives its thread never sleeps.
int climits_spinning_echo_serve(int listen_fd);

/// As `climits_blocking_pingpong`, to the spinning server, by a thread that never sleeps.
int64_t climits_spinning_pingpong(uint16_t port, uint32_t payload_bytes, struct climits_trips trips,
                                  uint64_t *latencies_ns);

/// Echoes the same frames on libuv, for `climits_uv_echo`: one read and one write per batch of frames.
///
/// Several connections at a time. Blocks SIGPIPE in the calling thread. Blocks for ever, or returns -errno when it cannot begin. Takes `listen_fd` over.
int climits_uv_echo_serve(int listen_fd);

/// Measures how many frames with `payload_bytes` of payload come back per second from the libuv server at `port` when
/// `window` of them are on their way at a time: one read and one write per batch.
///
/// Counts for `nanoseconds`, after a fifth of that. Blocks SIGPIPE in the calling thread. `frames_out` and `seconds_out` receive what was counted. Returns 0; or
/// -errno: -EMSGSIZE for a payload above CLIMITS_MAX_PAYLOAD, -EINVAL for a window of 0, -EPROTO when something else came
/// back than was sent, -ECONNRESET when the server closed.
int climits_uv_echo(uint16_t port, uint32_t payload_bytes, uint32_t window, uint64_t nanoseconds, uint64_t *frames_out,
                    double *seconds_out);

/// Takes in bytes on one connection after the other, for `climits_blocking_stream`.
///
/// Reads until the peer ends its side, answers with the number of bytes taken in as 8 bytes, big-endian, and closes.
/// Blocks and returns as `climits_blocking_echo_serve` does.
int climits_blocking_sink_serve(int listen_fd);

/// Measures how long `total_bytes` take to the sink at `port`, sent in pieces of `chunk_bytes`.
///
/// `seconds_out` receives the time from the first send until the sink confirmed the last byte: what still lies in a
/// socket buffer does not count as delivered. Returns 0; or -errno: -EINVAL for a `chunk_bytes` of 0, -ECONNRESET
/// when the sink closed early, -EPROTO when it counted another number of bytes.
int climits_blocking_stream(uint16_t port, uint32_t chunk_bytes, uint64_t total_bytes, double *seconds_out);

#endif
