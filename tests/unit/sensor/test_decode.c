/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/decode.h"
#include "tests/sk_test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

static struct sk_decode d;
static struct sk_evt evt;
static struct sk_fd fd;

#define EQ(str, lit) assert_true(sk_str_eq((str), SK_STR(lit)))

struct call { /* a record as the kernel side makes it */
    struct skw_call c;
    char text[1024];
};

static void text_put(struct call *r, uint16_t *len, const char *text, size_t n)
{
    size_t at = r->c.h.size - sizeof(r->c);

    memcpy(r->text + at, text, n);
    *len = (uint16_t)n;
    r->c.h.size += (uint32_t)n;
}
#define TEXT(r, member, lit) text_put((r), &(r)->c.member, lit, sizeof(lit)) /* with its NUL */

static struct call call_of(uint32_t type, int64_t ret)
{
    struct call r = {.c.h = {.kind = SKW_CALL, .type = (uint8_t)type, .ret = ret}};

    r.c.h.size = sizeof(r.c);
    return r;
}

static void decode(const struct call *r)
{
    assert_true(sk_decode_ok(r, r->c.h.size));
    sk_decode_event(&d, &r->c.h, SK_SIDE_GUESS, &evt, &fd);
}

static void an_open_file_has_its_path_turned_the_right_way(void **state)
{
    struct call r = call_of(SK_E_OPENAT, 3);

    (void)state;
    r.c.h.flags = SKW_F_FD;
    r.c.file.mode = S_IFREG | 0640;
    r.c.arg[2] = O_RDWR | O_CREAT;
    r.c.arg[3] = 0755;
    r.c.fmode = 0x100000;
    TEXT(&r, base_n[0], "shadow\0etc");
    decode(&r);
    EQ(fd.name, "/etc/shadow");
    EQ(fd.directory, "/etc");
    EQ(fd.filename, "shadow");
    EQ(evt.path, "/etc/shadow");
    assert_int_equal(fd.num, 3);
    assert_int_equal(fd.typechar, SK_FD_FILE);
    assert_true(evt.is_open_read && evt.is_open_write && evt.is_open_create && evt.is_open_exec);
    assert_false(evt.failed);
}

static void a_path_that_is_too_deep_says_that_it_is_cut(void **state)
{
    struct call r = call_of(SK_E_OPENAT, 3);
    char text[2 * SKW_DEPTH_MAX + 16], want[2 * SKW_DEPTH_MAX + 16] = "/...";
    size_t i, n = sizeof("shadow");

    (void)state;
    memcpy(text, "shadow", n);
    for (i = 1; i < SKW_DEPTH_MAX; i++, n += 2) {
        memcpy(text + n, "d", 2);
        memcpy(want + 2 + 2 * i, "/d", 3);
    }
    memcpy(want + 2 + 2 * i, "/shadow", sizeof("/shadow"));
    r.c.h.flags = SKW_F_FD;
    text_put(&r, &r.c.base_n[0], text, n);
    decode(&r);
    assert_true(sk_str_eq(fd.name, sk_str_c(want + 4))); /* deep, and whole */
    r.c.h.flags |= SKW_F_CUT;
    decode(&r);
    assert_true(sk_str_eq(fd.name, sk_str_c(want)));
    EQ(fd.filename, "shadow");

    r = call_of(SK_E_OPENAT, 3); /* it was another text that was cut */
    r.c.h.flags = SKW_F_FD | SKW_F_CUT;
    TEXT(&r, base_n[0], "shadow\0etc");
    decode(&r);
    EQ(fd.name, "/etc/shadow");
}

static void the_root_directory_is_a_slash(void **state)
{
    struct call r = call_of(SK_E_OPENAT, 3);

    (void)state;
    r.c.h.flags = SKW_F_FD;
    r.c.file.mode = S_IFDIR;
    decode(&r);
    EQ(fd.name, "/");
    EQ(fd.directory, "/");
    assert_int_equal(fd.typechar, SK_FD_DIRECTORY);
}

static void a_path_only_open_neither_reads_nor_writes(void **state)
{
    struct call r = call_of(SK_E_OPEN, 3);

    (void)state;
    r.c.h.flags = SKW_F_FD;
    r.c.arg[1] = O_PATH;
    decode(&r);
    assert_false(evt.is_open_read || evt.is_open_write);
}

static void a_failed_open_tells_what_was_asked_for(void **state)
{
    struct call r = call_of(SK_E_OPENAT, -EACCES);

    (void)state;
    TEXT(&r, base_n[0], "www\0var");
    TEXT(&r, str_n[0], "../../etc/./shadow");
    decode(&r);
    EQ(fd.name, "/etc/shadow");
    assert_int_equal(fd.num, -1);
    assert_true(evt.failed);
    assert_int_equal(evt.rawres, -EACCES);
    assert_false(evt.blocked);
}

