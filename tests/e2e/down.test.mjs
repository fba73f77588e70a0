// SPDX-License-Identifier: Apache-2.0
// The way down: what is decided in the console holds on an agent of another process, over TLS, and
// without the console; and what people make of the alerts that come back.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { blind, Console, markerRule, Program, skepFile, sleep, touch, until } from './lib.mjs';

const why = blind();
const run = promisify(execFile);

class Server extends Console {
  async start() {
    await this.console(['server', '--listen', '127.0.0.1:0', '--agents', this.agents ?? '127.0.0.1:0'], /may join/);
    this.agents = /^agents +(\S+)$/m.exec(this.out)[1];
    this.join = /--join (\S+)/.exec(this.out)[1];
  }
}

class Agent extends Program {
  start(server, join, ready = /connected {2}|connected console=/) {
    const args = ['agent', '--console', server.agents, '--docker', '/nonexistent.sock', '--no-builtin-rules', '--rules', this.rules];
    return this.spawn(join ? [...args, '--join', join] : args, ready);
  }
}

const namedRule = (name, prefix) => markerRule(prefix).replaceAll('Marker opened', name);

describe('what the console wants of its agents', { skip: why ?? false }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-down-'));
  const marker = (name) => join(dir, `marker-${name}`);
  const post = (path, body) => server.call('POST', `/api/v1/${path}`, body);
  const said = () => `server: ${server.out}\nagent: ${agent.out}`;
  const alerts = (filter) => server.list('alerts', filter);
  let server, agent, file;

  before(async () => {
    server = new Server();
    agent = new Agent();
    agent.rules = join(dir, 'own.yaml');
    writeFileSync(agent.rules, namedRule('Own rule', join(dir, 'own-')));
    await server.start();
    await agent.start(server, server.join);
  });
  after(async () => {
    for (const p of [agent, server]) {
      await p.stop('SIGKILL');
      p.remove();
    }
    rmSync(dir, { recursive: true, force: true });
  });

  test('a rule file raises its alert on the agent within two seconds', async () => {
    const from = Date.now();
    const answer = await post('rulefiles', { name: 'markers.yaml', text: namedRule('Down rule', join(dir, 'marker-a')) });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    file = answer.body;
    const [a] = await until(async () => {
      touch(marker(`a${Date.now()}`));
      const v = await alerts('rule = "Down rule"');
      return v.length ? v : null;
    }, 4000, said);
    assert.ok(Date.now() - from < 2000, `took ${Date.now() - from} ms`);
    assert.equal(a.priority, 'notice');
    const rules = (await server.get('/api/v1/rules')).body.items;
    assert.equal(rules.find((r) => r.name === 'Down rule').file, 'console/markers.yaml');
    assert.ok(rules.length > 50, 'the built-in rules are listed too');
  });

  test('a rule is switched off and on everywhere', async () => {
    const loads = () => (agent.out.match(/rules loaded/g) ?? []).length;
    await sleep(300); // the lines of before are read
    let n = loads();
    const off = await post('rules/switch', { rule: 'Down rule', enabled: false });
    assert.equal(off.status, 201, JSON.stringify(off.body));
    await until(() => loads() > n, 3000, said);
    const silent = marker(`a-off-${Date.now()}`);
    touch(silent);
    await sleep(500); // what nobody wants to know is not hurried
    n = loads();
    assert.equal((await post('rules/switch', { rule: 'Down rule', enabled: true })).status, 200);
    await until(() => loads() > n, 3000, said);
    const loud = marker(`a-on-${Date.now()}`);
    touch(loud);
    const v = await until(async () => {
      const all = (await alerts('rule = "Down rule"')).map((a) => a.fd.name);
      return all.includes(loud) ? all : null;
    }, 4000, said);
    assert.ok(!v.includes(silent));
    const none = await post('rules/switch', { rule: 'No such rule', enabled: false });
    assert.match(none.body.error.message, /there is no rule "No such rule"/);
    const [switches] = await server.list('rulefiles', 'name = "zz-switches.yaml"');
    await server.call('DELETE', `/api/v1/rulefiles/${switches.id}`);
  });

  test('text that does not load is refused with its place and a caret, and nothing changes', async () => {
    const bad = namedRule('Bad', '/x').replace('fd.name', 'fd.nam');
    const answer = await post('rulefiles', { name: 'bad.yaml', text: bad });
    assert.equal(answer.status, 400);
    assert.match(answer.body.error.message, /^console\/bad\.yaml:3:\d+: unknown field 'fd\.nam'.*\n.*\n +\^$/s);
    const check = await post('rules/check', { name: 'bad.yaml', text: bad });
    assert.equal(check.body.ok, false);
    assert.equal(check.body.error, answer.body.error.message);
    const good = await post('rules/check', { name: 'good.yaml', text: namedRule('Good', '/x') });
    assert.deepEqual([good.body.ok, good.body.rules], [true, ['Good']]);
    assert.equal((await server.list('rulefiles')).length, 1);
  });

  test('an agent that starts without its console keeps the rule', async () => {
    await server.stop('SIGKILL');
    await agent.stop('SIGKILL');
    await agent.start(server, null, /not connected/);
    const before = marker(`a-alone-${Date.now()}`);
    touch(before);
    await sleep(500);
    await server.start();
    await until(async () => (await alerts('rule = "Down rule"')).some((a) => a.fd.name === before), 45000, said);
  });

  test('what is changed while the agent is away holds when it is back', async () => {
    await agent.stop('SIGKILL');
    const answer = await server.call('PATCH', `/api/v1/rulefiles/${file.id}`, { text: namedRule('Down rule two', join(dir, 'marker-b')) });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    await agent.start(server, null);
    await until(async () => {
      touch(marker(`b${Date.now()}`));
      return (await alerts('rule = "Down rule two"')).length;
    }, 5000, said);
  });

  test('a withdrawn rule file is gone from the agent, and its own rules are not', async () => {
    const loads = () => (agent.out.match(/rules loaded/g) ?? []).length;
    await sleep(300); // the lines of before are read
    const n = loads();
    assert.equal((await server.call('DELETE', `/api/v1/rulefiles/${file.id}`)).status, 200);
    await until(() => loads() > n, 5000, said);
    touch(marker('b-late'));
    const own = join(dir, 'own-x');
    writeFileSync(own, 'x');
    await run('/bin/cat', [own]);
    await until(async () => (await alerts('rule = "Own rule"')).length, 5000, said);
    assert.ok(!(await alerts('rule = "Down rule two"')).some((a) => a.fd.name === marker('b-late')));
  });

  test('alerts are closed many at once, by the API and the command line', async () => {
    const before = await alerts('rule = "Down rule"');
    const answer = await post('alerts/bulk', { filter: 'rule = "Down rule"', set: { state: 'closed', verdict: 'benign' }, comment: 'a test' });
    assert.equal(answer.body.changed, before.length);
    const [a] = await alerts('rule = "Down rule"');
    assert.deepEqual([a.state, a.verdict, a.comments[0].text], ['closed', 'benign', 'a test']);
    const [open] = await alerts('state = open');
    assert.match(await server.cli('alerts', 'close', open.id, '--as', 'false', '-m', 'noise'), /^1 changed/);
    await server.cli('alerts', 'comment', 'seen', open.id);
    const closed = (await server.get(`/api/v1/alerts/${open.id}`)).body;
    assert.deepEqual([closed.verdict, closed.comments.map((c) => c.text)], ['false_positive', ['noise', 'seen']]);
  });

  test('an exception says before it is made how many past alerts it would have held back', async () => {
    const all = await alerts('rule = "Down rule"');
    const wanted = all.filter((a) => a.fd.name.includes('alone')).map((a) => a.id);
    const preview = await post('exceptions/preview', { rule: 'Down rule', condition: 'fd.name contains alone' });
    assert.deepEqual(preview.body, { matched: wanted.length, total: all.length, sample: wanted });
    const bad = await post('exceptions', { name: 'x', condition: 'fd.nam contains alone' });
    assert.equal(bad.status, 400);
    assert.match(bad.body.error.message, /unknown field 'fd\.nam'.*\n.*\n +\^$/s);
    const proposal = (await post(`alerts/${wanted[0]}/exception`)).body;
    assert.equal(proposal.rule, 'Down rule');
    const again = await server.cli('exceptions', 'preview', '--rule', proposal.rule, proposal.condition);
    assert.match(again, new RegExp(`^it would have held back \\d+ of ${all.length} alerts\n(.*\n)*  ${wanted[0]}\n`));
    const id = (await server.cli('exceptions', 'add', 'fd.name contains alone', '--rule', 'Down rule', '--expires', '30d')).trim();
    assert.equal((await server.list('exceptions'))[0].id, id);
    assert.match(await server.cli('exceptions', 'rm', id), /is withdrawn/);
    assert.equal((await server.list('exceptions')).length, 0);
  });

  test('whichever side is killed at whatever moment, every change arrives', async () => {
    const count = async () => Number(/rules +(\d+) loaded/.exec(await agent.cli('agent', 'status'))?.[1]);
    for (let i = 0; i < 6; i++) {
      const posted = post('rulefiles', { name: `kill-${i}.yaml`, text: namedRule(`Kill ${i}`, `/nonexistent/${i}`) });
      if (i % 2) {
        assert.equal((await posted).status, 201);
        await sleep(i * 3);
        await server.stop('SIGKILL');
        await server.start();
      } else {
        await sleep(i * 4);
        await agent.stop('SIGKILL');
        assert.equal((await posted).status, 201);
        await agent.start(server, null, /rules loaded/);
      }
    }
    await until(async () => (await count().catch(() => 0)) === 7, 20000, said); // and the agent's own
  });

  test('a list of indicators comes in, tells what it skipped, and goes', async () => {
    const list = join(dir, 'feed.txt');
    writeFileSync(list, '203.0.113.7 # c2\nevil[.]example\nwhat is this\n');
    const got = await run(skepFile, ['indicators', 'import', list, '--data', server.data]);
    assert.match(got.stdout, /^list feed: 2 taken \(2 of them new or changed\), 0 twice, 1 skipped/);
    assert.match(got.stderr, /^3: a name without a dot: what is this/);
    assert.match(await server.cli('indicators', 'list'), /203\.0\.113\.7/);
    await server.cli('indicators', 'rm', '--list', 'feed');
    assert.equal((await server.list('indicators')).length, 0);
  });
});
