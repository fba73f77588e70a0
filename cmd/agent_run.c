/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_run.h"

#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent_deny.h"
#include "agent_down.h"
#include "agent_evidence.h"
#include "agent_int.h"
#include "agent_query.h"
#include "agent_respond.h"
#include "base/time.h"

/* ---- mailbox: the runtime's thread hands over ---------------------------------------------------
 */

static void mail_done(struct mail *m)
{
    free(m->bytes);
    free(m->version);
}

static int mail_post(struct sk_agent_run *a, struct mail m)
{
    uint64_t one = 1;
    int r;

    (void)pthread_mutex_lock(&a->lock);
    r = sk_vec_push(&a->mails, m);
    (void)pthread_mutex_unlock(&a->lock);
    if (r < 0) {
        mail_done(&m); /* no memory: the runtime tells all again after its next reconnect */
        sk_log(a->conf.log, SK_ERROR, "agent", "out of memory; a message is lost", NULL);
        return r;
    }
    (void)!write(a->mail_fd, &one, sizeof(one)); /* full counter: awake anyway */
    return 0;
}

int agent_mail_down(struct sk_agent_run *a, struct sk_str records)
{
    struct mail m = {.type = MAIL_DOWN, .bytes = malloc(records.n + 1), .n = records.n};

    if (!m.bytes)
        return -ENOMEM;
    memcpy(m.bytes, records.p, records.n);
    return mail_post(a, m);
}

static void mail_object(struct sk_agent_run *a, enum mail_type type, const struct sk_kind *kind,
                        const void *obj)
{
    struct sk_buf b;
    struct mail m = {.type = type};

    sk_buf_init(&b, 1 << 20);
    if (sk_kind_to_wire(kind, obj, &b) == 0)
        m.bytes = sk_buf_take(&b, &m.n);
    else
        sk_log(a->conf.log, SK_WARN, "agent", "an object of the runtime is too large", "kind=%s",
               kind->name);
    sk_buf_done(&b);
    if (m.bytes)
        (void)mail_post(a, m); /* told */
}

static void on_container(void *arg, const struct sk_container *c)
{
    mail_object(arg, MAIL_CONTAINER, &sk_kind_container, c);
}

static void on_images(void *arg, const struct sk_image *v, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        mail_object(arg, MAIL_IMAGE, &sk_kind_image, &v[i]);
    (void)mail_post(arg, (struct mail){.type = MAIL_IMAGES_END}); /* told */
}

static void on_engine(void *arg, const char *error, const char *version)
{
    struct mail m = {.type = MAIL_ENGINE,
                     .bytes = error ? strdup(error) : NULL,
                     .version = version ? strdup(version) : NULL};

    (void)mail_post(arg, m); /* told */
}

/* Tells an image when it is new or changed; remembers that it was in this list. */
static void image_take(struct sk_agent_run *a, const struct mail *m)
{
    struct sk_image img;
    struct sk_str wire = sk_str_n(m->bytes, m->n);
    uint64_t key, digest = sk_str_hash(wire) | 1;
    struct sk_err err = {0};

    sk_arena_reset(a->scratch);
    if (sk_kind_from_wire(&sk_kind_image, wire, a->scratch, &img, &err) < 0) {
        sk_log(a->conf.log, SK_WARN, "agent", "image not readable", "error=%s", err.msg);
        return;
    }
    key = sk_str_hash(img.id);
    if (sk_map_put(a->images_seen, key, (void *)(uintptr_t)digest, NULL) < 0)
        return; /* no memory: told again with the next list */
    if ((uintptr_t)sk_map_get(a->images, key) != digest)
        agent_add(a, &sk_kind_image, &img, false);
}

static void images_end(struct sk_agent_run *a)
{
    struct sk_map *old = a->images;

    a->images = a->images_seen;
    a->images_seen = sk_map_new();
    if (!a->images_seen) {
        a->images_seen = old;
        return;
    }
    (void)sk_map_free(old);
}

static void mail_take(struct sk_agent_run *a, const struct mail *m)
{
    switch (m->type) {
    case MAIL_CONTAINER:
        agent_container(a, sk_str_n(m->bytes, m->n));
        break;
    case MAIL_IMAGE:
        image_take(a, m);
        break;
    case MAIL_IMAGES_END:
        images_end(a);
        break;
    case MAIL_DOWN:
        agent_down_take(a, sk_str_n(m->bytes, m->n));
        break;
    case MAIL_ENGINE:
        (void)sk_str_copy(a->engine_error, sizeof(a->engine_error), sk_str_c(m->bytes));
        if (m->version)
            (void)sk_str_copy(a->engine_version, sizeof(a->engine_version), sk_str_c(m->version));
        if (m->bytes)
            sk_log(a->conf.log, SK_WARN, "runtime", "no containers are told of now", "error=%s",
                   m->bytes);
        else
            sk_log(a->conf.log, SK_INFO, "runtime", "connected", "engine=%s", a->engine_version);
        agent_host_tell(a);
        agent_health(a);
        break;
    }
}

