//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

// TLS by OpenSSL 3, between memory and memory: sockets are the caller's. The library is loaded when the first context
// is made, so that programs start without it, also where it is not installed.

#ifndef RAY_TLS_H
#define RAY_TLS_H

#include <stddef.h>

struct ray_tls_context;
struct ray_tls_session;

// A context of both roles from PEM files: the own certificate with its chain, its key, and the authorities that the
// certificates of others must come from. NULL with a sentence in `error`.
struct ray_tls_context *ray_tls_context_create(
    const char *certificate, const char *key, const char *authority, char *error, size_t error_size);

// A session keeps its context; both are safe to destroy in any order.
void ray_tls_context_destroy(struct ray_tls_context *context);

// The session of one connection. A client names the host that it called, which the certificate must name, too; a
// server gives NULL. NULL if there is no memory, or the host is no name.
struct ray_tls_session *ray_tls_session_create(struct ray_tls_context *context, const char *host);
void ray_tls_session_destroy(struct ray_tls_session *session);

// Bytes that came from the socket. 0 if there is no memory.
int ray_tls_feed(struct ray_tls_session *session, const void *bytes, size_t count);

// 1 done, 0 more must come from the socket, -1 failed.
int ray_tls_handshake(struct ray_tls_session *session);

// Decrypts what was fed: bytes written to `room`; 0 if more must come, -1 failed, -2 the other side has ended.
long ray_tls_read(struct ray_tls_session *session, void *room, size_t count);

// Encrypts; how many bytes were taken, 0 if the session cannot take any.
long ray_tls_write(struct ray_tls_session *session, const void *bytes, size_t count);

// Sends what is encrypted. 1 nothing is left, 0 the socket is full, else the negative error number.
int ray_tls_flush(struct ray_tls_session *session, int descriptor);

// Why handshake or read failed.
void ray_tls_error(struct ray_tls_session *session, char *text, size_t size);

#endif