static void a_rename_has_both_ends_joined_with_their_directories(void **state)
{
    struct call r = call_of(SK_E_RENAMEAT2, 0);

    (void)state;
    TEXT(&r, base_n[0], "tmp");
    TEXT(&r, base_n[1], "b\0a");
    TEXT(&r, str_n[0], "x");
    TEXT(&r, str_n[1], "y");
    decode(&r);
    EQ(evt.oldpath, "/tmp/x");
    EQ(evt.newpath, "/a/b/y");
    EQ(evt.path, "/a/b/y");
}

static void the_target_of_a_symlink_is_left_as_written(void **state)
{
    struct call r = call_of(SK_E_SYMLINK, 0);

    (void)state;
    TEXT(&r, base_n[0], "tmp");
    TEXT(&r, base_n[1], "tmp");
    TEXT(&r, str_n[0], "../etc/passwd");
    TEXT(&r, str_n[1], "l");
    decode(&r);
    EQ(evt.oldpath, "../etc/passwd");
    EQ(evt.newpath, "/tmp/l");
}

static void refused_by_seccomp_means_blocked(void **state)
{
    struct call r = call_of(SK_E_MOUNT, -EPERM);

    (void)state;
    r.c.h.flags = SKW_F_SECCOMP;
    TEXT(&r, str_n[0], "proc");
    TEXT(&r, str_n[1], "/mnt");
    TEXT(&r, str_n[2], "proc");
    decode(&r);
    assert_true(evt.blocked && evt.failed);
    EQ(evt.newpath, "/mnt");
    EQ(evt.oldpath, "proc");
    EQ(evt.name, "proc");
}

static void kill_names_signal_and_target(void **state)
{
    struct call r = call_of(SK_E_TGKILL, 0);

    (void)state;
    r.c.arg[0] = 42;
    r.c.arg[1] = 43;
    r.c.arg[2] = 9;
    decode(&r);
    assert_int_equal(evt.target_pid, 42);
    assert_int_equal(evt.arg0, 9);
}

static struct skw_sock sock_of(uint32_t type, uint16_t family)
{
    struct skw_sock k = {.h = {.kind = SKW_SOCK, .type = (uint8_t)type, .size = sizeof(k)},
                         .family = family,
                         .type = SOCK_STREAM,
                         .proto = IPPROTO_TCP};

    k.arg[0] = 4;
    k.lport = 40000;
    k.rport = 80;
    memcpy(k.addr[0], (uint8_t[]){10, 0, 0, 1}, 4);
    memcpy(k.addr[1], (uint8_t[]){10, 0, 0, 2}, 4);
    return k;
}

static void who_connects_is_the_client(void **state)
{
    struct skw_sock k = sock_of(SK_E_CONNECT, AF_INET);

    (void)state;
    assert_true(sk_decode_ok(&k, sizeof(k)));
    sk_decode_event(&d, &k.h, SK_SIDE_GUESS, &evt, &fd);
    EQ(fd.name, "10.0.0.1:40000->10.0.0.2:80");
    assert_int_equal(fd.sport, 80);
    assert_int_equal(fd.cip.addr[3], 1);
    assert_int_equal(fd.l4proto, SK_L4_TCP);
    assert_int_equal(fd.typechar, SK_FD_IPV4);
}

static void a_duplicate_keeps_the_side_that_is_known(void **state)
{
    struct skw_sock k = sock_of(SK_E_DUP2, AF_INET);

    (void)state;
    k.lport = 80; /* the guess would be wrong */
    k.rport = 40000;
    k.h.ret = 0;
    sk_decode_event(&d, &k.h, SK_SIDE_CLIENT, &evt, &fd);
    EQ(fd.name, "10.0.0.1:80->10.0.0.2:40000");
    assert_int_equal(fd.num, 0);
    assert_int_equal(evt.arg0, 4);
    sk_decode_event(&d, &k.h, SK_SIDE_GUESS, &evt, &fd);
    EQ(fd.name, "10.0.0.2:40000->10.0.0.1:80");
}

