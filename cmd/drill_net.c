/* SPDX-License-Identifier: Apache-2.0 */
/* Acts that are only seen when they are done often, over loopback: ports and hosts tried, passwords
 * guessed of a server made for it, name servers asked where there is none. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drill_int.h"

#define PLAYED 0
#define CANNOT 1
#define ANSWER_MAX 65536

static bool number(const char *text, uint64_t max, uint64_t *ret)
{
    return text && sk_str_u64(sk_str_c(text), ret) == 0 && *ret <= max;
}

static struct sockaddr_in at(uint32_t address, uint64_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(address)};
}

static int tried(uint32_t address, uint64_t port)
{
    struct sockaddr_in to = at(address, port);
    int fd = socket(AF_INET, SOCK_STREAM, 0), r;

    if (fd < 0)
        return -1;
    r = connect(fd, (const struct sockaddr *)&to, sizeof(to));
    if (r == 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* ports FIRST N: each is tried once. */
int drill_act_ports(char **argv)
{
    uint64_t first, n, i;
    int fd;

    if (!number(argv[0], 60000, &first) || !number(argv[1], 1000, &n))
        return CANNOT;
    for (i = 0; i < n; i++) {
        fd = tried(INADDR_LOOPBACK, first + i);
        sk_closep(&fd); /* nobody listens: that is the act */
    }
    return PLAYED;
}

/* hosts PORT N: one port of 127.0.1.1 and the next ones. */
int drill_act_hosts(char **argv)
{
    uint64_t port, n, i;
    int fd;

    if (!number(argv[0], 65535, &port) || !number(argv[1], 200, &n))
        return CANNOT;
    for (i = 1; i <= n; i++) {
        fd = tried((127u << 24 | 1u << 8) + (uint32_t)i, port);
        sk_closep(&fd);
    }
    return PLAYED;
}

/* Answers n connections with so many bytes, whatever was asked. */
static void serve(int listener, uint64_t n, uint64_t answer)
{
    static char text[ANSWER_MAX] = "-ERR invalid password\r\n";
    char asked[64];

    while (n-- > 0) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0 || read(fd, asked, sizeof(asked)) <= 0 || write(fd, text, answer) < 0)
            _exit(CANNOT);
        (void)close(fd);
    }
    _exit(PLAYED);
}

/* guess PORT N ANSWER: signs in N times at a server that answers with so many bytes. */
int drill_act_guess(char **argv)
{
    static const char ask[] = "AUTH drill\r\n";
    struct sockaddr_in here;
    uint64_t port, n, answer, i;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd, status = -1;
    char got[4096];
    pid_t pid;

    if (!number(argv[0], 65535, &port) || !number(argv[1], 1000, &n) ||
        !number(argv[2], ANSWER_MAX, &answer))
        return CANNOT;
    here = at(INADDR_LOOPBACK, port);
    if (listener < 0 || bind(listener, (const struct sockaddr *)&here, sizeof(here)) < 0 ||
        listen(listener, 16) < 0)
        return CANNOT;
    pid = fork();
    if (pid == 0)
        serve(listener, n, answer);
    for (i = 0; pid > 0 && i < n; i++) {
        fd = tried(INADDR_LOOPBACK, port);
        if (fd < 0 || write(fd, ask, sizeof(ask) - 1) < 0)
            break;
        while (read(fd, got, sizeof(got)) > 0)
            ;
        (void)close(fd);
    }
    if (pid > 0 && i < n)
        (void)kill(pid, SIGKILL);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? PLAYED : CANNOT;
}

/* Appends a label; letters by a number that is the same each time. */
static size_t label_put(unsigned char *msg, size_t n, uint64_t seed, size_t len,
                        const char *letters)
{
    size_t i, k = strlen(letters);
    uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;

    msg[n++] = (unsigned char)len;
    for (i = 0; i < len; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        msg[n++] = (unsigned char)letters[(x >> 33) % k];
    }
    return n;
}

static size_t text_put(unsigned char *msg, size_t n, struct sk_str text)
{
    msg[n++] = (unsigned char)text.n;
    memcpy(msg + n, text.p, text.n);
    return n + text.n;
}

/* RFC 1035, a question for an address: data below one domain, domains made up, or five names that
 * come again and again. */
static size_t question(unsigned char msg[256], struct sk_str how, uint64_t i)
{
    static const unsigned char head[12] = {0, 1, 1, 0, 0, 1};
    static const unsigned char tail[5] = {0, 0, 1, 0, 1};
    static const char hex[] = "0123456789abcdef", abc[] = "abcdefghijklmnopqrstuvwxyz";
    size_t n = sizeof(head);

    memcpy(msg, head, sizeof(head));
    if (sk_str_eq(how, SK_STR("data"))) {
        n = label_put(msg, n, i, 60, hex);
        n = text_put(msg, n, SK_STR("drill"));
    } else if (sk_str_eq(how, SK_STR("random"))) {
        n = label_put(msg, n, i, 16, abc);
    } else {
        msg[n++] = 1;
        msg[n++] = (unsigned char)('a' + i % 5);
        n = text_put(msg, n, SK_STR("drill"));
    }
    n = text_put(msg, n, SK_STR("example"));
    memcpy(msg + n, tail, sizeof(tail));
    return n + sizeof(tail);
}

/* ask HOW N: packets to a port that nobody listens on. */
int drill_act_ask(char **argv)
{
    struct sockaddr_in to = at(INADDR_LOOPBACK, 53);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    unsigned char msg[256];
    uint64_t n, i;

    if (fd < 0 || !argv[0] || !number(argv[1], 1000, &n))
        return CANNOT;
    for (i = 0; i < n; i++) {
        size_t size = question(msg, sk_str_c(argv[0]), i);

        if (sendto(fd, msg, size, 0, (const struct sockaddr *)&to, sizeof(to)) < 0)
            return CANNOT;
    }
    return PLAYED;
}
