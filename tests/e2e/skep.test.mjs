// SPDX-License-Identifier: Apache-2.0
// The whole way: a real kernel, a real Docker engine, `skep up`, the API, the command line, a browser.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { browser, chromium, firstSignIn, Lab, missing, PASSWORD, Skep, sleep, until } from './lib.mjs';

const why = missing();

describe('skep up', { skip: why ?? false }, () => {
  const lab = new Lab();
  const rules = join(mkdtempSync(join(tmpdir(), 'skep-e2e-rules-')), 'own.yaml');
  const good = `- rule: Own test rule
  desc: A file that the test makes was opened
  condition: evt.type in (open, openat) and fd.name = /tmp/e2e-marker and container
  output: Marker opened (file=%fd.name container=%container.name)
  priority: NOTICE
`;
  let skep, b, page;

  before(async () => {
    writeFileSync(rules, good);
    await lab.up();
    skep = new Skep(lab.socket, ['--rules', rules]);
    await skep.start();
  });
  after(async () => {
    await b?.close();
    await skep?.stop();
    skep?.remove();
    await lab.down();
    rmSync(dirname(rules), { recursive: true, force: true });
  });

  const alertOf = (container, text, ms = 2000) =>
    until(async () => (await skep.list('alerts', `container.name = "${container}"`)).find((a) => a.rule.match(text)), ms, () => skep.out);

  test('the first start prints an address and a one-time sign-in', () => {
    assert.match(skep.url, /^https:\/\/127\.0\.0\.1:\d+$/);
    assert.ok(skep.first);
  });

  test('this host and its engine are shown', async () => {
    const hosts = await until(async () => {
      const v = await skep.list('hosts');
      return v.length && v[0].runtime_version ? v : null;
    }, 5000);
    assert.equal(hosts[0].bpf, true);
    assert.match(hosts[0].runtime_version, /Docker/);
  });

  test('a container is listed with image and age, in the API and by skep ps', async () => {
    await lab.docker('run', '-d', '--name', 'web', 'lab/base:1', 'sh', '-c', 'while :; do sleep 5; done');
    const [c] = await until(async () => {
      const v = await skep.list('containers', 'name = web and state = running');
      return v.length ? v : null;
    }, 2000);
    assert.equal(c.image, 'lab/base:1');
    assert.ok(Date.now() - Date.parse(c.created) < 60000);
    const ps = JSON.parse(await skep.cli('ps', '--json'));
    assert.ok(ps.items.some((x) => x.name === 'web'));
    assert.match(await skep.cli('ps'), /web +lab\/base:1 +running/);
  });

  test('reading the password hashes raises an alert within 2 seconds, with container and ancestry', async () => {
    await lab.docker('run', '-d', '--name', 'reader', 'lab/base:1', 'sh', '-c', 'cat /etc/shadow; sleep 2');
    const a = await alertOf('reader', /Password hashes/);
    assert.equal(a.container.image, 'lab/base:1');
    assert.equal(a.fd.name, '/etc/shadow');
    assert.ok(a.ancestors.some((p) => p.name === 'sh'), JSON.stringify(a.ancestors.map((p) => p.name)));
    assert.equal(a.proc.container_id, a.container.id);
    const cli = JSON.parse(await skep.cli('alerts', '--json', '--filter', `id = "${a.id}"`));
    assert.equal(cli.items[0].rule, a.rule);
  });

  test('a reverse shell to a listener of the test is caught with its connection', async () => {
    const ran = lab.lab('attack', 'revshell', 'shell');
    const a = await alertOf('shell', /Standard stream tied to the network/, 4000);
    assert.equal(a.container.name, 'shell');
    assert.ok(a.techniques.length > 0);
    assert.match(a.fd.name, /->172\.17\.0\.1:4444$/);
    await ran;
  });

  test('a program that was not in the image is caught when it runs', async () => {
    await lab.lab('attack', 'drop', 'dropper');
    const a = await alertOf('dropper', /image/i);
    assert.equal(a.proc.exe_upper, true);
  });

  test('a container that lived 50 ms is listed with its command and exit', async () => {
    await lab.docker('run', '--rm', '--name', 'brief', 'lab/base:1', 'sh', '-c', 'exit 7').catch((e) => assert.equal(e.code, 7));
    const [c] = await until(async () => {
      const v = await skep.list('containers', 'name = brief and state in (exited, removed)');
      return v.length ? v : null;
    }, 2000);
    assert.match(c.command, /exit 7/);
    assert.equal(c.exit_code, 7);
  });

  test('processes of a container are listed as they start, and end', async () => {
    await lab.docker('exec', 'web', 'sh', '-c', 'sleep 0.3; true');
    const [c] = await skep.list('containers', 'name = web');
    const ended = await until(async () => {
      const v = await skep.list('processes', `container_id = "${c.id}"`);
      return v.some((p) => p.cmdline?.includes('0.3') && p.exit_time) ? v : null;
    }, 3000);
    assert.ok(ended.some((p) => !p.exit_time), 'the container itself still runs');
    assert.ok(!ended.some((p) => p.name === 'runc'));
  });

  test('a rule of the user works, a broken file keeps the old rules and says where', async () => {
    const open = ['exec', 'web', 'sh', '-c', 'echo x > /tmp/e2e-marker; cat /tmp/e2e-marker'];
    await lab.docker(...open);
    await alertOf('web', /Own test rule/);
    writeFileSync(rules, good.replace('fd.name =', 'fd.nmae ='));
    const bad = await until(async () => {
      const r = (await skep.get('/api/v1/rules')).body;
      return r.error ? r : null;
    }, 3000);
    assert.match(bad.error, /own\.yaml:3:\d+: /);
    assert.match(bad.error, /fd\.nmae/);
    assert.ok(bad.items.some((r) => r.name === 'Own test rule'), 'the old rule is still in force');
    const [agent] = await until(async () => {
      const v = await skep.list('agents');
      return v[0]?.rules_error ? v : null;
    }, 3000);
    assert.match(agent.rules_error, /own\.yaml:3/);
    writeFileSync(rules, good);
    await until(async () => !(await skep.get('/api/v1/rules')).body.error, 3000);
  });

  test('a wrong filter is answered with the reason', async () => {
    const r = await skep.get('/api/v1/alerts?filter=' + encodeURIComponent('prority = critical'));
    assert.equal(r.status, 400);
    assert.match(r.body.error.message, /prority/);
  });

  test('the console shows the alert live, with its ancestry, in English and Chinese', { skip: chromium() ? false : 'no Chromium here' }, async () => {
    b = await browser();
    page = await firstSignIn(b, skep);
    await page.getByTestId('nav-alerts').click();
    await page.getByTestId('alert-row').first().waitFor();
    const began = Date.now();
    await lab.docker('run', '-d', '--name', 'live-reader', 'lab/base:1', 'sh', '-c', 'cat /etc/shadow; sleep 3');
    const row = page.getByTestId('alert-row').filter({ hasText: 'live-reader' }).first();
    await row.waitFor({ timeout: 4000 });
    const took = Date.now() - began;
    assert.ok(took < 4000, `visible after ${took} ms, the start of the container included`);
    await row.click({ position: { x: 4, y: 8 } }); // not on a link in it
    const tree = page.getByTestId('alert-ancestry').first();
    await tree.waitFor();
    assert.match(await tree.innerText(), /sh/);
    assert.match(await page.getByTestId('alert-detail').first().innerText(), /lab\/base:1/);
    await page.goto(skep.url + '/containers');
    await page.getByTestId('container-row').filter({ hasText: 'web' }).first().click({ position: { x: 4, y: 8 } });
    await page.getByTestId('process-tree').waitFor();
    await page.getByTestId('lang-switch').click();
    await until(async () => /容器/.test(await page.locator('body').innerText()), 5000);
  });

  test('what was stored survives kill -9 and a second start, and the password works', async () => {
    const before = (await skep.list('alerts')).map((a) => a.id);
    assert.ok(before.length >= 4);
    await skep.stop('SIGKILL');
    await skep.start();
    assert.equal(skep.first, null, 'no second one-time sign-in');
    const now = new Set((await skep.list('alerts')).map((a) => a.id));
    for (const id of before) assert.ok(now.has(id), `alert ${id} is gone`);
    if (b) {
      const fresh = await (await b.newContext({ ignoreHTTPSErrors: true, locale: 'en-US' })).newPage();
      await fresh.goto(skep.url + '/login');
      await fresh.getByTestId('login-user').fill('admin');
      await fresh.getByTestId('login-password').fill(PASSWORD);
      await fresh.getByTestId('login-submit').click();
      await fresh.getByTestId('nav-overview').waitFor();
    }
  });

  test('a second skep on the same data says so and ends', async () => {
    const second = new Skep(lab.socket);
    second.remove();
    second.data = skep.data;
    await assert.rejects(second.start(), /already running/);
  });

  test('events are seen while the engine is down, and containers after it is back', async () => {
    await lab.lab('restart');
    await sleep(500);
    await lab.docker('run', '-d', '--name', 'after-restart', 'lab/base:1', 'sh', '-c', 'cat /etc/shadow; sleep 2');
    await alertOf('after-restart', /Password hashes/, 8000);
  });

  test('nothing was lost, and the agent says so', async () => {
    const text = await skep.cli('agent', 'status');
    assert.match(text, /events +\d+ seen, 0 lost/);
    const status = JSON.parse(await skep.cli('agent', 'status', '--json'));
    assert.ok(status.events_seen > 100);
  });

  test('Ctrl-C stops it cleanly', async () => {
    assert.equal(await skep.stop('SIGINT'), 0);
  });
});
