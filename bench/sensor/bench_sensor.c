/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_sensor [ROUNDS] [LOAD]: what the sensor costs the loads of loads.c, and itself.
 *
 * Each round runs every load without sensor, with the floor (same hooks, empty programs) and with
 * the sensor, in rotated order; ratios are within a round, the median counts. A thread takes the
 * events and drops them; its CPU time is the sensor's own. Then: overload, with exact counts;
 * latency; start.
 *
 * bench_sensor --load NAME N runs one load, bench_sensor --floor holds the empty programs attached:
 * for bench/agent.
 *
 * Output: lines for tools/run-bench.
 */
#include <bpf/bpf.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "loads.h"
#include "sensor/sensor.h"

#define ROUNDS_MAX 31
#define LOADS_MAX 8
enum mode { NONE, FLOOR, SENSOR, MODES };

struct run { /* one sensor and the thread that reads it */
    struct sk_sensor *s;
    pthread_t thread;
    bool stop;
    int programs;               /* of other sensors */
    double cpu;                 /* of the thread, seconds; set when it ends */
    uint64_t creats, execs;     /* events seen */
    uint64_t watch_pid, hit_ns; /* latency: when the event of that process came */
};

static double cpu_of[MODES][LOADS_MAX][ROUNDS_MAX], own[LOADS_MAX][ROUNDS_MAX];
static uint64_t lost[LOADS_MAX];

/* ---- the sensor ------------------------------------------------------------------------------ */

static bool is_ours(const struct sk_process *p)
{
    for (; p; p = p->parent)
        if (p->pid == (uint64_t)getpid())
            return true;
    return false;
}

static void on_event(void *arg, const struct sk_event *ev)
{
    struct run *r = arg;

    if (ev->evt.type == SK_E_CREAT && is_ours(ev->proc))
        r->creats++;
    else if (ev->evt.type == SK_E_EXECVE && is_ours(ev->proc) &&
             sk_str_eq(ev->proc->cmdline, SK_STR("true")))
        r->execs++;
    if (ev->evt.type == SK_E_OPENAT && ev->proc && ev->proc->pid == r->watch_pid &&
        sk_str_eq(ev->fd.name, SK_STR("/etc/shadow")) && !r->hit_ns)
        __atomic_store_n(&r->hit_ns, sk_now_mono_ns(), __ATOMIC_RELEASE);
}

static void *reader(void *arg)
{
    struct run *r = arg;
    struct timespec t;

    while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
        struct pollfd p = {.fd = sk_sensor_fd(r->s), .events = POLLIN};

        (void)poll(&p, 1, (int)SK_MIN(sk_sensor_tick_ms(r->s), 100u));
        if (sk_sensor_dispatch(r->s, NULL) < 0)
            break;
    }
    while (sk_sensor_dispatch(r->s, NULL) > 0)
        ;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    r->cpu = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    return NULL;
}

/* What the community rules and ours look at: all but calls that come by the million. */
static void want_set(struct sk_sensor *s)
{
    static const uint32_t not_wanted[] = {SK_E_MPROTECT, SK_E_PRCTL,  SK_E_SPLICE,
                                          SK_E_KEYCTL,   SK_E_SYSLOG, SK_E_SHUTDOWN};
    uint64_t want[2] = {~0ULL, ~0ULL};
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(not_wanted); i++)
        want[not_wanted[i] / 64] &= ~(1ULL << (not_wanted[i] % 64));
    sk_sensor_want(s, want);
}

/* How many programs of sensors there are, ours or not. */
static int programs_count(void)
{
    struct bpf_prog_info info;
    uint32_t id = 0, n;
    int fd, count = 0;

    while (bpf_prog_get_next_id(id, &id) == 0) {
        fd = bpf_prog_get_fd_by_id(id);
        memset(&info, 0, sizeof(info));
        n = sizeof(info);
        if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &n) == 0 &&
            strncmp(info.name, "skb_", 4) == 0)
            count++;
        if (fd >= 0)
            (void)close(fd);
    }
    return count;
}

