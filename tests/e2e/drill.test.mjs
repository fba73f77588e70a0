// SPDX-License-Identifier: Apache-2.0
// Drills: every rule of ours that a host can see has one; each attack is seen by what should see it,
// no harmless twin is minded, and the console has the results.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Lab, Skep, missing, skepFile } from './lib.mjs';

// Playing these would do what they warn of.
const NOT_PLAYED = ['SK-ESC-009'];

const json = (...args) => JSON.parse(execFileSync(skepFile, args, { encoding: 'utf8', maxBuffer: 1 << 24 }));

describe('drills', { skip: missing() ?? false }, () => {
  const lab = new Lab();
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-drill-'));
  let skep;

  const play = (...args) =>
    new Promise((done) =>
      execFile(skepFile, ['drill', 'run', '--json', '--docker', lab.socket, '--data', skep.data, ...args], { maxBuffer: 1 << 24 }, (error, out, err) =>
        done({ code: error?.code ?? 0, items: out ? JSON.parse(out).items : [], err })),
    );

  before(async () => {
    await lab.up();
    skep = new Skep(lab.socket, ['--no-record']);
    await skep.start();
  }, { timeout: 180000 });
  after(async () => {
    await skep?.stop();
    skep?.remove();
    await lab.down();
    rmSync(dir, { recursive: true, force: true });
  });

  test('every rule of ours about system calls has a drill', () => {
    const rules = json('rules', 'list', '--json').items.filter((r) => r.source === 'syscall' && r.id?.startsWith('SK-'));
    const drills = json('drill', 'list', '--json').items;
    const covered = new Set(drills.map((d) => d.rule));
    assert.ok(rules.length >= 70);
    assert.deepEqual(rules.map((r) => r.id).filter((id) => !covered.has(id) && !NOT_PLAYED.includes(id)), []);
    for (const d of drills) assert.ok(d.title && d.title_zh && /^T\d{4}(\.\d{3})?$/.test(d.technique), d.drill);
  });

  test('a name that means nothing is refused with what to do', () => {
    assert.throws(() => execFileSync(skepFile, ['drill', 'list', 'T9999'], { encoding: 'utf8', stdio: 'pipe' }),
      (e) => e.status === 2 && /no drill, technique or rule is called "T9999"/.test(e.stderr));
  });

  test('all that can be played here is seen as meant, the harmless twins are left alone', { timeout: 240000 }, async () => {
    // Whoever names an image so is no drill: what is raised about it stays open.
    await lab.docker('tag', 'lab/base:1', 'skep-drill:1');
    await lab.docker('run', '--rm', 'skep-drill:1', 'sh', '-c', 'cat /etc/shadow > /dev/null; true');
    const { code, items, err } = await play('--html', join(dir, 'drill.html'));
    const played = items.filter((d) => d.ran);
    assert.ok(played.length >= 60, `${played.length} played: ${err} ${items.filter((d) => !d.ran).map((d) => `${d.drill}: ${d.error}`)}`);
    assert.deepEqual(played.filter((d) => !d.detected).map((d) => d.drill), []);
    assert.deepEqual(played.filter((d) => !d.expected_engine).map((d) => `${d.drill} by ${d.rule}`), []);
    assert.deepEqual(played.filter((d) => !d.quiet).map((d) => `${d.drill}: ${d.error}`), []);
    assert.equal(code, 0);
    for (const d of played) assert.ok(d.latency_us < 4e6 && d.container_id.length === 64, d.drill);
    const page = readFileSync(join(dir, 'drill.html'), 'utf8');
    assert.match(page, /<b>0<\/b>missed/);
    assert.equal((await skep.list('drills')).length, items.length);
    assert.equal((await skep.list('alerts', 'container.image startswith "skep-drill:0" and state = open and priority <= notice')).length, 0);
    assert.ok((await skep.list('alerts', 'container.image startswith "skep-drill:0" and state = closed')).length >= played.length);
    // An incident is told a second after its last change.
    await new Promise((done) => setTimeout(done, 2500));
    assert.ok((await skep.list('incidents', 'container.image startswith "skep-drill:0"')).length >= 10);
    assert.equal((await skep.list('incidents', 'container.image startswith "skep-drill:0" and state = open')).length, 0);
    assert.ok((await skep.list('alerts', 'container.image = "skep-drill:1" and state = open')).length >= 1);
    await lab.docker('rmi', 'skep-drill:1');
    assert.equal(await lab.docker('ps', '-aq', '--filter', 'label=skep.drill'), '');
    assert.equal(await lab.docker('images', '-q', 'skep-drill'), '');
  });

  test('without an engine it says so and ends with 1', async () => {
    const answer = await new Promise((done) =>
      execFile(skepFile, ['drill', 'run', 'cron', '--docker', '/nonexistent.sock', '--data', skep.data], (error, _out, err) => done({ code: error?.code, err })));
    assert.equal(answer.code, 1);
    assert.match(answer.err, /Docker: /);
  });
});
