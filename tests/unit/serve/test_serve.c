/* SPDX-License-Identifier: Apache-2.0 */
/* The console's API over a real loopback connection and a real store. */
#include "serve_test.h"

static void the_one_time_sign_in_works_once_and_then_the_password_does(void **state)
{
    struct face *f = *state;
    char body[256], again[44];
    struct answer a;

    (void)snprintf(body, sizeof(body), "{\"token\":\"%s\",\"password\":\"short\"}", f->token);
    expect(f, "POST", "/api/v1/session/first", body, NULL, 422, "at least 10 characters");
    expect(f, "POST", "/api/v1/session/first", "{\"token\":\"x\",\"password\":\"correct horse\"}",
           NULL, 401, "spent or too old");
    sign_in(f);
    (void)snprintf(body, sizeof(body), "{\"token\":\"%s\",\"password\":\"another horse\"}",
                   f->token);
    expect(f, "POST", "/api/v1/session/first", body, NULL, 401, "spent");
    assert_int_equal(sk_serve_first_token(f->serve, again, NULL), 1);
    expect(f, "GET", "/api/v1/session", NULL, "cookie", 200, "\"name\":\"admin\"");
    expect(f, "POST", "/api/v1/session", "{\"user\":\"admin\",\"password\":\"wrong horse\"}", NULL,
           401, "wrong name or password");
    a = ask(f, "POST", "/api/v1/session", "{\"user\":\"admin\",\"password\":\"correct horse\"}",
            NULL);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.head.p, "HttpOnly; Secure; SameSite=Strict"));
    keep_session(f, &a);
    answer_done(&a);
    expect(f, "DELETE", "/api/v1/session", NULL, "cookie", 200, NULL);
    expect(f, "GET", "/api/v1/session", NULL, "cookie", 401, "not_signed_in");
}

static void one_changes_ones_own_password_and_ones_other_sessions_end(void **state)
{
    static const char path[] = "/api/v1/session/password";
    static const char good[] = "{\"old\":\"correct horse\",\"new\":\"another horse\"}";
    struct face *f = *state, other;
    struct answer a;

    sign_in(f);
    expect(f, "POST", "/api/v1/users",
           "{\"name\":\"bo\",\"role\":\"viewer\",\"password\":\"long enough\"}", "cookie", 201,
           NULL);
    other = *f; /* the session that ends */
    a = ask(f, "POST", "/api/v1/session", "{\"user\":\"admin\",\"password\":\"correct horse\"}",
            NULL);
    keep_session(f, &a);
    answer_done(&a);
    expect(f, "POST", path, good, NULL, 401, NULL);
    expect(f, "POST", path, good, "cookie-without-csrf", 403, "X-CSRF-Token");
    expect(f, "POST", path, "{\"new\":\"another horse\"}", "cookie", 400, "\\\"old\\\" and");
    expect(f, "POST", path, "{\"old\":\"wrong\",\"new\":\"another horse\"}", "cookie", 422,
           "the old password is wrong");
    expect(f, "POST", path, "{\"old\":\"correct horse\",\"new\":\"short\"}", "cookie", 422,
           "at least 10 characters");
    expect(&other, "GET", "/api/v1/session", NULL, "cookie", 200, NULL);
    expect(f, "POST", path, good, "cookie", 200, "\"name\":\"admin\"");
    expect(f, "GET", "/api/v1/session", NULL, "cookie", 200, NULL);
    expect(&other, "GET", "/api/v1/session", NULL, "cookie", 401, NULL);
    expect(f, "POST", "/api/v1/session", "{\"user\":\"admin\",\"password\":\"correct horse\"}",
           NULL, 401, NULL);
    expect(f, "POST", "/api/v1/session", "{\"user\":\"admin\",\"password\":\"another horse\"}",
           NULL, 200, NULL);
    expect(f, "POST", "/api/v1/session", "{\"user\":\"bo\",\"password\":\"long enough\"}", NULL,
           200, "\"name\":\"bo\"");
    expect(f, "GET", "/api/v1/audit?filter=action%20%3D%20password.change%20and%20ok%20%3D%20true",
           NULL, "cookie", 200, "\"total\":1");
    expect(f, "GET", "/api/v1/audit?filter=action%20%3D%20password.change%20and%20ok%20%3D%20false",
           NULL, "cookie", 200, "wrong old password");
}

