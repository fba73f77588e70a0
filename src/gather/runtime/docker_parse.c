/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <json-c/json.h>

#include "base/time.h"
#include "io/json.h"
#include "runtime/runtime_int.h"

#define API_OURS 51 /* newest version we know: 1.51 */
#define API_LEAST 24

/* ---- helpers -------------------------------------------------------------------------------- */

/* Keeps at most max bytes, cut between characters; absent and empty texts become absent. */
static int keep_max(struct sk_arena *a, struct sk_str s, size_t max, struct sk_str *ret)
{
    if (s.n == 0) {
        *ret = (struct sk_str){0};
        return 0;
    }
    if (s.n > max) {
        s.n = max;
        while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0) == 0x80)
            s.n--;
    }
    if (!sk_arena_keep(a, &s))
        return -ENOMEM;
    *ret = s;
    return 0;
}

static int keep(struct sk_arena *a, struct sk_str s, struct sk_str *ret)
{
    return keep_max(a, s, SK_RT_TEXT_MAX, ret);
}

static struct sk_str text_of(struct json_object *o)
{
    if (!json_object_is_type(o, json_type_string))
        return (struct sk_str){0};
    return sk_str_n(json_object_get_string(o), (size_t)json_object_get_string_len(o));
}

static size_t array_len(struct json_object *o)
{
    return json_object_is_type(o, json_type_array) ? json_object_array_length(o) : 0;
}

static struct json_object *array_at(struct json_object *o, size_t i)
{
    return json_object_array_get_idx(o, i);
}

/* Docker writes year 1 for "never". */
static int64_t time_of(struct json_object *o, const char *path)
{
    struct sk_str s = sk_json_str(o, path);
    int64_t t;

    if (s.n == 0 || sk_str_starts(s, SK_STR("0001-")) || sk_str_starts(s, SK_STR("1970-")) ||
        sk_time_parse(s, &t) < 0)
        return 0;
    return t;
}

static int document(struct sk_str json, enum json_type type, const char *what,
                    struct json_object **ret, struct sk_err *err)
{
    int r = sk_json_parse(json, ret, err);

    if (r < 0)
        return sk_err_wrap(err, r, "docker: %s", what);
    if (json_object_is_type(*ret, type))
        return 0;
    (void)json_object_put(*ret);
    *ret = NULL;
    return sk_err_set(err, -EBADMSG, "docker: %s: not an %s", what,
                      type == json_type_array ? "array" : "object");
}

static int no_memory(struct sk_err *err, const char *what)
{
    return sk_err_set(err, -ENOMEM, "docker: %s: memory limit reached", what);
}

bool sk_rt_id_ok(struct sk_str id)
{
    size_t i;

    for (i = 0; i < id.n; i++) {
        if (!isxdigit((unsigned char)id.p[i]))
            return false;
    }
    return id.n >= 12 && id.n <= SK_RT_ID_MAX;
}

/* ---- image names ---------------------------------------------------------------------------- */

void sk_docker_image_split(struct sk_str image, struct sk_str *ret_repository,
                           struct sk_str *ret_tag, struct sk_str *ret_digest)
{
    struct sk_str repository = image, tag = {0}, digest = {0};
    ssize_t at, slash, colon;

    *ret_repository = *ret_tag = *ret_digest = (struct sk_str){0};
    if (image.n == 0 || sk_str_starts(image, SK_STR("sha256:")))
        return;
    at = sk_str_chr(image, '@');
    if (at >= 0) {
        digest = sk_str_sub(image, (size_t)at + 1, image.n);
        repository = sk_str_sub(image, 0, (size_t)at);
    }
    /* A colon before the last slash belongs to the registry's port. */
    slash = sk_str_rchr(repository, '/');
    colon = sk_str_rchr(repository, ':');
    if (colon > slash) {
        tag = sk_str_sub(repository, (size_t)colon + 1, repository.n);
        repository = sk_str_sub(repository, 0, (size_t)colon);
    } else if (at < 0) {
        tag = SK_STR("latest");
    }
    *ret_repository = repository;
    *ret_tag = tag;
    *ret_digest = digest;
}