static void a_mapped_address_is_shown_as_what_it_is(void **state)
{
    static const uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
    struct {
        struct skw_sock k;
        uint8_t addr[2][16];
    } r = {.k = sock_of(SK_E_ACCEPT, AF_INET6)};

    (void)state;
    memcpy(r.addr[0], mapped, 16);
    memcpy(r.addr[1], mapped, 16);
    r.k.text_n = 32;
    r.k.h.size = sizeof(r);
    assert_true(sk_decode_ok(&r, sizeof(r)));
    sk_decode_event(&d, &r.k.h, SK_SIDE_GUESS, &evt, &fd);
    assert_int_equal(fd.typechar, SK_FD_IPV4);
    EQ(fd.name, "127.0.0.1:80->127.0.0.1:40000");
}

static void addresses_that_do_not_follow_are_not_read(void **state)
{
    struct skw_sock k = sock_of(SK_E_ACCEPT, AF_INET6);

    (void)state;
    assert_true(sk_decode_ok(&k, sizeof(k)));
    sk_decode_event(&d, &k.h, SK_SIDE_GUESS, &evt, &fd);
    EQ(fd.name, "[::]:80->[::]:40000");
    k.text_n = 32;
    assert_false(sk_decode_ok(&k, sizeof(k)));
}

static void the_end_of_a_connection_has_its_bytes_and_how_long_it_lasted(void **state)
{
    struct {
        struct skw_close c;
        uint8_t addr[2][16];
    } r = {
        .c = {.k = sock_of(SK_E_TCPCLOSE, AF_INET6), .sent = 5000, .received = 70, .lasted = 1000}};

    (void)state;
    r.c.k.h.kind = SKW_CLOSE;
    r.c.k.h.ret = -ECONNREFUSED;
    r.addr[1][15] = 1;
    r.c.k.text_n = 32;
    r.c.k.h.size = sizeof(r);
    assert_true(sk_decode_ok(&r, sizeof(r)));
    sk_decode_event(&d, &r.c.k.h, SK_SIDE_GUESS, &evt, &fd);
    EQ(fd.name, "[::]:40000->[::1]:80");
    assert_int_equal(evt.bytes_out, 5000);
    assert_int_equal(evt.bytes_in, 70);
    assert_int_equal(evt.duration_ms, 1048);
    assert_true(evt.failed);
    assert_null(sk_decode_dns(&d, &r.c.k.h));
    assert_false(sk_decode_ok(&r, sizeof(r) - 1));
}

static void what_is_asked_of_a_name_server_stands_behind_the_addresses(void **state)
{
    struct {
        struct skw_query q;
        char addr[SKW_QUERY_ADDR];
        char msg[20];
    } r = {.q = {.k = sock_of(SK_E_SENDTO, AF_INET)},
           .msg = "\0\1\1\0\0\1\0\0\0\0\0\0\2Ab\0\0\x10\0\1"};
    const struct sk_dns *dns;

    (void)state;
    r.q.k.h.kind = SKW_QUERY;
    r.q.k.text_n = SKW_QUERY_ADDR;
    r.q.data_n = sizeof(r.msg);
    r.q.k.h.size = sizeof(r.q) + SKW_QUERY_ADDR + sizeof(r.msg);
    assert_true(sk_decode_ok(&r, r.q.k.h.size));
    sk_decode_event(&d, &r.q.k.h, SK_SIDE_GUESS, &evt, &fd);
    EQ(fd.name, "10.0.0.1:40000->10.0.0.2:80");
    dns = sk_decode_dns(&d, &r.q.k.h);
    assert_non_null(dns);
    EQ(dns->name, "ab");
    EQ(dns->type, "TXT");
    r.q.data_n++;
    assert_false(sk_decode_ok(&r, r.q.k.h.size));
}

static void an_abstract_unix_name_begins_with_an_at_sign(void **state)
{
    struct {
        struct skw_sock k;
        char text[16];
    } r = {.k = sock_of(SK_E_CONNECT, AF_UNIX), .text = "\0abc"};

    (void)state;
    r.k.text_n = 4;
    r.k.h.size = sizeof(r.k) + 4;
    assert_true(sk_decode_ok(&r, r.k.h.size));
    sk_decode_event(&d, &r.k.h, SK_SIDE_GUESS, &evt, &fd);
    EQ(fd.name, "@abc");
    memcpy(r.text, "/run/docker.sock", 16);
    r.k.text_n = 16;
    r.k.h.size = sizeof(r.k) + 16;
    sk_decode_event(&d, &r.k.h, SK_SIDE_GUESS, &evt, &fd);
    EQ(fd.name, "/run/docker.sock");
    EQ(fd.filename, "docker.sock");
}