static void a_password_that_an_admin_sets_ends_the_users_sessions(void **state)
{
    struct face *f = *state, bo;
    struct json_object *doc = NULL;
    struct answer a;
    char path[128];

    sign_in(f);
    a = ask(f, "POST", "/api/v1/users",
            "{\"name\":\"bo\",\"role\":\"viewer\",\"password\":\"long enough\"}", "cookie");
    assert_int_equal(sk_json_parse(sk_buf_view(&a.body), &doc, NULL), 0);
    (void)snprintf(path, sizeof(path), "/api/v1/users/%s", sk_json_str(doc, "id").p);
    (void)json_object_put(doc);
    answer_done(&a);
    bo = *f;
    a = ask(f, "POST", "/api/v1/session", "{\"user\":\"bo\",\"password\":\"long enough\"}", NULL);
    keep_session(&bo, &a);
    answer_done(&a);
    expect(&bo, "GET", "/api/v1/session", NULL, "cookie", 200, "\"name\":\"bo\"");
    expect(f, "PATCH", path, "{\"password\":\"another horse\"}", "cookie", 200, NULL);
    expect(&bo, "GET", "/api/v1/session", NULL, "cookie", 401, NULL);
    expect(f, "GET", "/api/v1/session", NULL, "cookie", 200, "\"name\":\"admin\"");
    expect(f, "POST", "/api/v1/session", "{\"user\":\"bo\",\"password\":\"another horse\"}", NULL,
           200, NULL);
}

static void a_token_cannot_change_a_password(void **state)
{
    struct face *f = *state;
    struct json_object *doc = NULL;
    struct answer a;
    char token[160];

    sign_in(f);
    a = ask(f, "POST", "/api/v1/tokens", "{\"name\":\"ci\",\"role\":\"admin\"}", "cookie");
    assert_int_equal(sk_json_parse(sk_buf_view(&a.body), &doc, NULL), 0);
    (void)sk_str_copy(token, sizeof(token), sk_json_str(doc, "token"));
    (void)json_object_put(doc);
    answer_done(&a);
    expect(f, "POST", "/api/v1/session/password",
           "{\"old\":\"correct horse\",\"new\":\"another horse\"}", token, 403,
           "by a session, not by a token");
    expect(f, "POST", "/api/v1/session", "{\"user\":\"admin\",\"password\":\"correct horse\"}",
           NULL, 200, NULL);
}

static void a_sixth_failed_sign_in_within_a_minute_has_to_wait(void **state)
{
    struct face *f = *state;
    const char *wrong = "{\"user\":\"eve\",\"password\":\"guess\"}";
    int i;

    for (i = 0; i < 5; i++)
        expect(f, "POST", "/api/v1/session", wrong, NULL, 401, NULL);
    expect(f, "POST", "/api/v1/session", wrong, NULL, 429, "too many failed tries");
}

static void a_change_by_cookie_needs_the_sessions_csrf_token(void **state)
{
    struct face *f = *state;
    const char *user = "{\"name\":\"bo\",\"role\":\"viewer\",\"password\":\"long enough\"}";

    sign_in(f);
    expect(f, "POST", "/api/v1/users", user, "cookie-without-csrf", 403, "X-CSRF-Token");
    expect(f, "POST", "/api/v1/users", user, NULL, 401, NULL);
    expect(f, "POST", "/api/v1/users", user, "cookie", 201, "\"name\":\"bo\"");
    expect(f, "POST", "/api/v1/users", user, "cookie", 409, "already");
}

