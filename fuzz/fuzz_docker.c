/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's answers: the first byte chooses which, the rest is the JSON. */
#include "base/arena.h"
#include "runtime/runtime_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int listed(void *arg, const struct sk_rt_listed *l)
{
    size_t *n = arg;

    *n += l->id.n;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(SK_RT_OBJECT_MAX);
    struct sk_str json = sk_str_n(data + 1, size ? size - 1 : 0);
    struct sk_container c = {0};
    struct sk_docker_version v;
    struct sk_image *images, image = {0};
    struct sk_rt_event e;
    struct sk_err err = {0};
    size_t n = 0;

    if (size == 0 || !a)
        return 0;
    switch (data[0]) {
    case 'c':
        (void)sk_docker_container_parse(json, a, &c, &err);
        break;
    case 'p':
        (void)sk_docker_peek_parse(json, SK_STR("0123456789abcdef"), a, &c, &err);
        break;
    case 'e':
        (void)sk_docker_event_parse(json, a, &e, &err);
        break;
    case 'l':
        (void)sk_docker_list_parse(json, listed, &n, &err);
        break;
    case 'i':
        (void)sk_docker_images_parse(json, a, &images, &n, &err);
        break;
    case 'j':
        (void)sk_docker_image_parse(json, a, &image, &err);
        break;
    case 'v':
        (void)sk_docker_version_parse(json, &v, &err);
        break;
    default:
        sk_docker_image_split(json, &c.image, &c.image_tag, &c.image_digest);
        break;
    }
    return 0;
}
