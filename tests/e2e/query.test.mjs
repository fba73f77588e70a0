// SPDX-License-Identifier: Apache-2.0
// The recorder, read through the console: what a container did that is gone, and what a rule that
// is not in force would have found.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Lab, missing, Skep, sleep, until } from './lib.mjs';

const why = missing();
describe('reading the recorder from the console', { skip: why ?? false }, () => {
  const lab = new Lab();
  const begin = new Date().toISOString();
  let skep, gone;

  before(async () => {
    await lab.up();
    skep = new Skep(lab.socket, ['--record-size', '64M']);
    await skep.start();
    await lab.docker('run', '-d', '--name', 'gone', 'lab/base:1', 'sh', '-c',
      'for i in $(seq 700); do echo x > /tmp/made-$i; done; cat /etc/shadow > /dev/null; nc -w 1 172.17.0.1 4444; true');
    [gone] = await until(async () => (v => v.length && v)(await skep.list('containers', 'name = gone')), 5000, () => skep.out);
    await lab.docker('wait', 'gone');
    await lab.docker('rm', 'gone');
  });
  after(async () => {
    await skep?.stop('SIGKILL');
    skep?.remove();
    await lab.down();
  });

  const ask = async (...params) => {
    const r = await skep.call('POST', '/api/v1/actions', { kind: 'record_query', container_id: gone.id, reason: 'test', params });
    assert.equal(r.status, 201, JSON.stringify(r.body));
    return r.body.id;
  };
  const over = (id) =>
    until(async () => {
      const a = (await skep.get(`/api/v1/actions/${id}`)).body;
      return ['done', 'failed', 'refused'].includes(a.state) ? a : null;
    }, 15000, () => skep.out);
  const pieces = async (id) =>
    (await skep.list('slices', `action_id = "${id}"`)).sort((a, b) => a.part - b.part);

  test('what a removed container did comes in pieces, oldest first, with a summary', async () => {
    const id = await ask(`since=${begin}`);
    const a = await over(id);
    assert.equal(a.state, 'done', a.error);
    assert.match(a.result, /^\d+ events in \d+ pieces$/);
    const v = await pieces(id);
    assert.ok(v.length >= 2, `${v.length} pieces`);
    assert.deepEqual(v.map((s) => s.last), v.map((_, i) => i === v.length - 1));
    for (const s of v) assert.ok((s.items ?? []).length <= 500);
    const events = v.flatMap((s) => s.items ?? []);
    const made = events.filter((e) => e.fd?.name?.startsWith('/tmp/made-'));
    assert.equal(made.length, 700);
    assert.ok(made.every((e) => e.container.name === 'gone' && e.container.id === gone.id));
    const times = events.map((e) => Date.parse(e.evt.time));
    assert.ok(times[0] <= times.at(-1));
    const sum = JSON.parse(v.at(-1).summary);
    assert.equal(sum.given, events.length);
    assert.equal(sum.truncated, false);
    assert.equal(sum.record.lost, 0);
  });

  test('a filter, kinds and a limit narrow it, and the summary says that there was more', async () => {
    const id = await ask('filter=fd.name startswith "/tmp/made-"', 'kinds=file', 'limit=7');
    assert.match((await over(id)).result, /^7 events in 1 pieces; there are more$/);
    const v = await pieces(id);
    assert.equal(v[0].items.length, 7);
    assert.equal(JSON.parse(v[0].summary).truncated, true);
  });

  test('what is not understood is refused, and says why', async () => {
    const a = await over(await ask('filter=fd.nmae = x'));
    assert.equal(a.state, 'refused');
    assert.match(a.error, /fd\.nmae/);
    assert.match((await over(await ask('kinds=nonsense'))).error, /nonsense/);
    assert.match((await over(await ask('since=yesterday'))).error, /"yesterday" is no time/);
  });

  test('a rule that is not in force is tried: how often, what, over which time', async () => {
    const rule = '- rule: Tried made\n  desc: d\n  condition: evt.type in (open, openat, creat) and fd.name startswith "/tmp/made-"\n  output: made %fd.name\n  priority: ERROR\n' +
      '- rule: Tried never\n  desc: d\n  condition: spawned_process and proc.name = nothere\n  output: x\n  priority: ERROR\n';
    const half = rule.length >> 1; // as the console sends what is too long for one
    const id = await ask(`rules=${rule.slice(0, half)}`, `rules=${rule.slice(half)}`, `since=${begin}`);
    const a = await over(id);
    assert.equal(a.state, 'done', a.error);
    assert.match(a.result, /alerts by 1 rules of 2 over/);
    const sum = JSON.parse((await pieces(id)).at(-1).summary);
    assert.equal(sum.items.length, 1);
    assert.equal(sum.items[0].rule, 'Tried made');
    assert.ok(sum.alerts.length > 0 && sum.alerts.length <= 50);
    assert.match(sum.alerts[0].output, /^made \/tmp\/made-/);
    assert.ok(Date.parse(sum.first) >= Date.parse(begin) - 1000 && sum.last >= sum.first);
    assert.equal((await skep.list('alerts', 'rule = "Tried made"')).length, 0);
  });

  test('a rule file with an error is refused with its place', async () => {
    const a = await over(await ask('rules=- rule: Bad\n  desc: d\n  condition: proc.nmae = x\n  output: x\n  priority: ERROR\n'));
    assert.equal(a.state, 'refused');
    assert.match(a.error, /console\/trial\.yaml:3:/);
  });

  test('a reading can be withdrawn, an action on a container cannot', async () => {
    const id = await ask(`since=${begin}`);
    assert.equal((await skep.call('DELETE', `/api/v1/actions/${id}`)).status, 200);
    assert.equal((await skep.get(`/api/v1/actions/${id}`)).status, 404);
    const c = await skep.call('POST', '/api/v1/actions', { kind: 'collect', container_id: gone.id, reason: 'test' });
    const r = await skep.call('DELETE', `/api/v1/actions/${c.body.id}`);
    assert.equal(r.status, 409);
    assert.match(r.body.error.message, /only a reading/);
    await sleep(300);
    assert.equal((await over(await ask('limit=1'))).state, 'done'); // the reader goes on
  });
});
