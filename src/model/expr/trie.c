/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries over byte classes. Prefixes, suffixes (walked from the end) and paths stop at the first
 * byte that leads nowhere; parts (Aho-Corasick) go on to the end.
 *
 * Rows: row 0 is for absent values, row 1 for values that nothing matches; a state's row holds the
 * bits of all patterns that end on the way to it.
 */
#include "expr/set_int.h"

#define STATES_MAX 60000

struct maker {
    struct sk_arena *a;
    struct xs_trie *t;
    uint32_t words;
    uint16_t *next;
    uint64_t *bits, *whole; /* by state */
    uint32_t cap, n;
};

static char at(struct sk_str s, size_t i, enum xs_group_kind kind)
{
    return kind == XG_SUFFIX ? s.p[s.n - 1 - i] : s.p[i];
}

static bool find_classes(struct xs_trie *t, const struct xs_pattern *p, size_t n,
                         enum xs_group_kind kind)
{
    size_t i, k;
    unsigned c;

    t->classes = 1; /* 0: bytes in no pattern */
    for (i = 0; i < n; i++)
        for (k = 0; k < p[i].s.n; k++) {
            unsigned char b = (unsigned char)p[i].s.p[k];

            if (t->class_of[b])
                continue;
            if (t->classes > UINT8_MAX)
                return false;
            t->class_of[b] = (uint8_t)t->classes++;
        }
    for (c = 'A'; kind == XG_IPART && c <= 'Z'; c++)
        t->class_of[c] = t->class_of[c + 32];
    return true;
}

static size_t states_needed(const struct xs_pattern *p, size_t n)
{
    size_t i, sum = 1;

    for (i = 0; i < n; i++)
        sum += p[i].s.n;
    return sum;
}

static void insert(struct maker *m, const struct xs_pattern *p, enum xs_group_kind kind)
{
    uint32_t state = 0;
    uint64_t *set;
    size_t i;

    for (i = 0; i < p->s.n; i++) {
        unsigned char b = (unsigned char)at(p->s, i, kind);
        uint16_t *to = &m->next[state * m->t->classes + m->t->class_of[b]];

        if (!*to)
            *to = (uint16_t)m->n++;
        state = *to;
    }
    set = (p->whole ? m->whole : m->bits) + (size_t)state * m->words;
    set[p->bit >> 6] |= 1ull << (p->bit & 63);
}

/* Breadth first: a state inherits the bits of the state before it (prefixes), or of the state of
 * its longest proper suffix, which also fills its missing ways (parts). */
static int link_up(struct maker *m, bool parts)
{
    uint32_t c, k, head = 0, tail = 0, cls = m->t->classes;
    uint32_t *queue = sk_arena_array(m->a, m->n, sizeof(*queue));
    uint16_t *fail = sk_arena_array(m->a, m->n, sizeof(*fail));

    if (!queue || !fail)
        return -ENOMEM;
    queue[tail++] = 0;
    while (head < tail) {
        uint32_t s = queue[head++];

        for (c = 0; c < cls; c++) {
            uint16_t to = m->next[s * cls + c];
            uint32_t from;

            if (!to) {
                if (parts && s)
                    m->next[s * cls + c] = m->next[fail[s] * cls + c];
                continue;
            }
            queue[tail++] = to;
            if (parts)
                fail[to] = s ? m->next[fail[s] * cls + c] : 0;
            from = parts ? fail[to] : s;
            for (k = 0; k < m->words; k++)
                m->bits[(size_t)to * m->words + k] |= m->bits[(size_t)from * m->words + k];
        }
    }
    return 0;
}

static bool any(const uint64_t *bits, uint32_t words)
{
    uint32_t k;

    for (k = 0; k < words; k++)
        if (bits[k])
            return true;
    return false;
}

/* States with bits last, so that one comparison tells them; the root stays first. */
static int renumber(struct maker *m)
{
    uint32_t cls = m->t->classes, s, c, low = 0, high;
    uint32_t *to = sk_arena_array(m->a, m->n, sizeof(*to));
    uint16_t *next = sk_arena_array(m->a, (size_t)m->n * cls, sizeof(*next));
    uint64_t *bits = sk_arena_array(m->a, (size_t)m->n * m->words, sizeof(*bits));

    if (!to || !next || !bits)
        return -ENOMEM;
    for (s = 0; s < m->n; s++)
        if (s == 0 || !any(m->bits + (size_t)s * m->words, m->words))
            to[s] = low++;
    high = low;
    for (s = 1; s < m->n; s++)
        if (any(m->bits + (size_t)s * m->words, m->words))
            to[s] = high++;
    for (s = 0; s < m->n; s++) {
        for (c = 0; c < cls; c++)
            next[to[s] * cls + c] = (uint16_t)to[m->next[s * cls + c]];
        memcpy(bits + (size_t)to[s] * m->words, m->bits + (size_t)s * m->words,
               m->words * sizeof(*bits));
    }
    m->next = next;
    m->bits = bits;
    m->t->first_out = low;
    return 0;
}