/* "docker run 9bf01df474f0": the image was named by (the beginning of) its id. */
static bool names_by_id(struct sk_str image, struct sk_str image_id)
{
    return image.n >= 4 && (sk_str_starts(image_id, image) ||
                            (sk_str_starts(image_id, SK_STR("sha256:")) &&
                             sk_str_starts(sk_str_sub(image_id, 7, image_id.n), image)));
}

static int image_fill(struct sk_str image, struct sk_str id, struct sk_arena *a,
                      struct sk_container *c)
{
    struct sk_str repository, tag, digest;

    if (keep(a, image, &c->image) < 0 || keep(a, id, &c->image_id) < 0)
        return -ENOMEM;
    if (names_by_id(c->image, c->image_id))
        return 0; /* runtime.c knows the image's names */
    sk_docker_image_split(c->image, &repository, &tag, &digest);
    if (keep(a, repository, &c->image_repository) < 0 || keep(a, tag, &c->image_tag) < 0 ||
        keep(a, digest, &c->image_digest) < 0)
        return -ENOMEM;
    return 0;
}

/* ---- one container -------------------------------------------------------------------------- */

/* As docker ps shows it: arguments with blanks in single quotes. */
static int command_fill(struct json_object *o, struct sk_arena *a, struct sk_container *c)
{
    struct json_object *args = sk_json_at(o, "Args");
    size_t i, n = array_len(args);
    struct sk_buf b;
    int r;

    sk_buf_init(&b, (size_t)64 << 10);
    (void)sk_buf_str(&b, sk_str_sub(sk_json_str(o, "Path"), 0, SK_RT_TEXT_MAX));
    for (i = 0; i < n && b.n <= SK_RT_TEXT_MAX; i++) {
        struct sk_str arg = sk_str_sub(text_of(array_at(args, i)), 0, SK_RT_TEXT_MAX);
        const char *quote = sk_str_chr(arg, ' ') >= 0 ? "'" : "";

        (void)sk_buf_printf(&b, " %s", quote);
        (void)sk_buf_str(&b, arg);
        (void)sk_buf_c(&b, quote);
    }
    r = b.err ? b.err : keep(a, sk_buf_view(&b), &c->command);
    sk_buf_done(&b);
    return r;
}

static uint32_t state_of(struct sk_str s)
{
    static const struct {
        struct sk_str name;
        uint32_t state;
    } names[] = {
        {SK_STR_INIT("created"), SK_CS_CREATED}, {SK_STR_INIT("running"), SK_CS_RUNNING},
        {SK_STR_INIT("paused"), SK_CS_PAUSED},   {SK_STR_INIT("restarting"), SK_CS_EXITED},
        {SK_STR_INIT("removing"), SK_CS_EXITED}, {SK_STR_INIT("exited"), SK_CS_EXITED},
        {SK_STR_INIT("dead"), SK_CS_EXITED},
    };
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(names); i++) {
        if (sk_str_eq(s, names[i].name))
            return names[i].state;
    }
    return SK_CS_UNKNOWN;
}

static void state_fill(struct json_object *o, struct sk_container *c)
{
    int64_t pid = sk_json_i64(o, "State.Pid");

    c->state = state_of(sk_json_str(o, "State.Status"));
    c->created = time_of(o, "Created");
    c->started = time_of(o, "State.StartedAt");
    c->finished = time_of(o, "State.FinishedAt");
    c->exit_code = sk_json_i64(o, "State.ExitCode");
    c->pid = pid > 0 ? (uint64_t)pid : 0;
    if (c->finished < c->started)
        c->finished = 0; /* of the run before this one */
}

