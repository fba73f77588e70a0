// SPDX-License-Identifier: Apache-2.0
// `skep agent` by itself: what it prints, when nobody reads it, and when Docker tells late.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { blind, Lab, markerRule, missing, Program, skepFile, sleep, touch, until } from './lib.mjs';

const READY = /rules loaded/;

describe('skep agent whose output nobody reads', { skip: blind() ?? false }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-unread-'));
  const rules = join(dir, 'own.yaml');
  const data = join(dir, 'data');
  const fifo = join(dir, 'out');
  const log = join(dir, 'log');
  let shell;

  before(() => {
    // long lines, so that the pipe is full soon
    writeFileSync(rules, markerRule(join(dir, 'marker-')).replace('output: ', `output: ${'x'.repeat(60000)} `));
    execFileSync('mkfifo', [fifo]);
  });
  after(() => {
    shell?.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  });

  test('goes on, tells what it left out, and ends at once when asked to', async () => {
    const said = () => readFileSync(log, { encoding: 'utf8', flag: 'a+' });
    const status = () => JSON.parse(execFileSync(skepFile, ['agent', 'status', '--json', '--data', data], { encoding: 'utf8' }));
    // a shell keeps the pipe open, and shares it: its flags must stay as they are
    shell = spawn('sh', ['-c', `exec 3<>${fifo}; ${skepFile} agent --print-alerts --no-builtin-rules --rules ${rules} --docker /nonexistent.sock --data ${data} >&3 2>${log} & echo $! ; wait; echo ended; cat /proc/self/fdinfo/3`]);
    let out = '';
    shell.stdout.on('data', (d) => (out += d));
    const pid = Number(await until(() => /^(\d+)\n/.exec(out)?.[1], 5000));
    await until(() => READY.test(said()), 15000, said);
    await until(() => {
      try {
        return status().events_seen >= 0;
      } catch {
        return false;
      }
    }, 15000, said);
    for (let i = 0; i < 60; i++) touch(join(dir, `marker-${i}`));
    await until(() => /standard output is not read/.test(said()), 10000, said);
    const lost = await until(() => status().prints_lost, 15000, said); // health goes on
    assert.ok(lost >= 30, String(lost));
    assert.match(execFileSync(skepFile, ['agent', 'status', '--data', data], { encoding: 'utf8' }), /^not printed +\d+ alerts/m);
    const asked = Date.now();
    process.kill(pid, 'SIGTERM');
    await until(() => /ended/.test(out), 5000, said);
    assert.ok(Date.now() - asked < 2000, `${Date.now() - asked} ms`);
    const told = Number(/not all alerts were printed lost=(\d+)/.exec(said())?.[1]);
    assert.ok(told > lost, said()); // what still waited is lost, too
    assert.equal(status().prints_lost, told);
    await until(() => /flags:/.test(out), 2000);
    assert.equal(parseInt(/flags:\s+(\d+)/.exec(out)[1], 8) & 0o4000, 0); // O_NONBLOCK
  });
});

describe('skep agent when Docker tells of a container late', { skip: missing() ?? false }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-late-'));
  const rules = join(dir, 'own.yaml');
  const socket = join(dir, 'slow.sock');
  const lab = new Lab();
  const gate = { open: Promise.resolve() };
  let agent, proxy;

  before(async () => {
    writeFileSync(rules, `- rule: Late
  desc: A program that the test runs
  condition: evt.type in (execve, execveat) and container.id != host and proc.args contains late-marker
  output: Late (parent=%proc.pname container=%container.name image=%container.image.repository)
  priority: NOTICE
- rule: Set up late
  desc: A container among the host's processes
  condition: evt.type = container and container.host_pid = true and container.mount.dest[/srv] exists
  output: Set up late (container=%container.name)
  priority: NOTICE
`);
    await lab.up();
    // Docker's socket, whose answers and events wait while it is shut
    proxy = net.createServer((client) => {
      const docker = net.connect(lab.socket);
      client.pipe(docker);
      docker.on('data', async (d) => {
        docker.pause();
        await gate.open;
        if (client.writable) client.write(d);
        docker.resume();
      });
      docker.on('end', () => gate.open.then(() => client.end()));
      for (const s of [client, docker]) s.on('error', () => {});
      client.on('close', () => docker.destroy());
    });
    await new Promise((done) => proxy.listen(socket, done));
    agent = new Program();
    await agent.spawn(['agent', '--print-json', '--no-builtin-rules', '--rules', rules, '--docker', socket], /connected engine=/);
  });
  after(async () => {
    await agent?.stop('SIGKILL');
    agent?.remove();
    proxy?.close();
    await lab.down();
    rmSync(dir, { recursive: true, force: true });
  });

  const alerts = () => agent.out.split('\n').filter((l) => l.startsWith('{')).map((l) => JSON.parse(l));

  test('text and fields of the alert name the container all the same', async () => {
    let open;
    gate.open = new Promise((done) => (open = done));
    await lab.docker('run', '-d', '--name', 'latecomer', 'lab/base:1', 'sh', '-c', 'sh -c "true late-marker; exit 0"; sleep 3');
    await sleep(100); // it has run; the alert waits for its container
    assert.doesNotMatch(agent.out, /Late/);
    open();
    const inner = await until(() => alerts().find((a) => a.output_fields?.some((f) => f.key === 'proc.pname' && f.value === 'sh')), 5000, () => agent.out);
    assert.match(inner.output, /^Late \(parent=sh container=latecomer image=\S*base\)$/);
    assert.equal(inner.container.name, 'latecomer');
    const value = (key) => inner.output_fields.find((f) => f.key === key)?.value;
    assert.equal(value('container.name'), 'latecomer');
    for (const a of alerts()) assert.doesNotMatch(a.output, /<NA>/);
  });

  test('how it was set up and what it brought in are judged when Docker has told, though it is over', async () => {
    let open;
    gate.open = new Promise((done) => (open = done));
    const script = 'echo "exit 0" > /x.sh && sh /x.sh';
    await lab.docker('run', '--name', 'setup', '--pid', 'host', '-v', `${dir}:/srv:ro`, 'lab/base:1', 'sh', '-c', script);
    await sleep(700);
    assert.doesNotMatch(agent.out, /Set up late|x\.sh/);
    open();
    await until(() => alerts().find((a) => a.rule === 'Set up late' && a.container.name === 'setup'), 5000, () => agent.out);
    await until(() => alerts().find((a) => a.rule === 'Drift: script not in the image' && a.container.name === 'setup'), 5000, () => agent.out);
    await lab.docker('rm', 'setup');
  });
});
