/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of operations share. */
#ifndef SK_SERVE_OPENAPI_INT_H
#define SK_SERVE_OPENAPI_INT_H

#include <stddef.h>

struct sk_operation {
    const char *path, *method, *id, *summary;
    const char *request;  /* JSON schema of the body, or NULL */
    const char *response; /* JSON schema of the answer, or NULL: an empty object */
    const char *status;
};
extern const struct sk_operation sk_operations_write[]; /* openapi_write.c */
extern const size_t sk_operations_write_n;

#define REF(kind) "{\"$ref\":\"#/components/schemas/" kind "\"}"
#define OBJECT(members) "{\"type\":\"object\",\"properties\":{" members "}}"
#define ARRAY(items) "{\"type\":\"array\",\"items\":" items "}"
#define TEXT "{\"type\":\"string\"}"
#define TIME "{\"type\":\"string\",\"format\":\"date-time\"}"
#define NUMBER "{\"type\":\"integer\"}"
#define BOOL "{\"type\":\"boolean\"}"

#endif
