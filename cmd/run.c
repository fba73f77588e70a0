/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent_record.h"
#include "base/file.h"
#include "base/time.h"
#include "run_int.h"

static int lock_take(struct run *r, const char *name, struct sk_err *err)
{
    char path[SK_PATH_TEXT];
    int rc = sk_path_join(r->data, name, path, err);

    if (rc < 0)
        return rc;
    r->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (r->lock < 0)
        return sk_err_errno(err, errno, "%s", path);
    if (flock(r->lock, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK
                   ? sk_err_set(err, -EBUSY, "already running with data in %s", r->data)
                   : sk_err_errno(err, errno, "%s", path);
    return 0;
}

/* What is freed goes back to the system. Left alone, glibc takes the largest block ever freed (the
 * kernel's types, 12 MB) as the size from which it does that, and keeps all that rules and batches
 * needed for a moment. */
static void memory_give_back(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
    (void)mallopt(M_TRIM_THRESHOLD, 512 << 10);
}

int run_init(struct run *r, const struct sk_args *a, const char *lock_name, struct sk_err *err)
{
    enum sk_level level;
    sigset_t set;
    int rc;

    memory_give_back();
    r->signals = r->lock = -1;
    r->out = sk_outlet_open(STDOUT_FILENO);
    if (sk_level_parse(sk_str_c(sk_args_get(a, "log-level")), &level) < 0)
        return sk_err_set(err, -EINVAL, "--log-level: debug, info, warn or error");
    r->log =
        sk_log_new(STDERR_FILENO, sk_args_flag(a, "log-json") ? SK_LOG_JSON : SK_LOG_TEXT, level);
    if (!r->log)
        return sk_err_set(err, -ENOMEM, "out of memory");
    rc = sk_data_dir(sk_args_get(a, "data"), r->data, err);
    if (rc == 0)
        rc = sk_dir_make(r->data, 0700, err);
    if (rc == 0)
        rc = lock_take(r, lock_name, err);
    if (rc == 0)
        rc = sk_host_id(r->data, r->host_id, err);
    if (rc == 0)
        rc = sk_path_join(r->data, "outbox", r->outbox_dir, err);
    if (rc == 0)
        rc = run_privileges_drop(err);
    if (rc < 0)
        return rc;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL); /* before any thread: all inherit it */
    r->signals = signalfd(-1, &set, SFD_CLOEXEC);
    return r->signals < 0 ? sk_err_errno(err, errno, "signalfd") : 0;
}

void run_done(struct run *r)
{
    sk_closep(&r->signals);
    sk_closep(&r->lock);
    sk_outlet_close(&r->out);
    r->log = sk_log_free(r->log);
}

void run_wait(struct run *r)
{
    struct signalfd_siginfo info;
    ssize_t n;

    do
        n = read(r->signals, &info, sizeof(info));
    while (n < 0 && errno == EINTR);
}

int run_agent_conf(struct run *r, const struct sk_args *a, struct sk_agent_conf *conf,
                   struct sk_err *err)
{
    conf->data = r->data;
    conf->host_id = r->host_id;
    conf->docker = sk_args_get(a, "docker");
    conf->k8s_audit_log = sk_args_get(a, "k8s-audit-log");
    conf->builtin_rules = !sk_args_flag(a, "no-builtin-rules");
    conf->print_json = sk_args_flag(a, "print-json");
    conf->print_alerts = conf->print_json || sk_args_flag(a, "print-alerts");
    conf->print_to = &r->out;
    conf->log = r->log;
    if (sk_agent_record_conf(a, &conf->record, err) < 0)
        return err->code;
    if (sk_agent_profile_conf(a, &conf->profiles, &conf->drift_response, err) < 0)
        return err->code;
    if (sk_duration_parse(sk_str_c(sk_args_get(a, "deny-probe")), &conf->deny_probe_ns) < 0 ||
        conf->deny_probe_ns < SK_NS_PER_S)
        return sk_err_set(err, -EINVAL, "--deny-probe: a time of a second or more, as 30s or 5m");
    conf->n_protect = sk_args_all(a, "protect", conf->protect, SK_PROTECT_MAX);
    conf->n_rules = sk_args_all(a, "rules", conf->rules, SK_RULE_PATHS_MAX);
    if (!conf->builtin_rules && conf->n_rules == 0)
        return sk_err_set(err, -EINVAL, "--no-builtin-rules without --rules leaves no rule at all");
    return 0;
}

void run_tell_limits(const struct sk_agent_run *agent)
{
    struct sk_str why = sk_agent_run_blind(agent);

    if (why.n)
        fprintf(stderr,
                "skep sees no kernel events here: " SK_STR_FMT
                ".\n  Without them: no processes as they start, no alerts. What Docker "
                "tells is still shown, where this user may ask it.\n  skep agent --check tells "
                "what this host grants.\n",
                SK_STR_ARG(why));
}
