/* SPDX-License-Identifier: Apache-2.0 */
/* The write side of the API: triage, exceptions, indicators, rule files, actions. */
#include "serve_test.h"

#define CT "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0"

static void put(struct face *f, const struct sk_kind *kind, const void *obj)
{
    const struct sk_put p = {kind, obj, false};

    assert_int_equal(sk_store_put(f->store, &p, 1, (struct sk_str){0}, 0, NULL), 0);
}

/* n alerts of the rule, the i-th by /bin/even or /bin/odd in container web. */
static void alerts_put(struct face *f, const char *rule, int n)
{
    static const struct sk_container ct = {.id = SK_STR_INIT(CT),
                                           .host_id = SK_STR_INIT("h1"),
                                           .name = SK_STR_INIT("web"),
                                           .image = SK_STR_INIT("nginx:1"),
                                           .image_repository = SK_STR_INIT("nginx")};
    char id[32] = "", pid[32] = "";
    int i;

    for (i = 0; i < n; i++) {
        int pid_n = snprintf(pid, sizeof(pid), "h1:1:%d", i);
        int id_n = snprintf(id, sizeof(id), "%.1s%05d", rule, i);
        const struct sk_process up[] = {{.id = SK_STR("p9"), .name = SK_STR("sh")},
                                        {.id = SK_STR("p8"), .name = SK_STR("init")}};
        struct sk_process p = {.id = sk_str_n(pid, (size_t)pid_n),
                               .host_id = SK_STR("h1"),
                               .container_id = SK_STR(CT),
                               .pid = (uint64_t)(100 + i),
                               .name = SK_STR("x"),
                               .exepath = i % 2 ? SK_STR("/bin/odd") : SK_STR("/bin/even")};
        struct sk_alert al = {.id = sk_str_n(id, (size_t)id_n),
                              .rule = sk_str_c(rule),
                              .host_id = SK_STR("h1"),
                              .time = sk_now_wall_ns() - (n - i) * SK_NS_PER_S,
                              .proc = &p,
                              .container = &ct,
                              .ancestors = {up, 2}};

        put(f, &sk_kind_alert, &al);
        put(f, &sk_kind_process, &p);
    }
    put(f, &sk_kind_container, &ct);
    put(f, &sk_kind_host, &(struct sk_host){.id = SK_STR("h1"), .name = SK_STR("one")});
}

/* The member of the answer as text. */
static struct sk_str member(struct face *f, const char *method, const char *path, const char *body,
                            long status, const char *name, char dst[512])
{
    struct answer a = ask(f, method, path, body, "cookie");
    struct json_object *doc = NULL;

    if (a.status != status)
        fail_msg("%s %s: %ld: %s", method, path, a.status, a.body.p ? a.body.p : "");
    assert_int_equal(sk_json_parse(sk_buf_view(&a.body), &doc, NULL), 0);
    (void)sk_str_copy(dst, 512, sk_json_str(doc, name));
    (void)json_object_put(doc);
    answer_done(&a);
    return sk_str_c(dst);
}

/* ---- triage ---------------------------------------------------------------------------------- */

static void an_alert_is_closed_with_a_verdict_assigned_and_commented(void **state)
{
    struct face *f = *state;

    sign_in(f);
    alerts_put(f, "Shell", 1);
    expect(f, "PATCH", "/api/v1/alerts/S00000",
           "{\"state\":\"closed\",\"verdict\":\"false_positive\",\"assignee\":\"admin\"}", "cookie",
           200, "\"verdict\":\"false_positive\"");
    expect(f, "GET", "/api/v1/alerts/S00000", NULL, "cookie", 200, "\"assignee\":\"admin\"");
    expect(f, "PATCH", "/api/v1/alerts/S00000", "{\"assignee\":\"\"}", "cookie", 200,
           "\"state\":\"closed\"");
    expect(f, "PATCH", "/api/v1/alerts/S00000", "{\"assignee\":\"nobody\"}", "cookie", 422,
           "nobody is called");
    expect(f, "PATCH", "/api/v1/alerts/S00000", "{\"verdict\":\"maybe\"}", "cookie", 422,
           "must be one of: none, true_positive, false_positive, benign");
    expect(f, "PATCH", "/api/v1/alerts/S00000", "{}", "cookie", 422, "expected");
    expect(f, "PATCH", "/api/v1/alerts/none", "{\"state\":\"open\"}", "cookie", 404, "no alert");
    expect(f, "POST", "/api/v1/alerts/S00000/comments", "{\"text\":\"a build job\"}", "cookie", 200,
           "\"text\":\"a build job\"");
    expect(f, "POST", "/api/v1/alerts/S00000/comments", "{\"text\":\"\"}", "cookie", 422,
           "is missing");
    expect(f, "POST", "/api/v1/alerts/S00000/comments", "{\"text\":\"again\"}", "cookie", 200,
           "a build job");
    expect(f, "GET", "/api/v1/audit?filter=action%20%3D%20alert.close", NULL, "cookie", 200,
           "state=closed verdict=false_positive assignee=admin");
}

