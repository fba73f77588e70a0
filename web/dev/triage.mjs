// Made-up incidents, drills and what triage does with them, for the mock console.

const time = (ms) => new Date(ms).toISOString();

/** Techniques of drills: [id, technique, English, Chinese, seen: yes, no, other rule, not run]. */
const drills = [
  [
    'reverse-shell-bash',
    'T1059.004',
    'Reverse shell of bash through /dev/tcp',
    '通过 /dev/tcp 的 bash 反弹 Shell',
    'yes',
    412,
  ],
  ['reverse-shell-python', 'T1059.006', 'Reverse shell of Python', 'Python 反弹 Shell', 'yes', 530],
  [
    'web-shell',
    'T1190',
    'A web server starts a shell that looks around',
    'Web 服务启动 Shell 并探查',
    'yes',
    640,
  ],
  [
    'release-agent',
    'T1611',
    'Escape through the release_agent of a cgroup',
    '通过 cgroup release_agent 逃逸',
    'yes',
    388,
  ],
  ['core-pattern', 'T1611', 'Escape through core_pattern', '通过 core_pattern 逃逸', 'no', 0],
  [
    'nsenter',
    'T1611',
    'A process enters the namespaces of the host',
    '进程进入主机命名空间',
    'yes',
    820,
  ],
  ['shadow', 'T1552.001', 'Password hashes are read', '读取密码哈希', 'yes', 350],
  [
    'service-token',
    'T1528',
    'The token of the service account is read by a shell',
    'Shell 读取服务账户令牌',
    'yes',
    300,
  ],
  ['memfd', 'T1620', 'A program runs from memory', '程序从内存执行', 'yes', 290],
  [
    'miner',
    'T1496.001',
    'A miner starts and talks to its pool',
    '挖矿程序启动并连接矿池',
    'other',
    1180,
  ],
  ['port-scan', 'T1046', 'Ports of the neighbours are scanned', '扫描相邻主机端口', 'yes', 9400],
  ['cron', 'T1053', 'A job is put into cron', '写入 cron 任务', 'yes', 410],
  ['add-user', 'T1136.001', 'An account is made', '创建账户', 'no', 0],
  ['wipe', 'T1485', 'Data is destroyed', '数据破坏', 'yes', 700],
  ['log-wipe', 'T1070.002', 'Logs are wiped', '清除日志', 'yes', 377],
  ['module', 'T1547.006', 'A kernel module is loaded', '加载内核模块', 'not', 0],
]; // prettier-ignore

export function makeDrills(now, host) {
  return drills.map(([drill, technique, title, title_zh, how, us], i) => ({
    id: `run7:${drill}`,
    run_id: 'run7',
    drill,
    technique,
    title,
    title_zh,
    host_id: host,
    container_id: 'd'.repeat(64),
    time: time(now - 26 * 3600_000 + i * 4000),
    ran: how !== 'not',
    detected: how === 'yes' || how === 'other',
    expected_engine: how === 'yes',
    quiet: drill !== 'port-scan',
    expected_rule: 'Reverse shell',
    rule: how === 'other' ? 'Terminal shell in a container' : how === 'yes' ? 'Reverse shell' : '',
    ...(how === 'not' && { error: 'loading modules is not allowed on this host' }),
    engine: 'rule',
    latency_us: us,
  }));
}

const tacticOf = [
  'credential_access',
  'execution',
  'privilege_escalation',
  'impact',
  'defense_evasion',
  'persistence',
  'execution',
  'credential_access',
  'defense_evasion',
  'discovery',
]; // prettier-ignore

function makeIncident(world, alerts, rules, more) {
  const story = alerts.map((a) => {
    const i = rules.findIndex((r) => r.name === a.rule);
    return {
      time: a.time,
      text: a.output,
      rule: a.rule,
      technique: a.techniques[0],
      tactic: tacticOf[i],
      alert_id: a.id,
      process_id: a.proc.id,
      process: a.proc.cmdline,
      container_id: a.container?.id,
      priority: a.priority,
      engine: a.engine,
      count: a.count,
    };
  });
  const uniq = (list) => [...new Set(list.filter(Boolean))];
  const first = alerts[0];
  const tactics = uniq(story.map((s) => s.tactic));
  const where = first.container?.name ?? first.hostname;
  const chain = tactics.join(' → ').replaceAll('_', ' ');
  const order = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice'];
  const incident = {
    id: first.id,
    host_id: first.host_id,
    hostname: first.hostname,
    title: `${chain[0].toUpperCase()}${chain.slice(1)} ${first.container ? 'in' : 'on'} ${where}`,
    first: first.time,
    last: alerts.at(-1).time,
    priority: order.find((p) => alerts.some((a) => a.priority === p)) ?? 'notice',
    alerts: alerts.reduce((n, a) => n + a.count, 0),
    techniques: uniq(story.map((s) => s.technique)),
    tactics,
    engines: uniq(story.map((s) => s.engine)),
    containers: uniq(story.map((s) => s.container_id)),
    container: first.container,
    story,
    state: 'open',
    verdict: 'none',
    hosts: [first.hostname],
    ...more,
  };
  for (const a of alerts) {
    a.incident_id = incident.id;
    for (const p of [a.proc, ...a.ancestors])
      if (!world.processes.some((x) => x.id === p.id)) world.processes.push(p);
  }
  return incident;
}

