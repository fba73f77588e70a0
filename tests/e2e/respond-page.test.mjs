// SPDX-License-Identifier: Apache-2.0
// What a person does at the console, and what comes of it on the host: a container is frozen and
// let go, evidence is taken and fetched, a rule is written, checked, tried and raises its alert, and
// the recorder tells of a container that is gone.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { browser, chromium, firstSignIn, Lab, missing, Skep, skepFile, sleep, until } from './lib.mjs';

const why = missing() ?? (chromium() ? null : 'no Chromium here');
const rule = (name, field) => `- rule: ${name}
  desc: A file that the test makes was opened
  condition: evt.type in (open, openat) and ${field} startswith "/tmp/written-"
  output: Written (file=%fd.name)
  priority: NOTICE
`;

describe('responding from the console', { skip: why ?? false }, () => {
  const lab = new Lab();
  let skep, b, page, web, gone;
  const errors = [];

  const container = (name) =>
    until(async () => (await skep.list('containers', `name = ${name}`))[0], 8000, () => skep.out);

  before(async () => {
    await lab.up();
    skep = new Skep(lab.socket, ['--record-size', '64M']);
    await skep.start();
    await lab.docker('run', '-d', '--name', 'web', 'lab/base:1', 'sh', '-c',
      'i=0; while :; do i=$((i+1)); echo $i > /tmp/tick; sleep 0.1; done');
    web = await container('web');
    await lab.docker('run', '-d', '--name', 'gone', 'lab/base:1', 'sh', '-c', 'cat /etc/hostname; echo x > /tmp/left-behind; sleep 1');
    gone = await container('gone');
    b = await browser();
    page = await firstSignIn(b, skep);
    page.on('pageerror', (e) => errors.push(e.message));
    await lab.docker('wait', 'gone');
    await lab.docker('rm', 'gone');
  });
  after(async () => {
    await b?.close();
    await skep?.stop();
    skep?.remove();
    await lab.down();
  });

  const tick = () => lab.docker('cp', 'web:/tmp/tick', '-').then((t) => t.replace(/[^0-9]/g, ''));
  const moves = async () => {
    const one = await tick();
    await sleep(600);
    return (await tick()) !== one;
  };

  test('freeze asks for a reason, then the container stands still; taking it back lets it go on', async () => {
    assert.equal(await moves(), true);
    await page.goto(`${skep.url}/containers/${web.id}`);
    await page.getByTestId('respond-freeze').click();
    await page.getByText('All its processes stop where they are.', { exact: false }).waitFor();
    await page.getByTestId('respond-ok').click();
    await page.getByText('Needed').waitFor();
    await page.getByTestId('respond-reason').fill('looks strange');
    await page.getByTestId('respond-ok').click();
    await page.locator('[data-testid=respond-row][data-kind=freeze][data-state=inForce]').waitFor({ timeout: 8000 });
    assert.equal(await moves(), false);
    const [act] = await skep.list('actions', 'kind = freeze');
    assert.equal(act.requested_by, 'admin');
    assert.equal(act.reason, 'looks strange');
    assert.ok(Date.parse(act.expires) > Date.now() + 3000_000, 'it has an end of its own');
    assert.equal(await page.getByTestId('respond-freeze').isDisabled(), true);

    await page.getByTestId('respond-undo').click();
    await page.getByTestId('respond-undo-ok').click();
    await until(async () => (await skep.get(`/api/v1/actions/${act.id}`)).body.state === 'undone', 8000);
    await page.locator('[data-testid=respond-row][data-state=inForce]').waitFor({ state: 'detached' });
    assert.equal(await moves(), true);
  });

  test('evidence is taken, shown, fetched from its host and good', async () => {
    await page.getByTestId('respond-collect').click();
    await page.getByTestId('respond-reason').fill('for the record');
    await page.getByTestId('respond-ok').click();
    await page.locator('[data-testid=respond-row][data-kind=collect][data-state=done]').waitFor({ timeout: 20000 });
    await page.goto(`${skep.url}/evidence`);
    await page.getByTestId('evidence-row').first().click();
    await page.getByText('How to verify').waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download', { timeout: 20000 }),
      page.getByTestId('evidence-download').click(),
    ]);
    const file = await download.path();
    assert.equal(readFileSync(file).readUInt32LE(0), 0xfd2fb528); // zstd
    const named = `${file}-${download.suggestedFilename()}`;
    await download.saveAs(named);
    execFileSync(skepFile, ['evidence', 'verify', named]);
  });

  test('a rule with an error is marked while it is written, and is not saved', async () => {
    await page.goto(`${skep.url}/rules/files/new`);
    await page.getByTestId('rulefile-name').fill('10-written.yaml');
    await page.locator('[data-testid=rule-editor][data-state=there]').waitFor({ timeout: 10000 });
    await page.locator('.cm-content').fill(rule('Written down', 'fd.nmae'));
    await page.getByTestId('rulefile-error').getByText('fd.nmae').first().waitFor();
    await page.getByText('Line 3, column', { exact: false }).waitFor();
    await page.locator('.cm-lintRange-error').waitFor();
    assert.equal(await page.getByTestId('rulefile-save').isDisabled(), true);
  });

  test('tried on the recorder it tells what it would have found; saved it raises its alert', async () => {
    await lab.docker('exec', 'web', 'sh', '-c', 'echo x > /tmp/written-1');
    await page.locator('.cm-content').fill(rule('Written down', 'fd.name'));
    await page.getByTestId('rulefile-ok').waitFor();
    await page.getByTestId('try-go').click();
    const result = page.getByTestId('try-result');
    await result.getByText('1 alerts by 1 of 1 rules').waitFor({ timeout: 15000 });
    await result.getByText('/tmp/written-1', { exact: false }).first().waitFor();
    assert.equal((await skep.list('alerts', 'rule = "Written down"')).length, 0);

    await page.getByTestId('rulefile-save').click();
    await page.waitForURL(/\/rules\/files\/[0-9A-Z]{26}$/);
    await until(async () => (await skep.get('/api/v1/rules')).body.items.some((r) => r.name === 'Written down'), 8000);
    await lab.docker('exec', 'web', 'sh', '-c', 'echo x > /tmp/written-2');
    await until(async () => (await skep.list('alerts', 'rule = "Written down"'))[0], 8000, () => skep.out);

    await page.goto(`${skep.url}/rules?rule=Written%20down`);
    await page.getByTestId('rule-switch').click();
    await page.getByRole('button', { name: 'Switch off' }).click();
    await until(async () => (await skep.get('/api/v1/rules')).body.items.find((r) => r.name === 'Written down')?.enabled === false, 8000);
  });

  test('the recorder tells what a container did that is gone', async () => {
    await page.goto(`${skep.url}/recorder?container=${gone.id}`);
    const events = page.getByTestId('recorder-events');
    await events.getByTestId('recorder-event').first().waitFor({ timeout: 15000 });
    await page.getByTestId('recorder-tree').getByText('sleep 1', { exact: true }).waitFor();
    await page.getByTestId('filter-input').fill('fd.name = "/tmp/left-behind"');
    await page.getByTestId('filter-input').press('Enter');
    await page.getByText('Events: 1', { exact: true }).waitFor({ timeout: 15000 });
    await events.getByText('/tmp/left-behind', { exact: true }).waitFor();
    await page.getByTestId('filter-input').fill('fd.nmae = x');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.locator('.filter-error').getByText('fd.nmae').first().waitFor({ timeout: 15000 });
  });

  test('indicators come in by a pasted list, with what was skipped and why', async () => {
    await page.goto(`${skep.url}/indicators`);
    await page.getByTestId('indicator-import').click();
    await page.getByTestId('import-list').fill('pasted');
    await page.getByTestId('import-text').fill('203.0.113.9\nevil.example\nnot an indicator at all\n');
    await page.getByTestId('import-ok').click();
    const result = page.getByTestId('import-result');
    await result.getByText('2 indicators taken in.').waitFor({ timeout: 8000 });
    await result.getByText('not an indicator at all').waitFor();
    assert.equal((await skep.list('indicators', 'list = "pasted"')).length, 2);
  });

  test('no script of the page failed', () => {
    assert.deepEqual(errors, []);
  });
});
