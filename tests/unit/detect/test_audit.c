/* SPDX-License-Identifier: Apache-2.0 */
/* Rules over the Kubernetes audit log. */
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "detect/detect.h"
#include "expr/expr.h"
#include "io/json.h"
#include "tests/sk_test.h" /* cmocka and the headers it wants first */

#define EVENT                                                                                      \
    "{\"auditID\":\"a1\",\"stage\":\"ResponseComplete\",\"verb\":\"create\","                      \
    "\"requestURI\":\"/api/v1/namespaces/shop/pods/web/exec?command=sh&command=-c&command=id%20"   \
    "-a&stdin=true\",\"user\":{\"username\":\"eve\",\"groups\":[\"dev\",\"system:authenticated\"]" \
    "}"                                                                                            \
    ",\"sourceIPs\":[\"10.1.2.3\"],\"userAgent\":\"kubectl\",\"objectRef\":{\"resource\":"         \
    "\"pods\","                                                                                    \
    "\"namespace\":\"shop\",\"name\":\"web\"},\"responseStatus\":{\"code\":201},"                  \
    "\"annotations\":{\"authorization.k8s.io/decision\":\"allow\","                                \
    "\"authorization.k8s.io/reason\":\"RBAC\"},\"requestObject\":{\"spec\":{\"hostPID\":true,"     \
    "\"containers\":[{\"image\":\"reg.example:5000/a/b:1\",\"securityContext\":{\"privileged\":"   \
    "true,\"capabilities\":{\"add\":[\"SYS_ADMIN\"]}}},{\"image\":\"c@sha256:12\"}],"              \
    "\"volumes\":[{\"hostPath\":{\"path\":\"/etc\"}},{\"emptyDir\":{}}]}},"                        \
    "\"responseObject\":{\"metadata\":{\"name\":\"web-x\"}}}"

static struct sk_k8s_audit event(struct json_object **ret)
{
    struct sk_err err = {0};

    if (sk_json_parse(SK_STR(EVENT), ret, &err) < 0)
        fail_msg("%s", err.msg);
    return (struct sk_k8s_audit){
        .id = SK_STR("a1"), .time = 1790000000LL * 1000000000, .json = *ret};
}

static bool holds(const char *condition)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct json_object *json = NULL;
    struct sk_k8s_audit ev = event(&json);
    struct sk_err err = {0};
    bool r;

    if (sk_expr_compile(&sk_kind_k8s_audit, sk_str_c(condition), &e, &err) < 0)
        fail_msg("%s", err.msg);
    r = sk_expr_match(e, &ev);
    (void)json_object_put(json);
    return r;
}

static void fields_give_what_the_event_says(void **state)
{
    static const char *const yes[] = {
        "ka.user.name = eve and ka.verb = create and ka.stage = ResponseComplete",
        "ka.user.groups intersects (dev)",
        "ka.auth.decision = allow and ka.auth.reason = RBAC",
        "ka.target.resource = pods and not ka.target.subresource exists",
        "ka.response.code startswith 2",
        "ka.response.code = 201",
        "ka.uri.param[command] = \"sh -c id -a\"",
        "ka.req.pod.containers.image intersects (\"c@sha256:12\")",
        "ka.req.pod.containers.image[1] startswith c@",
        "ka.req.pod.containers.image.repository in (reg.example:5000/a/b)",
        "ka.req.pod.containers.image.repository in (c)",
        "ka.req.pod.containers.privileged intersects (true)",
        "ka.req.pod.containers.add_capabilities intersects (SYS_ADMIN)",
        "ka.req.pod.host_pid intersects (true)",
        "not ka.req.pod.host_network exists",
        "ka.req.pod.volumes.hostpath intersects (/, /etc)",
        "jevt.value[/requestObject/spec/volumes/0/hostPath/path] = /etc",
        "not jevt.value[/requestObject/spec/volumes/7] exists",
        "not jevt.value[nonsense] exists",
        "jevt.rawtime exists and not jevt.rawtime = 0",
        "ka.resp.name = web-x and ka.sourceips intersects (10.1.2.3)",
    };
    size_t i;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(yes); i++)
        if (!holds(yes[i]))
            fail_msg("%s does not hold", yes[i]);
    assert_false(holds("ka.user.name = mallory"));
    assert_false(holds("ka.uri.param[nothing] exists"));
}