static void records_that_lie_about_their_size_are_refused(void **state)
{
    struct call r = call_of(SK_E_OPENAT, 3);

    (void)state;
    r.c.base_n[0] = 10;
    assert_false(sk_decode_ok(&r, r.c.h.size));
    r.c.base_n[0] = 0;
    assert_true(sk_decode_ok(&r, r.c.h.size));
    assert_false(sk_decode_ok(&r, r.c.h.size - 1));
    r.c.h.kind = 77;
    assert_false(sk_decode_ok(&r, r.c.h.size));
    r.c.h.kind = SKW_CALL;
    r.c.h.type = SK_E_MAX;
    assert_false(sk_decode_ok(&r, r.c.h.size));
}

static void exec_texts_come_apart_in_order(void **state)
{
    static const char text[] = "sh\0bin\0tmp\0./x\0sh\0-c\0ls -l\0A=b";
    struct {
        struct skw_exec e;
        char text[sizeof(text)];
    } r = {.e = {.t.h = {.kind = SKW_EXEC},
                 .exe_n = 7,
                 .cwd_n = 4,
                 .file_n = 4,
                 .args_n = 12,
                 .env_n = 4}};
    struct sk_exec_text t;
    char args[64];

    (void)state;
    memcpy(r.text, text, sizeof(text));
    r.e.t.h.size = sizeof(r.e) + 31;
    assert_true(sk_decode_ok(&r, r.e.t.h.size));
    sk_decode_exec(&d, &r.e, &t);
    EQ(t.exepath, "/bin/sh");
    EQ(t.cwd, "/tmp");
    EQ(t.file, "./x");
    assert_true(
        sk_str_eq(sk_str_n(args, sk_args_join(args, sizeof(args), t.args)), SK_STR("sh -c ls -l")));
    assert_int_equal(t.env.n, 4);
}

static void a_memfd_keeps_its_bare_name(void **state)
{
    struct {
        struct skw_exec e;
        char text[16];
    } r = {.e = {.t.h = {.kind = SKW_EXEC, .flags = SKW_F_DETACHED0}, .exe_n = 8},
           .text = "memfd:x"};
    struct sk_exec_text t;

    (void)state;
    r.e.t.h.size = sizeof(r.e) + 8;
    sk_decode_exec(&d, &r.e, &t);
    EQ(t.exepath, "memfd:x");
}

static void the_environment_keeps_what_matters_and_hides_passwords(void **state)
{
    static const char env[] =
        "LD_PRELOAD=/tmp/x.so\0SECRET=1\0https_proxy=http://u:pw@h:1/\0PATH=/bin";
    char out[256];
    size_t n = sk_env_pick(out, sizeof(out), sk_str_n(env, sizeof(env)));

    (void)state;
    assert_true(sk_str_eq(sk_str_n(out, n), SK_STR("LD_PRELOAD=/tmp/x.so "
                                                   "https_proxy=http://u:***@h:1/ PATH=/bin")));
    assert_int_equal(sk_env_pick(out, 10, sk_str_n(env, sizeof(env))), 10);
}

static void dots_in_paths_are_resolved_by_the_letter(void **state)
{
    static const char *const pairs[][2] = {
        {"/a/b/../c", "/a/c"}, {"/../..", "/"},      {"//a///b/", "/a/b"},
        {"/a/./b", "/a/b"},    {"/..a/b", "/..a/b"}, {"/", "/"},
    };
    char p[32];
    size_t i, n;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(pairs); i++) {
        n = sk_str_copy(p, sizeof(p), sk_str_c(pairs[i][0]));
        n = sk_path_clean(p, n);
        assert_true(sk_str_eq(sk_str_n(p, n), sk_str_c(pairs[i][1])));
    }
}

SK_TEST_MAIN(a_path_that_is_too_deep_says_that_it_is_cut,
             an_open_file_has_its_path_turned_the_right_way, the_root_directory_is_a_slash,
             a_path_only_open_neither_reads_nor_writes, a_failed_open_tells_what_was_asked_for,
             a_rename_has_both_ends_joined_with_their_directories,
             the_target_of_a_symlink_is_left_as_written, refused_by_seccomp_means_blocked,
             kill_names_signal_and_target, who_connects_is_the_client,
             a_duplicate_keeps_the_side_that_is_known, a_mapped_address_is_shown_as_what_it_is,
             addresses_that_do_not_follow_are_not_read,
             the_end_of_a_connection_has_its_bytes_and_how_long_it_lasted,
             what_is_asked_of_a_name_server_stands_behind_the_addresses,
             an_abstract_unix_name_begins_with_an_at_sign,
             records_that_lie_about_their_size_are_refused, exec_texts_come_apart_in_order,
             a_memfd_keeps_its_bare_name, the_environment_keeps_what_matters_and_hides_passwords,
             dots_in_paths_are_resolved_by_the_letter)
