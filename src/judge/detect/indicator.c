/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/indicator.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/vec.h"
#include "detect/alert_int.h"
#include "detect/fold.h"
#include "detect/ip_int.h"
#include "model/evt.h"

#define KEY_MAX (SK_INDICATOR_TEXT + 2)
#define DESC_MAX 256
#define LIST_MAX 128
#define WORDS_MAX 256 /* arguments looked at */

enum mark { /* first byte of a key */
            MARK_V4 = '4',
            MARK_V6 = '6',
            MARK_NAME = 'n',
            MARK_BELOW = 'b', /* name with all below */
            MARK_PAGE = 'u',
            MARK_HASH = 'h'
};

struct entry { /* one allocation; texts follow */
    uint32_t key_n, priority, type;
    int64_t expires;
    struct sk_str value, list, desc;
    char key[];
};

struct sk_indicators {
    struct sk_smap *by_key;
    struct sk_fold *fold;
    uint32_t hashes;
    uint32_t nets4[33], nets6[129]; /* entries by length of prefix */
    struct sk_buf text;
    struct sk_process ancestors[SK_DETECT_ANCESTORS];
};

/* ---- keys: what a trace is found by ---------------------------------------------------------- */

struct key {
    char v[KEY_MAX];
    size_t n;
};

static void ip_key(struct key *k, const struct sk_ip *ip, uint32_t prefix)
{
    size_t bytes = ip->family == 4 ? 4 : 16, i;

    k->v[0] = ip->family == 4 ? MARK_V4 : MARK_V6;
    k->v[1] = (char)prefix;
    for (i = 0; i < bytes; i++) {
        uint32_t bits = prefix > 8 * i ? SK_MIN(prefix - 8 * (uint32_t)i, 8u) : 0;

        k->v[2 + i] = (char)(ip->addr[i] & (0xff00u >> bits));
    }
    k->n = 2 + bytes;
}

static void text_key(struct key *k, enum mark mark, struct sk_str s)
{
    size_t i;

    k->v[0] = (char)mark;
    k->n = 1 + SK_MIN(s.n, (size_t)SK_INDICATOR_TEXT);
    for (i = 0; i + 1 < k->n; i++)
        k->v[i + 1] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
}

static struct sk_str key_view(const struct key *k)
{
    return sk_str_n(k->v, k->n);
}

/* "::ffff:1.2.3.4" is 1.2.3.4. */
static bool is_host(struct sk_str s)
{
    bool dot = false;
    size_t i;

    for (i = 0; i < s.n; i++) {
        char c = s.p[i];

        dot |= c == '.' && i > 0;
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-' && c != '.' && c != '_' && !(c & (char)0x80))
            return false;
    }
    return dot && s.n <= 253;
}

static bool is_hex(struct sk_str s, size_t n)
{
    size_t i;

    for (i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
              ((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'f')))
            return false;
    return s.n == n;
}

/* Pages are compared without a slash at the end, upper and lower case alike. */
static struct sk_str page_of(struct sk_str s)
{
    return sk_str_ends(s, SK_STR("/")) ? sk_str_sub(s, 0, s.n - 1) : s;
}

static int net_key(struct key *k, struct sk_str value, struct sk_err *err)
{
    struct sk_str addr = value, len = {0};
    uint64_t prefix = 0;
    struct sk_ip ip;

    if (!sk_str_cut(value, '/', &addr, &len))
        addr = value;
    if (sk_ip_parse(addr, &ip) < 0 || (len.n && sk_str_u64(len, &prefix) < 0))
        return sk_err_set(err, -EINVAL,
                          "\"" SK_STR_FMT "\" is no address or network, as 203.0.113.7 or "
                          "203.0.113.0/24",
                          SK_STR_ARG(sk_str_sub(value, 0, 100)));
    if (len.n == 0)
        prefix = ip.family == 4 ? 32 : 128;
    if (prefix < 1 || prefix > (ip.family == 4 ? 32 : 128))
        return sk_err_set(err, -EINVAL, "\"" SK_STR_FMT "\": the network's length is out of range",
                          SK_STR_ARG(sk_str_sub(value, 0, 100)));
    if (len.n == 0)
        ip = da_ip_plain(&ip);
    ip_key(k, &ip, ip.family == 4 ? (uint32_t)SK_MIN(prefix, (uint64_t)32) : (uint32_t)prefix);
    return 0;
}

