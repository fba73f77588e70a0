/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which conditions can be judged before a program runs: the bound tree as alternatives of facts
 * that the kernel has when a program is to start, or a connection to be made (deny_net.c). What
 * cannot be said so is named; nothing is guessed.
 *
 * Workload  a few rules when rules change; conditions of up to thousands of names.
 */
#include <stdlib.h>

#include "expr/deny_int.h"
#include "model/evt.h"
#include "model/nouns.h"

#define FACTS_BYTES ((size_t)8 << 20)
#define NAME_MAX_ 15 /* bytes of a name that the kernel keeps */

struct sk_facts {
    struct sk_arena *arena; /* holds all, this struct too */
    struct x_facts_all all;
    struct sk_clause *out;
};
static int no_memory(void)
{
    return -ENOMEM;
}

int x_facts_blocked(struct x_facts_making *m, struct sk_str what)
{
    (void)sk_str_copy(m->why, 128, what);
    return 1;
}

/* ---- lists of texts ---------------------------------------------------------------------------
 */

static bool list_has(const struct sk_strs *l, struct sk_str s)
{
    size_t i;

    for (i = 0; i < l->n; i++)
        if (sk_str_eq(l->v[i], s))
            return true;
    return false;
}

static bool list_starts(const struct sk_strs *l, struct sk_str s)
{
    size_t i;

    for (i = 0; i < l->n; i++)
        if (sk_str_starts(s, l->v[i]))
            return true;
    return false;
}

static bool list_join(struct sk_arena *a, const struct sk_strs *x, const struct sk_strs *y,
                      struct sk_strs *ret)
{
    struct sk_str *v = sk_arena_array(a, x->n + y->n + 1, sizeof(*v));
    size_t i;

    if (!v)
        return false;
    for (i = 0; i < x->n; i++)
        v[i] = x->v[i];
    for (i = 0; i < y->n; i++)
        v[x->n + i] = y->v[i];
    *ret = (struct sk_strs){v, x->n + y->n};
    return true;
}

enum meet { MEET_SAME, MEET_PREFIX };

/* Both must hold of one text: what is left of two lists. A list with v NULL asks nothing. */
static bool list_meet(struct sk_arena *a, const struct sk_strs *x, const struct sk_strs *y,
                      enum meet how, struct sk_strs *ret)
{
    struct sk_str *v;
    size_t i, k, n = 0, room;

    if (!x->v || !y->v) {
        *ret = x->v ? *x : *y;
        return true;
    }
    room = how == MEET_SAME ? x->n : x->n + y->n;
    v = sk_arena_array(a, room + 1, sizeof(*v));
    if (!v)
        return false;
    for (i = 0; i < x->n; i++)
        if (how == MEET_SAME ? list_has(y, x->v[i]) : list_starts(y, x->v[i]))
            v[n++] = x->v[i];
    for (k = 0; how == MEET_PREFIX && k < y->n; k++)
        if (list_starts(x, y->v[k]) && !list_has(x, y->v[k]))
            v[n++] = y->v[k];
    *ret = (struct sk_strs){v, n};
    return true;
}

/* ---- clauses ----------------------------------------------------------------------------------
 */

static bool path_left(const struct sk_clause *k, struct sk_str path)
{
    return !list_has(&k->not_paths, path) && !list_starts(&k->not_prefixes, path) &&
           (!k->prefixes.v || list_starts(&k->prefixes, path));
}

/* Takes out of the wanted texts what the rest of the clause refuses. 0, 1: nothing is left,
 * -ENOMEM. */
static int clause_settle(struct sk_arena *a, struct sk_clause *k)
{
    struct sk_str *names = sk_arena_array(a, k->names.n + 1, sizeof(*names));
    struct sk_str *paths = sk_arena_array(a, k->paths.n + 1, sizeof(*paths));
    size_t i, n = 0;

    if (!names || !paths)
        return no_memory();
    for (i = 0; i < k->names.n; i++)
        if (!list_has(&k->not_names, k->names.v[i]))
            names[n++] = k->names.v[i];
    if (k->names.v) { /* said by what is wanted, now */
        k->names = (struct sk_strs){names, n};
        k->not_names = (struct sk_strs){0};
    }
    for (i = 0, n = 0; i < k->paths.n; i++)
        if (path_left(k, k->paths.v[i]))
            paths[n++] = k->paths.v[i];
    if (k->paths.v) {
        k->paths = (struct sk_strs){paths, n};
        k->not_paths = k->prefixes = k->not_prefixes = (struct sk_strs){0};
    }
    return (k->yes & k->no) || (k->names.v && !k->names.n) || (k->paths.v && !k->paths.n) ||
           (k->prefixes.v && !k->prefixes.n) || x_facts_net_never(k);
}

