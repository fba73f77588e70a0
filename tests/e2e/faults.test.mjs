// SPDX-License-Identifier: Apache-2.0
// Bad input and faults: storms in one container while another one does what a rule looks for. Nothing
// crashes, memory stays bounded, loss is counted, and what is told names the right container.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Lab, missing, root, Skep, sleep, until } from './lib.mjs';

const MIB = 1 << 20;
const PEAK_MAX = 96 * MIB;
const PID_MAX = '/proc/sys/kernel/pid_max';
const MARK_MS = 5000; // an alert is there after that at the latest, unless a sanitizer slows all down

function compiler() {
  try {
    execFileSync('cc', ['--version'], { stdio: 'pipe' });
    return null;
  } catch {
    return 'no cc to compile the storm with';
  }
}

// The rule that everything here is about; more: a rule of its own name for one more prefix.
const rulesText = (...more) =>
  [['Marker opened', 'marker-'], ...more].map(([name, prefix]) => `- rule: ${name}
  desc: A file that the test makes was opened
  condition: evt.type in (open, openat, creat) and container.id != host and fd.filename startswith ${prefix}
  output: Marker opened (file=%fd.name container=%container.name)
  priority: NOTICE
`).join('');

// Reads what /proc says of a process, in bytes.
function memory(pid) {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (key) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)[1]) * 1024;
  return { peak: of('VmHWM'), virtual: of('VmSize') };
}

