/* SPDX-License-Identifier: Apache-2.0 */
#include "opts.h"

static size_t distance(const char *a, const char *b) /* Levenshtein, for short words */
{
    size_t row[40], la = strlen(a), lb = strlen(b), i, j;

    if (la >= SK_ARRAY_LEN(row) || lb >= SK_ARRAY_LEN(row))
        return 99;
    for (j = 0; j <= lb; j++)
        row[j] = j;
    for (i = 1; i <= la; i++) {
        size_t diag = row[0];

        row[0] = i;
        for (j = 1; j <= lb; j++) {
            size_t up = row[j], best = SK_MIN(row[j - 1], up) + 1;

            row[j] = SK_MIN(best, diag + (a[i - 1] != b[j - 1]));
            diag = up;
        }
    }
    return row[lb];
}

static const struct sk_opt *opt_find(const struct sk_cmd *cmd, struct sk_str name)
{
    const struct sk_opt *o;

    for (o = cmd->opts; o && o->name; o++)
        if (sk_str_eq(sk_str_c(o->name), name))
            return o;
    return NULL;
}

static int opt_unknown(const struct sk_cmd *cmd, struct sk_str name, struct sk_err *err)
{
    const struct sk_opt *o, *near = NULL;
    size_t best = 4;
    char text[40];

    (void)sk_str_copy(text, sizeof(text), name);
    for (o = cmd->opts; o && o->name; o++) {
        size_t d = distance(text, o->name);

        if (d < best) {
            best = d;
            near = o;
        }
    }
    if (near)
        return sk_err_set(err, -EINVAL, "no option --%s; did you mean --%s?", text, near->name);
    return sk_err_set(err, -EINVAL, "no option --%s; see skep %s --help", text, cmd->name);
}

static int take(struct sk_args *a, const struct sk_opt *o, const char *value, struct sk_err *err)
{
    if (a->n_given == SK_ARRAY_LEN(a->given))
        return sk_err_set(err, -EINVAL, "too many options");
    if (!o->many)
        for (size_t i = 0; i < a->n_given; i++)
            if (a->given[i].opt == o)
                return sk_err_set(err, -EINVAL, "--%s is given twice", o->name);
    a->given[a->n_given++] = (struct sk_given){o, value};
    return 0;
}

/* One "--name", "--name=value" or "--name value"; *i moves on when the next argument is taken. */
static int long_parse(struct sk_args *a, int argc, char **argv, int *i, struct sk_err *err)
{
    struct sk_str name = sk_str_c(argv[*i] + 2), left, right;
    const struct sk_opt *o;
    const char *eq = strchr(argv[*i], '=');

    if (sk_str_cut(name, '=', &left, &right))
        name = left;
    o = opt_find(a->cmd, name);
    if (!o)
        return opt_unknown(a->cmd, name, err);
    if (!o->value && eq)
        return sk_err_set(err, -EINVAL, "--%s takes no value", o->name);
    if (!o->value)
        return take(a, o, "", err);
    if (eq)
        return take(a, o, eq + 1, err);
    if (*i + 1 >= argc)
        return sk_err_set(err, -EINVAL, "--%s needs a value: %s", o->name, o->value);
    return take(a, o, argv[++*i], err);
}

static int short_parse(struct sk_args *a, int argc, char **argv, int *i, struct sk_err *err)
{
    const struct sk_opt *o;

    for (o = a->cmd->opts; o && o->name; o++) {
        if (!o->letter || o->letter != argv[*i][1])
            continue;
        if (!o->value)
            return argv[*i][2] ? sk_err_set(err, -EINVAL, "-%c takes no value", o->letter)
                               : take(a, o, "", err);
        if (argv[*i][2])
            return take(a, o, argv[*i] + 2, err);
        if (*i + 1 >= argc)
            return sk_err_set(err, -EINVAL, "-%c needs a value: %s", o->letter, o->value);
        return take(a, o, argv[++*i], err);
    }
    return sk_err_set(err, -EINVAL, "no option %s; see skep %s --help", argv[*i], a->cmd->name);
}

