/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the containers, and how it changes. An event is told at once with what it says
 * itself; the engine is asked for the rest afterwards, because it may take its time (it holds a
 * container's lock while it starts it) and because the container may be gone by then.
 */
#include "base/time.h"
#include "base/vec.h"
#include "runtime/runtime_int.h"

#define MS ((uint64_t)SK_NS_PER_MS)
#define TRIES 3
#define RETRY_NS (1000 * MS)
#define CREATED_NS                                                                                 \
    (1000 * MS) /* a created container is asked for fully when it was not started                  \
                 */
#define IMAGES_DELAY_NS (200 * MS) /* a pull makes several events */
#define COUNTS_DELAY_NS (1000 * MS)
#define RELIST_RETRY_NS (2000 * MS)
#define UNKNOWN_NS                                                                                 \
    (2000 * MS) /* an id that the engine does not know is not asked again so long                  \
                 */
#define UNKNOWN_N 64
#define SAME_RUN_NS (5 * SK_NS_PER_S)

struct todo { /* a container to ask for */
    char id[SK_RT_ID_MAX + 1];
    uint64_t due;
    unsigned tries;
    bool urgent, asked;
    bool peek; /* first, what can be had without waiting */
};

struct sk_rt_track {
    struct sk_runtime_conf conf;
    const struct sk_runtime_ops *ops;
    void *ctx;
    struct sk_rt_table *table;
    SK_VEC(struct todo) todo;
    uint64_t relist_due, images_due, counts_due; /* UINT64_MAX: no */
    struct sk_arena *images_arena;
    struct sk_image *images;
    size_t n_images;
    int64_t last; /* time of the newest event … */
    char last_id[SK_RT_ID_MAX + 1];
    enum sk_rt_action last_action;
    struct {
        uint64_t hash, until;
    } unknown[UNKNOWN_N];
    size_t unknown_at;
};

struct sk_rt_track *sk_rt_track_new(const struct sk_runtime_conf *conf,
                                    const struct sk_runtime_ops *ops, void *ctx)
{
    struct sk_rt_track *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->conf = *conf;
    t->ops = ops;
    t->ctx = ctx;
    t->relist_due = t->images_due = t->counts_due = UINT64_MAX;
    t->table = sk_rt_table_new();
    if (t->table)
        return t;
    free(t);
    return NULL;
}

struct sk_rt_track *sk_rt_track_free(struct sk_rt_track *t)
{
    if (!t)
        return NULL;
    (void)sk_rt_table_free(t->table);
    (void)sk_arena_free(t->images_arena);
    sk_vec_done(&t->todo);
    free(t);
    return NULL;
}

static void tell(struct sk_rt_track *t, struct sk_rt_entry *e)
{
    e->c.host_id = t->conf.host_id;
    t->conf.container(t->conf.arg, &e->c);
}

/* ---- what to ask for ------------------------------------------------------------------------ */

static void want(struct sk_rt_track *t, struct sk_str id, struct todo x)
{
    size_t i;

    for (i = 0; i < t->todo.n; i++) {
        struct todo *old = &t->todo.v[i];

        if (!sk_str_eq(sk_str_c(old->id), id))
            continue;
        old->urgent |= x.urgent;
        old->asked |= x.asked;
        old->due = SK_MIN(old->due, x.due);
        return;
    }
    (void)sk_str_copy(x.id, sizeof(x.id), id);
    if (sk_vec_push(&t->todo, x) < 0)
        t->relist_due = sk_now_mono_ns() + RELIST_RETRY_NS; /* no memory: find it again later */
}

/* Index of the next to ask for: urgent ones first, then in order; todo.n: none is due. */
static size_t next_todo(const struct sk_rt_track *t, uint64_t now)
{
    size_t i, best = t->todo.n;

    for (i = 0; i < t->todo.n; i++) {
        if (t->todo.v[i].due > now)
            continue;
        if (t->todo.v[i].urgent)
            return i;
        if (best == t->todo.n)
            best = i;
    }
    return best;
}

static bool lately_unknown(const struct sk_rt_track *t, struct sk_str id)
{
    uint64_t hash = sk_str_hash(id), now = sk_now_mono_ns();
    size_t i;

    for (i = 0; i < UNKNOWN_N; i++) {
        if (t->unknown[i].hash == hash && t->unknown[i].until > now)
            return true;
    }
    return false;
}

static void remember_unknown(struct sk_rt_track *t, struct sk_str id)
{
    t->unknown[t->unknown_at].hash = sk_str_hash(id);
    t->unknown[t->unknown_at].until = sk_now_mono_ns() + UNKNOWN_NS;
    t->unknown_at = (t->unknown_at + 1) % UNKNOWN_N;
}

void sk_rt_track_ask(struct sk_rt_track *t, struct sk_str id)
{
    struct sk_rt_entry *e = sk_rt_table_get(t->table, id);

    if (e)
        tell(t, e);
    if ((!e || !e->inspected) && !lately_unknown(t, id))
        want(t, id, (struct todo){.urgent = true, .asked = true, .peek = !e});
}

void sk_rt_track_relist(struct sk_rt_track *t, uint64_t when)
{
    t->relist_due = when;
}

/* ---- images --------------------------------------------------------------------------------- */

static struct sk_image *image_by_id(const struct sk_rt_track *t, struct sk_str id)
{
    size_t i;

    for (i = 0; i < t->n_images; i++) {
        if (sk_str_eq(t->images[i].id, id))
            return &t->images[i];
    }
    return NULL;
}

/* Recounts; true when a number changed. */
static bool images_count(struct sk_rt_track *t)
{
    struct sk_rt_entry *e;
    bool changed = false;
    size_t it, i;

    for (i = 0; i < t->n_images; i++) {
        uint64_t n = 0;

        it = 0;
        while (sk_rt_table_next(t->table, &it, &e))
            n += sk_str_eq(e->c.image_id, t->images[i].id);
        changed |= n != t->images[i].containers;
        t->images[i].containers = n;
    }
    return changed;
}

static void images_tell(struct sk_rt_track *t)
{
    if (t->conf.images)
        t->conf.images(t->conf.arg, t->images, t->n_images);
}

/* Architecture and system are asked for once per image. */
static int image_complete(struct sk_rt_track *t, struct sk_arena *a, struct sk_image *im,
                          struct sk_err *err)
{
    const struct sk_image *old = image_by_id(t, im->id);

    im->host_id = t->conf.host_id;
    if (!old || old->arch.n == 0)
        return t->ops->image_more(t->ctx, a, im, err);
    im->os = old->os;
    im->arch = old->arch;
    if ((im->os.n > 0 && !sk_arena_keep(a, &im->os)) || !sk_arena_keep(a, &im->arch))
        return sk_err_set(err, -ENOMEM, "images: memory limit reached");
    return 0;
}

static int images_fetch(struct sk_rt_track *t, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    struct sk_image *v = NULL;
    size_t i, n = 0;
    int r;

    if (!a)
        return sk_err_set(err, -ENOMEM, "images: out of memory");
    r = t->ops->images(t->ctx, a, &v, &n, err);
    for (i = 0; i < n && r >= 0; i++)
        r = image_complete(t, a, &v[i], err);
    if (r < 0)
        return r;
    (void)sk_arena_free(t->images_arena);
    t->images_arena = SK_TAKE(a);
    t->images = v;
    t->n_images = n;
    (void)images_count(t);
    return 0;
}

static void images_step(struct sk_rt_track *t)
{
    struct sk_err err = {0};

    t->images_due = UINT64_MAX;
    if (images_fetch(t, &err) == 0) {
        images_tell(t);
    } else if (err.code != -ECANCELED) {
        sk_log(t->conf.log, SK_WARN, "runtime", "images are not known", "error=%s", err.msg);
        t->images_due = sk_now_mono_ns() + RELIST_RETRY_NS;
    }
}

/* "repo@sha256:…" of the image that belongs to the repository, else its first. */
static struct sk_str digest_of(const struct sk_image *im, struct sk_str repository)
{
    struct sk_str left, right, first = {0};
    size_t i;

    for (i = 0; i < im->digests.n; i++) {
        if (!sk_str_cut(im->digests.v[i], '@', &left, &right))
            continue;
        if (sk_str_eq(left, repository) || sk_str_ends(repository, left))
            return right;
        if (first.n == 0)
            first = right;
    }
    return first;
}

/* What a container's own answer does not say of its image. */
static int image_join(struct sk_rt_track *t, struct sk_arena *a, struct sk_container *c)
{
    struct sk_image *im = image_by_id(t, c->image_id);
    struct sk_err err = {0};
    struct sk_str digest;

    if (!im && c->image_id.n > 0 && !lately_unknown(t, c->image_id)) {
        remember_unknown(t, c->image_id);
        if (images_fetch(t, &err) == 0)
            images_tell(t);
        im = image_by_id(t, c->image_id);
    }
    if (!im)
        return 0;
    if (c->image_repository.n == 0 && im->tags.n > 0) {
        sk_docker_image_split(im->tags.v[0], &c->image_repository, &c->image_tag, &digest);
        if (!sk_arena_keep(a, &c->image_repository) ||
            (c->image_tag.n > 0 && !sk_arena_keep(a, &c->image_tag)))
            return -ENOMEM;
    }
    if (c->image_digest.n == 0) {
        c->image_digest = digest_of(im, c->image_repository);
        if (c->image_digest.n > 0 && !sk_arena_keep(a, &c->image_digest))
            return -ENOMEM;
    }
    return 0;
}

/* ---- one container -------------------------------------------------------------------------- */

/* The exit that an event told is not undone by an answer that the engine made before it, nor by one
 * that says nothing of how it ended, as a peek does. */
static void keep_newer(const struct sk_rt_entry *old, struct sk_container *c)
{
    bool lives = c->state == SK_CS_RUNNING || c->state == SK_CS_CREATED;

    if (!old || old->c.state != SK_CS_EXITED || old->c.finished <= c->started)
        return;
    if (!lives && c->finished > 0)
        return;
    c->state = SK_CS_EXITED;
    c->finished = old->c.finished;
    c->exit_code = old->c.exit_code;
    c->started = c->started ? c->started : old->c.started;
    c->pid = 0;
}

/* Asks, puts the answer into the table and tells it. 0, 1 (gone), negative errno. */
static int ask(struct sk_rt_track *t, struct sk_str id, bool peek, struct sk_rt_entry **ret,
               struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(SK_RT_OBJECT_MAX);
    struct sk_container c = {0};
    int r;

    if (!a)
        return sk_err_set(err, -ENOMEM, "container: out of memory");
    r = (peek ? t->ops->peek : t->ops->inspect)(t->ctx, id, a, &c, err);
    if (r != 0)
        return r;
    if (!peek && image_join(t, a, &c) < 0)
        return sk_err_set(err, -ENOMEM, "container: memory limit reached");
    keep_newer(sk_rt_table_get(t->table, c.id), &c);
    if (c.pid > 0)
        c.cgroup_id = sk_rt_cgroup_id(c.id, c.pid);
    r = sk_rt_table_put(t->table, a, &c, !peek, ret);
    if (r < 0)
        return sk_err_set(err, r, "container: out of memory");
    SK_TAKE(a);
    if (t->counts_due == UINT64_MAX)
        t->counts_due = sk_now_mono_ns() + COUNTS_DELAY_NS;
    tell(t, *ret);
    return 0;
}

static void todo_step(struct sk_rt_track *t, size_t at)
{
    struct todo x = t->todo.v[at];
    struct sk_str id = sk_str_c(x.id);
    struct sk_rt_entry *e = NULL;
    struct sk_err err = {0};
    int r;

    memmove(&t->todo.v[at], &t->todo.v[at + 1], (--t->todo.n - at) * sizeof(x));
    r = ask(t, id, x.peek, &e, &err);
    if (r == 1 && x.asked && !sk_rt_table_get(t->table, id))
        remember_unknown(t, id);
    if (r == -ECANCELED || (r >= 0 && !x.peek) || (r == 1 && !sk_rt_table_get(t->table, id)))
        return;
    if (x.peek) { /* now fully; what could not be peeked at is asked for at once */
        x.urgent = r != 0;
        x.due = r == 0 && e && e->c.state == SK_CS_CREATED ? sk_now_mono_ns() + CREATED_NS : 0;
        x.peek = false;
    } else if (++x.tries < TRIES) {
        x.due = sk_now_mono_ns() + RETRY_NS;
        x.urgent = false;
    } else {
        sk_log(t->conf.log, SK_WARN, "runtime", "container is not known", "container=%s error=%s",
               x.id, err.msg);
        return;
    }
    want(t, id, x);
}

/* What an event says of a container that nobody has told of. */
static struct sk_rt_entry *entry_from_event(struct sk_rt_track *t, const struct sk_rt_event *e)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(SK_RT_OBJECT_MAX);
    struct sk_container c = {
        .runtime = SK_RT_DOCKER, .id = e->id, .name = e->name, .image = e->image};
    struct sk_rt_entry *ret;
    struct sk_label *labels;
    size_t i;

    labels = a ? sk_arena_array(a, e->labels.n, sizeof(*labels)) : NULL;
    if (!a || (!labels && e->labels.n > 0))
        return NULL;
    for (i = 0; i < e->labels.n; i++) {
        labels[i] = ((const struct sk_label *)e->labels.v)[i];
        if (!sk_arena_keep(a, &labels[i].key) ||
            (labels[i].value.n > 0 && !sk_arena_keep(a, &labels[i].value)))
            return NULL;
    }
    c.labels = (struct sk_list){labels, e->labels.n};
    if (!sk_arena_keep(a, &c.id) || (c.name.n > 0 && !sk_arena_keep(a, &c.name)) ||
        (c.image.n > 0 && !sk_arena_keep(a, &c.image)))
        return NULL;
    sk_docker_image_split(c.image, &c.image_repository, &c.image_tag, &c.image_digest);
    sk_docker_pod_fill(&c);
    if (sk_rt_table_put(t->table, a, &c, false, &ret) < 0)
        return NULL;
    SK_TAKE(a);
    return ret;
}

