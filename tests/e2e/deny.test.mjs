// SPDX-License-Identifier: Apache-2.0
// Programs refused in the kernel: real containers, rules of action deny, drift, exceptions, the self-probe.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Lab, missing, Skep, skepFile, until } from './lib.mjs';

const rule = (action) => `- rule: Evil runs
  desc: A program of that name is executed
  condition: evt.type in (execve, execveat) and container.id != host and proc.name in (busybox-evil, busybox-evil2)
  output: evil (%proc.exepath)
  priority: CRITICAL
  action: ${action}
- rule: Evil argument
  desc: A program is executed with that argument
  condition: evt.type in (execve, execveat) and container.id != host and proc.name = busybox-other and proc.args contains /evil
  output: evil argument (%proc.cmdline)
  priority: CRITICAL
  action: deny
`;
const BY_KERNEL = /^(refused before it ran \(lsm\)|killed at its start, before its first instruction \(sched_process_exec\))$/;

const why = missing();
describe('denial', { skip: why ?? false, timeout: 170000 }, () => {
  const lab = new Lab();
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-deny-'));
  const rules = join(dir, 'own.yaml');
  let skep;

  const docker = (...args) => lab.docker(...args);
  const runs = (...args) => docker('exec', ...args).then(() => true, () => false);
  const run = async (name, ...args) => {
    await docker('run', '-d', '--name', name, ...args);
    await until(async () => (await skep.list('containers', `name = ${name} and state = running`)).length === 1, 10000);
    await docker('exec', name, 'sh', '-c', 'cp /bin/busybox /bin/busybox-evil; cp /bin/busybox /bin/busybox-other; cp /bin/busybox /bin/busybox-evil2');
  };
  const status = async () => JSON.parse(await skep.cli('agent', 'status', '--json'));
  const health = (want) => until(async () => want(await status()) && status(), 15000);
  const alerts = (name, n = 1) =>
    until(async () => {
      const found = await skep.list('alerts', `rule = "${name}"`);
      return found.length >= n && found;
    }, 10000);
  const start = (...extra) => {
    skep = new Skep(lab.socket, ['--no-builtin-rules', '--rules', rules, '--protect', 'guarded*', '--deny-probe', '2s', ...extra], skep?.data);
    return skep.start();
  };

  before(async () => {
    await lab.up();
    writeFileSync(rules, rule('deny'));
    await start();
    await run('web', 'lab/base:1', 'sleep', '600');
    await run('guarded-db', 'lab/base:1', 'sleep', '600');
  });
  after(async () => {
    await skep?.stop();
    skep?.remove();
    await lab.down();
    rmSync(dir, { recursive: true, force: true });
  });

  test('of 200 tries of a denied program not one makes its file', async () => {
    const g = await health((s) => s.deny_rules === 1);
    assert.match(g.deny_how, /^(lsm|sched_process_exec)/);
    assert.equal(g.deny_error, undefined);
    await docker('exec', 'web', 'sh', '-c', 'i=0; while [ $i -lt 200 ]; do (/bin/busybox-evil touch /made-$i) 2>/dev/null; i=$((i+1)); done; true');
    assert.equal(await docker('exec', 'web', 'sh', '-c', 'ls / | grep -c made- || true'), '0');
    const [al] = await alerts('Evil runs');
    assert.equal(al.response, 'deny');
    assert.match(al.response_how, BY_KERNEL);
    assert.equal(al.container.name, 'web');
    assert.equal(al.proc.name, 'busybox-evil');
    assert.equal(al.proc.exepath, '/bin/busybox-evil');
    assert.equal((await health((s) => s.deny_refused === 200)).deny_refused, 200);
    assert.ok((await skep.list('alerts', 'rule = "Evil runs"')).length <= 20, 'a storm is folded');
    assert.equal((await skep.list('actions')).length, 0);
  });

  test('the same name runs in a protected container, other names run everywhere', async () => {
    assert.equal(await runs('guarded-db', '/bin/busybox-evil', 'true'), true);
    assert.equal(await runs('web', '/bin/busybox-other', 'true'), true);
    assert.equal(await runs('web', '/bin/busybox-evil2', 'true'), false);
  });

  test('a container that starts is held from its first program on', async () => {
    const code = await docker('run', '--rm', '-v', `${dir}:/mnt`, 'lab/base:1', 'sh', '-c', 'cp /bin/busybox /bin/busybox-evil; /bin/busybox-evil touch /mnt/first; echo $?').catch((e) => String(e));
    assert.match(code, /^(126|137)$/m);
    assert.throws(() => readFileSync(join(dir, 'first')));
  });

  test('what asks for arguments is answered after the fact, and says why', async () => {
    assert.match(execFileSync(skepFile, ['rules', 'list', '--no-builtin-rules', rules], { encoding: 'utf8' }), /Evil argument \(deny: after the fact, because of proc\.args\)/);
    await runs('web', '/bin/busybox-other', 'sleep', '/evil');
    const [al] = await alerts('Evil argument');
    assert.match(al.response_how, /^not refused in advance \(because of proc\.args\); /);
  });

  test('an exception lets the program run, and one over arguments puts it after the fact', async () => {
    const made = await skep.call('POST', '/api/v1/exceptions', { name: 'web may', rule: 'Evil runs', condition: 'container.name = web and proc.name = busybox-evil2' });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    await until(() => runs('web', '/bin/busybox-evil2', 'true'), 10000);
    assert.equal(await runs('web', '/bin/busybox-evil', 'true'), false);
    const other = await skep.call('POST', '/api/v1/exceptions', { name: 'args may', rule: 'Evil runs', condition: 'proc.args = good' });
    assert.equal(other.status, 201, JSON.stringify(other.body));
    await health((s) => !s.deny_rules);
    for (const x of [made, other]) assert.equal((await skep.call('DELETE', `/api/v1/exceptions/${x.body.id}`)).status, 200);
    await health((s) => s.deny_rules === 1);
    assert.equal(await runs('web', '/bin/busybox-evil2', 'true'), false);
  });

  test('a rule that denies no more lets go, and takes hold again', async () => {
    writeFileSync(rules, rule('alert'));
    await health((s) => !s.deny_rules);
    assert.equal(await runs('web', '/bin/busybox-evil', 'true'), true);
    writeFileSync(rules, rule('deny'));
    await health((s) => s.deny_rules === 1);
    assert.equal(await runs('web', '/bin/busybox-evil', 'true'), false);
  });

  test('a lapse is told within the time of the probe, and what is set up anew as well', async () => {
    const maps = JSON.parse(execFileSync('bpftool', ['-j', 'map', 'show'], { encoding: 'utf8', maxBuffer: 1 << 24 }));
    const key = [...Buffer.from('skep-deny-probe\0')].map(String);
    let gone = 0;
    for (const m of maps.filter((m) => m.name === 'skd_names' && m.pids?.some((p) => p.pid === skep.child.pid) !== false)) {
      try {
        execFileSync('bpftool', ['map', 'delete', 'id', String(m.id), 'key', ...key], { stdio: 'pipe' });
        gone++;
      } catch {
        // another's, without that name
      }
    }
    assert.ok(gone > 0, 'no map of names');
    const [al] = await alerts('Enforcement lapsed');
    assert.deepEqual([al.engine, al.priority], ['system', 'critical']);
    assert.match(al.output, /a program that must not run was started and ran/);
    await alerts('Enforcement restored');
    assert.equal((await health((s) => !s.deny_error)).deny_error, undefined);
  });

  test('when skep has ended everything runs', async () => {
    await skep.stop();
    assert.equal(await runs('web', '/bin/busybox-evil', 'true'), true);
  });

  test('drift is denied, and what the image has is not', async () => {
    await start('--drift-response', 'deny');
    await health((s) => s.deny_how);
    await until(async () => !(await runs('web', '/bin/busybox-other', 'true')), 10000);
    assert.equal(await runs('web', 'sh', '-c', '/bin/busybox-other touch /drifted; test ! -e /drifted'), true);
    assert.equal(await runs('web', 'ls', '/'), true);
    const [al] = await alerts('Drift: program not in the image');
    assert.equal(al.response, 'deny');
    assert.match(al.response_how, BY_KERNEL);
    await docker('run', '--rm', 'lab/base:1', 'true');
    assert.equal(await runs('guarded-db', '/bin/busybox-other', 'true'), true);
  });
});
