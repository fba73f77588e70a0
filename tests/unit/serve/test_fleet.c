/* SPDX-License-Identifier: Apache-2.0 */
/* Join tokens and revocation: the register as the link server asks it, and the API of the admin. */
#include "serve_test.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int cuts;

static void on_cut(void *arg)
{
    (void)arg;
    cuts++;
}

static void door(struct face *f, const char *address)
{
    const struct sk_fleet_door d = {
        .address = address, .ca_hash = HASH, .local = "this-host", .cut = on_cut};

    cuts = 0;
    sk_fleet_open(f->fleet, &d);
}

/* A token good for so many agents, valid so many seconds; its secret. */
static struct sk_join_token token(struct face *f, struct sk_arena *a, uint32_t uses, int64_t s,
                                  char secret[44])
{
    struct sk_join_token t = {.name = SK_STR("test"),
                              .max_uses = uses,
                              .expires = sk_now_wall_ns() + s * SK_NS_PER_S,
                              .created_by = SK_STR("admin")};

    assert_int_equal(sk_fleet_token_add(f->fleet, &t, a, secret, NULL), 0);
    return t;
}

static void assert_join(struct face *f, const struct sk_join_token *t, const char *secret,
                        const char *agent, const char *why)
{
    struct sk_err err = {0};
    int r = sk_fleet_join(f->fleet, t->id, sk_str_c(secret), sk_str_c(agent), &err);

    if (!why && r < 0)
        fail_msg("not joined: %s", err.msg);
    if (why && (r != -EACCES || !strstr(err.msg, why) || (!*why && err.msg[0])))
        fail_msg("%d, expected \"%s\" in: %s", r, why, err.msg);
}

static struct sk_certificate cert(const char *serial, const char *agent)
{
    int64_t now = sk_now_wall_ns();

    return (struct sk_certificate){.id = sk_str_c(serial),
                                   .agent_id = sk_str_c(agent),
                                   .fingerprint = SK_STR("aa"),
                                   .issued = now,
                                   .expires = now + 1000 * SK_NS_PER_S};
}

static void issue(struct face *f, const char *serial, const char *agent, const char *by)
{
    struct sk_certificate c = cert(serial, agent);
    struct sk_err err = {0};

    c.token_id = sk_str_c(by);
    if (sk_fleet_issued(f->fleet, &c, &err) < 0)
        fail_msg("%s", err.msg);
}

static void assert_allowed(struct face *f, const char *serial, const char *agent, const char *why)
{
    const struct sk_certificate c = cert(serial, agent);
    struct sk_err err = {0};
    int r = sk_fleet_allowed(f->fleet, &c, &err);

    if (r != (why ? -EKEYREVOKED : 0) || (why && !strstr(err.msg, why)))
        fail_msg("%s: %d, expected \"%s\" in: %s", serial, r, why ? why : "", err.msg);
}

static void agent_put(struct face *f, const char *id)
{
    const struct sk_agent g = {
        .id = sk_str_c(id), .hostname = SK_STR("web-1"), .connected = true, .started = 5};
    const struct sk_put p = {&sk_kind_agent, &g, false};

    assert_int_equal(sk_store_put(f->store, &p, 1, (struct sk_str){0}, 0, NULL), 0);
}

static void a_token_for_one_agent_refuses_the_second_and_one_for_two_the_third(void **state)
{
    struct face *f = *state;
    struct sk_arena *a = sk_arena_new(1 << 20);
    struct sk_join_token one, two, row = {0};
    char s1[44], s2[44];

    door(f, "127.0.0.1:8444");
    one = token(f, a, 1, 60, s1);
    two = token(f, a, 2, 60, s2);
    assert_join(f, &one, s1, "this-host", "this id is that of the console's own host");
    assert_join(f, &one, s2, "h1", ""); /* who does not know the secret learns nothing */
    assert_join(f, &one, s1, "h1", NULL);
    assert_join(f, &one, s1, "h2", "the join token is spent: it was good for 1 agent");
    assert_join(f, &two, s2, "h1", NULL);
    assert_join(f, &two, s2, "h2", NULL);
    assert_join(f, &two, s2, "h3", "it was good for 2 agents");
    assert_join(f, &two, s1, "h3", "");
    assert_int_equal(sk_store_get(f->store, &sk_kind_join_token, two.id, a, &row, NULL), 0);
    assert_int_equal(row.uses, 2);
    assert_string_equal(row.last_agent.p, "h2");
    assert_true(row.last_used > 0);
    one.id = SK_STR("join-0");
    assert_join(f, &one, s1, "h1", "");
    (void)sk_arena_free(a);
}