/** One over several hosts, as the console makes it of those that it joined. */
function joinIncidents(parts, links, more) {
  const uniq = (key) => [...new Set(parts.flatMap((p) => p[key] ?? []))];
  const story = parts
    .flatMap((p) => p.story.map((s) => ({ ...s, host_id: p.host_id, hostname: p.hostname })))
    .sort((a, b) => a.time.localeCompare(b.time));
  const [first] = parts;
  const place = (p) => (p.container ? `${p.container.name} (${p.hostname})` : p.hostname);
  const tactics = [...new Set(story.map((s) => s.tactic).filter(Boolean))];
  const chain = tactics.slice(0, 5).join(' → ').replaceAll('_', ' ');
  const whole = {
    ...first,
    id: `${first.id.slice(0, -2)}ZZ`,
    title: `${chain[0].toUpperCase()}${chain.slice(1)} in ${parts.map(place).join(' and ')}`,
    last: parts
      .map((p) => p.last)
      .sort()
      .at(-1),
    alerts: parts.reduce((n, p) => n + p.alerts, 0),
    techniques: uniq('techniques'),
    tactics,
    engines: uniq('engines'),
    containers: uniq('containers'),
    hosts: uniq('hosts'),
    story,
    members: parts.map((p, i) => ({
      id: p.id,
      host_id: p.host_id,
      hostname: p.hostname,
      title: p.title,
      first: p.first,
      last: p.last,
      priority: p.priority,
      risk: p.risk,
      alerts: p.alerts,
      container_id: p.container?.id,
      container_name: p.container?.name,
      ...links[i],
    })),
    ...more,
  };
  for (const p of parts) p.part_of = whole.id;
  return whole;
}

const engines = ['rule', 'rule', 'rule', 'drift', 'rule', 'profile', 'indicator', 'rule', 'rule'];

/** Adds to a world what triage shows: engines, verdicts, incidents, drills, exceptions. */
export function addTriage(world, rules, now) {
  const dress = (a, i) =>
    Object.assign(a, {
      engine: engines[i % engines.length],
      response: i % 9 === 3 ? 'kill' : 'alert',
      ...(i % 9 === 3 && { response_how: 'SIGKILL from the exec tracepoint' }),
      seen_before: i % 4 === 1 ? 12 * i : 0,
      ...(i % 4 < 2 && { seen_since: time(now - 86400_000 * 9) }),
      recorded: i % 3 !== 2,
      verdict: a.state === 'closed' ? ['true_positive', 'false_positive', 'benign'][i % 3] : 'none',
      ...(i % 7 === 2 && { assignee: 'admin' }),
      ...(i % 7 === 4 && { assignee: '王小明' }),
      ...(i % 11 === 0 && {
        comments: [
          {
            time: time(now - 600_000),
            user: '王小明',
            text: '已询问支付团队，不是他们的变更。\nAsked the payments team: not their change.',
          },
        ],
      }),
    });
  world.alerts.forEach(dress);
  const plain = world.makeAlert;
  world.makeAlert = (i, ms) => ({ ...dress(plain(i, ms), i), verdict: 'none' });

  const attack = (at, list) =>
    list.map(([i, s, over]) => {
      const a = Object.assign(dress(plain(i, at + s * 1000), i), {
        state: 'open',
        verdict: 'none',
      });
      Object.assign(a, over);
      world.alerts.push(a);
      return a;
    });
  const payments = { container: world.containers[2] };
  const one = attack(now - 1500_000, [
    [0, 0, { ...payments, proc: undefined }],
    [6, 42, {}],
    [1, 60, { ...payments, count: 7 }],
    [5, 75, payments],
    [2, 300, { ...payments, priority: 'emergency' }],
    [7, 320, {}],
    [3, 900, { count: 31 }],
  ]);
  // one attacker, one tree: each step is a child of the shell, within the container
  const c = world.containers[2];
  const root = world.processes.find((p) => p.container_id === c.id);
  const shell = world.process(c, 'sh', 'sh -i', root, now - 1502_000);
  world.processes.push(shell);
  const within = [
    'sh -i',
    'curl -s http://169.254.169.254/latest/meta-data/',
    'cat /etc/shadow',
    'apt-get install -y netcat-openbsd',
    'sh -c echo /cmd > /sys/fs/cgroup/rdma/release_agent',
  ]; // prettier-ignore
  one.slice(0, 5).forEach((a, i) => {
    const begun = Date.parse(a.time) - 400;
    const p = world.process(c, within[i].split(' ')[0], within[i], shell, begun, {
      exit_time: time(begun + 2000 + i * 9000),
    });
    Object.assign(a, { proc: p, ancestors: [shell, root].filter(Boolean), container: c });
  });
  const two = attack(now - 86400_000, [
    [3, 0, {}],
    [8, 90, {}],
  ]);
  const three = attack(now - 86400_000 * 3, [
    [7, 0, {}],
    [9, 3, {}],
  ]);
  world.incidents = [
    makeIncident(world, one, rules, { risk: 94, assignee: 'admin' }),
    makeIncident(world, two, rules, { risk: 61, state: 'contained' }),
    makeIncident(world, three, rules, {
      risk: 44,
      state: 'closed',
      verdict: 'benign',
      closed: time(now - 86400_000 * 2),
    }),
  ];
  // from a container of one host into one of another
  const from = world.containers[0];
  const to = world.containers.find((x) => x.host_id !== from.host_id) ?? world.containers[1];
  const there = (x) => ({
    container: x,
    host_id: x.host_id,
    hostname: world.hosts.find((h) => h.id === x.host_id).name,
  });
  const parts = [
    makeIncident(
      world,
      attack(now - 9000_000, [
        [0, 0, there(from)],
        [5, 40, there(from)],
      ]),
      rules,
      {
        risk: 58,
      },
    ),
    makeIncident(
      world,
      attack(now - 9000_000, [
        [1, 95, there(to)],
        [2, 130, there(to)],
      ]),
      rules,
      {
        risk: 66,
      },
    ),
  ];
  const links = [{ link: 'none' }, { link: 'reached', what: '10.20.0.12:8080', with: parts[0].id }];
  world.incidents.push(joinIncidents(parts, links, { risk: 83 }), ...parts);
  world.drills = makeDrills(now, world.hosts[0].id);
  world.exceptions ??= [];
}

