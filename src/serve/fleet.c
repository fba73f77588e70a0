/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "io/tls.h"

#define CERTS_MAX 1000u /* of one agent, read at once */
#define ARENA_MAX ((size_t)8 << 20)
#define TOLD_NS (60 * SK_NS_PER_S) /* an alert of a revoked agent is counted up this often */
/* Life of a certificate without a row, at most. */
#define UNKNOWN_NS (398LL * 86400 * SK_NS_PER_S)

struct sk_fleet {
    struct sk_store *store;
    struct sk_live *live;
    struct sk_log *log;
    pthread_mutex_t lock;
    char address[160], ca_hash[SK_SHA256_HEX], local[128];
    void (*cut)(void *arg);
    void *arg;
};

int sk_fleet_new(struct sk_store *store, struct sk_live *live, struct sk_log *log,
                 struct sk_fleet **ret)
{
    struct sk_fleet *f = calloc(1, sizeof(*f));

    if (!f)
        return -ENOMEM;
    f->store = store;
    f->live = live;
    f->log = log;
    (void)pthread_mutex_init(&f->lock, NULL);
    *ret = f;
    return 0;
}

struct sk_fleet *sk_fleet_free(struct sk_fleet *f)
{
    if (f)
        (void)pthread_mutex_destroy(&f->lock);
    free(f);
    return NULL;
}

void sk_fleet_open(struct sk_fleet *f, const struct sk_fleet_door *door)
{
    (void)pthread_mutex_lock(&f->lock);
    (void)sk_str_copy(f->address, sizeof(f->address), sk_str_c(door->address));
    (void)sk_str_copy(f->ca_hash, sizeof(f->ca_hash), sk_str_c(door->ca_hash));
    (void)sk_str_copy(f->local, sizeof(f->local), sk_str_c(door->local));
    f->cut = door->cut;
    f->arg = door->arg;
    (void)pthread_mutex_unlock(&f->lock);
}

/* ---- join tokens ----------------------------------------------------------------------------- */

static int put(struct sk_fleet *f, const struct sk_kind *kind, const void *obj, struct sk_err *err)
{
    const struct sk_put p = {kind, obj, false};

    return sk_store_put(f->store, &p, 1, (struct sk_str){0}, 0, err);
}

int sk_fleet_token_add(struct sk_fleet *f, struct sk_join_token *t, struct sk_arena *a,
                       char ret_secret[44], struct sk_err *err)
{
    char hash[SK_SHA256_HEX];
    unsigned char rnd[8];
    uint64_t number;
    char *id;

    if (sk_token_make(ret_secret) < 0 || sk_random(rnd, sizeof(rnd)) < 0)
        return sk_err_set(err, -EIO, "no random numbers for a token");
    memcpy(&number, rnd, sizeof(number));
    id = sk_arena_printf(a, "join-%016llx", (unsigned long long)number);
    sk_sha256_hex(sk_str_c(ret_secret), hash);
    t->hash = sk_str_n(hash, SK_SHA256_HEX - 1);
    if (!id || !sk_arena_keep(a, &t->hash))
        return sk_err_set(err, -ENOMEM, "out of memory");
    t->id = sk_str_c(id);
    t->created = sk_now_wall_ns();
    t->uses = 0;
    return put(f, &sk_kind_join_token, t, err);
}

int sk_fleet_token_revoke(struct sk_fleet *f, struct sk_str id, struct sk_str by,
                          struct sk_arena *a, struct sk_join_token *ret, struct sk_err *err)
{
    int r;

    (void)pthread_mutex_lock(&f->lock);
    r = sk_store_get(f->store, &sk_kind_join_token, id, a, ret, err);
    if (r == 0 && ret->revoked == 0) {
        ret->revoked = sk_now_wall_ns();
        ret->revoked_by = by;
        r = put(f, &sk_kind_join_token, ret, err);
    }
    (void)pthread_mutex_unlock(&f->lock);
    return r;
}

int sk_fleet_command(struct sk_fleet *f, struct sk_str host, struct sk_str id, const char *secret,
                     struct sk_buf *command, struct sk_buf *token, struct sk_err *err)
{
    struct sk_str address, own, port;
    ssize_t colon;
    int r = 0;