static void many_alerts_are_changed_at_once_by_filter_or_by_id(void **state)
{
    struct face *f = *state;

    sign_in(f);
    alerts_put(f, "Shell", 1203);
    alerts_put(f, "Other", 3);
    expect(f, "POST", "/api/v1/alerts/bulk",
           "{\"filter\":\"rule = Shell and state = open\",\"set\":{\"state\":\"closed\"},"
           "\"comment\":\"all of them\"}",
           "cookie", 200, "{\"changed\":1203,\"missing\":0,\"limit\":10000,\"more\":false}");
    expect(f, "GET", "/api/v1/alerts?filter=state%20%3D%20open", NULL, "cookie", 200,
           "\"total\":3");
    expect(f, "GET", "/api/v1/alerts/S00777", NULL, "cookie", 200, "all of them");
    expect(f, "POST", "/api/v1/alerts/bulk",
           "{\"ids\":[\"O00000\",\"O00002\",\"none\"],\"set\":{\"verdict\":\"benign\"}}", "cookie",
           200, "\"changed\":2,\"missing\":1");
    expect(f, "GET", "/api/v1/alerts/O00001", NULL, "cookie", 200, "\"verdict\":\"none\"");
    expect(f, "POST", "/api/v1/alerts/bulk", "{\"set\":{\"state\":\"closed\"}}", "cookie", 422,
           "an empty filter means all");
    expect(f, "POST", "/api/v1/alerts/bulk", "{\"filter\":\"\"}", "cookie", 422,
           "nothing to change");
    expect(f, "POST", "/api/v1/alerts/bulk",
           "{\"filter\":\"nonsense ==\",\"set\":{\"state\":\"open\"}}", "cookie", 400, NULL);
}

/* Over two hosts: I is made of I1 (alerts S0, S1) and I2 (S2, which somebody has closed before). */
static void two_hosts_put(struct face *f)
{
    static const char *const of[] = {"I1", "I1", "I2"};
    const struct sk_member m[] = {{.id = SK_STR("I1")}, {.id = SK_STR("I2")}};
    char id[8];
    int i;

    for (i = 0; i < 3; i++) {
        (void)snprintf(id, sizeof(id), "S%d", i);
        put(f, &sk_kind_alert,
            &(struct sk_alert){.id = sk_str_c(id),
                               .incident_id = sk_str_c(of[i]),
                               .state = i == 2 ? SK_AS_CLOSED : SK_AS_OPEN,
                               .assignee = i == 1 ? SK_STR("bob") : (struct sk_str){0},
                               .verdict = i == 2 ? SK_VD_BENIGN : SK_VD_NONE});
    }
    put(f, &sk_kind_alert, &(struct sk_alert){.id = SK_STR("O0"), .incident_id = SK_STR("I3")});
    put(f, &sk_kind_incident, &(struct sk_incident){.id = SK_STR("I1"), .part_of = SK_STR("I")});
    put(f, &sk_kind_incident, &(struct sk_incident){.id = SK_STR("I2"), .part_of = SK_STR("I")});
    put(f, &sk_kind_incident, &(struct sk_incident){.id = SK_STR("I"), .members = {m, 2}});
}

