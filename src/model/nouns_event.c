/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables of events and of the alerts made from them. */
#include "model/evt.h"
#include "model/nouns_int.h"

#define S sk_evt
static const struct sk_field evt_fields[] = {
    F(num, U64, 1, 0,
      "Number of the event on its agent, from 1, in the order of the kernel's clock"),
    F(time, TIME, 2, 0, "When it happened"),
    FO(type, ENUM, sk_enum_evt_type, 3, COLUMN, "What happened: name of the system call or event"),
    F(rawres, I64, 4, 0, "Return value; negative: error number"),
    F(failed, BOOL, 5, 0, "The call returned an error"),
    F(blocked, BOOL, 6, 0, "Refused before it ran, e.g. by the container's seccomp profile"),
    F(is_open_read, BOOL, 7, 0, "A file was opened for reading"),
    F(is_open_write, BOOL, 8, 0, "A file was opened for writing"),
    F(is_open_create, BOOL, 9, 0, "A file was made by opening it"),
    F(is_open_exec, BOOL, 10, 0, "A file with an execute bit was made by opening it"),
    F(flags, U32, 11, 0, "Flags of the call, as the kernel numbers them for this type"),
    F(mode, U32, 12, 0, "Mode bits of the call"),
    F(path, STR, 13, 0, "Path the call is about, as the kernel resolved it"),
    F(oldpath, STR, 14, 0, "Path before, of rename and link"),
    F(newpath, STR, 15, 0, "Path after, of rename and link"),
    F(name, STR, 16, 0, "Name of a memfd or of a kernel module"),
    F(target_pid, U64, 17, 0, "Process acted upon, of kill, ptrace and setns"),
    F(arg0, I64, 18, 0, "First number of the call, by type: signal, request, uid, descriptor …"),
    F(arg1, I64, 19, 0, "Second number of the call, by type"),
    F(arg2, I64, 20, 0, "Third number of the call, by type"),
    F(arg3, I64, 21, 0, "Fourth number of the call, by type"),
    F(lost, U64, 22, 0, "Events lost on this host before this one"),
    FU(bytes_out, U64, BYTES, 23, 0,
       "Bytes sent over a TCP connection, told at its end (tcpclose)"),
    FU(bytes_in, U64, BYTES, 24, 0, "Bytes received over a TCP connection, told at its end"),
    FU(duration_ms, U64, MS, 25, 0, "How long a TCP connection lasted, told at its end"),
    F(io_uring, BOOL, 26, 0, "Asked for through io_uring: how it ended is not known"),
};
SK_KIND(evt, NULL, "What one kernel event says");
#undef S

#define S sk_fd
static const struct sk_field fd_fields[] = {
    F(num, I64, 1, 0, "Number of the descriptor; -1: none"),
    FO(typechar, ENUM, sk_enum_fd_typechar, 2, 0,
       "Type: f file, d directory, 4 and 6 internet socket, u unix socket, p pipe, e event, v "
       "device, "
       "o other"),
    F(name, STR, 3, 0, "Path of a file, or both ends of a socket"),
    F(directory, STR, 4, 0, "Folder of the file"),
    F(filename, STR, 5, 0, "Name of the file without its folder"),
    FO(l4proto, ENUM, sk_enum_l4proto, 6, 0, "Transport protocol of the socket"),
    F(cip, IP, 7, 0, "Address of the client"),
    F(sip, IP, 8, 0, "Address of the server"),
    F(lip, IP, 9, 0, "Address of this side"),
    F(rip, IP, 10, 0, "Address of the other side"),
    F(cport, U32, 11, 0, "Port of the client"),
    F(sport, U32, 12, 0, "Port of the server"),
    F(lport, U32, 13, 0, "Port of this side"),
    F(rport, U32, 14, 0, "Port of the other side"),
    F(dev, U64, 15, 0, "Device of the file"),
    F(ino, U64, 16, 0, "Inode of the file"),
    F(upper, BOOL, 17, 0, "File lies in the overlay's upper layer: not in the image"),
    F(deleted, BOOL, 18, 0, "File has no name any more"),
};
SK_KIND(fd, NULL, "The descriptor that an event is about");
#undef S