static void a_token_is_good_for_any_number_until_it_ends_or_is_revoked(void **state)
{
    struct face *f = *state;
    struct sk_arena *a = sk_arena_new(1 << 20);
    struct sk_join_token many, old, row = {0};
    char s1[44], s2[44], agent[8];
    int64_t when;
    size_t i;

    many = token(f, a, 0, 60, s1);
    for (i = 0; i < 50; i++) {
        (void)snprintf(agent, sizeof(agent), "h%zu", i);
        assert_join(f, &many, s1, agent, NULL);
    }
    assert_int_equal(sk_fleet_token_revoke(f->fleet, many.id, SK_STR("eve"), a, &row, NULL), 0);
    when = row.revoked;
    assert_join(f, &many, s1, "h1", "the join token was revoked at 20");
    assert_int_equal(sk_fleet_token_revoke(f->fleet, many.id, SK_STR("bob"), a, &row, NULL), 0);
    assert_string_equal(row.revoked_by.p, "eve"); /* the first counts */
    assert_int_equal(row.revoked, when);
    assert_int_equal(sk_fleet_token_revoke(f->fleet, SK_STR("no"), SK_STR("bob"), a, &row, NULL),
                     1);
    old = token(f, a, 1, -1, s2);
    assert_join(f, &old, s2, "h1", "the join token expired at 20");
    (void)sk_arena_free(a);
}

static void a_revoked_agent_is_refused_marked_and_in_an_alert(void **state)
{
    struct face *f = *state;
    struct sk_arena *a = sk_arena_new(4 << 20);
    struct sk_query q = {.kind = &sk_kind_alert};
    const struct sk_alert *al;
    struct sk_agent g = {0};
    struct sk_page page;

    door(f, "127.0.0.1:8444");
    agent_put(f, "h1");
    issue(f, "c1", "h1", "join-1");
    issue(f, "c2", "h1", ""); /* a renewal: both count */
    issue(f, "d1", "h2", "join-1");
    assert_allowed(f, "c1", "h1", NULL);
    assert_allowed(f, "c2", "h1", NULL);
    assert_int_equal(sk_fleet_revoke(f->fleet, SK_STR("h1"), SK_STR("eve"), a, &g, NULL), 0);
    assert_int_equal(cuts, 1);
    assert_string_equal(g.revoked_by.p, "eve");
    assert_false(g.connected);
    assert_allowed(f, "c1", "h1", "eve revoked this agent at 20");
    assert_allowed(f, "c2", "h1", "skep agent --join with a new token brings it back");
    assert_allowed(f, "d1", "h2", NULL);
    agent_put(f, "h1"); /* its last words came after that */
    assert_allowed(f, "c2", "h1", "eve");
    assert_int_equal(sk_store_get(f->store, &sk_kind_agent, SK_STR("h1"), a, &g, NULL), 0);
    assert_true(g.revoked > 0 && !g.connected);
    assert_string_equal(g.revoked_by.p, "eve");
    assert_int_equal(sk_store_query(f->store, &q, a, &page, NULL), 0);
    assert_int_equal(page.rows.n, 2); /* one a certificate, told once a minute */
    al = page.rows.v;
    assert_string_equal(al->rule.p, "Revoked agent refused");
    assert_string_equal(al->host_id.p, "h1");
    assert_string_equal(al->hostname.p, "web-1");
    assert_int_equal(al->count, 1);
    assert_non_null(
        strstr(al->output.p, "Agent h1 came with a certificate that eve revoked at 20"));
    (void)sk_arena_free(a);
}

static void a_revoked_agent_comes_back_with_a_token_made_after_that_only(void **state)
{
    struct face *f = *state;
    struct sk_arena *a = sk_arena_new(4 << 20);
    struct sk_join_token old, new;
    struct sk_agent g = {0};
    char s1[44], s2[44];

    door(f, "127.0.0.1:8444");
    old = token(f, a, 0, 60, s1);
    agent_put(f, "h1");
    assert_join(f, &old, s1, "h1", NULL);
    issue(f, "c1", "h1", old.id.p);
    assert_int_equal(sk_fleet_revoke(f->fleet, SK_STR("h1"), SK_STR("eve"), a, &g, NULL), 0);
    assert_join(f, &old, s1, "h1", "it needs a join token made after that");
    assert_join(f, &old, s1, "h2", NULL); /* others do not notice */
    new = token(f, a, 1, 60, s2);
    assert_join(f, &new, s2, "h1", NULL);
    issue(f, "c2", "h1", new.id.p);
    assert_allowed(f, "c2", "h1", NULL);
    assert_allowed(f, "c1", "h1", "eve");
    g = (struct sk_agent){.id = SK_STR("h1"), .revoked = 7, .certificate_expires = 7};
    sk_fleet_agent(f->fleet, &g, a);
    assert_int_equal(g.revoked, 0);
    assert_true(g.certificate_expires > sk_now_wall_ns());
    (void)sk_arena_free(a);
}