static void what_is_made_of_an_incident_is_made_of_its_members_and_their_alerts(void **state)
{
    struct face *f = *state;

    sign_in(f);
    two_hosts_put(f);
    expect(f, "GET", "/api/v1/incidents?filter=not%20part_of%20exists", NULL, "cookie", 200,
           "\"total\":1}");
    expect(f, "PATCH", "/api/v1/incidents/I", "{\"assignee\":\"admin\"}", "cookie", 200, "admin");
    expect(f, "GET", "/api/v1/incidents/I2", NULL, "cookie", 200, "\"assignee\":\"admin\"");
    expect(f, "GET", "/api/v1/alerts/S0", NULL, "cookie", 200, "\"assignee\":\"admin\"");
    expect(f, "GET", "/api/v1/alerts/S1", NULL, "cookie", 200, "\"assignee\":\"bob\"");
    expect(f, "PATCH", "/api/v1/incidents/I",
           "{\"state\":\"closed\",\"verdict\":\"true_positive\"}", "cookie", 200, "closed");
    expect(f, "GET", "/api/v1/incidents/I1", NULL, "cookie", 200,
           "\"state\":\"closed\",\"assignee\":\"admin\",\"verdict\":\"true_positive\"");
    expect(f, "GET", "/api/v1/alerts?filter=verdict%20%3D%20true_positive", NULL, "cookie", 200,
           "\"total\":2}");
    expect(f, "GET", "/api/v1/alerts/S2", NULL, "cookie", 200, "\"verdict\":\"benign\"");
    expect(f, "GET", "/api/v1/alerts?filter=state%20%3D%20open", NULL, "cookie", 200,
           "\"total\":1}");
    /* taken back: what was closed before stays so */
    expect(f, "PATCH", "/api/v1/incidents/I", "{\"state\":\"open\",\"verdict\":\"none\"}", "cookie",
           200, "open");
    expect(f, "GET", "/api/v1/incidents/I2", NULL, "cookie", 200, "\"state\":\"open\"");
    expect(f, "GET", "/api/v1/alerts?filter=state%20%3D%20open", NULL, "cookie", 200,
           "\"total\":3}");
    expect(f, "GET", "/api/v1/alerts/S2", NULL, "cookie", 200, "\"state\":\"closed\"");
    expect(f, "POST", "/api/v1/incidents/bulk",
           "{\"ids\":[\"I2\"],\"set\":{\"state\":\"closed\",\"verdict\":\"benign\"}}", "cookie",
           200, "\"changed\":1");
    expect(f, "GET", "/api/v1/alerts/S0", NULL, "cookie", 200, "\"state\":\"open\"");
}

static void an_incident_is_closed_and_says_when(void **state)
{
    struct face *f = *state;
    char text[512];

    sign_in(f);
    put(f, &sk_kind_incident, &(struct sk_incident){.id = SK_STR("I1"), .title = SK_STR("x")});
    expect(f, "PATCH", "/api/v1/incidents/I1", "{\"state\":\"gone\"}", "cookie", 422,
           "open, contained, closed");
    assert_true(member(f, "PATCH", "/api/v1/incidents/I1",
                       "{\"state\":\"closed\",\"verdict\":\"true_positive\"}", 200, "closed", text)
                    .n > 10);
    assert_int_equal(
        member(f, "PATCH", "/api/v1/incidents/I1", "{\"state\":\"open\"}", 200, "closed", text).n,
        0);
    expect(f, "POST", "/api/v1/incidents/bulk", "{\"filter\":\"\",\"comment\":\"seen\"}", "cookie",
           200, "\"changed\":1");
}

/* ---- exceptions ------------------------------------------------------------------------------ */

static void an_exception_is_kept_when_its_condition_is_understood(void **state)
{
    struct face *f = *state;
    char id[512], path[600];

    sign_in(f);
    expect(f, "POST", "/api/v1/exceptions", "{\"name\":\"x\",\"condition\":\"proc.nam = sh\"}",
           "cookie", 400, "1:1: ");
    expect(f, "POST", "/api/v1/exceptions", "{\"name\":\"x\",\"condition\":\"proc.nam = sh\"}",
           "cookie", 400, "\\n  ^");
    expect(f, "POST", "/api/v1/exceptions", "{\"name\":\"x\"}", "cookie", 422,
           "\\\"condition\\\" is missing");
    expect(f, "POST", "/api/v1/exceptions",
           "{\"name\":\"x\",\"condition\":\"proc.name = sh\",\"expires\":\"2001-01-01T00:00:00Z\"}",
           "cookie", 422, "a time to come");
    (void)member(f, "POST", "/api/v1/exceptions",
                 "{\"name\":\"x\",\"rule\":\"Shell\",\"condition\":\"proc.name = sh\"}", 201, "id",
                 id);
    (void)snprintf(path, sizeof(path), "/api/v1/exceptions/%s", id);
    expect(f, "GET", path, NULL, "cookie", 200, "\"owner\":\"admin\"");
    expect(f, "PATCH", path, "{\"condition\":\"proc.name =\"}", "cookie", 400, NULL);
    expect(f, "PATCH", path, "{\"disabled\":true}", "cookie", 200, "\"rule\":\"Shell\"");
    expect(f, "DELETE", path, NULL, "cookie", 200, "{}");
    expect(f, "GET", path, NULL, "cookie", 404, NULL);
    expect(f, "DELETE", path, NULL, "cookie", 404, NULL);
    expect(f, "GET", "/api/v1/exceptions", NULL, "cookie", 200, "\"total\":0");
}

