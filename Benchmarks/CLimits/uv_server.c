// The limit for many requests at a time, answering: what libuv alone costs when it is used well.

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "CLimits.h"
#include "socket.h"

enum { header_bytes = 8, first_capacity = 256 * 1024 };

struct connection {
  uv_tcp_t tcp;
  uv_write_t write;
  unsigned char *bytes;
  size_t capacity;
  size_t used;
  // The bytes of whole frames at the front, while they are being written.
  size_t complete;
};

static void on_closed(uv_handle_t *handle) {
  struct connection *connection = handle->data;
  free(connection->bytes);
  free(connection);
}

static void end(struct connection *connection) {
  uv_handle_t *handle = (uv_handle_t *)&connection->tcp;
  if (!uv_is_closing(handle)) uv_close(handle, on_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)suggested;
  struct connection *connection = handle->data;
  *buffer = uv_buf_init((char *)connection->bytes + connection->used,
                        (unsigned int)(connection->capacity - connection->used));
}

// Finds the whole frames at the front, and makes room for the one behind them. False for a length that no frame has.
static bool find_frames(struct connection *connection) {
  size_t complete = 0;
  while (connection->used - complete >= header_bytes) {
    uint64_t total = climits_load_u64(connection->bytes + complete);
    if (total < header_bytes || total > header_bytes + (uint64_t)CLIMITS_MAX_PAYLOAD) return false;
    if (connection->used - complete < total) {
      if (total + first_capacity <= connection->capacity) break;
      unsigned char *grown = realloc(connection->bytes, (size_t)total + first_capacity);
      if (grown == NULL) return false;
      connection->bytes = grown;
      connection->capacity = (size_t)total + first_capacity;
      break;
    }
    complete += (size_t)total;
  }
  connection->complete = complete;
  return true;
}

static void drop_written(struct connection *connection) {
  connection->used -= connection->complete;
  memmove(connection->bytes, connection->bytes + connection->complete, connection->used);
  connection->complete = 0;
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer);

static void on_written(uv_write_t *request, int status) {
  struct connection *connection = request->data;
  if (status < 0) return end(connection);
  drop_written(connection);
  if (uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read) < 0) end(connection);
}

// Writes at once what the socket takes; for the rest, reading waits.
static void echo(struct connection *connection) {
  uv_stream_t *stream = (uv_stream_t *)&connection->tcp;
  uv_buf_t all = uv_buf_init((char *)connection->bytes, (unsigned int)connection->complete);
  int written = uv_try_write(stream, &all, 1);
  if (written == UV_EAGAIN) written = 0;
  if (written < 0) return end(connection);
  if ((size_t)written == connection->complete) return drop_written(connection);
  uv_read_stop(stream);
  uv_buf_t rest = uv_buf_init(all.base + written, (unsigned int)(all.len - (size_t)written));
  connection->write.data = connection;
  if (uv_write(&connection->write, stream, &rest, 1, on_written) < 0) end(connection);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer) {
  (void)buffer;
  struct connection *connection = stream->data;
  if (length < 0) return end(connection);
  connection->used += (size_t)length;
  if (!find_frames(connection)) return end(connection);
  if (connection->complete > 0) echo(connection);
}

static void on_connection(uv_stream_t *listener, int status) {
  if (status < 0) return;
  struct connection *connection = calloc(1, sizeof *connection);
  if (connection == NULL) return;
  connection->bytes = malloc(first_capacity);
  connection->capacity = first_capacity;
  connection->tcp.data = connection;
  uv_tcp_init(listener->loop, &connection->tcp);
  if (connection->bytes == NULL || uv_accept(listener, (uv_stream_t *)&connection->tcp) < 0 ||
      uv_tcp_nodelay(&connection->tcp, 1) < 0 ||
      uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read) < 0) {
    end(connection);
  }
}

int climits_uv_echo_serve(int listen_fd) {
  uv_loop_t loop;
  uv_tcp_t listener;
  climits_block_sigpipe();
  int result = uv_loop_init(&loop);
  if (result == 0) result = uv_tcp_init(&loop, &listener);
  if (result == 0) result = uv_tcp_open(&listener, listen_fd);
  if (result == 0) result = uv_listen((uv_stream_t *)&listener, SOMAXCONN, on_connection);
  return result < 0 ? result : uv_run(&loop, UV_RUN_DEFAULT);
}