/** What the API does of triage; undefined: some other path. */
export function triageApi({ world, put, fail, ok, user }, method, path, body) {
  const bulk = path.match(/^\/(alerts|incidents)\/bulk$/);
  const apply = (plural, o, set, comment) =>
    put(plural, {
      ...o,
      ...set,
      ...(set?.assignee === '' && { assignee: undefined }),
      ...(comment && {
        comments: [...(o.comments ?? []), { time: time(Date.now()), user, text: comment }],
      }),
    });
  if (bulk && method === 'POST') {
    const found = world[bulk[1]].filter((o) => body.ids?.includes(o.id));
    for (const o of found) apply(bulk[1], o, body.set, body.comment);
    return ok({
      changed: found.length,
      missing: (body.ids?.length ?? 0) - found.length,
      limit: 10000,
      more: false,
    });
  }
  const comment = path.match(/^\/(alerts|incidents)\/([^/]+)\/comments$/);
  if (comment && method === 'POST') {
    const o = world[comment[1]].find((x) => x.id === decodeURIComponent(comment[2]));
    if (!o) return fail(404, 'not_found', 'not there');
    apply(comment[1], o, {}, body.text);
    return ok(world[comment[1]].find((x) => x.id === o.id));
  }
  const exception = path.match(/^\/alerts\/([^/]+)\/exception$/);
  if (exception && method === 'POST') {
    const a = world.alerts.find((x) => x.id === decodeURIComponent(exception[1]));
    if (!a) return fail(404, 'not_found', 'not there');
    const image = a.container?.image_repository;
    return ok({
      name: `${a.rule} by ${a.proc.exepath}`,
      rule: a.rule,
      condition: `${image ? `container.image.repository = "${image}"` : 'container.id = host'} and proc.exepath = "${a.proc.exepath}"`,
      owner: user,
      alert_id: a.id,
    });
  }
  const wrong = (text) => {
    const at = text.indexOf('nmae');
    return (
      at >= 0 &&
      fail(
        400,
        'bad_condition',
        `condition:1:${at + 1}: unknown field\n  ${text}\n  ${' '.repeat(at)}^`,
      )
    );
  };
  if (path === '/exceptions/preview') {
    const path1 = /proc\.exepath = "([^"]*)"/.exec(body.condition)?.[1];
    const all = world.alerts.filter((a) => !body.rule || a.rule === body.rule);
    const hit = all.filter((a) => a.proc?.exepath === path1);
    return (
      wrong(body.condition) ||
      ok({ matched: hit.length, total: all.length, sample: hit.slice(0, 20).map((a) => a.id) })
    );
  }
  if (path === '/exceptions' && method === 'POST') {
    const refused = wrong(body.condition);
    if (refused) return refused;
    const x = {
      id: `x${Date.now()}`,
      hits: 0,
      disabled: false,
      rev: 1,
      removed: false,
      created: time(Date.now()),
      ...body,
    };
    put('exceptions', x);
    return { status: 201, body: x };
  }
  if (path === '/attack') {
    const counts = new Map();
    for (const a of world.alerts)
      for (const id of a.techniques ?? []) {
        const c = counts.get(id) ?? { technique: id, open: 0, alerts: 0 };
        c.alerts++;
        c.open += a.state === 'open';
        counts.set(id, c);
      }
    return ok({
      since: time(Date.now() - 86400_000 * 30),
      more: false,
      items: [...counts.values()],
    });
  }
  return undefined;
}