static void on_start(struct sk_rt_track *t, struct sk_rt_entry *x, const struct sk_rt_event *e)
{
    struct sk_container *c = &x->c;

    if (c->state == SK_CS_RUNNING && c->pid > 0 && e->time - c->started < SAME_RUN_NS)
        return; /* the engine's answer said so before the event came */
    if (c->finished > e->time)
        return; /* an old event, heard again after a reconnect */
    c->state = SK_CS_RUNNING;
    c->started = e->time;
    c->finished = 0;
    c->exit_code = 0;
    c->pid = 0;
    tell(t, x);
    want(t, e->id, (struct todo){.urgent = true});
}

static void on_die(struct sk_rt_track *t, struct sk_rt_entry *x, const struct sk_rt_event *e)
{
    struct sk_container *c = &x->c;

    if (e->time < c->started)
        return; /* the run before this one */
    c->state = SK_CS_EXITED;
    c->finished = e->time;
    c->pid = 0;
    if (e->has_exit)
        c->exit_code = e->exit_code;
    tell(t, x);
    if (!x->inspected)
        want(t, e->id, (struct todo){.urgent = true});
}

static void removed(struct sk_rt_track *t, struct sk_rt_entry *x, int64_t when)
{
    if (x->c.state == SK_CS_RUNNING || x->c.state == SK_CS_PAUSED)
        x->c.finished = when;
    x->c.state = SK_CS_REMOVED;
    x->c.pid = 0;
    tell(t, x);
    sk_rt_table_del(t->table, x->c.id);
    if (t->counts_due == UINT64_MAX)
        t->counts_due = sk_now_mono_ns() + COUNTS_DELAY_NS;
}

