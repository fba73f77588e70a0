/* SPDX-License-Identifier: Apache-2.0 */
/* Names asked of name servers, as profiles keep them. */
#include "detect/names_int.h"
#include "detect/profile_int.h"

#define BELOW_MAX 80  /* bytes below the domain; more is data or made up */
#define LABELS_MAX 6  /* labels below it, the same */
#define ONE "<host>"  /* names of one label, widened */
#define MANY "<long>" /* what is below the domain, when it is that long */

/* The registered domain, else two labels; all of a name that has fewer. */
static struct sk_str domain_of(struct sk_str name)
{
    struct sk_str domain, first;

    return da_domain(name, &domain, &first) ? domain : da_labels(name, 2);
}

static bool cut_end(struct sk_str *s, struct sk_str end)
{
    if (s->n <= end.n || !sk_str_ends(*s, end))
        return false;
    s->n -= end.n;
    return true;
}

/* In Kubernetes resolvers try a name below the pod's namespace, below "svc" and below the cluster's
 * domain before they take it as it is: all of these are the name that the program meant. */
static struct sk_str without_search(struct sk_str name, struct sk_str namespace)
{
    size_t at;

    if (!cut_end(&name, SK_STR(".cluster.local")) || !cut_end(&name, SK_STR(".svc")))
        return name;
    at = name.n - namespace.n;
    if (namespace.n && name.n > namespace.n + 1 && sk_str_ends(name, namespace) &&
        name.p[at - 1] == '.')
        name.n = at - 1;
    return name;
}

/* Names of addresses, of which there may be any number. */
static const char *reverse(struct sk_str name)
{
    if (sk_str_ends(name, SK_STR(".in-addr.arpa")))
        return "*.in-addr.arpa";
    return sk_str_ends(name, SK_STR(".ip6.arpa")) ? "*.ip6.arpa" : NULL;
}

/* Parts below the domain become classes; the domain never: random ones are not all alike. */
static void class_add(struct pf_text *t, struct sk_str name)
{
    struct sk_str domain = domain_of(name), label;
    struct sk_str below = sk_str_sub(name, 0, name.n - domain.n);
    size_t labels = 0, i;

    for (i = 0; i < below.n; i++)
        labels += below.p[i] == '.';
    if (domain.n == name.n && sk_str_chr(name, '.') < 0) { /* a host or service: "web-<n>" */
        pf_name_class(t, name);
        return;
    }
    if (below.n > BELOW_MAX || labels > LABELS_MAX) {
        pf_lit(t, MANY ".");
        below.n = 0;
    }
    while (below.n && sk_str_next(&below, '.', &label)) {
        pf_name_class(t, label);
        pf_lit(t, ".");
    }
    pf_add(t, domain);
}

bool pf_dns(const struct sk_event *ev, struct pf_scratch *s, struct pf_thing *ret)
{
    struct sk_str namespace = ev->container ? ev->container->k8s_namespace : (struct sk_str){0};
    struct sk_str name = ev->dns->name;
    const char *arpa = reverse(name);

    s->value.n = 0;
    if (arpa)
        pf_lit(&s->value, arpa);
    else
        class_add(&s->value, without_search(name, namespace));
    *ret = (struct pf_thing){.aspect = SK_AP_DNS, .value = sk_str_n(s->value.p, s->value.n)};
    return s->value.n > 0;
}

/* Level 1: any first label; 2: all of the registered domain; 3: all of its top domain. */
void pf_widen_dns(const struct pf_thing *t, int level, struct pf_scratch *s, struct pf_thing *ret)
{
    bool wide = sk_str_starts(t->value, SK_STR("*."));
    struct sk_str name = wide ? sk_str_sub(t->value, 2, t->value.n) : t->value;
    struct sk_str domain = domain_of(name), rest = name, label;

    if (sk_str_eq(name, SK_STR("."))) /* the root */
        return;
    if (sk_str_chr(name, '.') < 0) { /* one label, or a top domain that is wide */
        if (level == 3 && !wide)
            ret->value = SK_STR(ONE);
        return;
    }
    if (level == 1) {
        if (wide || domain.n == name.n)
            return;
        (void)sk_str_next(&rest, '.', &label);
    } else {
        rest = level == 2 ? domain : da_labels(name, 1);
    }
    s->value.n = 0;
    pf_lit(&s->value, "*.");
    pf_raw(&s->value, rest.p, rest.n);
    ret->value = sk_str_n(s->value.p, s->value.n);
}
