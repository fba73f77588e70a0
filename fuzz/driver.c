/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file of the folders given: the corpus as a regression test. */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/base.h"
#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_dir(const char *path, size_t *count)
{
    DIR *d = opendir(path);
    struct dirent *e;

    if (!d) {
        fprintf(stderr, "%s: %m\n", path);
        return 1;
    }
    while ((e = readdir(d))) {
        SK_CLEANUP(sk_freep) char *text = NULL;
        struct sk_err err = {0};
        size_t n;

        if (e->d_name[0] == '.')
            continue;
        if (sk_file_read(dirfd(d), e->d_name, (size_t)64 << 20, &text, &n, &err) < 0) {
            fprintf(stderr, "%s\n", err.msg);
            (void)closedir(d);
            return 1;
        }
        (void)LLVMFuzzerTestOneInput((const uint8_t *)text, n);
        (*count)++;
    }
    (void)closedir(d);
    return 0;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    int i, r = 0;

    for (i = 1; i < argc && r == 0; i++)
        r = run_dir(argv[i], &count);
    printf("%zu inputs\n", count);
    return r ? r : count == 0; /* an empty corpus proves nothing */
}