/* One clause of two. 0, 1 (never holds), -ENOMEM. */
static int clause_and(struct sk_arena *a, const struct x_facts_one *x, const struct x_facts_one *y,
                      struct x_facts_one *ret)
{
    struct x_facts_one c = {.c = {.yes = x->c.yes | y->c.yes,
                                  .no = x->c.no | y->c.no,
                                  .container = x->c.container || y->c.container}};
    bool ok = list_meet(a, &x->c.names, &y->c.names, MEET_SAME, &c.c.names) &&
              list_meet(a, &x->c.paths, &y->c.paths, MEET_SAME, &c.c.paths) &&
              list_meet(a, &x->c.prefixes, &y->c.prefixes, MEET_PREFIX, &c.c.prefixes) &&
              list_join(a, &x->c.not_names, &y->c.not_names, &c.c.not_names) &&
              list_join(a, &x->c.not_paths, &y->c.not_paths, &c.c.not_paths) &&
              list_join(a, &x->c.not_prefixes, &y->c.not_prefixes, &c.c.not_prefixes) &&
              x_facts_net_and(a, &x->c, &y->c, &c.c);
    size_t i;
    int r;

    c.tests = ok ? sk_arena_array(a, x->n_tests + y->n_tests + 1, sizeof(*c.tests)) : NULL;
    if (!c.tests)
        return no_memory();
    for (i = 0; i < x->n_tests; i++)
        c.tests[c.n_tests++] = x->tests[i];
    for (i = 0; i < y->n_tests; i++)
        c.tests[c.n_tests++] = y->tests[i];
    r = clause_settle(a, &c.c);
    if (r == 0)
        *ret = c;
    return r;
}

static int all_and(struct x_facts_making *m, const struct x_facts_all *x,
                   const struct x_facts_all *y, struct x_facts_all *ret)
{
    struct x_facts_all out = {sk_arena_array(m->a, SK_FACTS_CLAUSES, sizeof(*out.v)), 0};
    size_t i, k;
    int r;

    if (!out.v)
        return no_memory();
    for (i = 0; i < x->n; i++)
        for (k = 0; k < y->n; k++) {
            struct x_facts_one c;

            r = clause_and(m->a, &x->v[i], &y->v[k], &c);
            if (r < 0)
                return r;
            if (r > 0)
                continue;
            if (out.n == SK_FACTS_CLAUSES)
                return x_facts_blocked(m, SK_STR("more than 63 alternatives"));
            out.v[out.n++] = c;
        }
    *ret = out;
    return 0;
}

static int all_or(struct x_facts_making *m, const struct x_facts_all *x,
                  const struct x_facts_all *y, struct x_facts_all *ret)
{
    struct x_facts_all out = {sk_arena_array(m->a, x->n + y->n + 1, sizeof(*out.v)), 0};
    size_t i;

    if (!out.v)
        return no_memory();
    if (x->n + y->n > SK_FACTS_CLAUSES)
        return x_facts_blocked(m, SK_STR("more than 63 alternatives"));
    for (i = 0; i < x->n; i++)
        out.v[out.n++] = x->v[i];
    for (i = 0; i < y->n; i++)
        out.v[out.n++] = y->v[i];
    *ret = out;
    return 0;
}

int x_facts_one(struct x_facts_making *m, struct x_facts_one c, struct x_facts_all *ret)
{
    struct x_facts_one *v = sk_arena_alloc(m->a, sizeof(*v));

    if (!v)
        return no_memory();
    *v = c;
    *ret = (struct x_facts_all){v, 1};
    return 0;
}

int x_facts_const(struct x_facts_making *m, bool value, struct x_facts_all *ret)
{
    if (value)
        return x_facts_one(m, (struct x_facts_one){0}, ret);
    *ret = (struct x_facts_all){0};
    return 0;
}

/* ---- one test ---------------------------------------------------------------------------------
 */

static bool is_path(const struct x_term *t, const char *first, const char *second)
{
    return t->path.n == 2 && sk_str_eq(sk_str_c(t->path.step[0]->name), sk_str_c(first)) &&
           sk_str_eq(sk_str_c(t->path.step[1]->name), sk_str_c(second));
}

