#ifndef MAILROOM_CLIBUV_SHIM_H
#define MAILROOM_CLIBUV_SHIM_H

#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <uv.h>

/* uv_ip_name and the handle accessors used here all exist from 1.43 on; Debian 12 and Ubuntu 22.04 have 1.43 or later. */
#if !defined(UV_VERSION_HEX) || UV_VERSION_HEX < 0x012b00
#error "Mailroom needs libuv 1.43 or later: install a newer libuv1-dev"
#endif

/* Swift imports no macro that expands to an expression of other macros. */
static inline unsigned int mailroom_uv_header_version(void) { return UV_VERSION_HEX; }

/* libuv's C "inheritance" is a pointer cast, for which Swift would need a rebinding at every call. */
static inline uv_handle_t *mailroom_uv_handle(void *handle) { return (uv_handle_t *)handle; }
static inline uv_stream_t *mailroom_uv_stream(void *stream) { return (uv_stream_t *)stream; }

/* A sockaddr is read through the type its family names: another cast that is plain in C only. */
static inline int mailroom_sockaddr_port(const struct sockaddr *address) {
  switch (address->sa_family) {
    case AF_INET: return ntohs(((const struct sockaddr_in *)address)->sin_port);
    case AF_INET6: return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
    default: return -1;
  }
}

/* Copies an address of either family, so that its length is known in one place. */
static inline int mailroom_sockaddr_copy(struct sockaddr_storage *to, const struct sockaddr *from) {
  size_t length;
  switch (from->sa_family) {
    case AF_INET: length = sizeof(struct sockaddr_in); break;
    case AF_INET6: length = sizeof(struct sockaddr_in6); break;
    default: return UV_EAFNOSUPPORT;
  }
  memset(to, 0, sizeof *to);
  memcpy(to, from, length);
  return 0;
}

static inline const struct sockaddr *mailroom_sockaddr(const struct sockaddr_storage *storage) {
  return (const struct sockaddr *)storage;
}

#endif
