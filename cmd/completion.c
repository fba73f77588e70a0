/* SPDX-License-Identifier: Apache-2.0 */
/* skep completion bash|zsh|fish: words from the command tables. */
#include "commands.h"

static void words_of(const struct sk_cmd *c, const char *dash)
{
    const struct sk_opt *o;

    for (o = c->opts; o && o->name; o++)
        printf("%s%s ", dash, o->name);
    printf("%shelp", dash);
}

static void bash(void)
{
    const struct sk_cmd *const *c;

    printf("# bash completion for skep: source <(skep completion bash)\n"
           "_skep() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} words i\n"
           "    local cmd=\"${COMP_WORDS[1]}\" two=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\"\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        COMPREPLY=($(compgen -W \"");
    for (c = sk_cmds; *c; c++)
        printf("%.*s ", (int)strcspn((*c)->name, " "), (*c)->name);
    printf("\" -- \"$cur\"))\n        return\n    fi\n");
    for (c = sk_cmds; *c; c++) {
        if (!strchr((*c)->name, ' '))
            continue;
        printf("    [ \"$COMP_CWORD\" -eq 2 ] && [ \"$cmd\" = %.*s ] && words=\"$words %s\"\n",
               (int)strcspn((*c)->name, " "), (*c)->name, strchr((*c)->name, ' ') + 1);
        printf("    [ \"$two\" = \"%s\" ] && words=\"", (*c)->name);
        words_of(*c, "--");
        printf("\"\n");
    }
    printf("    case \"$cmd\" in\n");
    for (c = sk_cmds; *c; c++) {
        if (strchr((*c)->name, ' '))
            continue;
        printf("    %s) words=\"$words ", (*c)->name);
        words_of(*c, "--");
        printf("\" ;;\n");
    }
    printf("    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n"
           "}\ncomplete -F _skep skep\n");
}

static void fish(void)
{
    const struct sk_cmd *const *c;
    const struct sk_opt *o;

    for (c = sk_cmds; *c; c++) {
        int n = (int)strcspn((*c)->name, " ");

        printf("complete -c skep -n __fish_use_subcommand -a '%.*s' -d '%s'\n", n, (*c)->name,
               strchr((*c)->name, ' ') ? "" : (*c)->summary);
        if (strchr((*c)->name, ' '))
            printf("complete -c skep -n '__fish_seen_subcommand_from %.*s' -a '%s'\n", n,
                   (*c)->name, strchr((*c)->name, ' ') + 1);
        for (o = (*c)->opts; o && o->name; o++)
            printf("complete -c skep -n '__fish_seen_subcommand_from %.*s' -l %s%s\n", n,
                   (*c)->name, o->name, o->value ? " -r" : "");
    }
}

static int completion_run(const struct sk_args *a)
{
    const char *shell = a->n_pos == 1 ? a->pos[0] : "";

    if (strcmp(shell, "bash") == 0)
        return bash(), 0;
    if (strcmp(shell, "zsh") == 0)
        return printf("autoload -U +X bashcompinit && bashcompinit\n"), bash(), 0;
    if (strcmp(shell, "fish") == 0)
        return fish(), 0;
    return sk_usage(a, "bash, zsh or fish?");
}

const struct sk_cmd sk_cmd_completion = {
    .name = "completion",
    .summary = "print a completion script for bash, zsh or fish",
    .usage = "bash|zsh|fish",
    .run = completion_run,
    .examples = "  source <(skep completion bash)\n"
                "  skep completion fish > ~/.config/fish/completions/skep.fish"};
