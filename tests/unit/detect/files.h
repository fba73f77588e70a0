/* SPDX-License-Identifier: Apache-2.0 */
/* All rule files of a folder, by name. */
#ifndef SK_TESTS_DETECT_FILES_H
#define SK_TESTS_DETECT_FILES_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "detect/detect.h"

#define FILES_MAX 32

struct files {
    struct sk_rule_file v[FILES_MAX];
    char name[FILES_MAX][256];
    size_t n;
};

static inline int files_yaml(const struct dirent *e)
{
    return sk_str_ends(sk_str_c(e->d_name), SK_STR(".yaml"));
}

/* False when the folder is not there. */
static inline bool files_read(struct files *f, const char *dir)
{
    struct dirent **names;
    int n = scandir(dir, &names, files_yaml, alphasort), i;

    for (i = 0; i < n; i++) {
        char path[512], *text = NULL;
        size_t size = 0;

        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
        if (f->n < FILES_MAX &&
            sk_file_read(AT_FDCWD, path, SK_RULES_TEXT_MAX, &text, &size, NULL) == 0) {
            (void)snprintf(f->name[f->n], sizeof(f->name[0]), "%s", names[i]->d_name);
            f->v[f->n] = (struct sk_rule_file){sk_str_c(f->name[f->n]), sk_str_n(text, size)};
            f->n++;
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return n > 0;
}

static inline void files_done(struct files *f)
{
    size_t i;

    for (i = 0; i < f->n; i++)
        free((void *)(uintptr_t)f->v[i].text.p);
    f->n = 0;
}

#endif