static void a_preview_counts_the_alerts_it_would_have_held_back(void **state)
{
    struct face *f = *state;

    sign_in(f);
    alerts_put(f, "Shell", 701);
    alerts_put(f, "Other", 2);
    expect(f, "POST", "/api/v1/exceptions/preview",
           "{\"rule\":\"Shell\",\"condition\":\"proc.exepath = /bin/even\"}", "cookie", 200,
           "{\"matched\":351,\"total\":701,\"sample\":[\"S00700\",");
    expect(f, "POST", "/api/v1/exceptions/preview",
           "{\"condition\":\"container.image.repository = nginx and proc.pname = sh and "
           "proc.aname[2] = init\"}",
           "cookie", 200, "\"matched\":703,\"total\":703");
    expect(f, "POST", "/api/v1/exceptions/preview",
           "{\"rule\":\"Shell\",\"condition\":\"proc.name = y\"}", "cookie", 200,
           "{\"matched\":0,\"total\":701,\"sample\":[]}");
    expect(f, "POST", "/api/v1/exceptions/preview",
           "{\"condition\":\"proc.name = x\",\"since\":\"2100-01-01T00:00:00Z\"}", "cookie", 200,
           "\"total\":0");
    expect(f, "POST", "/api/v1/exceptions/preview", "{\"condition\":\"evt.nope = 1\"}", "cookie",
           400, "evt.nope");
}

static void an_exception_is_proposed_from_an_alert_and_holds_it_back(void **state)
{
    struct face *f = *state;
    char condition[512], body[1200];

    sign_in(f);
    alerts_put(f, "Shell", 4);
    (void)member(f, "POST", "/api/v1/alerts/S00001/exception", NULL, 200, "condition", condition);
    assert_string_equal(condition,
                        "container.image.repository = \"nginx\" and proc.exepath = \"/bin/odd\"");
    (void)snprintf(body, sizeof(body),
                   "{\"rule\":\"Shell\",\"condition\":\"container.image.repository = \\\"nginx\\\" "
                   "and proc.exepath = \\\"/bin/odd\\\"\"}");
    expect(f, "POST", "/api/v1/exceptions/preview", body, "cookie", 200,
           "{\"matched\":2,\"total\":4,\"sample\":[\"S00003\",\"S00001\"]}");
    expect(f, "GET", "/api/v1/exceptions", NULL, "cookie", 200, "\"total\":0"); /* not stored */
}

/* ---- indicators ------------------------------------------------------------------------------ */

