/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "respond_test.h"

static char box[300]; /* the container's root */

static void chrooted(struct bench *b)
{
    if (chroot(box) < 0 || chdir("/") < 0)
        _exit(97);
    for (;;) {
        ++*b->count;
        nap(2);
    }
}

static void put(const char *name, const char *text, mode_t mode)
{
    char path[400];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", box, name);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static const char *in_box(const char *name)
{
    static char path[400];

    (void)snprintf(path, sizeof(path), "%s/%s", box, name);
    return path;
}

static void start(struct bench *b)
{
    bench_init(b, true, false);
    (void)snprintf(box, sizeof(box), "%s/box", b->dir);
    assert_int_equal(mkdir(box, 0755), 0);
    assert_int_equal(mkdir(in_box("bin"), 0755), 0);
    assert_true(bench_run(b, chrooted));
    while (*b->count == 0)
        nap(5);
    bench_start(b);
}

static struct sk_act file_act(struct bench *b, const char *path, char id[27])
{
    struct sk_act a = act_of(b, SK_AK_QUARANTINE_FILE, id);

    a.path = sk_str_c(path);
    return a;
}

static void a_file_is_taken_away_and_comes_back_the_same(void **state)
{
    const struct timespec times[2] = {{.tv_sec = 1000000000, .tv_nsec = 123456789},
                                      {.tv_sec = 1100000000, .tv_nsec = 987654321}};
    struct bench b;
    char id[27], back[27], kept[400], buf[64];
    struct stat before, after;
    struct sk_act a;
    struct told t;
    int fd;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    start(&b);
    put("bin/miner", "#!/bin/sh\necho mine\n", 0755);
    assert_int_equal(chown(in_box("bin/miner"), 1234, 4321), 0);
    assert_int_equal(chmod(in_box("bin/miner"), 06755), 0);
    (void)setxattr(in_box("bin/miner"), "user.note", "a\0b", 3, 0); /* not on every file system */
    assert_int_equal(setxattr(in_box("bin/miner"), "trusted.skep", "t", 1, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, in_box("bin/miner"), times, 0), 0);
    assert_int_equal(stat(in_box("bin/miner"), &before), 0);

    a = file_act(&b, "/bin/miner", id);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    t = await(&b, id, SK_AC_DONE);
    assert_string_equal(t.result,
                        "taken away and kept (20 bytes, SHA-256 "
                        "58faa9b08dd73803a0074706c867ee88c4e38420bcab78944d366718a2fdf5df)");
    assert_int_equal(access(in_box("bin/miner"), F_OK), -1);
    (void)snprintf(kept, sizeof(kept), "%s/quarantine/%s.bytes", b.dir, id);
    assert_int_equal(stat(kept, &after), 0);
    assert_int_equal(after.st_mode & 07777, 0600); /* never executable there */

    act_undo(&b, SK_AK_RESTORE_FILE, id, back);
    (void)await(&b, back, SK_AC_DONE);
    assert_int_equal(stat(in_box("bin/miner"), &after), 0);
    assert_int_equal(after.st_mode, before.st_mode);
    assert_int_equal(after.st_uid, 1234);
    assert_int_equal(after.st_gid, 4321);
    assert_int_equal(after.st_size, before.st_size);
    assert_int_equal(after.st_mtim.tv_sec, times[1].tv_sec);
    assert_int_equal(after.st_mtim.tv_nsec, times[1].tv_nsec);
    assert_int_equal(after.st_atim.tv_nsec, times[0].tv_nsec);
    assert_int_equal(getxattr(in_box("bin/miner"), "trusted.skep", buf, sizeof(buf)), 1);
    fd = open(in_box("bin/miner"), O_RDONLY);
    assert_int_equal(read(fd, buf, sizeof(buf)), 20);
    assert_memory_equal(buf, "#!/bin/sh\necho mine\n", 20);
    (void)close(fd);
    assert_int_equal(access(kept, F_OK), -1);
    bench_done(&b);
}

static void a_link_of_the_container_leads_nowhere_else(void **state)
{
    struct bench b;
    char id[27], outside[300];
    struct sk_act a;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    start(&b);
    (void)snprintf(outside, sizeof(outside), "%s/outside", b.dir);
    (void)close(open(outside, O_WRONLY | O_CREAT | O_EXCL, 0600));
    assert_int_equal(symlink(outside, in_box("bin/out")), 0);
    assert_int_equal(symlink("../../../../../../..", in_box("bin/up")), 0);
    a = file_act(&b, "/bin/out", id);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    assert_string_equal(await(&b, id, SK_AC_FAILED).error, "/bin/out: No such file or directory");
    a = file_act(&b, outside, id);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    (void)await(&b, id, SK_AC_FAILED);
    assert_int_equal(access(outside, F_OK), 0);
    bench_done(&b);
}

static void the_file_behind_a_link_is_meant(void **state)
{
    struct bench b;
    char id[27];
    struct sk_act a;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    start(&b);
    put("bin/real", "x", 0755);
    assert_int_equal(symlink("/bin/real", in_box("bin/link")), 0);
    a = file_act(&b, "/bin/link", id);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    (void)await(&b, id, SK_AC_DONE);
    assert_int_equal(access(in_box("bin/real"), F_OK), -1);
    bench_done(&b);
}

static void what_is_no_file_is_not_touched(void **state)
{
    struct bench b;
    char id[27];
    struct sk_act a;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    start(&b);
    assert_int_equal(mkfifo(in_box("bin/pipe"), 0600), 0); /* open(2) on it would wait */
    a = file_act(&b, "/bin/pipe", id);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    assert_string_equal(await(&b, id, SK_AC_FAILED).error, "/bin/pipe is no regular file");
    a = file_act(&b, "/proc/1/exe", id);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    assert_string_equal(await(&b, id, SK_AC_REFUSED).error, "/proc/1/exe is the kernel's, no file");
    a = file_act(&b, "bin/x", id);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    assert_string_equal(await(&b, id, SK_AC_FAILED).error, "\"bin/x\": a path from / is expected");
    bench_done(&b);
}

static void a_file_that_is_there_again_is_not_overwritten(void **state)
{
    struct bench b;
    char id[27], back[27];
    struct sk_act a;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    start(&b);
    put("bin/tool", "old", 0755);
    a = file_act(&b, "/bin/tool", id);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    (void)await(&b, id, SK_AC_DONE);
    put("bin/tool", "new", 0755);
    act_undo(&b, SK_AK_RESTORE_FILE, id, back);
    assert_string_equal(await(&b, back, SK_AC_FAILED).error,
                        "/bin/tool is there again; it is not overwritten");
    assert_int_equal(told_of(&b, id).state, SK_AC_DONE); /* still in quarantine */
    assert_int_equal(unlink(in_box("bin/tool")), 0);
    act_undo(&b, SK_AK_RESTORE_FILE, id, back);
    (void)await(&b, back, SK_AC_DONE);
    bench_done(&b);
}

static void what_chattr_holds_is_taken_away_too(void **state)
{
    struct bench b;
    char id[27], back[27];
    struct sk_act a;
    int fd, flags = FS_IMMUTABLE_FL;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    start(&b);
    put("bin/held", "x", 0755);
    fd = open(in_box("bin/held"), O_RDONLY);
    if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0) {
        (void)close(fd);
        bench_done(&b);
        NEEDS(false, "no chattr on this file system");
    }
    (void)close(fd);
    a = file_act(&b, "/bin/held", id);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    (void)await(&b, id, SK_AC_DONE);
    assert_int_equal(access(in_box("bin/held"), F_OK), -1);
    act_undo(&b, SK_AK_RESTORE_FILE, id, back);
    (void)await(&b, back, SK_AC_DONE);
    fd = open(in_box("bin/held"), O_RDONLY);
    flags = 0;
    assert_int_equal(ioctl(fd, FS_IOC_GETFLAGS, &flags), 0);
    assert_true(flags & FS_IMMUTABLE_FL);
    flags = 0;
    assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0); /* so that it can be cleaned away */
    (void)close(fd);
    bench_done(&b);
}

static void other_names_of_the_file_are_told(void **state)
{
    struct bench b;
    char id[27], from[400];
    struct sk_act a;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    start(&b);
    put("bin/one", "x", 0755);
    (void)snprintf(from, sizeof(from), "%s/bin/one", box);
    assert_int_equal(link(from, in_box("bin/two")), 0);
    a = file_act(&b, "/bin/one", id);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    assert_true(
        strstr(await(&b, id, SK_AC_DONE).result, "; 1 other names of the same file are left"));
    bench_done(&b);
}

SK_TEST_MAIN(a_file_is_taken_away_and_comes_back_the_same,
             a_link_of_the_container_leads_nowhere_else, the_file_behind_a_link_is_meant,
             what_is_no_file_is_not_touched, a_file_that_is_there_again_is_not_overwritten,
             what_chattr_holds_is_taken_away_too, other_names_of_the_file_are_told)
