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

SK_TEST_MAIN(fields_give_what_the_event_says, a_wrong_field_is_told_with_the_near_one,
             a_rule_of_the_source_raises_and_one_of_system_calls_beside_it_does_not,
             the_communitys_rules_load_unmodified_and_are_all_evaluated)