static void indicators_come_in_by_lists_and_go_by_lists(void **state)
{
    struct face *f = *state;
    struct answer a;
    char text[512];

    sign_in(f);
    expect(f, "POST", "/api/v1/indicators", "{\"value\":\"evil[.]EXAMPLE\"}", "cookie", 201,
           "\"id\":\"domain:evil.example\"");
    expect(f, "POST", "/api/v1/indicators", "{\"value\":\"what is this\"}", "cookie", 422,
           "an address, a network, a name");
    expect(f, "POST", "/api/v1/indicators/import?list=feed",
           "1.2.3.4 # c2\n\nnot good\n10.1.0.0/8\n", "cookie", 200,
           "\"type\":\"list\",\"taken\":2,\"changed\":2,\"unchanged\":0,\"twice\":0,\"skipped\":1,"
           "\"skips\":[{\"line\":3,\"text\":\"not good\",");
    expect(f, "POST", "/api/v1/indicators/import?list=feed", "1.2.3.4 # c2\n10.0.0.0/8\n", "cookie",
           200, "\"changed\":0,\"unchanged\":2");
    expect(f, "POST", "/api/v1/indicators/import", "1.2.3.4\n", "cookie", 422, "needs a name");
    expect(f, "GET", "/api/v1/indicators/ip:10.0.0.0/8", NULL, "cookie", 200, "\"list\":\"feed\"");
    (void)member(f, "GET", "/api/v1/indicators/ip:1.2.3.4", NULL, 200, "desc", text);
    assert_string_equal(text, "c2");
    expect(f, "DELETE", "/api/v1/indicators?list=feed", NULL, "cookie", 200, "{\"removed\":2}");
    expect(f, "GET", "/api/v1/indicators/ip:1.2.3.4", NULL, "cookie", 404, NULL);
    expect(f, "DELETE", "/api/v1/indicators", NULL, "cookie", 422, "which list");
    a = ask(f, "GET", "/api/v1/indicators", NULL, "cookie");
    assert_non_null(strstr(a.body.p, "\"total\":1"));
    answer_done(&a);
    expect(f, "POST", "/api/v1/indicators/import?list=feed", "1.2.3.4\n", "cookie", 200,
           "\"changed\":1"); /* back from the dead */
    expect(f, "GET", "/api/v1/indicators/ip:1.2.3.4", NULL, "cookie", 200, NULL);
}

static void tens_of_thousands_of_indicators_take_seconds(void **state)
{
    struct face *f = *state;
    struct sk_buf text;
    uint64_t from;
    int i;

    sign_in(f);
    sk_buf_init(&text, (size_t)8 << 20);
    for (i = 0; i < 30000; i++)
        (void)sk_buf_printf(&text, "h%d.bad.example\n", i);
    from = sk_now_mono_ns();
    expect(f, "POST", "/api/v1/indicators/import?list=big&type=list", text.p, "cookie", 200,
           "\"changed\":30000");
    assert_true(sk_now_mono_ns() - from < 30ULL * 1000000000);
    sk_buf_done(&text);
    expect(f, "DELETE", "/api/v1/indicators?list=big", NULL, "cookie", 200, "{\"removed\":30000}");
}

/* ---- rule files ------------------------------------------------------------------------------ */

static void a_rule_file_is_kept_when_it_loads(void **state)
{
    struct face *f = *state;
    char id[512], path[600];

    sign_in(f);
    expect(f, "POST", "/api/v1/rulefiles", "{\"name\":\"my.yaml\",\"text\":\"broken\"}", "cookie",
           400, "console/my.yaml:1:3: unknown field\\n  broken\\n  ^");
    expect(f, "POST", "/api/v1/rulefiles", "{\"name\":\"../x.yaml\",\"text\":\"- a\"}", "cookie",
           422, "letters, digits");
    expect(f, "POST", "/api/v1/rules/check", "{\"name\":\"my.yaml\",\"text\":\"broken\"}", "cookie",
           200, "{\"ok\":false,\"error\":\"console/my.yaml:1:3: unknown field");
    expect(f, "POST", "/api/v1/rules/check", "{\"name\":\"my.yaml\",\"text\":\"- fine\"}", "cookie",
           200, "\"ok\":true");
    expect(f, "GET", "/api/v1/rulefiles", NULL, "cookie", 200, "\"total\":0");
    (void)member(f, "POST", "/api/v1/rulefiles", "{\"name\":\"my.yaml\",\"text\":\"- fine\"}", 201,
                 "id", id);
    (void)snprintf(path, sizeof(path), "/api/v1/rulefiles/%s", id);
    expect(f, "POST", "/api/v1/rulefiles", "{\"name\":\"my.yaml\",\"text\":\"- fine\"}", "cookie",
           409, "already");
    expect(f, "PATCH", path, "{\"text\":\"broken\"}", "cookie", 400, "1:3");
    expect(f, "GET", path, NULL, "cookie", 200, "\"text\":\"- fine\"");
    expect(f, "PATCH", path, "{\"disabled\":true,\"text\":\"broken\"}", "cookie", 200, NULL);
    expect(f, "PATCH", path, "{\"disabled\":false}", "cookie", 400, "1:3");
    expect(f, "DELETE", path, NULL, "cookie", 200, "{}");
}

