// The limit for requests and replies: frames that are sent back as they came.

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "CLimits.h"
#include "socket.h"

enum { header_bytes = 8, first_capacity = 64 * 1024 };

/// What was received and not yet echoed. Kept from connection to connection: it only ever grows.
struct buffer {
  unsigned char *bytes;
  size_t capacity;
  size_t used;
  climits_receive_t *receive;
};

// Makes room for a frame of `total` bytes. The largest frame bounds the growth.
static bool reserve(struct buffer *buffer, size_t total) {
  if (total <= buffer->capacity) return true;
  unsigned char *grown = realloc(buffer->bytes, total);
  if (grown == NULL) return false;
  buffer->bytes = grown;
  buffer->capacity = total;
  return true;
}

// Echoes every complete frame at the front of the buffer, all of them in one send, and moves what is left to the
// front. False ends the connection.
static bool echo_complete_frames(int fd, struct buffer *buffer) {
  size_t complete = 0;
  while (buffer->used - complete >= header_bytes) {
    uint64_t total = climits_load_u64(buffer->bytes + complete);
    if (total < header_bytes || total > header_bytes + (uint64_t)CLIMITS_MAX_PAYLOAD) return false;
    if (buffer->used - complete < total) {
      if (!reserve(buffer, (size_t)total)) return false;
      break;
    }
    complete += (size_t)total;
  }
  if (climits_send_all(fd, buffer->bytes, complete) < 0) return false;
  buffer->used -= complete;
  memmove(buffer->bytes, buffer->bytes + complete, buffer->used);
  return true;
}

// One receive takes header and payload together, where two would cost every small frame a system call more. There is
// always room to receive into: an incomplete frame has its full length reserved, and an incomplete header is short.
static void serve_echo(int fd, void *context) {
  struct buffer *buffer = context;
  buffer->used = 0;
  while (true) {
    ssize_t received = buffer->receive(fd, buffer->bytes + buffer->used, buffer->capacity - buffer->used);
    if (received <= 0) return;
    buffer->used += (size_t)received;
    if (!echo_complete_frames(fd, buffer)) return;
  }
}

static int echo_serve(int listen_fd, climits_receive_t *receive) {
  struct buffer buffer = {NULL, 0, 0, receive};
  if (!reserve(&buffer, first_capacity)) return -ENOMEM;
  int result = climits_accept_loop(listen_fd, serve_echo, &buffer);
  free(buffer.bytes);
  return result;
}

int climits_blocking_echo_serve(int listen_fd) { return echo_serve(listen_fd, climits_receive); }

int climits_spinning_echo_serve(int listen_fd) { return echo_serve(listen_fd, climits_receive_spinning); }

// A frame that goes to and fro.
struct ball {
  const unsigned char *frame;
  unsigned char *reply;
  size_t total;
  climits_receive_t *receive;
};

// Sends the frame and waits until it is back, in `reply`. The server takes a frame in whole before it sends, so that
// two blocking ends cannot wait for each other with full socket buffers.
static int round_trip(int fd, const struct ball *ball) {
  int result = climits_send_all(fd, ball->frame, ball->total);
  return result < 0 ? result : climits_receive_all(fd, ball->reply, ball->total, ball->receive);
}

// Returns how many round trips were measured, or -errno.
static int64_t measure(int fd, const struct ball *ball, const struct climits_trips *trips, uint64_t *latencies_ns) {
  uint64_t now = climits_now_ns();
  const uint64_t end = now + trips->nanoseconds;
  for (uint64_t i = 0; i < trips->warmup && now < end; i++) {
    int result = round_trip(fd, ball);
    if (result < 0) return result;
    now = climits_now_ns();
  }
  uint64_t measured = 0;
  while (measured < trips->most && (measured == 0 || now < end)) {
    uint64_t start = climits_now_ns();
    int result = round_trip(fd, ball);
    if (result < 0) return result;
    now = climits_now_ns();
    latencies_ns[measured++] = now - start;
    if (memcmp(ball->frame, ball->reply, header_bytes) != 0) return -EPROTO;
  }
  return (int64_t)measured;
}

static int64_t pingpong(uint16_t port, uint32_t payload_bytes, const struct climits_trips *trips,
                        uint64_t *latencies_ns, climits_receive_t *receive) {
  if (payload_bytes > CLIMITS_MAX_PAYLOAD) return -EMSGSIZE;
  size_t total = header_bytes + (size_t)payload_bytes;
  // The frame and, behind it, room for the reply.
  unsigned char *frame = malloc(2 * total);
  if (frame == NULL) return -ENOMEM;
  // Fresh memory is one page of zeros mapped many times, which would be faster to read than real data.
  memset(frame, 1, 2 * total);
  climits_store_u64(frame, total);

  int fd = climits_connect(port);
  int64_t result = fd;
  if (fd >= 0) {
    struct ball ball = {frame, frame + total, total, receive};
    result = measure(fd, &ball, trips, latencies_ns);
    close(fd);
  }
  free(frame);
  return result;
}

int64_t climits_blocking_pingpong(uint16_t port, uint32_t payload_bytes, struct climits_trips trips,
                                  uint64_t *latencies_ns) {
  return pingpong(port, payload_bytes, &trips, latencies_ns, climits_receive);
}

int64_t climits_spinning_pingpong(uint16_t port, uint32_t payload_bytes, struct climits_trips trips,
                                  uint64_t *latencies_ns) {
  return pingpong(port, payload_bytes, &trips, latencies_ns, climits_receive_spinning);
}
