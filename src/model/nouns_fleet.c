/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables of join tokens and of the certificates of agents. */
#include "model/nouns_int.h"

#define S sk_join_token
static const struct sk_field join_token_fields[] = {
    F(id, STR, 1, KEY | LIST, "Identity"),
    F(name, STR, 2, COLUMN | LIST | TITLE, "What it is for"),
    F(hash, STR, 3, SECRET, "SHA-256 of its secret in hexadecimal"),
    F(created, TIME, 4, COLUMN | LIST | SORT, "When it was made"),
    F(created_by, STR, 5, COLUMN, "Who made it"),
    F(expires, TIME, 6, COLUMN | LIST, "When it ends"),
    F(max_uses, U32, 7, COLUMN | LIST, "Agents that may join with it; 0: any number"),
    F(uses, U32, 8, COLUMN | LIST, "Agents that joined with it"),
    F(last_used, TIME, 9, LIST, "When an agent last joined with it"),
    F(last_agent, STR, 10, COLUMN, "Agent that last joined with it"),
    F(revoked, TIME, 11, COLUMN | LIST, "When it was revoked; absent: it was not"),
    F(revoked_by, STR, 12, 0, "Who revoked it"),
};
SK_KIND(join_token, "join_tokens", "Lets agents of other hosts join the console");
#undef S

#define S sk_certificate
static const struct sk_field certificate_fields[] = {
    F(id, STR, 1, KEY | LIST, "Identity: its serial number in hexadecimal"),
    F(agent_id, STR, 2, INDEX | LIST | TITLE, "Agent it was issued to"),
    F(fingerprint, STR, 3, COLUMN, "SHA-256 of the certificate in hexadecimal"),
    F(issued, TIME, 4, COLUMN | LIST | SORT, "When it was issued"),
    F(expires, TIME, 5, COLUMN | LIST, "When it ends"),
    F(token_id, STR, 6, COLUMN, "Join token it came by; absent: a renewal"),
    F(ip, STR, 7, 0, "Address it was asked for from"),
    F(revoked, TIME, 8, COLUMN | LIST, "When it was revoked; absent: it was not"),
    F(revoked_by, STR, 9, COLUMN, "Who revoked it"),
};
SK_KIND(certificate, "certificates", "A certificate of an agent");
#undef S