static void a_viewers_token_reads_and_changes_nothing(void **state)
{
    struct face *f = *state;
    struct json_object *doc = NULL;
    struct answer a;
    char token[160];

    sign_in(f);
    a = ask(f, "POST", "/api/v1/tokens", "{\"name\":\"ci\",\"role\":\"viewer\"}", "cookie");
    assert_int_equal(a.status, 201);
    assert_int_equal(sk_json_parse(sk_buf_view(&a.body), &doc, NULL), 0);
    (void)sk_str_copy(token, sizeof(token), sk_json_str(doc, "token"));
    (void)json_object_put(doc);
    answer_done(&a);
    expect(f, "GET", "/api/v1/containers", NULL, token, 200, "\"items\":[]");
    expect(f, "GET", "/api/v1/users", NULL, token, 403, "needs the role admin; yours is viewer");
    expect(f, "PATCH", "/api/v1/alerts/x", "{\"state\":\"closed\"}", token, 403, "operator");
    expect(f, "GET", "/api/v1/tokens?filter=id%20exists)%20or%20(id%20exists", NULL, "cookie", 400,
           "filter"); /* does not reach beyond one's own */
    token[strlen(token) - 1] ^= 1;
    expect(f, "GET", "/api/v1/containers", NULL, token, 401, NULL);
    a = ask(f, "GET", "/api/v1/tokens", NULL, "cookie");
    assert_null(strstr(a.body.p, "session-")); /* sessions are not API tokens */
    assert_null(strstr(a.body.p, "hash"));     /* secrets never leave */
    assert_non_null(strstr(a.body.p, "\"total\":1"));
    answer_done(&a);
}

static void the_last_admin_can_neither_go_nor_step_down(void **state)
{
    struct face *f = *state;
    struct json_object *doc = NULL, *items;
    struct answer a;
    char path[128];

    sign_in(f);
    a = ask(f, "GET", "/api/v1/users", NULL, "cookie");
    assert_null(strstr(a.body.p, "argon2"));
    assert_int_equal(sk_json_parse(sk_buf_view(&a.body), &doc, NULL), 0);
    items = sk_json_at(doc, "items");
    (void)snprintf(path, sizeof(path), "/api/v1/users/%s",
                   sk_json_str(json_object_array_get_idx(items, 0), "id").p);
    (void)json_object_put(doc);
    answer_done(&a);
    expect(f, "DELETE", path, NULL, "cookie", 409, "last admin");
    expect(f, "PATCH", path, "{\"role\":\"viewer\"}", "cookie", 409, "last admin");
    expect(f, "PATCH", path, "{\"disabled\":true}", "cookie", 409, "last admin");
}

static void put_container(struct face *f, const char *id, const char *name, uint32_t st)
{
    const struct sk_container c = {.id = sk_str_c(id),
                                   .host_id = SK_STR("h"),
                                   .name = sk_str_c(name),
                                   .image = SK_STR("nginx:1"),
                                   .state = st,
                                   .created = 1000};
    const struct sk_put put = {&sk_kind_container, &c, false};

    assert_int_equal(sk_store_put(f->store, &put, 1, (struct sk_str){0}, 0, NULL), 0);
}