static void a_wrong_field_is_told_with_the_near_one(void **state)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(sk_expr_compile(&sk_kind_k8s_audit, SK_STR("ka.user.nam = x"), &e, &err),
                     -EBADMSG);
    assert_non_null(strstr(err.msg, "did you mean 'ka.user.name'?"));
    assert_int_equal(sk_expr_compile(&sk_kind_event, SK_STR("ka.user.name = x"), &e, &err),
                     -EBADMSG);
    assert_int_equal(sk_expr_compile(&sk_kind_k8s_audit, SK_STR("proc.name = x"), &e, &err),
                     -EBADMSG);
}

struct seen {
    size_t n;
    uint64_t count;
    char output[256], source[16], fields[256], host[32];
};

static void take(void *arg, const struct sk_alert *a)
{
    struct seen *s = arg;
    const struct sk_label *f = a->output_fields.v;

    s->n++;
    s->count += a->count;
    (void)sk_str_copy(s->output, sizeof(s->output), a->output);
    (void)sk_str_copy(s->source, sizeof(s->source), a->source);
    (void)sk_str_copy(s->host, sizeof(s->host), a->hostname);
    if (a->output_fields.n)
        (void)snprintf(s->fields, sizeof(s->fields), SK_STR_FMT "=" SK_STR_FMT,
                       SK_STR_ARG(f[0].key), SK_STR_ARG(f[0].value));
}

static struct sk_detect *with(const struct sk_rule_file *f, size_t n)
{
    struct sk_detect *d = NULL;
    struct sk_rules *r = NULL;
    struct sk_err err = {0};

