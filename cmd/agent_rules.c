/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's rules: loaded together, watched, swapped between two events; a bad file keeps the
 * old. */
#include <libgen.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent_deny.h"
#include "agent_down.h"
#include "agent_int.h"
#include "base/time.h"
#include "detect/rate.h"
#include "paths.h"
#include "rule_files.h"
#include "rules_json.h"

#define SETTLE_MS 200 /* editors write a file in several steps */

enum from { FROM_OURS, FROM_USER, FROM_CONSOLE }; /* each with those before it */

static int files_read(const struct sk_agent_run *a, struct sk_rule_files *f, enum from from,
                      struct sk_err *err)
{
    size_t i;
    int r = a->conf.builtin_rules ? sk_rule_files_builtin(f, err) : 0;

    for (i = 0; i < a->conf.n_rules && from >= FROM_USER && r == 0; i++)
        r = sk_rule_files_add(f, a->conf.rules[i], err);
    if (from >= FROM_CONSOLE && r == 0)
        r = agent_rulefiles_add(a, f, err);
    return r;
}

int agent_rules_files(const struct sk_agent_run *a, struct sk_rule_files *f, struct sk_err *err)
{
    return files_read(a, f, FROM_CONSOLE, err);
}

static int rules_read(const struct sk_agent_run *a, enum from from, struct sk_rules **ret,
                      struct sk_err *err)
{
    SK_CLEANUP(sk_rule_files_freep) struct sk_rule_files *f = sk_rule_files_new();
    int r;

    if (!f)
        return sk_err_set(err, -ENOMEM, "rules: out of memory");
    r = files_read(a, f, from, err);
    return r < 0 ? r : sk_rules_load(f->v, f->n, ret, err);
}

/* Made when something changes, so that the console's thread only copies text. */
static void json_make(struct sk_agent_run *a, const struct sk_rules *rules, const char *error)
{
    struct sk_buf out;
    char *text;

    sk_buf_init(&out, RULES_JSON_MAX);
    (void)rules_json_write(rules, error, &out); /* an error leaves no text */
    text = sk_buf_take(&out, &(size_t){0});
    sk_buf_done(&out);
    (void)pthread_mutex_lock(&a->lock);
    free(a->rules_json);
    a->rules_json = text;
    free(a->rules_error);
    a->rules_error = error ? strdup(error) : NULL;
    (void)pthread_mutex_unlock(&a->lock);
}

int sk_agent_run_rules_json(void *arg, struct sk_buf *out)
{
    struct sk_agent_run *a = arg;
    int r;

    (void)pthread_mutex_lock(&a->lock);
    r = sk_buf_c(out, a->rules_json ? a->rules_json : "{\"items\":[],\"warnings\":[]}");
    (void)pthread_mutex_unlock(&a->lock);
    return r;
}

int agent_rules_load(struct sk_agent_run *a, struct sk_err *err)
{
    struct sk_rules *rules = NULL;
    struct sk_err bad = {0};
    uint64_t want[2], recorded[2];
    int r = rules_read(a, FROM_CONSOLE, &rules, &bad);

    if (r < 0)
        sk_log(a->conf.log, SK_ERROR, "rules", "not loaded; the rules before stay in force",
               "error=%s", bad.msg);
    if (r < 0 && sk_detect_rules(a->detect)) { /* the old ones stay */
        json_make(a, sk_detect_rules(a->detect), bad.msg);
        return 0;
    }
    if (r < 0) /* at start: those of this host, so that it is watched; else ours */
        r = rules_read(a, FROM_USER, &rules, NULL);
    if (r < 0) {
        r = rules_read(a, FROM_OURS, &rules, err);
        if (r < 0)
            return r;
    }
    sk_rules_want(rules, want);
    agent_profiles_want(want);
    sk_rate_want(want);
    sk_sensor_want_queries(a->sensor, true);
    recorded[0] = want[0];
    recorded[1] = want[1];
    agent_record_want(a, recorded); /* those and its own */
    json_make(a, rules, bad.code ? bad.msg : NULL);
    agent_deny_rules(a); /* before the old ones are freed */
    r = sk_detect_use(a->detect, rules);
    if (r < 0) {
        (void)sk_rules_free(rules);
        return sk_err_set(err, r, "rules: out of memory");
    }
    sk_sensor_want_bulk(a->sensor, want, recorded);
    (void)malloc_trim(0); /* a third of what compiling took is holes by now */
    sk_log(a->conf.log, SK_INFO, "rules", "loaded", "rules=%zu", sk_rules_count(rules));
    return 0;
}

int agent_rules_watch(struct sk_agent_run *a, struct sk_err *err)
{
    const uint32_t what = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE;
    size_t i;

    a->rules_watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (a->rules_watch < 0)
        return sk_err_errno(err, errno, "rules: inotify");
    for (i = 0; i < a->conf.n_rules; i++) {
        char path[SK_PATH_TEXT];
        struct stat st;

        (void)sk_str_copy(path, sizeof(path), sk_str_c(a->conf.rules[i]));
        /* a file is watched through its folder: editors replace it */
        if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
            (void)sk_str_copy(path, sizeof(path), sk_str_c(dirname(path)));
        if (inotify_add_watch(a->rules_watch, path, what) < 0)
            sk_log(a->conf.log, SK_WARN, "rules", "changes will not be seen", "path=%s error=%m",
                   path);
    }
    return 0;
}

void agent_rules_poll(struct sk_agent_run *a, uint64_t now_ns)
{
    char events[4096] __attribute__((aligned(8)));
    struct sk_err err = {0};

    while (read(a->rules_watch, events, sizeof(events)) > 0)
        a->rules_changed_ns = now_ns;
    if (!a->rules_dirty && (a->rules_changed_ns == 0 ||
                            now_ns - a->rules_changed_ns < SETTLE_MS * (uint64_t)SK_NS_PER_MS))
        return;
    a->rules_changed_ns = 0;
    a->rules_dirty = false;
    if (agent_rules_load(a, &err) < 0)
        sk_log(a->conf.log, SK_ERROR, "rules", "not loaded", "error=%s", err.msg);
    agent_health(a);
}
