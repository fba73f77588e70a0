// SPDX-License-Identifier: Apache-2.0
// A fleet of one: `skep server` and `skep agent` as two processes, TLS between them on loopback.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { blind, Console, markerRule, Program, sleep, touch, until } from './lib.mjs';

const why = blind();

class Server extends Console {
  async start() {
    await this.console(['server', '--listen', '127.0.0.1:0', '--agents', this.agents ?? '127.0.0.1:0'], /may join/);
    this.agents = /^agents +(\S+)$/m.exec(this.out)[1];
    this.join = /--join (\S+)/.exec(this.out)[1];
  }
}

class Agent extends Program {
  constructor(rules) {
    super();
    this.rules = rules;
  }
  start(server, join, ready = /connected {2}|connected console=/) {
    const args = ['agent', '--console', server.agents, '--no-builtin-rules', '--rules', this.rules, '--docker', '/nonexistent.sock'];
    return this.spawn(join ? [...args, '--join', join] : args, ready);
  }
}

describe('skep server and skep agent', { skip: why ?? false }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-fleet-'));
  const rules = join(dir, 'own.yaml');
  const marker = (name) => join(dir, `marker-${name}`);
  let server, agent, stranger, spent;

  before(() => {
    writeFileSync(rules, markerRule(join(dir, 'marker-')));
    server = new Server();
    agent = new Agent(rules);
    stranger = new Agent(rules);
  });
  after(async () => {
    for (const p of [stranger, agent, server]) {
      await p.stop('SIGKILL');
      p.remove();
    }
    rmSync(dir, { recursive: true, force: true });
  });

  const said = () => `server: ${server.out}\nagent: ${agent.out}`;
  const markers = async () => (await server.list('alerts')).map((a) => a.fd.name).sort();
  const seen = (names, ms) =>
    until(async () => {
      const v = await markers();
      return names.every((n) => v.includes(marker(n))) ? v : null;
    }, ms, said);

  test('an agent joins with the printed token; its host and its alert are in the API', async () => {
    await server.start();
    spent = server.join;
    await agent.start(server, spent);
    const [host] = await until(async () => {
      const v = await server.list('hosts');
      return v.length ? v : null;
    }, 8000, said);
    assert.equal(host.bpf, true, host.bpf_why_not);
    touch(marker('first'));
    await seen(['first'], 4000);
    const [a] = await server.list('alerts', 'rule = "Marker opened"');
    assert.equal(a.host_id, host.id);
    const [health] = await until(async () => {
      const v = await server.list('agents');
      return v[0]?.connected ? v : null;
    }, 8000, said);
    assert.equal(health.id, host.id);
  });

  test('a token that was used is refused, and the agent says so', async () => {
    await stranger.start(server, spent, /not connected/);
    assert.match(stranger.out, /join: the console refuses: the join token is spent: it was good for 1 agent/);
    const status = await until(() => stranger.cli('agent', 'status').catch(() => null), 10000);
    assert.match(status, /console +not connected/);
    await stranger.stop();
  });

  test('a token with a wrong secret, and one for another console, are refused', async () => {
    const [id, secret, ca] = server.join.split('.');
    await stranger.start(server, `${id}.${[...secret].reverse().join('')}.${ca}`, /not connected/);
    assert.match(stranger.out, /the join token is not valid, or spent/);
    await stranger.stop();
    await stranger.start(server, `${id}.${secret}.${'0'.repeat(64)}`, /not connected/);
    assert.match(stranger.out, /certificate/);
    await stranger.stop();
    await assert.rejects(stranger.start(server, 'nonsense'), /the join token is not ID\.SECRET\.CAHASH/);
    await stranger.start(server, null, /not joined: .* and no join token/);
    await stranger.stop();
  });

  test('alerts of the time when the console was killed arrive after it is back, none twice', async () => {
    await server.stop('SIGKILL');
    await until(() => /not connected/.test(agent.out), 5000, said);
    for (const n of ['down-1', 'down-2', 'down-3']) touch(marker(n));
    await sleep(1500);
    await server.start();
    const v = await seen(['first', 'down-1', 'down-2', 'down-3'], 45000);
    assert.deepEqual(v, [...new Set(v)], 'an alert came twice');
    await sleep(1000);
    assert.deepEqual(await markers(), v);
  });

  test('an agent that was killed goes on without a new token, and what it had to say is not said twice', async () => {
    await agent.stop('SIGKILL');
    await agent.start(server, null);
    touch(marker('again'));
    const v = await seen(['again'], 4000);
    assert.deepEqual(v, ['again', 'down-1', 'down-2', 'down-3', 'first'].map(marker));
    assert.equal((await server.list('hosts')).length, 1);
  });

  test('an agent that ends while the console is away tells it at the next start of both', async () => {
    await server.stop('SIGKILL');
    touch(marker('both'));
    await sleep(1500);
    await agent.stop('SIGINT');
    await server.start();
    await agent.start(server, null);
    const v = await seen(['both'], 8000);
    assert.deepEqual(v, [...new Set(v)]);
  });
});
