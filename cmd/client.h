/* SPDX-License-Identifier: Apache-2.0 */
/* The command line's side of the console's API: finds the console of this host, asks, prints. */
#ifndef SK_CMD_CLIENT_H
#define SK_CMD_CLIENT_H

#include "io/http_client.h"
#include "model/kind.h"
#include "opts.h"

#define SK_LOCAL_FILE                                                                              \
    "console.json" /* in DATA: {"url","token","ca"} of the console that runs here */

/* A client for --server/--token, SKEP_SERVER/SKEP_TOKEN, or DATA/console.json. */
int sk_client_new(const struct sk_args *a, uint32_t timeout_ms, struct sk_http **ret,
                  struct sk_err *err) SK_NODISCARD;
/* GET path into out; any status but 200 is an error with the server's own words. */
int sk_client_get(struct sk_http *h, const char *path, struct sk_buf *out,
                  struct sk_err *err) SK_NODISCARD;
/* Appends s percent-encoded (RFC 3986 unreserved characters stay). */
int sk_url_escape(struct sk_buf *out, struct sk_str s);

/* Prints rows of a kind as a table that fits the terminal: columns are dotted paths, comma
 * separated, or NULL for the kind's LIST fields. */
struct sk_table;
int sk_table_new(const struct sk_kind *kind, const char *columns, struct sk_table **ret,
                 struct sk_err *err) SK_NODISCARD;
struct sk_table *sk_table_free(struct sk_table *t);
SK_DEFINE_CLEANUP(struct sk_table *, sk_table_free)
int sk_table_add(struct sk_table *t, const void *obj) SK_NODISCARD; /* -ENOMEM */
void sk_table_print(const struct sk_table *t, FILE *to);

#endif
