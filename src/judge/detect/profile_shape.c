/* SPDX-License-Identifier: Apache-2.0 */
/* From what an event says to what is kept of it: values become classes, so that profiles do not
 * grow with every number, path and random name. */
#include <stdio.h>

#include "detect/profile_int.h"
#include "model/evt.h"

#define CUT (SK_PROFILE_TEXT_MAX - 24) /* the rest of a longer text is a hash */
#define TOKENS_MAX 16                  /* arguments looked at */
#define DEPTH_MAX 6                    /* folders of a file's class */

/* ---- texts ----------------------------------------------------------------------------------- */

void pf_raw(struct pf_text *t, const char *p, size_t n)
{
    n = SK_MIN(n, (size_t)SK_PROFILE_TEXT_MAX - t->n);
    memcpy(t->p + t->n, p, n);
    t->n = (uint16_t)(t->n + n);
}

void pf_lit(struct pf_text *t, const char *c)
{
    pf_raw(t, c, strlen(c));
}

static void cut(struct pf_text *t, struct sk_str rest)
{
    char tail[24];
    int n = snprintf(tail, sizeof(tail), "…%016llx", (unsigned long long)sk_str_hash(rest));

    pf_raw(t, tail, (size_t)n);
}

void pf_add(struct pf_text *t, struct sk_str s)
{
    char hex[8];
    size_t i = 0, n;
    uint32_t cp;

    while (i < s.n) {
        unsigned char c = (unsigned char)s.p[i];

        if (t->n >= CUT) {
            if (t->n < CUT + 8) /* not cut yet */
                cut(t, sk_str_sub(s, i, s.n));
            return;
        }
        if (c > ' ' && c < 0x7f && c != '*' && c != '<' && c != '\\') {
            t->p[t->n++] = s.p[i++];
            continue;
        }
        n = c < 0x80 ? 0 : sk_utf8_next(sk_str_sub(s, i, s.n), &cp);
        if (n > 0 && sk_utf8_shown(cp)) {
            pf_raw(t, s.p + i, n);
            i += n;
            continue;
        }
        (void)snprintf(hex, sizeof(hex), "\\x%02x", c);
        pf_lit(t, hex);
        i++;
    }
}

static struct sk_str view(const struct pf_text *t)
{
    return sk_str_n(t->p, t->n);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* ---- classes of names ------------------------------------------------------------------------ */

struct counts {
    size_t digits, letters, hexes, turns; /* turns: from digit to letter or back */
};

static struct counts count(struct sk_str s)
{
    struct counts c = {0};
    size_t i;

