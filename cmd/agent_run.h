/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: sensor, runtimes and detection of one host on one thread, joined; what it has to say
 * goes into the outbox. Runs the same inside `skep up`, `skep agent` and (without outbox) nowhere
 * else.
 *
 * Threads   one of its own (events, rules, containers); the runtime's thread hands over through a
 *           mailbox. Public calls may come from any thread.
 */
#ifndef SK_CMD_AGENT_RUN_H
#define SK_CMD_AGENT_RUN_H

#include "base/buf.h"
#include "base/log.h"
#include "base/outlet.h"
#include "detect/profile.h"
#include "link/link.h"
#include "model/nouns.h"

#define SK_AGENT_STATUS_FILE "agent-status.json" /* in DATA: struct sk_agent as JSON, every 5 s */
#define SK_RULE_PATHS_MAX 32
#define SK_PROTECT_MAX 32

struct sk_agent_record_conf { /* 0: the recorder's default */
    bool off;
    uint64_t max_bytes;
    int64_t max_age_ns;
};
struct sk_agent_conf {
    const char *data;                     /* DATA */
    const char *host_id;                  /* paths.h */
    const char *k8s_audit_log;            /* followed; NULL: none */
    const char *docker;                   /* socket, or NULL: default */
    const char *rules[SK_RULE_PATHS_MAX]; /* files and folders, watched */
    size_t n_rules;
    bool builtin_rules;
    struct sk_agent_record_conf record;
    struct sk_profile_conf profiles;
    uint32_t drift_response; /* enum sk_response */
    int64_t deny_probe_ns;   /* how often it is proved that what is denied does not run */
    const char *protect[SK_PROTECT_MAX]; /* what is never acted on, beside the built-in list */
    size_t n_protect;
    bool print_alerts;                /* also on stdout, one line each */
    bool print_json;                  /* … as JSON */
    const struct sk_outlet *print_to; /* the caller's; stdout */
    struct sk_outbox *outbox;         /* the caller's */
    struct sk_log *log;
};

struct sk_agent_run;
/* Probes, loads the rules (an error in a user's file is not fatal: built-in rules run, the error is
 * told in the agent's health), starts the thread. */
int sk_agent_run_new(const struct sk_agent_conf *conf, struct sk_agent_run **ret,
                     struct sk_err *err) SK_NODISCARD;
struct sk_agent_run *sk_agent_run_free(struct sk_agent_run *a); /* ends the thread */
SK_DEFINE_CLEANUP(struct sk_agent_run *, sk_agent_run_free)
/* Why kernel events do not come in; empty when they do. Valid while a lives. */
struct sk_str sk_agent_run_blind(const struct sk_agent_run *a);
/* Why what is seen waits in memory because the outbox does not take it; false: it takes it. */
bool sk_agent_run_fault(struct sk_agent_run *a, char ret[SK_ERR_MAX]);
void sk_agent_run_connected(struct sk_agent_run *a, bool connected,
                            const char *error); /* link's state */
/* The way down (link.h); arg is the agent. What is received is durable when it returns. */
int sk_agent_run_received(void *arg, const struct sk_link_item *items, size_t n);
uint64_t sk_agent_run_rev(struct sk_agent_run *a); /* newest that it has */
/* {"items":[…],"error"?,"warnings":[…]} of the rules in use: conf.rules_json of serve.h. */
int sk_agent_run_rules_json(void *arg, struct sk_buf *out);

#endif