static int labels_fill(struct json_object *map, struct sk_arena *a, struct sk_list *ret)
{
    struct json_object_iterator it, end;
    struct sk_label *v;
    size_t n = 0, len;

    if (!json_object_is_type(map, json_type_object))
        return 0;
    len = SK_MIN((size_t)json_object_object_length(map), (size_t)SK_RT_LIST_MAX);
    v = sk_arena_array(a, len, sizeof(*v));
    if (!v && len > 0)
        return -ENOMEM;
    it = json_object_iter_begin(map);
    end = json_object_iter_end(map);
    for (; n < len && !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        if (keep_max(a, sk_str_c(json_object_iter_peek_name(&it)), SK_RT_LABEL_MAX, &v[n].key) <
                0 ||
            keep_max(a, text_of(json_object_iter_peek_value(&it)), SK_RT_LABEL_MAX, &v[n].value) <
                0)
            return -ENOMEM;
        n += v[n].key.n > 0;
    }
    *ret = (struct sk_list){v, n};
    return 0;
}

/* The kubelet names a container's pod in labels (dockershim, cri-dockerd). */
void sk_docker_pod_fill(struct sk_container *c)
{
    const struct sk_label *v = c->labels.v;
    size_t i;

    for (i = 0; i < c->labels.n; i++) {
        if (sk_str_eq(v[i].key, SK_STR("io.kubernetes.pod.name")))
            c->k8s_pod = v[i].value;
        else if (sk_str_eq(v[i].key, SK_STR("io.kubernetes.pod.namespace")))
            c->k8s_namespace = v[i].value;
        else if (sk_str_eq(v[i].key, SK_STR("io.kubernetes.pod.uid")))
            c->k8s_uid = v[i].value;
    }
}

static int mounts_fill(struct json_object *list, struct sk_arena *a, struct sk_list *ret)
{
    size_t i, n = SK_MIN(array_len(list), (size_t)SK_RT_LIST_MAX);
    struct sk_mount *v = sk_arena_array(a, n, sizeof(*v));

    if (!v && n > 0)
        return -ENOMEM;
    for (i = 0; i < n; i++) {
        struct json_object *m = array_at(list, i);

        if (keep(a, sk_json_str(m, "Source"), &v[i].source) < 0 ||
            keep(a, sk_json_str(m, "Destination"), &v[i].dest) < 0 ||
            keep(a, sk_json_str(m, "Mode"), &v[i].mode) < 0 ||
            keep(a, sk_json_str(m, "Type"), &v[i].type) < 0)
            return -ENOMEM;
        v[i].rw = sk_json_bool(m, "RW");
    }
    *ret = (struct sk_list){v, n};
    return 0;
}

static uint32_t port_of(struct sk_str s)
{
    uint64_t v;

    return sk_str_u64(s, &v) == 0 && v <= 65535 ? (uint32_t)v : 0;
}

static int port_add(struct sk_arena *a, struct sk_str key, struct json_object *binding,
                    struct sk_port *v)
{
    struct sk_str port = key, protocol = SK_STR("tcp");

    (void)sk_str_cut(key, '/', &port, &protocol);
    v->container_port = port_of(port);
    v->host_port = port_of(sk_json_str(binding, "HostPort"));
    if (keep(a, protocol, &v->protocol) < 0 ||
        keep(a, sk_json_str(binding, "HostIp"), &v->host_ip) < 0)
        return -ENOMEM;
    return 0;
}

/* {"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}],"53/udp":null}: published, and only exposed */
static int ports_fill(struct json_object *map, struct sk_arena *a, struct sk_list *ret)
{
    struct json_object_iterator it, end;
    struct sk_port *v = NULL, *grown;
    size_t n = 0, cap = 0;

    if (!json_object_is_type(map, json_type_object))
        return 0;
    it = json_object_iter_begin(map);
    end = json_object_iter_end(map);
    for (; n < SK_RT_LIST_MAX && !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        struct json_object *bindings = json_object_iter_peek_value(&it);
        struct sk_str key = sk_str_c(json_object_iter_peek_name(&it));
        size_t i = 0, k = array_len(bindings);

        do {
            grown = sk_arena_grow(a, v, n, &cap, sizeof(*v));
            if (!grown)
                return -ENOMEM;
            v = grown;
            v[n] = (struct sk_port){0};
            if (port_add(a, key, k ? array_at(bindings, i) : NULL, &v[n]) < 0)
                return -ENOMEM;
            n++;
        } while (++i < k && n < SK_RT_LIST_MAX);
    }
    *ret = (struct sk_list){v, n};
    return 0;
}

