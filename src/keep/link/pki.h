/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is who on the link. The console's CA (io/tls.h) signs one server certificate for the fixed
 * name below and one client certificate per agent, whose common name is the agent's id. Agents
 * trust that CA alone and check the fixed name, so it does not matter by which address they reach
 * the console; a stolen agent certificate cannot pose as a console (its extended key usage forbids
 * it). TLS 1.3 only, no tickets, no renegotiation.
 */
#ifndef SK_LINK_PKI_H
#define SK_LINK_PKI_H

#include <openssl/ssl.h>

#include "io/tls.h"
#include "link/frame.h"

#define SK_LINK_NAME "console.skep.internal"
#define SK_LINK_CERT_S (398U * 86400U) /* life of an agent's certificate, seconds */
#define SK_LINK_BACKDATE_S 3600U       /* an agent's clock may be behind */

/* Contexts; free with SSL_CTX_free. server: CA and certificate of dir (made where missing), client
 * certificates are asked for but may be absent, for JOIN. */
int sk_pki_server(const char *dir, SSL_CTX **ret, struct sk_err *err) SK_NODISCARD;
int sk_pki_client(const char *dir, SSL_CTX **ret, struct sk_err *err) SK_NODISCARD;
/* Trusts the CA whose hash (sk_link_ca_hash) it is, which the peer must show. The hash is kept by
 * reference. */
int sk_pki_joiner(const char *ca_hash, SSL_CTX **ret, struct sk_err *err) SK_NODISCARD;

/* A key, or with *key set the same key, and a request for id; both malloc'd PEM. */
int sk_pki_request(const char *id, char **key, char **ret_csr, struct sk_err *err) SK_NODISCARD;
/* Checks a request: its signature, its key, a good agent id, which goes to id. -EBADMSG. */
int sk_pki_request_check(struct sk_str csr, char id[SK_AGENT_ID_MAX + 1],
                         struct sk_err *err) SK_NODISCARD;
/* Signs it with the CA of dir, for life_s seconds. Certificate and CA: malloc'd PEM; *ret says what
 * is in it. */
int sk_pki_sign(const char *dir, struct sk_str csr, uint32_t life_s, char **ret_cert, char **ret_ca,
                struct sk_link_cert *ret, struct sk_err *err) SK_NODISCARD;
/* Is cert for this key, and is ca the one of the hash? (ca_hash NULL: any) 0 or -EBADMSG. */
int sk_pki_issued_check(struct sk_str cert, struct sk_str ca, const char *key, const char *ca_hash,
                        struct sk_err *err) SK_NODISCARD;

bool sk_pki_peer(const SSL *ssl, struct sk_link_cert *ret); /* false: no certificate */
bool sk_pki_renew_due(const SSL *ssl);   /* less than a third of our certificate's life is left */
bool sk_pki_expired(const SSL_CTX *ctx); /* our own certificate */
void sk_pki_secret_freep(char **p);      /* cleanup for keys: wipes, then frees */
void sk_link_thread_init(void); /* a peer that hung up must not end the process: no SIGPIPE */
int sk_pki_error(struct sk_err *err, int code, const char *what); /* with OpenSSL's reason */

#endif