    for (i = 0; i < s.n; i++) {
        c.digits += is_digit(s.p[i]);
        c.letters += is_alpha(s.p[i]);
        c.hexes += is_hex(s.p[i]);
        c.turns += i > 0 && is_digit(s.p[i]) != is_digit(s.p[i - 1]);
    }
    return c;
}

/* A run of letters and digits. */
static void segment(struct pf_text *t, struct sk_str s)
{
    struct counts c = count(s);

    if (c.digits == s.n) {
        pf_lit(t, "<n>");
    } else if (s.n >= 9 && sk_str_starts(s, SK_STR("tmp"))) {
        pf_lit(t, "tmp<r>");
    } else if (c.digits == 0) {
        pf_add(t, s);
    } else if (s.n >= 8 && c.hexes == s.n) {
        pf_lit(t, "<h>");
    } else if (c.turns == 1 && is_alpha(s.p[0])) {
        pf_add(t, sk_str_sub(s, 0, c.letters));
        pf_lit(t, "<n>");
    } else if (s.n >= 6 && c.turns >= 2) {
        pf_lit(t, "<r>");
    } else {
        pf_add(t, s);
    }
}

static bool is_uuid(struct sk_str s)
{
    size_t i;

    if (s.n != 36)
        return false;
    for (i = 0; i < s.n; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? s.p[i] != '-' : !is_hex(s.p[i]))
            return false;
    return true;
}

void pf_name_class(struct pf_text *t, struct sk_str s)
{
    size_t from = 0, to;

    if (is_uuid(s)) {
        pf_lit(t, "<h>");
        return;
    }
    while (from < s.n) {
        for (to = from; to < s.n && (is_digit(s.p[to]) || is_alpha(s.p[to])); to++)
            ;
        if (to > from) {
            segment(t, sk_str_sub(s, from, to));
            from = to;
            continue;
        }
        for (; to < s.n && !is_digit(s.p[to]) && !is_alpha(s.p[to]); to++)
            ;
        pf_add(t, sk_str_sub(s, from, to));
        from = to;
    }
}

static bool temporary(struct sk_str dir)
{
    return sk_str_eq(dir, SK_STR("/tmp")) || sk_str_eq(dir, SK_STR("/var/tmp"));
}

void pf_class(struct sk_str path, struct pf_text *ret)
{
    struct sk_str rest = path, part;
    ssize_t slash = sk_str_rchr(path, '/');
    size_t depth = 0;

    ret->n = 0;
    if (slash > 0 && temporary(sk_str_sub(path, 0, (size_t)slash))) {
        pf_raw(ret, path.p, (size_t)slash);
        pf_lit(ret, path.p[slash + 1 < (ssize_t)path.n ? slash + 1 : slash] == '.' ? "/<.any>"
                                                                                   : "/<any>");
        return;
    }
    while (sk_str_next(&rest, '/', &part)) {
        if (part.n == 0)
            continue;
        if (depth++ == DEPTH_MAX) {
            pf_lit(ret, "/**");
            return;
        }
        pf_lit(ret, "/");
        pf_name_class(ret, part);
    }
}

/* ---- shapes of arguments --------------------------------------------------------------------- */

static bool is_address(struct sk_str s)
{
    struct sk_ip ip;
    ssize_t colon = sk_str_rchr(s, ':');
    uint64_t port;

    if (sk_ip_parse(s, &ip) == 0)
        return true;
    if (colon <= 0 || sk_str_u64(sk_str_sub(s, (size_t)colon + 1, s.n), &port) < 0 || port > 65535)
        return false;
    return sk_str_chr(s, '/') < 0;
}

static bool all_of(struct sk_str s, const char *more, bool letters)
{
    size_t i;

    for (i = 0; i < s.n; i++)
        if (!is_digit(s.p[i]) && !(letters && is_alpha(s.p[i])) && !strchr(more, s.p[i]))
            return false;
    return s.n > 0;
}

static const char *value_class(struct sk_str s)
{
    struct counts c = count(s);

    if (sk_str_has(s, SK_STR("://")))
        return "<url>";
    if (is_address(s))
        return "<addr>";
    if (!all_of(s, "_.@%+-,:/~=^#", true))
        return "<text>";
    if (s.p[0] == '/' || sk_str_chr(s, '/') >= 0)
        return "<path>";
    if (c.digits > 0 && all_of(s, ".,:+-", false))
        return "<n>";
    if (s.n >= 8 && c.hexes == s.n && c.digits > 0)
        return "<h>";
    return "<word>";
}

/* Length of NAME in NAME=value; 0: it is none. */
static size_t name_of(struct sk_str s)
{
    ssize_t eq = sk_str_chr(s, '=');

    if (eq <= 0 || eq > 32 || !all_of(sk_str_sub(s, 0, (size_t)eq), "_-.", true))
        return 0;
    return (size_t)eq;
}

static void named(struct pf_text *t, struct sk_str s, size_t name_n)
{
    pf_add(t, sk_str_sub(s, 0, name_n + 1));
    if (s.n > name_n + 1)
        pf_lit(t, value_class(sk_str_sub(s, name_n + 1, s.n)));
}

static void option(struct pf_text *t, struct sk_str s)
{
    size_t name_n = name_of(s), i;

    if (name_n > 0) {
        named(t, s, name_n);
        return;
    }
    if (sk_str_starts(s, SK_STR("--"))) {
        if (s.n <= 40 && all_of(s, "-_.", true))
            pf_name_class(t, s);
        else
            pf_lit(t, "--<text>");
        return;
    }
    for (i = 1; i < s.n && is_alpha(s.p[i]); i++)
        ;
    if (i == s.n && s.n <= 20) { /* -x, -xvf, -jar */
        pf_add(t, s);
        return;
    }
    i = SK_MIN(i, (size_t)2); /* -I/usr/include, -n5, -p1234 */
    pf_add(t, sk_str_sub(s, 0, i));
    pf_lit(t, value_class(sk_str_sub(s, i, s.n)));
}

static bool is_command(struct sk_str s)
{
    size_t i;

    for (i = 0; i < s.n; i++)
        if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && s.p[i] != '-' && s.p[i] != '_')
            return false;
    return s.n > 0 && s.n <= 16;
}

