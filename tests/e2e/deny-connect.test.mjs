// SPDX-License-Identifier: Apache-2.0
// Connections refused in the kernel: real containers, a listener, rules of action deny.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Lab, missing, Skep, skepFile, until } from './lib.mjs';

const rules = `- rule: Evil peer
  desc: A connection to where nothing good is
  condition: evt.type = connect and container.id != host and fd.sip in (127.0.0.0/24) and fd.sport in (7001, 7002)
  output: evil peer (%fd.name by %proc.name)
  priority: CRITICAL
  action: deny
- rule: Evil peer of a program
  desc: The same, which only some programs may not
  condition: evt.type = connect and container.id != host and fd.sport = 7003 and proc.name = busybox-evil
  output: evil peer of a program (%fd.name)
  priority: CRITICAL
  action: deny
`;

const why = missing();
describe('denial of connections', { skip: why ?? false, timeout: 120000 }, () => {
  const lab = new Lab();
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-deny-net-'));
  const file = join(dir, 'own.yaml');
  let skep;

  const docker = (...args) => lab.docker(...args);
  const status = async () => JSON.parse(await skep.cli('agent', 'status', '--json'));
  const health = (want) => until(async () => want(await status()) && status(), 15000);
  const alerts = (name) =>
    until(async () => {
      const found = await skep.list('alerts', `rule = "${name}"`);
      return found.length > 0 && found;
    }, 10000);
  // What nc says and how it ends; nobody listens at 7002: refused by the peer where it is allowed.
  const connect = (name, port) => docker('exec', name, 'sh', '-c', `nc -w 2 127.0.0.1 ${port} </dev/null 2>&1; echo "exit $?"`);
  const run = async (name) => {
    await docker('run', '-d', '--network', 'none', '--name', name, 'lab/base:1', 'sh', '-c', 'nc -ll -p 7001 -e /bin/true & nc -ll -p 7000 -e /bin/true & sleep 600');
    await until(async () => (await skep.list('containers', `name = ${name} and state = running`)).length === 1, 10000);
    await until(async () => /exit 0/.test(await connect(name, 7000)), 10000);
  };

  before(async () => {
    await lab.up();
    writeFileSync(file, rules);
    skep = new Skep(lab.socket, ['--no-builtin-rules', '--rules', file, '--protect', 'guarded*', '--deny-probe', '2s']);
    await skep.start();
    await health((s) => s.deny_rules === 1);
    await run('web');
    await run('guarded-db');
  });
  after(async () => {
    await skep?.stop();
    skep?.remove();
    await lab.down();
    rmSync(dir, { recursive: true, force: true });
  });

  test('a denied connection fails with EPERM, an allowed port works', async () => {
    for (let i = 0; i < 5; i++) assert.match(await connect('web', 7001), /not permitted[\s\S]*exit 1/);
    assert.match(await connect('web', 7002), /not permitted/);
    assert.match(await connect('web', 7000), /exit 0/);
    assert.match(await connect('web', 7004), /refused/);
    const found = await alerts('Evil peer');
    assert.equal(found[0].response, 'deny');
    assert.equal(found[0].response_how, 'refused before it was made (cgroup)');
    assert.equal(found[0].container.name, 'web');
    assert.equal(found[0].proc.name, 'nc');
    assert.deepEqual([found[0].evt.type, found[0].evt.failed, found[0].evt.rawres], ['connect', true, -1]);
    assert.match(found[0].output, /evil peer \(127\.0\.0\.1:700[12] by nc\)/);
    assert.equal((await health((s) => s.deny_refused === 6)).deny_refused, 6);
    const all = await skep.list('alerts', 'rule = "Evil peer"');
    assert.equal(all.reduce((n, a) => n + a.count, 0) <= 6, true, 'none is told twice');
    assert.equal((await skep.list('actions')).length, 0, 'nobody was killed for it');
  });

  test('a protected container connects, and so does the host', async () => {
    assert.match(await connect('guarded-db', 7001), /exit 0/);
    assert.match(await connect('guarded-db', 7002), /refused/);
  });

  test('health says how connections are refused', async () => {
    const g = await status();
    assert.match(g.deny_how, /; connections: cgroup$/);
    assert.equal(g.deny_error, undefined);
    assert.match(await skep.cli('agent', 'status'), /denial +1 rules, by .*connections: cgroup; 6 refused/);
  });

  test('what asks for the program is answered after the fact, and says why', () => {
    assert.match(execFileSync(skepFile, ['rules', 'list', '--no-builtin-rules', file], { encoding: 'utf8' }), /Evil peer of a program \(deny: after the fact, because of proc\.name\)/);
  });

  test('a container that starts is held from its first connection on', async () => {
    const said = await docker('run', '--rm', '--network', 'none', 'lab/base:1', 'sh', '-c', 'nc -w 2 127.0.0.1 7002 </dev/null 2>&1; true');
    assert.match(said, /not permitted/);
  });

  test('an exception lets it connect', async () => {
    const made = await skep.call('POST', '/api/v1/exceptions', { name: 'web may', rule: 'Evil peer', condition: 'container.name = web and fd.sport = 7001' });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    await until(async () => /exit 0/.test(await connect('web', 7001)), 10000);
    assert.match(await connect('web', 7002), /not permitted/);
  });

  test('a lapse is told', async () => {
    const all = (dir, name) => readdirSync(dir).map((f) => readFileSync(join(dir, f, name ?? ''), 'utf8'));
    const up = skep.child.pid;
    const pids = [up, ...all(`/proc/${up}/task`, 'children').flatMap((c) => c.split(' ').filter(Boolean))];
    const own = pids.flatMap((pid) => all(`/proc/${pid}/fdinfo`)).filter((t) => /link_type:\s+cgroup/.test(t));
    const ids = new Set(own.map((t) => t.match(/link_id:\s+(\d+)/)[1]));
    assert.equal(ids.size, 2);
    for (const id of ids) execFileSync('bpftool', ['link', 'detach', 'id', id]);
    const [al] = await alerts('Enforcement lapsed');
    assert.match(al.output, /a connection that must not be made was made/);
    await alerts('Enforcement restored');
    await health((s) => !s.deny_error);
    assert.match(await connect('web', 7002), /not permitted/);
  });

  test('when skep has ended everything connects', async () => {
    await skep.stop();
    assert.match(await connect('web', 7001), /exit 0/);
    assert.match(await connect('web', 7002), /refused/);
  });
});
