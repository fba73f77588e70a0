// SPDX-License-Identifier: Apache-2.0
// The flight recorder: a container that lived a second, removed, its agent killed, is still told of.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, openSync, closeSync, readdirSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { blind, Lab, missing, Program, Skep, skepFile, sleep, until } from './lib.mjs';

// A command with its exit code, whatever it is.
const run = (data, ...args) =>
  new Promise((done) =>
    execFile(skepFile, [...args, '--data', data], { maxBuffer: 1 << 26 }, (e, stdout, stderr) =>
      done({ code: e ? e.code : 0, stdout, stderr }),
    ),
  );
const lines = (text) => text.split('\n').filter(Boolean).map((l) => JSON.parse(l));

const why = missing();
describe('skep record and skep replay', { skip: why ?? false }, () => {
  const lab = new Lab();
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-record-'));
  const rule = (name, condition) =>
    `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: found %fd.name in %container.name\n  priority: WARNING\n`;
  const begin = new Date().toISOString();
  let skep;

  before(async () => {
    await lab.up();
    skep = new Skep(lab.socket, ['--record-size', '64M']);
    await skep.start();
    await lab.docker('run', '--rm', '--name', 'gone', '--label', 'io.kubernetes.pod.name=pod-0', 'lab/base:1', 'sh', '-c',
      'cat /etc/shadow > /dev/null; echo x > /tmp/made; echo x > "/tmp/$(printf "\\377\\376")"; nc -w 1 172.17.0.1 4444; sleep 1').catch(() => {});
  });
  after(async () => {
    await skep?.stop('SIGKILL');
    skep?.remove();
    await lab.down();
    rmSync(dir, { recursive: true, force: true });
  });

  const show = async (...args) => {
    const r = await run(skep.data, 'record', 'show', '-c', 'gone', '--json', ...args);
    assert.equal(r.code, 0, r.stderr);
    return lines(r.stdout);
  };

  test('an alert says that its window of time is kept, and the recorder that it keeps it', async () => {
    const a = await until(async () => (await skep.list('alerts', 'container.name = gone')).find((v) => /Password/.test(v.rule)), 5000, () => skep.out);
    assert.equal(a.recorded, true);
    const s = JSON.parse((await run(skep.data, 'record', 'status', '--json')).stdout);
    assert.equal(s.recording, true);
    const pin = s.pins.find((p) => p.container_id === a.container.id);
    assert.match(pin.reason, /^alert [0-9A-Z]{26}: /);
    assert.ok(Date.parse(a.time) - Date.parse(pin.from) >= 59000);
    assert.ok(Date.parse(pin.to) - Date.parse(a.time) >= 29000);
  });

  test('the agent tells how its recorder is', async () => {
    const [agent] = await until(async () => {
      const v = await skep.list('agents');
      return v[0]?.record_events ? v : null;
    }, 8000);
    assert.equal(agent.recording, true);
    assert.equal(agent.record_dropped, 0);
    assert.ok(agent.record_bytes > 0 && Date.parse(agent.record_oldest) > 0);
    assert.match(await skep.cli('agent', 'status'), /recorder +\d+\.\d MiB since .*, 0 not recorded/);
  });

  test('after kill -9 processes, files and connections are there with the name of the container', async () => {
    await skep.stop('SIGKILL');
    const events = await show('--since', begin);
    for (const e of events) {
      assert.equal(e.container.name, 'gone');
      assert.equal(e.container.image, 'lab/base:1');
      assert.equal(e.container.k8s_pod, 'pod-0');
    }
    const found = (type, ok) => events.find((e) => e.evt.type === type && ok(e));
    assert.ok(found('execve', (e) => e.proc.name === 'cat'));
    assert.ok(found('procexit', (e) => e.proc.name === 'sleep'));
    assert.ok(found('openat', (e) => e.fd.name === '/etc/shadow') ?? found('open', (e) => e.fd.name === '/etc/shadow'));
    assert.ok(events.some((e) => e.fd.name === '/tmp/made' && e.evt.is_open_write));
    assert.ok(found('connect', (e) => /->172\.17\.0\.1:4444$/.test(e.fd.name)));
    assert.equal(JSON.parse((await run(skep.data, 'record', 'status', '--json')).stdout).recording, false);
  });

  test('text for people has a tree, and no byte that writes on the terminal', async () => {
    const tree = (await run(skep.data, 'record', 'show', '-c', 'gone', '--tree')).stdout;
    assert.match(tree, /^container gone$/m);
    assert.match(tree, /Z {2}sh -c cat .*\n(?:.*\n)*.*Z {4}cat \/etc\/shadow {2}\(\d+, .* s, exit 0\) {2}\[opened \d/);
    const text = (await run(skep.data, 'record', 'show', '-c', 'gone', '-k', 'file')).stdout;
    assert.ok(text.includes('/tmp/\\xff\\xfe'), text);
    const few = await run(skep.data, 'record', 'show', '-c', 'gone', '-k', 'connect', '-n', '1');
    assert.equal(few.stdout.trim().split('\n').length, 1);
    assert.match(few.stdout, /connect container=gone image=lab\/base:1 /);
  });

  test('a restarted agent and a removed container change nothing of what is told', async () => {
    const before = await show('--until', new Date().toISOString());
    await skep.start();
    assert.deepEqual(await show('--until', before.at(-1).evt.time), before);
    const ls = JSON.parse((await run(skep.data, 'record', 'ls', '--json')).stdout);
    const c = ls.items.find((i) => i.name === 'gone');
    assert.equal(c.image, 'lab/base:1');
    assert.equal(c.k8s_pod, 'pod-0');
    assert.ok(c.types.connect >= 1 && c.events >= before.length);
    assert.ok(ls.items.some((i) => !i.container_id && i.hostname));
    assert.equal(ls.record.damaged, 0);
  });

  test('a new rule is tried on what was recorded', async () => {
    const found = join(dir, 'found.yaml'), nothing = join(dir, 'nothing.yaml'), bad = join(dir, 'bad.yaml');
    writeFileSync(found, rule('Something made', 'evt.type in (open, openat, openat2) and fd.name = /tmp/made and container.name = gone'));
    writeFileSync(nothing, rule('Never', 'evt.type = connect and fd.sport = 1'));
    writeFileSync(bad, rule('Wrong', 'evt.type = connect and fd.spotr = 1'));
    const r = await run(skep.data, 'replay', '--rules', found, '--since', begin);
    assert.equal(r.code, 3, r.stdout + r.stderr);
    assert.match(r.stdout, /warning Something made: found \/tmp\/made in gone/);
    assert.match(r.stdout, /1 alerts by 1 rules of 1; \d+ events from .* to .*; \d+ blocks read, \d+ passed over/);
    const j = JSON.parse((await run(skep.data, 'replay', '--rules', found, '--json')).stdout);
    assert.deepEqual(j.items.map((i) => [i.rule, i.alerts]), [['Something made', 1]]);
    assert.equal(j.alerts[0].container.name, 'gone');
    assert.equal(j.record.not_recorded, 0);
    const none = await run(skep.data, 'replay', '--rules', nothing);
    assert.equal(none.code, 0, none.stdout);
    assert.match(none.stdout, /^0 alerts by 0 rules of 1; /m);
    const wrong = await run(skep.data, 'replay', '--rules', bad);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /bad\.yaml:3:\d+: .*fd\.spotr/);
    const all = await run(skep.data, 'replay', '-c', 'gone', '--quiet');
    assert.equal(all.code, 3);
    assert.match(all.stdout, /Password hashes read/);
    const falco = await run(skep.data, 'replay', '--rules', found, '--falco');
    assert.equal(lines(falco.stdout)[0].rule, 'Something made');
    assert.equal(lines(falco.stdout)[0].priority, 'Warning');
  });

  test('events are exported in the shape of Falco', async () => {
    const r = await run(skep.data, 'record', 'export', '--format', 'falco', '-c', 'gone', '-f', 'evt.type = connect');
    const e = lines(r.stdout)[0];
    assert.deepEqual(Object.keys(e).sort(), ['hostname', 'output', 'output_fields', 'priority', 'rule', 'source', 'tags', 'time']);
    assert.equal(e.source, 'syscall');
    assert.equal(e.output_fields['container.name'], 'gone');
    assert.equal(e.output_fields['container.image.repository'], 'lab/base');
    assert.equal(e.output_fields['fd.sport'], 4444);
    assert.equal(e.output_fields['proc.name'], 'nc');
    assert.match(e.output, /^\d\d:\d\d:\d\d\.\d{9}: Debug connect by nc /);
  });

  test('it is read while it is written', async () => {
    let stop = false;
    const load = (async () => {
      while (!stop) execFileSync('sh', ['-c', 'for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; done']), await sleep(1);
    })();
    let last = 0;
    for (let i = 0; i < 8; i++) {
      const r = await run(skep.data, 'record', 'ls', '--json');
      assert.equal(r.code, 0);
      assert.equal(r.stderr, '');
      const host = JSON.parse(r.stdout).items.find((v) => !v.container_id);
      assert.ok(host.events >= last);
      last = host.events;
      await sleep(300);
    }
    stop = true;
    await load;
  });

  test('damage is named with file and offset, and passed over', async () => {
    const copy = join(dir, 'copy');
    cpSync(skep.data, copy, { recursive: true, filter: (f) => !/outbox|skep\.db|\.sock/.test(f) });
    const file = join(copy, 'record', readdirSync(join(copy, 'record')).find((f) => /\.rec$/.test(f)));
    const fd = openSync(file, 'r+');
    const head = Buffer.alloc(128);
    readSync(fd, head, 0, 128, 0);
    const at = 128 + head.readUInt32LE(12) + head.readUInt32LE(16); // behind the first block
    writeSync(fd, Buffer.from([0xff]), 0, 1, at + 50);
    closeSync(fd);
    const r = await run(copy, 'record', 'ls', '--json');
    assert.equal(r.code, 0, r.stderr);
    assert.ok(r.stderr.includes(`${file}: byte ${at}: the head of the block is damaged; passed over`), r.stderr);
    assert.equal(JSON.parse(r.stdout).record.damaged, 1);
    assert.ok(JSON.parse(r.stdout).items.some((i) => i.name === 'gone'));
  });

  test('wrong questions are answered with what is right', async () => {
    for (const [args, code, text] of [
      [['record', 'show', '--since', 'yesterday'], 2, /--since yesterday: a time such as 10m/],
      [['record', 'show', '-k', 'files'], 2, /--kind files: process, file, network, privilege/],
      [['record', 'show', '-f', 'fd.nmae = x'], 2, /fd\.nmae/],
      [['record', 'export', '--format', 'xml'], 2, /json or falco/],
    ]) {
      const r = await run(skep.data, ...args);
      assert.equal(r.code, code, args.join(' '));
      assert.match(r.stderr, text);
    }
    const none = await run(dir, 'record', 'show');
    assert.equal(none.code, 1);
    assert.match(none.stderr, /nothing was recorded here; name the agent's folder with --data/);
    const empty = await run(skep.data, 'record', 'show', '-c', 'nobody');
    assert.equal(empty.code, 0);
    assert.match(empty.stderr, /nothing found; the record has \d+ events from /);
  });
});

const whyNot = blind();
describe('the recorder on a bad disk', { skip: whyNot ?? false }, () => {
  const disk = mkdtempSync(join(tmpdir(), 'skep-e2e-record-disk-'));
  const marks = mkdtempSync(join(tmpdir(), 'skep-e2e-record-marks-'));
  const mount = (...options) => execFileSync('mount', ['-t', 'tmpfs', '-o', ['size=6m', ...options].join(','), 'tmpfs', join(disk, 'record')], { stdio: 'pipe' });
  const umount = () => execFileSync('umount', [join(disk, 'record')], { stdio: 'pipe' });
  const agent = new Program(disk);
  const start = (...more) => agent.spawn(['agent', '--print-alerts', '--docker', '/nonexistent.sock', ...more], /rules loaded/);
  const status = async () => JSON.parse(await agent.cli('agent', 'status', '--json'));
  const busy = () => execFileSync('sh', ['-c', 'i=0; while [ $i -lt 60 ]; do /bin/true; i=$((i+1)); done']);

  after(async () => {
    await agent.stop('SIGKILL');
    try {
      umount();
    } catch {
      // not mounted
    }
    for (const d of [disk, marks]) rmSync(d, { recursive: true, force: true });
  });

  test('full: told in log and status, detection goes on, and it records again when there is room', async () => {
    execFileSync('mkdir', ['-p', join(disk, 'record')]);
    mount();
    const filler = join(disk, 'record', 'filler');
    await start('--record-size', '1G');
    try {
      execFileSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k'], { stdio: 'pipe' });
    } catch {
      // full: that is what it is for
    }
    await until(() => (busy(), /events are not recorded.*No space left on device/.test(agent.out)), 15000, () => agent.out);
    const g = await until(async () => {
      busy();
      const v = await status();
      return v.record_error ? v : null;
    }, 15000);
    assert.match(g.record_error, /No space left on device/);
    assert.ok(g.record_dropped > 0);
    assert.match(await agent.cli('agent', 'status'), /recorder .*No space left on device/);
    rmSync(filler);
    await until(() => (busy(), /events are recorded again/.test(agent.out)), 45000, () => agent.out);
    assert.equal(agent.out.match(/events are not recorded/g).length, 1);
    await agent.stop();
    const r = await run(disk, 'record', 'show', '-c', 'host', '-k', 'process');
    assert.equal(r.code, 0);
    assert.match(r.stderr, /\d+ events of that time were not recorded/);
    assert.match(r.stdout, /^-- \d+ events between .* and .* were not recorded --$/m);
    umount();
  });

  test('read-only: told, and the agent runs', async () => {
    mount('ro');
    await start();
    assert.match(agent.out, /events are not recorded.*Read-only file system/);
    const g = await until(async () => {
      busy();
      const v = await status().catch(() => null);
      return v?.record_dropped ? v : null;
    }, 15000);
    assert.match(g.record_error, /Read-only file system/);
    assert.equal(g.recording, false);
    execFileSync('mount', ['-o', 'remount,rw', join(disk, 'record')]);
    await until(() => (busy(), /events are recorded again/.test(agent.out)), 45000, () => agent.out);
    await agent.stop();
    assert.ok(readdirSync(join(disk, 'record')).some((f) => /\.rec$/.test(f)));
    umount();
  });

  test('a size is kept, and --no-record records nothing', async () => {
    rmSync(join(disk, 'record'), { recursive: true, force: true });
    await assert.rejects(start('--record-size', '1K'), /--record-size 1K: a number with K, M, G or T, from 4M to 16T/);
    await assert.rejects(start('--record-age', 'soon'), /--record-age soon: a time such as 90m/);
    await start('--no-record');
    busy();
    await agent.stop();
    assert.equal(existsSync(join(disk, 'record')), false);
    assert.match(await agent.cli('agent', 'status'), /recorder +off/);
  });
});