void pf_shape(struct sk_str args, struct pf_text *ret)
{
    struct sk_str rest = args, s;
    const char *before = NULL, *now;
    bool first = true, more = false;
    size_t n = 0;

    ret->n = 0;
    while (sk_str_next(&rest, ' ', &s)) {
        if (s.n == 0)
            continue;
        if (n++ == TOKENS_MAX || ret->n > 200) {
            pf_lit(ret, " …");
            return;
        }
        now = NULL;
        if (s.p[0] != '-' && name_of(s) == 0 && !(first && is_command(s)))
            now = value_class(s);
        if (now && now == before) {
            if (!more)
                pf_lit(ret, "+");
            more = true;
            continue;
        }
        if (ret->n)
            pf_lit(ret, " ");
        if (now)
            pf_lit(ret, now);
        else if (s.p[0] == '-')
            option(ret, s);
        else if (name_of(s))
            named(ret, s, name_of(s));
        else
            pf_add(ret, s); /* a command's name: "push" of git */
        first = first && (s.p[0] == '-' || name_of(s));
        before = now;
        more = false;
    }
}

/* ---- things ---------------------------------------------------------------------------------- */

static struct sk_str base_of(struct sk_str path)
{
    ssize_t slash = sk_str_rchr(path, '/');

    return slash < 0 ? path : sk_str_sub(path, (size_t)slash + 1, path.n);
}

/* Programs that are many: argv[0] tells which. */
static bool is_multi(struct sk_str base)
{
    static const struct sk_str names[] = {SK_STR_INIT("busybox"), SK_STR_INIT("toybox"),
                                          SK_STR_INIT("coreutils"), SK_STR_INIT("gcompat")};
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(names); i++)
        if (sk_str_starts(base, names[i]))
            return true;
    return false;
}

void pf_exe_add(struct pf_text *t, const struct sk_process *p)
{
    struct sk_str base = base_of(p->exepath), as = base_of(p->exe);

    t->n = 0;
    if (!p->exepath.n) {
        pf_lit(t, "unknown");
        return;
    }
    pf_add(t, p->exepath);
    if (!is_multi(base))
        return;
    if (sk_str_starts(as, SK_STR("-")))
        as = sk_str_sub(as, 1, as.n); /* a login shell */
    if (sk_str_eq(as, base)) {        /* "busybox wget …" */
        struct sk_str rest = p->args;

        if (!sk_str_next(&rest, ' ', &as) || !is_command(as))
            as = base;
    }
    if (as.n && !sk_str_eq(as, base)) {
        pf_lit(t, ":");
        pf_add(t, as);
    }
}

bool pf_exec(const struct sk_event *ev, struct pf_scratch *s, struct pf_thing *ret)
{
    const struct sk_process *p = ev->proc, *up = p->parent;

    pf_exe_add(&s->value, p);
    if (up && sk_str_eq(up->container_id, p->container_id)) {
        pf_exe_add(&s->parent, up);
    } else {
        s->parent.n = 0;
        pf_lit(&s->parent, "outside");
    }
    pf_shape(p->args, &s->shape);
    if (s->shape.n == 0)
        pf_lit(&s->shape, "<none>");
    *ret = (struct pf_thing){SK_AP_EXEC, view(&s->value), view(&s->parent), view(&s->shape)};
    return true;
}

bool pf_user(const struct sk_event *ev, struct pf_scratch *s, struct pf_thing *ret)
{
    int n = snprintf(s->value.p, sizeof(s->value.p), "%u", ev->proc->euid);

    s->value.n = (uint16_t)n;
    pf_exe_add(&s->parent, ev->proc);
    *ret = (struct pf_thing){SK_AP_USER, view(&s->value), view(&s->parent), {0}};
    return true;
}

