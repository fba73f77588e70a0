// SPDX-License-Identifier: Apache-2.0
// Evidence of a real container: what ran in memory or was deleted comes back, changes are in it, proof holds
// elsewhere and breaks when something is changed, the console hands the same bytes out.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { Console, Lab, missing, PASSWORD, Program, Skep, skepFile, until } from './lib.mjs';

const why = missing();
const run = promisify(execFile);
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

// Runs in the container: a program from memory, one that is deleted while it runs, changed and deleted files.
const intruder = `
import os, time, _socket
tool = open('/bin/busybox', 'rb').read()
fd = os.memfd_create('payload', 0)
os.write(fd, tool)
if os.fork() == 0:
    os.execve('/proc/self/fd/%d' % fd, ['sleep', '1000'], {'API_TOKEN': 'topsecret-1'})
open('/tmp/dropper', 'wb').write(tool)
os.chmod('/tmp/dropper', 0o755)
if os.fork() == 0:
    os.execve('/tmp/dropper', ['sleep', '2000'], {'DB_URL': 'pg://app:topsecret-2@db/x'})
open('/dev/shm/evil.sh', 'w').write('kill -STOP $$\\n')
if os.fork() == 0:
    os.chdir('/dev/shm')
    os.execve('/bin/sh', ['sh', '-x', '../shm/evil.sh'], {})
time.sleep(0.3)
os.unlink('/tmp/dropper')
open('/etc/cron.sh', 'w').write('#!/bin/sh\\nevil\\n')
os.unlink('/etc/os-release')
open(b'/root/odd \\n"\\xff', 'w').write('x')
s = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
s.bind(('0.0.0.0', 4444))
s.listen()
print('ready', flush=True)
while True: time.sleep(100)
`;

