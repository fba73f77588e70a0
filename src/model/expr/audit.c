/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of Kubernetes audit events, by the names of Falco's k8saudit and json plugins
 * (falco.org/docs/reference/rules/supported-fields), over the event's JSON
 * (kubernetes.io/docs/reference/config-api/apiserver-audit.v1). Each is a JSON pointer (RFC 6901)
 * in which "*" stands for every element of a list.
 */
#include <json-c/json.h>
#include <json-c/json_pointer.h>

#include "base/time.h"
#include "expr/expr_int.h"
#include "model/nouns.h"

#define VALUES_MAX 256 /* of one field */

enum cookie { /* what is done with what the pointer gives */
              AS_IS,
              AS_IMAGE,  /* without tag and digest */
              AS_PARAM,  /* one parameter of the address */
              AS_POINTER /* the pointer is the argument */
};
enum clock { CLOCK_NS, CLOCK_TEXT, CLOCK_ALL };

static x_get_fn get_json, get_clock;

#define SPEC "/requestObject/spec"
#define EACH SPEC "/containers/*"
#define FIELD(name_, arg_, flags_, cookie_, pointer_, doc_)                                        \
    {                                                                                              \
        .name = (name_), .type = XT_STR, .arg = X_ARG_##arg_, .flags = (flags_),                   \
        .cookie = (cookie_), .pointer = (pointer_), .get = get_json, .doc = (doc_)                 \
    }
#define ONE(name_, pointer_, doc_) FIELD(name_, NONE, 0, AS_IS, pointer_, doc_)
#define MANY(name_, pointer_, doc_)                                                                \
    FIELD(name_, NUM_OPT, X_NF_MANY | X_NF_SLOW, AS_IS, pointer_, doc_)
#define CLOCK(name_, type_, cookie_, doc_)                                                         \
    {                                                                                              \
        .name = (name_), .type = XT_##type_, .arg = X_ARG_NONE, .flags = X_NF_ALWAYS,              \
        .cookie = (cookie_), .get = get_clock, .doc = (doc_)                                       \
    }

