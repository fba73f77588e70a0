/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenAPI document (spec.openapis.org/oas/v3.1.0): lists and objects from the kinds, the rest
 * from one table of operations.
 */
#include "openapi_int.h"
#include "serve_int.h"

#define ROLE "{\"type\":\"string\",\"enum\":[\"viewer\",\"operator\",\"admin\"]}"
#define SESSION OBJECT("\"user\":" REF("User") ",\"csrf\":" TEXT)

static const struct sk_operation operations[] = {
    {"/session", "post", "signIn", "Sign in with name and password",
     OBJECT("\"user\":" TEXT ",\"password\":" TEXT), SESSION, "200"},
    {"/session", "get", "whoAmI", "Who is signed in", NULL, SESSION, "200"},
    {"/session", "delete", "signOut", "End the session", NULL, NULL, "200"},
    {"/session/first", "post", "signInOnce", "The one-time sign-in of the first start",
     OBJECT("\"token\":" TEXT ",\"password\":" TEXT), SESSION, "200"},
    {"/session/password", "post", "changePassword",
     "Change one's own password; one's other sessions end",
     OBJECT("\"old\":" TEXT ",\"new\":" TEXT), SESSION, "200"},
    {"/overview", "get", "overview", "Numbers of the first page", NULL,
     OBJECT("\"hosts\":" NUMBER ",\"containers\":" NUMBER ",\"containers_running\":" NUMBER
            ",\"images\":" NUMBER ",\"processes_running\":" NUMBER
            ",\"alerts_open\":{\"type\":\"object\",\"additionalProperties\":" NUMBER "}"
            ",\"alerts_24h\":{\"type\":\"array\",\"items\":" NUMBER "}"
            ",\"events_seen\":" NUMBER ",\"events_lost\":" NUMBER ",\"agents_connected\":" NUMBER
            ",\"store_error\":" TEXT ",\"agent_error\":" TEXT),
     "200"},
    {"/attack", "get", "countTechniques",
     "Alerts of the last 30 days by the ATT&CK technique they name", NULL,
     OBJECT("\"since\":" TEXT ",\"more\":{\"type\":\"boolean\"}"
            ",\"items\":{\"type\":\"array\",\"items\":" OBJECT(
                "\"technique\":" TEXT ",\"open\":" NUMBER ",\"alerts\":" NUMBER) "}"),
     "200"},
    {"/rules", "get", "listRules", "Rules in use, their errors and warnings", NULL,
     OBJECT("\"items\":{\"type\":\"array\",\"items\":" OBJECT(
         "\"name\":" TEXT ",\"desc\":" TEXT ",\"condition\":" TEXT ",\"output\":" TEXT
         ",\"priority\":" TEXT ",\"file\":" TEXT
         ",\"line\":" NUMBER) "},\"error\":" TEXT
                              ",\"warnings\":{\"type\":\"array\",\"items\":" TEXT "}"),
     "200"},
    {"/version", "get", "version", "Version of this console", NULL,
     OBJECT("\"version\":" TEXT ",\"api\":" TEXT), "200"},
    {"/evidence/{id}/download", "get", "downloadEvidence",
     "The bundle itself (application/zstd); 202 with Retry-After while its host sends it", NULL,
     NULL, "200"},
    {"/users", "post", "addUser", "Add a user",
     OBJECT("\"name\":" TEXT ",\"role\":" ROLE ",\"password\":" TEXT), REF("User"), "201"},
    {"/users/{id}", "patch", "changeUser", "Change role, password, or switch a user off",
     OBJECT("\"role\":" ROLE ",\"password\":" TEXT ",\"disabled\":{\"type\":\"boolean\"}"),
     REF("User"), "200"},
    {"/users/{id}", "delete", "deleteUser", "Delete a user", NULL, NULL, "200"},
    {"/tokens", "post", "addToken", "Make an API token; it is shown this once",
     OBJECT("\"name\":" TEXT ",\"role\":" ROLE
            ",\"expires\":{\"type\":\"string\",\"format\":\"date-time\"}"),
     OBJECT("\"id\":" TEXT ",\"name\":" TEXT ",\"role\":" ROLE ",\"token\":" TEXT), "201"},
    {"/join-tokens", "post", "addJoinToken",
     "Make a token for agents of other hosts; it and the command that uses it are shown this once",
     OBJECT(
         "\"name\":" TEXT ",\"max_uses\":{\"type\":\"integer\",\"default\":1,\"minimum\":0,"
         "\"maximum\":100000,\"description\":\"Agents that may join with it; 0: as many as come\"}"
         ",\"expires\":{\"type\":\"string\",\"format\":\"date-time\",\"description\":"
         "\"Default: in an hour; at most a year from now\"}"),
     "{\"allOf\":[" REF("JoinToken") "," OBJECT("\"token\":" TEXT ",\"command\":" TEXT) "]}",
     "201"},
    {"/join-tokens/{id}", "delete", "revokeJoinToken", "Revoke a join token", NULL,
     REF("JoinToken"), "200"},
    {"/agents/{id}/revoke", "post", "revokeAgent",
     "Revoke an agent's certificates: it is cut off and refused until it joins with a new token",
     NULL, REF("Agent"), "200"},
    {"/drills", "post", "addDrills", "Keep the results of drills",
     OBJECT("\"items\":{\"type\":\"array\",\"items\":" REF("Drill") "}"),
     OBJECT("\"stored\":{\"type\":\"integer\"}"), "201"},
    {"/k8s-audit", "post", "judgeAuditLog",
     "Judge events of a Kubernetes audit log (audit.k8s.io/v1 Event or EventList): the address for "
     "an API server's webhook; ?cluster=NAME names the cluster",
     "{\"type\":\"object\"}", OBJECT("\"events\":{\"type\":\"integer\"}"), "200"},
    {"/tokens/{id}", "delete", "deleteToken", "Delete an API token", NULL, NULL, "200"},
};