static void container_event(struct sk_rt_track *t, const struct sk_rt_event *e)
{
    struct sk_rt_entry *x = sk_rt_table_get(t->table, e->id);

    if (!x && (e->action == SK_RT_CREATE || e->action == SK_RT_START || e->action == SK_RT_DIE)) {
        x = entry_from_event(t, e);
        if (x && e->action == SK_RT_CREATE) {
            x->c.state = SK_CS_CREATED;
            x->c.created = e->time;
            tell(t, x);
        }
        want(t, e->id, (struct todo){.urgent = true, .peek = true});
    }
    if (!x)
        return; /* connected to a network, or destroyed, while nobody knew of it */
    if (e->action == SK_RT_START) {
        on_start(t, x, e);
    } else if (e->action == SK_RT_DIE) {
        on_die(t, x, e);
    } else if (e->action == SK_RT_DESTROY) {
        removed(t, x, e->time);
    } else if (e->action == SK_RT_PAUSE || e->action == SK_RT_UNPAUSE) {
        x->c.state = e->action == SK_RT_PAUSE ? SK_CS_PAUSED : SK_CS_RUNNING;
        tell(t, x);
    } else if (e->action == SK_RT_CHANGE && x->c.state != SK_CS_EXITED) {
        want(t, e->id, (struct todo){.urgent = false});
    }
}

