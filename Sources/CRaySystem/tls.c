//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "tls.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"

// The functions used, with the types that OpenSSL's headers give them.
#define SSL_FUNCTIONS(X)                                                                                              \
    X(TLS_method)                                                                                                     \
    X(SSL_CTX_new)                                                                                                    \
    X(SSL_CTX_free)                                                                                                   \
    X(SSL_CTX_ctrl)                                                                                                   \
    X(SSL_CTX_set_options)                                                                                            \
    X(SSL_CTX_set_num_tickets)                                                                                        \
    X(SSL_CTX_set_verify)                                                                                             \
    X(SSL_CTX_load_verify_locations)                                                                                  \
    X(SSL_CTX_use_certificate_chain_file)                                                                             \
    X(SSL_CTX_use_PrivateKey_file)                                                                                    \
    X(SSL_CTX_check_private_key)                                                                                      \
    X(SSL_new)                                                                                                        \
    X(SSL_free)                                                                                                       \
    X(SSL_ctrl)                                                                                                       \
    X(SSL_set_bio)                                                                                                    \
    X(SSL_set_accept_state)                                                                                           \
    X(SSL_set_connect_state)                                                                                          \
    X(SSL_set1_host)                                                                                                  \
    X(SSL_get0_param)                                                                                                 \
    X(SSL_do_handshake)                                                                                               \
    X(SSL_read)                                                                                                       \
    X(SSL_write)                                                                                                      \
    X(SSL_get_error)                                                                                                  \
    X(SSL_get_verify_result)
#define CRYPTO_FUNCTIONS(X)                                                                                           \
    X(BIO_new)                                                                                                        \
    X(BIO_free)                                                                                                       \
    X(BIO_s_mem)                                                                                                      \
    X(BIO_read)                                                                                                       \
    X(BIO_write)                                                                                                      \
    X(BIO_ctrl)                                                                                                       \
    X(ERR_clear_error)                                                                                                \
    X(ERR_peek_last_error)                                                                                            \
    X(ERR_reason_error_string)                                                                                        \
    X(X509_VERIFY_PARAM_set1_ip_asc)                                                                                  \
    X(X509_verify_cert_error_string)

static struct {
#define DECLARE(name) __typeof__(&name) name;
    SSL_FUNCTIONS(DECLARE)
    CRYPTO_FUNCTIONS(DECLARE)
#undef DECLARE
} openssl;

