/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent's files share: agent_run.c (loop, mailbox), agent_out.c (alerts, processes,
 * health), agent_rules.c (rule files). All on the agent's thread unless said. */
#ifndef SK_CMD_AGENT_INT_H
#define SK_CMD_AGENT_INT_H

#include <pthread.h>

#include "agent_late.h"
#include "agent_profile.h"
#include "agent_record.h"
#include "agent_run.h"
#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "detect/detect.h"
#include "prints.h"
#include "runtime/runtime.h"
#include "sensor/sensor.h"

#define SK_HOLD_MS 500   /* an alert waits this long for its container to become known */
#define SK_HOLD_MAX 1024 /* alerts waiting at most; more go out at once */
#define SK_FLUSH_MS 100  /* started processes are told this often */
#define SK_HEALTH_MS 5000
#define SK_FORGET_S 120 /* a removed container is known this long, for its last events */

#define ALERT_BYTES ((size_t)1 << 20)

struct known_container { /* owner: the agent's table */
    struct sk_arena *arena;
    struct sk_container c;
    uint64_t digest;  /* of its wire bytes: unchanged ones are not sent again */
    uint64_t told_ns; /* monotonic: when the runtime last told of it */
};

struct held_alert {
    struct sk_arena *arena;
    struct sk_alert *alert;
    uint64_t until_ns; /* monotonic */
};

struct waiting { /* a record that the outbox did not take; bytes: wire, malloc'd */
    const struct sk_kind *kind;
    bool remove;
    char *bytes;
    size_t n;
};

enum mail_type { MAIL_CONTAINER, MAIL_IMAGE, MAIL_IMAGES_END, MAIL_ENGINE, MAIL_DOWN };
struct mail {
    enum mail_type type;
    char *
        bytes; /* wire (container, image), error text (engine), records (down); malloc'd, or NULL */
    size_t n;
    char *version; /* engine */
};

struct sk_agent_run {
    struct sk_agent_conf conf;
    struct sk_sensor *sensor;
    struct sk_runtime *runtime;
    struct sk_detect *detect;
    struct agent_record *record; /* NULL: none */
    struct sk_correlate *correlate;
    struct sk_peers *peers; /* whom workloads talk with */
    uint64_t addresses_digest;
    struct sk_agent_intel *intel;
    struct agent_evidence *evidence; /* agent_evidence.h */
    struct agent_respond *respond;   /* agent_respond.h; NULL: no action can be done */
    struct agent_deny *deny;         /* agent_deny.h */
    struct agent_query *query;       /* agent_query.h */
    struct sk_agent_audit *audit;    /* NULL: no log to follow */
    char hostname[256];
    pthread_t thread;
    bool started;
    int stop_fd, mail_fd;

    pthread_mutex_t lock; /* mails, rules_json, link state */
    SK_VEC(struct mail) mails;
    char *rules_json, *rules_error;
    bool connected;
    char link_error[SK_ERR_MAX];

    struct sk_smap *containers; /* id → struct known_container * */
    struct sk_map *images; /* hash of id → digest of wire bytes, as a pointer; generation below */
    struct sk_map *images_seen; /* of the list being delivered */
    struct sk_map *dirty;       /* pids of container processes that changed since the last flush */
    SK_VEC(struct held_alert) held;
    struct agent_late births; /* evt.type = container: until it is known how it was set up */
    uint64_t flushed_ns, health_ns;
    int64_t started_wall;
    char engine_error[SK_ERR_MAX], engine_version[256], store_error[SK_ERR_MAX];
    SK_VEC(struct waiting) waiting; /* while store_error says why */
    size_t wait_bytes;
    uint64_t wait_lost, wait_tried_ns;
    struct sk_prints prints;   /* alerts on stdout */
    bool status_failed;        /* told already */
    int rules_watch;           /* inotify */
    uint64_t rules_changed_ns; /* 0: nothing to reload */
    struct sk_arena *scratch;
    struct agent_profiles *profiles; /* agent_profile.h */
    struct agent_rate *rate;
    struct agent_desired *desired;             /* agent_down.h */
    SK_VEC(struct agent_rulefile *) rulefiles; /* kept in the console */
    bool rules_dirty;                          /* they changed: load now */
};