void sk_rt_track_event(struct sk_rt_track *t, const struct sk_rt_event *e)
{
    if (e->time == t->last && e->action == t->last_action && sk_str_eq(e->id, sk_str_c(t->last_id)))
        return; /* a reconnect asks for what came since then, and that is inclusive */
    if (e->time >= t->last) {
        t->last = e->time;
        t->last_action = e->action;
        (void)sk_str_copy(t->last_id, sizeof(t->last_id), e->id);
    }
    if (e->action == SK_RT_IMAGE)
        t->images_due = SK_MIN(t->images_due, sk_now_mono_ns() + IMAGES_DELAY_NS);
    else
        container_event(t, e);
}

int64_t sk_rt_track_last(const struct sk_rt_track *t)
{
    return t->last;
}

/* ---- all containers ------------------------------------------------------------------------- */

static int listed(void *arg, const struct sk_rt_listed *l)
{
    struct sk_rt_track *t = arg;
    struct sk_rt_entry *e = sk_rt_table_get(t->table, l->id);

    if (e)
        e->seen = true;
    want(t, l->id, (struct todo){.urgent = false});
    return 0;
}

static void relist_step(struct sk_rt_track *t)
{
    struct sk_err err = {0};
    struct sk_rt_entry *e;
    size_t it = 0;
    int r;

    t->relist_due = UINT64_MAX;
    while (sk_rt_table_next(t->table, &it, &e))
        e->seen = false;
    r = t->ops->list(t->ctx, listed, t, &err);
    if (r == -ECANCELED)
        return;
    if (r < 0) {
        sk_log(t->conf.log, SK_WARN, "runtime", "containers are not known", "error=%s", err.msg);
        t->relist_due = sk_now_mono_ns() + RELIST_RETRY_NS;
        return;
    }
    t->images_due = 0; /* next, before the containers, which take names and digests from there */
    for (it = 0; sk_rt_table_next(t->table, &it, &e);) {
        if (!e->seen) {
            removed(t, e, sk_now_wall_ns());
            it = 0; /* the table has changed */
        }
    }
}

bool sk_rt_track_step(struct sk_rt_track *t, uint64_t now)
{
    size_t at = next_todo(t, now);

    if (at < t->todo.n && t->todo.v[at].urgent) {
        todo_step(t, at);
    } else if (t->relist_due <= now) {
        relist_step(t);
    } else if (t->images_due <= now) {
        images_step(t);
    } else if (at < t->todo.n) {
        todo_step(t, at);
    } else if (t->counts_due <= now) {
        t->counts_due = UINT64_MAX;
        if (images_count(t))
            images_tell(t);
    } else {
        return false;
    }
    return true;
}

uint64_t sk_rt_track_due(const struct sk_rt_track *t)
{
    uint64_t due = SK_MIN(t->relist_due, SK_MIN(t->images_due, t->counts_due));
    size_t i;

    for (i = 0; i < t->todo.n; i++)
        due = SK_MIN(due, t->todo.v[i].due);
    return due;
}
