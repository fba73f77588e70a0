/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/expr/expr_test.h"

#define C (&sk_kind_container)
#define I (&sk_kind_image)
#define A (&sk_kind_alert)

static const struct sk_str tags[] = {SK_STR_INIT("nginx:1"), SK_STR_INIT("web:latest")};
static const struct sk_label labels[] = {{SK_STR_INIT("app"), SK_STR_INIT("shop")},
                                         {SK_STR_INIT("a/b.c"), SK_STR_INIT("x")}};
static const struct sk_image image = {.id = SK_STR_INIT("sha256:1"),
                                      .size = 10 << 20,
                                      .tags = {tags, 2},
                                      .created = 1700000000000000000};
static const struct sk_container web = {
    .id = SK_STR_INIT("f00d"),
    .name = SK_STR_INIT("Web-1"),
    .image = SK_STR_INIT("Web-1"),
    .command = SK_STR_INIT("/usr/sbin/nginx -g x"),
    .network = SK_STR_INIT("aGVsbG8="),
    .user = SK_STR_INIT(""),
    .pid = 7,
    .exit_code = -1,
    .labels = {labels, 2},
};

static void equal_and_unequal(void **state)
{
    (void)state;
    yes(C, "name = Web-1 and name == Web-1 and name != web-1", &web);
    no(C, "name = web-1 or name != Web-1", &web);
    yes(C, "pid = 7 and pid != 8 and exit_code = -1", &web);
}

static void order_of_numbers_times_and_sizes(void **state)
{
    (void)state;
    yes(C, "pid > 6 and pid >= 7 and pid < 8 and pid <= 7", &web);
    no(C, "pid > 7 or pid < 7", &web);
    yes(I, "created >= 2023-11-14T22:13:20Z and created < 2024-01-01T00:00:00Z", &image);
    yes(I, "size = 10485760 and size >= 10MiB and size < 11MB", &image);
}

static void enumerations_are_ordered_by_number(void **state)
{
    struct sk_alert a = {.priority = SK_PRIO_CRITICAL};

    (void)state;
    yes(A, "priority <= critical and priority < error and priority >= critical", &a);
    yes(A, "priority > alert and not priority < critical", &a);
    no(A, "priority < critical or priority > critical or priority >= warning", &a);
    no(A, "priority < emergency", &a);
    yes(A, "not priority < emergency and priority >= emergency and priority <= debug", &a);
    refused(A, "priority <= criticall",
            "1:13: 'criticall' is no value of 'priority'; did you mean 'critical'?\n"
            "  priority <= criticall\n              ^");
    refused(A, "priority > CRITICAL",
            "1:12: 'CRITICAL' is no value of 'priority'; did you mean 'critical'?\n"
            "  priority > CRITICAL\n             ^");
    refused(A, "priority > 4000",
            "1:12: '4000' is no value of 'priority': emergency, alert, critical, error, warning, "
            "notice, informational, debug\n  priority > 4000\n             ^");
    refused(A, "tolower(priority) < error",
            "1:1: '<' does not go with 'tolower(priority)', which is text\n"
            "  tolower(priority) < error\n  ^");
    refused(A, "priority < val(state)",
            "1:1: '<' between 'priority' and another field says nothing: name a value\n"
            "  priority < val(state)\n  ^");
}

static void parts_of_text(void **state)
{
    (void)state;
    yes(C, "name contains b-1 and name icontains wEB and not name contains web", &web);
    yes(C, "name startswith Web and name endswith -1", &web);
    no(C, "name startswith eb or name endswith Web-", &web);
    yes(C, "name startswith '' and name endswith '' and name contains ''", &web);
    yes(C, "name bcontains 622d and name bstartswith 5765", &web);
    no(C, "name bstartswith 622d", &web);
    yes(C, "name startswith anyof (x, We) and name contains allof (W, 1)", &web);
    no(C, "name contains allof (W, 2) or name endswith oneof (x, y)", &web);
}