static char missing[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

// The library stays for the life of the process: it keeps state of each thread.
static void load(void) {
    void *crypto = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    void *ssl = crypto == NULL ? NULL : dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);
    if (ssl == NULL) {
        snprintf(missing, sizeof missing, "OpenSSL 3 cannot be loaded (%s): install the package libssl3", dlerror());
        return;
    }
#define FIND(library, name)                                                                                           \
    if ((openssl.name = (__typeof__(openssl.name))dlsym(library, #name)) == NULL) {                                   \
        snprintf(missing, sizeof missing, "the OpenSSL that is installed has no %s: install version 3", #name);       \
        return;                                                                                                       \
    }
#define FIND_SSL(name) FIND(ssl, name)
#define FIND_CRYPTO(name) FIND(crypto, name)
    SSL_FUNCTIONS(FIND_SSL)
    CRYPTO_FUNCTIONS(FIND_CRYPTO)
}

struct ray_tls_context {
    SSL_CTX *ssl;
};

struct ray_tls_session {
    SSL *ssl;
    // From the socket, and to it; they belong to `ssl`.
    BIO *incoming, *outgoing;
};

static const char *last_reason(void) {
    const char *reason = openssl.ERR_reason_error_string(openssl.ERR_peek_last_error());
    return reason == NULL ? "unknown error" : reason;
}

static const char *configure(
    SSL_CTX *ssl, const char *certificate, const char *key, const char *authority, const char **file) {
    openssl.SSL_CTX_ctrl(ssl, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
    openssl.SSL_CTX_ctrl(ssl, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
    openssl.SSL_CTX_ctrl(ssl, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, NULL);
    openssl.SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    openssl.SSL_CTX_set_num_tickets(ssl, 0);
    openssl.SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    *file = authority;
    if (openssl.SSL_CTX_load_verify_locations(ssl, authority, NULL) != 1) return "no certificate can be read from it";
    *file = certificate;
    if (openssl.SSL_CTX_use_certificate_chain_file(ssl, certificate) != 1) {
        return "no certificate can be read from it";
    }
    *file = key;
    if (openssl.SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1) return "it is not the certificate's key";
    if (openssl.SSL_CTX_check_private_key(ssl) != 1) return "it is not the certificate's key";
    return NULL;
}

struct ray_tls_context *ray_tls_context_create(
    const char *certificate, const char *key, const char *authority, char *error, size_t error_size) {
    pthread_once(&once, load);
    if (missing[0] != 0) {
        snprintf(error, error_size, "%s", missing);
        return NULL;
    }
    struct ray_tls_context *context = calloc(1, sizeof *context);
    SSL_CTX *ssl = context == NULL ? NULL : openssl.SSL_CTX_new(openssl.TLS_method());
    if (ssl == NULL) {
        free(context);
        snprintf(error, error_size, "OpenSSL makes no context");
        return NULL;
    }
    openssl.ERR_clear_error();
    const char *file = "";
    const char *problem = configure(ssl, certificate, key, authority, &file);
    if (problem != NULL) {
        snprintf(error, error_size, "%s: %s (%s)", file, problem, last_reason());
        openssl.SSL_CTX_free(ssl);
        free(context);
        return NULL;
    }
    context->ssl = ssl;
    return context;
}

void ray_tls_context_destroy(struct ray_tls_context *context) {
    openssl.SSL_CTX_free(context->ssl);
    free(context);
}

// The certificate must name whom we called, as an address or as a name.
static int expect_host(SSL *ssl, const char *host) {
    unsigned char address[16];
    int is_address = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    if (is_address) return openssl.X509_VERIFY_PARAM_set1_ip_asc(openssl.SSL_get0_param(ssl), host) == 1;
    openssl.SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (void *)host);
    return openssl.SSL_set1_host(ssl, host) == 1;
}

struct ray_tls_session *ray_tls_session_create(struct ray_tls_context *context, const char *host) {
    struct ray_tls_session *session = calloc(1, sizeof *session);
    if (session == NULL) return NULL;
    session->ssl = openssl.SSL_new(context->ssl);
    session->incoming = openssl.BIO_new(openssl.BIO_s_mem());
    session->outgoing = openssl.BIO_new(openssl.BIO_s_mem());
    int is_good = session->ssl != NULL && session->incoming != NULL && session->outgoing != NULL;
    if (is_good && host != NULL) is_good = expect_host(session->ssl, host);
    if (!is_good) {
        openssl.BIO_free(session->incoming);
        openssl.BIO_free(session->outgoing);
        openssl.SSL_free(session->ssl);
        free(session);
        return NULL;
    }
    openssl.SSL_set_bio(session->ssl, session->incoming, session->outgoing);
    if (host == NULL) {
        openssl.SSL_set_accept_state(session->ssl);
    } else {
        openssl.SSL_set_connect_state(session->ssl);
    }
    return session;
}

void ray_tls_session_destroy(struct ray_tls_session *session) {
    openssl.SSL_free(session->ssl);
    free(session);
}

int ray_tls_feed(struct ray_tls_session *session, const void *bytes, size_t count) {
    return count <= INT_MAX && openssl.BIO_write(session->incoming, bytes, (int)count) == (int)count;
}

// What a call that did not succeed means: 0 more must come, -1 failed, -2 ended.
static int judge(struct ray_tls_session *session, int result) {
    switch (openssl.SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return 0;
    case SSL_ERROR_ZERO_RETURN: return -2;
    default: return -1;
    }
}

int ray_tls_handshake(struct ray_tls_session *session) {
    openssl.ERR_clear_error();
    int result = openssl.SSL_do_handshake(session->ssl);
    if (result == 1) return 1;
    return judge(session, result) == 0 ? 0 : -1;
}

long ray_tls_read(struct ray_tls_session *session, void *room, size_t count) {
    openssl.ERR_clear_error();
    int result = openssl.SSL_read(session->ssl, room, count > INT_MAX ? INT_MAX : (int)count);
    return result > 0 ? result : judge(session, result);
}

long ray_tls_write(struct ray_tls_session *session, const void *bytes, size_t count) {
    openssl.ERR_clear_error();
    // The outgoing memory takes all, so a session never keeps a half-written record; the caller bounds `count`.
    int result = openssl.SSL_write(session->ssl, bytes, count > INT_MAX ? INT_MAX : (int)count);
    return result > 0 ? result : 0;
}

int ray_tls_flush(struct ray_tls_session *session, int descriptor) {
    char sent_bytes[16 << 10];
    char *bytes;
    long count;
    while ((count = openssl.BIO_ctrl(session->outgoing, BIO_CTRL_INFO, 0, &bytes)) > 0) {
        if (count > (long)sizeof sent_bytes) count = sizeof sent_bytes;
        long sent = ray_socket_send(descriptor, bytes, (size_t)count);
        if (sent <= 0) return sent == 0 || sent == -EAGAIN ? 0 : (int)sent;
        openssl.BIO_read(session->outgoing, sent_bytes, (int)sent);
    }
    return 1;
}

void ray_tls_error(struct ray_tls_session *session, char *text, size_t size) {
    long verification = openssl.SSL_get_verify_result(session->ssl);
    if (verification == X509_V_OK) {
        snprintf(text, size, "%s", last_reason());
    } else {
        snprintf(
            text, size, "the other side's certificate is not accepted (%s)",
            openssl.X509_verify_cert_error_string(verification));
    }
}