static void mails_take(struct sk_agent_run *a)
{
    __typeof__(a->mails) mails;
    uint64_t count;
    size_t i;

    (void)!read(a->mail_fd, &count, sizeof(count)); /* empty: nothing to take */
    (void)pthread_mutex_lock(&a->lock);
    mails = a->mails;
    memset(&a->mails, 0, sizeof(a->mails));
    (void)pthread_mutex_unlock(&a->lock);
    for (i = 0; i < mails.n; i++) {
        mail_take(a, &mails.v[i]);
        mail_done(&mails.v[i]);
    }
    sk_vec_done(&mails);
}

/* ---- the loop
 * --------------------------------------------------------------------------------------- */

static void turn(struct sk_agent_run *a)
{
    struct sk_err err = {0};
    uint64_t now;

    mails_take(a); /* before events: a container should be known when its first process comes */
    if (sk_sensor_live(a->sensor, NULL) && sk_sensor_dispatch(a->sensor, &err) < 0)
        sk_log(a->conf.log, SK_ERROR, "agent", "reading events failed", "error=%s", err.msg);
    sk_prints_go(&a->prints);
    now = sk_now_mono_ns();
    agent_wait_retry(a, now);
    agent_births_release(a, now);
    agent_held_release(a, now, false);
    agent_rules_poll(a, now);
    agent_intel_poll(a, now);
    agent_audit_poll(a, now);
    agent_record_tick(a, now);
    agent_evidence_poll(a);
    agent_query_poll(a);
    agent_respond_poll(a, now);
    agent_profiles_poll(a, now);
    agent_deny_poll(a, now);
    agent_rate_poll(a, now);
    if (now - a->flushed_ns >= SK_FLUSH_MS * (uint64_t)SK_NS_PER_MS) {
        a->flushed_ns = now;
        agent_flush(a);
        agent_incidents_tell(a, false);
        agent_forget(a, now);
    }
    if (now - a->health_ns >= SK_HEALTH_MS * (uint64_t)SK_NS_PER_MS) {
        a->health_ns = now;
        agent_health(a);
        agent_addresses_poll(a);
    }
}

static void *agent_main(void *arg)
{
    struct sk_agent_run *a = arg;
    struct pollfd fds[5] = {{.fd = a->stop_fd, .events = POLLIN},
                            {.fd = a->mail_fd, .events = POLLIN},
                            {.fd = a->rules_watch, .events = POLLIN},
                            {.fd = sk_sensor_fd(a->sensor), .events = POLLIN},
                            {.fd = -1, .events = POLLOUT}};
    int tick = SK_FLUSH_MS;

    if (sk_sensor_live(a->sensor, NULL))
        tick = (int)SK_MIN((uint32_t)tick, sk_sensor_tick_ms(a->sensor));
    agent_health(a); /* first: the console then marks what an earlier run left open */
    agent_host_tell(a);
    agent_processes_tell(a);
    for (;;) {
        int r;

        fds[4].fd = sk_prints_wait(&a->prints) ? a->conf.print_to->fd : -1;
        r = poll(fds, SK_ARRAY_LEN(fds), tick);
        if (r < 0 && errno != EINTR)
            break;
        if (fds[0].revents)
            break;
        turn(a);
    }
    agent_births_release(a, UINT64_MAX);
    agent_held_release(a, 0, true);
    sk_prints_end(&a->prints);
    if (a->prints.lost)
        agent_health(a);
    agent_flush(a);
    agent_incidents_tell(a, true);
    agent_profiles_save(a);
    agent_wait_retry(a, UINT64_MAX); /* a last time */
    return NULL;
}

/* ---- life
 * -------------------------------------------------------------------------------------------- */

static int parts_new(struct sk_agent_run *a, struct sk_err *err)
{
    const struct sk_sensor_conf sensor = {.host_id = sk_str_c(a->conf.host_id),
                                          .hostname = sk_str_c(a->hostname),
                                          .container = agent_container_find,
                                          .event = agent_event,
                                          .arg = a,
                                          .log = a->conf.log};
    const struct sk_runtime_conf runtime = {.host_id = sk_str_c(a->conf.host_id),
                                            .docker_socket = a->conf.docker,
                                            .container = on_container,
                                            .images = on_images,
                                            .state = on_engine,
                                            .arg = a,
                                            .log = a->conf.log};
    int r;

    a->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    a->mail_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    a->containers = sk_smap_new();
    a->images = sk_map_new();
    a->images_seen = sk_map_new();
    a->dirty = sk_map_new();
    a->scratch = sk_arena_new((size_t)16 << 20);
    if (a->stop_fd < 0 || a->mail_fd < 0)
        return sk_err_errno(err, errno, "agent: eventfd");
    if (!a->containers || !a->images || !a->images_seen || !a->dirty || !a->scratch)
        return sk_err_set(err, -ENOMEM, "agent: out of memory");
    r = sk_detect_new(&a->detect);
    if (r < 0)
        return sk_err_set(err, r, "agent: out of memory");
    r = agent_profiles_new(a, err);
    if (r == 0)
        r = agent_rate_new(a, err);
    if (r == 0)
        r = agent_incidents_new(a, err);
    if (r == 0)
        r = agent_intel_new(a, err);
    if (r == 0)
        r = agent_audit_new(a, err);
    if (r < 0)
        return r;
    r = sk_sensor_new(&sensor, &a->sensor, err);
    (void)malloc_trim(0); /* libbpf has read all of the kernel's types: before the rules come */
    if (r == 0)
        r = agent_record_new(a, err);
    if (r == 0)
        r = agent_rules_watch(a, err);
    if (r == 0)
        r = agent_evidence_new(a, err);
    if (r == 0)
        r = agent_query_new(a, err);
    if (r == 0)
        r = agent_respond_new(a, err);
    if (r == 0)
        r = agent_deny_new(a, err);
    if (r == 0)
        r = agent_down_open(a, err);
    if (r == 0)
        r = agent_rules_load(a, err);
    return r < 0 ? r : sk_runtime_new(&runtime, &a->runtime, err);
}