/* The first network that gave an address; on a host's or another container's network there is none.
 */
static struct sk_str first_ip(struct json_object *o)
{
    struct json_object *networks = sk_json_at(o, "NetworkSettings.Networks");
    struct sk_str ip = sk_json_str(o, "NetworkSettings.IPAddress");
    struct json_object_iterator it, end;

    if (ip.n > 0 || !json_object_is_type(networks, json_type_object))
        return ip;
    it = json_object_iter_begin(networks);
    end = json_object_iter_end(networks);
    for (; ip.n == 0 && !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        ip = sk_json_str(json_object_iter_peek_value(&it), "IPAddress");
        if (ip.n == 0)
            ip = sk_json_str(json_object_iter_peek_value(&it), "GlobalIPv6Address");
    }
    return ip;
}

static int network_fill(struct json_object *o, struct sk_arena *a, struct sk_container *c)
{
    struct sk_str mode = sk_json_str(o, "HostConfig.NetworkMode");

    c->host_network = sk_str_eq(mode, SK_STR("host"));
    if (sk_str_eq(mode, SK_STR("default")))
        mode = SK_STR("bridge");
    return keep(a, mode, &c->network) < 0 || keep(a, first_ip(o), &c->ip) < 0 ? -ENOMEM : 0;
}

static int container_fill(struct json_object *o, struct sk_arena *a, struct sk_container *c,
                          struct sk_err *err)
{
    struct sk_str name = sk_json_str(o, "Name"), id = sk_json_str(o, "Id");

    if (!sk_rt_id_ok(id))
        return sk_err_set(err, -EBADMSG, "docker: container: no usable Id");
    if (sk_str_starts(name, SK_STR("/")))
        name = sk_str_sub(name, 1, name.n);
    c->runtime = SK_RT_DOCKER;
    c->complete = true;
    c->privileged = sk_json_bool(o, "HostConfig.Privileged");
    c->host_pid = sk_str_eq(sk_json_str(o, "HostConfig.PidMode"), SK_STR("host"));
    state_fill(o, c);
    if (keep(a, id, &c->id) < 0 || keep(a, name, &c->name) < 0 ||
        image_fill(sk_json_str(o, "Config.Image"), sk_json_str(o, "Image"), a, c) < 0 ||
        command_fill(o, a, c) < 0 || keep(a, sk_json_str(o, "Config.User"), &c->user) < 0 ||
        network_fill(o, a, c) < 0 ||
        ports_fill(sk_json_at(o, "NetworkSettings.Ports"), a, &c->ports) < 0 ||
        mounts_fill(sk_json_at(o, "Mounts"), a, &c->mounts) < 0 ||
        labels_fill(sk_json_at(o, "Config.Labels"), a, &c->labels) < 0)
        return no_memory(err, "container");
    sk_docker_pod_fill(c);
    return 0;
}

int sk_docker_container_parse(struct sk_str json, struct sk_arena *a, struct sk_container *ret,
                              struct sk_err *err)
{
    struct sk_container c = {0};
    struct json_object *o = NULL;
    int r = document(json, json_type_object, "container", &o, err);

    if (r < 0)
        return r;
    r = container_fill(o, a, &c, err);
    (void)json_object_put(o);
    if (r == 0)
        *ret = c;
    return r;
}

/* ---- list ----------------------------------------------------------------------------------- */