bool pf_file(struct sk_str path, struct pf_scratch *s, struct pf_thing *ret)
{
    if (path.n == 0 || path.p[0] != '/')
        return false;
    pf_class(path, &s->value);
    *ret = (struct pf_thing){.aspect = SK_AP_FILE, .value = view(&s->value)};
    return s->value.n > 0;
}

static const char *proto_of(const struct sk_event *ev)
{
    switch (ev->fd.l4proto) {
    case SK_L4_TCP:
        return "tcp";
    case SK_L4_UDP:
        return "udp";
    case SK_L4_ICMP:
        return "icmp";
    default:
        return "raw";
    }
}

bool pf_listen(const struct sk_event *ev, struct pf_scratch *s, struct pf_thing *ret)
{
    int n = snprintf(s->value.p, sizeof(s->value.p), "%s/%u", proto_of(ev), ev->fd.lport);

    s->value.n = (uint16_t)n;
    *ret = (struct pf_thing){.aspect = SK_AP_LISTEN, .value = view(&s->value)};
    return ev->fd.lport != 0;
}

static bool is_private(const struct sk_ip *ip)
{
    const uint8_t *a = ip->addr;

    if (ip->family == 6)
        return (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
    return a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) ||
           (a[0] == 169 && a[1] == 254) || (a[0] == 100 && (a[1] & 0xc0) == 64);
}

static bool is_local(const struct sk_ip *ip)
{
    static const uint8_t one[16] = {[15] = 1};

    return ip->family == 6 ? memcmp(ip->addr, one, 16) == 0 : ip->addr[0] == 127;
}

/* Network of an address: /24 of private ones, /16 of others; /64 and /32 of version 6. */
static void network(struct pf_text *t, const struct sk_ip *ip)
{
    struct sk_ip net = *ip;
    char text[SK_IP_TEXT];
    size_t keep = ip->family == 6 ? (is_private(ip) ? 8 : 4) : (is_private(ip) ? 3 : 2);

    memset(net.addr + keep, 0, sizeof(net.addr) - keep);
    pf_raw(t, text, sk_ip_text(&net, text));
    t->n = (uint16_t)(t->n + (uint16_t)snprintf(t->p + t->n, 8, "/%zu", keep * 8));
}

bool pf_peer(const struct sk_event *ev, struct sk_str workload, struct pf_scratch *s,
             struct pf_thing *ret)
{
    bool in = ev->evt.type == SK_E_ACCEPT || ev->evt.type == SK_E_ACCEPT4;
    const struct sk_ip *ip = &ev->fd.rip;
    struct pf_text *t = &s->value;

    if (ip->family != 4 && ip->family != 6)
        return false;
    t->n = 0;
    pf_lit(t, in ? "in " : "out ");
    pf_lit(t, proto_of(ev));
    pf_lit(t, " ");
    if (workload.n) {
        pf_lit(t, "workload=");
        pf_add(t, workload);
    } else if (is_local(ip)) {
        pf_lit(t, "local");
    } else if (in) {
        pf_lit(t, is_private(ip) ? "private" : "public"); /* who comes is many */
    } else {
        network(t, ip);
    }
    t->n = (uint16_t)(t->n +
                      (uint16_t)snprintf(t->p + t->n, 16, ":%u", in ? ev->fd.lport : ev->fd.rport));
    *ret = (struct pf_thing){.aspect = SK_AP_PEER, .value = view(t)};
    return true;
}

/* ---- less specific --------------------------------------------------------------------------- */

static void widen_exec(const struct pf_thing *t, int level, struct pf_scratch *s,
                       struct pf_thing *ret)
{
    ssize_t slash = sk_str_rchr(t->value, '/');

    ret->shape = SK_STR("*");
    if (level >= 2)
        ret->parent = SK_STR("*");
    if (level < 3)
        return;
    if (slash < 0) {
        ret->value = SK_STR("*");
        return;
    }
    s->value.n = 0;
    pf_raw(&s->value, t->value.p, (size_t)slash);
    pf_lit(&s->value, "/*");
    ret->value = view(&s->value);
}