    assert_int_equal(sk_detect_new(&d), 0);
    if (sk_rules_load(f, n, &r, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(sk_detect_use(d, r), 0);
    return d;
}

static void a_rule_of_the_source_raises_and_one_of_system_calls_beside_it_does_not(void **state)
{
    static const char text[] =
        "- macro: mine\n  condition: (ka.user.name = eve)\n"
        "- rule: exec\n  desc: d\n  condition: mine and ka.verb = create\n"
        "  output: did %ka.verb by %ka.user.name to %ka.target.namespace/%ka.target.name "
        "%ka.req.pod.containers.image\n  priority: ERROR\n  source: k8s_audit\n"
        "- rule: any\n  desc: d\n  condition: evt.type = execve\n  output: o\n  priority: ERROR\n";
    const struct sk_rule_file f = {SK_STR_INIT("t.yaml"), {text, sizeof(text) - 1}};
    const struct sk_exception x = {
        .id = SK_STR("X"), .rule = SK_STR("exec"), .condition = SK_STR("ka.user.name = eve")};
    const struct sk_host host = {.id = SK_STR("h"), .name = SK_STR("cluster-1")};
    struct sk_detect *d = with(&f, 1);
    struct json_object *json = NULL;
    struct sk_k8s_audit ev = event(&json);
    struct sk_excepts *e = NULL;
    struct seen s = {0};
    size_t i, bad;

    (void)state;
    for (i = 0; i < 20; i++)
        assert_int_equal(sk_detect_audit(d, &ev, &host, take, &s), 1);
    assert_int_equal(s.n, 5); /* the rest is folded */
    assert_string_equal(s.output,
                        "did create by eve to shop/web reg.example:5000/a/b:1, c@sha256:12");
    assert_string_equal(s.source, "k8s_audit");
    assert_string_equal(s.host, "cluster-1");
    assert_string_equal(s.fields, "ka.verb=create");
    assert_int_equal(sk_excepts_new(&x, 1, &e, &bad, NULL), 0);
    assert_int_equal(bad, 1);
    sk_detect_except(d, e);
    assert_int_equal(sk_detect_audit(d, &ev, &host, take, &s), 0);
    (void)json_object_put(json);
    (void)sk_detect_free(d);
}

static void the_communitys_rules_load_unmodified_and_are_all_evaluated(void **state)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_rule_file f = {SK_STR_INIT("k8s_audit_rules.yaml"), {NULL, 0}};
    const struct sk_host host = {.id = SK_STR("h"), .name = SK_STR("c")};
    struct json_object *json = NULL;
    struct sk_k8s_audit ev = event(&json);
    struct seen s = {0};
    struct sk_detect *d;
    size_t i, n;

    (void)state;
    if (sk_file_read(AT_FDCWD, SK_COMMUNITY_DIR "/k8s_audit_rules.yaml", SK_RULES_TEXT_MAX, &text,
                     &n, NULL) < 0) {
        (void)json_object_put(json);
        skip();
    }
    f.text = sk_str_n(text, n);
    d = with(&f, 1);
    assert_true(sk_rules_count(sk_detect_rules(d)) >= 30);
    for (i = 0; i < sk_rules_count(sk_detect_rules(d)); i++) {
        const struct sk_rule *r = sk_rules_at(sk_detect_rules(d), i);

        if (r->enabled && !r->evaluated)
            fail_msg("%s: " SK_STR_FMT, r->name.p, SK_STR_ARG(r->why_not));
    }
    /* eve is no allowed user, and her pod is privileged, sees the host's processes and mounts /etc
     */
    assert_int_equal(sk_detect_audit(d, &ev, &host, take, &s), 4);
    (void)json_object_put(json);
    (void)sk_detect_free(d);
}

/* ---- our own rules: each sees its attack and not the benign twin ----------------------------- */

struct req { /* a request; what is NULL is usual */
    const char *verb, *resource, *sub, *ns, *name, *user, *stage, *uri, *agent, *decision;
    const char *object, *more; /* JSON: requestObject; further members of the event */
    int code;                  /* 0: 200 */
};
struct audit_pair {
    const char *id;
    struct req bad, good;
};

#define PRIVILEGED                                                                                 \
    "{\"spec\":{\"containers\":[{\"image\":\"x\",\"securityContext\":{\"privileged\":true}}]}}"
#define PLAIN                                                                                      \
    "{\"spec\":{\"hostNetwork\":false,\"containers\":[{\"image\":\"x\",\"securityContext\":{"      \
    "\"privileged\":false}}],\"volumes\":[{\"emptyDir\":{}}]}}"
#define RULES(verbs, resources)                                                                    \
    "{\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[" resources "],\"verbs\":[" verbs "]}]}"
#define SA(ns, name) "system:serviceaccount:" ns ":" name

static const struct audit_pair audit_pairs[] = {
    {"SK-KA-001",
     {"create", "pods", "exec", .stage = "ResponseStarted"},
     {"create", "pods", "exec", .stage = "ResponseStarted", .decision = "forbid", .code = 403}},
    {"SK-KA-002",
     {"get", "pods", "attach", "kube-system", .stage = "ResponseStarted"},
     {"get", "pods", "log", "kube-system"}},
    {"SK-KA-003", {"create", "pods", .object = PRIVILEGED}, {"create", "pods", .object = PLAIN}},
    {"SK-KA-004",
     {"create", "pods", .object = "{\"spec\":{\"hostPID\":true}}"},
     {"create", "pods", .object = PLAIN}},
    {"SK-KA-005",
     {"create", "pods", .object = "{\"spec\":{\"volumes\":[{\"hostPath\":{\"path\":\"/etc\"}}]}}"},
     {"create", "pods",
      .object = "{\"spec\":{\"volumes\":[{\"hostPath\":{\"path\":\"/srv/data\"}}]}}"}},
    {"SK-KA-006",
     {"create", "pods", .ns = "kube-system", .object = PLAIN},
     {"create", "pods", .ns = "kube-system", .object = PRIVILEGED,
      .user = SA("kube-system", "daemon-set-controller")}},
    {"SK-KA-007",
     {"create", "clusterrolebindings", .ns = "-",
      .object = "{\"roleRef\":{\"name\":\"cluster-admin\"},\"subjects\":[{\"name\":\"eve\"}]}"},
     {"create", "clusterrolebindings", .ns = "-",
      .object = "{\"roleRef\":{\"name\":\"view\"},\"subjects\":[{\"name\":\"eve\"}]}"}},
    {"SK-KA-008",
     {"create", "clusterroles", .ns = "-", .object = RULES("\"*\"", "\"*\"")},
     {"create", "clusterroles", .ns = "-", .object = RULES("\"*\"", "\"jobs\"")}},
    {"SK-KA-009",
     {"patch", "roles", .object = RULES("\"create\"", "\"pods/exec\"")},
     {"patch", "roles", .object = RULES("\"get\"", "\"pods/log\"")}},
    {"SK-KA-010",
     {"list", "pods", .user = "system:anonymous"},
     {"get", NULL, .user = "system:anonymous", .uri = "/healthz?timeout=1s"}},
    {"SK-KA-011",
     {"list", "secrets", .ns = "-"},
     {"list", "secrets", .ns = "-", .user = "system:kube-controller-manager"}},
    {"SK-KA-012",
     {"get", "secrets", .user = SA("shop", "web")},
     {"get", "secrets", .user = SA("kube-system", "generic-garbage-collector")}},
    {"SK-KA-013",
     {"create", "serviceaccounts", "token"},
     {"create", "serviceaccounts", "token", .user = "system:node:n1"}},
    {"SK-KA-014", {"patch", "pods", "ephemeralcontainers"}, {"patch", "pods", "status"}},
    {"SK-KA-015",
     {"create", "mutatingwebhookconfigurations", .ns = "-"},
     {"list", "mutatingwebhookconfigurations", .ns = "-"}},
    {"SK-KA-016", {"deletecollection", "events"}, {"create", "events"}},
    {"SK-KA-017",
     {"get", "nodes", .ns = "-",
      .more = ",\"impersonatedUser\":{\"username\":\"x\",\"groups\":[\"system:masters\"]}"},
     {"get", "nodes", .ns = "-",
      .more = ",\"impersonatedUser\":{\"username\":\"bob\",\"groups\":[\"dev\"]}"}},
    {"SK-KA-018",
     {"create", "nodes", "proxy", "-", .uri = "/api/v1/nodes/n1/proxy/run/a/b/c"},
     {"get", "nodes", "metrics", "-"}},
    {"SK-KA-019",
     {"create", "selfsubjectrulesreviews", .ns = "-", .user = SA("shop", "web")},
     {"create", "selfsubjectrulesreviews", .ns = "-"}},
    {"SK-KA-020",
     {"list", "pods", .user = SA("shop", "web"), .agent = "curl/8.5"},
     {"list", "pods", .user = SA("shop", "web"), .agent = "shop/1.2 client-go"}},
    {"SK-KA-021",
     {"create", "cronjobs"},
     {"update", "cronjobs", .user = SA("kube-system", "cronjob-controller")}},
    {"SK-KA-022",
     {"patch", "configmaps", .ns = "kube-system", .name = "coredns"},
     {"patch", "configmaps", .ns = "kube-system", .name = "other"}},
};

static const char *usual(const char *s, const char *else_)
{
    return s ? s : else_;
}

static struct json_object *request(const struct req *q)
{
    struct json_object *o = NULL;
    struct sk_err err = {0};
    char text[4096], ref[512] = "";