int sk_args_parse(const struct sk_cmd *cmd, int argc, char **argv, struct sk_args *ret,
                  struct sk_err *err)
{
    struct sk_args a = {.cmd = cmd};
    bool options = true;
    int i, r;

    for (i = 0; i < argc; i++) {
        const char *s = argv[i];

        if (options && strcmp(s, "--") == 0) {
            options = false;
            continue;
        }
        if (options && (strcmp(s, "--help") == 0 || strcmp(s, "-h") == 0)) {
            sk_cmd_help(cmd, stdout);
            return 1;
        }
        if (options && s[0] == '-' && s[1] == '-')
            r = long_parse(&a, argc, argv, &i, err);
        else if (options && s[0] == '-' && s[1])
            r = short_parse(&a, argc, argv, &i, err);
        else if (a.n_pos == SK_ARRAY_LEN(a.pos))
            r = sk_err_set(err, -EINVAL, "too many arguments");
        else
            r = (a.pos[a.n_pos++] = s, 0);
        if (r < 0)
            return r;
    }
    *ret = a;
    return 0;
}

void sk_cmd_help(const struct sk_cmd *cmd, FILE *to)
{
    const struct sk_opt *o;
    char left[64];

    fprintf(to, "%s\n\nUsage: skep %s %s\n", cmd->summary, cmd->name, cmd->usage);
    if (cmd->text)
        fprintf(to, "\n%s\n", cmd->text);
    if (cmd->opts && cmd->opts->name)
        fprintf(to, "\nOptions:\n");
    for (o = cmd->opts; o && o->name; o++) {
        const char letter[] = {'-', o->letter, ',', ' ', 0};

        (void)snprintf(left, sizeof(left), "%s--%s%s%s", o->letter ? letter : "    ", o->name,
                       o->value ? " " : "", o->value ? o->value : "");
        fprintf(to, "  %-28s %s", left, o->doc);
        if (o->dflt)
            fprintf(to, " (default %s)", o->dflt);
        fprintf(to, "\n");
    }
    if (cmd->examples)
        fprintf(to, "\nExamples:\n%s\n", cmd->examples);
}

const char *sk_args_get(const struct sk_args *a, const char *name)
{
    const struct sk_opt *o = opt_find(a->cmd, sk_str_c(name));
    size_t i;

    for (i = 0; i < a->n_given; i++)
        if (a->given[i].opt == o)
            return a->given[i].value;
    return o ? o->dflt : NULL;
}

bool sk_args_flag(const struct sk_args *a, const char *name)
{
    return sk_args_get(a, name) != NULL;
}

size_t sk_args_all(const struct sk_args *a, const char *name, const char **ret, size_t max)
{
    size_t i, n = 0;

    for (i = 0; i < a->n_given && n < max; i++)
        if (strcmp(a->given[i].opt->name, name) == 0)
            ret[n++] = a->given[i].value;
    return n;
}

int sk_args_u64(const struct sk_args *a, const char *name, uint64_t least, uint64_t most,
                uint64_t *ret)
{
    const char *text = sk_args_get(a, name);
    uint64_t v;

    if (!text || sk_str_u64(sk_str_c(text), &v) < 0 || v < least || v > most) {
        (void)sk_usage(a, "--%s must be a number from %llu to %llu", name,
                       (unsigned long long)least, (unsigned long long)most);
        return -EINVAL;
    }
    *ret = v;
    return 0;
}

int sk_fail(const struct sk_err *err)
{
    fprintf(stderr, "skep: %s\n", err->msg);
    return SK_EXIT_FAILED;
}

int sk_usage(const struct sk_args *a, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "skep %s: ", a->cmd->name);
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\nUsage: skep %s %s\n", a->cmd->name, a->cmd->usage);
    return SK_EXIT_USAGE;
}