static void a_renewal_that_comes_as_the_agent_is_revoked_is_not_given(void **state)
{
    const struct sk_certificate c = cert("c2", "h1");
    struct face *f = *state;
    struct sk_arena *a = sk_arena_new(4 << 20);
    struct sk_agent g = {0};
    struct sk_err err = {0};

    door(f, "127.0.0.1:8444");
    issue(f, "c1", "h1", "join-1");
    assert_int_equal(sk_fleet_revoke(f->fleet, SK_STR("h1"), SK_STR("eve"), a, &g, NULL), 0);
    assert_int_equal(sk_fleet_issued(f->fleet, &c, &err), -EKEYREVOKED);
    assert_string_equal(err.msg, "this agent was revoked");
    (void)sk_arena_free(a);
}

static void certificates_of_before_there_were_rows_can_be_revoked_too(void **state)
{
    struct face *f = *state;
    struct sk_arena *a = sk_arena_new(4 << 20);
    struct sk_certificate row = {0}, before = cert("c9", "h9");
    struct sk_agent g = {0};

    door(f, "127.0.0.1:8444");
    assert_allowed(f, "c1", "h1", NULL); /* it gets its row now */
    assert_int_equal(sk_store_get(f->store, &sk_kind_certificate, SK_STR("c1"), a, &row, NULL), 0);
    assert_string_equal(row.agent_id.p, "h1");
    assert_int_equal(sk_fleet_revoke(f->fleet, SK_STR("h1"), SK_STR("eve"), a, &g, NULL), 0);
    assert_allowed(f, "c1", "h1", "eve");
    agent_put(f, "h9"); /* known, but it never came with its certificate */
    assert_int_equal(sk_fleet_revoke(f->fleet, SK_STR("h9"), SK_STR("eve"), a, &g, NULL), 0);
    before.issued -= 1000;
    assert_int_equal(sk_fleet_allowed(f->fleet, &before, NULL), -EKEYREVOKED);
    (void)sk_arena_free(a);
}

static void the_admin_makes_lists_and_revokes_join_tokens(void **state)
{
    struct face *f = *state;
    struct json_object *doc = NULL;
    struct sk_str text;
    struct answer a;
    char path[128], id[64];

    sign_in(f);
    expect(f, "POST", "/api/v1/join-tokens", "{}", "cookie", 409, "start it with --agents");
    door(f, "0.0.0.0:8444");
    expect(f, "POST", "/api/v1/join-tokens", "{}", NULL, 401, NULL);
    expect(f, "POST", "/api/v1/join-tokens", "{\"max_uses\":-1}", "cookie", 422,
           "\\\"max_uses\\\"");
    expect(f, "POST", "/api/v1/join-tokens", "{\"max_uses\":\"2\"}", "cookie", 422, "bad_uses");
    expect(f, "POST", "/api/v1/join-tokens", "{\"expires\":\"2020-01-01T00:00:00Z\"}", "cookie",
           422, "within the next 365 days");
    expect(f, "POST", "/api/v1/join-tokens", "{\"name\":\"a\\u0001\"}", "cookie", 422, "bad_name");
    a = ask(f, "POST", "/api/v1/join-tokens", "{\"name\":\"all nodes\",\"max_uses\":3}", "cookie");
    assert_int_equal(a.status, 201);
    assert_int_equal(sk_json_parse(sk_buf_view(&a.body), &doc, NULL), 0);
    assert_int_equal(sk_json_i64(doc, "max_uses"), 3);
    text = sk_json_str(doc, "command");
    assert_true(sk_str_starts(text, SK_STR("skep agent --console 127.0.0.1:8444 --join join-")));
    assert_true(sk_str_ends(text, sk_json_str(doc, "token")));
    assert_true(sk_str_ends(text, SK_STR("." HASH)));
    assert_null(strstr(a.body.p, "\"hash\""));
    (void)sk_str_copy(id, sizeof(id), sk_json_str(doc, "id"));
    (void)json_object_put(doc);
    answer_done(&a);
    expect(f, "GET", "/api/v1/join-tokens", NULL, "cookie", 200, "\"name\":\"all nodes\"");
    expect(f, "GET", "/api/v1/join_tokens?filter=max_uses%20%3D%203", NULL, "cookie", 200, id);
    a = ask(f, "GET", "/api/v1/join-tokens", NULL, "cookie");
    assert_null(strstr(a.body.p, "hash"));
    answer_done(&a);
    (void)snprintf(path, sizeof(path), "/api/v1/join-tokens/%s", id);
    expect(f, "GET", path, NULL, "cookie", 200, "\"created_by\":\"admin\"");
    expect(f, "DELETE", path, NULL, "cookie-without-csrf", 403, "csrf");
    expect(f, "DELETE", path, NULL, "cookie", 200, "\"revoked_by\":\"admin\"");
    expect(f, "DELETE", "/api/v1/join-tokens/x", NULL, "cookie", 404, "no join token");
    expect(f, "GET", "/api/v1/audit", NULL, "cookie", 200, "join_token.revoke");
    expect(f, "GET", "/api/v1/audit", NULL, "cookie", 200, "join_token.add");
}

