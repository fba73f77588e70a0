// SPDX-License-Identifier: Apache-2.0
// A full disk under `skep up`: said in log and API, nothing that was seen is lost, all arrives later.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { blind, markerRule, Skep, sleep, touch, until } from './lib.mjs';

const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-disk-'));
const disk = mkdtempSync(join(tmpdir(), 'skep-e2e-tmpfs-'));

// A small disk of its own at `disk`; null, or why there is none.
function mount(...options) {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', ['size=96m', ...options].join(','), 'tmpfs', disk], { stdio: 'pipe' });
    return null;
  } catch (e) {
    return `cannot mount: ${String(e.stderr).trim()}`;
  }
}
const umount = () => execFileSync('umount', [disk], { stdio: 'pipe' });

const why = blind() ?? mount();
if (why) for (const d of [dir, disk]) rmSync(d, { recursive: true, force: true });

describe('skep up on a full disk', { skip: why ?? false }, () => {
  const rules = join(dir, 'own.yaml');
  const marker = (name) => join(dir, `marker-${name}`);
  const filler = join(disk, 'filler');
  let skep;

  before(() => {
    writeFileSync(rules, markerRule(join(dir, 'marker-')));
    skep = new Skep('/nonexistent.sock', ['--no-builtin-rules', '--rules', rules], disk);
  });
  after(async () => {
    await skep.stop('SIGKILL');
    umount();
    for (const d of [dir, disk]) rmSync(d, { recursive: true, force: true });
  });

  const healthz = () => skep.get('/healthz');
  const markers = async () => (await skep.list('alerts')).map((a) => a.fd.name).sort();
  const seen = (names, ms) => {
    let v;
    return until(async () => {
      v = await markers();
      return names.every((n) => v.includes(marker(n))) ? v : null;
    }, ms, () => `${skep.out}\nnot there: ${names.filter((n) => !v.includes(marker(n)))} of ${v.length}`);
  };

  // Every byte of it.
  function fill() {
    for (const size of ['64k', '1k'])
      try {
        execFileSync('dd', ['if=/dev/zero', `of=${filler}`, `bs=${size}`, 'oflag=append', 'conv=notrunc'], { stdio: 'pipe' });
      } catch {
        // full: that is what it is for
      }
  }

  test('with space it is healthy', async () => {
    await skep.start();
    touch(marker('before'));
    await seen(['before'], 5000);
    assert.deepEqual(await healthz(), { status: 200, body: { ok: true } });
  });

  test('without, the API and the log say what is wrong', async () => {
    fill();
    for (let i = 0; i < 5; i++) touch(marker(`full-${i}`));
    await until(() => /outbox does not take what is seen; it waits in memory.*no space left/.test(skep.out), 20000, () => skep.out);
    const h = await until(async () => {
      fill(); // what others gave back
      const v = await healthz();
      return v.status === 503 ? v : null;
    }, 5000, () => skep.out);
    assert.equal(h.body.ok, false);
    assert.match(h.body.error, /cannot write/);
    assert.match((await skep.get('/api/v1/overview')).body.agent_error, /outbox: no space left on its disk/);
  });

  test('changes are refused as soon as the store cannot write, with the reason', async () => {
    let n = 0;
    const changed = await until(async () => {
      const v = await skep.call('POST', '/api/v1/users', { name: `late-${n++}`, role: 'viewer', password: 'long enough for all' });
      return v.status === 201 ? null : v;
    }, 120000, () => skep.out);
    assert.equal(changed.status, 507);
    assert.match(changed.body.error.message, /skep\.db: .*no space left on its disk/);
    assert.equal((await healthz()).body.error, 'the store cannot write: no space left on its disk');
    assert.match((await skep.get('/api/v1/overview')).body.store_error, /skep\.db: .*no space left on its disk/);
  });

  test('the log says it once, not for each record', async () => {
    for (let i = 0; i < 50; i++) touch(marker(`wait-${i}`));
    await sleep(6000);
    assert.equal(skep.out.match(/outbox does not take/g).length, 1, skep.out);
    assert.equal(skep.out.match(/cannot write its status/g)?.length ?? 0, 1, skep.out);
  });

  test('when there is space again all that was seen arrives, once', async () => {
    rmSync(filler);
    const names = ['before', ...Array.from({ length: 5 }, (_, i) => `full-${i}`), ...Array.from({ length: 50 }, (_, i) => `wait-${i}`)];
    await seen(names, 30000);
    const ids = (await skep.list('alerts')).map((a) => a.id);
    assert.equal(new Set(ids).size, ids.length);
    const v = await markers();
    for (const n of names) assert.equal(v.filter((x) => x === marker(n)).length, 1, n);
    await until(async () => (await healthz()).status === 200, 5000, () => skep.out);
    assert.equal((await skep.get('/api/v1/overview')).body.store_error, undefined);
    await until(() => /outbox takes what is seen again/.test(skep.out), 5000, () => skep.out);
  });

  test('what arrived is still there after kill -9', async () => {
    const before = await markers();
    await skep.stop('SIGKILL');
    await skep.start();
    assert.deepEqual(await markers(), before);
  });

  test('a data directory that is read-only is told at the start', async () => {
    await skep.stop('SIGINT');
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    await assert.rejects(skep.start(), (e) => /Read-only file system/.test(e.message) && e.message.includes(disk));
    execFileSync('mount', ['-o', 'remount,rw', disk]);
    await skep.start();
    assert.ok(readFileSync(join(disk, 'console.json')).length > 0);
  });
});
