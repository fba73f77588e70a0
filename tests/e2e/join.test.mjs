// SPDX-License-Identifier: Apache-2.0
// Join tokens and revocation as an admin manages them: by the command line and in the console.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { browser as openBrowser, chromium, Console, firstSignIn, Program, skepFile, until } from './lib.mjs';

const run = promisify(execFile);

class Server extends Console {
  async start() {
    await this.console(['server', '--listen', '127.0.0.1:0', '--agents', '127.0.0.1:0'], /may join/);
  }
  // skep …, by the console's own token; what it says on either stream
  async ask(...args) {
    return run(skepFile, [...args, '--data', this.data]);
  }
  async refused(...args) {
    const e = await this.ask(...args).then(
      () => null,
      (x) => x,
    );
    assert.ok(e, `skep ${args.join(' ')} should have failed`);
    return e;
  }
  async create(...args) {
    const { stdout } = await this.ask('join', 'create', '--json', ...args);
    return JSON.parse(stdout);
  }
}

// An agent whose id is its own, though it runs on the same host as the others; it needs no kernel events.
class Agent extends Program {
  // command: as the console prints it
  start(command, ready) {
    const args = command.split(' ').slice(1);
    return this.spawn([...args, '--docker', '/nonexistent.sock'], ready);
  }
}

const bare = (command) => command.replace(/ --join .*/, '');