static const char *const listed[] = {
    "hosts",      "containers",  "images",       "processes",
    "alerts",     "agents",      "users",        "tokens",
    "audit",      "join-tokens", "certificates", "incidents",
    "actions",    "evidence",    "profiles",     "profile-versions",
    "exceptions", "indicators",  "rulefiles",    "drills",
    "chunks",     "slices"};

static const char list_params[] =
    "[{\"name\":\"filter\",\"in\":\"query\",\"schema\":{\"type\":\"string\"},\"description\":"
    "\"Expression over the kind's fields, as in rules: state = running and image startswith "
    "nginx\"},"
    "{\"name\":\"sort\",\"in\":\"query\",\"schema\":{\"type\":\"string\"},\"description\":"
    "\"Path of a field; - before it for descending order\"},"
    "{\"name\":\"limit\",\"in\":\"query\",\"schema\":{\"type\":\"integer\",\"minimum\":1,"
    "\"maximum\":"
    "1000}},{\"name\":\"cursor\",\"in\":\"query\",\"schema\":{\"type\":\"string\"},\"description\":"
    "\"`next` of the page before\"}]";

static const char id_param[] =
    "[{\"name\":\"id\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}}]";

static void response_write(struct sk_jw *w, const char *status, struct sk_str schema)
{
    sk_jw_key(w, SK_STR("responses"));
    sk_jw_begin(w, '{');
    sk_jw_key(w, sk_str_c(status));
    sk_jw_begin(w, '{');
    sk_jw_kstr(w, "description", SK_STR("Done"));
    if (schema.n) {
        sk_jw_key(w, SK_STR("content"));
        sk_jw_begin(w, '{');
        sk_jw_key(w, SK_STR("application/json"));
        sk_jw_begin(w, '{');
        sk_jw_key(w, SK_STR("schema"));
        sk_jw_raw(w, schema);
        sk_jw_end(w, '}');
        sk_jw_end(w, '}');
    }
    sk_jw_end(w, '}');
    sk_jw_key(w, SK_STR("default"));
    sk_jw_raw(w, SK_STR("{\"$ref\":\"#/components/responses/Error\"}"));
    sk_jw_end(w, '}');
}