bool x_facts_holds(const struct x_test *t, bool neg, const struct sk_event *e)
{
    char text[1024];
    struct x_scratch s = {.p = text, .cap = sizeof(text)};

    return x_test_eval(t, e, &s) != neg;
}

int x_facts_bit(struct x_facts_making *m, bool if_set, bool if_not, uint32_t bit,
                struct x_facts_all *ret)
{
    if (if_set == if_not)
        return x_facts_const(m, if_set, ret);
    return x_facts_one(
        m, (struct x_facts_one){.c = {.yes = if_set ? bit : 0, .no = if_set ? 0 : bit}}, ret);
}

/* What the type of the event decides, and what is the same of all programs that start. */
static int by_type(struct x_facts_making *m, const struct x_test *t, bool neg,
                   struct x_facts_all *ret)
{
    struct sk_event call = {.evt.type = SK_E_EXECVE}, by_fd = {.evt.type = SK_E_EXECVEAT};

    return x_facts_bit(m, x_facts_holds(t, neg, &by_fd), x_facts_holds(t, neg, &call),
                       SK_FACT_BY_FD, ret);
}

static int by_flag(struct x_facts_making *m, const struct x_test *t, bool neg, uint32_t bit,
                   struct x_facts_all *ret)
{
    struct sk_process with = {.exe_upper = true, .exe_memfd = true, .exe_deleted = true};
    struct sk_process without = {0};
    struct sk_event set = {.proc = &with}, not_set = {.proc = &without};

    return x_facts_bit(m, x_facts_holds(t, neg, &set), x_facts_holds(t, neg, &not_set), bit, ret);
}

static int texts_of(struct x_facts_making *m, const struct x_test *t, size_t max,
                    struct sk_strs *ret, bool *ret_long)
{
    struct sk_str *v = sk_arena_array(m->a, t->nc + 1, sizeof(*v));
    size_t i, n = 0;

    if (!v)
        return no_memory();
    *ret_long = false;
    for (i = 0; i < t->nc; i++) {
        if (t->c[i].s.n <= max)
            v[n++] = t->c[i].s;
        else
            *ret_long = true;
    }
    *ret = (struct sk_strs){v, n};
    return 0;
}

static int by_name(struct x_facts_making *m, const struct x_test *t, bool neg,
                   struct x_facts_all *ret)
{
    struct x_facts_one c = {0};
    struct sk_strs l;
    bool too_long; /* no name is so long: never equal */
    int r;

    if (t->op == X_EXISTS)
        return x_facts_const(m, !neg, ret);
    if (t->op != X_EQ && t->op != X_NE && t->op != X_IN)
        return x_facts_blocked(m, t->lhs.text);
    r = texts_of(m, t, NAME_MAX_, &l, &too_long);
    if (r != 0)
        return r;
    if (neg != (t->op == X_NE))
        c.c.not_names = l;
    else if (l.n == 0)
        return x_facts_const(m, false, ret);
    else
        c.c.names = l;
    return x_facts_one(m, c, ret);
}

static int by_exepath(struct x_facts_making *m, const struct x_test *t, bool neg,
                      struct x_facts_all *ret)
{
    struct x_facts_one c = {0};
    struct sk_strs l;
    bool too_long;
    int r;

    if (t->op == X_EXISTS)
        return x_facts_const(m, !neg, ret);
    if (t->op != X_EQ && t->op != X_NE && t->op != X_IN && t->op != X_STARTSWITH)
        return x_facts_blocked(m, t->lhs.text);
    r = texts_of(m, t, SK_FACTS_TEXT, &l, &too_long);
    if (r != 0)
        return r;
    if (too_long)
        return x_facts_blocked(m, SK_STR("a path of more than 255 bytes"));
    if (t->op == X_STARTSWITH)
        *(neg ? &c.c.not_prefixes : &c.c.prefixes) = l;
    else
        *(neg != (t->op == X_NE) ? &c.c.not_paths : &c.c.paths) = l;
    return x_facts_one(m, c, ret);
}

/* ---- the container ----------------------------------------------------------------------------
 */

static bool container_holds(const struct x_facts_ctest *t, const struct sk_container *c)
{
    const struct sk_process p = {.container_id = c->id};
    const struct sk_event e = {.evt.type = SK_E_EXECVE, .proc = &p, .container = c};

    return x_facts_holds(t->test, t->neg, &e);
}

