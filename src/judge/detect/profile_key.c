/* SPDX-License-Identifier: Apache-2.0 */
/* Which workload a container belongs to. */
#include <stdio.h>

#include "detect/profile_int.h"

/* First words of the names that Docker makes up (moby, pkg/namesgenerator). */
static const char made_up[] =
    " admiring adoring affectionate agitated amazing angry awesome beautiful blissful bold boring "
    "brave busy charming clever compassionate competent condescending confident cool cranky crazy "
    "dazzling determined distracted dreamy eager ecstatic elastic elated elegant eloquent epic "
    "exciting fervent festive flamboyant focused friendly frosty funny gallant gifted goofy "
    "gracious great happy hardcore heuristic hopeful hungry infallible inspiring intelligent "
    "interesting jolly jovial keen kind laughing loving lucid magical modest musing mystifying "
    "naughty nervous nice nifty nostalgic objective optimistic peaceful pedantic pensive practical "
    "priceless quirky quizzical recursing relaxed reverent romantic sad serene sharp silly sleepy "
    "stoic strange stupefied suspicious sweet tender thirsty trusting unruffled upbeat vibrant "
    "vigilant vigorous wizardly wonderful xenodochial youthful zealous zen ";

static struct sk_str label(const struct sk_container *c, struct sk_str key)
{
    const struct sk_label *v = c->labels.v;
    size_t i;

    for (i = 0; i < c->labels.n; i++)
        if (sk_str_eq(v[i].key, key))
            return v[i].value;
    return (struct sk_str){0};
}

static bool is_made_up(struct sk_str name)
{
    ssize_t bar = sk_str_chr(name, '_');
    char word[40];
    int n;

    if (bar <= 0 || bar > 32)
        return false;
    n = snprintf(word, sizeof(word), " %.*s ", (int)bar, name.p);
    return sk_str_has(sk_str_c(made_up), sk_str_n(word, (size_t)n));
}

/* Kubernetes' own alphabet for random ends: no vowels, no digits that look like letters. */
static bool is_pod_hash(struct sk_str s, size_t least, size_t most)
{
    size_t i;

    if (s.n < least || s.n > most)
        return false;
    for (i = 0; i < s.n; i++)
        if (s.p[i] == '\0' || !strchr("bcdfghjklmnpqrstvwxz2456789", s.p[i]))
            return false;
    return true;
}

static bool is_number(struct sk_str s)
{
    uint64_t n;

    return sk_str_u64(s, &n) == 0;
}

static bool is_hash(struct sk_str s)
{
    size_t i, digits = 0;

    for (i = 0; i < s.n; i++) {
        char c = s.p[i];

        digits += c >= '0' && c <= '9';
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
    }
    return s.n >= 8 && digits > 0;
}

/* Where the last part after a '-' or '_' begins; 0: there is only one. */
static size_t last_part(struct sk_str s)
{
    size_t i;

    for (i = s.n; i > 1; i--)
        if (s.p[i - 1] == '-' || s.p[i - 1] == '_')
            return i;
    return 0;
}

/* web-5d4f8c7b9-x2x7z (deployment), web-x2x7z (daemon set), web-0 (stateful set, job). */
static struct sk_str pod_template(struct sk_str pod)
{
    size_t at = last_part(pod);
    struct sk_str end = sk_str_sub(pod, at, pod.n);

    if (at == 0)
        return pod;
    if (is_number(end))
        return sk_str_sub(pod, 0, at - 1);
    if (!is_pod_hash(end, 5, 5))
        return pod;
    pod = sk_str_sub(pod, 0, at - 1);
    at = last_part(pod);
    end = sk_str_sub(pod, at, pod.n);
    return at > 0 && (is_pod_hash(end, 6, 10) || is_number(end)) ? sk_str_sub(pod, 0, at - 1) : pod;
}

static struct sk_str name_stem(struct sk_str name)
{
    size_t at;

    while ((at = last_part(name)) > 0) {
        struct sk_str end = sk_str_sub(name, at, name.n);

        if (!is_number(end) && !is_hash(end))
            break;
        name = sk_str_sub(name, 0, at - 1);
    }
    return name;
}

static char *owner_of(const struct sk_container *c, struct sk_arena *a)
{
    struct sk_str project = label(c, SK_STR("com.docker.compose.project"));
    struct sk_str service = label(c, SK_STR("com.docker.compose.service"));
    struct sk_str swarm = label(c, SK_STR("com.docker.swarm.service.name"));
    struct sk_str inner = label(c, SK_STR("io.kubernetes.container.name")), stem;

    if (c->k8s_pod.n) {
        stem = pod_template(c->k8s_pod);
        return sk_arena_printf(a, SK_STR_FMT "/" SK_STR_FMT "/" SK_STR_FMT,
                               SK_STR_ARG(c->k8s_namespace), SK_STR_ARG(stem), SK_STR_ARG(inner));
    }
    if (service.n)
        return sk_arena_printf(a, SK_STR_FMT "/" SK_STR_FMT, SK_STR_ARG(project),
                               SK_STR_ARG(service));
    if (swarm.n)
        return sk_arena_printf(a, SK_STR_FMT, SK_STR_ARG(swarm));
    if (is_made_up(c->name))
        return sk_arena_printf(a, "%s", "");
    stem = name_stem(c->name);
    return sk_arena_printf(a, SK_STR_FMT, SK_STR_ARG(stem));
}

static struct sk_str repository(const struct sk_container *c)
{
    struct sk_str r = c->image_repository.n ? c->image_repository : c->image;

    if (r.n == 0)
        r = c->image_id;
    if (sk_str_starts(r, SK_STR("docker.io/")))
        r = sk_str_sub(r, 10, r.n);
    if (sk_str_starts(r, SK_STR("library/")))
        r = sk_str_sub(r, 8, r.n);
    return r;
}

int sk_workload_key(const struct sk_container *c, struct sk_arena *a, struct sk_workload *ret)
{
    struct sk_workload w = {.image = repository(c)};
    char *owner = owner_of(c, a), *both, *name;

    both = owner ? sk_arena_printf(a, SK_STR_FMT "%c%s", SK_STR_ARG(w.image), 1, owner) : NULL;
    name = both ? sk_arena_printf(a, SK_STR_FMT "%s%s%s", SK_STR_ARG(w.image), owner[0] ? " (" : "",
                                  owner, owner[0] ? ")" : "")
                : NULL;
    if (!name || !sk_arena_keep(a, &w.image))
        return -ENOMEM;
    w.owner = sk_str_c(owner);
    w.name = sk_str_c(name);
    (void)snprintf(w.id, sizeof(w.id), "%016llx%016llx",
                   (unsigned long long)sk_str_hash(sk_str_c(both)),
                   (unsigned long long)sk_str_hash(sk_str_c(both + (w.image.n > 0))));
    *ret = w;
    return 0;
}