    (void)pthread_mutex_lock(&f->lock);
    address = sk_str_c(f->address);
    colon = sk_str_rchr(address, ':');
    if (colon < 0) {
        r = sk_err_set(err, -ENOTCONN,
                       "this console takes no agents in: start it with --agents ADDR:PORT");
    } else {
        own = sk_str_sub(address, 0, (size_t)colon);
        port = sk_str_sub(address, (size_t)colon + 1, address.n);
        if (host.n && (sk_str_eq(own, SK_STR("0.0.0.0")) || sk_str_eq(own, SK_STR("[::]"))))
            own = host;
        (void)sk_buf_printf(token, SK_STR_FMT ".%s.%s", SK_STR_ARG(id), secret, f->ca_hash);
        (void)sk_buf_printf(command, "skep agent --console " SK_STR_FMT ":" SK_STR_FMT " --join ",
                            SK_STR_ARG(own), SK_STR_ARG(port));
        (void)sk_buf_str(command, sk_buf_view(token));
        if (token->err || command->err)
            r = sk_err_set(err, -ENOMEM, "out of memory");
    }
    (void)pthread_mutex_unlock(&f->lock);
    return r;
}

/* ---- certificates of an agent ---------------------------------------------------------------- */

/* Ids go into expressions: the same characters as the link takes. */
static bool id_good(struct sk_str id)
{
    size_t i;
    bool good = id.n > 0 && id.n <= 64;

    for (i = 0; i < id.n && good; i++)
        good = (id.p[i] >= 'a' && id.p[i] <= 'z') || (id.p[i] >= 'A' && id.p[i] <= 'Z') ||
               (id.p[i] >= '0' && id.p[i] <= '9') || strchr("._-", id.p[i]);
    return good;
}

/* The agent's certificates, by sort; more: a further condition, or "". */
static int certs_read(struct sk_fleet *f, struct sk_str agent_id, const char *more,
                      const char *sort, uint32_t limit, struct sk_arena *a, struct sk_page *ret,
                      struct sk_err *err)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_query q = {.kind = &sk_kind_certificate, .sort = sk_str_c(sort), .limit = limit};
    char text[192];
    int r;

    if (!id_good(agent_id))
        return sk_err_set(err, -EINVAL, "\"" SK_STR_FMT "\" is no agent id", SK_STR_ARG(agent_id));
    (void)snprintf(text, sizeof(text), "agent_id = \"" SK_STR_FMT "\"%s", SK_STR_ARG(agent_id),
                   more);
    r = sk_expr_compile(&sk_kind_certificate, sk_str_c(text), &e, err);
    q.where = e;
    return r < 0 ? r : sk_store_query(f->store, &q, a, ret, err);
}

/* The agent's last revoked certificate. 0, 1: none. */
static int revoked_read(struct sk_fleet *f, struct sk_str agent_id, struct sk_arena *a,
                        struct sk_certificate *ret, struct sk_err *err)
{
    struct sk_page page;
    int r = certs_read(f, agent_id, " and revoked exists", "revoked", 1, a, &page, err);

    if (r < 0 || page.rows.n == 0)
        return r < 0 ? r : 1;
    *ret = *(const struct sk_certificate *)page.rows.v;
    return 0;
}

/* ---- joining --------------------------------------------------------------------------------- */

/* Whoever knows the secret may know what is wrong with the token. */
static int token_check(struct sk_fleet *f, const struct sk_join_token *t, struct sk_str agent_id,
                       struct sk_arena *a, struct sk_err *err)
{
    struct sk_certificate last;
    char time[SK_TIME_TEXT];
    int r;

