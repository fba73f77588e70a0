/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Container runtimes: which containers and images there are, as the runtime tells, kept current.
 *
 * One interface, filled per runtime (struct sk_runtime_ops in runtime_int.h): Docker here;
 * containerd, CRI-O and Podman fill the same. A runtime has a thread of its own that talks to its
 * socket and calls back; the callbacks' texts are valid during the call only.
 *
 * Docker    Engine API over the unix socket, version negotiated by GET /version (at least 1.24).
 *           docs.docker.com/reference/api/engine
 * Workload  10 to 1000 containers; events in bursts of 100 a second.
 * Trust     the engine's answers are trusted to be well meant, not to be small or well formed;
 *           labels and names come from whoever builds images.
 */
#ifndef SK_RUNTIME_RUNTIME_H
#define SK_RUNTIME_RUNTIME_H

#include "base/base.h"
#include "base/log.h"
#include "model/nouns.h"

struct sk_runtime;

struct sk_runtime_conf {
    struct sk_str host_id;     /* copied */
    const char *docker_socket; /* may be NULL: see sk_docker_socket */
    /* A container appeared or changed (whole state each time), also for all at start and after each
     * reconnect. state SK_CS_REMOVED: gone. Called on the runtime's thread. */
    void (*container)(void *arg, const struct sk_container *c);
    /* All images of the host, after start and after each change. */
    void (*images)(void *arg, const struct sk_image *v, size_t n);
    /* The connection's state: error NULL = connected (version then tells "Docker 28.2.2, API 1.50,
     * cgroup v1/hybrid"), else why not. Told once per change, not per retry. */
    void (*state)(void *arg, const char *error, const char *version);
    void *arg;
    struct sk_log *log;
};
/* Docker's socket: the one given, else DOCKER_HOST's if it is unix://, else /run/docker.sock. Never
 * NULL; given's or the environment's, or static. */
const char *sk_docker_socket(const char *given);

/* Starts the thread. An absent engine is not an error: it is retried (0.2 s doubling to 10 s, and
 * at once when its socket appears) and told through state. -ENOMEM, -EAGAIN. */
int sk_runtime_new(const struct sk_runtime_conf *conf, struct sk_runtime **ret,
                   struct sk_err *err) SK_NODISCARD;
struct sk_runtime *sk_runtime_free(struct sk_runtime *r); /* ends the thread; no callback after */
SK_DEFINE_CLEANUP(struct sk_runtime *, sk_runtime_free)
/* Asks for one container now (an event named an unknown one); answered through the callback. Any
 * thread; never blocks. */
void sk_runtime_ask(struct sk_runtime *r, struct sk_str container_id);

/* Reads the answer of GET /containers/ID/json (Docker) into ret; texts in the arena. -EBADMSG. */
int sk_docker_container_parse(struct sk_str json, struct sk_arena *a, struct sk_container *ret,
                              struct sk_err *err) SK_NODISCARD;

#endif