const struct x_name x_audit_names[] = {
    /* sorted */
    CLOCK("evt.time", STR, CLOCK_TEXT, "When the request came, as a text"),
    CLOCK("jevt.obj", STR, CLOCK_ALL, "The whole event as JSON"),
    CLOCK("jevt.rawtime", NUM, CLOCK_NS, "When the request came, in nanoseconds since 1970"),
    CLOCK("jevt.time", STR, CLOCK_TEXT, "When the request came, as a text"),
    CLOCK("jevt.time.iso8601", STR, CLOCK_TEXT, "When the request came, as a text"),
    FIELD("jevt.value", TEXT, X_NF_SLOW, AS_POINTER, "", "What the JSON pointer in brackets gives"),
    ONE("ka.auditid", "/auditID", "Identity of the request"),
    ONE("ka.auth.decision", "/annotations/authorization.k8s.io~1decision",
        "Was it allowed: allow or forbid"),
    ONE("ka.auth.reason", "/annotations/authorization.k8s.io~1reason", "Why it was allowed or not"),
    ONE("ka.cluster.name", "/annotations/cluster",
        "Name of the cluster, where the sender gives it"),
    ONE("ka.impuser.name", "/impersonatedUser/username", "User that was impersonated"),
    ONE("ka.req.binding.role", "/requestObject/roleRef/name", "Role that a binding gives"),
    MANY("ka.req.binding.subjects", "/requestObject/subjects/*", "To whom a binding gives it"),
    ONE("ka.req.configmap.name", "/objectRef/name", "Name of a config map"),
    ONE("ka.req.configmap.obj", "/requestObject/data", "Contents of a config map"),
    MANY("ka.req.pod.containers.add_capabilities", EACH "/securityContext/capabilities/add/*",
         "Capabilities added to containers"),
    MANY("ka.req.pod.containers.allow_privilege_escalation",
         EACH "/securityContext/allowPrivilegeEscalation", "May containers gain privileges"),
    MANY("ka.req.pod.containers.host_port", EACH "/ports/*/hostPort", "Host ports of containers"),
    MANY("ka.req.pod.containers.image", EACH "/image", "Images of containers"),
    FIELD("ka.req.pod.containers.image.repository", NUM_OPT, X_NF_MANY | X_NF_SLOW, AS_IMAGE,
          EACH "/image", "Images of containers without tag and digest"),
    MANY("ka.req.pod.containers.privileged", EACH "/securityContext/privileged",
         "Are containers privileged"),
    MANY("ka.req.pod.containers.proc_mount", EACH "/securityContext/procMount",
         "How /proc is mounted in containers"),
    MANY("ka.req.pod.containers.read_only_fs", EACH "/securityContext/readOnlyRootFilesystem",
         "Are the root file systems of containers read-only"),
    MANY("ka.req.pod.containers.run_as_group", EACH "/securityContext/runAsGroup",
         "Groups of containers"),
    MANY("ka.req.pod.containers.run_as_user", EACH "/securityContext/runAsUser",
         "Users of containers"),
    MANY("ka.req.pod.ephemeralContainers.image", SPEC "/ephemeralContainers/*/image",
         "Images of ephemeral containers"),
    MANY("ka.req.pod.ephemeralContainers.privileged",
         SPEC "/ephemeralContainers/*/securityContext/privileged",
         "Are ephemeral containers privileged"),
    ONE("ka.req.pod.fs_group", SPEC "/securityContext/fsGroup", "Group of the pod's volumes"),
    MANY("ka.req.pod.host_ipc", SPEC "/hostIPC", "Is it in the host's IPC namespace"),
    MANY("ka.req.pod.host_network", SPEC "/hostNetwork", "Is it in the host's network"),
    MANY("ka.req.pod.host_pid", SPEC "/hostPID", "Does it see the host's processes"),
    MANY("ka.req.pod.initContainers.image", SPEC "/initContainers/*/image",
         "Images of init containers"),
    MANY("ka.req.pod.initContainers.privileged",
         SPEC "/initContainers/*/securityContext/privileged", "Are init containers privileged"),
    ONE("ka.req.pod.run_as_group", SPEC "/securityContext/runAsGroup", "Group of the pod"),
    ONE("ka.req.pod.run_as_user", SPEC "/securityContext/runAsUser", "User of the pod"),
    ONE("ka.req.pod.service_account", SPEC "/serviceAccountName", "Service account of the pod"),
    MANY("ka.req.pod.supplemental_groups", SPEC "/securityContext/supplementalGroups/*",
         "Further groups of the pod"),
    MANY("ka.req.pod.volumes.flexvolume_driver", SPEC "/volumes/*/flexVolume/driver",
         "Drivers of flexible volumes"),
    MANY("ka.req.pod.volumes.hostpath", SPEC "/volumes/*/hostPath/path",
         "Paths of the host that the pod mounts"),
    MANY("ka.req.role.rules", "/requestObject/rules/*", "What a role allows"),
    MANY("ka.req.role.rules.apiGroups", "/requestObject/rules/*/apiGroups/*", "Groups it is for"),
    MANY("ka.req.role.rules.nonResourceURLs", "/requestObject/rules/*/nonResourceURLs/*",
         "Addresses it is for"),
    MANY("ka.req.role.rules.resources", "/requestObject/rules/*/resources/*", "What it is for"),
    MANY("ka.req.role.rules.verbs", "/requestObject/rules/*/verbs/*", "What it lets do"),
    MANY("ka.req.service.ports", "/requestObject/spec/ports/*", "Ports of a service"),
    ONE("ka.req.service.type", "/requestObject/spec/type", "Type of a service"),
    MANY("ka.req.volume.hostpath", SPEC "/volumes/*/hostPath/path",
         "Paths of the host that the pod mounts"),
    ONE("ka.resp.name", "/responseObject/metadata/name", "Name of the object in the answer"),
    ONE("ka.response.code", "/responseStatus/code", "Code of the answer"),
    ONE("ka.response.reason", "/responseStatus/reason", "Reason that the answer gives"),
    MANY("ka.sourceips", "/sourceIPs/*", "Addresses the request came from"),
    ONE("ka.stage", "/stage", "How far the request was"),
    ONE("ka.target.name", "/objectRef/name", "Name of what the request is about"),
    ONE("ka.target.namespace", "/objectRef/namespace", "Its namespace"),
    ONE("ka.target.pod.name", "/objectRef/name", "Name of the pod"),
    ONE("ka.target.resource", "/objectRef/resource", "Its kind, in the plural"),
    ONE("ka.target.subresource", "/objectRef/subresource", "exec, log, token …"),
    ONE("ka.uri", "/requestURI", "Address that was asked for"),
    FIELD("ka.uri.param", TEXT, X_NF_SLOW, AS_PARAM, "/requestURI",
          "One parameter of the address, by its name"),
    MANY("ka.user.groups", "/user/groups/*", "Groups of the user"),
    ONE("ka.user.name", "/user/username", "Who asked"),
    ONE("ka.useragent", "/userAgent", "Program that asked"),
    ONE("ka.verb", "/verb", "get, list, create, update, patch, delete …"),
};
const size_t x_audit_names_n = SK_ARRAY_LEN(x_audit_names);

