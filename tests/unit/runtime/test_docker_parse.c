/* SPDX-License-Identifier: Apache-2.0 */
/* data/: answers of a Docker 20.10 engine, shortened. */
#include <fcntl.h>

#include "base/arena.h"
#include "base/file.h"
#include "runtime/runtime_int.h"
#include "tests/sk_test.h"

struct doc { /* one file of data/ and what was read from it */
    char *text;
    size_t n;
    struct sk_arena *a;
};

static struct sk_str doc_open(struct doc *d, const char *name)
{
    struct sk_err err = {0};
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/unit/runtime/data/%s", getenv("SK_TESTS"), name);
    if (sk_file_read(AT_FDCWD, path, (size_t)1 << 20, &d->text, &d->n, &err) < 0)
        fail_msg("%s", err.msg);
    d->a = sk_arena_new(SK_RT_OBJECT_MAX);
    assert_non_null(d->a);
    return sk_str_n(d->text, d->n);
}

static void doc_close(struct doc *d)
{
    (void)sk_arena_free(d->a);
    free(d->text);
}

#define assert_str(s, lit) assert_true(sk_str_eq((s), SK_STR(lit)))

static struct sk_container container(struct doc *d, const char *name)
{
    struct sk_str json = doc_open(d, name);
    struct sk_container c = {0};
    struct sk_err err = {0};

    if (sk_docker_container_parse(json, d->a, &c, &err) < 0)
        fail_msg("%s", err.msg);
    return c;
}

static void reads_a_running_container(void **state)
{
    struct doc d;
    struct sk_container c = container(&d, "web.json");

    (void)state;
    assert_int_equal(c.id.n, 64);
    assert_str(c.name, "web");
    assert_str(c.image, "lab/base:1");
    assert_str(c.image_repository, "lab/base");
    assert_str(c.image_tag, "1");
    assert_null(c.image_digest.p);
    assert_true(sk_str_starts(c.image_id, SK_STR("sha256:")));
    assert_str(c.command, "sleep 1000");
    assert_int_equal(c.runtime, SK_RT_DOCKER);
    assert_int_equal(c.state, SK_CS_RUNNING);
    assert_true(c.pid > 0 && c.created > 0 && c.started > c.created);
    assert_int_equal(c.finished, 0);
    assert_str(c.ip, "172.17.0.2");
    assert_str(c.network, "bridge");
    assert_str(c.user, "app");
    assert_false(c.privileged || c.host_network || c.host_pid);
    doc_close(&d);
}

static void reads_pod_names_and_labels_with_quotes(void **state)
{
    struct doc d;
    struct sk_container c = container(&d, "web.json");
    const struct sk_label *v = c.labels.v;
    size_t i;

    (void)state;
    assert_str(c.k8s_pod, "web-0");
    assert_str(c.k8s_namespace, "shop");
    assert_str(c.k8s_uid, "0f0e");
    assert_int_equal(c.labels.n, 5);
    for (i = 0; i < c.labels.n && !sk_str_eq(v[i].key, SK_STR("maintainer")); i++)
        ;
    assert_true(i < c.labels.n);
    assert_str(v[i].value, "Jane \"J\" Doe");
    doc_close(&d);
}

static void reads_published_and_exposed_ports_and_mounts(void **state)
{
    struct doc d;
    struct sk_container c = container(&d, "web.json");
    const struct sk_port *p = c.ports.v;
    const struct sk_mount *m = c.mounts.v;

    (void)state;
    assert_int_equal(c.ports.n, 3);
    assert_int_equal(p[0].container_port, 53);
    assert_int_equal(p[0].host_port, 9053);
    assert_str(p[0].protocol, "udp");
    assert_str(p[0].host_ip, "127.0.0.1");
    assert_int_equal(p[1].container_port, 80);
    assert_int_equal(p[1].host_port, 8080);
    assert_int_equal(p[2].container_port, 9100);
    assert_int_equal(p[2].host_port, 0);
    assert_int_equal(c.mounts.n, 2);
    if (!sk_str_eq(m[0].dest, SK_STR("/site")))
        m++;
    assert_str(m[0].source, "/srv/site");
    assert_str(m[0].type, "bind");
    assert_false(m[0].rw);
    doc_close(&d);
}