static void sets(void **state)
{
    (void)state;
    yes(C, "name in (a, Web-1) and pid in (1, 7) and not name in (web-1)", &web);
    yes(C, "name intersects (a, Web-1)", &web);
    no(C, "name in (a, b) or pid in (1, 2)", &web);
}

static void paths_match_by_component(void **state)
{
    struct sk_container c = {.command = SK_STR("/usr/bin")};

    (void)state;
    yes(C, "command pmatch (/usr) and command pmatch (/etc, /usr/) and command pmatch (/)", &c);
    yes(C, "command pmatch (/usr/bin/)", &c);
    no(C, "command pmatch (/us) or command pmatch (/usr/bin/x)", &c);
}

static void globs(void **state)
{
    (void)state;
    yes(C, "name glob 'W*1' and name glob '?eb-[0-9]' and name glob '[!w]eb*'", &web);
    yes(C, "name iglob 'web-?' and name glob 'Web-@(1|2)' and not name glob 'Web-!(1)'", &web);
    yes(C, "command glob '/usr/*' and name glob *", &web);
    no(C, "name glob 'web*' or name glob 'Web' or name glob 'Web[-'", &web);
    yes(C, "name glob 'Web\\-1'", &web);
}

static void regexes_match_the_whole_text(void **state)
{
    (void)state;
    yes(C, "name regex 'W[a-z]+-\\d' and name regex '(?i)web.*'", &web);
    no(C, "name regex 'Web' or name regex 'eb-1'", &web);
}

static void transformers_nest(void **state)
{
    (void)state;
    yes(C, "tolower(name) = web-1 and toupper(name) = WEB-1", &web);
    yes(C, "basename(command) = 'nginx -g x' and toupper(basename(command)) startswith NGINX",
        &web);
    yes(C, "b64(network) = hello and b64(network) startswith hell", &web);
    no(C, "b64(name) exists", &web); /* no Base64: absent */
    yes(C, "len(name) = 5 and len(user) = 0 and len(labels) = 2", &web);
    yes(C, "toupper(b64(network)) = HELLO and len(b64(network)) = 5", &web);
}

static void fields_compare_with_fields(void **state)
{
    (void)state;
    yes(C, "name = val(image) and tolower(name) = tolower(image)", &web);
    no(C, "name != val(image) or name = tolower(image)", &web);
    yes(C, "pid > val(exit_code) and command endswith val(user)", &web);
    no(C, "name = val(ip) or name != val(ip)", &web); /* the other side is absent */
}

static void lists_of_texts_hold_when_one_does(void **state)
{
    (void)state;
    yes(I, "tags = web:latest and tags startswith nginx and tags in (x, nginx:1)", &image);
    yes(I, "tags != x and not tags != nginx:1 and len(tags) = 2 and tags exists", &image);
    no(I, "tags = web or digests exists", &image);
}

static void pairs_are_asked_by_their_key(void **state)
{
    (void)state;
    yes(C, "labels[app] = shop and labels[a/b.c] = x and labels[\"app\"] exists", &web);
    no(C, "labels[none] exists or labels[none] != shop", &web);
}

static void addresses_and_networks(void **state)
{
    struct sk_alert a = {.fd = {.sip = {4, {172, 31, 0, 5}}, .cip = {6, {0x20, 1, 0xd, 0xb8}}}};

    (void)state;
    yes(A, "fd.sip = 172.31.0.5 and fd.sip = 172.16.0.0/12 and fd.sip != 10.0.0.0/8", &a);
    yes(A, "fd.sip in (10.0.0.0/8, 172.31.0.5) and fd.cip in (\"2001:db8::/32\")", &a);
    no(A,
       "fd.sip = 172.31.0.6 or fd.sip in (172.16.0.0/13) or fd.cip = ::/1 and fd.cip = 10.0.0.0/8",
       &a);
    no(A, "fd.lip = 0.0.0.0/0 or fd.lip != 1.2.3.4", &a); /* absent */
    refused(A, "fd.sip = 10.0.0.0/33",
            "1:10: 'fd.sip' wants an address or network, not "
            "'10.0.0.0/33'\n  fd.sip = 10.0.0.0/33\n           ^");
}

