/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that count, and how much is too much. */
#include "detect/rate_int.h"

/*
 * Chosen against what honest containers do: a scraper of metrics reaches hundreds of targets, but
 * most answer; a service without a connection pool signs in all the time, but gets more than a
 * refusal; a mail filter asks for many TXT records, but of many domains.
 */
const struct rate_limit rt_limits[RT_RULES] = {
    /* Three of five must fail: a scanner of known ports (top 100, or one host's) is over in
     * seconds, a service that has lost its peers tries a handful of them. */
    [RT_SCAN] = {25, 10 * RT_S},
    /* Slower, because a closed host takes its time to say nothing; three of five must fail here
     * too: who reaches many hosts on one port, and is answered, works with them. */
    [RT_SWEEP] = {20, 60 * RT_S},
    /* A person mistypes three times, a health check comes every few seconds (12 to 30 a minute are
     * left to those that carry more than a refusal once in ten minutes). */
    [RT_GUESS_OUT] = {20, 60 * RT_S},
    /* More: a proxy or a bastion brings several people from one address. */
    [RT_GUESS_IN] = {30, 60 * RT_S},
    /* Distinct long names below one domain: tunnels ask dozens a second; the worst honest ones
     * (look-ups of hashes by filters) a few. Half as many for TXT and NULL, which carry the most
     * and which hardly anybody asks of one domain again and again. */
    [RT_TUNNEL] = {60, 60 * RT_S},
    /* Families with generated names try hundreds; three of five registered names must look so, as
     * a crawler sees some, among many that do not. */
    [RT_RANDOM] = {40, 300 * RT_S},
    /* MiB to one public address; ten times more out than in, and ten times what the container ever
     * sent to one before: a backup every night is told once. */
    [RT_VOLUME] = {50, 600 * RT_S},
    /* Percent of one processor, over this time, by a process that holds a connection to a mining
     * port for twice as long. */
    [RT_MINING] = {80, 300 * RT_S},
    /* A second, for five seconds on end, to public addresses, or refused or without data: a proxy
     * opens as many to its own servers and is answered. */
    [RT_FLOOD] = {500, 5 * RT_S},
};

/* answer: what a server says up to "no", some more than measured: banner, key exchange, error. */
static const struct rate_port ports[] = {
    {21, 400},    {22, 6000},  {23, 600},   {389, 200},   {445, 1500},
    {1433, 4000}, {2379, 800}, {3306, 400}, {3389, 3000}, {5432, 400},
    {5900, 200},  {5984, 800}, {6379, 128}, {9200, 800},  {27017, 800},
};

/* As in rules/impact.yaml. */
static const uint16_t mining[] = {3333, 3334,  3335,  4444,  5555,  5556,  7777,  8333,
                                  9999, 14433, 14444, 20535, 45560, 45700, 10128, 10343};

const struct rate_port *rt_signin(uint32_t port)
{
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(ports); i++)
        if (ports[i].port == port)
            return &ports[i];
    return NULL;
}

bool rt_mining(uint32_t port)
{
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(mining); i++)
        if (mining[i] == port)
            return true;
    return false;
}

#define S_ SK_STR_INIT
#define RULE(id_, name_, zh, desc_, desc_zh_, advice_, advice_zh_, prio, tags_, techniques_)       \
    {                                                                                              \
        .name = SK_STR_INIT(name_), .id = SK_STR_INIT(id_), .title_zh = SK_STR_INIT(zh),           \
        .desc = SK_STR_INIT(desc_), .desc_zh = SK_STR_INIT(desc_zh_),                              \
        .condition = SK_STR_INIT("(counted over events)"), .advice = SK_STR_INIT(advice_),         \
        .advice_zh = SK_STR_INIT(advice_zh_), .source = SK_STR_INIT("syscall"),                    \
        .file = SK_STR_INIT("(rate)"), .priority = (prio), .enabled = true, .evaluated = true,     \
        .tags = tags_, .techniques = techniques_,                                                  \
    }

static const struct sk_str scan_tags[] = {S_("container"), S_("rate"), S_("mitre_discovery"),
                                          S_("T1046")};
static const struct sk_str sweep_tags[] = {S_("container"),       S_("rate"),
                                           S_("mitre_discovery"), S_("mitre_lateral_movement"),
                                           S_("T1046"),           S_("T1021")};
static const struct sk_str guess_tags[] = {S_("container"), S_("rate"),
                                           S_("mitre_credential_access"), S_("T1110")};
static const struct sk_str tunnel_tags[] = {
    S_("container"), S_("rate"), S_("mitre_command_and_control"), S_("T1071.004"), S_("T1572")};
static const struct sk_str random_tags[] = {S_("container"), S_("rate"),
                                            S_("mitre_command_and_control"), S_("T1568.002")};
static const struct sk_str volume_tags[] = {S_("container"), S_("rate"), S_("mitre_exfiltration"),
                                            S_("T1048"), S_("T1041")};
static const struct sk_str mining_tags[] = {S_("container"), S_("rate"), S_("mitre_impact"),
                                            S_("T1496.001"), S_("T1496")};
static const struct sk_str flood_tags[] = {S_("container"), S_("rate"), S_("mitre_impact"),
                                           S_("T1498")};
#define LAST(v, n_)                                                                                \
    {                                                                                              \
        &(v)[SK_ARRAY_LEN(v) - (n_)], (n_)                                                         \
    }
#define ALL(v)                                                                                     \
    {                                                                                              \
        (v), SK_ARRAY_LEN(v)                                                                       \
    }