static void tells_what_is_privileged_and_leaves_an_image_named_by_id_open(void **state)
{
    struct doc d;
    struct sk_container c = container(&d, "privileged.json");

    (void)state;
    assert_true(c.privileged && c.host_network && c.host_pid);
    assert_int_equal(c.state, SK_CS_CREATED);
    assert_int_equal(c.started, 0);
    assert_int_equal(c.pid, 0);
    assert_int_equal(c.image.n, 12);
    assert_null(c.image_repository.p);
    assert_null(c.image_tag.p);
    doc_close(&d);
}

static void tells_how_a_container_ended(void **state)
{
    struct doc d;
    struct sk_container c = container(&d, "exited.json");

    (void)state;
    assert_int_equal(c.state, SK_CS_EXITED);
    assert_int_equal(c.exit_code, 3);
    assert_true(c.finished > c.started);
    assert_str(c.command, "sh -c 'echo \"a b\"; exit 3'");
    doc_close(&d);
    c = container(&d, "paused.json");
    assert_int_equal(c.state, SK_CS_PAUSED);
    assert_str(c.network, "shop");
    assert_true(sk_str_starts(c.ip, SK_STR("172.")));
    doc_close(&d);
}

static void splits_image_names_as_docker_does(void **state)
{
    static const struct {
        const char *image, *repository, *tag, *digest;
    } cases[] = {
        {"nginx", "nginx", "latest", ""},
        {"nginx:1.25", "nginx", "1.25", ""},
        {"reg:5000/a/b", "reg:5000/a/b", "latest", ""},
        {"reg:5000/a/b:1.2", "reg:5000/a/b", "1.2", ""},
        {"reg:5000/b@sha256:abcd", "reg:5000/b", "", "sha256:abcd"},
        {"docker.io/library/nginx:1@sha256:abcd", "docker.io/library/nginx", "1", "sha256:abcd"},
        {"localhost:5000/x", "localhost:5000/x", "latest", ""},
        {"[::1]:5000/x:2", "[::1]:5000/x", "2", ""},
        {"sha256:0123456789ab", "", "", ""},
        {"", "", "", ""},
    };
    struct sk_str repository, tag, digest;
    size_t i;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(cases); i++) {
        sk_docker_image_split(sk_str_c(cases[i].image), &repository, &tag, &digest);
        if (!sk_str_eq(repository, sk_str_c(cases[i].repository)) ||
            !sk_str_eq(tag, sk_str_c(cases[i].tag)) ||
            !sk_str_eq(digest, sk_str_c(cases[i].digest)))
            fail_msg("%s: " SK_STR_FMT " | " SK_STR_FMT " | " SK_STR_FMT, cases[i].image,
                     SK_STR_ARG(repository), SK_STR_ARG(tag), SK_STR_ARG(digest));
    }
}

static void refuses_what_is_no_container(void **state)
{
    struct sk_arena *a = sk_arena_new(SK_RT_OBJECT_MAX);
    struct sk_container c = {.pid = 7};
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(sk_docker_container_parse(SK_STR("[]"), a, &c, &err), -EBADMSG);
    assert_string_equal(err.msg, "docker: container: not an object");
    assert_int_equal(sk_docker_container_parse(SK_STR("{}"), a, &c, &err), -EBADMSG);
    assert_string_equal(err.msg, "docker: container: no usable Id");
    assert_int_equal(
        sk_docker_container_parse(SK_STR("{\"Id\":\"../../etc/passwd\"}"), a, &c, &err), -EBADMSG);
    assert_int_equal(sk_docker_container_parse(SK_STR("{\"Id\":"), a, &c, &err), -EBADMSG);
    assert_true(sk_str_starts(sk_str_c(err.msg), SK_STR("docker: container: ")));
    assert_int_equal(c.pid, 7); /* outputs change only on success */
    (void)sk_arena_free(a);
}

static void takes_members_of_a_wrong_type_as_absent(void **state)
{
    struct sk_arena *a = sk_arena_new(SK_RT_OBJECT_MAX);
    struct sk_container c = {0};

    (void)state;
    assert_int_equal(
        sk_docker_container_parse(
            SK_STR(
                "{\"Id\":\"0123456789abcdef\",\"Name\":5,\"State\":\"running\",\"Args\":{},"
                "\"Mounts\":[1,null,[]],\"Config\":{\"Labels\":[1],\"Image\":[]},"
                "\"NetworkSettings\":{\"Ports\":{\"x\":[null],\"99999/tcp\":7},\"Networks\":[]}}"),
            a, &c, NULL),
        0);
    assert_null(c.name.p);
    assert_null(c.command.p);
    assert_int_equal(c.state, SK_CS_UNKNOWN);
    assert_int_equal(c.mounts.n, 3);
    assert_int_equal(c.labels.n, 0);
    assert_int_equal(c.ports.n, 2);
    assert_int_equal(((const struct sk_port *)c.ports.v)[1].container_port, 0);
    (void)sk_arena_free(a);
}