static bool run_start(struct run *r, bool floor, bool no_repeat)
{
    struct sk_sensor_conf conf = {.host_id = SK_STR("bench"),
                                  .hostname = SK_STR("bench"),
                                  .event = on_event,
                                  .arg = r,
                                  .floor = floor,
                                  .no_repeat = no_repeat};
    struct sk_str why;
    struct sk_err err = {0};

    *r = (struct run){.programs = programs_count()};
    if (sk_sensor_new(&conf, &r->s, &err) < 0) {
        printf("ABSENT\t%s\n", err.msg);
        return false;
    }
    if (!sk_sensor_live(r->s, &why)) {
        printf("ABSENT\t" SK_STR_FMT "\n", SK_STR_ARG(why));
        r->s = sk_sensor_free(r->s);
        return false;
    }
    want_set(r->s);
    if (pthread_create(&r->thread, NULL, reader, r) != 0) {
        r->s = sk_sensor_free(r->s);
        return false;
    }
    return true;
}

static void run_end(struct run *r)
{
    int i;

    __atomic_store_n(&r->stop, true, __ATOMIC_RELEASE);
    (void)pthread_join(r->thread, NULL);
    r->s = sk_sensor_free(r->s);
    for (i = 0; i < 150 && programs_count() > r->programs; i++)
        (void)usleep(100000); /* the kernel takes its time to take hooks off */
}

static double thread_cpu(pthread_t t)
{
    clockid_t id;
    struct timespec v;

    if (pthread_getcpuclockid(t, &id) != 0 || clock_gettime(id, &v) != 0)
        return 0;
    return (double)v.tv_sec + (double)v.tv_nsec / 1e9;
}

/* ---- ratios ---------------------------------------------------------------------------------- */

static bool round_mode(enum mode mode, int round, const char *only)
{
    struct sk_sensor_stats a = {0}, b = {0};
    struct run r;
    double own0;
    unsigned i;

    if (mode != NONE && !run_start(&r, mode == FLOOR, false))
        return false;
    for (i = 0; i < n_loads; i++) {
        if (only && strcmp(only, loads[i].name) != 0)
            continue;
        if (mode == SENSOR)
            sk_sensor_stats(r.s, &a);
        own0 = mode == SENSOR ? thread_cpu(r.thread) : 0;
        cpu_of[mode][i][round] = load_measure(loads[i].name, loads[i].n).cpu;
        if (mode != SENSOR)
            continue;
        (void)usleep(20000);
        own[i][round] = (thread_cpu(r.thread) - own0) / (double)loads[i].n * 1e6;
        sk_sensor_stats(r.s, &b);
        lost[i] += b.lost - a.lost;
    }
    if (mode != NONE)
        run_end(&r);
    return true;
}