static void operation_write(struct sk_jw *w, const struct sk_operation *o)
{
    sk_jw_key(w, sk_str_c(o->method));
    sk_jw_begin(w, '{');
    sk_jw_kstr(w, "operationId", sk_str_c(o->id));
    sk_jw_kstr(w, "summary", sk_str_c(o->summary));
    if (strchr(o->path, '{')) {
        sk_jw_key(w, SK_STR("parameters"));
        sk_jw_raw(w, sk_str_c(id_param));
    }
    if (o->request) {
        sk_jw_key(w, SK_STR("requestBody"));
        sk_jw_begin(w, '{');
        sk_jw_key(w, SK_STR("content"));
        sk_jw_begin(w, '{');
        sk_jw_key(w, SK_STR("application/json"));
        sk_jw_begin(w, '{');
        sk_jw_key(w, SK_STR("schema"));
        sk_jw_raw(w, sk_str_c(o->request));
        sk_jw_end(w, '}');
        sk_jw_end(w, '}');
        sk_jw_end(w, '}');
    }
    response_write(w, o->status, sk_str_c(o->response));
    sk_jw_end(w, '}');
}

/* The i-th of all tables; NULL: there are no more. */
static const struct sk_operation *operation_at(size_t i)
{
    size_t own = SK_ARRAY_LEN(operations);

    if (i < own)
        return &operations[i];
    return i - own < sk_operations_write_n ? &sk_operations_write[i - own] : NULL;
}

static void operations_of(struct sk_jw *w, const char *path)
{
    size_t i;

    for (i = 0; operation_at(i); i++)
        if (strcmp(operation_at(i)->path, path) == 0)
            operation_write(w, operation_at(i));
}

/* "join_token" → "JoinToken", the schema's name. */
static void schema_name(const struct sk_kind *k, char ret[64])
{
    const char *p = k->name;
    bool up = true;
    size_t n = 0;

    for (; *p && n < 63; p++) {
        if (*p != '_')
            ret[n++] = up && *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
        up = *p == '_';
    }
    ret[n] = 0;
}

/* "join_tokens" → "/join-tokens" */
static void list_path(const struct sk_kind *k, char ret[80])
{
    char *p;

    (void)snprintf(ret, 80, "/%s", k->plural);
    for (p = ret; *p; p++)
        *p = *p == '_' ? '-' : *p;
}

