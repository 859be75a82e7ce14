// The limit for bandwidth: bytes that are taken in and thrown away.

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "CLimits.h"
#include "socket.h"

// Large enough to make the system calls cheap, small enough to stay in a core's cache.
enum { sink_bytes = 256 * 1024, count_bytes = 8 };

static void serve_sink(int fd, void *context) {
  uint64_t taken = 0;
  while (true) {
    ssize_t received = climits_receive(fd, context, sink_bytes);
    if (received < 0) return;
    if (received == 0) break;
    taken += (uint64_t)received;
  }
  unsigned char count[count_bytes];
  climits_store_u64(count, taken);
  // When this fails the peer is gone and nobody is left to tell.
  (void)climits_send_all(fd, count, sizeof count);
}

int climits_blocking_sink_serve(int listen_fd) {
  void *bytes = malloc(sink_bytes);
  if (bytes == NULL) return -ENOMEM;
  int result = climits_accept_loop(listen_fd, serve_sink, bytes);
  free(bytes);
  return result;
}

static int send_counted(int fd, const void *chunk, uint32_t chunk_bytes, uint64_t total_bytes) {
  for (uint64_t rest = total_bytes; rest > 0;) {
    size_t length = rest < chunk_bytes ? (size_t)rest : chunk_bytes;
    int result = climits_send_all(fd, chunk, length);
    if (result < 0) return result;
    rest -= length;
  }
  // The end of our side is what makes the sink answer.
  if (shutdown(fd, SHUT_WR) < 0) return -errno;
  unsigned char count[count_bytes];
  int result = climits_receive_all(fd, count, sizeof count, climits_receive);
  if (result < 0) return result;
  return climits_load_u64(count) == total_bytes ? 0 : -EPROTO;
}

int climits_blocking_stream(uint16_t port, uint32_t chunk_bytes, uint64_t total_bytes, double *seconds_out) {
  if (chunk_bytes == 0) return -EINVAL;
  void *chunk = malloc(chunk_bytes);
  if (chunk == NULL) return -ENOMEM;
  // Fresh memory is one page of zeros mapped many times, which would be faster to read than real data.
  memset(chunk, 1, chunk_bytes);

  int fd = climits_connect(port);
  int result = fd;
  if (fd >= 0) {
    uint64_t start = climits_now_ns();
    result = send_counted(fd, chunk, chunk_bytes, total_bytes);
    *seconds_out = (double)(climits_now_ns() - start) / 1e9;
    close(fd);
  }
  free(chunk);
  return result;
}