static int double_cmp(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct stat3 {
    double median, spread; /* spread: third minus first quartile */
};
static struct stat3 stat3_of(double *v, int n)
{
    qsort(v, (size_t)n, sizeof(*v), double_cmp);
    return (struct stat3){n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2,
                          v[(3 * n) / 4 < n ? (3 * n) / 4 : n - 1] - v[n / 4]};
}

static void figure(const char *name, const char *what, struct stat3 s, const char *unit,
                   const char *goal, double peer, int rounds)
{
    char peer_text[64] = "\t";

    if (peer > 0)
        (void)snprintf(peer_text, sizeof(peer_text), "Falco 0.44\t%g", peer);
    printf("FIGURE\t%s: %s\t%.4g\t%s\t%s\tlower\t%s\t%d\t%.3g\n", name, what, s.median, unit, goal,
           peer_text, rounds, s.spread);
}

static struct stat3 ratio(enum mode a, enum mode b, unsigned load, int rounds)
{
    double v[ROUNDS_MAX];
    int i;

    for (i = 0; i < rounds; i++)
        v[i] = cpu_of[b][load][i] > 0 ? cpu_of[a][load][i] / cpu_of[b][load][i] : 0;
    return stat3_of(v, rounds);
}

static void ratios_print(int rounds, const char *only)
{
    char goal[32];
    unsigned i;

    for (i = 0; i < n_loads; i++) {
        if (only && strcmp(only, loads[i].name) != 0)
            continue;
        (void)snprintf(goal, sizeof(goal), loads[i].goal > 0 ? "%g" : "", loads[i].goal);
        figure(loads[i].name, "CPU, ratio to none", ratio(SENSOR, NONE, i, rounds), "ratio", goal,
               loads[i].peer, rounds);
        figure(loads[i].name, "CPU, ratio to floor", ratio(SENSOR, FLOOR, i, rounds), "ratio",
               "1.06", 0, rounds);
        figure(loads[i].name, "floor, ratio to none", ratio(FLOOR, NONE, i, rounds), "ratio", "", 0,
               rounds);
        (void)snprintf(goal, sizeof(goal), loads[i].own_goal > 0 ? "%g" : "", loads[i].own_goal);
        figure(loads[i].name, "own CPU an operation", stat3_of(own[i], rounds), "us", goal,
               loads[i].peer_own, rounds);
        figure(loads[i].name, "events lost", (struct stat3){(double)lost[i], 0}, "events", "0", 0,
               rounds);
    }
}

/* ---- overload -------------------------------------------------------------------------------- */

#define FLOOD_N 600000
#define FLOOD_EXECS 200

static uint64_t kind_lost(const struct run *r, const char *kind)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)1 << 20);
    struct sk_loss *v;
    size_t n, i;

    if (!a || sk_sensor_losses(r->s, a, &v, &n) < 0)
        return UINT64_MAX;
    for (i = 0; i < n; i++)
        if (sk_str_eq(v[i].kind, sk_str_c(kind)))
            return v[i].lost;
    return 0;
}

/* Two generators at full speed; nothing is folded. made = seen + lost, to the last one. */
static void overload(void)
{
    struct timespec a, b;
    struct run r;
    uint64_t lost_creats, lost_execs, made = 2 * FLOOD_N;
    double took;
    int i;

    if (!run_start(&r, false, true))
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &a);
    for (i = 0; i < 2; i++)
        if (fork() == 0) {
            (void)load_measure("creat", FLOOD_N);
            _exit(0);
        }
    (void)load_measure(loads[0].name, FLOOD_EXECS);
    while (wait(NULL) > 0)
        ;
    (void)clock_gettime(CLOCK_MONOTONIC, &b);
    took = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    __atomic_store_n(&r.stop, true, __ATOMIC_RELEASE);
    (void)pthread_join(r.thread, NULL);
    lost_creats = kind_lost(&r, "creat");
    lost_execs = kind_lost(&r, "execve");
    printf("overload: %llu creat in %.2f s, %llu seen, %llu lost; %llu of %d execs seen\n",
           (unsigned long long)made, took, (unsigned long long)r.creats,
           (unsigned long long)lost_creats, (unsigned long long)r.execs, FLOOD_EXECS);
    printf("FIGURE\toverload: made - seen - lost\t%lld\tevents\t0\tlower\t\t\t1\t0\n",
           (long long)(made - r.creats - lost_creats));
    printf("FIGURE\toverload: exec events lost\t%llu\tevents\t0\tlower\t\t\t1\t0\n",
           (unsigned long long)lost_execs);
    printf("FIGURE\toverload: file events delivered\t%.0f\tevents/s\t\thigher\t\t\t1\t0\n",
           (double)r.creats / took);
    printf("FIGURE\toverload: file events lost\t%.3g\t%%\t22\tlower\tFalco 0.44\t17.9\t1\t0\n",
           (double)lost_creats * 100 / (double)made);
    r.s = sk_sensor_free(r.s);
}

/* ---- latency, start -------------------------------------------------------------------------- */

#define SHOTS 200