    if (q->resource)
        (void)snprintf(ref, sizeof(ref),
                       ",\"objectRef\":{\"resource\":\"%s\",\"name\":\"%s\"%s%s%s%s%s%s}",
                       q->resource, usual(q->name, "web"), q->sub ? ",\"subresource\":\"" : "",
                       usual(q->sub, ""), q->sub ? "\"" : "",
                       q->ns && q->ns[0] == '-' ? "" : ",\"namespace\":\"",
                       q->ns && q->ns[0] == '-' ? "" : usual(q->ns, "shop"),
                       q->ns && q->ns[0] == '-' ? "" : "\"");
    (void)snprintf(
        text, sizeof(text),
        "{\"auditID\":\"1\",\"stage\":\"%s\",\"verb\":\"%s\",\"requestURI\":\"%s\","
        "\"user\":{\"username\":\"%s\"},\"userAgent\":\"%s\",\"sourceIPs\":[\"10.0.0.9\"],"
        "\"annotations\":{\"authorization.k8s.io/decision\":\"%s\"},"
        "\"responseStatus\":{\"code\":%d},\"requestObject\":%s%s%s}",
        usual(q->stage, "ResponseComplete"), q->verb, usual(q->uri, "/api"),
        usual(q->user, "alice"), usual(q->agent, "kubectl/v1.30"), usual(q->decision, "allow"),
        q->code ? q->code : 200, usual(q->object, "null"), ref, usual(q->more, ""));
    if (sk_json_parse(sk_str_c(text), &o, &err) < 0)
        fail_msg("%s in %s", err.msg, text);
    return o;
}

struct looked {
    const struct sk_rules *rules;
    const char *id;
    bool found;
    char worst[128];
};

static void look(void *arg, const struct sk_alert *a)
{
    struct looked *l = arg;
    size_t i;

    for (i = 0; i < sk_rules_count(l->rules); i++) {
        const struct sk_rule *r = sk_rules_at(l->rules, i);

        if (!sk_str_eq(r->name, a->rule))
            continue;
        l->found |= sk_str_eq(r->id, sk_str_c(l->id));
        if (a->priority <= SK_PRIO_WARNING)
            (void)sk_str_copy(l->worst, sizeof(l->worst), a->rule);
    }
}

static struct looked give(const struct sk_rule_file *f, const char *id, const struct req *q)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = with(f, 1);
    const struct sk_host host = {.id = SK_STR("h"), .name = SK_STR("c")};
    struct json_object *json = request(q);
    const struct sk_k8s_audit ev = {.id = SK_STR("1"), .time = 1, .json = json};
    struct looked l = {.rules = sk_detect_rules(d), .id = id};

