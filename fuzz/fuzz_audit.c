/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as an event of the Kubernetes audit log: every field is read and shown. */
#include <json-c/json.h>
#include <stdlib.h>

#include "detect/detect.h"
#include "io/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rule[] =
    "- rule: a\n  desc: d\n  source: k8s_audit\n  priority: ERROR\n  condition: >\n"
    "    jevt.rawtime exists and not ka.uri.param[command] = x\n"
    "    and not ka.req.pod.containers.image.repository in (no) and not ka.auth.decision = x\n"
    "    and not jevt.value[/requestObject/spec/volumes/0/hostPath] = x\n"
    "  output: >\n    %ka.user.name %ka.uri.param[command] %ka.req.pod.containers.image[1]\n"
    "    %ka.req.pod.containers.image.repository %ka.req.role.rules %ka.req.role.rules.verbs\n"
    "    %ka.req.binding.subjects %jevt.value[/a/b~1c/0] %ka.req.configmap.obj %ka.sourceips\n"
    "    %ka.req.pod.volumes.hostpath %ka.auth.reason %jevt.time %jevt.obj\n";

static void on_alert(void *arg, const struct sk_alert *a)
{
    (void)arg;
    if (a->output.n && !a->output.p)
        abort();
}

static struct sk_detect *detect_make(void)
{
    const struct sk_rule_file f = {SK_STR("fuzz.yaml"), {rule, sizeof(rule) - 1}};
    struct sk_detect *d = NULL;
    struct sk_rules *r = NULL;

    if (sk_detect_new(&d) < 0 || sk_rules_load(&f, 1, &r, NULL) < 0 || sk_detect_use(d, r) < 0)
        abort();
    return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sk_detect *d;
    static int64_t time = 1;
    const struct sk_host host = {.id = SK_STR("h"), .name = SK_STR("c")};
    struct json_object *o = NULL;
    struct sk_k8s_audit ev = {.id = SK_STR("1")};

    if (!d)
        d = detect_make();
    if (sk_json_parse(sk_str_n(data, size), &o, NULL) < 0)
        return 0;
    ev.json = o;
    ev.time = time += 3 * SK_DETECT_FOLD_NS; /* nothing is folded */
    if (o)
        (void)sk_detect_audit(d, &ev, &host, on_alert, NULL);
    (void)json_object_put(o);
    return 0;
}
