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
    ssize_t received = climits_receive(fd, buffer->bytes + buffer->used, buffer->capacity - buffer->used);
    if (received <= 0) return;
    buffer->used += (size_t)received;
    if (!echo_complete_frames(fd, buffer)) return;
  }
}

int climits_blocking_echo_serve(int listen_fd) {
  struct buffer buffer = {NULL, 0, 0};
  if (!reserve(&buffer, first_capacity)) return -ENOMEM;
  int result = climits_accept_loop(listen_fd, serve_echo, &buffer);
  free(buffer.bytes);
  return result;
}

// Sends the frame and waits until it is back, in `reply`. The server takes a frame in whole before it sends, so that
// two blocking ends cannot wait for each other with full socket buffers.
static int round_trip(int fd, const unsigned char *frame, unsigned char *reply, size_t total) {
  int result = climits_send_all(fd, frame, total);
  return result < 0 ? result : climits_receive_all(fd, reply, total);
}

static int measure(int fd, const unsigned char *frame, unsigned char *reply, size_t total, uint64_t warmup,
                   uint64_t round_trips, uint64_t *latencies_ns) {
  for (uint64_t i = 0; i < warmup; i++) {
    int result = round_trip(fd, frame, reply, total);
    if (result < 0) return result;
  }
  for (uint64_t i = 0; i < round_trips; i++) {
    uint64_t start = climits_now_ns();
    int result = round_trip(fd, frame, reply, total);
    if (result < 0) return result;
    latencies_ns[i] = climits_now_ns() - start;
    if (memcmp(frame, reply, header_bytes) != 0) return -EPROTO;
  }
  return 0;
}

int climits_blocking_pingpong(uint16_t port, uint32_t payload_bytes, uint64_t warmup, uint64_t round_trips,
                              uint64_t *latencies_ns) {
  if (payload_bytes > CLIMITS_MAX_PAYLOAD) return -EMSGSIZE;
  size_t total = header_bytes + (size_t)payload_bytes;
  // The frame and, behind it, room for the reply.
  unsigned char *frame = malloc(2 * total);
  if (frame == NULL) return -ENOMEM;
  // Fresh memory is one page of zeros mapped many times, which would be faster to read than real data.
  memset(frame, 1, 2 * total);
  climits_store_u64(frame, total);

  int fd = climits_connect(port);
  int result = fd;
  if (fd >= 0) {
    result = measure(fd, frame, frame + total, total, warmup, round_trips, latencies_ns);
    close(fd);
  }
  free(frame);
  return result;
}