static void cuts_long_texts_between_characters(void **state)
{
    struct sk_arena *a = sk_arena_new(SK_RT_OBJECT_MAX);
    struct sk_container c = {0};
    struct sk_buf b;
    size_t i;

    (void)state;
    sk_buf_init(&b, (size_t)1 << 20);
    (void)sk_buf_c(&b, "{\"Id\":\"0123456789abcdef\",\"Name\":\"/x");
    for (i = 0; i < 3000; i++)
        (void)sk_buf_c(&b, "é");
    (void)sk_buf_c(&b, "\",\"Config\":{\"Labels\":{");
    for (i = 0; i < 1000; i++)
        (void)sk_buf_printf(&b, "%s\"k%zu\":\"v\"", i ? "," : "", i);
    (void)sk_buf_c(&b, "}}}");
    assert_int_equal(sk_docker_container_parse(sk_buf_view(&b), a, &c, NULL), 0);
    assert_int_equal(c.name.n, SK_RT_TEXT_MAX - 1); /* "x", then whole characters only */
    assert_int_equal(c.labels.n, SK_RT_LIST_MAX);
    sk_buf_done(&b);
    (void)sk_arena_free(a);
}

static int count(void *arg, const struct sk_rt_listed *l)
{
    size_t *n = arg;

    n[0]++;
    n[1] += l->running;
    assert_int_equal(l->id.n, 64);
    return 0;
}

static void lists_containers_and_which_of_them_run(void **state)
{
    struct doc d;
    struct sk_str json = doc_open(&d, "list.json");
    size_t n[2] = {0};
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(sk_docker_list_parse(json, count, n, NULL), 0);
    assert_int_equal(n[0], 4);
    assert_int_equal(n[1], 1);
    doc_close(&d);
    assert_int_equal(sk_docker_list_parse(SK_STR("[{\"Id\":\"zz\"}]"), count, n, &err), -EBADMSG);
    assert_string_equal(err.msg, "docker: list of containers: entry 0 has no usable Id");
    assert_int_equal(sk_docker_list_parse(SK_STR("{\"message\":\"no\"}"), count, n, &err),
                     -EBADMSG);
    assert_string_equal(err.msg, "docker: list of containers: not an array");
}

static void lists_images_with_all_their_tags(void **state)
{
    struct doc d;
    struct sk_str json = doc_open(&d, "images.json");
    struct sk_image *v;
    struct doc one;
    size_t n;

    (void)state;
    assert_int_equal(sk_docker_images_parse(json, d.a, &v, &n, NULL), 0);
    assert_int_equal(n, 2);
    assert_int_equal(v[1].tags.n, 2);
    assert_str(v[1].tags.v[1], "registry.lab:5000/shop/base:2.1");
    assert_int_equal(v[1].digests.n, 0);
    assert_true(v[1].created > 0 && v[1].size > 1000000);
    assert_int_equal(sk_docker_image_parse(doc_open(&one, "image.json"), d.a, &v[1], NULL), 0);
    assert_str(v[1].os, "linux");
    assert_true(v[1].arch.n > 0);
    doc_close(&one);
    doc_close(&d);
}

static void leaves_out_docker_s_marks_for_nameless_images(void **state)
{
    struct sk_arena *a = sk_arena_new(SK_RT_OBJECT_MAX);
    struct sk_image *v;
    size_t n;

    (void)state;
    assert_int_equal(
        sk_docker_images_parse(SK_STR("[{\"Id\":\"sha256:1\",\"RepoTags\":[\"<none>:<none>\"],"
                                      "\"RepoDigests\":[\"<none>@<none>\",\"a@sha256:2\"]},{}]"),
                               a, &v, &n, NULL),
        0);
    assert_int_equal(n, 1);
    assert_int_equal(v[0].tags.n, 0);
    assert_int_equal(v[0].digests.n, 1);
    (void)sk_arena_free(a);
}

