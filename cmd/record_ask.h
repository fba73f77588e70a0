/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that read the recorder share: options to a query, progress, what to tell at the
 * end. They read DATA/record themselves, whether an agent writes to it or not. */
#ifndef SK_CMD_RECORD_ASK_H
#define SK_CMD_RECORD_ASK_H

#include "base/buf.h"
#include "opts.h"
#include "paths.h"
#include "record/query.h"

struct record_ask { /* on the command's stack, zeroed */
    char data[SK_PATH_TEXT], dir[SK_PATH_TEXT];
    struct sk_record_query q;
    struct sk_expr *filter;
    bool progress, shown;
    uint64_t limit; /* of items; 0: none */
    uint64_t given;
    int (*item)(void *arg, const struct sk_record_item *item);
    void *arg;
};
/* From the options below; those that a command has not are not asked for. 0, or the exit code,
 * with the error told. */
int record_ask_init(const struct sk_args *a, struct record_ask *ret);
void record_ask_done(struct record_ask *x);
/* Runs it: damage goes to stderr, progress too when that is a terminal. Gaps do not count for the
 * limit. 0, or -errno with err. */
int record_ask_run(struct record_ask *x, int (*item)(void *arg, const struct sk_record_item *item),
                   void *arg, struct sk_record_found *ret, struct sk_err *err) SK_NODISCARD;
/* r, with err saying what to do when the folder is not there or may not be read. */
int record_ask_why(const struct record_ask *x, int r, struct sk_err *err);
/* What is missing of the time that was asked for, and why nothing was found, on stderr. */
void record_ask_tell(const struct record_ask *x, const struct sk_record_found *f);
/* {"read_events":…,"blocks_skipped":…, …} as the value of key "record". */
struct sk_jw;
void record_ask_json(struct sk_jw *w, const struct sk_record_found *f);
void record_time_json(struct sk_jw *w, const char *key, int64_t t);
/* "events", and where there are some "first" and "last"; "not_watched" of these types. */
void record_found_json(struct sk_jw *w, const struct sk_record_found *f, const uint64_t types[2]);
/* Adds the types that a group (process, file, network, privilege) or a type's own name stands for;
 * false: there is none of that name. */
bool record_kind_add(uint64_t types[2], struct sk_str name);
/* Appends the names of those types that could not come all the time. */
void record_unwatched(const uint64_t types[2], const struct sk_record_found *f, struct sk_buf *out);
/* Appends s as it may be shown on a terminal: what is not UTF-8 or a control as \xNN. */
int record_show_text(struct sk_buf *out, struct sk_str s);
int record_print(
    struct sk_buf *line); /* to stdout, with a line's end; negative: it takes no more */
int record_print_end(struct sk_err *err) SK_NODISCARD; /* all of it is out */

#define RECORD_OPTS                                                                                \
    {"container", 'c', "C", NULL, "of this container: id, its beginning, or name; or \"host\"",    \
     false},                                                                                       \
        {"since", 0, "AGO|TIME", NULL, "not before: 90s, 10m, 2h, 7d, or 2026-11-24T10:00:00Z",    \
         false},                                                                                   \
        {"until", 0, "AGO|TIME", NULL, "not after", false},                                        \
        {"filter", 'f', "EXPR", NULL, "only events for which the expression holds", false},        \
    {                                                                                              \
        "kind", 'k', "KIND", NULL,                                                                 \
            "process, file, network, privilege, or a type such as openat; repeat", true            \
    }

#endif