static bool is_of_container(const struct x_term *t)
{
    if (sk_str_eq(t->text, SK_STR("container.duration")))
        return false; /* of the moment */
    return sk_str_starts(t->text, SK_STR("container.")) || sk_str_starts(t->text, SK_STR("k8s."));
}

/* Asks only whether there is a container: its id compared with "host". */
static bool asks_host(const struct x_test *t)
{
    return (sk_str_eq(t->lhs.text, SK_STR("container.id")) ||
            sk_str_eq(t->lhs.text, SK_STR("container.full_id"))) &&
           (t->op == X_EQ || t->op == X_NE || t->op == X_IN) && t->nc == 1 &&
           sk_str_eq(t->c[0].s, SK_STR("host"));
}

static int by_container(struct x_facts_making *m, const struct x_test *t, bool neg,
                        struct x_facts_all *ret)
{
    struct x_facts_one c = {.c.container = true, .n_tests = 1};

    if (asks_host(t))
        return x_facts_const(m, (t->op == X_NE) != neg, ret);
    c.tests = sk_arena_alloc(m->a, sizeof(*c.tests));
    if (!c.tests)
        return no_memory();
    c.tests[0] = (struct x_facts_ctest){t, neg};
    return x_facts_one(m, c, ret);
}

/* ---- the tree ---------------------------------------------------------------------------------
 */

static int by_test(struct x_facts_making *m, const struct x_test *t, bool neg,
                   struct x_facts_all *ret)
{
    const struct x_term *l = &t->lhs;

    if (t->rhs)
        return x_facts_blocked(m, t->rhs->type_only || is_of_container(t->rhs) ? l->text
                                                                               : t->rhs->text);
    if (is_of_container(l))
        return by_container(m, t, neg, ret);
    if (m->net)
        return x_facts_net_test(m, t, neg, ret);
    if (l->type_only ||
        (l->ntr == 0 && (is_path(l, "evt", "failed") || is_path(l, "evt", "rawres") ||
                         is_path(l, "evt", "blocked"))))
        return by_type(m, t, neg, ret);
    if (l->ntr)
        return x_facts_blocked(m, l->text);
    if (is_path(l, "proc", "name"))
        return by_name(m, t, neg, ret);
    if (is_path(l, "proc", "exepath"))
        return by_exepath(m, t, neg, ret);
    if (is_path(l, "proc", "exe_upper"))
        return by_flag(m, t, neg, SK_FACT_UPPER, ret);
    if (is_path(l, "proc", "exe_memfd"))
        return by_flag(m, t, neg, SK_FACT_MEMFD, ret);
    if (is_path(l, "proc", "exe_deleted"))
        return by_flag(m, t, neg, SK_FACT_DELETED, ret);
    return x_facts_blocked(m, l->text);
}

static int by_node(struct x_facts_making *m, const struct x_node *n, bool neg,
                   struct x_facts_all *ret);

static int by_kids(struct x_facts_making *m, const struct x_node *n, bool neg,
                   struct x_facts_all *ret)
{
    bool and = (n->kind == X_AND) != neg;
    struct x_facts_all sum, kid;
    uint32_t i;
    int r = x_facts_const(m, and, &sum);

    for (i = 0; i < n->n && r == 0; i++) {
        r = by_node(m, n->kids[i], neg, &kid);
        if (r == 0)
            r = and? all_and(m, &sum, &kid, &sum) : all_or(m, &sum, &kid, &sum);
    }
    if (r == 0)
        *ret = sum;
    return r;
}

/* What the type of the event alone decides. */
static enum x_three by_act(const struct x_facts_making *m, const struct x_node *n)
{
    enum x_three call, by_fd;

    if (m->net)
        return x_node_partial(n, SK_E_CONNECT);
    call = x_node_partial(n, SK_E_EXECVE);
    by_fd = x_node_partial(n, SK_E_EXECVEAT);
    return call == by_fd ? call : X_OPEN;
}

static int by_node(struct x_facts_making *m, const struct x_node *n, bool neg,
                   struct x_facts_all *ret)
{
    enum x_three known = by_act(m, n);

    if (known != X_OPEN) /* whatever else is asked there */
        return x_facts_const(m, (known == X_YES) != neg, ret);
    if (n->kind == X_CONST)
        return x_facts_const(m, n->neg != neg, ret);
    if (n->kind == X_TEST)
        return by_test(m, n->test, n->neg != neg, ret);
    return by_kids(m, n, neg, ret);
}

/* ---- outside ----------------------------------------------------------------------------------
 */

