/* SPDX-License-Identifier: Apache-2.0 */
/* skep api: the documents made from the field tables. skep version. */
#include "base/buf.h"
#include "commands.h"
#include "model/nouns.h"
#include "serve.h"

static int api_run(const struct sk_args *a)
{
    struct sk_buf out;
    int r;

    if (a->n_pos)
        return sk_usage(a, "does not expect \"%.40s\"", a->pos[0]);
    sk_buf_init(&out, (size_t)16 << 20);
    r = sk_args_flag(a, "typescript") ? sk_kinds_to_typescript(sk_kinds, &out)
                                      : sk_serve_openapi(&out);
    if (r == 0)
        r = fwrite(out.p, 1, out.n, stdout) == out.n ? 0 : -EIO;
    if (r == 0 && out.n && out.p[out.n - 1] != '\n')
        (void)putchar('\n');
    sk_buf_done(&out);
    return r < 0 ? SK_EXIT_FAILED : 0;
}

static const struct sk_opt api_opts[] = {
    {"typescript", 0, NULL, NULL, "TypeScript types instead of OpenAPI", false}, SK_OPT_END};

const struct sk_cmd sk_cmd_api = {.name = "api",
                                  .summary = "print the OpenAPI 3.1 document of the console's API",
                                  .usage = "[OPTIONS]",
                                  .opts = api_opts,
                                  .run = api_run,
                                  .examples = "  skep api > openapi.json"};

static int version_run(const struct sk_args *a)
{
    if (sk_args_flag(a, "json"))
        printf("{\"version\":\"%s\"}\n", SK_VERSION);
    else
        printf("skep %s\n", SK_VERSION);
    return 0;
}

static const struct sk_opt version_opts[] = {SK_OPT_JSON, SK_OPT_END};

const struct sk_cmd sk_cmd_version = {.name = "version",
                                      .summary = "print the version",
                                      .usage = "[OPTIONS]",
                                      .opts = version_opts,
                                      .run = version_run};