static int name_key(struct key *k, struct sk_str value, struct sk_err *err)
{
    struct sk_str name = value;
    bool below = sk_str_starts(value, SK_STR(".")) || sk_str_starts(value, SK_STR("*."));

    if (below)
        name = sk_str_sub(value, value.p[0] == '*' ? 2 : 1, value.n);
    if (sk_str_ends(name, SK_STR(".")))
        name.n--;
    if (!is_host(name))
        return sk_err_set(err, -EINVAL,
                          "\"" SK_STR_FMT
                          "\" is no name of a host, as evil.example or .evil.example",
                          SK_STR_ARG(sk_str_sub(value, 0, 100)));
    text_key(k, below ? MARK_BELOW : MARK_NAME, name);
    return 0;
}

static int key_make(struct key *k, uint32_t type, struct sk_str value, struct sk_err *err)
{
    static const struct {
        const char *name;
        size_t n;
    } digits[] = {
        [SK_IN_SHA256] = {"SHA-256", 64}, [SK_IN_SHA1] = {"SHA-1", 40}, [SK_IN_MD5] = {"MD5", 32}};

    if (value.n == 0 || value.n > SK_INDICATOR_TEXT)
        return sk_err_set(err, -EINVAL, "the value is empty or over %d bytes", SK_INDICATOR_TEXT);
    switch (type) {
    case SK_IN_IP:
        return net_key(k, value, err);
    case SK_IN_DOMAIN:
        return name_key(k, value, err);
    case SK_IN_URL:
        if (!sk_str_has(value, SK_STR("://")))
            return sk_err_set(err, -EINVAL,
                              "\"" SK_STR_FMT "\" is no address of a page: it has no ://",
                              SK_STR_ARG(sk_str_sub(value, 0, 100)));
        text_key(k, MARK_PAGE, page_of(value));
        return 0;
    case SK_IN_SHA256:
    case SK_IN_SHA1:
    case SK_IN_MD5:
        if (!is_hex(value, digits[type].n))
            return sk_err_set(
                err, -EINVAL, "\"" SK_STR_FMT "\" is no %s: that has %zu hexadecimal digits",
                SK_STR_ARG(sk_str_sub(value, 0, 100)), digits[type].name, digits[type].n);
        text_key(k, MARK_HASH, value);
        return 0;
    default:
        return sk_err_set(err, -EINVAL, "indicator of a type that is not known here");
    }
}

/* ---- the set --------------------------------------------------------------------------------- */

int sk_indicators_new(struct sk_indicators **ret)
{
    struct sk_indicators *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->by_key = sk_smap_new();
    s->fold = sk_fold_new(SK_DETECT_FOLD_BURST, SK_DETECT_FOLD_NS);
    sk_buf_init(&s->text, 65536);
    if (!s->by_key || !s->fold) {
        (void)sk_indicators_free(s);
        return -ENOMEM;
    }
    *ret = s;
    return 0;
}

struct sk_indicators *sk_indicators_free(struct sk_indicators *s)
{
    size_t it = 0;
    struct sk_str key;
    void *val;

    if (!s)
        return NULL;
    while (s->by_key && sk_smap_next(s->by_key, &it, &key, &val))
        free(val);
    (void)sk_smap_free(s->by_key);
    (void)sk_fold_free(s->fold);
    sk_buf_done(&s->text);
    free(s);
    return NULL;
}

/* by: 1 or -1. */
static void count(struct sk_indicators *s, const struct entry *e, int by)
{
    uint32_t *n = e->key[0] == MARK_HASH ? &s->hashes
                  : e->key[0] == MARK_V4 ? &s->nets4[(uint8_t)e->key[1]]
                  : e->key[0] == MARK_V6 ? &s->nets6[(uint8_t)e->key[1]]
                                         : NULL;

    if (n)
        *n += (uint32_t)by;
}

static void entry_del(struct sk_indicators *s, struct sk_str key)
{
    struct entry *e = sk_smap_del(s->by_key, key);

    if (e)
        count(s, e, -1);
    free(e);
}

static char *text_put(char *at, struct sk_str from, struct sk_str *ret)
{
    if (from.n)
        memcpy(at, from.p, from.n);
    *ret = sk_str_n(at, from.n);
    return at + from.n;
}

