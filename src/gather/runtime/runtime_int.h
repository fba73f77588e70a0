/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a runtime must offer, and what the area shares. runtime.c owns the threads, the queue, the
 * table of containers and every retry; a runtime (docker.c; containerd, CRI-O and Podman later)
 * only asks its engine and translates.
 *
 * Threads   watch runs on a thread of its own, beside all other calls, which come from one thread.
 *           abort may be called from any.
 */
#ifndef SK_RUNTIME_RUNTIME_INT_H
#define SK_RUNTIME_RUNTIME_INT_H

#include "base/arena.h"
#include "runtime/runtime.h"

#define SK_RT_ID_MAX 64                    /* hex digits of a container id */
#define SK_RT_TEXT_MAX 4096                /* bytes kept of one text of an engine's answer */
#define SK_RT_LABEL_MAX 1024               /* bytes kept of a label's value */
#define SK_RT_LIST_MAX 256                 /* labels, mounts, ports, tags kept of one object */
#define SK_RT_OBJECT_MAX ((size_t)4 << 20) /* bytes of arena for one container */
#define SK_RT_IMAGES_MAX 10000             /* images of one host */

enum sk_rt_action {
    SK_RT_CREATE,
    SK_RT_START,
    SK_RT_DIE,
    SK_RT_PAUSE,
    SK_RT_UNPAUSE,
    SK_RT_DESTROY,
    SK_RT_CHANGE, /* renamed, updated, connected to a network …: ask again */
    SK_RT_IMAGE,  /* some image came, went or was tagged */
};

/* One event of the engine; texts are valid during the call only. */
struct sk_rt_event {
    enum sk_rt_action action;
    int64_t time;     /* wall ns by the engine's clock */
    struct sk_str id; /* container's; empty for SK_RT_IMAGE */
    struct sk_str name, image;
    bool has_exit;
    int64_t exit_code;     /* of SK_RT_DIE */
    struct sk_list labels; /* struct sk_label */
};

struct sk_rt_listed {
    struct sk_str id; /* valid during the call only */
    bool running;
};

struct sk_runtime_ops {
    const char *name;
    /* ctx for one engine; connects to nothing yet. socket is the caller's and outlives ctx. */
    int (*open)(const char *socket, void **ret, struct sk_err *err);
    void (*close)(void *ctx);
    void (*abort)(void *ctx); /* every call under way and later returns -ECANCELED */
    /* Says hello; version gets "Docker 28.2.2, API 1.50, cgroup v2". */
    int (*hello)(void *ctx, char *version, size_t size, struct sk_err *err);
    int (*list)(void *ctx, int (*fn)(void *arg, const struct sk_rt_listed *l), void *arg,
                struct sk_err *err);
    /* What the engine can tell without waiting for the container's lock, which it holds while it
     * starts it: names, image, command, labels, mounts, state. 0, 1 (gone), negative errno. */
    int (*peek)(void *ctx, struct sk_str id, struct sk_arena *a, struct sk_container *ret,
                struct sk_err *err);
    /* All of it. 0, 1 (there is no such container), negative errno. host_id and cgroup_id stay
     * empty. */
    int (*inspect)(void *ctx, struct sk_str id, struct sk_arena *a, struct sk_container *ret,
                   struct sk_err *err);
    /* All images, texts in the arena; containers stays 0. */
    int (*images)(void *ctx, struct sk_arena *a, struct sk_image **ret, size_t *ret_n,
                  struct sk_err *err);
    /* Architecture and system of one image: 0, 1 (gone), negative errno. */
    int (*image_more)(void *ctx, struct sk_arena *a, struct sk_image *io, struct sk_err *err);
    /* Events from since (wall ns by the engine's clock) on, until the engine ends the stream (0),
     * nothing came for a minute (-ETIMEDOUT), or it fails. fn returns non-zero to stop (then 0). */
    int (*watch)(void *ctx, int64_t since, int (*fn)(void *arg, const struct sk_rt_event *e),
                 void *arg, struct sk_err *err);
};

extern const struct sk_runtime_ops sk_runtime_docker;

/* ---- docker_parse.c: Docker's JSON ---------------------------------------------------------- */

/* "reg:5000/a/b:1.2@sha256:…" → "reg:5000/a/b", "1.2", "sha256:…". Without tag and digest the tag
 * is "latest"; a bare id ("sha256:…") has neither. Parts point into image. */
void sk_docker_image_split(struct sk_str image, struct sk_str *ret_repository,
                           struct sk_str *ret_tag, struct sk_str *ret_digest);
/* One line of GET /events. 0 and *ret (texts in the arena), 1 (of no interest), -EBADMSG, -ENOMEM.
 */
int sk_docker_event_parse(struct sk_str json, struct sk_arena *a, struct sk_rt_event *ret,
                          struct sk_err *err) SK_NODISCARD;
/* GET /containers/json: calls fn for each. 0, fn's result, -EBADMSG, -EFBIG, -ENOMEM. */
int sk_docker_list_parse(struct sk_str json, int (*fn)(void *arg, const struct sk_rt_listed *l),
                         void *arg, struct sk_err *err) SK_NODISCARD;
/* The entry of that list with this id. 0, 1 (there is none), -EBADMSG, -EFBIG, -ENOMEM. */
int sk_docker_peek_parse(struct sk_str json, struct sk_str id, struct sk_arena *a,
                         struct sk_container *ret, struct sk_err *err) SK_NODISCARD;