/* ---- following a pointer --------------------------------------------------------------------- */

struct found {
    struct json_object *v[VALUES_MAX];
    size_t n;
};

/* Is key the step of n bytes, in which "~1" is '/' and "~0" is '~'? */
static bool step_is(const char *key, const char *step, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++, key++) {
        char c = step[i];

        if (c == '~' && i + 1 < n)
            c = step[++i] == '1' ? '/' : '~';
        if (*key != c)
            return false;
    }
    return *key == '\0';
}

static void follow(struct json_object *o, const char *at, struct found *f)
{
    size_t n, i;

    if (!o)
        return;
    if (*at == '\0') {
        if (f->n < VALUES_MAX)
            f->v[f->n++] = o;
        return;
    }
    n = strcspn(++at, "/");
    if (n == 1 && *at == '*') {
        for (i = 0; json_object_is_type(o, json_type_array) && i < json_object_array_length(o); i++)
            follow(json_object_array_get_idx(o, i), at + n, f);
        return;
    }
    if (!json_object_is_type(o, json_type_object))
        return;
    json_object_object_foreach(o, key, val)
    {
        if (step_is(key, at, n))
            follow(val, at + n, f);
    }
}

/* Texts as they are, all else as JSON; both are the document's. */
static struct sk_str text_of(struct json_object *o)
{
    if (json_object_is_type(o, json_type_string))
        return sk_str_n(json_object_get_string(o), (size_t)json_object_get_string_len(o));
    return sk_str_c(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
}

static struct sk_str image_bare(struct sk_str image)
{
    ssize_t at = sk_str_chr(image, '@'), colon, slash;

    if (at >= 0)
        image = sk_str_sub(image, 0, (size_t)at);
    colon = sk_str_rchr(image, ':');
    slash = sk_str_rchr(image, '/');
    return colon > slash ? sk_str_sub(image, 0, (size_t)colon) : image;
}

/* ---- parameters of an address ---------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct sk_str unescaped(struct sk_str s, struct x_scratch *scratch)
{
    char *out = x_scratch_take(scratch, s.n + 1);
    size_t i, n = 0;

    for (i = 0; out && i < s.n; i++) {
        int hi = i + 2 < s.n && s.p[i] == '%' ? hex_digit(s.p[i + 1]) : -1;
        int lo = hi >= 0 ? hex_digit(s.p[i + 2]) : -1;

        out[n++] = lo >= 0 ? (char)(hi << 4 | lo) : s.p[i] == '+' ? ' ' : s.p[i];
        i += lo >= 0 ? 2 : 0;
    }
    return sk_str_n(out, n);
}

/* All values of one parameter, joined by blanks: kubectl gives a command word by word. */
static struct sk_str param_of(struct sk_str uri, struct sk_str name, struct x_scratch *s)
{
    ssize_t at = sk_str_chr(uri, '?');
    struct sk_str rest, part, key, val, all = {0};

