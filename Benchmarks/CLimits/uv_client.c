// The limit for many requests at a time, asking.

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "CLimits.h"
#include "socket.h"

enum { header_bytes = 8, pattern_bytes = 256 * 1024, most_pieces = 64 };

struct client {
  uv_loop_t loop;
  uv_tcp_t tcp;
  uv_write_t write;
  int result;

  // What is sent is this, over and over: whole frames.
  unsigned char *pattern;
  size_t pattern_length;
  // Where in the pattern the next byte to be sent stands, and how many are to be sent.
  size_t position;
  size_t owed;
  size_t writing;

  unsigned char *received;
  size_t total;
  // Of the frame that is coming in: its header as far as it is here, and how much of its payload is not.
  unsigned char header[header_bytes];
  size_t header_used;
  size_t payload_left;

  uint64_t start, end, first, last, frames;
};

static void stop(struct client *client, int result) {
  client->result = result;
  uv_stop(&client->loop);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)suggested;
  struct client *client = handle->data;
  *buffer = uv_buf_init((char *)client->received, pattern_bytes);
}

// Gathers pieces of the pattern, as many as are owed or fit. Returns their number; `length` receives their bytes.
static unsigned int gather(const struct client *client, uv_buf_t *pieces, size_t *length) {
  size_t position = client->position, rest = client->owed;
  unsigned int count = 0;
  while (rest > 0 && count < most_pieces) {
    size_t piece = client->pattern_length - position;
    if (piece > rest) piece = rest;
    pieces[count++] = uv_buf_init((char *)client->pattern + position, (unsigned int)piece);
    rest -= piece;
    position = 0;
  }
  *length = client->owed - rest;
  return count;
}

static void did_send(struct client *client, size_t length) {
  client->owed -= length;
  client->position = (client->position + length) % client->pattern_length;
}

static void flush(struct client *client);

static void on_written(uv_write_t *request, int status) {
  struct client *client = request->data;
  if (status == UV_ECANCELED) return; // it is closing
  if (status < 0) return stop(client, status);
  did_send(client, client->writing);
  client->writing = 0;
  flush(client);
}

// Writes at once what the socket takes, and lets libuv write the rest.
static void flush(struct client *client) {
  uv_buf_t pieces[most_pieces];
  uv_stream_t *stream = (uv_stream_t *)&client->tcp;
  while (client->owed > 0 && client->writing == 0) {
    size_t length;
    int written = uv_try_write(stream, pieces, gather(client, pieces, &length));
    if (written == UV_EAGAIN) written = 0;
    if (written < 0) return stop(client, written);
    did_send(client, (size_t)written);
    if ((size_t)written == length) continue;
    unsigned int count = gather(client, pieces, &client->writing);
    client->write.data = client;
    int result = uv_write(&client->write, stream, pieces, count, on_written);
    if (result < 0) return stop(client, result);
  }
}

// Counts the frames that end in these bytes; -1 when they are none.
static long count_frames(struct client *client, const unsigned char *bytes, size_t length) {
  long frames = 0;
  while (length > 0) {
    size_t step;
    if (client->payload_left > 0) {
      step = client->payload_left < length ? client->payload_left : length;
      client->payload_left -= step;
    } else {
      step = header_bytes - client->header_used < length ? header_bytes - client->header_used : length;
      memcpy(client->header + client->header_used, bytes, step);
      client->header_used += step;
      if (client->header_used < header_bytes) return frames;
      if (climits_load_u64(client->header) != client->total) return -1;
      client->payload_left = client->total - header_bytes;
    }
    bytes += step;
    length -= step;
    if (client->header_used == header_bytes && client->payload_left == 0) {
      client->header_used = 0;
      frames++;
    }
  }
  return frames;
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer) {
  struct client *client = stream->data;
  if (length < 0) return stop(client, length == UV_EOF ? -ECONNRESET : (int)length);
  long frames = count_frames(client, (const unsigned char *)buffer->base, (size_t)length);
  if (frames < 0) return stop(client, -EPROTO);
  uint64_t now = climits_now_ns();
  if (now >= client->start) {
    // What came before the first time that counts is not counted, and so is the frame that carried it over.
    if (client->first == 0) client->first = now;
    else client->frames += (uint64_t)frames;
    client->last = now;
  }
  if (now >= client->end) return stop(client, 0);
  client->owed += (size_t)frames * client->total;
  flush(client);
}

static int prepare(struct client *client, uint32_t payload_bytes) {
  client->total = header_bytes + (size_t)payload_bytes;
  size_t frames = pattern_bytes / client->total;
  if (frames == 0) frames = 1;
  client->pattern_length = frames * client->total;
  client->pattern = malloc(client->pattern_length);
  client->received = malloc(pattern_bytes);
  if (client->pattern == NULL || client->received == NULL) return -ENOMEM;
  // Fresh memory is one page of zeros mapped many times, which would be faster to read than real data.
  memset(client->pattern, 1, client->pattern_length);
  for (size_t i = 0; i < frames; i++) climits_store_u64(client->pattern + i * client->total, client->total);
  return 0;
}

static int run(struct client *client, uint16_t port, uint32_t window, uint64_t nanoseconds) {
  int fd = climits_connect(port);
  if (fd < 0) return fd;
  int result = uv_tcp_init(&client->loop, &client->tcp);
  client->tcp.data = client;
  if (result == 0) result = uv_tcp_open(&client->tcp, fd);
  if (result == 0) result = uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read);
  if (result < 0) return result;
  client->start = climits_now_ns() + nanoseconds / 5;
  client->end = client->start + nanoseconds;
  client->owed = window * client->total;
  flush(client);
  uv_run(&client->loop, UV_RUN_DEFAULT);
  return client->result;
}

int climits_uv_echo(uint16_t port, uint32_t payload_bytes, uint32_t window, uint64_t nanoseconds, uint64_t *frames_out,
                    double *seconds_out) {
  if (payload_bytes > CLIMITS_MAX_PAYLOAD) return -EMSGSIZE;
  if (window == 0) return -EINVAL;
  struct client *client = calloc(1, sizeof *client);
  if (client == NULL) return -ENOMEM;
  climits_block_sigpipe();
  int result = uv_loop_init(&client->loop);
  if (result == 0) {
    result = prepare(client, payload_bytes);
    if (result == 0) result = run(client, port, window, nanoseconds);
    *frames_out = client->frames;
    *seconds_out = (double)(client->last - client->first) / 1e9;
    // Whatever is open is closed, and the loop with it.
    if (client->tcp.loop != NULL) uv_close((uv_handle_t *)&client->tcp, NULL);
    uv_run(&client->loop, UV_RUN_DEFAULT);
    uv_loop_close(&client->loop);
  }
  free(client->pattern);
  free(client->received);
  free(client);
  return result;
}
