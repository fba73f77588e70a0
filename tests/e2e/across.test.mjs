// SPDX-License-Identifier: Apache-2.0
// An attack that goes from a container of one host to one of another: two Docker engines in network
// namespaces of their own with a cable between them, an agent for each, one console.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { browser, chromium, Console, firstSignIn, here, Lab, missing, Program, sleep, until } from './lib.mjs';

const run = promisify(execFile);

class Server extends Console {
  async start() {
    await this.console(['server', '--listen', '127.0.0.1:0', '--agents', this.agents ?? '127.0.0.1:0'], /may join/);
    this.agents = /^agents +(\S+)$/m.exec(this.out)[1];
  }
}

// A host: a lab, and an agent in its network namespace, under a name of its own. It sees the kernel's
// events of both labs; its rules are about the containers that its own engine names.
class Node extends Program {
  constructor(name, address, rules) {
    super();
    Object.assign(this, { name, address, rules, relays: [] });
    this.lab = new Lab();
    this.lab.dir = mkdtempSync(join(tmpdir(), `skep-e2e-${name}-`));
    this.lab.env.SKEP_LAB = this.lab.dir;
    this.dir = mkdtempSync(join(tmpdir(), `skep-e2e-${name}-`));
  }
  async up() {
    await this.lab.up();
    this.netns = (await this.lab.lab('netns')).trim();
    const id = join(this.dir, 'machine-id');
    writeFileSync(id, `${randomBytes(16).toString('hex')}\n`);
    const alone = 'hostname "$0"; mount --bind "$1" /etc/machine-id; shift; exec "$@"';
    this.within = ['nsenter', `--net=/run/netns/${this.netns}`, 'unshare', '--uts', '--mount', 'sh', '-c', alone, this.name, id];
  }
  // The console's door, from outside the namespace.
  async relay(port) {
    const path = join(this.dir, 'relay.sock');
    const enter = ['nsenter', `--net=/run/netns/${this.netns}`, process.execPath];
    for (const args of [[process.execPath, join(here, 'relay.mjs'), path, port], [...enter, join(here, 'relay.mjs'), port, path]]) {
      const child = spawn(args[0], args.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
      this.relays.push(child);
      await new Promise((done) => child.stdout.once('data', done));
    }
  }
  start(server, token) {
    const file = join(this.dir, 'own.yaml');
    writeFileSync(file, this.rules);
    const args = ['agent', '--console', server.agents, '--no-record', '--no-builtin-rules', '--rules', file, '--docker', this.lab.socket];
    return this.spawn([...args, '--join', token], /connected console=/);
  }
  async end() {
    await this.stop('SIGKILL');
    for (const r of this.relays) r.kill('SIGKILL');
    this.remove();
    rmSync(this.dir, { recursive: true, force: true });
    await this.lab.down();
  }
}

const rule = (name, container, file, tactic, technique) => `- rule: ${name}
  desc: The test's attack
  condition: evt.type in (open, openat) and fd.name = ${file} and container.name = ${container}
  output: ${name} (file=%fd.name)
  priority: CRITICAL
  tags: [container, ${tactic}, ${technique}]
`;

describe('an attack across two hosts', { skip: missing() ?? false }, () => {
  const a = new Node('node-a', '10.177.0.1', rule('Hashes read in web', 'web', '/etc/shadow', 'mitre_credential_access', 'T1003.008'));
  const b = new Node('node-b', '10.177.0.2',
    rule('Hashes read in db', 'db', '/etc/shadow', 'mitre_credential_access', 'T1003.008') +
    rule('Program dropped in db', 'db', '/tmp/dropped', 'mitre_persistence', 'T1105') +
    rule('Hashes read beside', 'bystander', '/etc/shadow', 'mitre_discovery', 'T1082'));
  const server = new Server();

  before(async () => {
    await server.start();
    await Promise.all([a.up(), b.up()]);
    await run('ip', ['link', 'add', 'cable', 'netns', a.netns, 'type', 'veth', 'peer', 'name', 'cable', 'netns', b.netns]);
    for (const n of [a, b]) {
      await run('ip', ['-n', n.netns, 'address', 'add', `${n.address}/24`, 'dev', 'cable']);
      await run('ip', ['-n', n.netns, 'link', 'set', 'cable', 'up']);
      await n.relay(server.agents.split(':').at(-1));
    }
    const { token } = JSON.parse(await server.cli('join', 'create', '--json', '--uses', '2'));
    await Promise.all([a.start(server, token), b.start(server, token)]);
    await until(async () => (await server.list('hosts')).length === 2, 8000, said);
  });
  after(async () => {
    await server.stop('SIGKILL');
    server.remove();
    await Promise.all([a.end(), b.end()]);
  });

  const said = () => `server: ${server.out}\nnode-a: ${a.out}\nnode-b: ${b.out}`;
  const lines = () => server.list('incidents', 'not part_of exists');
  let joined;

  test('each host is known by its addresses', async () => {
    const hosts = await server.list('hosts');
    assert.deepEqual(hosts.map((h) => h.name).sort(), ['node-a', 'node-b']);
    for (const n of [a, b]) {
      const h = hosts.find((x) => x.name === n.name);
      assert.ok(h.addresses.includes(`${n.address}/24`), JSON.stringify(h.addresses));
      assert.ok(h.addresses.some((x) => x.startsWith('172.17.0.1/')), 'the bridge that both have');
    }
  });

  test('what happens in a container, and then in the one it talked with, is one incident', async () => {
    await b.lab.docker('run', '-d', '--name', 'db', '-p', '8080:80', 'lab/base:1', 'nc', '-ll', '-p', '80', '-e', '/bin/sh');
    await b.lab.docker('run', '-d', '--name', 'bystander', 'lab/base:1', 'sleep', '600');
    await until(async () => (await server.list('containers', 'name in (db, bystander) and state = running')).length === 2, 5000, said);
    await a.lab.docker('run', '--name', 'web', 'lab/base:1', 'sh', '-c',
      `cat /etc/shadow > /dev/null; sleep 1; printf 'cat /etc/shadow > /dev/null; sleep 0.2; echo x > /tmp/dropped\\n' | nc -w 2 ${b.address} 8080; true`);
    await b.lab.docker('exec', 'bystander', 'cat', '/etc/shadow');
    joined = await until(async () => {
      const v = await lines();
      const one = v.find((i) => i.members);
      return one?.story.length === 3 && v.length === 2 ? one : null;
    }, 8000, () => said());

    assert.deepEqual(joined.hosts, ['node-a', 'node-b']);
    assert.match(joined.title, /^Credential access → persistence in web \(node-a\) and db \(node-b\)$/);
    assert.deepEqual(joined.story.map((s) => [s.hostname, s.rule]), [
      ['node-a', 'Hashes read in web'], ['node-b', 'Hashes read in db'], ['node-b', 'Program dropped in db']]);
    const times = joined.story.map((s) => Date.parse(s.time));
    assert.deepEqual(times, [...times].sort((x, y) => x - y));
    assert.deepEqual(joined.tactics, ['credential_access', 'persistence']);
    const [first, second] = joined.members;
    assert.equal(first.hostname, 'node-a');
    assert.equal(second.link, 'reached');
    assert.equal(second.what, `${b.address}:8080`);
    assert.equal(second.with, first.id);
    assert.ok(joined.risk >= Math.max(first.risk, second.risk), `${joined.risk}`);
    for (const m of joined.members) assert.equal((await server.get(`/api/v1/incidents/${m.id}`)).body.part_of, joined.id);
  });

  test('who was beside it at the same time stands alone', async () => {
    const alone = (await lines()).find((i) => !i.members);
    assert.equal(alone.container.name, 'bystander');
    assert.deepEqual(alone.hosts, ['node-b']);
  });

  test('the command line shows one line for it, and with --all what it is made of', async () => {
    const text = await server.cli('incidents');
    assert.match(text, /web \(node-a\) and db \(node-b\)/);
    assert.match(text, /node-a,\s*node-b/);
    assert.equal(text.trim().split('\n').length, 3, text);
    assert.equal((await server.cli('incidents', '--all')).trim().split('\n').length, 5);
  });

  test('it grows while it is looked at, and is closed as one', { skip: chromium() ? false : 'no Chromium here' }, async () => {
    const view = await browser();
    try {
      const page = await firstSignIn(view, server);
      await page.getByTestId('nav-incidents').click();
      const row = page.getByTestId('incident-row').filter({ hasText: 'node-a' });
      await row.getByText('node-b').first().waitFor({ timeout: 5000 });
      assert.equal(await page.getByTestId('incident-row').count(), 2);
      await row.locator('a.strong').click();
      await page.getByTestId('incident-members').getByText(`${b.address}:8080`).waitFor({ timeout: 5000 });
      assert.equal(await page.getByTestId('story-step').count(), 3);
      await a.lab.docker('start', '-a', 'web').catch(() => {});
      await until(async () => (await page.getByTestId('incident').innerText()).includes('×2'), 8000, said);

      await page.getByTestId('verdict-true_positive').click();
      await until(async () => (await server.list('alerts', 'state = open')).length === 1, 5000, said);
      for (const id of [joined.id, ...joined.members.map((m) => m.id)]) {
        const i = (await server.get(`/api/v1/incidents/${id}`)).body;
        assert.deepEqual([i.state, i.verdict], ['closed', 'true_positive']);
      }
      assert.equal((await server.list('alerts', 'state = open'))[0].rule, 'Hashes read beside');
      await page.goto(`${server.url}/incidents/${joined.members[1].id}`);
      await page.getByTestId('incident-part-of').click();
      await page.getByTestId('incident-members').waitFor({ timeout: 5000 });
    } finally {
      await view.close();
    }
  });

  test('a console that starts again still has it as one', async () => {
    await server.stop('SIGKILL');
    await server.start();
    await sleep(500);
    const again = (await lines()).find((i) => i.members);
    assert.equal(again.id, joined.id);
    assert.equal(again.members.length, 2);
    assert.equal((await lines()).length, 2);
  });
});