/* Level 1: the folder; 2 and 3: its first two folders, its first, with all below. */
static void widen_file(const struct pf_thing *t, int level, struct pf_scratch *s,
                       struct pf_thing *ret)
{
    bool deep = sk_str_ends(t->value, SK_STR("/**"));
    ssize_t slash = sk_str_rchr(t->value, '/');
    struct sk_str dir = sk_str_sub(t->value, 0, slash > 0 ? (size_t)slash : 0);
    size_t i, parts = 0, most = level == 2 ? 2 : 1;

    if (level == 1 && deep)
        return;
    s->value.n = 0;
    for (i = 0; i < dir.n; i++) {
        parts += dir.p[i] == '/';
        if (level > 1 && parts > most)
            break;
    }
    pf_raw(&s->value, dir.p, i);
    pf_lit(&s->value, level == 1 ? "/*" : "/**");
    ret->value = view(&s->value);
}

static void widen_listen(const struct pf_thing *t, int level, struct pf_scratch *s,
                         struct pf_thing *ret)
{
    ssize_t slash = sk_str_rchr(t->value, '/');
    uint64_t port = 0;

    if (slash < 0)
        return;
    (void)!sk_str_u64(sk_str_sub(t->value, (size_t)slash + 1, t->value.n), &port);
    if (level < 3 && port < 32768) /* above: what the kernel gives out */
        return;
    s->value.n = 0;
    pf_raw(&s->value, t->value.p, (size_t)slash);
    pf_lit(&s->value, level < 3 ? "/high" : "/*");
    ret->value = view(&s->value);
}

/* Level 1: private or public; 2: any address; 3: any port, too. */
static void widen_peer(const struct pf_thing *t, int level, struct pf_scratch *s,
                       struct pf_thing *ret)
{
    ssize_t colon = sk_str_rchr(t->value, ':'), blank = sk_str_chr(t->value, ' ');
    struct sk_str rest, addr;
    struct sk_ip ip;
    size_t head;

    if (colon < 0 || blank < 0)
        return;
    rest = sk_str_sub(t->value, (size_t)blank + 1, t->value.n);
    head = (size_t)blank + 1 + (size_t)(sk_str_chr(rest, ' ') + 1);
    addr = sk_str_sub(t->value, head, (size_t)colon);
    s->value.n = 0;
    pf_raw(&s->value, t->value.p, head);
    if (level == 1 && sk_str_starts(addr, SK_STR("workload="))) {
        pf_lit(&s->value, "private");
    } else if (level == 1 && sk_str_chr(addr, '/') > 0) {
        addr.n = (size_t)sk_str_chr(addr, '/');
        pf_lit(&s->value, sk_ip_parse(addr, &ip) == 0 && is_private(&ip) ? "private" : "public");
    } else if (level == 1) {
        pf_raw(&s->value, addr.p, addr.n);
    } else {
        pf_lit(&s->value, "*");
    }
    if (level < 3)
        pf_raw(&s->value, t->value.p + colon, t->value.n - (size_t)colon);
    else
        pf_lit(&s->value, ":*");
    ret->value = view(&s->value);
}

void pf_widen(const struct pf_thing *t, int level, struct pf_scratch *s, struct pf_thing *ret)
{
    *ret = *t;
    if (level >= 4) {
        ret->value = SK_STR("*");
        ret->parent = t->parent.n ? SK_STR("*") : (struct sk_str){0};
        ret->shape = t->shape.n || t->aspect == SK_AP_EXEC ? SK_STR("*") : (struct sk_str){0};
        return;
    }
    if (level <= 0 || sk_str_eq(t->value, SK_STR("*")))
        return;
    switch (t->aspect) {
    case SK_AP_EXEC:
        widen_exec(t, level, s, ret);
        break;
    case SK_AP_USER:
    case SK_AP_CAPABILITY:
        ret->parent = SK_STR("*");
        break;
    case SK_AP_FILE:
        widen_file(t, level, s, ret);
        break;
    case SK_AP_LISTEN:
        widen_listen(t, level, s, ret);
        break;
    case SK_AP_PEER:
        widen_peer(t, level, s, ret);
        break;
    case SK_AP_DNS:
        pf_widen_dns(t, level, s, ret);
        break;
    default:
        break;
    }
}
