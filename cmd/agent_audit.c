/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log of the Kubernetes API server on this host, followed as it grows. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent_int.h"
#include "audit_feed.h"
#include "base/time.h"
#include "io/tail.h"
#include "paths.h"

#define PLACE_FILE "k8s-audit.place" /* in DATA */
#define KEEP_EVERY_NS (5 * (uint64_t)SK_NS_PER_S)
#define TURN_LINES 512 /* the kernel's events must not wait for a long log */

struct sk_agent_audit {
    struct sk_tail *tail;
    uint64_t kept_ns, bad;
    char failed[SK_ERR_MAX]; /* what is told already; "": it can be read */
};

int agent_audit_new(struct sk_agent_run *a, struct sk_err *err)
{
    struct sk_agent_audit *u;
    char place[SK_PATH_TEXT];
    int r;

    if (!a->conf.k8s_audit_log)
        return 0;
    a->audit = u = calloc(1, sizeof(*u));
    if (!u)
        return sk_err_set(err, -ENOMEM, "agent: out of memory");
    r = sk_path_join(a->conf.data, PLACE_FILE, place, err);
    return r < 0 ? r : sk_tail_new(a->conf.k8s_audit_log, place, SK_AUDIT_JSON_MAX, &u->tail, err);
}

void agent_audit_free(struct sk_agent_run *a)
{
    if (a->audit)
        (void)sk_tail_free(a->audit->tail);
    free(a->audit);
    a->audit = NULL;
}

static void line_judge(struct sk_agent_run *a, struct sk_str line)
{
    const struct sk_host host = {.id = sk_str_c(a->conf.host_id), .name = sk_str_c(a->hostname)};
    struct sk_err err = {0};
    size_t n;

    if (sk_str_trim(line).n == 0 ||
        sk_audit_feed(a->detect, line, &host, agent_alert, a, &n, &err) == 0)
        return;
    if (a->audit->bad++ == 0)
        sk_log(a->conf.log, SK_WARN, "agent", "a line of the audit log is no audit event",
               "file=%s error=%s", a->conf.k8s_audit_log, err.msg);
}

void agent_audit_poll(struct sk_agent_run *a, uint64_t now_ns)
{
    struct sk_agent_audit *u = a->audit;
    struct sk_err err = {0};
    struct sk_str line;
    uint64_t one = 1;
    size_t n;
    int r = 0;

    if (!u)
        return;
    for (n = 0; n < TURN_LINES && (r = sk_tail_next(u->tail, &line, &err)) == 0; n++)
        line_judge(a, line);
    if (r < 0 && strcmp(u->failed, err.msg) != 0) {
        (void)snprintf(u->failed, sizeof(u->failed), "%s", err.msg);
        sk_log(a->conf.log, SK_WARN, "agent", "cannot read the audit log", "error=%s", err.msg);
    } else if (r >= 0) {
        u->failed[0] = '\0';
    }
    if (now_ns - u->kept_ns >= KEEP_EVERY_NS) {
        u->kept_ns = now_ns;
        (void)sk_tail_keep(u->tail, NULL); /* else lines come twice after a crash */
    }
    if (r == 0) /* more lines wait: no sleep */
        (void)!write(a->mail_fd, &one, sizeof(one));
}
