/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables of hosts, containers, images and processes. */
#include "model/nouns_int.h"

#define S sk_process
static const struct sk_field process_fields[] = {
    F(id, STR, 1, KEY, "Identity over reboots and pid reuse: host, start and pid in hexadecimal"),
    F(host_id, STR, 2, INDEX, "Host it runs on"),
    F(container_id, STR, 3, INDEX,
      "Container it runs in; absent on the host, \"pending\" while not settled"),
    F(pid, U64, 4, COLUMN | LIST, "Process id, as the host sees it"),
    F(ppid, U64, 5, 0, "Process id of the parent, as the host sees it"),
    F(vpid, U64, 6, 0, "Process id inside the container"),
    F(vppid, U64, 7, 0, "Process id of the parent inside the container"),
    F(tid, U64, 8, 0, "Thread id of the thread the event came from"),
    F(sid, U64, 9, 0, "Session id"),
    F(pgid, U64, 10, 0, "Process group id"),
    F(name, STR, 11, INDEX | LIST | TITLE, "Name after exec, at most 15 bytes"),
    F(exe, STR, 12, 0, "First argument, argv[0]"),
    F(exepath, STR, 13, INDEX,
      "Path of the executable, from the kernel's file, seen from the process's root"),
    F(args, STR, 14, 0, "Arguments after the first, joined by blanks"),
    F(cmdline, STR, 15, COLUMN | LIST, "Name and arguments, joined by blanks"),
    F(cwd, STR, 16, 0, "Working directory"),
    F(env, STR, 17, 0, "Kept part of the environment, A=b joined by blanks, secrets masked"),
    F(uid, U32, 18, 0, "User id"),
    F(gid, U32, 19, 0, "Group id"),
    F(euid, U32, 20, 0, "Effective user id"),
    F(egid, U32, 21, 0, "Effective group id"),
    F(loginuid, U32, 22, 0, "User id of the login session; 4294967295: none"),
    F(user, STR, 23, LIST, "Name of the user, by the container's or host's passwd"),
    F(group, STR, 24, 0, "Name of the group, by the container's or host's group file"),
    F(loginname, STR, 25, 0, "Name of the user of the login session"),
    FO(cap_permitted, BITS, sk_enum_capability, 26, 0, "Permitted capabilities"),
    FO(cap_effective, BITS, sk_enum_capability, 27, 0, "Effective capabilities"),
    FO(cap_inheritable, BITS, sk_enum_capability, 28, 0, "Inheritable capabilities"),
    F(tty, U32, 29, 0, "Device number of the controlling terminal; 0: none"),
    F(exe_upper, BOOL, 30, 0, "Executable lies in the overlay's upper layer: not in the image"),
    F(exe_memfd, BOOL, 31, 0, "Executed from a memfd or another anonymous file"),
    F(exe_deleted, BOOL, 32, 0, "Executable had no name any more when it was run"),
    F(exe_writable, BOOL, 33, 0, "Executable can be written by the user who runs it"),
    F(is_vpgid_leader, BOOL, 34, 0, "Leads its process group"),
    F(is_sid_leader, BOOL, 35, 0, "Leads its session"),
    F(exe_dev, U64, 36, 0, "Device of the executable"),
    F(exe_ino, U64, 37, 0, "Inode of the executable"),
    F(exe_mtime, TIME, 38, 0, "Last change of the executable's content"),
    F(exe_ctime, TIME, 39, 0, "Last change of the executable's inode"),
    F(start_time, TIME, 40, INDEX | LIST | SORT, "Start"),
    F(exit_time, TIME, 41, COLUMN, "End; absent while it runs"),
    F(exit_code, I64, 42, 0, "Exit code, or 128 and the signal that ended it"),
    F(parent_id, STR, 43, 0, "Identity of the parent"),
    FO(parent, LINK, sk_kind_process, 44, REF, "Parent: the nearest ancestor that is known"),
    F(exe_fs, U32, 45, 0, "File system of the executable: magic number of statfs(2)"),
    F(root_fs, U32, 46, 0, "File system of the process's root: magic number of statfs(2)"),
};
SK_KIND(process, "processes", "A process, in a container or on the host");
#undef S

#define S sk_mount
static const struct sk_field mount_fields[] = {
    F(source, STR, 1, 0, "What is mounted: a path of the host or the name of a volume"),
    F(dest, STR, 2, 0, "Path in the container"),
    F(mode, STR, 3, 0, "Mode as the runtime gives it, e.g. \"z\""),
    F(type, STR, 4, 0, "\"bind\", \"volume\", \"tmpfs\" …"),
    F(rw, BOOL, 5, 0, "The container may write"),
};
SK_KIND(mount, NULL, "A mount of a container");
#undef S

#define S sk_port
static const struct sk_field port_fields[] = {
    F(container_port, U32, 1, 0, "Port in the container"),
    F(host_port, U32, 2, 0, "Port on the host; 0: not published"),
    F(protocol, STR, 3, 0, "\"tcp\", \"udp\" or \"sctp\""),
    F(host_ip, STR, 4, 0, "Address of the host that is listened on"),
};
SK_KIND(port, NULL, "A port of a container");
#undef S

