/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's flight recorder: every event to DATA/record, alerts pin their window of time. A disk
 * that does not take it is tried again later, told in the agent's health, and stops nothing else.
 */
#include "agent_record.h"

#include <stdlib.h>

#include "agent_int.h"
#include "base/time.h"
#include "paths.h"

#define TICK_NS (100 * (uint64_t)SK_NS_PER_MS)
#define PAUSE_FIRST_NS ((uint64_t)SK_NS_PER_S)
#define PAUSE_MOST_NS (30 * (uint64_t)SK_NS_PER_S)
#define PIN_BEFORE_NS (60 * SK_NS_PER_S) /* an alert keeps this much before it … */
#define PIN_AFTER_NS (30 * SK_NS_PER_S)  /* … and after */
#define PIN_STEP_NS (10 * SK_NS_PER_S)   /* so that many alerts do not write many pins */

/* Beside what the rules look at: what is asked when something has happened, and is not called so
 * often that watching it costs. */
static const uint8_t watched[] = {
    SK_E_OPEN,
    SK_E_OPENAT,
    SK_E_OPENAT2,
    SK_E_OPEN_BY_HANDLE_AT,
    SK_E_CREAT,
    SK_E_RENAME,
    SK_E_RENAMEAT,
    SK_E_RENAMEAT2,
    SK_E_UNLINK,
    SK_E_UNLINKAT,
    SK_E_RMDIR,
    SK_E_MKDIR,
    SK_E_MKDIRAT,
    SK_E_LINK,
    SK_E_LINKAT,
    SK_E_SYMLINK,
    SK_E_SYMLINKAT,
    SK_E_CHMOD,
    SK_E_FCHMOD,
    SK_E_FCHMODAT,
    SK_E_CHOWN,
    SK_E_LCHOWN,
    SK_E_FCHOWN,
    SK_E_FCHOWNAT,
    SK_E_CONNECT,
    SK_E_ACCEPT,
    SK_E_ACCEPT4,
    SK_E_LISTEN,
    SK_E_BIND,
    SK_E_KILL,
    SK_E_TKILL,
    SK_E_SETUID,
    SK_E_SETGID,
    SK_E_SETRESUID,
    SK_E_SETRESGID,
    SK_E_SETREUID,
    SK_E_SETREGID,
    SK_E_CAPSET,
    SK_E_SETNS,
    SK_E_UNSHARE,
    SK_E_MOUNT,
    SK_E_UMOUNT2,
    SK_E_PTRACE,
    SK_E_BPF,
    SK_E_INIT_MODULE,
    SK_E_FINIT_MODULE,
    SK_E_DELETE_MODULE,
    SK_E_MEMFD_CREATE,
    SK_E_CHROOT,
    SK_E_PIVOT_ROOT,
    SK_E_USERFAULTFD,
    SK_E_PROCESS_VM_READV,
    SK_E_PROCESS_VM_WRITEV,
    SK_E_IO_URING_SETUP,
    SK_E_KEYCTL,
};
/* The sensor tells these always. */
static const uint8_t always[] = {SK_E_EXECVE, SK_E_EXECVEAT, SK_E_CLONE,    SK_E_FORK,
                                 SK_E_VFORK,  SK_E_CLONE3,   SK_E_PROCEXIT, SK_E_CONTAINER};

struct agent_record {
    struct sk_record_writer *w; /* NULL: could not be opened yet */
    char dir[SK_PATH_TEXT];
    uint64_t types[2];
    uint64_t tick_ns, pause_ns, until_ns; /* until_ns: not tried before; 0: it works */
    uint64_t blocks, lists;               /* when looked at last */
    uint64_t written, dropped;            /* by writers before this one */
    uint64_t lost;                        /* since w is not there … */
    int64_t lost_from, lost_to;           /* … and of which time */
    char error[SK_ERR_MAX];
};

static void types_add(uint64_t types[2], const uint8_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        types[v[i] / 64] |= (uint64_t)1 << (v[i] % 64);
}

/* Told once; until_ns is set even at the first tick, when now is 0 in no clock. */
static void failed(struct sk_agent_run *a, int r, const struct sk_err *err)
{
    struct agent_record *x = a->record;

    if (!x->error[0])
        sk_log(a->conf.log, SK_ERROR, "record", "events are not recorded", "error=%s", err->msg);
    (void)sk_str_copy(x->error, sizeof(x->error), sk_str_c(err->msg));
    if (r == -EAGAIN) /* the disk is slow, not broken */
        return;
    x->pause_ns = x->pause_ns ? SK_MIN(2 * x->pause_ns, PAUSE_MOST_NS) : PAUSE_FIRST_NS;
    x->until_ns = sk_now_mono_ns() + x->pause_ns;
}