/* GET /images/json. -EBADMSG, -EFBIG, -ENOMEM. */
int sk_docker_images_parse(struct sk_str json, struct sk_arena *a, struct sk_image **ret,
                           size_t *ret_n, struct sk_err *err) SK_NODISCARD;
/* GET /images/ID/json: os and arch. -EBADMSG, -EFBIG, -ENOMEM. */
int sk_docker_image_parse(struct sk_str json, struct sk_arena *a, struct sk_image *io,
                          struct sk_err *err) SK_NODISCARD;
struct sk_docker_version {
    char version[64];
    unsigned api_minor; /* the version to speak is 1.api_minor */
};
/* GET /version. -EBADMSG, -EPROTO (only versions that we do not speak). */
int sk_docker_version_parse(struct sk_str json, struct sk_docker_version *ret,
                            struct sk_err *err) SK_NODISCARD;
void sk_docker_pod_fill(struct sk_container *c); /* k8s_… from the labels */
bool sk_rt_id_ok(struct sk_str id);              /* 12 to 64 hex digits */

/* ---- cgroup.c ------------------------------------------------------------------------------- */

/* Id (inode) of the container's cgroup v2 directory, by its init process or by the usual places; 0
 * when there is none. */
uint64_t sk_rt_cgroup_id(struct sk_str id, uint64_t pid);
const char *sk_rt_cgroup_mode(void); /* "v1", "v1/hybrid", "v2" */

/* ---- table.c: the containers that are known ------------------------------------------------- */

struct sk_rt_entry {
    struct sk_arena *arena; /* holds every text of c */
    struct sk_container c;
    bool inspected; /* else only what an event or a peek told */
    bool seen;      /* by the list under way */
};
struct sk_rt_table;
struct sk_rt_table *sk_rt_table_new(void); /* NULL: no memory */
struct sk_rt_table *sk_rt_table_free(struct sk_rt_table *t);
struct sk_rt_entry *sk_rt_table_get(const struct sk_rt_table *t, struct sk_str id);
/* Puts c (texts in arena) in the place of what is known of c->id; takes the arena on success. */
int sk_rt_table_put(struct sk_rt_table *t, struct sk_arena *arena, const struct sk_container *c,
                    bool inspected, struct sk_rt_entry **ret) SK_NODISCARD;
void sk_rt_table_del(struct sk_rt_table *t, struct sk_str id);
bool sk_rt_table_next(const struct sk_rt_table *t, size_t *it, struct sk_rt_entry **ret);
SK_DEFINE_CLEANUP(struct sk_rt_table *, sk_rt_table_free)

/* ---- queue.c: what other threads want of ours ----------------------------------------------- */

#define SK_RT_EVENTS_MAX 20000 /* events that wait */
#define SK_RT_ASKS_MAX 1024    /* questions that wait */

struct sk_rt_queued {
    struct sk_rt_queued *next;
    struct sk_arena *arena; /* holds this struct too */
    struct sk_rt_event e;
};
struct sk_rt_asked {
    char id[SK_RT_ID_MAX + 1];
};
struct sk_rt_queue;
struct sk_rt_queue *sk_rt_queue_new(void); /* NULL: no memory or no descriptor */
struct sk_rt_queue *sk_rt_queue_free(struct sk_rt_queue *q);
int sk_rt_queue_fd(const struct sk_rt_queue *q); /* readable when something waits */
void sk_rt_queue_event(struct sk_rt_queue *q, const struct sk_rt_event *e);
void sk_rt_queue_ask(struct sk_rt_queue *q, struct sk_str id);
void sk_rt_queue_wake(struct sk_rt_queue *q); /* makes the descriptor readable once */
/* Takes all, oldest first; frees with sk_rt_queued_free. *ret_lost: events were dropped. Asks are
 * copied to asks (SK_RT_ASKS_MAX of room). Clears the descriptor. */
struct sk_rt_queued *sk_rt_queue_take(struct sk_rt_queue *q, struct sk_rt_asked *asks,
                                      size_t *ret_asks, bool *ret_lost);
void sk_rt_queued_free(struct sk_rt_queued *list);

/* ---- track.c: from the engine's answers and events to callbacks ----------------------------- */

struct sk_rt_track;
/* ops and ctx are the caller's; conf is copied, its texts are not. -ENOMEM as NULL. */
struct sk_rt_track *sk_rt_track_new(const struct sk_runtime_conf *conf,
                                    const struct sk_runtime_ops *ops, void *ctx);
struct sk_rt_track *sk_rt_track_free(struct sk_rt_track *t);
void sk_rt_track_event(struct sk_rt_track *t, const struct sk_rt_event *e);
void sk_rt_track_ask(struct sk_rt_track *t, struct sk_str id);
/* Lists all anew at the monotonic time when, and tells all; images too. */
void sk_rt_track_relist(struct sk_rt_track *t, uint64_t when);
/* Does one piece of work that is due (asks the engine at most a few times); true when it did. */
bool sk_rt_track_step(struct sk_rt_track *t, uint64_t now);
uint64_t
sk_rt_track_due(const struct sk_rt_track *t); /* when the next piece is; UINT64_MAX: never */
int64_t sk_rt_track_last(const struct sk_rt_track *t); /* time of the newest event; 0: none */
SK_DEFINE_CLEANUP(struct sk_rt_track *, sk_rt_track_free)

/* The same as sk_runtime_new for any runtime and socket; runtime.c and tests. */
int sk_rt_start(const struct sk_runtime_conf *conf, const struct sk_runtime_ops *ops,
                const char *socket, struct sk_runtime **ret, struct sk_err *err) SK_NODISCARD;

#endif