#define S sk_label
static const struct sk_field label_fields[] = {
    F(key, STR, 1, 0, "Name"),
    F(value, STR, 2, 0, "Value"),
};
SK_KIND(label, NULL, "A name and its value");
#undef S

#define S sk_container
static const struct sk_field container_fields[] = {
    F(id, STR, 1, KEY, "Container id, 64 hexadecimal digits"),
    F(host_id, STR, 2, INDEX, "Host it runs on"),
    F(name, STR, 3, INDEX | LIST | TITLE, "Name, without the leading slash"),
    F(image, STR, 4, INDEX | LIST, "Image as it was asked for, e.g. \"nginx:1.25\""),
    F(image_id, STR, 5, INDEX, "Image id: digest of its configuration"),
    F(image_repository, STR, 6, INDEX, "Repository of the image, e.g. \"docker.io/library/nginx\""),
    F(image_tag, STR, 7, 0, "Tag of the image"),
    F(image_digest, STR, 8, 0, "Digest of the image's manifest"),
    FO(runtime, ENUM, sk_enum_runtime, 9, 0, "Container engine"),
    FO(state, ENUM, sk_enum_container_state, 10, INDEX | LIST, "State of its life"),
    F(command, STR, 11, LIST, "Command it was started with, joined by blanks"),
    F(created, TIME, 12, INDEX | LIST | SORT, "When it was made"),
    F(started, TIME, 13, COLUMN, "When it was last started"),
    F(finished, TIME, 14, 0, "When it last ended"),
    F(exit_code, I64, 15, 0, "Exit code of its last run"),
    F(pid, U64, 16, 0, "Process id of its first process on the host; 0: not running"),
    F(privileged, BOOL, 17, COLUMN, "Runs with all rights (--privileged)"),
    F(host_network, BOOL, 18, 0, "Shares the host's network namespace"),
    F(host_pid, BOOL, 19, 0, "Shares the host's pid namespace"),
    F(ip, STR, 20, 0, "Address in its network"),
    F(network, STR, 21, 0, "Name of its network"),
    F(user, STR, 22, 0, "User its first process was told to run as"),
    F(k8s_pod, STR, 23, INDEX, "Kubernetes pod"),
    F(k8s_namespace, STR, 24, INDEX, "Kubernetes namespace"),
    F(k8s_uid, STR, 25, 0, "Uid of the Kubernetes pod"),
    FO(mounts, LIST, sk_kind_mount, 26, 0, "Mounts"),
    FO(ports, LIST, sk_kind_port, 27, 0, "Ports"),
    FO(labels, LIST, sk_kind_label, 28, 0, "Labels"),
    F(cgroup_id, U64, 29, 0, "Id of its cgroup (version 2); 0: not known"),
    F(late, BOOL, 30, 0, "Events came before the runtime told of it"),
    F(complete, BOOL, 31, 0,
      "All that the runtime knows of it was read, its rights and mounts too"),
};
SK_KIND(container, "containers", "A container, running or gone");
#undef S

#define S sk_image
static const struct sk_field image_fields[] = {
    F(id, STR, 1, KEY | LIST, "Image id: digest of its configuration"),
    F(host_id, STR, 2, INDEX, "Host it was seen on"),
    F(tags, STRS, 3, LIST, "Names with tags"),
    F(digests, STRS, 4, 0, "Names with digests of the manifest"),
    F(created, TIME, 5, INDEX | LIST | SORT, "When it was built"),
    FU(size, U64, BYTES, 6, COLUMN | LIST, "Size of its layers, unpacked"),
    F(os, STR, 7, 0, "Operating system it is made for"),
    F(arch, STR, 8, 0, "Processor it is made for"),
    F(containers, U64, 9, LIST, "Containers on this host that use it"),
};
SK_KIND(image, "images", "A container image on a host");
#undef S

#define S sk_host
static const struct sk_field host_fields[] = {
    F(id, STR, 1, KEY, "Identity of the host: its machine id"),
    F(name, STR, 2, INDEX | LIST | TITLE, "Host name"),
    F(os, STR, 3, LIST, "Operating system, from os-release"),
    F(kernel, STR, 4, LIST, "Kernel release"),
    F(arch, STR, 5, 0, "Processor architecture"),
    F(agent_version, STR, 6, LIST, "Version of the agent"),
    F(cgroup_mode, STR, 7, 0, "Layout of cgroups: \"v1\", \"hybrid\" or \"v2\""),
    F(runtime_version, STR, 8, 0, "Container engine and its version"),
    F(boot_time, TIME, 9, 0, "Last start of the host"),
    F(first_seen, TIME, 10, 0, "When its agent first reported"),
    F(last_seen, TIME, 11, COLUMN | LIST | SORT, "When its agent last reported"),
    F(cpus, U64, 12, 0, "Processors"),
    FU(memory, U64, BYTES, 13, 0, "Memory"),
    F(containers_running, U64, 14, LIST, "Containers that run now"),
    F(bpf, BOOL, 15, LIST, "Kernel events come in"),
    F(bpf_why_not, STR, 16, 0, "What is missing for kernel events; absent when they come in"),
    F(addresses, STRS, 17, 0, "Addresses of its interfaces, with the lengths of their networks"),
};
SK_KIND(host, "hosts", "A host with an agent");
#undef S