static void containers_tell(struct sk_agent_run *a)
{
    size_t it = 0;
    struct sk_str key;
    void *val;

    while (sk_smap_next(a->containers, &it, &key, &val))
        agent_record_container(a, &((struct known_container *)val)->c);
}

static void record_open(struct sk_agent_run *a)
{
    struct agent_record *x = a->record;
    struct sk_record_options o = {.max_bytes = a->conf.record.max_bytes,
                                  .max_age_ns = a->conf.record.max_age_ns,
                                  .thread = true};
    struct sk_record_writer_stats s;
    struct sk_err err = {0};
    int r = sk_record_writer_open(x->dir, &o, &x->w, &err);

    if (r < 0) {
        failed(a, r, &err);
        return;
    }
    sk_record_writer_stats(x->w, &s);
    if (s.torn_bytes)
        sk_log(a->conf.log, SK_WARN, "record",
               "an earlier end was sudden; its last block is cut off", "bytes=%llu",
               (unsigned long long)s.torn_bytes);
    if (x->lost)
        sk_record_lost(x->w, x->lost, x->lost_from, x->lost_to);
    x->lost = x->blocks = 0;
    x->lists = s.lists;
    x->until_ns = 0;
    (void)sk_record_watched(x->w, x->types, NULL); /* nothing is collected yet */
    containers_tell(a);
}

int agent_record_new(struct sk_agent_run *a, struct sk_err *err)
{
    if (a->conf.record.off || !sk_sensor_live(a->sensor, NULL))
        return 0;
    a->record = calloc(1, sizeof(*a->record));
    if (!a->record)
        return sk_err_set(err, -ENOMEM, "agent: out of memory");
    if (sk_path_join(a->conf.data, SK_RECORD_DIR, a->record->dir, err) < 0)
        return err->code;
    record_open(a);
    return 0;
}

void agent_record_free(struct sk_agent_run *a)
{
    if (a->record)
        (void)sk_record_writer_free(a->record->w);
    free(a->record);
    a->record = NULL;
}

void agent_record_want(struct sk_agent_run *a, uint64_t types[2])
{
    struct agent_record *x = a->record;
    struct sk_err err = {0};
    int r;

    if (!x)
        return;
    types_add(types, watched, SK_ARRAY_LEN(watched));
    x->types[0] = types[0];
    x->types[1] = types[1];
    types_add(x->types, always, SK_ARRAY_LEN(always));
    if (x->w && (r = sk_record_watched(x->w, x->types, &err)) < 0)
        failed(a, r, &err);
}

static void lost(struct agent_record *x, int64_t time)
{
    if (x->w) {
        sk_record_lost(x->w, 1, time, time);
        return;
    }
    x->lost_from = x->lost ? SK_MIN(x->lost_from, time) : time;
    x->lost_to = x->lost ? SK_MAX(x->lost_to, time) : time;
    x->lost++;
    x->dropped++;
}

void agent_record_event(struct sk_agent_run *a, const struct sk_event *ev)
{
    struct agent_record *x = a->record;
    struct sk_err err = {0};
    int r;

    if (!x)
        return;
    if (!x->w || x->until_ns) {
        lost(x, ev->evt.time);
        return;
    }
    r = sk_record_write(x->w, ev, &err);
    if (r < 0 && r != -EFBIG) /* -EFBIG: this event alone */
        failed(a, r, &err);
}

void agent_record_container(struct sk_agent_run *a, const struct sk_container *c)
{
    struct agent_record *x = a->record;
    struct sk_err err = {0};
    int r;

    if (!x || !x->w)
        return; /* all are told when it is opened */
    r = sk_record_container(x->w, c, &err);
    if (r < 0)
        sk_log(a->conf.log, SK_WARN, "record", "a container's name is not recorded", "error=%s",
               err.msg);
}

