// Pictures of every page: node dev/shots.mjs --out DIR [--only TEXT]. Needs Chromium (CHROMIUM=PATH).
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { createMock } from './mock.mjs';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'shots' },
    only: { type: 'string' },
    dist: { type: 'string' },
  },
});
mkdirSync(values.out, { recursive: true });
const dist = values.dist ?? join(dirname(fileURLToPath(import.meta.url)), '../dist');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});

const mocks = {};
for (const scenario of ['normal', 'empty', 'error', 'slow', 'rule-error']) {
  const mock = createMock({ dist, scenario, signedIn: true });
  mocks[scenario] = { mock, port: await mock.listen() };
}
const out = createMock({ dist });
mocks.out = { mock: out, port: await out.listen() };
const { world } = mocks.normal.mock;
const c = (i) => encodeURIComponent(world.containers[i].id);
const alertOf = (rule) => world.alerts.find((a) => a.rule.includes(rule)).id;

const hostileAlert = world.alerts.find((a) => a.fd.name?.includes('onerror')).id;
const pages = [
  ['overview', '/'],
  ['alerts', '/alerts'],
  ['alert-shell', `/alerts/${alertOf('Reverse')}`],
  ['alert-hostile', `/alerts/${hostileAlert}`],
  ['alert-host', `/alerts/${alertOf('memory')}`],
  ['alert-miner', `/alerts/${alertOf('miner')}`],
  ['containers', '/containers'],
  ['container', `/containers/${c(0)}`],
  ['container-about', `/containers/${c(3)}?tab=about`],
  ['container-surface', `/containers/${c(0)}?tab=surface`],
  ['container-alerts', `/containers/${c(2)}?tab=alerts`],
  ['images', '/images'],
  ['hosts', '/hosts'],
  ['host', `/hosts/${world.hosts[0].id}`],
  ['incidents', '/incidents'],
  ['incident', `/incidents/${world.incidents[0].id}`],
  ['incident-hosts', `/incidents/${world.incidents.find((i) => i.members).id}`],
  ['incident-part', `/incidents/${world.incidents.find((i) => i.part_of).id}`],
  ['attack', '/attack'],
  ['technique', '/attack?technique=T1611'],
  ['rules', '/rules'],
  ['rule', '/rules?rule=Reverse%20shell'],
  ['rule-files', '/rules/files'],
  ['rule-file', `/rules/files/${world.rulefiles[0].id}`],
  ['rule-new', '/rules/files/new'],
  ['recorder-choose', '/recorder'],
  ['recorder', `/recorder?container=${c(0)}`],
  ['recorder-gone', `/recorder?container=${c(8)}`],
  ['actions', '/actions'],
  ['action', `/actions?id=${world.actions[0].id}`],
  ['evidence', '/evidence'],
  ['evidence-one', `/evidence/${world.evidence[1].id}`],
  ['profiles', '/profiles'],
  ['profile', `/profiles/${world.profiles[0].id}`],
  ['profile-versions', `/profiles/${world.profiles[0].id}?tab=versions`],
  ['exceptions', '/exceptions'],
  ['indicators', '/indicators'],
  ['agents', '/settings/agents'],
  ['users', '/settings/users'],
  ['tokens', '/settings/tokens'],
  ['audit', '/settings/audit'],
  ['about', '/settings/about'],
  ['filter-error', '/alerts?filter=proc.nmae%20%3D%20sh'],
  ['notfound', '/nothing/here'],
];
const jobs = [];
for (const [name, path] of pages)
  for (const [lang, theme, width] of [
    ['en', 'light', 1440],
    ['zh', 'dark', 1440],
    ['zh', 'light', 390],
    ['en', 'dark', 390],
  ])
    jobs.push({ name, path, lang, theme, width, scenario: 'normal' });
for (const scenario of ['empty', 'error', 'slow'])
  for (const [name, path] of pages.filter(([n]) =>
    [
      'overview',
      'alerts',
      'containers',
      'rules',
      'agents',
      'hosts',
      'rule-files',
      'recorder-choose',
      'actions',
      'evidence',
      'profiles',
      'exceptions',
      'indicators',
    ].includes(n),
  ))
    jobs.push({
      name: `${scenario}-${name}`,
      path,
      lang: 'en',
      theme: 'light',
      width: 1440,
      scenario,
    });
jobs.push({
  name: 'rule-error',
  path: '/rules',
  lang: 'en',
  theme: 'light',
  width: 1440,
  scenario: 'rule-error',
});
jobs.push({
  name: 'rule-error',
  path: '/rules',
  lang: 'zh',
  theme: 'dark',
  width: 390,
  scenario: 'rule-error',
});
for (const [lang, theme, width] of [
  ['en', 'light', 1440],
  ['zh', 'dark', 390],
]) {
  jobs.push({ name: 'login', path: '/login', lang, theme, width, scenario: 'out' });
  jobs.push({
    name: 'first',
    path: '/first#token=first-token',
    lang,
    theme,
    width,
    scenario: 'out',
  });
}

const contexts = new Map();
async function pageOf(j) {
  const key = `${j.lang} ${j.theme} ${j.width}`;
  if (!contexts.has(key)) {
    const context = await browser.newContext({
      viewport: { width: j.width, height: j.width === 390 ? 844 : 900 },
      colorScheme: j.theme,
      locale: j.lang === 'zh' ? 'zh-CN' : 'en-GB',
    });
    contexts.set(key, context);
  }
  return contexts.get(key).newPage();
}

for (const j of jobs) {
  const file = `${j.name}-${j.lang}-${j.theme}-${j.width}`;
  if (values.only && !new RegExp(values.only).test(file)) continue;
  const page = await pageOf(j);
  page.on('console', (m) => {
    const text = m.text();
    if (/^Failed to load resource/.test(text)) return;
    if (['error', 'warning'].includes(m.type())) console.log(`${file}: ${text.slice(0, 300)}`);
  });
  page.on('pageerror', (e) => console.log(`${file}: PAGE ERROR ${e.message}`));
  page.on('dialog', (d) => {
    console.log(`${file}: DIALOG ${d.message()}`);
    d.dismiss();
  });
  await page.goto(`http://127.0.0.1:${mocks[j.scenario].port}${j.path}`);
  await page.waitForSelector(j.scenario === 'slow' ? '.ant-skeleton' : 'h1, h2, .area');
  await page.waitForTimeout(500);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (wide > 0) console.log(`${file}: ${wide} px wider than the screen`);
  await page.screenshot({ path: join(values.out, `${file}.png`), animations: 'disabled' });
  await page.close();
}
await browser.close();
for (const { mock } of Object.values(mocks)) await mock.close();
process.exit(0);