/* agent_out.c */
void agent_event(void *arg, const struct sk_event *ev); /* sensor's callback */
void agent_container(struct sk_agent_run *a, struct sk_str wire);
void agent_held_release(struct sk_agent_run *a, uint64_t now_ns, bool all);
void agent_births_release(struct sk_agent_run *a, uint64_t now_ns);
void agent_flush(struct sk_agent_run *a);          /* started processes */
void agent_processes_tell(struct sk_agent_run *a); /* all that run in containers, at start */
void agent_forget(struct sk_agent_run *a, uint64_t now_ns); /* removed containers */
void agent_health(struct sk_agent_run *a);
void agent_host_tell(struct sk_agent_run *a);
const struct sk_container *agent_container_find(void *arg,
                                                struct sk_str id); /* sensor's callback */

bool agent_runtime_step(const struct sk_process *p);       /* not the container's yet, but runc's */
void agent_alert(void *arg, const struct sk_alert *found); /* every engine's callback */

/* agent_intel.c: exceptions and indicators, as the console has them (agent_down.c) */
int agent_intel_new(struct sk_agent_run *a, struct sk_err *err);
void agent_intel_free(struct sk_agent_run *a);
void agent_exception_got(struct sk_agent_run *a, const void *obj, bool removed);
void agent_exceptions_each(struct sk_agent_run *a,
                           void (*fn)(void *arg, const struct sk_exception *x), void *arg);
void agent_indicator_got(struct sk_agent_run *a, const void *obj, bool removed);
bool agent_intel_event(struct sk_agent_run *a, const struct sk_event *ev); /* true: one was found */
void agent_intel_poll(struct sk_agent_run *a, uint64_t now_ns);

/* agent_audit.c: the Kubernetes audit log of this host */
int agent_audit_new(struct sk_agent_run *a, struct sk_err *err);
void agent_audit_free(struct sk_agent_run *a);
void agent_audit_poll(struct sk_agent_run *a, uint64_t now_ns);

/* agent_rate.c: what is counted over events (detect/rate.h) */
int agent_rate_new(struct sk_agent_run *a, struct sk_err *err);
void agent_rate_free(struct sk_agent_run *a);
bool agent_rate_event(struct sk_agent_run *a, const struct sk_event *ev); /* true: too many */
void agent_rate_poll(struct sk_agent_run *a, uint64_t now_ns);

/* agent_incident.c */
int agent_incidents_new(struct sk_agent_run *a, struct sk_err *err);
void agent_incidents_free(struct sk_agent_run *a);
/* The incident that the alert, or what it is part of, is or may become; valid until the next. */
struct sk_str agent_incident_of(struct sk_agent_run *a, const struct sk_alert *al);
void agent_incident_event(struct sk_agent_run *a, const struct sk_event *ev); /* connections */
void agent_incident_container(struct sk_agent_run *a, const struct sk_container *c);
void agent_incidents_tell(struct sk_agent_run *a, bool last); /* new and changed ones */

/* agent_net.c: "10.0.0.5/24" of each interface that is up, but loopback's */
struct sk_strs agent_addresses(struct sk_arena *arena);
void agent_addresses_poll(struct sk_agent_run *a); /* tells the host anew when they changed */

/* agent_run.c: records that came down; copied. 0 or -ENOMEM. */
int agent_mail_down(struct sk_agent_run *a, struct sk_str records);

/* agent_wait.c */
void agent_add(struct sk_agent_run *a, const struct sk_kind *kind, const void *obj, bool remove);
void agent_wait_retry(struct sk_agent_run *a, uint64_t now_ns);
void agent_wait_done(struct sk_agent_run *a); /* what still waits is lost, and told */

/* agent_rules.c */
struct sk_rule_files;
/* All rule files of this agent, in their order, for who loads them himself. */
int agent_rules_files(const struct sk_agent_run *a, struct sk_rule_files *f, struct sk_err *err);
int agent_rules_load(struct sk_agent_run *a, struct sk_err *err); /* swaps, or keeps the old ones */
int agent_rules_watch(struct sk_agent_run *a, struct sk_err *err);
void agent_rules_poll(struct sk_agent_run *a, uint64_t now_ns);

#endif