    if (sk_str_eq(agent_id, sk_str_c(f->local)))
        return sk_err_set(err, -EACCES, "this id is that of the console's own host");
    if (t->revoked) {
        sk_time_format(t->revoked, time);
        return sk_err_set(err, -EACCES, "the join token was revoked at %s", time);
    }
    if (t->expires < sk_now_wall_ns()) {
        sk_time_format(t->expires, time);
        return sk_err_set(err, -EACCES, "the join token expired at %s", time);
    }
    if (t->max_uses && t->uses >= t->max_uses)
        return sk_err_set(err, -EACCES, "the join token is spent: it was good for %u agent%s",
                          t->max_uses, t->max_uses == 1 ? "" : "s");
    r = revoked_read(f, agent_id, a, &last, err);
    if (r == 0 && last.revoked >= t->created) {
        sk_time_format(last.revoked, time);
        return sk_err_set(err, -EACCES,
                          "this agent was revoked at %s: it needs a join token made after that",
                          time);
    }
    return r < 0 ? r : 0;
}

int sk_fleet_join(struct sk_fleet *f, struct sk_str token_id, struct sk_str secret,
                  struct sk_str agent_id, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(ARENA_MAX);
    struct sk_join_token t = {0};
    struct sk_err why = {0};
    int r;

    if (!a)
        return sk_err_set(err, -ENOMEM, "out of memory");
    (void)pthread_mutex_lock(&f->lock);
    r = sk_store_get(f->store, &sk_kind_join_token, token_id, a, &t, &why);
    if (r == 1 || (r == 0 && !sk_sha256_matches(t.hash, secret))) {
        r = -EACCES;
    } else {
        if (r == 0)
            r = token_check(f, &t, agent_id, a, &why);
        if (r == 0) {
            t.uses++;
            t.last_used = sk_now_wall_ns();
            t.last_agent = agent_id;
            r = put(f, &sk_kind_join_token, &t, &why);
        }
        if (r < 0)
            (void)sk_err_set(err, r, "%s", why.msg);
    }
    (void)pthread_mutex_unlock(&f->lock);
    return r;
}

/* Between the question and now the agent may have been revoked: no renewal then. */
static int renewal_check(struct sk_fleet *f, struct sk_str agent_id, struct sk_arena *a,
                         struct sk_err *err)
{
    const struct sk_certificate *newest;
    struct sk_page page;
    int r = certs_read(f, agent_id, "", "issued", 1, a, &page, err);

    newest = r == 0 && page.rows.n ? page.rows.v : NULL;
    return newest && newest->revoked ? sk_err_set(err, -EKEYREVOKED, "this agent was revoked") : r;
}

int sk_fleet_issued(struct sk_fleet *f, const struct sk_certificate *cert, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(ARENA_MAX);
    struct sk_agent g = {0};
    struct sk_put puts[2] = {{&sk_kind_certificate, cert, false}, {&sk_kind_agent, &g, false}};
    int r;

    if (!a)
        return sk_err_set(err, -ENOMEM, "out of memory");
    (void)pthread_mutex_lock(&f->lock);
    r = cert->token_id.n ? 0 : renewal_check(f, cert->agent_id, a, err);
    if (r == 0)
        r = sk_store_get(f->store, &sk_kind_agent, cert->agent_id, a, &g, err);
    if (r >= 0) {
        g.certificate_expires = cert->expires;
        g.revoked = 0;
        g.revoked_by = (struct sk_str){0};
        r = sk_store_put(f->store, puts, r == 0 ? 2 : 1, (struct sk_str){0}, 0, err);
    }
    (void)pthread_mutex_unlock(&f->lock);
    return r;
}

/* ---- refusing -------------------------------------------------------------------------------- */

/* One alert per revoked certificate: its id is made of both, and sorts by the time of revocation.
 */
static void alert_id(const struct sk_certificate *cert, char ret[27])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint64_t ms = (uint64_t)(cert->revoked / SK_NS_PER_MS);
    char hash[SK_SHA256_HEX];
    size_t i;

    sk_sha256_hex(cert->id, hash);
    for (i = 0; i < 10; i++)
        ret[i] = digits[(ms >> (45 - 5 * i)) & 31];
    for (i = 0; i < 16; i++)
        ret[10 + i] = (char)(hash[i] >= 'a' ? hash[i] - 32 : hash[i]);
    ret[26] = 0;
}