static void lists_filter_page_and_say_what_is_wrong_with_a_filter(void **state)
{
    struct face *f = *state;
    struct json_object *doc = NULL;
    struct answer a;
    char path[512];

    sign_in(f);
    put_container(f, "c1", "web", SK_CS_RUNNING);
    put_container(f, "c2", "db", SK_CS_EXITED);
    put_container(f, "c3", "=cmd()", SK_CS_RUNNING);
    expect(f, "GET", "/api/v1/containers?filter=state%20%3D%20exited", NULL, "cookie", 200,
           "\"total\":1");
    expect(f, "GET", "/api/v1/containers?filter=state%20%3D%20exited", NULL, "cookie", 200,
           "\"name\":\"db\"");
    expect(f, "GET", "/api/v1/containers?filter=nmae%20%3D%20x", NULL, "cookie", 400, "bad_filter");
    expect(f, "GET", "/api/v1/containers?limit=0", NULL, "cookie", 400, "from 1 to 1000");
    expect(f, "GET", "/api/v1/containers/c1", NULL, "cookie", 200, "\"name\":\"web\"");
    expect(f, "GET", "/api/v1/containers/none", NULL, "cookie", 404, "no container");
    a = ask(f, "GET", "/api/v1/containers?limit=2&sort=id", NULL, "cookie");
    assert_int_equal(sk_json_parse(sk_buf_view(&a.body), &doc, NULL), 0);
    assert_true(sk_json_str(doc, "next").n > 0);
    (void)snprintf(path, sizeof(path), "/api/v1/containers?limit=2&sort=id&cursor=%s",
                   sk_json_str(doc, "next").p);
    (void)json_object_put(doc);
    answer_done(&a);
    expect(f, "GET", path, NULL, "cookie", 200, "\"id\":\"c3\"");
    expect(f, "GET", "/api/v1/containers.csv?columns=id,name", NULL, "cookie", 200,
           "\"c3\",\"'=cmd()\"");
    expect(f, "GET", "/api/v1/overview", NULL, "cookie", 200, "\"containers_running\":2");
}

static void closing_an_alert_is_kept_and_audited(void **state)
{
    struct face *f = *state;
    const struct sk_alert al = {.id = SK_STR("A1"),
                                .rule = SK_STR("r"),
                                .time = sk_now_wall_ns(),
                                .count = 1,
                                .priority = SK_PRIO_WARNING};
    const struct sk_put put = {&sk_kind_alert, &al, false};

    sign_in(f);
    assert_int_equal(sk_store_put(f->store, &put, 1, (struct sk_str){0}, 0, NULL), 0);
    expect(f, "PATCH", "/api/v1/alerts/A1", "{\"state\":\"gone\"}", "cookie", 422, "open");
    expect(f, "PATCH", "/api/v1/alerts/A1", "not json", "cookie", 400, "bad_json");
    expect(f, "PATCH", "/api/v1/alerts/A1", "{\"state\":\"closed\"}", "cookie", 200,
           "\"state\":\"closed\"");
    expect(f, "GET", "/api/v1/alerts/A1", NULL, "cookie", 200, "\"state\":\"closed\"");
    expect(f, "GET", "/api/v1/audit?filter=action%20%3D%20alert.close", NULL, "cookie", 200,
           "\"target\":\"A1\"");
}

static void alerts_are_counted_by_the_technique_they_name(void **state)
{
    struct face *f = *state;
    struct sk_str both[] = {SK_STR("T1611"), SK_STR("T1059.004")};
    const int64_t now = sk_now_wall_ns(), day = 86400 * SK_NS_PER_S;
    const struct sk_alert v[] = {
        {.id = SK_STR("A1"), .time = now, .count = 1, .techniques = {both, 2}},
        {.id = SK_STR("A2"),
         .time = now,
         .count = 9,
         .techniques = {both, 1},
         .state = SK_AS_CLOSED},
        {.id = SK_STR("A3"), .time = now - 31 * day, .count = 1, .techniques = {both, 2}},
        {.id = SK_STR("A4"), .time = now, .count = 1},
    };
    const struct sk_put puts[] = {{&sk_kind_alert, &v[0], false},
                                  {&sk_kind_alert, &v[1], false},
                                  {&sk_kind_alert, &v[2], false},
                                  {&sk_kind_alert, &v[3], false}};

    expect(f, "GET", "/api/v1/attack", NULL, NULL, 401, NULL);
    sign_in(f);
    expect(f, "GET", "/api/v1/attack", NULL, "cookie", 200, "\"more\":false,\"items\":[]");
    assert_int_equal(sk_store_put(f->store, puts, SK_ARRAY_LEN(puts), (struct sk_str){0}, 0, NULL),
                     0);
    expect(f, "GET", "/api/v1/attack", NULL, "cookie", 200,
           "{\"technique\":\"T1611\",\"open\":1,\"alerts\":2}");
    expect(f, "GET", "/api/v1/attack", NULL, "cookie", 200,
           "{\"technique\":\"T1059.004\",\"open\":1,\"alerts\":1}");
}

