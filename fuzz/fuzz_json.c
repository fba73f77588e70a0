/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes through the JSON parser; what it accepts is looked up and written again. */
#include "io/json.h"

#include <json-c/json.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the writer makes of any bytes must be read back. */
static void write_and_read(struct sk_str text)
{
    struct json_object *o = NULL;
    struct sk_buf b;
    struct sk_jw w;

    sk_buf_init(&b, (size_t)64 << 20);
    w = sk_jw(&b);
    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "text", text);
    sk_jw_end(&w, '}');
    if (b.err == 0 && sk_json_parse(sk_buf_view(&b), &o, NULL) < 0)
        abort();
    (void)json_object_put(o);
    sk_buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_str text = sk_str_n(data, size);
    struct json_object *o = NULL;
    struct sk_err err = {0};
    int r = sk_json_parse(text, &o, &err);

    if (r < 0 && (o || err.code != r || err.msg[0] == '\0'))
        abort();
    if (r == 0) {
        (void)sk_json_str(o, "a.b.c");
        (void)sk_json_i64(o, "a");
        (void)sk_json_bool(o, "a.b");
        (void)json_object_put(o);
    }
    write_and_read(text);
    return 0;
}