static void alert_tell(struct sk_fleet *f, const struct sk_certificate *cert,
                       const struct sk_agent *g, const char *time, struct sk_arena *a)
{
    char id[27];
    struct sk_alert al = {0};
    struct sk_err err = {0};
    int r;

    alert_id(cert, id);
    r = sk_store_get(f->store, &sk_kind_alert, sk_str_n(id, 26), a, &al, &err);
    if (r == 0 && sk_now_wall_ns() - al.stored < TOLD_NS)
        return;
    if (r == 1)
        al = (struct sk_alert){
            .id = sk_str_n(id, 26),
            .host_id = cert->agent_id,
            .hostname = g->hostname,
            .time = sk_now_wall_ns(),
            .rule = SK_STR("Revoked agent refused"),
            .source = SK_STR("skep"),
            .priority = SK_PRIO_WARNING,
            .desc = SK_STR("An agent whose certificate was revoked tries to connect"),
            .output = sk_str_c(sk_arena_printf(
                a, "Agent " SK_STR_FMT " came with a certificate that " SK_STR_FMT " revoked at %s",
                SK_STR_ARG(cert->agent_id), SK_STR_ARG(cert->revoked_by), time))};
    al.count++;
    al.stored = sk_now_wall_ns();
    if (r >= 0)
        r = put(f, &sk_kind_alert, &al, &err);
    if (r < 0)
        sk_log(f->log, SK_ERROR, "fleet", "alert not stored", "error=%s", err.msg);
    else if (f->live)
        sk_live_publish(f->live, &sk_kind_alert, &al, false);
}

/* The agent's row says so, also when its last report came after the revocation. */
static void agent_mark(struct sk_fleet *f, struct sk_agent *g, const struct sk_certificate *cert)
{
    struct sk_err err = {0};

    g->connected = false;
    g->revoked = cert->revoked;
    g->revoked_by = cert->revoked_by;
    if (put(f, &sk_kind_agent, g, &err) < 0)
        sk_log(f->log, SK_ERROR, "fleet", "agent not stored", "error=%s", err.msg);
    else if (f->live)
        sk_live_publish(f->live, &sk_kind_agent, g, false);
}

static int refuse(struct sk_fleet *f, const struct sk_certificate *cert, struct sk_arena *a,
                  struct sk_err *err)
{
    char time[SK_TIME_TEXT];
    struct sk_agent g = {0};
    int r = sk_store_get(f->store, &sk_kind_agent, cert->agent_id, a, &g, NULL);

    sk_time_format(cert->revoked, time);
    if (r == 0 && !g.revoked)
        agent_mark(f, &g, cert);
    alert_tell(f, cert, &g, time, a);
    return sk_err_set(err, -EKEYREVOKED,
                      SK_STR_FMT " revoked this agent at %s; skep agent --join with a new token "
                                 "brings it back",
                      SK_STR_ARG(cert->revoked_by), time);
}

/* No row: it was issued before rows were kept. */
static int adopt(struct sk_fleet *f, const struct sk_certificate *cert, struct sk_arena *a,
                 struct sk_err *err)
{
    struct sk_certificate last = {0}, row = *cert;
    int r = revoked_read(f, cert->agent_id, a, &last, err);

    if (r < 0)
        return r;
    if (r == 0 && last.revoked >= cert->issued) {
        row.revoked = last.revoked;
        row.revoked_by = last.revoked_by;
    }
    r = put(f, &sk_kind_certificate, &row, err);
    return r < 0 || !row.revoked ? r : refuse(f, &row, a, err);
}

int sk_fleet_allowed(struct sk_fleet *f, const struct sk_certificate *cert, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(ARENA_MAX);
    struct sk_certificate row = {0};
    int r;

    if (!a)
        return sk_err_set(err, -ENOMEM, "out of memory");
    (void)pthread_mutex_lock(&f->lock);
    r = sk_store_get(f->store, &sk_kind_certificate, cert->id, a, &row, err);
    if (r == 1)
        r = adopt(f, cert, a, err);
    else if (r == 0 && row.revoked)
        r = refuse(f, &row, a, err);
    (void)pthread_mutex_unlock(&f->lock);
    return r;
}

/* ---- revoking -------------------------------------------------------------------------------- */

