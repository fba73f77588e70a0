// The API of the console over made-up data: for development and for the tests of the console.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { hostile, makeWorld, rules } from './data.mjs';
import { compare, compile, FilterError } from './filter.mjs';
import { addRespond, respondApi } from './respond.mjs';
import { addTriage, triageApi } from './triage.mjs';

const singular = {
  hosts: 'host',
  containers: 'container',
  images: 'image',
  processes: 'process',
  alerts: 'alert',
  agents: 'agent',
  users: 'user',
  tokens: 'token',
  join_tokens: 'join_token',
  audit: 'audit',
  incidents: 'incident',
  drills: 'drill',
  exceptions: 'exception',
  actions: 'action',
  evidence: 'evidence',
  profiles: 'profile',
  profile_versions: 'profile_version',
  indicators: 'indicator',
  rulefiles: 'rulefile',
  slices: 'slice',
}; // prettier-ignore
const standard = {
  alerts: '-time',
  incidents: '-last',
  drills: '-time',
  exceptions: '-created',
  actions: '-requested',
  evidence: '-time',
  profiles: '-updated',
  profile_versions: '-time',
  indicators: '-created',
  rulefiles: 'name',
  slices: 'part',
  containers: '-created',
  processes: '-start_time',
  images: '-created',
  audit: '-time',
  hosts: '-last_seen',
  agents: '-seen',
  users: '-created',
  tokens: '-created',
  join_tokens: '-created',
}; // prettier-ignore
const types = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.html': 'text/html; charset=utf-8',
}; // prettier-ignore
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

function paths(items) {
  const found = new Set();
  const walk = (o, pre) => {
    for (const [k, v] of Object.entries(o)) {
      if (v && typeof v === 'object' && !Array.isArray(v)) walk(v, `${pre}${k}.`);
      else found.add(pre + k);
    }
  };
  for (const i of items.slice(0, 200)) walk(i, '');
  return [...found];
}

