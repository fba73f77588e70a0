// SPDX-License-Identifier: Apache-2.0
// Responses against a real engine: asked for by the command line, through console and agent, and back.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Lab, missing, Skep, skepFile, sleep, until } from './lib.mjs';

const RULES = `- rule: Evil runs
  desc: A program of that name is executed
  condition: evt.type in (execve, execveat) and container.id != host and proc.name = busybox-evil
  output: evil (%proc.cmdline)
  priority: CRITICAL
  action: kill
- rule: Odd file opened
  desc: A file of that name is opened
  condition: evt.type in (open, openat) and container.id != host and fd.name startswith /odd
  output: odd (%fd.name)
  priority: CRITICAL
  action: freeze
`;
const COUNTER = 'i=0; while :; do i=$((i+1)); echo $i >/count; sleep 0.02; done';

const why = missing();
describe('responses', { skip: why ?? false, timeout: 170000 }, () => {
  const lab = new Lab();
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-respond-'));
  const listeners = [];
  let skep;

  // A skep command; its exit code and what it said.
  const cli = (...args) =>
    new Promise((done) =>
      execFile(skepFile, [...args, '--data', skep.data], (e, stdout, stderr) => done({ code: e ? e.code : 0, stdout, stderr })),
    );
  const respond = (...args) => cli('respond', ...args, '--wait');
  const docker = (...args) => lab.docker(...args);
  const fails = (...args) => docker(...args).then(() => false, () => true);
  const run = async (name, ...args) => {
    await docker('run', '-d', '--name', name, ...args);
    await until(async () => (await skep.list('containers', `name = ${name} and state = running`)).length === 1, 10000);
  };
  const pid = (name) => docker('inspect', '-f', '{{.State.Pid}}', name);
  const counts = async (name) => {
    const file = `/proc/${await pid(name)}/root/count`;
    const then = readFileSync(file, 'utf8');
    await sleep(300);
    return readFileSync(file, 'utf8') !== then;
  };
  const listen = (ns, port) =>
    listeners.push(spawn('nsenter', [`--net=/run/netns/${ns}`, 'busybox', 'nc', '-ll', '-p', String(port), '-e', '/bin/echo', 'hello'], { stdio: 'ignore' }));
  const reaches = async (name, port) =>
    (await docker('exec', name, 'sh', '-c', `nc -w 1 172.17.0.1 ${port} </dev/null || true`)) === 'hello';

  before(async () => {
    await lab.up();
    writeFileSync(join(dir, 'own.yaml'), RULES);
    skep = new Skep(lab.socket, ['--no-builtin-rules', '--rules', join(dir, 'own.yaml'), '--protect', 'guarded*']);
    await skep.start();
    await run('web', 'lab/base:1', 'sh', '-c', COUNTER);
  });
  after(async () => {
    for (const l of listeners) l.kill('SIGKILL');
    await skep?.stop();
    skep?.remove();
    await lab.down();
    rmSync(dir, { recursive: true, force: true });
  });

  test('a frozen container stands still and runs again', async () => {
    const froze = await respond('freeze', 'web', '--reason', 'a test');
    assert.equal(froze.code, 0, froze.stderr);
    assert.match(froze.stdout, /^freeze web \(action \w{26}\): all processes stand still \(cgroup v[12] freezer\)/);
    assert.equal(await counts('web'), false);
    assert.match((await cli('respond', 'list')).stdout, /freeze +done +web/);
    const back = await respond('unfreeze', 'web', '--json');
    assert.equal(back.code, 0, back.stderr);
    assert.equal(JSON.parse(back.stdout).state, 'done');
    assert.equal(await counts('web'), true);
    const [was] = await skep.list('actions', 'kind = freeze');
    assert.equal(was.state, 'undone');
    assert.equal(was.requested_by, 'local');
    assert.equal(was.reason, 'a test');
  });

  test('an isolated container reaches the exception alone, until it is released', async () => {
    const ns = (await lab.lab('netns')).trim();
    listen(ns, 7011);
    listen(ns, 7012);
    await until(() => reaches('web', 7011), 5000);
    const cut = await respond('isolate', 'web', '--allow', '172.17.0.1:7012');
    assert.equal(cut.code, 0, cut.stderr);
    assert.equal(await reaches('web', 7011), false);
    assert.equal(await reaches('web', 7012), true);
    assert.equal((await respond('release', 'web')).code, 0);
    assert.equal(await reaches('web', 7011), true);
    const wrong = await respond('isolate', 'web', '--allow', 'example.com');
    assert.equal(wrong.code, 3);
    assert.match(wrong.stderr, /"example.com": an address, a network/);
  });

  test('a blocked peer and a blocked program are held back, and let go', async () => {
    assert.equal((await respond('block', 'web', '172.17.0.1')).code, 0);
    assert.equal(await reaches('web', 7012), false);
    assert.equal((await respond('unblock', 'web', '172.17.0.1')).code, 0);
    assert.equal(await reaches('web', 7012), true);

    await docker('exec', 'web', 'cp', '/bin/busybox', '/bin/busybox-tool');
    await docker('exec', 'web', 'sh', '-c', '/bin/busybox-tool true');
    const block = await respond('block', 'web', '/bin/busybox-tool');
    assert.equal(block.code, 0, block.stderr);
    assert.match(block.stdout, /its execution is refused \(fanotify\)/);
    assert.equal(await fails('exec', 'web', '/bin/busybox-tool', 'true'), true);
    const [al] = await until(async () => {
      const found = await skep.list('alerts', 'rule = "Blocked program started"');
      return found.length > 0 && found;
    }, 5000);
    assert.deepEqual([al.response, al.engine, al.container.name], ['deny', 'system', 'web']);
    assert.equal((await respond('unblock', 'web', '/bin/busybox-tool')).code, 0);
    assert.equal(await fails('exec', 'web', '/bin/busybox-tool', 'true'), false);
  });

  test('a file in quarantine is gone, and comes back as it was', async () => {
    await docker('exec', 'web', 'sh', '-c', 'echo payload >/opt-x; chmod 4751 /opt-x; touch -d "2020-01-02 03:04:05" /opt-x; chown 7:8 /opt-x; chmod 4751 /opt-x');
    const what = () => docker('exec', 'web', 'sh', '-c', 'stat -c "%a %u %g %s %Y" /opt-x; sha256sum /opt-x');
    const was = await what();
    const taken = await respond('quarantine', 'web', '/opt-x');
    assert.equal(taken.code, 0, taken.stderr);
    assert.match(taken.stdout, /taken away and kept \(8 bytes, SHA-256 [0-9a-f]{64}\)\nevidence \w{26}/);
    assert.equal(await fails('exec', 'web', 'stat', '/opt-x'), true);
    const back = await respond('restore', 'web', '/opt-x');
    assert.equal(back.code, 0, back.stderr);
    assert.equal(await what(), was);
  });

  test('a protected container is refused, with the reason', async () => {
    await run('guarded-db', 'lab/base:1', 'sleep', '600');
    const no = await respond('kill', 'guarded-db');
    assert.equal(no.code, 3);
    assert.equal(no.stderr, 'skep: the container is protected (guarded*)\n');
    assert.equal(await docker('inspect', '-f', '{{.State.Running}}', 'guarded-db'), 'true');
  });

  test('a fork bomb ends, and evidence was taken before', async () => {
    await run('bomb', '--pids-limit', '150', 'lab/base:1', 'sleep', '600');
    const more = Array.from({ length: 4 }, () => docker('exec', '-d', 'bomb', 'sh', '-c', 'while :; do (b() { b | b & b; }; b) 2>/dev/null; done'));
    await Promise.allSettled(more);
    await sleep(500);
    const dead = await respond('kill', 'bomb');
    assert.equal(dead.code, 0, dead.stderr);
    assert.match(dead.stdout, /all processes ended/);
    assert.match(dead.stdout, /evidence \w{26}/);
    await until(async () => (await docker('inspect', '-f', '{{.State.Running}}', 'bomb')) === 'false', 10000);
  });

  test('a rule kills, and the alert tells how', async () => {
    await docker('exec', 'web', 'cp', '/bin/busybox', '/bin/busybox-evil');
    const died = await docker('exec', 'web', '/bin/busybox-evil', 'sleep', '20').then(() => 0, (e) => e.code);
    assert.equal(died, 137);
    const [al] = await until(async () => {
      const found = await skep.list('alerts', 'rule = "Evil runs"');
      return found.length > 0 && found;
    }, 5000);
    assert.equal(al.response, 'kill');
    assert.match(al.response_how, /^SIGKILL by the agent when it saw the event, action \w{26}$/);
    const [act] = await until(async () => {
      const found = await skep.list('actions', `alert_id = ${al.id}`);
      return found.length > 0 && found;
    }, 5000);
    assert.deepEqual([act.kind, act.state, act.requested_by], ['kill_process', 'done', 'rule Evil runs']);
  });

  test('a rule freezes', async () => {
    await run('odd', 'lab/base:1', 'sh', '-c', COUNTER);
    docker('exec', 'odd', 'sh', '-c', 'echo x >/odd-file').catch(() => {});
    await until(async () => (await skep.list('actions', 'kind = freeze and container_name = odd and state = done')).length === 1, 5000);
    assert.equal(await counts('odd'), false);
    assert.equal((await respond('unfreeze', 'odd')).code, 0);
    assert.equal(await counts('odd'), true);
  });

  test('what a killed skep left frozen runs again when its time is over', async () => {
    assert.equal((await respond('freeze', 'web', '--for', '4s')).code, 0);
    await skep.stop('SIGKILL');
    assert.equal(await counts('web'), false);
    await skep.start();
    await until(async () => (await skep.list('actions', 'kind = freeze and container_name = web and state = expired')).length === 1, 10000);
    assert.equal(await counts('web'), true);
  });
});