int sk_indicators_put(struct sk_indicators *s, const struct sk_indicator *i, struct sk_err *err)
{
    struct sk_str desc = sk_str_sub(i->desc, 0, DESC_MAX), list = sk_str_sub(i->list, 0, LIST_MAX);
    struct entry *e;
    struct key k;
    char *at;
    int r = key_make(&k, i->type, i->value, err);

    if (r < 0)
        return r;
    e = malloc(sizeof(*e) + k.n + i->value.n + desc.n + list.n);
    if (!e)
        return sk_err_set(err, -ENOMEM, "indicators: out of memory");
    *e = (struct entry){.key_n = (uint32_t)k.n,
                        .priority = SK_MIN(i->priority, (uint32_t)SK_PRIO_DEBUG),
                        .type = i->type,
                        .expires = i->expires};
    memcpy(e->key, k.v, k.n);
    at = text_put(e->key + k.n, i->value, &e->value);
    at = text_put(at, list, &e->list);
    (void)text_put(at, desc, &e->desc);
    entry_del(s, key_view(&k));
    if (sk_smap_put(s->by_key, sk_str_n(e->key, e->key_n), e, NULL) < 0) {
        free(e);
        return sk_err_set(err, -ENOMEM, "indicators: out of memory");
    }
    count(s, e, 1);
    return 0;
}

void sk_indicators_del(struct sk_indicators *s, const struct sk_indicator *i)
{
    struct key k;

    if (key_make(&k, i->type, i->value, NULL) == 0)
        entry_del(s, key_view(&k));
}

size_t sk_indicators_count(const struct sk_indicators *s)
{
    return sk_smap_size(s->by_key);
}

bool sk_indicators_want_hashes(const struct sk_indicators *s)
{
    return s->hashes != 0;
}

/* ---- looking --------------------------------------------------------------------------------- */

struct hunt { /* one event's search */
    struct sk_indicators *s;
    const struct sk_event *ev;
    void (*alert)(void *arg, const struct sk_alert *a);
    void *arg;
    size_t found;
};

static const struct { /* by type: what an alert says */
    const char *rule, *does;
    struct sk_str tags[3];
} saying[] = {
    [SK_IN_IP] = {"Indicator: address",
                  "Connection with a known bad address",
                  {SK_STR_INIT("indicator"), SK_STR_INIT("mitre_command_and_control"),
                   SK_STR_INIT("T1071")}},
    [SK_IN_DOMAIN] = {"Indicator: name",
                      "Known bad name among the arguments of a program",
                      {SK_STR_INIT("indicator"), SK_STR_INIT("mitre_command_and_control"),
                       SK_STR_INIT("T1071")}},
    [SK_IN_SHA256] = {"Indicator: executable",
                      "Known bad file executed",
                      {SK_STR_INIT("indicator"), SK_STR_INIT("mitre_execution"),
                       SK_STR_INIT("T1204")}},
    [SK_IN_URL] = {"Indicator: page",
                   "Known bad page among the arguments of a program",
                   {SK_STR_INIT("indicator"), SK_STR_INIT("mitre_command_and_control"),
                    SK_STR_INIT("T1105")}},
};

static void tell(struct hunt *h, const struct entry *e)
{
    uint32_t as = e->type == SK_IN_SHA1 || e->type == SK_IN_MD5 ? SK_IN_SHA256 : e->type;
    struct sk_rule rule = {.name = sk_str_c(saying[as].rule),
                           .source = SK_STR("syscall"),
                           .desc = e->desc,
                           .priority = e->priority,
                           .tags = {saying[as].tags, 3},
                           .techniques = {&saying[as].tags[2], 1}};
    struct sk_buf *out = &h->s->text;
    const struct sk_label fields[] = {
        {SK_STR("indicator.type"), sk_enum_name(&sk_enum_indicator_type, e->type)},
        {SK_STR("indicator.value"), e->value}};
    uint64_t key = sk_str_hash(sk_str_n(e->key, e->key_n)) ^
                   sk_str_hash(da_container(h->ev)) * 0x9e3779b97f4a7c15u;
    struct sk_alert a;

    h->found++;
    da_fill(&a, &rule, h->ev);
    if (sk_folded(h->s->fold, key, h->ev->evt.time, &a.count))
        return;
    sk_buf_clear(out);
    (void)sk_buf_c(out, h->ev->dns && as == SK_IN_DOMAIN ? "Known bad name asked of a name server"
                                                         : saying[as].does);
    (void)sk_buf_c(out, " (indicator=");
    (void)sk_buf_str(out, e->value);
    if (e->list.n) {
        (void)sk_buf_c(out, " list=");
        (void)sk_buf_str(out, e->list);
    }
    da_who(out, h->ev);
    (void)sk_buf_ch(out, ')'); /* over the limit: what fits is shown */
    a.engine = SK_EN_INDICATOR;
    a.output = sk_buf_view(out);
    a.ancestors = (struct sk_list){h->s->ancestors, da_ancestors(h->s->ancestors, h->ev->proc)};
    a.output_fields = (struct sk_list){fields, SK_ARRAY_LEN(fields)};
    h->alert(h->arg, &a);
}

