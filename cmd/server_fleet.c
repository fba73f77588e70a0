/* SPDX-License-Identifier: Apache-2.0 */
/* The door for agents of other hosts: the link server asks, the fleet's register answers. */
#include <stdio.h>
#include <unistd.h>

#include "base/time.h"
#include "server_int.h"

#define JOIN_NS (3600 * SK_NS_PER_S)

static struct sk_certificate cert_of(const struct sk_link_cert *c)
{
    return (struct sk_certificate){.id = sk_str_c(c->serial),
                                   .agent_id = sk_str_c(c->agent_id),
                                   .fingerprint = sk_str_c(c->fingerprint),
                                   .issued = c->issued,
                                   .expires = c->expires};
}

static int on_join(void *arg, struct sk_str token_id, struct sk_str secret, struct sk_str agent_id,
                   struct sk_err *err)
{
    struct sk_server_run *s = arg;

    return sk_fleet_join(s->fleet, token_id, secret, agent_id, err);
}

static int on_issued(void *arg, const struct sk_link_cert *cert, struct sk_str token_id,
                     struct sk_str peer, struct sk_err *err)
{
    struct sk_server_run *s = arg;
    struct sk_certificate c = cert_of(cert);

    c.token_id = token_id;
    c.ip = sk_str_sub(peer, 0, (size_t)SK_MAX(sk_str_rchr(peer, ':'), 0));
    return sk_fleet_issued(s->fleet, &c, err);
}

static int on_allowed(void *arg, const struct sk_link_cert *cert, struct sk_err *err)
{
    struct sk_server_run *s = arg;
    const struct sk_certificate c = cert_of(cert);

    return sk_fleet_allowed(s->fleet, &c, err);
}

static void on_cut(void *arg)
{
    struct sk_server_run *s = arg;

    sk_link_server_recheck(s->door);
}

/* What agents are told to connect to. A door that is open at all addresses is named by the one who
 * asks for a join command, or after this host. */
static void door_tell(struct sk_server_run *s, const char *ca_hash)
{
    struct sk_str at = sk_str_c(s->conf.agents_at);
    char address[300];
    const struct sk_fleet_door door = {
        .address = address, .ca_hash = ca_hash, .local = s->conf.local, .cut = on_cut, .arg = s};

    if (at.n && (sk_str_rchr(at, ':') < 0 || sk_str_ends(at, SK_STR("]"))))
        (void)snprintf(address, sizeof(address), SK_STR_FMT ":%u", SK_STR_ARG(at),
                       sk_link_server_port(s->door));
    else
        (void)sk_str_copy(address, sizeof(address), at.n ? at : sk_str_c(s->agents));
    sk_fleet_open(s->fleet, &door);
}

int server_door_new(struct sk_server_run *s, struct sk_err *err)
{
    char address[64], ca[65];
    struct sk_link_server_conf conf = {.address = address,
                                       .dir = s->tls_dir,
                                       .sink = sk_server_run_sink,
                                       .sink_seq = sk_server_run_seq,
                                       .down = sk_server_run_down,
                                       .join = on_join,
                                       .issued = on_issued,
                                       .allowed = on_allowed,
                                       .arg = s,
                                       .log = s->conf.log};
    int r;

    if (!s->conf.agents)
        return 0;
    r = server_address_parse(s->conf.agents, address, &conf.port, err);
    if (r == 0)
        r = sk_link_ca_hash(s->tls_dir, ca, err);
    if (r == 0)
        r = sk_link_server_new(&conf, &s->door, err);
    if (r < 0)
        return r;
    (void)snprintf(s->agents, sizeof(s->agents), strchr(address, ':') ? "[%s]:%u" : "%s:%u",
                   address, sk_link_server_port(s->door));
    door_tell(s, ca);
    return 0;
}

int sk_server_run_join_command(struct sk_server_run *s, struct sk_buf *out, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(65536);
    struct sk_join_token t = {.name = SK_STR("printed at the start of the console"),
                              .max_uses = 1,
                              .expires = sk_now_wall_ns() + JOIN_NS,
                              .created_by = SK_STR("console")};
    char secret[44], host[256] = "localhost";
    struct sk_buf token;
    int r = a ? sk_fleet_token_add(s->fleet, &t, a, secret, err)
              : sk_err_set(err, -ENOMEM, "out of memory");

    if (r < 0)
        return r;
    (void)gethostname(host, sizeof(host) - 1);
    sk_buf_init(&token, 512);
    r = sk_fleet_command(s->fleet, sk_str_c(host), t.id, secret, out, &token, err);
    sk_buf_done(&token);
    return r;
}