static void kind_paths(struct sk_jw *w, const struct sk_kind *k)
{
    char name[64], path[80], schema[256];

    schema_name(k, name);
    list_path(k, path);
    sk_jw_key(w, sk_str_c(path));
    sk_jw_begin(w, '{');
    sk_jw_key(w, SK_STR("get"));
    sk_jw_begin(w, '{');
    (void)snprintf(schema, sizeof(schema), "list%s", name);
    sk_jw_kstr(w, "operationId", sk_str_c(schema));
    sk_jw_kstr(w, "summary", sk_str_c(k->doc));
    sk_jw_key(w, SK_STR("parameters"));
    sk_jw_raw(w, sk_str_c(list_params));
    (void)snprintf(schema, sizeof(schema),
                   "{\"type\":\"object\",\"properties\":{\"items\":{\"type\":\"array\",\"items\":"
                   "{\"$ref\":\"#/components/schemas/%s\"}},\"next\":{\"type\":\"string\"},"
                   "\"total\":{\"type\":\"integer\"}}}",
                   name);
    response_write(w, "200", sk_str_c(schema));
    sk_jw_end(w, '}');
    operations_of(w, path);
    sk_jw_end(w, '}');

    (void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/{id}");
    sk_jw_key(w, sk_str_c(path));
    sk_jw_begin(w, '{');
    (void)snprintf(schema, sizeof(schema), "{\"$ref\":\"#/components/schemas/%s\"}", name);
    {
        char id[80];

        (void)snprintf(id, sizeof(id), "get%s", name);
        sk_jw_key(w, SK_STR("get"));
        sk_jw_begin(w, '{');
        sk_jw_kstr(w, "operationId", sk_str_c(id));
        sk_jw_key(w, SK_STR("parameters"));
        sk_jw_raw(w, sk_str_c(id_param));
        response_write(w, "200", sk_str_c(schema));
        sk_jw_end(w, '}');
    }
    operations_of(w, path);
    sk_jw_end(w, '}');
}

/* Paths that are not below a kind. */
static void other_paths(struct sk_jw *w)
{
    const char *before = "";
    size_t i;

    for (i = 0; operation_at(i); i++) {
        struct sk_str path = sk_str_c(operation_at(i)->path), first = path, rest = {0};

        if (sk_str_cut(sk_str_sub(path, 1, path.n), '/', &first, &rest))
            path = first;
        else
            path = sk_str_sub(path, 1, path.n);
        if ((sk_api_kind(path, &(enum sk_role){0}) &&
             (rest.n == 0 || sk_str_eq(rest, SK_STR("{id}")))) ||
            strcmp(before, operation_at(i)->path) == 0)
            continue;
        before = operation_at(i)->path;
        sk_jw_key(w, sk_str_c(before));
        sk_jw_begin(w, '{');
        operations_of(w, before);
        sk_jw_end(w, '}');
    }
}

int sk_serve_openapi(struct sk_buf *out)
{
    struct sk_jw w = sk_jw(out);
    struct sk_buf schemas;
    enum sk_role least;
    size_t i;
    int r;

    sk_buf_init(&schemas, (size_t)8 << 20);
    r = sk_kinds_to_openapi(sk_kinds, &schemas);
    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "openapi", SK_STR("3.1.0"));
    sk_jw_key(&w, SK_STR("info"));
    sk_jw_raw(&w, SK_STR("{\"title\":\"skep\",\"version\":\"" SK_VERSION "\",\"license\":{\"name\":"
                         "\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}}"));
    sk_jw_key(&w, SK_STR("servers"));
    sk_jw_raw(&w, SK_STR("[{\"url\":\"/api/v1\"}]"));
    sk_jw_key(&w, SK_STR("security"));
    sk_jw_raw(&w, SK_STR("[{\"token\":[]},{\"session\":[]}]"));
    sk_jw_key(&w, SK_STR("paths"));
    sk_jw_begin(&w, '{');
    for (i = 0; i < SK_ARRAY_LEN(listed); i++)
        kind_paths(&w, sk_api_kind(sk_str_c(listed[i]), &least));
    other_paths(&w);
    sk_jw_end(&w, '}');
    sk_jw_key(&w, SK_STR("components"));
    sk_jw_begin(&w, '{');
    sk_jw_key(&w, SK_STR("schemas"));
    sk_jw_raw(&w, sk_buf_view(&schemas));
    sk_jw_key(&w, SK_STR("responses"));
    sk_jw_raw(&w,
              SK_STR("{\"Error\":{\"description\":\"Not done\",\"content\":{\"application/json\":"
                     "{\"schema\":{\"type\":\"object\",\"properties\":{\"error\":{\"type\":"
                     "\"object\",\"properties\":{\"code\":{\"type\":\"string\"},\"message\":"
                     "{\"type\":\"string\"}}}}}}}}}"));
    sk_jw_key(&w, SK_STR("securitySchemes"));
    sk_jw_raw(&w,
              SK_STR("{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},\"session\":{\"type\":"
                     "\"apiKey\",\"in\":\"cookie\",\"name\":\"skep_session\"}}"));
    sk_jw_end(&w, '}');
    sk_jw_end(&w, '}');
    sk_buf_done(&schemas);
    return r < 0 ? r : out->err;
}
