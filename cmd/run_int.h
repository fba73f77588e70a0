/* SPDX-License-Identifier: Apache-2.0 */
/* What up, agent and server share: options, log, data directory, waiting for the end. */
#ifndef SK_CMD_RUN_INT_H
#define SK_CMD_RUN_INT_H

#include "agent_profile.h"
#include "agent_run.h"
#include "opts.h"
#include "paths.h"

struct run { /* on the command's stack, zeroed */
    char data[SK_PATH_TEXT], host_id[64], outbox_dir[SK_PATH_TEXT];
    struct sk_log *log;
    struct sk_outlet out; /* stdout, for lines that must not wait for a reader */
    int signals;          /* signalfd */
    int lock;             /* of DATA */
};
/* Reads the shared options, makes DATA, takes its lock, blocks SIGINT/SIGTERM. Prints nothing. */
int run_init(struct run *r, const struct sk_args *a, const char *lock_name,
             struct sk_err *err) SK_NODISCARD;
/* Gives up the capabilities that skep never needs; before the first thread. */
int run_privileges_drop(struct sk_err *err) SK_NODISCARD;
void run_done(struct run *r);
void run_wait(struct run *r); /* until SIGINT or SIGTERM */
/* Agent options into conf. */
int run_agent_conf(struct run *r, const struct sk_args *a, struct sk_agent_conf *conf,
                   struct sk_err *err) SK_NODISCARD;
/* What this host cannot show, one line each, on stderr; nothing when all is well. */
void run_tell_limits(const struct sk_agent_run *agent);

#define RUN_AGENT_OPTS                                                                             \
    SK_OPT_RULES, SK_OPT_NO_BUILTIN,                                                               \
        {"record-size", 0, "SIZE", "1G", "bytes on disk for the flight recorder", false},          \
        {"record-age", 0, "AGE", NULL, "drop what the recorder has after this time", false},       \
        {"no-record", 0, NULL, NULL, "record nothing", false},                                     \
        {"k8s-audit-log",                                                                          \
         0,                                                                                        \
         "FILE",                                                                                   \
         NULL,                                                                                     \
         "follow the audit log of a Kubernetes API server",                                        \
         false},                                                                                   \
        SK_OPT_PROFILES,                                                                           \
        {"deny-probe", 0, "TIME", "1m", "prove so often that what is denied does not run", false}, \
        {"protect",                                                                                \
         0,                                                                                        \
         "PATTERN",                                                                                \
         NULL,                                                                                     \
         "never act on it: NAME, name:, image:, namespace:GLOB, label:KEY=GLOB",                   \
         true},                                                                                    \
        {"docker", 0, "SOCKET", NULL, "Docker's socket (default /run/docker.sock)", false},        \
        {"print-alerts", 0, NULL, NULL, "alerts also on standard output, a line each", false},     \
    {                                                                                              \
        "print-json", 0, NULL, NULL, "… as JSON", false                                            \
    }
#define RUN_OPTS SK_OPT_DATA, SK_OPT_LOG_LEVEL, SK_OPT_LOG_JSON

#endif
