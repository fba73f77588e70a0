/* SPDX-License-Identifier: Apache-2.0 */
/* Learned profiles over the API. */
#include "serve_test.h"

#define P "/api/v1/profiles/p1"

static void profile_put(struct face *f)
{
    static const struct sk_profile_aspect modes[] = {{.aspect = SK_AP_EXEC, .mode = SK_PM_LEARN},
                                                     {.aspect = SK_AP_FILE, .mode = SK_PM_WATCH},
                                                     {.aspect = SK_AP_LISTEN, .mode = SK_PM_OFF},
                                                     {.aspect = SK_AP_DNS, .mode = SK_PM_OFF}};
    static const struct sk_profile_entry entries[] = {
        {.aspect = SK_AP_EXEC,
         .value = SK_STR_INIT("/bin/ls"),
         .parent_exe = SK_STR_INIT("/bin/sh"),
         .shape = SK_STR_INIT("-l"),
         .count = 7},
        {.aspect = SK_AP_FILE, .value = SK_STR_INIT("/var/x"), .count = 3}};
    const struct sk_profile p = {.id = SK_STR("p1"),
                                 .name = SK_STR("nginx (web)"),
                                 .image = SK_STR("nginx"),
                                 .aspects = {modes, SK_ARRAY_LEN(modes)},
                                 .entries = {entries, SK_ARRAY_LEN(entries)},
                                 .updated = 1};
    const struct sk_put put = {&sk_kind_profile, &p, false};

    assert_int_equal(sk_store_put(f->store, &put, 1, (struct sk_str){0}, 0, NULL), 0);
}

static void every_change_is_a_version_that_goes_down(void **state)
{
    struct face *f = *state;
    uint64_t rev = sk_changes_rev(f->changes);

    sign_in(f);
    profile_put(f);
    expect(f, "PATCH", P, "{\"modes\":{\"exec\":\"watch\"}}", "cookie", 200, "\"version\":1");
    assert_true(sk_changes_rev(f->changes) > rev);
    expect(f, "PATCH", P, "{\"promote\":[\"exec\",\"file\"]}", "cookie", 200,
           "{\"aspect\":\"exec\",\"mode\":\"enforce\"");
    expect(f, "PATCH", P, "{\"promote\":[]}", "cookie", 422, "changes nothing");
    expect(f, "GET", P, NULL, "cookie", 200, "\"updated_by\":\"admin\"");
    expect(f, "GET", "/api/v1/profile-versions?sort=version", NULL, "cookie", 200, "\"version\":0");
    expect(f, "GET", "/api/v1/profile-versions/p1:2", NULL, "cookie", 200,
           "\"change\":\"enforce exec; enforce file\"");
    expect(f, "GET", "/api/v1/profile-versions/p1:0", NULL, "cookie", 200,
           "{\"aspect\":\"exec\",\"mode\":\"learn\"");
    expect(f, "GET", "/api/v1/audit?filter=action%20=%20profile.change", NULL, "cookie", 200,
           "\"target\":\"nginx (web)\"");
}