describe('evidence', { skip: why ?? false, timeout: 120000 }, () => {
  const lab = new Lab();
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-evidence-'));
  let skep, container, noun, bundle;

  before(async () => {
    await lab.up();
    await lab.lab('image', 'tools');
    skep = new Skep(lab.socket);
    await skep.start();
    container = await lab.docker('run', '-d', '--name', 'victim', 'lab/tools:1', 'python3', '-c', intruder);
    await until(async () => (await lab.docker('logs', 'victim')).includes('ready'), 10000, () => 'the intruder is not ready');
    await until(async () => (await skep.list('containers', `id = "${container}"`)).length === 1, 10000, () => skep.out);
  });
  after(async () => {
    await skep?.stop();
    skep?.remove();
    await lab.down();
    rmSync(dir, { recursive: true, force: true });
  });

  const extracted = (name) => readFileSync(join(dir, 'bundle', name));
  const json = (name) => JSON.parse(extracted(name).toString());

  // The answer's bytes.
  function request(method, path, headers, body) {
    return new Promise((done, fail) => {
      const req = https.request(skep.url + path, { method, ca: skep.ca, headers }, (res) => {
        const parts = [];
        res.on('data', (d) => parts.push(d));
        res.on('end', () => done({ status: res.statusCode, headers: res.headers, bytes: Buffer.concat(parts) }));
      });
      req.on('error', fail);
      req.end(body);
    });
  }
  const download = (path, headers = { Authorization: `Bearer ${skep.token}` }) => request('GET', path, headers);

  // Headers of somebody who may only look.
  async function viewer() {
    const made = await skep.call('POST', '/api/v1/users', { name: 'looks', role: 'viewer', password: PASSWORD });
    assert.equal(made.status, 201);
    const session = await request('POST', '/api/v1/session', { 'Content-Type': 'application/json' }, JSON.stringify({ user: 'looks', password: PASSWORD }));
    assert.equal(session.status, 200);
    return { Cookie: session.headers['set-cookie'][0].split(';')[0] };
  }

  // { code, out } of a command that may fail.
  async function verify(...args) {
    try {
      return { code: 0, out: (await run(skepFile, ['evidence', 'verify', ...args])).stdout };
    } catch (e) {
      return { code: e.code, out: e.stdout };
    }
  }

  test('a person asks at the command line and the agent takes it', async () => {
    noun = JSON.parse(await skep.cli('evidence', 'collect', 'victim', '--reason', 'a test', '--json'));
    assert.equal(noun.container_name, 'victim');
    assert.equal(noun.reason, 'a test');
    assert.equal(noun.error, undefined, 'all collectors did their work');
    bundle = noun.path;
    assert.equal(sha256(readFileSync(bundle)), noun.sha256);
    await skep.cli('evidence', 'export', noun.id, '--extract', join(dir, 'bundle'));
  });

  test('programs without a file come back byte by byte', async () => {
    const busybox = execFileSync('sh', ['-c', 'cat "$(command -v busybox)"'], { maxBuffer: 1 << 26 });
    const items = json('executables.json').items;
    const memfd = items.find((i) => i.memfd);
    const deleted = items.find((i) => i.path === '/tmp/dropper (deleted)');
    assert.equal(memfd.path, '/memfd:payload (deleted)');
    for (const i of [memfd, deleted]) {
      assert.equal(i.content, sha256(busybox));
      assert.ok(extracted(`content/${i.content}`).equals(busybox));
    }
  });

  test('a script that runs from memory of the container is in it', () => {
    const [script] = json('scripts.json').items;
    assert.equal(script.path, '/dev/shm/../shm/evil.sh');
    assert.equal(extracted(`content/${script.content}`).toString(), 'kill -STOP $$\n');
  });

  test('changed, deleted and oddly named files are in it', () => {
    const items = json('changes.json').items;
    const script = items.find((i) => i.path === '/etc/cron.sh');
    assert.equal(script.kind, 'script');
    assert.equal(extracted(`content/${script.sha256}`).toString(), '#!/bin/sh\nevil\n');
    assert.equal(items.find((i) => i.path === '/etc/os-release').type, 'deleted');
    assert.ok(items.some((i) => i.path === '/root/odd \n"\ufffd'));
  });

  test('the tree, the listening socket and the recorder are in it, secrets are not', () => {
    const procs = json('processes.json').items;
    assert.equal(procs.length, 4);
    const parent = procs.find((p) => p.name === 'python3');
    assert.deepEqual(procs.filter((p) => p.ppid === parent.pid).length, 3);
    assert.ok(procs.every((p) => p.status.CapEff.includes('CAP_CHOWN')));
    const listener = json('sockets.json').items.find((s) => s.state === 'listen');
    assert.equal(listener.local_port, 4444);
    assert.ok(listener.pids.includes(parent.pid));
    const events = extracted('events.jsonl').toString().trim().split('\n').map((l) => JSON.parse(l));
    assert.ok(events.some((e) => e.evt?.type === 'execve'), 'the recorder saw it begin');
    assert.ok(procs.some((p) => p.environ.includes('API_TOKEN=***')));
    assert.ok(procs.some((p) => p.environ.includes('DB_URL=pg://app:***@db/x')));
  });

  test('what the bundle says holds in another folder, and what is changed in it is told', async () => {
    const copy = join(dir, 'copy.tar.zst');
    const key = join(dir, 'bundle', 'key.pub');
    const chain = join(skep.data, 'evidence', 'chain.log');
    copyFileSync(bundle, copy);
    const good = await verify(copy, '--key', key, '--chain', chain);
    assert.match(good.out, /good: \d+ files, signed by the expected key [0-9a-f]{64}, in its place in the chain/);
    assert.equal(good.code, 0);

    const bytes = readFileSync(copy);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(copy, bytes);
    const broken = await verify(copy);
    assert.equal(broken.code, 1, broken.out);
    assert.match(broken.out, /BROKEN: /);
    assert.equal((await verify(join(dir, 'none.tar.zst'))).code, 2);
  });

  test('the console gets it from its host and hands the same bytes out, to operators only', async () => {
    const path = `/api/v1/evidence/${noun.id}/download`;
    assert.equal((await download(path, await viewer())).status, 403);
    const first = await download(path);
    assert.equal(first.status, 202);
    assert.equal(first.headers['retry-after'], '2');
    const got = await until(async () => {
      const answer = await download(path);
      return answer.status === 202 ? null : answer;
    }, 20000, () => skep.out);
    assert.equal(got.status, 200);
    assert.equal(sha256(got.bytes), noun.sha256);
    assert.match(got.headers['content-disposition'], new RegExp(`${noun.id}\\.tar\\.zst`));
    assert.equal((await skep.get(`/api/v1/evidence/${noun.id}`)).body.here, true);
    const audit = await skep.list('audit', `action = evidence.download and target = "${noun.id}"`);
    assert.equal(audit.length, 1);
    const sends = (await skep.list('actions', 'kind = send')).filter((a) => a.evidence_id === noun.id);
    assert.equal(sends.length, 1, 'asked for once, however often it was asked for');
    assert.equal((await download('/api/v1/evidence/01ARZ3NDEKTSV4RRFFQ69G5FAV/download')).status, 404);
  });

  test('a container that has ended still gives its changes, in the chain behind the first', async () => {
    await lab.docker('kill', 'victim');
    const next = JSON.parse(await skep.cli('evidence', 'collect', container, '--json'));
    assert.match(next.error, /^processes: no process of the container lives/);
    assert.equal(next.previous, noun.sha256);
    const shown = JSON.parse(await skep.cli('evidence', 'show', next.id, '--json'));
    assert.equal(shown.good, true);
    assert.ok(shown.changes.items.some((i) => i.path === '/etc/cron.sh'));
    assert.match((await verify(next.path)).out, /in its place in the chain/);
  });

  test('before a container is killed its evidence is taken', async () => {
    const id = await lab.docker('run', '-d', '--name', 'condemned', 'lab/base:1', 'sleep', '1000');
    await until(async () => (await skep.list('containers', `id = "${id}"`)).length === 1, 10000, () => skep.out);
    const asked = await skep.call('POST', '/api/v1/actions', { kind: 'kill_container', container_id: id, reason: 'a test' });
    assert.equal(asked.status, 201);
    const act = await until(async () => {
      const a = (await skep.get(`/api/v1/actions/${asked.body.id}`)).body;
      return ['requested', 'running'].includes(a.state) ? null : a;
    }, 20000, () => skep.out);
    assert.equal(act.state, 'done', act.error);
    const ev = (await skep.get(`/api/v1/evidence/${act.evidence_id}`)).body;
    assert.equal(ev.action_id, act.id);
    const shown = JSON.parse(await skep.cli('evidence', 'show', ev.id, '--json'));
    assert.deepEqual(shown.processes.items.map((p) => p.name), ['sleep'], 'taken while it lived');
  });

  test('a collection that kill -9 cut off is done after the next start, and leaves nothing half written', async () => {
    const asked = await skep.call('POST', '/api/v1/actions', { kind: 'collect', container_id: container, reason: 'a test' });
    const folder = join(skep.data, 'evidence');
    const left = () => readdirSync(folder).filter((f) => /part|spool|tmp-/.test(f));
    await until(() => left().length > 0, 5000, () => skep.out);
    await skep.stop('SIGKILL');
    assert.ok(left().length > 0, 'it was in the middle');
    await skep.start();
    const act = await until(async () => {
      const a = (await skep.get(`/api/v1/actions/${asked.body.id}`)).body;
      return a.state === 'done' ? a : null;
    }, 20000, () => skep.out);
    assert.deepEqual(left(), []);
    const ev = (await skep.get(`/api/v1/evidence/${act.evidence_id}`)).body;
    assert.match((await verify(ev.path)).out, /good: .* in its place in the chain/);
  });

  test('without a console, root takes it into a folder of choice', async () => {
    await lab.docker('rm', '-f', 'victim');
    await lab.docker('run', '-d', '--name', 'other', 'lab/base:1', 'sleep', '1000');
    const data = join(dir, 'usb');
    const { stdout } = await run(skepFile, ['evidence', 'collect', '--local', '--docker', lab.socket, '--data', data, 'other', '--json']);
    const ev = JSON.parse(stdout);
    assert.ok(existsSync(ev.path) && ev.path.startsWith(data));
    assert.equal((await verify(ev.path)).code, 0);
    assert.deepEqual(readdirSync(join(data, 'evidence')).filter((f) => /part|spool|tmp/.test(f)), []);
  });
});

