/* SPDX-License-Identifier: Apache-2.0 */
/* What the console's files share: server_run.c (life), server_sink.c (what agents say, retention).
 */
#ifndef SK_CMD_SERVER_INT_H
#define SK_CMD_SERVER_INT_H

#include <pthread.h>

#include "changes.h"
#include "fleet.h"
#include "paths.h"
#include "serve.h"
#include "server_run.h"
#include "store/store.h"

struct sk_server_run {
    struct sk_server_conf conf;
    struct sk_store *store;
    struct sk_live *live;
    struct sk_fleet *fleet;
    struct sk_changes *changes;
    char *rules_json; /* server_rules.c: as of the newest change; under the lock */
    uint64_t rules_rev;
    struct server_audit *audit;
    struct server_join *join; /* server_join.c; under the lock of changes */
    struct sk_serve *serve;
    struct sk_link_server *door; /* for agents of other hosts; NULL: closed */
    char tls_dir[SK_PATH_TEXT], url[128], agents[128];
    pthread_t keeper; /* retention */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool keeping, stop, broken; /* broken: the store cannot write, and the log says so */
};

/* Stores a token's hash under id; expires 0: never. */
int server_token_put(struct sk_server_run *s, struct sk_str id, struct sk_str name,
                     struct sk_str secret, enum sk_role role, int64_t expires,
                     struct sk_err *err) SK_NODISCARD;
/* The door for agents of other hosts, where conf says so (server_fleet.c). */
int server_door_new(struct sk_server_run *s, struct sk_err *err) SK_NODISCARD;
/* "127.0.0.1:8443", "[::1]:8443", ":8443" (loopback). */
int server_address_parse(const char *text, char address[64], uint16_t *ret_port,
                         struct sk_err *err) SK_NODISCARD;
/* server_merge.c: an item of a batch joined with what the console has. *ret: the object to store,
 * NULL: nothing is; left alone where the kind has no such rule. Under the lock of s->changes. */
struct server_batch {
    struct sk_server_run *s;
    struct sk_str agent_id;
    struct sk_arena *arena;
    const struct sk_put *puts; /* of this batch, before the item */
    size_t n;
};
int server_merge(const struct server_batch *b, const struct sk_link_item *item, const void **ret,
                 struct sk_err *err) SK_NODISCARD;
/* server_profile.c: what was learned on one host joined with what is known. *ret may be seen. 0, 1
 * (of a profile that was withdrawn), -ENOMEM. */
int server_profile_merge(const struct sk_profile *old, const struct sk_profile *seen,
                         struct sk_arena *a, struct sk_profile *ret) SK_NODISCARD;
/* Those of a stored batch that were promoted: kept as versions, and told to all agents. Under the
 * lock of s->changes. */
void server_profiles_stored(struct sk_server_run *s, const struct sk_put *puts, size_t n,
                            struct sk_arena *a);
/* server_join.c: incidents of several hosts that are one attack (detect/join.h). */
int server_join_new(struct sk_server_run *s, struct sk_err *err) SK_NODISCARD;
void server_join_free(struct sk_server_run *s);
/* What of a stored batch says more about that. Under the lock of s->changes. */
void server_join_stored(struct sk_server_run *s, const struct sk_put *puts, size_t n);
void server_down_init(struct sk_server_run *s); /* server_down.c: agents are told of changes */
/* serve.h's rules_check (server_rules.c) */
int server_rules_check(const struct sk_rule_text *files, size_t n, size_t which, struct sk_buf *out,
                       struct sk_err *err);
/* server_audit.c; serve.h's k8s_audit */
int server_audit_new(struct sk_server_run *s, struct sk_err *err) SK_NODISCARD;
void server_audit_free(struct sk_server_run *s);
int server_k8s_audit(void *arg, struct sk_str cluster, struct sk_str json, size_t *ret_n,
                     struct sk_err *err);
/* serve.h's rules_json where no agent runs in this process: the built-in rules and the console's.
 */
int server_rules_json(void *arg, struct sk_buf *out);
void server_health(struct sk_server_run *s); /* logs when it changed */
void *server_keeper(void *arg);

#endif