/* All that is true of e and of none of but, for one kind of act. */
static int act_make(struct x_facts_making *m, const struct sk_expr *e,
                    const struct sk_expr *const *but, size_t n_but, struct x_facts_all *ret)
{
    struct x_facts_all all = {0}, none;
    size_t i;
    int r = by_node(m, e->root, false, &all);

    for (i = 0; i < n_but && r == 0 && all.n; i++) { /* of nothing, nothing is excepted */
        r = by_node(m, but[i]->root, true, &none);
        if (r == 0)
            r = all_and(m, &all, &none, &all);
    }
    if (r == 0)
        *ret = all;
    return r;
}

static int acts_make(struct sk_arena *a, const struct sk_expr *e, const struct sk_expr *const *but,
                     size_t n_but, struct sk_facts *f, char why[128])
{
    char net_why[128] = "";
    struct x_facts_making exec = {a, why, false}, net = {a, net_why, true};
    struct x_facts_all nets = {0};
    int r = act_make(&exec, e, but, n_but, &f->all), rn;
    size_t i;

    if (r != 0)
        return r;
    rn = act_make(&net, e, but, n_but, &nets);
    if (rn < 0)
        return rn;
    if (rn > 0 && f->all.n > 0)
        return 0; /* what is said of programs holds without the rest */
    if (rn > 0)
        return x_facts_blocked(&exec, sk_str_c(net_why));
    for (i = 0; i < nets.n; i++)
        nets.v[i].c.net = true;
    return all_or(&exec, &f->all, &nets, &f->all);
}

int sk_expr_facts(const struct sk_expr *e, const struct sk_expr *const *but, size_t n_but,
                  struct sk_facts **ret, char why[128])
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(FACTS_BYTES);
    struct sk_facts *f = a ? sk_arena_zalloc(a, sizeof(*f)) : NULL;
    struct x_facts_making m = {a, why, false};
    size_t i;
    int r = f ? acts_make(a, e, but, n_but, f, why) : no_memory();

    if (r == 0) {
        f->out = sk_arena_array(a, f->all.n + 1, sizeof(*f->out));
        r = f->out ? 0 : no_memory();
    }
    if (r == -ENOMEM && a && sk_arena_used(a) > FACTS_BYTES / 2)
        return x_facts_blocked(&m, SK_STR("too many names and alternatives"));
    if (r != 0)
        return r;
    for (i = 0; i < f->all.n; i++)
        f->out[i] = f->all.v[i].c;
    f->arena = SK_TAKE(a);
    *ret = f;
    return 0;
}

struct sk_facts *sk_facts_free(struct sk_facts *f)
{
    if (f)
        (void)sk_arena_free(f->arena);
    return NULL;
}

const struct sk_clause *sk_facts_clauses(const struct sk_facts *f, size_t *ret_n)
{
    *ret_n = f->all.n;
    return f->out;
}

bool sk_facts_container(const struct sk_facts *f, size_t i, const struct sk_container *c)
{
    const struct x_facts_one *k = &f->all.v[i];
    size_t n;

    if (!c)
        return k->n_tests == 0;
    for (n = 0; n < k->n_tests; n++)
        if (!container_holds(&k->tests[n], c))
            return false;
    return true;
}

static bool clause_match(const struct sk_clause *c, uint32_t bits, struct sk_str name,
                         struct sk_str path)
{
    if ((bits & c->yes) != c->yes || (bits & c->no))
        return false;
    if ((c->names.v && !list_has(&c->names, name)) || list_has(&c->not_names, name))
        return false;
    return (!c->paths.v || list_has(&c->paths, path)) && !list_has(&c->not_paths, path) &&
           (!c->prefixes.v || list_starts(&c->prefixes, path)) &&
           !list_starts(&c->not_prefixes, path);
}

bool sk_facts_match(const struct sk_facts *f, uint32_t bits, struct sk_str name, struct sk_str path,
                    const struct sk_container *c)
{
    size_t i;

    for (i = 0; i < f->all.n; i++)
        if (!f->out[i].net && clause_match(&f->out[i], bits, name, path) &&
            sk_facts_container(f, i, c))
            return true;
    return false;
}

bool sk_facts_match_net(const struct sk_facts *f, const struct sk_fd *fd,
                        const struct sk_container *c)
{
    size_t i;

    for (i = 0; i < f->all.n; i++)
        if (f->out[i].net && x_facts_net_match(&f->out[i], fd) && sk_facts_container(f, i, c))
            return true;
    return false;
}
