/* SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

int sk_path_join(const char *dir, const char *name, char ret[SK_PATH_TEXT], struct sk_err *err)
{
    char path[SK_PATH_TEXT];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

    if (n < 0 || (size_t)n >= sizeof(path))
        return sk_err_set(err, -ENAMETOOLONG, "%s/%s: path too long", dir, name);
    memcpy(ret, path, (size_t)n + 1);
    return 0;
}

int sk_data_dir(const char *given, char ret[SK_PATH_TEXT], struct sk_err *err)
{
    const char *env = getenv("SKEP_DATA"), *state = getenv("XDG_STATE_HOME"),
               *home = getenv("HOME");

    if (!given && env && *env)
        given = env;
    if (!given && geteuid() == 0)
        given = "/var/lib/skep";
    if (given) {
        if (sk_str_copy(ret, SK_PATH_TEXT, sk_str_c(given)) < strlen(given))
            return sk_err_set(err, -ENAMETOOLONG, "%s: path too long", given);
        return 0;
    }
    if (state && *state)
        return sk_path_join(state, "skep", ret, err);
    if (!home || !*home)
        return sk_err_set(err, -ENOENT, "HOME is not set; say where to keep data with --data DIR");
    return sk_path_join(home, ".local/state/skep", ret, err);
}

static int id_make(const char *path, char ret[64], struct sk_err *err)
{
    unsigned char bytes[16];
    struct sk_buf hex;
    size_t i;
    int r = sk_random(bytes, sizeof(bytes));

    if (r < 0)
        return sk_err_set(err, r, "no random numbers for a host id");
    sk_buf_init(&hex, 64);
    for (i = 0; i < sizeof(bytes); i++)
        (void)sk_buf_printf(&hex, "%02x", bytes[i]); /* the error sticks */
    r = hex.err ? sk_err_set(err, hex.err, "out of memory")
                : sk_file_replace(AT_FDCWD, path, sk_buf_view(&hex), 0644, err);
    if (r == 0)
        (void)sk_str_copy(ret, 64, sk_buf_view(&hex));
    sk_buf_done(&hex);
    return r;
}

int sk_host_id(const char *data, char ret[64], struct sk_err *err)
{
    const char *files[2] = {"/etc/machine-id", NULL};
    char own[SK_PATH_TEXT];
    size_t i;
    int r = sk_path_join(data, "host-id", own, err);

    if (r < 0)
        return r;
    files[1] = own;
    for (i = 0; i < SK_ARRAY_LEN(files); i++) {
        SK_CLEANUP(sk_freep) char *text = NULL;
        size_t n;
        struct sk_str id;

        if (sk_file_read(AT_FDCWD, files[i], 4096, &text, &n, NULL) < 0)
            continue; /* absent: the next, or a new one */
        id = sk_str_trim(sk_str_n(text, n));
        if (id.n >= 16 && id.n < 64) {
            (void)sk_str_copy(ret, 64, id);
            return 0;
        }
    }
    return id_make(own, ret, err);
}