static void entries_are_allowed_denied_and_removed(void **state)
{
    struct face *f = *state;
    struct answer a;

    sign_in(f);
    profile_put(f);
    expect(f, "PATCH", P, "{\"allow\":[{\"aspect\":\"exec\",\"value\":\"/opt/x\"}]}", "cookie", 200,
           "{\"aspect\":\"exec\",\"value\":\"/opt/"
           "x\",\"parent_exe\":\"*\",\"shape\":\"*\",\"count\":0,"
           "\"by_person\":true,\"denied\":false}");
    expect(f, "PATCH", P, "{\"allow\":[{\"aspect\":\"dns\",\"value\":\"*.Example.COM.\"}]}",
           "cookie", 200, "{\"aspect\":\"dns\",\"value\":\"*.example.com\"");
    expect(f, "PATCH", P,
           "{\"allow\":[{\"aspect\":\"capability\",\"value\":\"net_raw,CAP_SYS_ADMIN\"}]}",
           "cookie", 200,
           "{\"aspect\":\"capability\",\"value\":\"CAP_SYS_ADMIN\",\"parent_exe\":\"*\"");
    expect(f, "PATCH", P,
           "{\"remove\":[{\"aspect\":\"capability\",\"value\":\"CAP_NET_RAW,CAP_SYS_ADMIN\"}]}",
           "cookie", 200, NULL);
    expect(f, "PATCH", P, "{\"remove\":[{\"aspect\":\"dns\",\"value\":\"*.example.com\"}]}",
           "cookie", 200, NULL);
    expect(f, "PATCH", P, "{\"deny\":[{\"aspect\":\"exec\",\"value\":\"/opt/x\"}]}", "cookie", 200,
           "\"denied\":true}");
    expect(f, "PATCH", P, "{\"remove\":[{\"aspect\":\"file\",\"value\":\"/var/x\"}]}", "cookie",
           200, NULL);
    expect(f, "PATCH", P, "{\"remove\":[{\"aspect\":\"file\",\"value\":\"/var/x\"}]}", "cookie",
           404, "no such entry");
    expect(f, "PATCH", P,
           "{\"entries\":[{\"aspect\":\"exec\",\"value\":\"/bin/ls\",\"parent_exe\":\"/bin/sh\","
           "\"shape\":\"-l\"},{\"aspect\":\"listen\",\"value\":\"tcp/80\"}]}",
           "cookie", 200,
           "\"entries\":[{\"aspect\":\"exec\",\"value\":\"/bin/ls\",\"parent_exe\":\"/bin/sh\","
           "\"shape\":\"-l\",\"count\":7,\"by_person\":false,\"denied\":false},"
           "{\"aspect\":\"listen\",\"value\":\"tcp/80\",\"count\":0,\"by_person\":true,"
           "\"denied\":false}]");
    a = ask(f, "GET", "/api/v1/profiles", NULL, "cookie"); /* lists are light */
    assert_non_null(strstr(a.body.p, "\"name\":\"nginx (web)\""));
    assert_null(strstr(a.body.p, "\"entries\""));
    answer_done(&a);
    a = ask(f, "GET", "/api/v1/profile-versions", NULL, "cookie");
    assert_non_null(strstr(a.body.p, "\"id\":\"p1:1\""));
    assert_null(strstr(a.body.p, "\"content\""));
    answer_done(&a);
}

static void what_makes_no_sense_is_refused_and_changes_nothing(void **state)
{
    static const struct {
        const char *body, *text;
    } v[] = {
        {"{}", "changes nothing"},
        {"{\"modes\":5}", "\\\"modes\\\" must be"},
        {"{\"modes\":{\"exec\":\"soon\"}}", "learn, watch, enforce, off"},
        {"{\"modes\":{\"exex\":\"off\"}}", "no aspect"},
        {"{\"modes\":{\"capability\":\"learn\"}}", "do not see"}, /* no such aspect in it */
        {"{\"allow\":[{\"aspect\":\"capability\",\"value\":\"CAP_FLY\"}]}", "no capability"},
        {"{\"promote\":\"exec\"}", "a list of aspects"},
        {"{\"allow\":[5]}", "an entry is"},
        {"{\"allow\":[{\"aspect\":\"exec\"}]}", "needs a value"},
        {"{\"allow\":[{\"aspect\":\"nope\",\"value\":\"x\"}]}", "nope"},
        {"{\"allow\":7}", "a list of at most"},
        {"{\"entries\":{}}", "a list of at most"},
        {"{\"allow\":[{\"aspect\":\"file\",\"value\":\"/a\"}],\"modes\":{\"exec\":\"x\"}}", "mode"},
    };
    struct face *f = *state;
    size_t i;

    sign_in(f);
    profile_put(f);
    for (i = 0; i < SK_ARRAY_LEN(v); i++)
        expect(f, "PATCH", P, v[i].body, "cookie", 422, v[i].text);
    expect(f, "PATCH", "/api/v1/profiles/none", "{\"promote\":[]}", "cookie", 404, "no profile");
    expect(f, "PATCH", P, "{\"promote\":[]}", NULL, 401, NULL);
    expect(f, "GET", P, NULL, "cookie", 200, "\"version\":0");
}

static void a_forgotten_profile_is_gone_for_people_and_goes_down_as_removed(void **state)
{
    struct face *f = *state;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 20);
    struct sk_profile p;

    sign_in(f);
    profile_put(f);
    expect(f, "DELETE", P, NULL, "cookie", 200, "{}");
    expect(f, "GET", P, NULL, "cookie", 404, NULL);
    expect(f, "PATCH", P, "{\"promote\":[]}", "cookie", 404, NULL);
    assert_int_equal(sk_store_get(f->store, &sk_kind_profile, SK_STR("p1"), a, &p, NULL), 0);
    assert_true(p.removed && p.rev > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_change_is_a_version_that_goes_down, up, down),
        cmocka_unit_test_setup_teardown(entries_are_allowed_denied_and_removed, up, down),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused_and_changes_nothing, up,
                                        down),
        cmocka_unit_test_setup_teardown(
            a_forgotten_profile_is_gone_for_people_and_goes_down_as_removed, up, down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
