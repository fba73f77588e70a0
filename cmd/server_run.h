/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console: store, live hub, HTTP face, and the door for agents, joined. Runs the same inside
 * `skep up` (agent in the same process) and `skep server`.
 */
#ifndef SK_CMD_SERVER_RUN_H
#define SK_CMD_SERVER_RUN_H

#include "base/buf.h"
#include "base/log.h"
#include "link/link.h"

struct sk_server_conf {
    const char *data;      /* DATA */
    const char *listen;    /* "127.0.0.1:8443", "[::1]:0" */
    const char *agents;    /* "0.0.0.0:8444" to take agents of other hosts in, or NULL */
    const char *agents_at; /* how they reach that: "console.example:8444"; NULL: as it is bound */
    const char *local;     /* id of the agent in this process, or NULL */
    const char *store;     /* URL, or NULL: sqlite in DATA */
    int (*rules_json)(void *arg, struct sk_buf *out);
    bool (*fault)(void *arg, char ret[SK_ERR_MAX]); /* serve.h */
    void (*poke)(void *arg); /* something is there for the agent in this process; or NULL */
    void *arg;
    struct sk_log *log;
};

struct sk_server_run;
/* -EBUSY: another skep runs on DATA; -EADDRINUSE. */
int sk_server_run_new(const struct sk_server_conf *conf, struct sk_server_run **ret,
                      struct sk_err *err) SK_NODISCARD;
struct sk_server_run *sk_server_run_free(struct sk_server_run *s);
SK_DEFINE_CLEANUP(struct sk_server_run *, sk_server_run_free)
const char *sk_server_run_url(const struct sk_server_run *s); /* "https://127.0.0.1:8443" */
/* Where agents of other hosts connect, "0.0.0.0:8444"; empty: they cannot. */
const char *sk_server_run_agents(const struct sk_server_run *s);
/* The one-time sign-in of a first start; 0 with text, 1: not needed. */
int sk_server_run_first(struct sk_server_run *s, char ret_token[44],
                        struct sk_err *err) SK_NODISCARD;
/* The command that lets one agent of another host join, within an hour. */
int sk_server_run_join_command(struct sk_server_run *s, struct sk_buf *out,
                               struct sk_err *err) SK_NODISCARD;
/* The sink of links (link.h); arg is the server. */
int sk_server_run_sink(void *arg, struct sk_str agent_id, const struct sk_link_item *items,
                       size_t n, struct sk_err *err);
uint64_t sk_server_run_seq(void *arg, struct sk_str agent_id);
/* The way down (link.h); arg is the server. */
int sk_server_run_down(void *arg, struct sk_str agent_id, uint64_t since, struct sk_arena *a,
                       struct sk_link_item **ret, size_t *ret_n, struct sk_err *err);

#endif
