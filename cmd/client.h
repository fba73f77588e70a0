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
/* A call of the API; body is JSON or empty. The answer is appended to out. Any status but 2xx is an
 * error with the server's own words. */
int sk_client_call(struct sk_http *h, const char *method, const char *path, struct sk_str body,
                   struct sk_buf *out, struct sk_err *err) SK_NODISCARD;
/* GET path into out. */
int sk_client_get(struct sk_http *h, const char *path, struct sk_buf *out,
                  struct sk_err *err) SK_NODISCARD;
/* evidence.c: the container's id by id, its beginning or name, as the console knows it. */
int sk_client_container(struct sk_http *h, const char *what, char ret[65],
                        struct sk_err *err) SK_NODISCARD;
/* One object by its id; texts in the arena. */
int sk_client_object(struct sk_http *h, const struct sk_kind *kind, struct sk_str id,
                     struct sk_arena *arena, void *ret, struct sk_err *err) SK_NODISCARD;
/* Appends s percent-encoded (RFC 3986 unreserved characters stay). */
int sk_url_escape(struct sk_buf *out, struct sk_str s);

/* A list command: asks for a kind's rows and prints them as a table or JSON, after LIST options.
 * filter: of the command itself, joined with the user's by "and"; may be NULL. An exit code. */
int sk_list_run(const struct sk_args *a, const struct sk_kind *kind, const char *filter);
#define SK_LIST_OPTS SK_LIST_OPTS_OF(NULL)
/* … with columns of the command's own, where those of the field table do not do. */
#define SK_LIST_OPTS_OF(columns_)                                                                  \
    {"filter", 'f', "EXPR", NULL, "only rows for which the expression holds", false},              \
        {"sort", 0, "[-]PATH", NULL, "order by this field; - for descending", false},              \
        {"columns", 'c', "PATH,…", columns_, "columns to show (names as in --json)", false},       \
        {"limit", 'n', "N", "100", "rows at most", false}, SK_OPT_JSON, SK_OPT_SERVER,             \
        SK_OPT_TOKEN, SK_OPT_DATA, SK_OPT_END

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