describe('evidence of another host', { skip: why ?? false, timeout: 120000 }, () => {
  const lab = new Lab();
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-evidence-fleet-'));
  const server = new Console();
  const agent = new Program();
  const said = () => `server: ${server.out}\nagent: ${agent.out}`;

  before(async () => {
    await lab.up();
    await lab.lab('image', 'base');
    await server.console(['server', '--listen', '127.0.0.1:0', '--agents', '127.0.0.1:0'], /may join/);
    const door = /^agents +(\S+)$/m.exec(server.out)[1];
    const token = /--join (\S+)/.exec(server.out)[1];
    await agent.spawn(['agent', '--console', door, '--join', token, '--docker', lab.socket], /connected console=/);
  });
  after(async () => {
    for (const p of [agent, server]) {
      await p.stop('SIGKILL');
      p.remove();
    }
    await lab.down();
    rmSync(dir, { recursive: true, force: true });
  });

  test('a bundle of many pieces comes over the link as it was taken', async () => {
    const id = await lab.docker('run', '-d', '--name', 'large', 'lab/base:1', 'sh', '-c', 'dd if=/dev/urandom of=/srv/loot bs=1M count=20 2>/dev/null; echo ready; sleep 1000');
    await until(async () => (await lab.docker('logs', 'large')).includes('ready'), 20000, said);
    await until(async () => (await server.list('containers', `id = "${id}"`)).length === 1, 10000, said);
    const noun = JSON.parse(await server.cli('evidence', 'collect', 'large', '--json'));
    assert.ok(noun.size > 20 << 20);
    const file = join(dir, 'large.tar.zst');
    await server.cli('evidence', 'export', noun.id, '-o', file);
    assert.equal(sha256(readFileSync(file)), noun.sha256);
    const chunks = await server.list('chunks', `evidence_id = "${noun.id}"`);
    assert.equal(chunks.length, Math.ceil(noun.size / (720 << 10)));
  });

  test('what is gone on its host is told, not waited for', async () => {
    const noun = JSON.parse(await server.cli('evidence', 'collect', 'large', '--json'));
    rmSync(noun.path);
    await assert.rejects(server.cli('evidence', 'export', noun.id, '-o', join(dir, 'none')), (e) => {
      assert.match(e.stderr, /its host could not send it: that bundle is not on this host any more/);
      return true;
    });
    assert.ok(!existsSync(join(dir, 'none')));
  });
});