static bool look(struct hunt *h, const struct key *k)
{
    const struct entry *e = sk_smap_get(h->s->by_key, key_view(k));

    if (!e || (e->expires && h->ev->evt.time > e->expires))
        return false;
    tell(h, e);
    return true;
}

static bool look_ip(struct hunt *h, const struct sk_ip *given)
{
    struct sk_ip ip = da_ip_plain(given);
    const uint32_t *nets = ip.family == 4 ? h->s->nets4 : h->s->nets6;
    uint32_t len = ip.family == 4 ? 32 : 128;
    struct key k;

    for (; len > 0; len--) { /* the narrowest that holds */
        if (nets[len] == 0)
            continue;
        ip_key(&k, &ip, len);
        if (look(h, &k))
            return true;
    }
    return false;
}

static bool look_name(struct hunt *h, struct sk_str name)
{
    struct key k;
    ssize_t dot = 0;

    text_key(&k, MARK_NAME, name);
    if (look(h, &k))
        return true;
    while (name.n) {
        text_key(&k, MARK_BELOW, name);
        if (look(h, &k))
            return true;
        dot = sk_str_chr(name, '.');
        if (dot < 0)
            return false;
        name = sk_str_sub(name, (size_t)dot + 1, name.n);
    }
    return false;
}

/* The host of "https://user@host:port/path", "host:port", "host/path", "[v6]:port", "user@host". */
static struct sk_str host_of(struct sk_str word)
{
    ssize_t at = sk_str_find(word, SK_STR("://")), end;
    size_t i;

    if (at >= 0)
        word = sk_str_sub(word, (size_t)at + 3, word.n);
    for (i = 0; i < word.n; i++)
        if (word.p[i] == '/' || word.p[i] == '?' || word.p[i] == '#')
            break;
    word.n = i;
    at = sk_str_rchr(word, '@');
    if (at >= 0)
        word = sk_str_sub(word, (size_t)at + 1, word.n);
    if (sk_str_starts(word, SK_STR("[")) && (end = sk_str_chr(word, ']')) > 0)
        return sk_str_sub(word, 1, (size_t)end);
    at = sk_str_chr(word, ':');
    return at >= 0 && at == sk_str_rchr(word, ':') ? sk_str_sub(word, 0, (size_t)at) : word;
}

static void look_word(struct hunt *h, struct sk_str word)
{
    struct sk_str host;
    struct sk_ip ip;
    struct key k;

    if (word.n < 4 || word.n > SK_INDICATOR_TEXT)
        return;
    if (sk_str_has(word, SK_STR("://"))) {
        text_key(&k, MARK_PAGE, page_of(word));
        if (look(h, &k))
            return;
    }
    host = host_of(word);
    if (sk_ip_parse(host, &ip) == 0)
        (void)look_ip(h, &ip); /* told or not */
    else if (is_host(host))
        (void)look_name(h, host);
}

static bool is_net(uint32_t type)
{
    switch (type) {
    case SK_E_CONNECT:
    case SK_E_ACCEPT:
    case SK_E_ACCEPT4:
    case SK_E_SENDTO:
    case SK_E_SENDMSG:
    case SK_E_RECVFROM:
    case SK_E_RECVMSG:
        return true;
    default:
        return false;
    }
}

size_t sk_indicators_event(struct sk_indicators *s, const struct sk_event *ev,
                           void (*alert)(void *arg, const struct sk_alert *a), void *arg)
{
    struct hunt h = {s, ev, alert, arg, 0};
    struct sk_str args, word;
    size_t n = 0;

    if (sk_smap_size(s->by_key) == 0)
        return 0;
    if (is_net(ev->evt.type)) {
        if (ev->fd.rip.family)
            (void)look_ip(&h, &ev->fd.rip); /* found counts */
        if (ev->dns)
            (void)look_name(&h, ev->dns->name); /* so here */
    } else if ((ev->evt.type == SK_E_EXECVE || ev->evt.type == SK_E_EXECVEAT) && ev->proc &&
               !ev->evt.failed) {
        args = ev->proc->args;
        while (n++ < WORDS_MAX && sk_str_next(&args, ' ', &word))
            look_word(&h, word);
    }
    return h.found;
}

bool sk_indicators_hash(struct sk_indicators *s, struct sk_str hex, const struct sk_event *ev,
                        void (*alert)(void *arg, const struct sk_alert *a), void *arg)
{
    struct hunt h = {s, ev, alert, arg, 0};
    struct key k;

    text_key(&k, MARK_HASH, hex);
    return look(&h, &k);
}