static void latency(void)
{
    static double v[SHOTS];
    struct run r;
    int i, p[2], n = 0, k;
    uint64_t t0;
    pid_t pid;

    if (!run_start(&r, false, false))
        return;
    for (i = 0; i < SHOTS; i++) {
        if (pipe(p) < 0)
            break;
        pid = fork();
        if (pid == 0) {
            (void)usleep(15000);
            t0 = sk_now_mono_ns();
            (void)close(open("/etc/shadow", O_RDONLY));
            (void)!write(p[1], &t0, sizeof(t0));
            _exit(0);
        }
        r.hit_ns = 0;
        __atomic_store_n(&r.watch_pid, (uint64_t)pid, __ATOMIC_RELEASE);
        (void)waitpid(pid, NULL, 0);
        if (read(p[0], &t0, sizeof(t0)) == (ssize_t)sizeof(t0)) {
            for (k = 0; k < 1000 && !__atomic_load_n(&r.hit_ns, __ATOMIC_ACQUIRE); k++)
                (void)usleep(100);
            if (r.hit_ns)
                v[n++] = (double)(r.hit_ns - t0) / 1e6;
        }
        (void)close(p[0]);
        (void)close(p[1]);
    }
    qsort(v, (size_t)n, sizeof(v[0]), double_cmp);
    if (n > 0) {
        printf(
            "FIGURE\tlatency: open to event, p50\t%.3g\tms\t0.8\tlower\tFalco 0.44\t0.94\t%d\t0\n",
            v[n / 2], n);
        printf("FIGURE\tlatency: open to event, p99\t%.3g\tms\t8\tlower\tFalco 0.44\t14.4\t%d\t0\n",
               v[n * 99 / 100], n);
    }
    printf("latency: %d of %d seen\n", n, SHOTS);
    run_end(&r);
}

static void start_time(void)
{
    struct rusage u;
    struct run r;
    uint64_t t = sk_now_mono_ns();

    if (!run_start(&r, false, false))
        return;
    printf("FIGURE\tstart to attached\t%.4g\tms\t300\tlower\t\t\t1\t0\n",
           (double)(sk_now_mono_ns() - t) / 1e6);
    run_end(&r);
    (void)getrusage(RUSAGE_SELF, &u);
    printf("FIGURE\tpeak memory of the sensor alone\t%.4g\tMB\t\tlower\t\t\t1\t0\n",
           (double)u.ru_maxrss / 1024);
}

/* The floor for others' measurements: attached until standard input ends. */
static int hold_floor(void)
{
    struct run r;
    char c;

    if (!run_start(&r, true, false))
        return 1;
    (void)puts("held");
    while (read(STDIN_FILENO, &c, 1) > 0)
        ;
    run_end(&r);
    return 0;
}

int main(int argc, char **argv)
{
    int64_t rounds = 5;
    const char *only = argc > 2 ? argv[2] : NULL;
    char dir[] = "/tmp/skep_bench_XXXXXX";
    int round, k;

    if (argc == 4 && strcmp(argv[1], "--load") == 0)
        return sk_str_i64(sk_str_c(argv[3]), &rounds) < 0 ? 2 : load_run(argv[2], (uint64_t)rounds);
    if (argc > 1 && strcmp(argv[1], "--floor") != 0 &&
        (sk_str_i64(sk_str_c(argv[1]), &rounds) < 0 || rounds < 1 || rounds > ROUNDS_MAX))
        return 2;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 10); /* as skep does */
    if (argc == 2 && strcmp(argv[1], "--floor") == 0)
        return hold_floor();
    if (!mkdtemp(dir) || chdir(dir) < 0)
        return 1;
    start_time();
    for (round = 0; round < (int)rounds; round++)
        for (k = 0; k < MODES; k++)
            if (!round_mode((enum mode)((k + round) % MODES), round, only))
                return 0;
    ratios_print((int)rounds, only);
    if (!only) {
        overload();
        latency();
    }
    if (chdir("/") == 0)
        (void)execl("/bin/rm", "rm", "-rf", dir, (char *)NULL);
    return 0;
}