/* ---- live
 * ------------------------------------------------------------------------------------------------
 */

struct listener {
    struct face *f;
    const char *last;
    struct sk_buf got;
    pthread_mutex_t lock;
    const char *until; /* ends when this was received */
};

static size_t hear(char *p, size_t size, size_t n, void *arg)
{
    struct listener *l = arg;
    bool done;

    (void)pthread_mutex_lock(&l->lock);
    (void)sk_buf_add(&l->got, p, size * n);
    done = l->got.p && strstr(l->got.p, l->until);
    (void)pthread_mutex_unlock(&l->lock);
    return done ? 0 : size * n;
}

static void *listen_main(void *arg)
{
    struct listener *l = arg;
    struct curl_slist *headers = NULL;
    char url[256], line[128];
    CURL *c = curl_easy_init();

    (void)snprintf(url, sizeof(url), "%s/api/v1/live?kinds=containers", l->f->url);
    (void)curl_easy_setopt(c, CURLOPT_URL, url);
    (void)curl_easy_setopt(c, CURLOPT_COOKIE, l->f->cookie);
    (void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, hear);
    (void)curl_easy_setopt(c, CURLOPT_WRITEDATA, l);
    (void)curl_easy_setopt(c, CURLOPT_TIMEOUT, 20L);
    if (l->last) {
        (void)snprintf(line, sizeof(line), "Last-Event-ID: %s", l->last);
        headers = curl_slist_append(headers, line);
        (void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    }
    (void)curl_easy_perform(c);
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    return NULL;
}

static void publish(struct face *f, const char *id)
{
    const struct sk_container c = {.id = sk_str_c(id), .name = SK_STR("n")};

    sk_live_publish(f->live, &sk_kind_container, &c, false);
}

static void what_is_stored_comes_live_and_what_was_missed_comes_on_return(void **state)
{
    struct face *f = *state;
    struct listener l = {.f = f, .until = "live-1"},
                    back = {.f = f, .last = "1", .until = "live-3"},
                    old = {.f = f, .last = "999", .until = "reset"};
    pthread_t t;
    int i;

    sign_in(f);
    sk_buf_init(&l.got, 1 << 20);
    sk_buf_init(&back.got, 1 << 20);
    sk_buf_init(&old.got, 1 << 20);
    (void)pthread_mutex_init(&l.lock, NULL);
    (void)pthread_mutex_init(&back.lock, NULL);
    (void)pthread_mutex_init(&old.lock, NULL);
    assert_int_equal(pthread_create(&t, NULL, listen_main, &l), 0);
    for (i = 0; i < 500; i++) { /* until the stream is up: it says so first */
        bool is_up;

        (void)pthread_mutex_lock(&l.lock);
        is_up = l.got.n > 0;
        (void)pthread_mutex_unlock(&l.lock);
        if (is_up)
            break;
        (void)usleep(10000);
    }
    publish(f, "live-1");
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_non_null(strstr(l.got.p, "event: container\nid: 1\ndata: {\"id\":\"live-1\""));
    publish(f, "live-2");
    publish(f, "live-3");
    (void)listen_main(&back);
    assert_non_null(strstr(back.got.p, "live-2"));
    assert_null(strstr(back.got.p, "live-1"));
    (void)listen_main(&old);
    assert_non_null(strstr(old.got.p, "event: reset"));
    sk_buf_done(&l.got);
    sk_buf_done(&back.got);
    sk_buf_done(&old.got);
}

/* ---- the rest
 * ---------------------------------------------------------------------------------------------- */

static void pages_come_with_a_policy_and_unknown_addresses_are_told(void **state)
{
    struct face *f = *state;
    struct answer a = ask(f, "GET", "/alerts/ABC", NULL, NULL);

    assert_int_equal(a.status, 200); /* the app's own route */
    assert_non_null(strstr(a.head.p, "Content-Security-Policy: default-src 'none'"));
    answer_done(&a);
    a = ask(f, "GET", "/assets/app-1.js", NULL, NULL);
    assert_non_null(strstr(a.head.p, "immutable"));
    answer_done(&a);
    expect(f, "GET", "/../../etc/passwd.txt", NULL, NULL, 404, "nothing at this address");
    expect(f, "GET", "/api/v1/nothing", NULL, NULL, 404, "not_found");
    expect(f, "GET", "/api/v2/hosts", NULL, NULL, 404, "/api/v1/");
    expect(f, "PUT", "/api/v1/session", "{}", NULL, 405, "bad_method");
    expect(f, "GET", "/healthz", NULL, NULL, 200, "true");
    expect(f, "GET", "/api/v1/hosts", NULL, NULL, 401, NULL);
    expect(f, "GET", "/api/v1/version", NULL, NULL, 200, SK_VERSION);
}

static void the_openapi_document_has_every_kind_and_valid_references(void **state)
{
    static const char *const paths[] = {"/hosts",      "/containers",         "/alerts/{id}",
                                        "/session",    "/overview",           "/tokens",
                                        "/users/{id}", "/exceptions/preview", "/actions/{id}/undo"};
    struct json_object *doc = NULL, *p, *item;
    struct sk_buf out;
    const char *at;
    size_t i;

    (void)state;
    sk_buf_init(&out, (size_t)16 << 20);
    assert_int_equal(sk_serve_openapi(&out), 0);
    assert_int_equal(sk_json_parse(sk_buf_view(&out), &doc, NULL), 0);
    assert_true(json_object_object_get_ex(doc, "paths", &p));
    for (i = 0; i < SK_ARRAY_LEN(paths); i++)
        assert_true(json_object_object_get_ex(p, paths[i], &item));
    p = sk_json_at(doc, "components.schemas");
    for (at = out.p; (at = strstr(at, "#/components/schemas/"));) {
        char name[64];

        at += strlen("#/components/schemas/");
        (void)sk_str_copy(name, sizeof(name), sk_str_n(at, strcspn(at, "\"")));
        if (!json_object_object_get_ex(p, name, &item))
            fail_msg("no schema %s", name);
    }
    (void)json_object_put(doc);
    sk_buf_done(&out);
}

#define WITH_FACE(fn) cmocka_unit_test_setup_teardown(fn, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FACE(the_one_time_sign_in_works_once_and_then_the_password_does),
        WITH_FACE(one_changes_ones_own_password_and_ones_other_sessions_end),
        WITH_FACE(a_password_that_an_admin_sets_ends_the_users_sessions),
        WITH_FACE(a_token_cannot_change_a_password),
        WITH_FACE(a_sixth_failed_sign_in_within_a_minute_has_to_wait),
        WITH_FACE(a_change_by_cookie_needs_the_sessions_csrf_token),
        WITH_FACE(a_viewers_token_reads_and_changes_nothing),
        WITH_FACE(the_last_admin_can_neither_go_nor_step_down),
        WITH_FACE(lists_filter_page_and_say_what_is_wrong_with_a_filter),
        WITH_FACE(closing_an_alert_is_kept_and_audited),
        WITH_FACE(alerts_are_counted_by_the_technique_they_name),
        WITH_FACE(what_is_stored_comes_live_and_what_was_missed_comes_on_return),
        WITH_FACE(pages_come_with_a_policy_and_unknown_addresses_are_told),
        cmocka_unit_test(the_openapi_document_has_every_kind_and_valid_references),
    };

    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