/* Rows, equal ones once would be nicer, but there are few: two per state at most. */
static int make_rows(struct maker *m, const uint64_t **ret)
{
    size_t words = m->words, s;
    uint64_t *rows = sk_arena_array(m->a, (2 + 2 * (size_t)m->n) * words, sizeof(*rows));
    uint32_t *row = sk_arena_array(m->a, m->n, sizeof(*row));
    uint32_t *row_whole = sk_arena_array(m->a, m->n, sizeof(*row_whole));
    uint32_t n = 2, k;

    if (!rows || !row || !row_whole)
        return -ENOMEM;
    for (s = 0; s < m->n; s++) {
        row[s] = 1;
        if (any(m->bits + s * words, m->words)) {
            memcpy(rows + n * words, m->bits + s * words, words * sizeof(*rows));
            row[s] = n++;
        }
        row_whole[s] = row[s];
        if (any(m->whole + s * words, m->words)) {
            for (k = 0; k < words; k++)
                rows[n * words + k] = m->bits[s * words + k] | m->whole[s * words + k];
            row_whole[s] = n++;
        }
    }
    m->t->row = row;
    m->t->row_whole = row_whole;
    *ret = rows;
    return 0;
}

int xs_trie_new(enum xs_group_kind kind, const struct xs_pattern *p, size_t n, uint32_t words,
                struct sk_arena *a, struct xs_trie *ret, const uint64_t **ret_rows)
{
    bool parts = kind == XG_PART || kind == XG_IPART;
    struct xs_trie t = {0};
    struct maker m = {.a = a, .t = &t, .words = words};
    size_t states = states_needed(p, n), i;
    int r;

    if (states > STATES_MAX || !find_classes(&t, p, n, kind))
        return -EFBIG;
    m.next = sk_arena_array(a, states * t.classes, sizeof(*m.next));
    m.bits = sk_arena_array(a, states * words, sizeof(*m.bits));
    m.whole = sk_arena_array(a, states * words, sizeof(*m.whole));
    if (!m.next || !m.bits || !m.whole)
        return -ENOMEM;
    m.n = 1;
    for (i = 0; i < n; i++)
        insert(&m, &p[i], kind);
    r = link_up(&m, parts);
    if (r == 0 && parts)
        r = renumber(&m);
    if (r == 0)
        r = make_rows(&m, ret_rows);
    if (r < 0)
        return r;
    t.next = m.next;
    t.states = m.n;
    *ret = t;
    return 0;
}

uint32_t xs_trie_walk(const struct xs_trie *t, struct sk_str s)
{
    uint32_t state = 0, to;
    size_t i;

    for (i = 0; i < s.n; i++) {
        to = t->next[state * t->classes + t->class_of[(unsigned char)s.p[i]]];
        if (!to)
            return t->row[state];
        state = to;
    }
    return t->row_whole[state];
}

uint32_t xs_trie_walk_back(const struct xs_trie *t, struct sk_str s)
{
    uint32_t state = 0, to;
    size_t i;

    for (i = s.n; i > 0; i--) {
        to = t->next[state * t->classes + t->class_of[(unsigned char)s.p[i - 1]]];
        if (!to)
            return t->row[state];
        state = to;
    }
    return t->row_whole[state];
}

bool xs_trie_scan(const struct xs_trie *t, const uint64_t *rows, uint32_t words, struct sk_str s,
                  uint64_t *sum)
{
    uint32_t state = 0, k;
    bool found = false;
    size_t i;

    for (i = 0; i < s.n; i++) {
        state = t->next[state * t->classes + t->class_of[(unsigned char)s.p[i]]];
        if (__builtin_expect(state >= t->first_out, 0)) {
            const uint64_t *row = rows + (size_t)t->row[state] * words;

            for (k = 0; k < words; k++)
                sum[k] |= row[k];
            found = true;
        }
    }
    return found;
}