int sk_docker_list_parse(struct sk_str json, int (*fn)(void *arg, const struct sk_rt_listed *l),
                         void *arg, struct sk_err *err)
{
    struct json_object *o = NULL;
    int r = document(json, json_type_array, "list of containers", &o, err);
    size_t i, n = r < 0 ? 0 : array_len(o);

    for (i = 0; i < n && r == 0; i++) {
        struct json_object *c = array_at(o, i);
        struct sk_rt_listed l = {.id = sk_json_str(c, "Id")};

        l.running = state_of(sk_json_str(c, "State")) == SK_CS_RUNNING;
        if (sk_rt_id_ok(l.id))
            r = fn(arg, &l);
        else
            r = sk_err_set(err, -EBADMSG, "docker: list of containers: entry %zu has no usable Id",
                           i);
    }
    if (o)
        (void)json_object_put(o);
    return r;
}

/* A container has one name of its own, and one for each that links to it ("/other/alias"). */
static struct sk_str own_name(struct json_object *names)
{
    size_t i, n = array_len(names);

    for (i = 0; i < n; i++) {
        struct sk_str s = text_of(array_at(names, i));

        if (sk_str_starts(s, SK_STR("/")) && sk_str_rchr(s, '/') == 0)
            return sk_str_sub(s, 1, s.n);
    }
    return (struct sk_str){0};
}

static int peek_fill(struct json_object *o, struct sk_arena *a, struct sk_container *c)
{
    int64_t created = sk_json_i64(o, "Created");

    c->runtime = SK_RT_DOCKER;
    c->state = state_of(sk_json_str(o, "State"));
    if (created > 0 && created < INT64_MAX / SK_NS_PER_S)
        c->created = created * SK_NS_PER_S;
    if (keep(a, sk_json_str(o, "Id"), &c->id) < 0 ||
        keep(a, own_name(sk_json_at(o, "Names")), &c->name) < 0 ||
        image_fill(sk_json_str(o, "Image"), sk_json_str(o, "ImageID"), a, c) < 0 ||
        keep(a, sk_json_str(o, "Command"), &c->command) < 0 || network_fill(o, a, c) < 0 ||
        mounts_fill(sk_json_at(o, "Mounts"), a, &c->mounts) < 0 ||
        labels_fill(sk_json_at(o, "Labels"), a, &c->labels) < 0)
        return -ENOMEM;
    sk_docker_pod_fill(c);
    return 0;
}

int sk_docker_peek_parse(struct sk_str json, struct sk_str id, struct sk_arena *a,
                         struct sk_container *ret, struct sk_err *err)
{
    struct sk_container c = {0};
    struct json_object *o = NULL;
    size_t i, n;
    int r = document(json, json_type_array, "list of containers", &o, err);

    if (r < 0)
        return r;
    n = array_len(o);
    for (i = 0; i < n && !sk_str_eq(sk_json_str(array_at(o, i), "Id"), id); i++)
        ;
    r = i == n ? 1 : peek_fill(array_at(o, i), a, &c);
    (void)json_object_put(o);
    if (r < 0)
        return no_memory(err, "list of containers");
    if (r == 0)
        *ret = c;
    return r;
}

/* ---- images --------------------------------------------------------------------------------- */

/* Docker fills "<none>:<none>" where there is no name. */
static int names_fill(struct json_object *list, struct sk_arena *a, struct sk_strs *ret)
{
    size_t i, n = 0, len = SK_MIN(array_len(list), (size_t)SK_RT_LIST_MAX);
    struct sk_str *v = sk_arena_array(a, len, sizeof(*v));

    if (!v && len > 0)
        return -ENOMEM;
    for (i = 0; i < len; i++) {
        struct sk_str s = text_of(array_at(list, i));

        if (s.n == 0 || sk_str_starts(s, SK_STR("<none>")))
            continue;
        if (keep(a, s, &v[n++]) < 0)
            return -ENOMEM;
    }
    *ret = (struct sk_strs){v, n};
    return 0;
}