/* ---- types that no noun has yet ----------------------------------------------------------------
 */

struct sk_probe {
    double share;
    int64_t count;
    bool on, off;
    struct sk_ip a, b;
    uint64_t set;
    const struct sk_container *box;
};
static const char *const bit_names[] = {"ZERO", "ONE"};
static const struct sk_enum bits = {"bits", bit_names, 2};
static const struct sk_field probe_fields[] = {
    SK_FIELD(sk_probe, share, SK_T_F64, 1, 0, "A share"),
    SK_FIELD(sk_probe, count, SK_T_I64, 2, 0, "A count"),
    SK_FIELD(sk_probe, on, SK_T_BOOL, 3, 0, "A switch"),
    SK_FIELD(sk_probe, off, SK_T_BOOL, 4, 0, "Another"),
    SK_FIELD(sk_probe, a, SK_T_IP, 5, 0, "An address"),
    SK_FIELD(sk_probe, b, SK_T_IP, 6, 0, "Another"),
    SK_FIELD_OF(sk_probe, set, SK_T_BITS, 7, 0, &bits, "A set"),
    SK_FIELD_OF(sk_probe, box, SK_T_LINK, 8, 0, &sk_kind_container, "A link"),
};
static const struct sk_kind probe = {.name = "probe",
                                     .plural = "probes",
                                     .doc = "For tests",
                                     .size = sizeof(struct sk_probe),
                                     .fields = probe_fields,
                                     .n = SK_ARRAY_LEN(probe_fields)};

static void every_type_of_field_compares(void **state)
{
    struct sk_probe p = {.share = 0.25,
                         .count = 1,
                         .on = true,
                         .a = {4, {1, 2, 3, 4}},
                         .b = {4, {1, 2, 3, 4}},
                         .set = 1 | 2 | 1 << 5 | 1 << 12,
                         .box = &web};

    (void)state;
    yes(&probe, "share = 0.25 and share < 1 and share != 0.5 and share >= 25e-2", &p);
    yes(&probe, "share < val(count) and count > val(share) and on != val(off) and a = val(b)", &p);
    no(&probe, "a != val(b) or share > 0.25 or on = val(off)", &p);
    yes(&probe, "set = 'ZERO ONE 5 12' and set contains ONE and tolower(set) startswith zero", &p);
    yes(&probe, "box exists and box.name = Web-1 and len(box.labels) = 2", &p);
    refused(&probe, "share = x", "1:9: 'share' wants a number, not 'x'\n  share = x\n          ^");
    refused(&probe, "share in (1)",
            "1:1: 'in' does not go with 'share', which is a number\n"
            "  share in (1)\n  ^");
    p.b.addr[3] = 5;
    p.box = NULL;
    yes(&probe, "a != val(b) and not box exists and not box.name exists", &p);
}

static void an_absent_value_makes_every_test_false(void **state)
{
    (void)state;
    no(C, "ip = x or ip != x or ip contains '' or ip in (x) or ip exists or ip glob *", &web);
    yes(C, "not ip = x and not ip != x and not ip exists", &web);
    no(C, "started > 1 or started <= 1", &web);
    yes(C, "user exists and user = ''", &web); /* empty is not absent */
    yes(C, "ip in (\"<NA>\", x) and not name in (\"<NA>\")", &web);
    yes(C, "ip = '<NA>' and not ip != '<NA>'", &web);
}

SK_TEST_MAIN(equal_and_unequal, order_of_numbers_times_and_sizes,
             enumerations_are_ordered_by_number, parts_of_text, sets, paths_match_by_component,
             globs, regexes_match_the_whole_text, transformers_nest, fields_compare_with_fields,
             lists_of_texts_hold_when_one_does, pairs_are_asked_by_their_key,
             addresses_and_networks, every_type_of_field_compares,
             an_absent_value_makes_every_test_false)