int sk_agent_run_new(const struct sk_agent_conf *conf, struct sk_agent_run **ret,
                     struct sk_err *err)
{
    SK_CLEANUP(sk_agent_run_freep) struct sk_agent_run *a = calloc(1, sizeof(*a));
    int r;

    if (!a)
        return sk_err_set(err, -ENOMEM, "agent: out of memory");
    a->conf = *conf;
    a->stop_fd = a->mail_fd = a->rules_watch = -1;
    a->started_wall = sk_now_wall_ns();
    sk_prints_init(&a->prints, conf->print_to, conf->log);
    (void)pthread_mutex_init(&a->lock, NULL);
    if (gethostname(a->hostname, sizeof(a->hostname) - 1) < 0)
        (void)sk_str_copy(a->hostname, sizeof(a->hostname), SK_STR("localhost"));
    r = parts_new(a, err);
    if (r < 0)
        return r;
    r = pthread_create(&a->thread, NULL, agent_main, a);
    if (r != 0)
        return sk_err_errno(err, r, "agent: cannot start its thread");
    a->started = true;
    *ret = SK_TAKE(a);
    return 0;
}

static void containers_free(struct sk_smap *m)
{
    size_t it = 0;
    struct sk_str key;
    void *val;

    while (m && sk_smap_next(m, &it, &key, &val))
        (void)sk_arena_free(((struct known_container *)val)->arena);
    (void)sk_smap_free(m);
}

struct sk_agent_run *sk_agent_run_free(struct sk_agent_run *a)
{
    uint64_t one = 1;
    size_t i;

    if (!a)
        return NULL;
    if (a->started) {
        (void)!write(a->stop_fd, &one, sizeof(one));
        (void)pthread_join(a->thread, NULL);
    }
    agent_deny_free(a);
    agent_respond_free(a);
    agent_evidence_free(a);
    agent_query_free(a);
    a->runtime = sk_runtime_free(a->runtime); /* who asks it is gone; no callback after this */
    agent_record_free(a);
    (void)sk_sensor_free(a->sensor);
    (void)sk_detect_free(a->detect);
    agent_profiles_free(a);
    agent_rate_free(a);
    agent_incidents_free(a);
    agent_intel_free(a);
    agent_audit_free(a);
    for (i = 0; i < a->mails.n; i++)
        mail_done(&a->mails.v[i]);
    sk_vec_done(&a->mails);
    for (i = 0; i < a->held.n; i++)
        (void)sk_arena_free(a->held.v[i].arena);
    sk_vec_done(&a->held);
    agent_late_done(&a->births);
    agent_wait_done(a);
    sk_prints_done(&a->prints);
    containers_free(a->containers);
    (void)sk_map_free(a->images);
    (void)sk_map_free(a->images_seen);
    (void)sk_map_free(a->dirty);
    (void)sk_arena_free(a->scratch);
    free(a->rules_json);
    free(a->rules_error);
    sk_closep(&a->stop_fd);
    sk_closep(&a->mail_fd);
    sk_closep(&a->rules_watch);
    agent_rulefiles_free(a);
    agent_down_close(a);
    (void)pthread_mutex_destroy(&a->lock);
    free(a);
    return NULL;
}

struct sk_str sk_agent_run_blind(const struct sk_agent_run *a)
{
    struct sk_str why = {0};

    return sk_sensor_live(a->sensor, &why) ? (struct sk_str){0} : why;
}

void sk_agent_run_connected(struct sk_agent_run *a, bool connected, const char *error)
{
    (void)pthread_mutex_lock(&a->lock);
    a->connected = connected;
    (void)sk_str_copy(a->link_error, sizeof(a->link_error), sk_str_c(error));
    (void)pthread_mutex_unlock(&a->lock);
}

bool sk_agent_run_fault(struct sk_agent_run *a, char ret[SK_ERR_MAX])
{
    (void)pthread_mutex_lock(&a->lock);
    (void)sk_str_copy(ret, SK_ERR_MAX, sk_str_c(a->store_error));
    (void)pthread_mutex_unlock(&a->lock);
    return ret[0] != 0;
}
