/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "embedded.h"
#include "paths.h"

struct sk_rule_files *sk_rule_files_new(void)
{
    struct sk_arena *arena = sk_arena_new(SK_RULE_FILES_BYTES);
    struct sk_rule_files *f = arena ? sk_arena_zalloc(arena, sizeof(*f)) : NULL;

    if (!f)
        (void)sk_arena_free(arena);
    else
        f->arena = arena;
    return f;
}

struct sk_rule_files *sk_rule_files_free(struct sk_rule_files *f)
{
    if (f)
        (void)sk_arena_free(f->arena);
    return NULL;
}

static int keep(struct sk_rule_files *f, struct sk_str name, struct sk_str text, struct sk_err *err)
{
    struct sk_rule_file file = {name, text};

    if (f->n == SK_RULE_FILES_MAX)
        return sk_err_set(err, -EFBIG, "more than %d rule files", SK_RULE_FILES_MAX);
    if (!sk_arena_keep(f->arena, &file.name) || !sk_arena_keep(f->arena, &file.text))
        return sk_err_set(err, -ENOMEM, "rule files: more than %zu bytes", SK_RULE_FILES_BYTES);
    f->v[f->n++] = file;
    return 0;
}

int sk_rule_files_builtin(struct sk_rule_files *f, struct sk_err *err)
{
    size_t i;
    int r = 0;

    for (i = 0; i < sk_embedded_rules_n && r == 0; i++) {
        const struct sk_asset *asset = &sk_embedded_rules[i];
        char *name = sk_arena_printf(f->arena, "builtin/%s", asset->path);
        struct sk_buf text;

        sk_buf_init(&text, SK_RULES_TEXT_MAX);
        r = name ? sk_embedded_text(asset, &text) : -ENOMEM;
        if (r < 0)
            r = sk_err_set(err, r, "the executable's own rules are damaged: %s", asset->path);
        else
            r = keep(f, sk_str_c(name), sk_buf_view(&text), err);
        sk_buf_done(&text);
    }
    return r;
}

int sk_rule_files_console(struct sk_rule_files *f, struct sk_str name, struct sk_str text,
                          struct sk_err *err)
{
    char *shown = sk_arena_printf(f->arena, "console/" SK_STR_FMT, SK_STR_ARG(name));

    return shown ? keep(f, sk_str_c(shown), text, err)
                 : sk_err_set(err, -ENOMEM, "rule files: out of memory");
}

static int add_file(struct sk_rule_files *f, const char *path, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    size_t n;
    int r = sk_file_read(AT_FDCWD, path, SK_RULES_TEXT_MAX, &text, &n, err);

    return r < 0 ? r : keep(f, sk_str_c(path), sk_str_n(text, n), err);
}

static int is_rules(const struct dirent *e)
{
    struct sk_str name = sk_str_c(e->d_name);

    return e->d_name[0] != '.' &&
           (sk_str_ends(name, SK_STR(".yaml")) || sk_str_ends(name, SK_STR(".yml")));
}

int sk_rule_files_add(struct sk_rule_files *f, const char *path, struct sk_err *err)
{
    struct dirent **names;
    struct stat st;
    int n, i, r = 0;

    if (stat(path, &st) < 0)
        return sk_err_errno(err, errno, "rules: %s", path);
    if (!S_ISDIR(st.st_mode))
        return add_file(f, path, err);
    n = scandir(path, &names, is_rules, alphasort);
    if (n < 0)
        return sk_err_errno(err, errno, "rules: %s", path);
    for (i = 0; i < n; i++) {
        char full[SK_PATH_TEXT];

        if (r == 0)
            r = sk_path_join(path, names[i]->d_name, full, err);
        if (r == 0)
            r = add_file(f, full, err);
        free(names[i]);
    }
    free(names);
    return r;
}