/** scenario: normal, empty, error (every list fails), slow, rule-error */
export function createMock({ dist, scenario = 'normal', signedIn = false, tick = 0 } = {}) {
  const world = makeWorld();
  addTriage(world, rules, Date.now());
  addRespond(world, Date.now());
  if (scenario === 'empty') for (const k of Object.keys(singular)) if (k !== 'users') world[k] = [];
  const streams = new Set();
  const log = [];
  const state = { scenario, signedIn, eventId: 0 };
  const csrf = 'mock-csrf';

  const emit = (kind, data) => {
    const id = ++state.eventId;
    for (const s of streams)
      if (s.kinds.has(kind))
        s.res.write(`id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const put = (plural, object) => {
    const list = world[plural];
    const at = list.findIndex((o) => o.id === object.id);
    if (at < 0) list.unshift(object);
    else list[at] = object;
    emit(singular[plural], object);
  };
  const newAlert = (i = Math.floor(Math.random() * 9)) => {
    const a = { ...world.makeAlert(i, Date.now()), state: 'open' };
    put('alerts', a);
    return a;
  };

  const list = (plural, q) => {
    let items = [...world[plural]];
    const filter = q.get('filter');
    if (filter) {
      const known = [
        ...paths(items),
        'container.id',
        'container_id',
        'state',
        'time',
        'host_id',
        'image_id',
        'rule',
        'priority',
        'engine',
        'verdict',
        'assignee',
        'techniques',
        'incident_id',
        'id',
        'kind',
        'part',
        'action_id',
        'profile_id',
        'output',
        'disabled',
        'expires',
        'hits',
        'part_of',
      ];
      items = items.filter(compile(filter, known));
    }
    const sort = q.get('sort') || standard[plural];
    const path = sort.replace(/^-/, '');
    const get = (o) => path.split('.').reduce((v, k) => v?.[k], o);
    items.sort((a, b) => compare(get(a), get(b)) * (sort.startsWith('-') ? -1 : 1));
    const from = Number(q.get('cursor') ?? 0);
    const limit = Number(q.get('limit') ?? 100);
    const next = from + limit < items.length ? String(from + limit) : undefined;
    return { items: items.slice(from, from + limit), next, total: items.length };
  };

  const overview = () => {
    const open = {};
    for (const a of world.alerts)
      if (a.state === 'open') open[a.priority] = (open[a.priority] ?? 0) + 1;
    const hours = Array(24).fill(0);
    for (const a of world.alerts) {
      const h = 23 - Math.floor((Date.now() - Date.parse(a.time)) / 3600_000);
      if (h >= 0) hours[h]++;
    }
    const count = (key) => {
      const m = new Map();
      for (const a of world.alerts) if (key(a)) m.set(key(a), (m.get(key(a)) ?? 0) + 1);
      return [...m].sort((a, b) => b[1] - a[1]).slice(0, 6);
    };
    return {
      hosts: world.hosts.length,
      containers_running: world.containers.filter((c) => c.state === 'running').length,
      containers: world.containers.length,
      images: world.images.length,
      processes_running: world.processes.filter((p) => !p.exit_time).length,
      alerts_open: open,
      alerts_24h: hours,
      top_rules: count((a) => a.rule).map(([rule, n]) => ({
        rule,
        priority: rules.find((r) => r.name === rule)?.priority,
        count: n,
      })),
      top_containers: count((a) => a.container?.id).map(([id, n]) => {
        const c = world.containers.find((x) => x.id === id);
        return { id, name: c?.name, image: c?.image, count: n };
      }),
      events_seen: world.agents.reduce((n, a) => n + a.events_seen, 0),
      events_lost: world.agents.reduce((n, a) => n + a.events_lost, 0),
      agents_connected: world.agents.filter((a) => a.connected).length,
      ...(state.scenario === 'disk-full' && {
        store_error: 'store /var/lib/skep/skep.db: write: no space left on its disk',
      }),
    };
  };

  const api = (method, path, q, body, headers, text) => {
    const fail = (status, code, message, hint) => ({
      status,
      body: { error: { code, message, hint } },
    });
    const ok = (data) => ({ status: 200, body: data });
    const session = () =>
      ok({ user: world.users[0] ?? { id: 'u1', name: 'admin', role: 'admin' }, csrf });
    if (path === '/session') {
      if (method === 'DELETE') {
        state.signedIn = false;
        return ok({});
      }
      if (method === 'GET')
        return state.signedIn ? session() : fail(401, 'unauthorized', 'sign in first');
      if (body.user === 'admin' && body.password === 'correct horse') {
        state.signedIn = true;
        return session();
      }
      return body.user === 'slow'
        ? fail(429, 'too_many', 'too many failed tries')
        : fail(401, 'unauthorized', 'name or password is wrong');
    }
    if (path === '/session/first') {
      if (body.token !== 'first-token')
        return fail(401, 'unauthorized', 'token is used or too old');
      state.signedIn = true;
      return session();
    }
    if (!state.signedIn) return fail(401, 'unauthorized', 'sign in first');
    if (method !== 'GET' && headers['x-csrf-token'] !== csrf)
      return fail(403, 'csrf', 'X-CSRF-Token is missing or wrong');
    if (path === '/session/password')
      return body.old === 'correct horse'
        ? session()
        : fail(422, 'wrong_password', 'the old password is wrong');
    if (state.scenario === 'error')
      return fail(
        500,
        'store',
        'the store does not answer: disk I/O error',
        'Look at the log of skep.',
      );
    const triaged = triageApi(
      { world, put, fail, ok, user: world.users[0]?.name ?? 'admin' },
      method,
      path,
      body,
    );
    if (triaged) return triaged;
    const responded = respondApi(
      { world, put, fail, ok, state, rules, user: world.users[0]?.name ?? 'admin' },
      method,
      path,
      q,
      body,
      text,
    );
    if (responded) return responded;
    if (path === '/version') return ok({ version: '0.1.0', commit: 'a1b2c3d' });
    if (path === '/overview') return ok(overview());
    if (path === '/rules')
      return ok({
        items: state.scenario === 'empty' ? [] : rules,
        ...(state.scenario === 'rule-error' && {
          error:
            '/etc/skep/rules.d/local.yaml:14:27: unknown field "proc.nmae"; did you mean "proc.name"?\n  condition: spawned_process and proc.nmae = nc\n                              ^',
        }),
        warnings:
          state.scenario === 'empty'
            ? []
            : [
                '/etc/skep/rules.d/local.yaml:40:3: unknown key "prioritty" is ignored',
                '/etc/skep/rules.d/k8s.yaml:3:1: rule "K8s secret read": source "k8s_audit" is not there',
              ],
      });
    const field = path.match(/^\/fields\/(\w+)$/);
    if (field) {
      const plural = Object.keys(singular).find((p) => singular[p] === field[1]);
      const sample = makeWorld()[plural] ?? [];
      return ok({
        items: paths(sample).map((name) => ({
          name,
          type: /time|created|started|seen/.test(name)
            ? 'time'
            : name === 'priority' || name.endsWith('state')
              ? 'enum'
              : 'text',
          doc: `Documentation of ${name}`,
        })),
      });
    }
    const revoke = path.match(/^\/agents\/([^/]+)\/revoke$/);
    if (revoke && method === 'POST') {
      const agent = world.agents.find((a) => a.id === decodeURIComponent(revoke[1]));
      if (!agent) return fail(404, 'not_found', 'no agent with this id');
      const revoked = { revoked: new Date().toISOString(), revoked_by: 'admin', connected: false };
      put('agents', { ...agent, ...revoked });
      return ok({ ...agent, ...revoked });
    }
    const m = path.match(/^\/([\w-]+?)(\.csv)?(?:\/([^/]+))?$/);
    const plural = m?.[1].replace('-', '_');
    if (!m || !(plural in singular)) return fail(404, 'not_found', `no such path: ${path}`);
    const id = m[3] && decodeURIComponent(m[3]);
    if (!id) {
      if (method === 'POST') {
        const made = {
          id: `n${Date.now()}`,
          ...body,
          password: undefined,
          created: new Date().toISOString(),
        };
        if (plural === 'users' && world.users.some((u) => u.name === body.name))
          return fail(409, 'exists', `user "${body.name}" exists`);
        world[plural].push(plural === 'join_tokens' ? { uses: 0, ...made } : made);
        if (plural === 'join_tokens')
          return ok({
            ...made,
            command: `skep agent --console 192.0.2.8:8444 --join ${made.id}.x`,
          });
        return ok(
          plural === 'tokens' ? { ...made, token: 'skep_7f3k2m9x4c8v1b6n5q0w3e7r2t9y4u8i' } : made,
        );
      }
      try {
        return ok(list(plural, q));
      } catch (e) {
        if (e instanceof FilterError) return fail(400, 'filter', e.message);
        throw e;
      }
    }
    const object = world[plural].find((o) => o.id === id);
    if (!object) return fail(404, 'not_found', `${singular[plural]} "${id}" is not there`);
    if (method === 'PATCH') {
      const changed = { ...object, ...body, password: undefined };
      put(plural, changed);
      return ok(changed);
    }
    if (method === 'DELETE' && plural === 'join_tokens') {
      const changed = { ...object, revoked: new Date().toISOString(), revoked_by: 'admin' };
      put(plural, changed);
      return ok(changed);
    }
    if (method === 'DELETE') {
      world[plural] = world[plural].filter((o) => o.id !== id);
      return ok({});
    }
    return ok(object);
  };

  const stream = (req, res, q) => {
    if (!state.signedIn) {
      res.writeHead(401);
      return res.end();
    }
    const kinds = new Set((q.get('kinds') ?? '').split(',').map((p) => singular[p]));
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    res.write(': ping\n\n');
    const s = { res, kinds };
    streams.add(s);
    req.on('close', () => streams.delete(s));
  };

  const page = (res, path) => {
    if (!dist) {
      res.writeHead(404);
      return res.end();
    }
    const file = extname(path) ? path : '/index.html';
    try {
      const data = readFileSync(join(dist, normalize(file)));
      res.writeHead(200, {
        'Content-Type': types[extname(file)] ?? 'application/octet-stream',
        'Content-Security-Policy': CSP,
        'X-Content-Type-Options': 'nosniff',
      });
      res.end(data);
    } catch {
      res.writeHead(404);
      res.end('not found');
    }
  };

  const server = createServer(async (req, res) => {
    const url = new URL(req.url, 'http://localhost');
    if (!url.pathname.startsWith('/api/v1')) return page(res, url.pathname);
    const path = url.pathname.slice('/api/v1'.length);
    if (path === '/live') return stream(req, res, url.searchParams);
    let text = '';
    for await (const chunk of req) text += chunk;
    const answer = api(
      req.method,
      path,
      url.searchParams,
      text && /json/.test(req.headers['content-type'] ?? '') ? JSON.parse(text) : {},
      req.headers,
      text,
    );
    log.push({ method: req.method, path, query: url.search, body: text, status: answer.status });
    if (state.scenario === 'slow' && path !== '/session')
      await new Promise((r) => setTimeout(r, 20000));
    res.writeHead(answer.status, { 'Content-Type': answer.type ?? 'application/json' });
    res.end(answer.type ? answer.body : JSON.stringify(answer.body));
  });

  let timer;
  if (tick) {
    let n = 0;
    timer = setInterval(() => {
      n++;
      const running = world.containers.filter((c) => c.state === 'running');
      const c = running[n % Math.max(1, running.length)];
      if (c) {
        const parent = world.processes.find((p) => p.container_id === c.id);
        const p = world.process(c, 'sleep', `sleep ${n % 9}`, parent, Date.now());
        put('processes', p);
        setTimeout(() => put('processes', { ...p, exit_time: new Date().toISOString() }), tick * 3);
      }
      if (n % 4 === 0 && world.containers.length) newAlert();
      if (n % 10 === 0 && world.agents[0])
        put('agents', { ...world.agents[0], seen: new Date().toISOString() });
    }, tick);
  }

  return {
    world,
    state,
    log,
    emit,
    put,
    newAlert,
    server,
    listen: (port = 0) =>
      new Promise((r) => server.listen(port, '127.0.0.1', () => r(server.address().port))),
    dropStreams: () => {
      for (const s of streams) s.res.destroy();
    },
    close: () =>
      new Promise((r) => {
        clearInterval(timer);
        server.close(r);
        server.closeAllConnections();
      }),
  }; // prettier-ignore
}

export { hostile };