    (void)sk_detect_audit(d, &ev, &host, look, &l);
    (void)json_object_put(json);
    return l;
}

static void every_rule_of_ours_sees_its_attack_and_not_the_benign_twin(void **state)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_rule_file f = {SK_STR_INIT("k8s_audit.yaml"), {NULL, 0}};
    size_t i, n, wrong = 0;

    (void)state;
    assert_int_equal(
        sk_file_read(AT_FDCWD, SK_RULES_DIR "/k8s_audit.yaml", SK_RULES_TEXT_MAX, &text, &n, NULL),
        0);
    f.text = sk_str_n(text, n);
    for (i = 0; i < SK_ARRAY_LEN(audit_pairs); i++) {
        const struct audit_pair *p = &audit_pairs[i];
        struct looked good = give(&f, p->id, &p->good);

        if (!give(&f, p->id, &p->bad).found) {
            print_error("%s did not see its attack\n", p->id);
            wrong++;
        }
        if (good.found || good.worst[0]) {
            print_error("%s: its benign twin raised %s\n", p->id, good.found ? "it" : good.worst);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void every_rule_of_ours_has_a_pair(void **state)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = NULL;
    struct sk_rule_file f = {SK_STR_INIT("k8s_audit.yaml"), {NULL, 0}};
    const struct sk_rules *r;
    size_t i, k, n;

    (void)state;
    assert_int_equal(
        sk_file_read(AT_FDCWD, SK_RULES_DIR "/k8s_audit.yaml", SK_RULES_TEXT_MAX, &text, &n, NULL),
        0);
    f.text = sk_str_n(text, n);
    d = with(&f, 1);
    r = sk_detect_rules(d);
    for (i = 0; i < sk_rules_count(r); i++) {
        for (k = 0; k < SK_ARRAY_LEN(audit_pairs); k++)
            if (sk_str_eq(sk_rules_at(r, i)->id, sk_str_c(audit_pairs[k].id)))
                break;
        if (k == SK_ARRAY_LEN(audit_pairs))
            fail_msg("%s has no pair", sk_rules_at(r, i)->name.p);
    }
    assert_int_equal(sk_rules_count(r), SK_ARRAY_LEN(audit_pairs));
}

SK_TEST_MAIN(fields_give_what_the_event_says, a_wrong_field_is_told_with_the_near_one,
             a_rule_of_the_source_raises_and_one_of_system_calls_beside_it_does_not,
             the_communitys_rules_load_unmodified_and_are_all_evaluated,
             every_rule_of_ours_sees_its_attack_and_not_the_benign_twin,
             every_rule_of_ours_has_a_pair)