static void chooses_an_api_version_that_both_speak(void **state)
{
    struct sk_docker_version v = {0};
    struct sk_err err = {0};
    struct doc d;

    (void)state;
    assert_int_equal(sk_docker_version_parse(doc_open(&d, "version.json"), &v, NULL), 0);
    assert_int_equal(v.api_minor, 41);
    assert_true(sk_str_starts(sk_str_c(v.version), SK_STR("20.10.")));
    doc_close(&d);
    assert_int_equal(sk_docker_version_parse(
                         SK_STR("{\"ApiVersion\":\"1.99\",\"MinAPIVersion\":\"1.44\"}"), &v, NULL),
                     0);
    assert_int_equal(v.api_minor, 51);
    assert_int_equal(sk_docker_version_parse(SK_STR("{\"ApiVersion\":\"1.12\"}"), &v, &err),
                     -EPROTO);
    assert_string_equal(err.msg, "docker: the engine speaks API 1.12, at least 1.24 is needed");
    assert_int_equal(sk_docker_version_parse(SK_STR("{\"ApiVersion\":\"x\"}"), &v, &err), -EBADMSG);
    assert_string_equal(err.msg, "docker: version: no usable ApiVersion");
}

static void reads_a_real_life_of_events(void **state)
{
    static const enum sk_rt_action wanted[] = {SK_RT_CREATE, SK_RT_CHANGE, SK_RT_START,
                                               SK_RT_DIE,    SK_RT_CHANGE, SK_RT_DESTROY,
                                               SK_RT_CHANGE, SK_RT_IMAGE};
    struct sk_str text, line;
    struct sk_rt_event e;
    size_t k = 0;
    struct doc d;

    (void)state;
    text = doc_open(&d, "events.jsonl");
    while (sk_str_line(&text, &line)) {
        int r = sk_docker_event_parse(line, d.a, &e, NULL);

        if (r == 1)
            continue; /* attach */
        assert_int_equal(r, 0);
        assert_true(k < SK_ARRAY_LEN(wanted));
        assert_int_equal(e.action, wanted[k]);
        assert_true(e.time > 0);
        if (e.action == SK_RT_DIE) {
            assert_true(e.has_exit);
            assert_int_equal(e.exit_code, 0);
            assert_str(e.name, "ev");
            assert_str(e.image, "lab/base:1");
            assert_int_equal(e.labels.n, 2); /* Docker's own attributes are not labels */
        }
        k++;
    }
    assert_int_equal(k, SK_ARRAY_LEN(wanted));
    doc_close(&d);
}

static void skips_events_of_no_interest_and_refuses_broken_ones(void **state)
{
    struct sk_arena *a = sk_arena_new(SK_RT_OBJECT_MAX);
    struct sk_rt_event e;
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(sk_docker_event_parse(SK_STR("{\"Type\":\"container\",\"Action\":"
                                                  "\"exec_create: sh\",\"Actor\":{}}"),
                                           a, &e, NULL),
                     1);
    assert_int_equal(
        sk_docker_event_parse(SK_STR("{\"Type\":\"volume\",\"Action\":\"create\"}"), a, &e, NULL),
        1);
    assert_int_equal(sk_docker_event_parse(SK_STR("{}"), a, &e, NULL), 1);
    assert_int_equal(
        sk_docker_event_parse(SK_STR("{\"Type\":\"container\",\"Action\":\"die\"}"), a, &e, &err),
        -EBADMSG);
    assert_string_equal(err.msg, "docker: event: no usable id");
    assert_int_equal(sk_docker_event_parse(SK_STR("<html>"), a, &e, &err), -EBADMSG);
    (void)sk_arena_free(a);
}

SK_TEST_MAIN(reads_a_running_container, reads_pod_names_and_labels_with_quotes,
             reads_published_and_exposed_ports_and_mounts,
             tells_what_is_privileged_and_leaves_an_image_named_by_id_open,
             tells_how_a_container_ended, splits_image_names_as_docker_does,
             refuses_what_is_no_container, takes_members_of_a_wrong_type_as_absent,
             cuts_long_texts_between_characters, lists_containers_and_which_of_them_run,
             lists_images_with_all_their_tags, leaves_out_docker_s_marks_for_nameless_images,
             chooses_an_api_version_that_both_speak, reads_a_real_life_of_events,
             skips_events_of_no_interest_and_refuses_broken_ones)
