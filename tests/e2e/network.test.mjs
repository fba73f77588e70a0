// SPDX-License-Identifier: Apache-2.0
// What a container sends and gets, and the rules that count. Questions to name servers: tests/vm/run, drill.test.mjs.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';

import { Lab, Skep, missing, skepFile, sleep, until } from './lib.mjs';

const lines = (text) => text.split('\n').filter(Boolean).map((l) => JSON.parse(l));

describe('network events of a container', { skip: missing() ?? false }, () => {
  const lab = new Lab();
  let skep, id, events, seen = '';

  before(async () => {
    await lab.up();
    skep = new Skep(lab.socket, ['--record-size', '64M']);
    await skep.start();
    events = spawn(skepFile, ['events', '--json', '--filter', 'dns.name exists or evt.type = tcpclose']);
    events.stdout.on('data', (d) => (seen += d));
    await sleep(4000); // its hooks
    // A web server of its own, on loopback: the lab has no network to the outside.
    id = await lab.docker('run', '-d', '--name', 'asks', 'lab/base:1', 'sh', '-c',
      'mkdir -p /www; dd if=/dev/zero of=/www/file bs=1000 count=50 2>/dev/null; (busybox httpd -f -p 8099 -h /www || true) & sleep 1;' +
      'for i in 1 2 3; do wget -q -O /dev/null http://127.0.0.1:8099/file; sleep 1; done; sleep 60');
  }, { timeout: 180000 });
  after(async () => {
    events?.kill();
    await skep?.stop();
    skep?.remove();
    await lab.down();
  });

  const whole = () => lines(seen.slice(0, seen.lastIndexOf('\n') + 1));

  const check = (v) => {
    const get = v.find((e) => e.evt.type === 'tcpclose' && e.proc.name === 'wget' && e.evt.bytes_in > 50000);
    assert.ok(get, 'no end of the download');
    assert.ok(get.evt.bytes_out > 20 && get.evt.bytes_out < 1000, get.evt.bytes_out);
    assert.ok(get.evt.duration_ms < 30000 && get.evt.failed === false);
    assert.match(get.fd.name, /->127\.0\.0\.1:8099$/);
  };

  test('skep events tells bytes of connections and how long they lasted', { timeout: 60000 }, async () => {
    await until(() => { try { check(whole()); return true; } catch { return false; } }, 30000, () => whole().map((e) => `${e.evt.type} ${e.proc.name} ${e.evt.bytes_in} ${e.dns?.name ?? ''}`).join('; '));
    check(whole());
    for (const e of whole()) assert.equal(e.proc.container_id, id);
  });

  test('the recorder keeps them', { timeout: 60000 }, async () => {
    const show = () => new Promise((done) => execFile(skepFile, ['record', 'show', '-c', 'asks', '--json', '--data', skep.data], { maxBuffer: 1 << 26 }, (_e, out) => done(lines(out))));
    let v = [];
    await until(async () => { v = await show(); return v.some((e) => e.evt.bytes_in > 50000); }, 20000, () => `${v.length} events`);
    check(v);
  });

  test('the rules that count are listed, with both languages', async () => {
    const { body: { items } } = await skep.get('/api/v1/rules');
    const v = items.filter((r) => r.id?.startsWith('SK-NET-0') && r.file === '(rate)');
    assert.equal(v.length, 9);
    for (const r of v) assert.ok(r.title_zh && r.desc_zh && r.advice_zh && r.techniques.length && r.evaluated, r.id);
  });
});