static void switches_of_rules_are_a_file_of_their_own(void **state)
{
    struct face *f = *state;
    struct answer a;

    sign_in(f);
    expect(f, "POST", "/api/v1/rules/switch", "{\"rule\":\"A \\\"b\\\"\",\"enabled\":false}",
           "cookie", 201, "\"name\":\"zz-switches.yaml\"");
    expect(f, "POST", "/api/v1/rules/switch", "{\"rule\":\"Other\",\"enabled\":false}", "cookie",
           200, NULL);
    expect(f, "POST", "/api/v1/rules/switch", "{\"rule\":\"Other\",\"enabled\":true}", "cookie",
           200, NULL);
    expect(f, "POST", "/api/v1/rules/switch", "{\"rule\":\"Other\"}", "cookie", 422, "enabled");
    a = ask(f, "GET", "/api/v1/rulefiles", NULL, "cookie");
    assert_non_null(strstr(a.body.p, "\"total\":1"));
    assert_non_null(strstr(
        a.body.p, "- rule: \\\"A \\\\\\\"b\\\\\\\"\\\"\\n  enabled: false\\n  override:\\n    "
                  "enabled: replace\\n- rule: \\\"Other\\\"\\n  enabled: true\\n"));
    answer_done(&a);
}

/* ---- actions --------------------------------------------------------------------------------- */

static void an_action_finds_its_host_and_names_its_process(void **state)
{
    struct face *f = *state;
    char text[512];

    sign_in(f);
    alerts_put(f, "Shell", 3);
    expect(f, "POST", "/api/v1/actions",
           "{\"kind\":\"freeze\",\"container_id\":\"" CT "\",\"reason\":\"r\",\"expires_s\":60}",
           "cookie", 201, "\"host_id\":\"h1\"");
    expect(f, "POST", "/api/v1/actions",
           "{\"kind\":\"freeze\",\"container_id\":\"c0c0c0c0c0c0\",\"reason\":\"r\"}", "cookie",
           201, "\"container_name\":\"web\"");
    (void)member(f, "POST", "/api/v1/actions",
                 "{\"kind\":\"kill_process\",\"pid\":101,\"reason\":\"r\"}", 201, "process_id",
                 text);
    assert_string_equal(text, "h1:1:1");
    (void)member(f, "POST", "/api/v1/actions",
                 "{\"kind\":\"kill_tree\",\"alert_id\":\"S00002\",\"reason\":\"r\"}", 201,
                 "process_id", text);
    assert_string_equal(text, "h1:1:2");
    expect(f, "GET", "/api/v1/audit?filter=action%20%3D%20action.add", NULL, "cookie", 200,
           "\"total\":4");
}

static void an_action_that_lacks_something_is_refused_with_what(void **state)
{
    struct face *f = *state;
    const struct {
        const char *body;
        long status;
        const char *text;
    } v[] = {
        {"{\"kind\":\"freeze\",\"reason\":\"r\"}", 422, "freeze needs \\\"container_id\\\""},
        {"{\"kind\":\"freeze\",\"container_id\":\"x\",\"reason\":\"r\"}", 404, "no container"},
        {"{\"kind\":\"dance\",\"reason\":\"r\"}", 422, "must be one of: freeze"},
        {"{\"kind\":\"freeze\",\"container_id\":\"" CT "\"}", 422, "\\\"reason\\\" is missing"},
        {"{\"reason\":\"r\"}", 422, "\\\"kind\\\" is missing"},
        {"{\"kind\":\"kill_process\",\"pid\":9999,\"reason\":\"r\"}", 404, "no such process"},
        {"{\"kind\":\"kill_container\",\"container_id\":\"" CT
         "\",\"reason\":\"r\",\"expires_s\":60}",
         422, "has no end"},
        {"{\"kind\":\"block_peer\",\"container_id\":\"" CT "\",\"reason\":\"r\",\"peer\":\"x\"}",
         422, "10.0.0.7:443"},
        {"{\"kind\":\"unblock\",\"reason\":\"r\"}", 422, "undo_of"},
        {"{\"kind\":\"collect\",\"host_id\":\"h9\",\"reason\":\"r\"}", 404, "no host"},
    };
    size_t i;

    sign_in(f);
    alerts_put(f, "Shell", 1);
    for (i = 0; i < SK_ARRAY_LEN(v); i++)
        expect(f, "POST", "/api/v1/actions", v[i].body, "cookie", v[i].status, v[i].text);
    expect(f, "GET", "/api/v1/actions", NULL, "cookie", 200, "\"total\":0");
}

