/* SPDX-License-Identifier: Apache-2.0 */
/* skep COMMAND: finds the command, parses its options, runs it. The only main(). */
#include <signal.h>

#include "commands.h"
#include "deny/deny.h"

const struct sk_cmd *const sk_cmds[] = {
    &sk_cmd_up,
    &sk_cmd_agent,
    &sk_cmd_agent_status,
    &sk_cmd_server,
    &sk_cmd_agents_list,
    &sk_cmd_agents_revoke,
    &sk_cmd_join_list,
    &sk_cmd_join_create,
    &sk_cmd_join_revoke,
    &sk_cmd_ps,
    &sk_cmd_images,
    &sk_cmd_hosts,
    &sk_cmd_processes,
    &sk_cmd_alerts,
    &sk_cmd_alerts_close,
    &sk_cmd_alerts_assign,
    &sk_cmd_alerts_comment,
    &sk_cmd_incidents,
    &sk_cmd_actions,
    &sk_cmd_drills,
    &sk_cmd_exceptions_list,
    &sk_cmd_exceptions_add,
    &sk_cmd_exceptions_preview,
    &sk_cmd_exceptions_rm,
    &sk_cmd_indicators_list,
    &sk_cmd_indicators_import,
    &sk_cmd_indicators_rm,
    &sk_cmd_events,
    &sk_cmd_record_ls,
    &sk_cmd_record_show,
    &sk_cmd_record_export,
    &sk_cmd_record_status,
    &sk_cmd_replay,
    &sk_cmd_rules_check,
    &sk_cmd_rules_list,
    &sk_cmd_rules_explain,
    &sk_cmd_rules_fields,
    &sk_cmd_respond_freeze,
    &sk_cmd_respond_unfreeze,
    &sk_cmd_respond_isolate,
    &sk_cmd_respond_release,
    &sk_cmd_respond_kill,
    &sk_cmd_respond_quarantine,
    &sk_cmd_respond_restore,
    &sk_cmd_respond_block,
    &sk_cmd_respond_unblock,
    &sk_cmd_respond_list,
    &sk_cmd_evidence_collect,
    &sk_cmd_evidence_list,
    &sk_cmd_evidence_show,
    &sk_cmd_evidence_verify,
    &sk_cmd_evidence_export,
    &sk_cmd_profile_list,
    &sk_cmd_profile_show,
    &sk_cmd_profile_versions,
    &sk_cmd_profile_diff,
    &sk_cmd_profile_export,
    &sk_cmd_profile_import,
    &sk_cmd_profile_promote,
    &sk_cmd_profile_learn,
    &sk_cmd_profile_off,
    &sk_cmd_profile_allow,
    &sk_cmd_profile_deny,
    &sk_cmd_profile_remove,
    &sk_cmd_profile_delete,
    &sk_cmd_drill_list,
    &sk_cmd_drill_run,
    &sk_cmd_drill_act,
    &sk_cmd_expr_check,
    &sk_cmd_expr_explain,
    &sk_cmd_api,
    &sk_cmd_completion,
    &sk_cmd_version,
    NULL,
};

static void help(FILE *to)
{
    const struct sk_cmd *const *c;

    fprintf(to, "skep: what the containers of this host are, do, and must not do.\n\n"
                "Usage: skep COMMAND [OPTIONS]\n\nCommands:\n");
    for (c = sk_cmds; *c; c++)
        fprintf(to, "  %-16s %s\n", (*c)->name, (*c)->summary);
    fprintf(to,
            "\nskep COMMAND --help tells the rest. Exit codes: 0 done, 1 failed, 2 wrong usage, "
            "3 found what was asked to fail on.\n\nExamples:\n"
            "  skep up                      console and agent of this host\n"
            "  skep ps                      running containers\n"
            "  skep alerts --follow         alerts as they come\n"
            "  skep expr check my.yaml      is this rule file right?\n");
}

/* Matches "agent status" before "agent"; *ret_words is how many words were used. */
static const struct sk_cmd *find(int argc, char **argv, int *ret_words)
{
    const struct sk_cmd *const *c;
    char two[64];

    if (argc > 1) {
        (void)snprintf(two, sizeof(two), "%s %s", argv[0], argv[1]);
        for (c = sk_cmds; *c; c++)
            if (strcmp((*c)->name, two) == 0)
                return *ret_words = 2, *c;
    }
    for (c = sk_cmds; *c; c++)
        if (strcmp((*c)->name, argv[0]) == 0)
            return *ret_words = 1, *c;
    return NULL;
}

/* "skep rules" alone: the sub-commands there are. */
static bool family_help(const char *word, FILE *to)
{
    const struct sk_cmd *const *c;
    size_t n = strlen(word);
    bool any = false;

    for (c = sk_cmds; *c; c++) {
        if (strncmp((*c)->name, word, n) != 0 || (*c)->name[n] != ' ')
            continue;
        if (!any)
            fprintf(to, "Usage: skep %s COMMAND\n\nCommands:\n", word);
        any = true;
        fprintf(to, "  %-10s %s\n", (*c)->name + n + 1, (*c)->summary);
    }
    return any;
}

int main(int argc, char **argv)
{
    const struct sk_cmd *cmd;
    struct sk_args args;
    struct sk_err err = {0};
    int words = 0, r;

    if (argc == 2 && strcmp(argv[1], SK_DENY_PROBE_ARG) == 0)
        return sk_deny_probe_main(); /* the agent's own: no command for people */
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        help(argc < 2 ? stderr : stdout);
        return argc < 2 ? SK_EXIT_USAGE : 0;
    }
    if (strcmp(argv[1], "--version") == 0)
        argv[1] = (char[]){"version"};
    cmd = find(argc - 1, argv + 1, &words);
    if (!cmd) {
        if (family_help(argv[1], argc > 2 && strcmp(argv[2], "--help") == 0 ? stdout : stderr))
            return argc > 2 && strcmp(argv[2], "--help") == 0 ? 0 : SK_EXIT_USAGE;
        fprintf(stderr, "skep: no command \"%.40s\"; see skep --help\n", argv[1]);
        return SK_EXIT_USAGE;
    }
    r = sk_args_parse(cmd, argc - 1 - words, argv + 1 + words, &args, &err);
    if (r == 1)
        return 0;
    if (r < 0) {
        fprintf(stderr, "skep %s: %s\n", cmd->name, err.msg);
        return SK_EXIT_USAGE;
    }
    return cmd->run(&args);
}
