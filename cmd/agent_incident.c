/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts that belong together: the agent's part of detect/correlate.h. */
#include "agent_int.h"
#include "base/time.h"
#include "detect/correlate.h"
#include "detect/peers.h"

int agent_incidents_new(struct sk_agent_run *a, struct sk_err *err)
{
    struct sk_correlate_conf conf = {0};
    int r = sk_peers_new(&a->peers);

    conf.peers = a->peers;
    if (r == 0)
        r = sk_correlate_new(&conf, &a->correlate);
    return r < 0 ? sk_err_set(err, r, "agent: out of memory") : 0;
}

void agent_incidents_free(struct sk_agent_run *a)
{
    a->correlate = sk_correlate_free(a->correlate);
    a->peers = sk_peers_free(a->peers);
}

void agent_incident_event(struct sk_agent_run *a, const struct sk_event *ev)
{
    struct sk_endpoint e;

    if (sk_peers_event(a->peers, ev, &e))
        sk_correlate_endpoint(a->correlate, &e);
}

struct sk_str agent_incident_of(struct sk_agent_run *a, const struct sk_alert *al)
{
    return sk_correlate_alert(a->correlate, al);
}

void agent_incident_container(struct sk_agent_run *a, const struct sk_container *c)
{
    sk_correlate_container(a->correlate, c);
}

static void incident_told(void *arg, const struct sk_incident *i)
{
    agent_add(arg, &sk_kind_incident, i, false);
}

void agent_incidents_tell(struct sk_agent_run *a, bool last)
{
    sk_correlate_tell(a->correlate, sk_now_wall_ns(), last, incident_told, a);
}