const struct sk_rule rt_rules[RT_RULES] = {
    [RT_SCAN] = RULE("SK-NET-001", "Port scan from a container", "容器发起端口扫描",
                     "A container tried many addresses and ports in seconds, and most refused, did "
                     "not answer or were left without a word.",
                     "容器在数秒内尝试大量地址与端口，且多数被拒绝、无响应或未传输数据。",
                     "Isolate the container; look at which ports were open to it and close them.",
                     "隔离该容器；检查哪些端口对其开放并予以关闭。", SK_PRIO_WARNING,
                     ALL(scan_tags), LAST(scan_tags, 1)),
    [RT_SWEEP] = RULE("SK-NET-002", "Many hosts tried on one port", "在同一端口上扫描大量主机",
                      "A container tried one port of many addresses within a minute, and most "
                      "refused or did not answer.",
                      "容器在一分钟内尝试大量地址的同一端口，且多数被拒绝或无响应。",
                      "Isolate the container; look at the hosts that did answer.",
                      "隔离该容器；检查有响应的主机。", SK_PRIO_WARNING, ALL(sweep_tags),
                      LAST(sweep_tags, 2)),
    [RT_GUESS_OUT] =
        RULE("SK-NET-003", "Passwords guessed from a container", "容器对外猜测口令",
             "A container opened many short connections to one sign-in port, each with no more of "
             "an answer than a refusal takes.",
             "容器对同一登录端口建立大量短连接，每次响应仅相当于一次拒绝。",
             "Isolate the container; look in the other side's log for a sign-in that succeeded. A "
             "service with a wrong password looks the same.",
             "隔离该容器；在对端日志中查找是否有成功登录。口令配置错误的服务也会如此。",
             SK_PRIO_WARNING, ALL(guess_tags), LAST(guess_tags, 1)),
    [RT_GUESS_IN] =
        RULE("SK-NET-004", "Passwords guessed in a container", "容器遭受口令猜测",
             "One address opened many short connections to a sign-in port of a container, each "
             "with no more of an answer than a refusal takes.",
             "同一地址对容器的登录端口建立大量短连接，每次响应仅相当于一次拒绝。",
             "Block the peer; close the port to where nobody has to sign in from.",
             "封禁对端；对无需登录的来源关闭该端口。", SK_PRIO_WARNING, ALL(guess_tags),
             LAST(guess_tags, 1)),
    [RT_TUNNEL] = RULE(
        "SK-NET-005", "Data in questions to a name server", "DNS 隧道",
        "A container asked for many long names that look like coded data, or for many TXT or "
        "NULL records, all below one domain.",
        "容器对同一域名下查询大量形似编码数据的长名称，或大量 TXT、NULL 记录。",
        "Block the domain at the resolver; freeze the container and keep the process. Mail "
        "and virus filters that look up hashes by name need an exception.",
        "在解析器上封禁该域名；冻结容器并保留进程。通过域名查询哈希的邮件或病毒过滤器需添加例外。",
        SK_PRIO_ERROR, ALL(tunnel_tags), LAST(tunnel_tags, 2)),
    [RT_RANDOM] =
        RULE("SK-NET-006", "Names that look random asked for", "查询大量随机域名（DGA）",
             "A container asked for many different domains whose names look made up by a program. "
             "Whether they exist is not seen.",
             "容器查询大量形似程序生成的不同域名（是否存在无法看到）。",
             "Look at the process and what it connects to next. Crawlers need an exception.",
             "检查该进程及其后续连接。爬虫需添加例外。", SK_PRIO_WARNING, ALL(random_tags),
             LAST(random_tags, 1)),
    [RT_VOLUME] = RULE(
        "SK-NET-007", "Unusual amount of data sent out", "异常大量数据外传",
        "A container sent more than 50 MiB to one public address within ten minutes, ten "
        "times what it got from there and ten times what it ever sent to one before.",
        "容器在十分钟内向同一公网地址发送超过 50 MiB，为所收数据的十倍以上，且为以往的十倍以上。",
        "Find who owns the address; look what the process had opened. A new backup or upload "
        "is told once.",
        "查明该地址归属；检查进程打开过的文件。新增的备份或上传任务会提示一次。", SK_PRIO_WARNING,
        ALL(volume_tags), LAST(volume_tags, 2)),
    [RT_MINING] =
        RULE("SK-NET-008", "Works and talks like a miner", "行为形似挖矿程序",
             "A process has held a connection to a public address on a port of mining pools for "
             "ten minutes and kept a processor busy meanwhile.",
             "进程与公网地址的矿池常用端口保持连接十分钟以上，且持续占用处理器。",
             "Look up the peer; if it is a pool, freeze the container and find how it came in.",
             "查询对端地址；若为矿池，冻结容器并查找入侵途径。", SK_PRIO_ERROR, ALL(mining_tags),
             LAST(mining_tags, 2)),
    [RT_FLOOD] = RULE(
        "SK-NET-009", "Flood of connections from a container", "容器发起连接洪泛",
        "A container opened more than 500 connections a second for five seconds, to public "
        "addresses or to ports that refused them.",
        "容器连续五秒每秒建立超过 500 个连接，目标为公网地址或被拒绝的端口。",
        "Isolate the container. A load test needs an exception.",
        "隔离该容器。压力测试需添加例外。", SK_PRIO_WARNING, ALL(flood_tags), LAST(flood_tags, 1)),
};

const struct sk_rule *sk_rate_rules(size_t *ret_n)
{
    *ret_n = RT_RULES;
    return rt_rules;
}