#define S sk_dns
static const struct sk_field dns_fields[] = {
    F(name, STR, 1, 0, "Name asked for, lower case, without a dot at the end"),
    F(type, STR, 2, 0, "Type asked for: A, AAAA, TXT …"),
};
SK_KIND(dns, NULL, "What was asked of a name server, in a packet to port 53 or 5353");
#undef S

#define S sk_event
static const struct sk_field event_fields[] = {
    F(id, STR, 1, KEY, "Identity: host, boot and number"),
    F(host_id, STR, 2, INDEX, "Host it happened on"),
    F(hostname, STR, 3, 0, "Name of that host"),
    FO(evt, GROUP, sk_kind_evt, 4, 0, "What happened"),
    FO(fd, GROUP, sk_kind_fd, 5, 0, "Descriptor it is about"),
    FO(proc, LINK, sk_kind_process, 6, LIST, "Process that did it"),
    FO(container, LINK, sk_kind_container, 7, LIST, "Container it happened in; absent on the host"),
    FO(dns, LINK, sk_kind_dns, 8, 0, "What it asks of a name server"),
};
SK_KIND(event, NULL, "A kernel event with its process and container");
#undef S

#define S sk_k8s_audit
static const struct sk_field k8s_audit_fields[] = {
    F(id, STR, 1, KEY, "Identity of the request"),
    F(time, TIME, 2, 0, "When it came"),
};
SK_KIND(k8s_audit, NULL, "An event of the Kubernetes audit log");
#undef S

#define S sk_alert
static const struct sk_field alert_fields[] = {
    F(id, STR, 1, KEY, "Identity; sorts by time"),
    F(host_id, STR, 2, INDEX, "Host it happened on"),
    F(hostname, STR, 3, LIST, "Name of that host"),
    F(time, TIME, 4, INDEX | LIST | SORT, "When the event happened"),
    F(rule, STR, 5, INDEX | LIST | TITLE, "Rule that raised it"),
    F(source, STR, 6, COLUMN, "Where the event came from: \"syscall\", \"k8s_audit\""),
    FO(priority, ENUM, sk_enum_priority, 7, INDEX | LIST, "How bad it is, by the rule"),
    F(output, STR, 8, LIST, "Text of the rule, filled in"),
    F(desc, STR, 9, 0, "What the rule looks for"),
    F(tags, STRS, 10, 0, "Tags of the rule"),
    F(techniques, STRS, 11, 0, "MITRE ATT&CK techniques among the tags"),
    FO(evt, GROUP, sk_kind_evt, 12, 0, "Event that matched"),
    FO(fd, GROUP, sk_kind_fd, 13, 0, "Descriptor the event is about"),
    FO(proc, LINK, sk_kind_process, 14, 0, "Process that did it"),
    FO(container, LINK, sk_kind_container, 15, LIST,
       "Container it happened in; absent on the host"),
    FO(ancestors, LIST, sk_kind_process, 16, 0,
       "Ancestors of the process, nearest first, up to the container's first or pid 1"),
    FO(output_fields, LIST, sk_kind_label, 17, 0, "Fields that the rule's text names, with values"),
    F(lost, U64, 18, 0, "Events lost since its process began"),
    F(count, U64, 19, 0, "How often it happened, repetitions folded"),
    FO(state, ENUM, sk_enum_alert_state, 20, INDEX | LIST,
       "Whether someone still has to look at it"),
    F(stored, TIME, 21, 0, "When the console had it on disk"),
    FO(engine, ENUM, sk_enum_engine, 22, INDEX, "Engine that raised it"),
    FO(response, ENUM, sk_enum_response, 23, COLUMN, "What was done about the act at once"),
    F(response_how, STR, 24, 0, "By which means, or why not"),
    F(seen_before, U64, 25, 0, "How often the workload did this before"),
    F(seen_since, TIME, 26, 0, "Since when that is known"),
    F(incident_id, STR, 27, INDEX, "Incident it is part of"),
    F(recorded, BOOL, 28, 0, "The flight recorder keeps its window of time"),
    F(assignee, STR, 29, INDEX, "Who looks at it"),
    FO(verdict, ENUM, sk_enum_verdict, 30, COLUMN, "What it turned out to be"),
    FO(comments, LIST, sk_kind_comment, 31, 0, "Notes"),
    FO(dns, LINK, sk_kind_dns, 32, 0, "What the event asks of a name server"),
};
SK_KIND(alert, "alerts", "Something a rule found");
#undef S