static int image_entry(struct json_object *o, struct sk_arena *a, struct sk_image *im)
{
    int64_t size = sk_json_i64(o, "Size"), created = sk_json_i64(o, "Created");

    im->size = size > 0 ? (uint64_t)size : 0;
    if (created > 0 && created < INT64_MAX / SK_NS_PER_S)
        im->created = created * SK_NS_PER_S;
    if (keep(a, sk_json_str(o, "Id"), &im->id) < 0 ||
        names_fill(sk_json_at(o, "RepoTags"), a, &im->tags) < 0 ||
        names_fill(sk_json_at(o, "RepoDigests"), a, &im->digests) < 0)
        return -ENOMEM;
    return 0;
}

int sk_docker_images_parse(struct sk_str json, struct sk_arena *a, struct sk_image **ret,
                           size_t *ret_n, struct sk_err *err)
{
    struct json_object *o = NULL;
    struct sk_image *v = NULL;
    size_t i, n, k = 0;
    int r = document(json, json_type_array, "list of images", &o, err);

    if (r < 0)
        return r;
    n = SK_MIN(array_len(o), (size_t)SK_RT_IMAGES_MAX);
    v = sk_arena_array(a, n, sizeof(*v));
    if (!v && n > 0)
        r = no_memory(err, "list of images");
    for (i = 0; v && i < n && r == 0; i++) {
        if (image_entry(array_at(o, i), a, &v[k]) < 0)
            r = no_memory(err, "list of images");
        else
            k += v[k].id.n > 0;
    }
    (void)json_object_put(o);
    if (r < 0)
        return r;
    *ret = v;
    *ret_n = k;
    return 0;
}

int sk_docker_image_parse(struct sk_str json, struct sk_arena *a, struct sk_image *io,
                          struct sk_err *err)
{
    struct json_object *o = NULL;
    struct sk_str os, arch;
    int r = document(json, json_type_object, "image", &o, err);

    if (r < 0)
        return r;
    if (keep(a, sk_json_str(o, "Os"), &os) < 0 ||
        keep(a, sk_json_str(o, "Architecture"), &arch) < 0)
        r = no_memory(err, "image");
    (void)json_object_put(o);
    if (r < 0)
        return r;
    io->os = os;
    io->arch = arch;
    return 0;
}

/* ---- version -------------------------------------------------------------------------------- */

/* "1.41" → 41; 0 when it is no version 1.x */
static unsigned minor_of(struct sk_str s)
{
    uint64_t v;

    if (!sk_str_starts(s, SK_STR("1.")) || sk_str_u64(sk_str_sub(s, 2, s.n), &v) < 0 || v > 9999)
        return 0;
    return (unsigned)v;
}

int sk_docker_version_parse(struct sk_str json, struct sk_docker_version *ret, struct sk_err *err)
{
    struct json_object *o = NULL;
    unsigned newest, least;
    int r = document(json, json_type_object, "version", &o, err);

    if (r < 0)
        return r;
    newest = minor_of(sk_json_str(o, "ApiVersion"));
    least = minor_of(sk_json_str(o, "MinAPIVersion"));
    if (newest == 0) {
        r = sk_err_set(err, -EBADMSG, "docker: version: no usable ApiVersion");
    } else if (newest < API_LEAST) {
        r = sk_err_set(err, -EPROTO, "docker: the engine speaks API 1.%u, at least 1.%d is needed",
                       newest, API_LEAST);
    } else {
        (void)sk_str_copy(ret->version, sizeof(ret->version), sk_json_str(o, "Version"));
        ret->api_minor = SK_MAX(SK_MIN(newest, API_OURS), least);
    }
    (void)json_object_put(o);
    return r;
}

/* ---- events --------------------------------------------------------------------------------- */