    if (at < 0)
        return all;
    rest = sk_str_sub(uri, (size_t)at + 1, uri.n);
    while (sk_str_next(&rest, '&', &part)) {
        if (!sk_str_cut(part, '=', &key, &val) || !sk_str_eq(key, name))
            continue;
        val = unescaped(val, s);
        if (all.n == 0) {
            all = val;
        } else {
            char *p = x_scratch_take(s, all.n + val.n + 1);

            if (!p)
                return all;
            memcpy(p, all.p, all.n);
            p[all.n] = ' ';
            if (val.n)
                memcpy(p + all.n + 1, val.p, val.n);
            all = sk_str_n(p, all.n + val.n + 1);
        }
    }
    return all;
}

/* ---- getters --------------------------------------------------------------------------------- */

static void set_text(struct sk_val *ret, struct sk_str s)
{
    ret->s = s;
    ret->type = s.p ? SK_V_STR : SK_V_NONE;
}

static void pointed(struct json_object *o, const struct x_term *t, struct sk_val *ret)
{
    struct json_object *at = NULL;

    if (t->arg.p && t->arg.p[0] == '/' && json_pointer_get(o, t->arg.p, &at) == 0 && at)
        set_text(ret, text_of(at));
}

static void many(struct found *f, const struct x_term *t, struct x_scratch *s, struct sk_val *ret)
{
    struct sk_str *v = (struct sk_str *)(void *)x_scratch_take(s, f->n * sizeof(*v));
    size_t i;

    for (i = 0; v && i < f->n; i++)
        v[i] = t->name->cookie == AS_IMAGE ? image_bare(text_of(f->v[i])) : text_of(f->v[i]);
    if (!v || f->n == 0)
        return;
    if (t->argnum >= 0) {
        if ((size_t)t->argnum < f->n)
            set_text(ret, v[t->argnum]);
        return;
    }
    ret->strs = v;
    ret->n = f->n;
    ret->type = SK_V_STRS;
}

static void get_json(const void *obj, const struct x_term *t, struct x_scratch *s,
                     struct sk_val *ret)
{
    struct json_object *o = ((const struct sk_k8s_audit *)obj)->json;
    struct found f;

    f.n = 0;
    if (t->name->cookie == AS_POINTER) {
        pointed(o, t, ret);
        return;
    }
    follow(o, t->name->pointer, &f);
    if (t->name->flags & X_NF_MANY)
        many(&f, t, s, ret);
    else if (f.n && t->name->cookie == AS_PARAM)
        set_text(ret, param_of(text_of(f.v[0]), t->arg, s));
    else if (f.n)
        set_text(ret, text_of(f.v[0]));
}

static void get_clock(const void *obj, const struct x_term *t, struct x_scratch *s,
                      struct sk_val *ret)
{
    const struct sk_k8s_audit *a = obj;
    char *text;

    switch (t->name->cookie) {
    case CLOCK_NS:
        ret->i = a->time;
        ret->type = SK_V_NUM;
        break;
    case CLOCK_TEXT:
        text = x_scratch_take(s, SK_TIME_TEXT);
        if (text) {
            sk_time_format(a->time, text);
            set_text(ret, sk_str_c(text));
        }
        break;
    default:
        set_text(ret, text_of(a->json));
        break;
    }
}
