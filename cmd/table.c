/* SPDX-License-Identifier: Apache-2.0 */
/* Tables for people: widths from the contents, cut to the terminal, ages instead of times. */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/time.h"
#include "base/vec.h"
#include "client.h"

#define COLUMNS_MAX 24
#define WIDTH_LEAST 8 /* a column is never cut below this */

struct sk_table {
    struct sk_arena *arena;
    const struct sk_kind *kind;
    struct sk_path path[COLUMNS_MAX];
    struct sk_str head[COLUMNS_MAX];
    size_t n;
    SK_VEC(struct sk_str) cells; /* n a row */
};

static int column_add(struct sk_table *t, struct sk_str name, struct sk_err *err)
{
    int r;

    if (t->n == COLUMNS_MAX)
        return sk_err_set(err, -EINVAL, "more than %d columns", COLUMNS_MAX);
    r = sk_path_find(t->kind, name, &t->path[t->n], err);
    if (r < 0)
        return r;
    t->head[t->n] = name;
    if (!sk_arena_keep(t->arena, &t->head[t->n++]))
        return sk_err_set(err, -ENOMEM, "out of memory");
    return 0;
}

static int listed_add(void *arg, const char *dotted, const struct sk_path *path)
{
    struct sk_table *t = arg;

    return sk_path_is_listed(path) && t->n < COLUMNS_MAX ? column_add(t, sk_str_c(dotted), NULL)
                                                         : 0;
}

int sk_table_new(const struct sk_kind *kind, const char *columns, struct sk_table **ret,
                 struct sk_err *err)
{
    struct sk_arena *arena = sk_arena_new((size_t)256 << 20);
    struct sk_table *t = arena ? sk_arena_zalloc(arena, sizeof(*t)) : NULL;
    struct sk_str rest = sk_str_c(columns), name;
    int r = 0;

    if (!t) {
        (void)sk_arena_free(arena);
        return sk_err_set(err, -ENOMEM, "out of memory");
    }
    t->arena = arena;
    t->kind = kind;
    if (!columns)
        r = sk_kind_walk(kind, listed_add, t);
    while (columns && r == 0 && sk_str_next(&rest, ',', &name))
        r = column_add(t, sk_str_trim(name), err);
    if (r < 0) {
        (void)sk_table_free(t);
        return r;
    }
    *ret = t;
    return 0;
}

struct sk_table *sk_table_free(struct sk_table *t)
{
    if (t) {
        sk_vec_done(&t->cells);
        (void)sk_arena_free(t->arena);
    }
    return NULL;
}

/* Control characters would let a container's name write on the terminal. */
static void cell_clean(char *p, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
            p[i] = '?';
}

static int cell_text(const struct sk_field *f, const void *at, struct sk_buf *out)
{
    char age[32];

    if (f->type == SK_T_TIME) {
        int64_t t = *(const int64_t *)at, now = sk_now_wall_ns();

        if (t == 0)
            return 0;
        sk_age_format(t > now ? t - now : now - t, age);
        return sk_buf_printf(out, "%s%s", t > now ? "in " : "", age);
    }
    return sk_field_text(f, at, out);
}

int sk_table_add(struct sk_table *t, const void *obj)
{
    struct sk_buf out;
    size_t i;
    int r = 0;

    sk_buf_init(&out, 1 << 20);
    for (i = 0; i < t->n && r == 0; i++) {
        const void *at = sk_path_at(&t->path[i], obj);
        struct sk_str cell;

        sk_buf_clear(&out);
        if (at)
            r = cell_text(t->path[i].step[t->path[i].n - 1], at, &out);
        cell = sk_buf_view(&out);
        if (r == 0 && cell.n == 0)
            cell = SK_STR("-");
        if (r == 0)
            cell_clean(out.p, out.n);
        if (r == 0 && (!sk_arena_keep(t->arena, &cell) || sk_vec_push(&t->cells, cell) < 0))
            r = -ENOMEM;
    }
    sk_buf_done(&out);
    return r;
}

static size_t columns_seen(struct sk_str s) /* characters; good enough to line up Latin and CJK */
{
    size_t i, n = 0;

    for (i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c & 0xc0) != 0x80)
            n += c >= 0xe3 && c <= 0xed ? 2 : 1; /* U+3000 to U+DFFF are wide */
    }
    return n;
}

static void cell_print(struct sk_str s, size_t width, bool last, FILE *to)
{
    size_t have = columns_seen(s);

    if (have <= width) {
        (void)fwrite(s.p, 1, s.n, to);
        if (!last)
            fprintf(to, "%*s", (int)(width - have + 2), "");
        return;
    }
    while (s.n && columns_seen(s) > width - 1)
        s.n--;
    while (s.n && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
        s.n--; /* not inside a character */
    (void)fwrite(s.p, 1, s.n, to);
    fprintf(to, "…%*s", last ? 0 : (int)(width - columns_seen(s) + 1), "");
}

/* Cuts the widest columns until the row fits. */
static void widths_fit(size_t *w, size_t n, size_t room)
{
    for (;;) {
        size_t i, sum = 0, widest = 0;

        for (i = 0; i < n; i++) {
            sum += w[i] + (i + 1 < n ? 2 : 0);
            if (w[i] > w[widest])
                widest = i;
        }
        if (sum <= room || w[widest] <= WIDTH_LEAST)
            return;
        w[widest]--;
    }
}

static void head_print(const struct sk_table *t, const size_t *w, FILE *to)
{
    size_t i, k;
    char text[64];

    for (i = 0; i < t->n; i++) {
        size_t n = sk_str_copy(text, sizeof(text), t->head[i]);

        for (k = 0; k < n; k++)
            text[k] = (char)(text[k] == '_' || text[k] == '.'   ? ' '
                             : text[k] >= 'a' && text[k] <= 'z' ? text[k] - 32
                                                                : text[k]);
        cell_print(sk_str_n(text, n), w[i], i + 1 == t->n, to);
    }
    fprintf(to, "\n");
}

void sk_table_print(const struct sk_table *t, FILE *to)
{
    size_t w[COLUMNS_MAX], i, k;
    struct winsize ws = {0};

    for (i = 0; i < t->n; i++)
        w[i] = t->head[i].n;
    for (k = 0; t->n > 0 && k < t->cells.n; k++)
        w[k % t->n] = SK_MAX(w[k % t->n], columns_seen(t->cells.v[k]));
    if (isatty(fileno(to)) && ioctl(fileno(to), TIOCGWINSZ, &ws) == 0 && ws.ws_col > 20)
        widths_fit(w, t->n, ws.ws_col);
    head_print(t, w, to);
    for (k = 0; k < t->cells.n; k += t->n) {
        for (i = 0; i < t->n; i++)
            cell_print(t->cells.v[k + i], w[i], i + 1 == t->n, to);
        fprintf(to, "\n");
    }
}