const why = missing() ?? compiler();
describe('faults', { skip: why ?? false }, () => {
  const lab = new Lab();
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-faults-'));
  const share = join(dir, 'share'); // /t in the containers
  const rules = join(dir, 'own.yaml');
  const containers = {};
  let skep, pid, fifo, sanitized, n = 0;

  // A container that stays; its id is remembered by name.
  const stay = async (name, image, ...args) =>
    (containers[name] = await lab.docker('run', '-d', '--name', name, '-v', `${share}:/t`, image, ...args));
  const inside = (name, ...args) => lab.docker('exec', '-w', '/tmp', name, '/t/storm', ...args);
  const shell = (name, text) => lab.docker('exec', name, 'sh', '-c', text);
  const alertsOf = (name) => skep.list('alerts', `container.name = "${name}" and rule startswith "Marker"`);

  // The alerts of a container, by the file's name; throws unless all there are of that container.
  async function marks(name) {
    const found = await alertsOf(name);
    for (const a of found) {
      assert.equal(a.container.id, containers[name]);
      assert.equal(a.proc.container_id, containers[name]);
      assert.match(a.container.image, /^lab\/(base|other):1$/);
    }
    return found;
  }
  const soon = (fn) => until(fn, sanitized ? 6 * MARK_MS : MARK_MS, () => skep.out);
  const marked = (name, ok) => soon(async () => (await marks(name)).find(ok));

  // Has the witness open a marker now, and waits for its alert: what a storm must not hold up.
  async function witness(rule = 'Marker opened', prefix = 'marker') {
    const name = `w${n++}`; // its own program's name: alerts alike are folded
    writeSync(fifo, `${prefix} ${name}\n`);
    const a = await marked('witness', (v) => v.fd.filename === `${prefix}-${name}` && v.rule === rule);
    assert.equal(a.container.name, 'witness');
    assert.equal(a.container.image, 'lab/base:1');
    return a;
  }

  async function fresh(offS = 0) {
    const asked = Date.now() + offS * 1000;
    return until(async () => {
      const g = JSON.parse(await skep.cli('agent', 'status', '--json').catch(() => '{}'));
      if (!(Date.parse(g.seen) > asked)) return null;
      assert.equal(g.pid, pid);
      return g;
    }, 15000, () => skep.out);
  }
  const sum = (g, key, kinds) => (g.losses ?? []).filter((l) => kinds.includes(l.kind)).reduce((v, l) => v + l[key], 0);

  async function healthy() {
    assert.deepEqual([skep.child.pid, skep.child.exitCode, skep.child.signalCode], [pid, null, null], skep.out);
    const h = await skep.get('/healthz');
    assert.deepEqual([h.status, h.body.ok], [200, true]);
    await witness();
    assert.doesNotMatch(skep.out, /AddressSanitizer|runtime error:|LeakSanitizer/);
  }

  // The same storm again and again: once the caches are full (tree, store, live events), a further
  // round needs no more memory than the one before.
  async function twice(storm) {
    const peaks = [], flat = () => peaks.length > 1 && peaks.at(-1) <= peaks.at(-2) + 8 * MIB;
    while (peaks.length < 2 || (!sanitized && !flat() && peaks.length < 4)) {
      writeFileSync(`/proc/${pid}/clear_refs`, '5'); // the peak begins anew
      await Promise.all([storm(), sleep(300).then(() => witness())]);
      peaks.push(memory(pid).peak);
    }
    if (!sanitized) {
      for (const p of peaks) assert.ok(p <= PEAK_MAX, `${p / MIB} MiB`);
      assert.ok(flat(), `${peaks.map((p) => p / MIB)} MiB`);
    }
    return peaks;
  }

  async function up() {
    await skep.start();
    pid = skep.child.pid;
    sanitized = memory(pid).virtual > 2 ** 40;
    if (containers.witness) await known('witness');
  }
  // Does fn while a container runs program after program.
  async function underLoad(fn) {
    let going = true;
    const load = (async () => {
      while (going) // while its engine is away it may fail, or hang
        await Promise.race([inside('storm', 'execs', '100').catch(() => sleep(100)), sleep(3000)]);
    })();
    try {
      await fn();
    } finally {
      going = false;
      await load;
    }
  }
  const known = (name) => until(async () => (await skep.list('containers', `name = "${name}" and state = running`)).some((c) => c.id === containers[name]), 10000, () => skep.out);

  before(async () => {
    mkdirSync(share);
    execFileSync('cc', ['-static', '-O1', '-o', join(share, 'storm'), join(root, 'tests/lab/storm.c')]);
    execFileSync('mkfifo', [join(share, 'witness')]);
    writeFileSync(rules, rulesText());
    fifo = openSync(join(share, 'witness'), 'r+');
    await lab.up();
    await lab.docker('tag', 'lab/base:1', 'lab/other:1');
    skep = new Skep(lab.socket, ['--rules', rules]);
    await up();
    await stay('witness', 'lab/base:1', 'sh', '-c', `
      exec 3</t/witness
      while read prefix name <&3; do
        ln -s /bin/sh /tmp/$name; /tmp/$name -c ': >/tmp/$0' $prefix-$name
      done`);
    await stay('storm', 'lab/other:1', 'sleep', '600');
    await known('storm');
    await known('witness');
  });
  after(async () => {
    await skep?.stop('SIGINT');
    skep?.remove();
    await lab.down();
    if (fifo !== undefined) closeSync(fifo);
    rmSync(dir, { recursive: true, force: true });
  });

  // What was recorded of a container by kind of event, once the recorder has it on disk.
  async function recorded(name) {
    await sleep(1500);
    const { items, record } = JSON.parse(await skep.cli('record', 'ls', '--json', '-c', containers[name]));
    assert.equal(record.damaged, 0);
    return items.find((i) => i.container_id === containers[name])?.types ?? {};
  }
  const total = (types, kinds) => kinds.reduce((v, k) => v + (types[k] ?? 0), 0);

  // A storm of known size: all of it was recorded, or counted as lost.
  async function counted(name, each, kinds, storm, more = {}) {
    const g = await fresh(), before = await recorded(name);
    const peaks = await twice(storm);
    const h = await fresh(), types = await recorded(name);
    for (const [kind, aliases] of Object.entries(kinds)) {
      const made = (more[kind] ?? each) * peaks.length;
      const seen = total(types, aliases) - total(before, aliases);
      const lost = sum(h, 'lost', aliases) - sum(g, 'lost', aliases) + h.record_dropped - g.record_dropped;
      assert.ok(seen + lost >= made, `${kind}: ${made} made, ${seen} recorded, ${lost} lost`);
      assert.ok(seen <= made + 100 * peaks.length, `${kind}: ${made} made, ${seen} recorded`); // what starts the storm forks, too
      assert.ok(h.events_lost - g.events_lost >= sum(h, 'lost', aliases) - sum(g, 'lost', aliases));
    }
    return { peaks, lost: h.events_lost - g.events_lost, dropped: h.record_dropped - g.record_dropped };
  }

  test('a fork bomb', { timeout: 60000 }, async (t) => {
    const bomb = 'while :; do (b() { b | b & b; }; b) 2>/dev/null; done & exec sleep 3';
    const peaks = await twice(async () => {
      const name = `bomb-${n++}`;
      containers[name] = await lab.docker('create', '--name', name, '--pids-limit', '300', '-v', `${share}:/t`, 'lab/other:1', 'sh', '-c', `/t/storm open /tmp/marker-bomb; ${bomb}`);
      await lab.docker('start', '-a', name);
      await marked(name, (a) => a.fd.filename === 'marker-bomb');
      await lab.docker('rm', '-f', name);
      const ps = await soon(async () => {
        const v = await skep.list('processes', `container_id = "${containers[name]}"`);
        return v.length >= 300 ? v : null;
      });
      for (const p of ps) assert.match(p.name, /^(sh|dash|sleep|storm|exe|runc.*)$/);
    });
    t.diagnostic(`peaks ${peaks.map((p) => (p / MIB).toFixed(1))} MiB`);
    await healthy();
  });

  test('100,000 threads, or as many as the host allows', { timeout: 60000 }, async (t) => {
    const was = readFileSync(PID_MAX, 'utf8').trim();
    const raise = Number(was) < 110000;
    if (raise)
      try {
        writeFileSync(PID_MAX, '110000');
      } catch {
        // as many as the host allows
      }
    try {
      const peaks = await twice(async () => {
        const child = spawn('docker', ['exec', '-i', 'storm', '/t/storm', 'threads', '100000'], { env: lab.env });
        const ended = new Promise((done) => child.once('exit', done));
        let out = '';
        child.stdout.on('data', (d) => (out += d));
        const made = Number((await until(() => /^threads (\d+).*\n/.exec(out), 20000, () => out))[1]);
        t.diagnostic(`${made} threads${made < 100000 ? `: ${out.trim()}` : ''}`);
        assert.ok(made >= 1000);
        await witness();
        child.stdin.end('end\n');
        assert.equal(await ended, 0);
      });
      t.diagnostic(`peaks ${peaks.map((p) => (p / MIB).toFixed(1))} MiB`);
    } finally {
      if (raise) writeFileSync(PID_MAX, was, { flag: 'r+' });
    }
    const ps = await until(async () => {
      const v = (await skep.list('processes', `container_id = "${containers.storm}"`)).filter((p) => p.cmdline?.includes('threads'));
      return v.length >= 2 && v.every((p) => p.exit_time) ? v : null;
    }, 10000, () => 'a thread is no process');
    assert.ok(ps.every((p) => p.exit_code === 0));
    await healthy();
  });

  const floods = { lchown: ['lchown'], symlink: ['symlink'], chmod: ['chmod'] };
  const tell = (r) => `lost ${r.lost}, not recorded ${r.dropped}, peaks ${r.peaks.map((p) => (p / MIB).toFixed(1))} MiB`;

  test('a flood of calls: what was made is recorded, or counted as lost', { timeout: 60000 }, async (t) => {
    const r = await counted('storm', 40000, floods, () => inside('storm', 'calls', '40000', `/tmp/marker-flood-${n++}`));
    t.diagnostic(tell(r));
    if (r.lost === 0) await soon(async () => (await marks('storm')).filter((a) => /^marker-flood/.test(a.fd.filename)).length === r.peaks.length);
    await healthy();
  });

  test('a flood while the agent gets no processor: the loss is counted, and an alert after it tells of it', { timeout: 60000 }, async (t) => {
    const g = await fresh(), before = await recorded('storm');
    process.kill(pid, 'SIGSTOP');
    try {
      await inside('storm', 'calls', '60000', '/tmp/marker-stopped');
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await healthy();
    const h = await fresh(), types = await recorded('storm');
    let lost = 0;
    for (const [kind, aliases] of Object.entries(floods)) {
      const seen = total(types, aliases) - total(before, aliases);
      const gone = sum(h, 'lost', aliases) - sum(g, 'lost', aliases);
      assert.ok(seen + gone + h.record_dropped - g.record_dropped >= 60000, `${kind}: ${seen} recorded, ${gone} lost`);
      assert.ok(gone > 0, kind);
      lost += 60000 - seen;
    }
    assert.ok(h.events_lost - g.events_lost >= lost - h.record_dropped);
    t.diagnostic(`lost ${h.events_lost - g.events_lost}`);
    await inside('storm', 'calls', '1', '/tmp/marker-after');
    await marked('storm', (a) => a.fd.filename === 'marker-after');
  });

  test('a flood of processes and programs', { timeout: 60000 }, async (t) => {
    const fork = ['clone', 'clone3', 'fork', 'vfork'];
    const r = await counted('storm', 600, { forks: fork, ends: ['procexit'], execs: ['execve', 'execveat'] }, async () => {
      await inside('storm', 'execs', '600');
      await inside('storm', 'forks', '4000');
    }, { forks: 4600, ends: 4600 });
    t.diagnostic(tell(r));
    await healthy();
  });

  test('containers that start and die within 10 ms', { timeout: 60000 }, async (t) => {
    const names = Array.from({ length: 16 }, (_, i) => `brief-${i}`);
    for (const [i, name] of names.entries())
      containers[name] = await lab.docker('create', '--rm', '--name', name, '-v', `${share}:/t:ro`, i % 2 ? 'lab/other:1' : 'lab/base:1', '/t/storm', 'open', `/tmp/marker-${name}`);
    for (let i = 0; i < names.length; i += 4) {
      const some = names.slice(i, i + 4).map((name) => lab.docker('start', name));
      if (i === 4) some.push(witness());
      await Promise.all(some);
    }
    const lives = [];
    for (const [i, name] of names.entries()) {
      const a = await marked(name, (v) => v.fd.filename === `marker-${name}`);
      assert.equal(a.container.image, i % 2 ? 'lab/other:1' : 'lab/base:1');
      const p = await soon(async () => (await skep.list('processes', `container_id = "${containers[name]}"`)).find((v) => v.cmdline?.includes(name) && v.exit_time));
      assert.equal(p.exit_code, 0);
      assert.equal(p.id, a.proc.id);
      const began = await soon(async () => { // the recorder has it on its disk within a second
        const text = await skep.cli('record', 'show', '--json', '-c', containers[name], '-k', 'execve');
        return text.split('\n').filter(Boolean).map((l) => JSON.parse(l)).find((e) => e.proc.id === p.id && e.proc.name === 'storm');
      });
      lives.push(Date.parse(p.exit_time) - Date.parse(began.evt.time));
      const [c] = await soon(async () => {
        const v = await skep.list('containers', `id = "${containers[name]}" and state in (exited, removed)`);
        return v.length ? v : null;
      });
      assert.equal(c.name, name);
      assert.equal(c.exit_code, 0);
    }
    t.diagnostic(`lived ${lives.sort((a, b) => a - b)} ms`);
    assert.ok(lives[0] <= 10);
    await healthy();
  });

  test('programs that are renamed, removed and run by a descriptor', { timeout: 30000 }, async () => {
    await shell('storm', 'mkdir /tmp/lose');
    await inside('storm', 'lose', '/tmp/lose');
    const of = (name) => marked('storm', (a) => a.fd.filename === `marker-${name}`);
    const renamed = await of('renamed'), second = await of('second'), unlinked = await of('unlinked'), fd = await of('descriptor');
    assert.equal(renamed.proc.exepath, '/tmp/lose/first', 'as it was when it began');
    assert.equal(second.proc.exepath, '/tmp/lose/second');
    assert.equal(second.ancestors[0].id, renamed.proc.id);
    assert.equal(unlinked.proc.id, renamed.proc.id);
    assert.match(fd.proc.exepath, /^\/tmp\/lose\/second( \(deleted\))?$/);
    assert.equal(fd.ancestors[0].id, renamed.proc.id);
    for (const a of [renamed, second, fd]) assert.equal(a.proc.exe_upper, true);
    await healthy();
  });

  test('paths of 4096 bytes, longer ones, and very deep ones', { timeout: 30000 }, async () => {
    await shell('storm', 'mkdir /tmp/deep');
    await inside('storm', 'deep', '/tmp/deep');
    const of = (name) => marked('storm', (a) => a.fd.filename === `marker-${name}`);
    for (const name of ['whole', 'deep', 'program', 'many']) {
      const a = await of(name);
      assert.match(a.fd.name, /^\/\.\.\.\/.*\/marker-\w+$/, 'its end, and that it is one');
      assert.ok(a.fd.name.length > 100);
    }
    assert.match((await of('program')).proc.exepath, /^\/\.\.\.\/.*\/d{200}\/program$/);
    assert.equal((await of('many')).proc.exepath, `/tmp/deep${'/n'.repeat(301)}/nested`, 'whole while it runs');
    await healthy();
  });

  test('names and arguments that are no UTF-8', { timeout: 30000 }, async () => {
    await shell('storm', 'mkdir /tmp/bytes');
    await inside('storm', 'bytes', '/tmp/bytes');
    const found = await soon(async () => {
      const v = (await marks('storm')).filter((a) => a.fd.directory === '/tmp/bytes');
      return v.length === 3 ? v : null;
    });
    assert.ok(found.some((a) => a.fd.filename === 'marker-title'));
    const text = await skep.cli('alerts', '--filter', 'container.name = storm');
    const shown = await soon(async () => {
      const v = await skep.cli('record', 'show', '-c', 'storm', '-f', 'proc.cwd = /tmp/bytes');
      return v.includes('b\\xff\\xfe') ? v : null;
    });
    // eslint-disable-next-line no-control-regex
    for (const v of [text, shown]) assert.doesNotMatch(v, /[\x00-\x08\x0b-\x1f\x7f\x9b]/);
    assert.match(shown, /b\\xff\\xfe/);
    const json = await skep.cli('record', 'show', '-c', 'storm', '-f', 'proc.cwd = /tmp/bytes', '--json');
    const events = json.split('\n').filter(Boolean).map((l) => JSON.parse(l));
    assert.ok(events.some((e) => e.evt.type === 'execve' && /marker-arg/.test(e.proc.cmdline)));
    await healthy();
  });

  test('rules change under load: none fails to hold, none holds too long', { timeout: 60000 }, async () => {
    await underLoad(async () => {
      for (let v = 0; v < 6; v++) {
        const swapped = ['Marker swapped', v % 2 ? 'odd-' : 'even-'];
        writeFileSync(rules, v === 3 ? 'broken: [' : rulesText(swapped));
        await until(async () => {
          const r = (await skep.get('/api/v1/rules')).body;
          return v === 3 ? r.error : !r.error && r.items.some((i) => i.name === swapped[0] && i.condition.includes(swapped[1]));
        }, 10000, () => skep.out);
        await witness(); // held before, holds now
        await witness('Marker swapped', v % 2 && v !== 3 ? 'odd' : 'even');
      }
    });
    const all = await marks('witness');
    assert.ok(all.filter((a) => a.rule === 'Marker opened').length >= 6);
    assert.equal(new Set(all.map((a) => a.id)).size, all.length);
    writeFileSync(rules, rulesText());
    await until(async () => !(await skep.get('/api/v1/rules')).body.items.some((i) => i.name === 'Marker swapped'), 5000);
    await healthy();
  });

  for (const how of ['asked', 'killed'])
    test(`an engine that is ${how} to restart under load`, { timeout: 90000 }, async () => {
      await underLoad(async () => {
        await witness();
        const engine = lab.lab('restart', ...(how === 'killed' ? ['kill'] : []));
        if (how === 'killed') await sleep(200).then(() => witness()); // it lives on without its engine
        await engine;
        await lab.docker('start', 'witness', 'storm');
        await Promise.all([known('witness'), known('storm')]);
        const gone = containers.again;
        await lab.docker('rm', '-f', 'again').catch(() => {});
        await stay('again', 'lab/other:1', 'sleep', '600'); // the same name is another container now
        assert.notEqual(containers.again, gone);
        await inside('again', 'open', `/tmp/marker-again-${how}`);
        const a = await soon(async () => (await alertsOf('again')).find((v) => v.fd.filename === `marker-again-${how}`));
        assert.equal(a.container.id, containers.again);
        assert.equal(a.container.image, 'lab/other:1');
      });
      await healthy();
      assert.equal((await fresh()).runtime_error, undefined);
    });

  test('an agent that is killed at any moment', { timeout: 90000 }, async (t) => {
    const before = new Set((await marks('witness')).map((a) => a.id));
    const moments = [10, 60, 150, 300, 450, 700];
    await underLoad(async () => {
      for (const ms of moments) {
        await skep.stop('SIGKILL');
        const started = skep.start().catch(() => {}); // it may die before it is up
        await sleep(ms);
        await skep.stop('SIGKILL');
        await started;
      }
      await up();
      const began = Date.now();
      await witness();
      t.diagnostic(`killed after ${moments} ms; first alert ${Date.now() - began} ms after the last start`);
    });
    const all = await marks('witness');
    const ids = new Set(all.map((a) => a.id));
    assert.equal(ids.size, all.length);
    for (const id of before) assert.ok(ids.has(id), `alert ${id} is gone`);
    for (const kind of ['containers', 'alerts', 'processes']) assert.ok((await skep.list(kind)).length > 0);
    const cs = await skep.list('containers', 'name in (witness, storm) and state = running');
    assert.deepEqual(cs.map((c) => c.id).sort(), [containers.witness, containers.storm].sort());
    const { record } = JSON.parse(await skep.cli('record', 'ls', '--json', '-c', 'witness'));
    assert.equal(record.damaged, 0);
    await healthy();
  });

  test('a recorder whose disk is full in a storm', { timeout: 60000 }, async (t) => {
    await skep.stop('SIGINT');
    skep.remove();
    skep = undefined;
    const disk = join(dir, 'full'), record = join(disk, 'record');
    mkdirSync(record, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', record]);
    try {
      skep = new Skep(lab.socket, ['--rules', rules], disk);
      await up();
      try {
        execFileSync('dd', ['if=/dev/zero', `of=${join(record, 'filler')}`, 'bs=4k'], { stdio: 'pipe' });
      } catch {
        // full: that is what it is for
      }
      const peaks = await twice(() => inside('storm', 'calls', '30000', `/tmp/after-full-${n++}`));
      t.diagnostic(`peaks ${peaks.map((p) => (p / MIB).toFixed(1))} MiB`);
      const g = await fresh();
      assert.match(g.record_error, /No space left on device/);
      assert.ok(g.record_dropped > 0);
      assert.equal(g.store_error, undefined);
      await inside('storm', 'open', '/tmp/marker-full');
      await marked('storm', (a) => a.fd.filename === 'marker-full');
      await healthy();
    } finally {
      await skep?.stop('SIGINT');
      execFileSync('umount', ['-l', record]);
    }
  });

  test('a clock that jumps forwards and back', { timeout: 60000 }, async () => {
    const so = join(dir, 'clock.so'), off = join(dir, 'clock');
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', so, join(root, 'tests/lab/clock.c')]);
    const turn = (s) => {
      const b = Buffer.alloc(8);
      b.writeBigInt64LE(BigInt(s));
      const fd = openSync(off, 'r+');
      writeSync(fd, b, 0, 8, 0);
      closeSync(fd);
    };
    writeFileSync(off, Buffer.alloc(8));
    Object.assign(process.env, { LD_PRELOAD: so, LAB_CLOCK: off });
    skep = new Skep(lab.socket, ['--rules', rules]);
    const started = up();
    delete process.env.LD_PRELOAD;
    delete process.env.LAB_CLOCK;
    await started;
    await underLoad(async () => {
      for (const s of [3600, -7200, 400 * 86400, -400 * 86400]) {
        turn(s);
        await witness();
        await sleep(1200); // the sensor looks at the clock every second
        const a = await witness();
        assert.ok(Math.abs(Date.parse(a.time) - (Date.now() + s * 1000)) < 30000, `${s} s: ${a.time}`);
      }
      assert.ok((await fresh(-400 * 86400)).events_seen > 0);
      turn(0);
      await sleep(1200);
    });
    const { record } = JSON.parse(await skep.cli('record', 'ls', '--json', '-c', 'witness'));
    assert.equal(record.damaged, 0);
    await healthy();
  });

  test('it ends as it should, at the end of all that', async () => {
    assert.equal(await skep.stop('SIGINT'), 0);
    assert.doesNotMatch(skep.out, /AddressSanitizer|runtime error:|LeakSanitizer/);
  });
});