static void an_action_is_taken_back_by_its_opposite(void **state)
{
    struct face *f = *state;
    char id[512], path[600], text[512];

    sign_in(f);
    alerts_put(f, "Shell", 1);
    (void)member(f, "POST", "/api/v1/actions",
                 "{\"kind\":\"isolate\",\"container_id\":\"" CT "\",\"reason\":\"r\"}", 201, "id",
                 id);
    (void)snprintf(path, sizeof(path), "/api/v1/actions/%s/undo", id);
    (void)member(f, "POST", path, NULL, 201, "kind", text);
    assert_string_equal(text, "release");
    (void)member(f, "POST", path, "{\"reason\":\"all is well\"}", 201, "undo_of", text);
    assert_string_equal(text, id);
    (void)member(f, "POST", "/api/v1/actions",
                 "{\"kind\":\"kill_container\",\"container_id\":\"" CT "\",\"reason\":\"r\"}", 201,
                 "id", id);
    (void)snprintf(path, sizeof(path), "/api/v1/actions/%s/undo", id);
    expect(f, "POST", path, NULL, "cookie", 409, "kill_container cannot be taken back");
    expect(f, "POST", "/api/v1/actions/none/undo", NULL, "cookie", 404, NULL);
}

static void a_viewer_changes_none_of_it(void **state)
{
    static const char *const paths[] = {
        "/api/v1/actions",           "/api/v1/exceptions",     "/api/v1/indicators",
        "/api/v1/indicators/import", "/api/v1/rulefiles",      "/api/v1/rules/switch",
        "/api/v1/alerts/bulk",       "/api/v1/actions/x/undo", "/api/v1/alerts/x/comments"};
    struct face *f = *state;
    struct answer a;
    char token[512];
    size_t i;

    sign_in(f);
    (void)member(f, "POST", "/api/v1/tokens", "{\"name\":\"ci\",\"role\":\"viewer\"}", 201, "token",
                 token);
    for (i = 0; i < SK_ARRAY_LEN(paths); i++) {
        expect(f, "POST", paths[i], "{}", token, 403, "operator");
        expect(f, "POST", paths[i], "{}", "cookie-without-csrf", 403, "X-CSRF-Token");
    }
    put(f, &sk_kind_chunk, &(struct sk_chunk){.id = SK_STR("e:0"), .data = SK_STR("QUJD")});
    expect(f, "GET", "/api/v1/chunks", NULL, token, 403, "operator");
    expect(f, "GET", "/api/v1/chunks/e:0", NULL, "cookie", 200, "QUJD");
    a = ask(f, "GET", "/api/v1/chunks", NULL, "cookie");
    assert_non_null(strstr(a.body.p, "\"id\":\"e:0\""));
    assert_null(strstr(a.body.p, "QUJD"));
    answer_done(&a);
    expect(f, "GET", "/api/v1/slices", NULL, token, 403, "operator");
    expect(f, "GET", "/api/v1/incidents", NULL, token, 200, "\"total\":0");
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_alert_is_closed_with_a_verdict_assigned_and_commented),
        T(many_alerts_are_changed_at_once_by_filter_or_by_id),
        T(what_is_made_of_an_incident_is_made_of_its_members_and_their_alerts),
        T(an_incident_is_closed_and_says_when),
        T(an_exception_is_kept_when_its_condition_is_understood),
        T(a_preview_counts_the_alerts_it_would_have_held_back),
        T(an_exception_is_proposed_from_an_alert_and_holds_it_back),
        T(indicators_come_in_by_lists_and_go_by_lists),
        T(tens_of_thousands_of_indicators_take_seconds),
        T(a_rule_file_is_kept_when_it_loads),
        T(switches_of_rules_are_a_file_of_their_own),
        T(an_action_finds_its_host_and_names_its_process),
        T(an_action_that_lacks_something_is_refused_with_what),
        T(an_action_is_taken_back_by_its_opposite),
        T(a_viewer_changes_none_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
