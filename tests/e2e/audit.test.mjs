// SPDX-License-Identifier: Apache-2.0
// The Kubernetes audit log: by webhook to the console, and from the file that an agent follows. The
// events have the shape that an API server of 1.30 writes.
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Skep, until } from './lib.mjs';

let n = 0;
const event = (over = {}) => ({
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  level: 'RequestResponse',
  auditID: `00000000-0000-0000-0000-${String(++n).padStart(12, '0')}`,
  stage: 'ResponseComplete',
  requestURI: '/api/v1/namespaces/shop/pods',
  verb: 'create',
  user: { username: 'eve', groups: ['system:authenticated'] },
  sourceIPs: ['10.1.2.3'],
  userAgent: 'kubectl/v1.30.1 (linux/amd64)',
  objectRef: { resource: 'pods', namespace: 'shop', name: 'web', apiVersion: 'v1' },
  responseStatus: { metadata: {}, code: 201 },
  requestObject: { kind: 'Pod', spec: { containers: [{ name: 'a', image: 'busybox:1', securityContext: { privileged: true } }] } },
  requestReceivedTimestamp: new Date().toISOString(),
  stageTimestamp: new Date().toISOString(),
  annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
  ...over,
});
const list = (...items) => ({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items });
const secrets = (user) =>
  event({ verb: 'list', user: { username: user }, objectRef: { resource: 'secrets', apiVersion: 'v1' }, requestObject: undefined });

describe('the audit log of Kubernetes', () => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-audit-'));
  const log = join(dir, 'audit.log');
  const skep = new Skep('/nonexistent/docker.sock', ['--k8s-audit-log', log, '--no-record']);

  before(async () => {
    writeFileSync(log, `${JSON.stringify(event())}\n`); // before the start: not read
    await skep.start();
  });
  after(async () => {
    await skep.stop();
    skep.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  test('a webhook batch raises alerts with the cluster as their host, and one incident of the user', async () => {
    const answer = await skep.call('POST', '/api/v1/k8s-audit?cluster=prod-1', list(event(), secrets('eve'), event({ verb: 'get', requestObject: undefined })));
    assert.deepEqual(answer, { status: 200, body: { events: 3 } });
    const alerts = await skep.list('alerts', 'source = k8s_audit');
    assert.deepEqual(alerts.map((a) => a.rule).sort(), ['Privileged pod created through the API', 'Secrets of the whole cluster listed']);
    for (const a of alerts) {
      assert.equal(a.hostname, 'prod-1');
      assert.match(a.output, /user=eve/);
      assert.ok(a.techniques.length > 0);
    }
    const [incident] = await skep.list('incidents');
    assert.equal(incident.story.length, 2);
    assert.equal(alerts[0].incident_id, incident.id);
  });

  test('what is no audit event is refused with its place', async () => {
    const bad = await skep.call('POST', '/api/v1/k8s-audit', list(event({ user: { username: 'first' } }), { nonsense: true }));
    assert.equal(bad.status, 400);
    assert.match(bad.body.error.message, /item 2 is no audit event/);
  });

  test('an exception over ka fields holds, a rule file of the console is used', async () => {
    const made = await skep.call('POST', '/api/v1/exceptions', {
      name: 'backup reads secrets', rule: 'Secrets of the whole cluster listed', condition: 'ka.user.name = backup', owner: 'ops', reason: 'test' });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const [alert] = await skep.list('alerts', 'rule = "Secrets of the whole cluster listed"');
    const proposal = await skep.call('POST', `/api/v1/alerts/${alert.id}/exception`);
    assert.equal(proposal.body.condition, 'ka.user.name = "eve" and ka.target.resource = "secrets"');
    assert.equal((await skep.call('POST', '/api/v1/exceptions/preview', { condition: proposal.body.condition })).status, 422);
    const file = await skep.call('POST', '/api/v1/rulefiles', {
      name: 'audit.yaml',
      text: '- rule: Watched user\n  desc: d\n  source: k8s_audit\n  condition: ka.user.name = watched\n  output: seen %ka.verb\n  priority: NOTICE\n' });
    assert.equal(file.status, 201, JSON.stringify(file.body));
    await skep.call('POST', '/api/v1/k8s-audit', list(secrets('backup'), secrets('other'), secrets('watched')));
    const users = (await skep.list('alerts', 'rule = "Secrets of the whole cluster listed"')).map((a) => /user=(\S+)/.exec(a.output)[1]);
    assert.deepEqual(users.sort(), ['eve', 'other', 'watched']);
    assert.equal((await skep.list('alerts', 'rule = "Watched user"')).length, 1);
  });

  test('the agent follows the log file over rotation', async () => {
    appendFileSync(log, `${JSON.stringify(event({ user: { username: 'filed' } }))}\nno json\n`);
    renameSync(log, `${log}.1`);
    appendFileSync(`${log}.1`, `${JSON.stringify(secrets('rotated'))}\n`);
    writeFileSync(log, `${JSON.stringify(secrets('anew'))}\n`);
    const seen = async () => (await skep.list('alerts', 'source = k8s_audit')).map((a) => /user=(\S+)/.exec(a.output)?.[1]);
    await until(async () => ['filed', 'rotated', 'anew'].every((u) => (seen.got ?? []).includes(u)) || ((seen.got = await seen()), false), 5000, () => String(seen.got));
    assert.match(skep.out, /a line of the audit log is no audit event/);
  });
});