static int action_of(struct sk_str type, struct sk_str action, enum sk_rt_action *ret)
{
    static const struct {
        struct sk_str name;
        enum sk_rt_action action;
    } names[] = {
        {SK_STR_INIT("create"), SK_RT_CREATE},   {SK_STR_INIT("start"), SK_RT_START},
        {SK_STR_INIT("die"), SK_RT_DIE},         {SK_STR_INIT("pause"), SK_RT_PAUSE},
        {SK_STR_INIT("unpause"), SK_RT_UNPAUSE}, {SK_STR_INIT("destroy"), SK_RT_DESTROY},
        {SK_STR_INIT("rename"), SK_RT_CHANGE},   {SK_STR_INIT("update"), SK_RT_CHANGE},
    };
    size_t i;

    if (sk_str_eq(type, SK_STR("image"))) {
        *ret = SK_RT_IMAGE;
        return 0;
    }
    if (sk_str_eq(type, SK_STR("network"))) {
        *ret = SK_RT_CHANGE;
        return sk_str_eq(action, SK_STR("connect")) || sk_str_eq(action, SK_STR("disconnect")) ? 0
                                                                                               : 1;
    }
    for (i = 0; i < SK_ARRAY_LEN(names) && sk_str_eq(type, SK_STR("container")); i++) {
        if (sk_str_eq(action, names[i].name)) {
            *ret = names[i].action;
            return 0;
        }
    }
    return 1;
}

/* Docker mixes the container's labels with attributes of its own. */
static void labels_strip(struct sk_list *labels)
{
    static const struct sk_str own[] = {
        SK_STR_INIT("image"),   SK_STR_INIT("name"),   SK_STR_INIT("exitCode"),
        SK_STR_INIT("oldName"), SK_STR_INIT("signal"), SK_STR_INIT("execDuration"),
    };
    const struct sk_label *v = labels->v;
    size_t i, k;

    for (i = labels->n; i-- > 0;) {
        for (k = 0; k < SK_ARRAY_LEN(own) && !sk_str_eq(v[i].key, own[k]); k++)
            ;
        if (k < SK_ARRAY_LEN(own)) {
            /* labels_fill made the array, it is ours to change */
            memmove((void *)(uintptr_t)&v[i], &v[i + 1], (labels->n - i - 1) * sizeof(*v));
            labels->n--;
        }
    }
}

static int event_fill(struct json_object *o, struct sk_arena *a, struct sk_rt_event *e)
{
    struct json_object *attributes = sk_json_at(o, "Actor.Attributes");
    bool network = sk_str_eq(sk_json_str(o, "Type"), SK_STR("network"));
    struct sk_str id = network ? sk_json_str(attributes, "container") : sk_json_str(o, "Actor.ID");

    e->time = sk_json_i64(o, "timeNano");
    if (e->action == SK_RT_IMAGE)
        return 0;
    if (id.n == 0)
        id = sk_json_str(o, "id");
    if (!sk_rt_id_ok(id))
        return network ? 1 : -EBADMSG; /* a network of nobody */
    if (keep(a, id, &e->id) < 0)
        return -ENOMEM;
    if (network)
        return 0;
    e->has_exit = sk_str_i64(sk_json_str(attributes, "exitCode"), &e->exit_code) == 0;
    if (keep(a, sk_json_str(attributes, "name"), &e->name) < 0 ||
        keep(a, sk_json_str(attributes, "image"), &e->image) < 0 ||
        labels_fill(attributes, a, &e->labels) < 0)
        return -ENOMEM;
    labels_strip(&e->labels);
    return 0;
}

int sk_docker_event_parse(struct sk_str json, struct sk_arena *a, struct sk_rt_event *ret,
                          struct sk_err *err)
{
    struct sk_rt_event e = {0};
    struct json_object *o = NULL;
    int r = document(json, json_type_object, "event", &o, err);

    if (r < 0)
        return r;
    r = action_of(sk_json_str(o, "Type"), sk_json_str(o, "Action"), &e.action);
    if (r == 0)
        r = event_fill(o, a, &e);
    (void)json_object_put(o);
    if (r == -EBADMSG)
        return sk_err_set(err, r, "docker: event: no usable id");
    if (r < 0)
        return no_memory(err, "event");
    if (r == 0)
        *ret = e;
    return r;
}
