/// The limit programs: the least code that moves bytes between two processes over TCP.
///
/// Blocking sockets, one connection, one thread at each end. What they measure is the price of the kernel alone, so
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

/// Measures round trips of one frame with `payload_bytes` of payload to the echo server at `port`, one at a time.
///
/// The first `warmup` round trips are not recorded; the nanoseconds of each of the following `round_trips` go to
/// `latencies_ns`, which has room for as many. Returns 0; or -errno, and then the latencies mean nothing: -EMSGSIZE
/// for a payload above CLIMITS_MAX_PAYLOAD, -ECONNRESET when the server closed, -EPROTO when it sent something else
/// than the frame's header back.
int climits_blocking_pingpong(uint16_t port, uint32_t payload_bytes, uint64_t warmup, uint64_t round_trips,
                              uint64_t *latencies_ns);

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