static void the_admin_revokes_agents_by_the_api(void **state)
{
    struct face *f = *state;

    sign_in(f);
    door(f, "console.example:8444");
    expect(f, "POST", "/api/v1/join-tokens", "{}", "cookie", 201,
           "skep agent --console console.example:8444 --join ");
    agent_put(f, "h1");
    agent_put(f, "this-host");
    issue(f, "c1", "h1", "join-1");
    expect(f, "POST", "/api/v1/agents/h1/revoke", NULL, NULL, 401, NULL);
    expect(f, "POST", "/api/v1/agents/h1/cut", NULL, "cookie", 405, "bad_method");
    expect(f, "POST", "/api/v1/agents/no/revoke", NULL, "cookie", 404, "no agent with this id");
    expect(f, "POST", "/api/v1/agents/no%22/revoke", NULL, "cookie", 404, NULL);
    expect(f, "POST", "/api/v1/agents/this-host/revoke", NULL, "cookie", 409,
           "runs inside the console");
    assert_int_equal(cuts, 0);
    expect(f, "POST", "/api/v1/agents/h1/revoke", NULL, "cookie", 200, "\"revoked_by\":\"admin\"");
    assert_int_equal(cuts, 1);
    expect(f, "GET", "/api/v1/agents?filter=revoked%20exists", NULL, "cookie", 200, "\"total\":1");
    expect(f, "GET", "/api/v1/certificates", NULL, "cookie", 200, "\"fingerprint\":\"aa\"");
    expect(f, "GET", "/api/v1/audit", NULL, "cookie", 200, "agent.revoke");
}

static void who_is_no_admin_sees_no_join_tokens_and_revokes_nobody(void **state)
{
    static const char user[] =
        "{\"name\":\"op\",\"role\":\"operator\",\"password\":\"operate it all\"}";
    struct face *f = *state;
    struct answer a;

    sign_in(f);
    door(f, "127.0.0.1:8444");
    agent_put(f, "h1");
    expect(f, "POST", "/api/v1/users", user, "cookie", 201, NULL);
    a = ask(f, "POST", "/api/v1/session", "{\"user\":\"op\",\"password\":\"operate it all\"}",
            NULL);
    assert_int_equal(a.status, 200);
    keep_session(f, &a);
    answer_done(&a);
    expect(f, "GET", "/api/v1/join-tokens", NULL, "cookie", 403, "needs the role admin");
    expect(f, "GET", "/api/v1/certificates", NULL, "cookie", 403, "needs the role admin");
    expect(f, "POST", "/api/v1/join-tokens", "{}", "cookie", 403, "needs the role admin");
    expect(f, "POST", "/api/v1/agents/h1/revoke", NULL, "cookie", 403, "needs the role admin");
    expect(f, "GET", "/api/v1/agents", NULL, "cookie", 200, "\"total\":1");
}

#define WITH_FACE(fn) cmocka_unit_test_setup_teardown(fn, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FACE(a_token_for_one_agent_refuses_the_second_and_one_for_two_the_third),
        WITH_FACE(a_token_is_good_for_any_number_until_it_ends_or_is_revoked),
        WITH_FACE(a_revoked_agent_is_refused_marked_and_in_an_alert),
        WITH_FACE(a_revoked_agent_comes_back_with_a_token_made_after_that_only),
        WITH_FACE(a_renewal_that_comes_as_the_agent_is_revoked_is_not_given),
        WITH_FACE(certificates_of_before_there_were_rows_can_be_revoked_too),
        WITH_FACE(the_admin_makes_lists_and_revokes_join_tokens),
        WITH_FACE(the_admin_revokes_agents_by_the_api),
        WITH_FACE(who_is_no_admin_sees_no_join_tokens_and_revokes_nobody),
    };

    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