/* Marks what is not revoked yet. certs has room for one more than there are. */
static size_t certs_mark(struct sk_certificate *certs, size_t n, struct sk_str agent_id,
                         struct sk_str by, int64_t now, struct sk_put *puts, struct sk_arena *a)
{
    size_t i, changed = 0;

    if (n == 0) { /* it has one that no row tells of: this one stands for all issued before */
        char *id = sk_arena_printf(a, "before-" SK_STR_FMT, SK_STR_ARG(agent_id));

        certs[n++] = (struct sk_certificate){
            .id = sk_str_c(id), .agent_id = agent_id, .issued = now, .expires = now + UNKNOWN_NS};
    }
    for (i = 0; i < n; i++) {
        if (certs[i].revoked)
            continue;
        certs[i].revoked = now;
        certs[i].revoked_by = by;
        puts[changed++] = (struct sk_put){&sk_kind_certificate, &certs[i], false};
    }
    return changed;
}

static int revoke(struct sk_fleet *f, struct sk_str agent_id, struct sk_str by, struct sk_arena *a,
                  struct sk_agent *g, struct sk_err *err)
{
    struct sk_certificate *certs = sk_arena_array(a, CERTS_MAX + 1, sizeof(*certs));
    struct sk_put *puts = sk_arena_array(a, CERTS_MAX + 2, sizeof(*puts));
    int64_t now = sk_now_wall_ns();
    struct sk_page page;
    size_t n;
    int r, known;

    if (!certs || !puts)
        return sk_err_set(err, -ENOMEM, "out of memory");
    if (!id_good(agent_id))
        return 1;
    if (sk_str_eq(agent_id, sk_str_c(f->local)))
        return sk_err_set(err, -ENOTSUP,
                          "this agent runs inside the console and has no certificate");
    known = sk_store_get(f->store, &sk_kind_agent, agent_id, a, g, err);
    if (known < 0)
        return known;
    r = certs_read(f, agent_id, "", "issued", CERTS_MAX, a, &page, err);
    if (r < 0 || (known == 1 && page.rows.n == 0))
        return r < 0 ? r : 1;
    if (page.rows.n)
        memcpy(certs, page.rows.v, page.rows.n * sizeof(*certs));
    n = certs_mark(certs, page.rows.n, agent_id, by, now, puts, a);
    if (n == 0)
        return 0; /* it is revoked already */
    if (known == 1) {
        *g = (struct sk_agent){.id = agent_id};
    } else {
        g->connected = false;
        g->revoked = now;
        g->revoked_by = by;
        puts[n++] = (struct sk_put){&sk_kind_agent, g, false};
    }
    r = sk_store_put(f->store, puts, n, (struct sk_str){0}, 0, err);
    if (r == 0 && known == 0 && f->live)
        sk_live_publish(f->live, &sk_kind_agent, g, false);
    return r;
}

int sk_fleet_revoke(struct sk_fleet *f, struct sk_str agent_id, struct sk_str by,
                    struct sk_arena *a, struct sk_agent *ret, struct sk_err *err)
{
    void (*cut)(void *arg);
    void *arg;
    int r;

    (void)pthread_mutex_lock(&f->lock);
    r = revoke(f, agent_id, by, a, ret, err);
    cut = f->cut;
    arg = f->arg;
    (void)pthread_mutex_unlock(&f->lock);
    if (r == 0 && cut)
        cut(arg);
    return r;
}

void sk_fleet_agent(struct sk_fleet *f, struct sk_agent *g, struct sk_arena *a)
{
    const struct sk_certificate *cert;
    struct sk_agent old = {0};
    struct sk_page page;

    g->revoked = g->certificate_expires = 0; /* not the agent's to say */
    g->revoked_by = (struct sk_str){0};
    if (sk_store_get(f->store, &sk_kind_agent, g->id, a, &old, NULL) == 0 && !old.revoked)
        g->certificate_expires = old.certificate_expires;
    if (g->certificate_expires ||
        certs_read(f, g->id, " and not revoked exists", "expires", 1, a, &page, NULL) < 0 ||
        page.rows.n == 0)
        return;
    cert = page.rows.v;
    g->certificate_expires = cert->expires;
}