describe('join tokens and revocation', () => {
  let server;
  const agents = [];
  const agent = () => {
    const a = new Agent();
    agents.push(a);
    return a;
  };

  before(async () => {
    server = new Server();
    await server.start();
  });
  after(async () => {
    for (const p of [...agents, server]) {
      await p.stop('SIGKILL');
      p.remove();
    }
  });
  const said = (a) => () => `server: ${server.out}\nagent: ${a?.out ?? ''}`;

  test('a token is made, listed and revoked by commands, and works as printed', async () => {
    const made = await server.create('--name', 'web 1');
    const list = (await server.ask('join', 'list')).stdout;
    assert.match(list, /^ID +NAME +CREATED +EXPIRES +MAX USES +USES/);
    assert.match(list, new RegExp(`${made.id} +web 1 +\\d+ s +in 59 min +1 +0`));
    assert.ok(!list.includes(made.token.split('.')[1]), 'the secret is listed');
    const { stdout, stderr } = await server.ask('join', 'create', '--uses', '0', '--expires', '2h');
    assert.match(stdout, /^skep agent --console 127\.0\.0\.1:\d+ --join join-\S+\n$/);
    assert.match(stderr, /Shown this once; for any number of agents, until 20/);
    const id = /--join ([^.]+)/.exec(stdout)[1];
    assert.match((await server.ask('join', 'revoke', id)).stdout, /is revoked: no further agent joins with it/);
    const late = agent();
    await late.start(stdout.trim(), /not connected/);
    assert.match(late.out, /join: the console refuses: the join token was revoked at 20/);
    await late.stop();
    const e = await server.refused('join', 'revoke', 'join-0');
    assert.equal(e.code, 1);
    assert.equal(e.stderr, 'skep: no join token with this id\n');
    assert.match((await server.refused('join', 'create', '--expires', '2020-01-01T00:00:00Z')).stderr, /within the next 365 days/);
    assert.equal((await server.refused('join', 'create', '--uses', 'x')).code, 2);
  });

  test('a token for one agent refuses the second, one for two the third', async () => {
    for (const uses of [1, 2]) {
      const made = await server.create('--uses', String(uses));
      for (let i = 0; i <= uses; i++) {
        const a = agent();
        await a.start(made.command, i < uses ? /connected console=/ : /not connected/);
        if (i < uses) assert.match(a.out, /link joined /);
        else assert.match(a.out, new RegExp(`the join token is spent: it was good for ${uses} agent`));
        await a.stop();
      }
      const [row] = await server.list('join-tokens', `id = "${made.id}"`);
      assert.equal(row.uses, uses);
    }
  });

  test('a revoked agent is cut at once, says why, stays out, and comes back with a new token', async () => {
    const many = await server.create('--uses', '0');
    const a = agent();
    await a.start(many.command, /connected console=/);
    const [row] = await until(async () => {
      const v = await server.list('agents');
      return v.length && v[0].connected && v[0].certificate_expires ? v : null;
    }, 15000, said(a));
    const days = (Date.parse(row.certificate_expires) - Date.now()) / 86400e3;
    assert.ok(days > 397 && days < 399, `${days} days`);
    const t0 = Date.now();
    const told = (await server.ask('agents', 'revoke', row.id)).stdout;
    assert.match(told, /is revoked: it is cut off, and comes back only with a new join token/);
    await until(() => /not connected .*certificate revoked/.test(a.out), 1000, said(a));
    assert.ok(Date.now() - t0 < 2000);
    assert.match(a.out, /certificate revoked: local revoked this agent at 20.*; skep agent --join with a new token brings it back/);
    const [gone] = await server.list('agents', 'revoked exists');
    assert.equal(gone.id, row.id);
    assert.equal(gone.connected, false);
    assert.equal(gone.revoked_by, 'local');
    assert.match((await server.ask('agents', 'list', '--filter', 'revoked exists')).stdout, new RegExp(row.hostname));
    const [alert] = await until(async () => {
      const v = await server.list('alerts', 'rule = "Revoked agent refused"');
      return v.length ? v : null;
    }, 3000, said(a));
    assert.equal(alert.host_id, row.id);
    // the token it had, though good for many, does not bring it back
    await until(() => /it needs a join token made after that/.test(a.out + server.out), 10000, said(a));
    const status = await until(async () => {
      const text = await a.cli('agent', 'status');
      return /console +not connected/.test(text) ? text : null;
    }, 8000, said(a));
    assert.match(status, /certificate revoked: local revoked this agent at 20/);
    await a.stop();
    await a.start(bare(many.command), /not connected .*certificate revoked/);
    await a.stop();
    await a.start((await server.create()).command, /connected console=/);
    await until(async () => (await server.list('agents', 'connected = true and not revoked exists')).length, 15000, said(a));
    const certs = await server.list('certificates', `agent_id = "${row.id}" and not revoked exists`);
    assert.equal(certs.length, 1);
    await a.stop();
    const actions = (await server.list('audit')).map((x) => x.action);
    for (const want of ['join_token.add', 'join_token.revoke', 'agent.revoke']) assert.ok(actions.includes(want), want);
  });

  test('an admin does the same in the console', { skip: chromium() ? false : 'no Chromium here' }, async () => {
    const browser = await openBrowser();
    try {
      const page = await firstSignIn(browser, server);
      await page.goto(`${server.url}/settings/agents`);
      await page.getByTestId('join-add').click();
      await page.getByTestId('join-name').fill('from the console');
      await page.getByTestId('join-create').click();
      const command = await page.getByTestId('join-command').innerText();
      assert.match(command, /^skep agent --console 127\.0\.0\.1:\d+ --join join-/);
      await page.getByTestId('join-kept').click();
      await page.getByTestId('join-row').filter({ hasText: 'from the console' }).waitFor();
      const a = agent();
      await a.start(command, /connected console=/);
      const row = page.getByTestId('agent-row').first();
      await row.waitFor({ timeout: 15000 });
      await row.getByTestId('agent-revoke').click();
      await page.locator('.ant-modal-confirm-btns .ant-btn-dangerous').click();
      await until(() => /not connected .*certificate revoked/.test(a.out), 3000, said(a));
      await page.getByTestId('agent-row').filter({ hasText: /revoked/i }).waitFor();
      const token = page.getByTestId('join-row').filter({ hasText: 'from the console' });
      await token.filter({ hasText: '1 of 1' }).waitFor({ timeout: 10000 });
      await a.stop();
    } finally {
      await browser.close();
    }
  });
});