bool agent_record_pin(struct sk_agent_run *a, const struct sk_alert *al)
{
    struct agent_record *x = a->record;
    struct sk_err err = {0};
    struct sk_buf reason;
    int64_t to = al->time + PIN_AFTER_NS;
    int r;

    if (!x || !x->w || x->until_ns || !al->proc) /* without a process: of no event of this host */
        return false;
    to += PIN_STEP_NS - to % PIN_STEP_NS;
    sk_buf_init(&reason, 4096);
    (void)sk_buf_printf(&reason, "alert " SK_STR_FMT ": " SK_STR_FMT, SK_STR_ARG(al->id),
                        SK_STR_ARG(al->rule)); /* too long: cut short anyway */
    r = sk_record_pin(x->w, al->time - PIN_BEFORE_NS, to,
                      al->container ? al->container->id : (struct sk_str){0}, sk_buf_view(&reason),
                      &err);
    sk_buf_done(&reason);
    if (r < 0)
        sk_log(a->conf.log, SK_WARN, "record", "the time around an alert is not kept", "error=%s",
               err.msg);
    return r >= 0;
}

/* Writes; looks whether what failed works again. */
static void writer_tick(struct sk_agent_run *a)
{
    struct agent_record *x = a->record;
    struct sk_record_writer_stats s;
    struct sk_err err = {0};
    int r = sk_record_tick(x->w, &err);

    if (r < 0)
        failed(a, r, &err);
    sk_record_writer_stats(x->w, &s);
    if (s.blocks != x->blocks && r == 0 && x->error[0]) {
        sk_log(a->conf.log, SK_INFO, "record", "events are recorded again", "missing=%llu",
               (unsigned long long)s.not_recorded);
        x->error[0] = 0;
    }
    if (s.blocks != x->blocks && r == 0)
        x->pause_ns = 0;
    x->blocks = s.blocks;
    if (s.lists != x->lists) {
        x->lists = s.lists;
        containers_tell(a);
    }
    if (r == -ENOENT) { /* somebody has removed the folder */
        x->written += s.events;
        x->dropped += s.not_recorded;
        x->w = sk_record_writer_free(x->w);
    }
}

void agent_record_tick(struct sk_agent_run *a, uint64_t now_ns)
{
    struct agent_record *x = a->record;

    if (!x || now_ns - x->tick_ns < TICK_NS)
        return;
    x->tick_ns = now_ns;
    if (now_ns < x->until_ns)
        return;
    x->until_ns = 0;
    if (!x->w)
        record_open(a);
    if (x->w)
        writer_tick(a);
}

void agent_record_health(struct sk_agent_run *a, struct sk_agent *g)
{
    struct agent_record *x = a->record;
    struct sk_record_writer_stats s = {0};

    if (!x)
        return;
    if (x->w)
        sk_record_writer_stats(x->w, &s);
    g->recording = x->w && !x->until_ns;
    g->record_bytes = s.bytes;
    g->record_events = x->written + s.events;
    g->record_dropped = x->dropped + s.not_recorded;
    g->record_oldest = s.oldest;
    if (x->error[0])
        g->record_error = sk_str_c(x->error);
}

/* ---- options ----------------------------------------------------------------------------------
 */

static int size_parse(struct sk_str s, uint64_t *ret)
{
    static const char units[] = "KMGT";
    uint64_t v, mul = 1;
    const char *u;

    if (sk_str_ends(s, SK_STR("iB")))
        s.n -= 2;
    u = s.n && s.p[s.n - 1] ? strchr(units, s.p[s.n - 1]) : NULL;
    if (u) {
        mul = (uint64_t)1 << (10 * (u - units + 1));
        s.n--;
    }
    if (sk_str_u64(s, &v) < 0 || __builtin_mul_overflow(v, mul, ret))
        return -EINVAL;
    return 0;
}

int sk_agent_record_conf(const struct sk_args *a, struct sk_agent_record_conf *ret,
                         struct sk_err *err)
{
    struct sk_agent_record_conf c = {.off = sk_args_flag(a, "no-record")};
    const char *size = sk_args_get(a, "record-size"), *age = sk_args_get(a, "record-age");

    if (size && (size_parse(sk_str_c(size), &c.max_bytes) < 0 ||
                 c.max_bytes < SK_RECORD_SIZE_LEAST || c.max_bytes > SK_RECORD_SIZE_MOST))
        return sk_err_set(err, -EINVAL,
                          "--record-size %.40s: a number with K, M, G or T, from 4M to 16T", size);
    if (age && (sk_duration_parse(sk_str_c(age), &c.max_age_ns) < 0 || c.max_age_ns <= 0))
        return sk_err_set(err, -EINVAL, "--record-age %.40s: a time such as 90m, 12h or 7d", age);
    *ret = c;
    return 0;
}
