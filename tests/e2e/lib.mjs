// SPDX-License-Identifier: Apache-2.0
// What the end-to-end test and the screenshots share: the lab's engine, a running skep, its API, a
// browser.
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
export const root = path.join(here, '../..');
export const skepPath = process.env.SKEP ?? path.join(root, 'build/release/skep');
const labScript = path.join(here, '../lab/lab.sh');

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Calls fn until it gives something true, and returns that; after ms fails with what was expected. */
export async function until(what, ms, fn) {
  const end = Date.now() + ms;
  let last;
  for (;;) {
    try {
      const got = await fn();
      if (got) return got;
      last = undefined;
    } catch (e) {
      last = e;
    }
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}${last ? `: ${last.message}` : ''}`);
    await sleep(20);
  }
}

/** A throw-away engine (tests/lab). Two checkouts, or test and screenshots, do not share one. */
export class Lab {
  constructor(name) {
    const sum = createHash('sha256').update(root + name).digest('hex').slice(0, 8);
    this.dir = path.join('/tmp', `skep-lab-${sum}`);
    this.socket = path.join(this.dir, 'docker.sock');
    this.gateway = '172.17.0.1';
    this.env = { ...process.env, SKEP_LAB: this.dir, DOCKER_HOST: `unix://${this.socket}` };
  }

  /** Why this machine cannot run it, or undefined. */
  missing() {
    const p = spawnSync('bash', [labScript, 'check'], { env: this.env, encoding: 'utf8' });
    return p.status === 0 ? undefined : p.stdout.trim() || p.error?.message || 'the lab cannot run';
  }

  run(...args) {
    // its engine must not keep our pipes open
    execFileSync('bash', [labScript, ...args], { env: this.env, stdio: ['ignore', 'ignore', 'inherit'] });
  }

  up() {
    this.run('down');
    this.run('up');
    this.run('image', 'base');
    this.run('image', 'tools');
  }

  down() {
    this.run('down');
  }

  /** docker ARGS…: its exit status and what it printed. */
  docker(...args) {
    return new Promise((done) => {
      execFile('docker', args, { env: this.env }, (e, stdout, stderr) =>
        done({ code: e ? (e.code ?? 1) : 0, out: stdout.trim(), err: stderr.trim() }),
      );
    });
  }
}

export function freePort() {
  return new Promise((done, fail) => {
    const s = net.createServer();
    s.on('error', fail);
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => done(port));
    });
  });
}

/** One skep up, with its own data. */
export class Skep {
  constructor(docker, port, args = []) {
    this.data = mkdtempSync(path.join(tmpdir(), 'skep-e2e-'));
    this.docker = docker;
    this.port = port;
    this.args = args;
    this.url = `https://127.0.0.1:${port}`;
    this.out = '';
    this.err = '';
  }

  async start() {
    this.out = '';
    this.exit = undefined;
    this.child = spawn(
      skepPath,
      ['up', '--data', this.data, '--listen', `127.0.0.1:${this.port}`, '--docker', this.docker, ...this.args],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, DOCKER_HOST: '' } },
    );
    this.child.stdout.on('data', (d) => (this.out += d));
    this.child.stderr.on('data', (d) => (this.err += d));
    this.gone = new Promise((done) =>
      this.child.on('exit', (code, signal) => {
        this.exit = { code, signal };
        done(this.exit);
      }),
    );
    await until('skep prints where its console is', 15000, () => {
      if (this.exit) throw new Error(`skep ended with ${this.exit.code ?? this.exit.signal}: ${this.err}`);
      return /^Ctrl-C stops$/m.test(this.out) || /^console .*\n(.*\n)+/m.test(this.out);
    });
    this.ca = readFileSync(path.join(this.data, 'tls/ca.pem'));
    this.agent?.destroy();
    this.agent = new https.Agent({ ca: this.ca, keepAlive: true });
  }

  /** Sends a signal and waits for the end. */
  async stop(signal) {
    this.child.kill(signal);
    const end = await Promise.race([this.gone, sleep(10000)]);
    if (!end) {
      this.child.kill('SIGKILL');
      throw new Error(`skep did not end within 10 s of ${signal}`);
    }
    return end;
  }

  get firstLink() {
    return this.out.match(/^sign in once with {2}(\S+)$/m)?.[1];
  }

  /** One request; the token of this.signIn is sent. */
  request(method, route, body, headers = {}) {
    return new Promise((done, fail) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const r = https.request(
        this.url + route,
        {
          method,
          agent: this.agent,
          headers: {
            ...(text && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
            ...(this.token && { authorization: `Bearer ${this.token}` }),
            ...headers,
          },
        },
        (res) => {
          let got = '';
          res.setEncoding('utf8');
          res.on('data', (d) => (got += d));
          res.on('end', () => {
            let json;
            try {
              json = JSON.parse(got);
            } catch {
              // not every answer is JSON
            }
            done({ status: res.statusCode, headers: res.headers, text: got, json });
          });
        },
      );
      r.on('error', fail);
      r.end(text);
    });
  }

  async get(route) {
    const r = await this.request('GET', `/api/v1${route}`);
    if (r.status !== 200) throw new Error(`GET ${route}: ${r.status} ${r.text}`);
    return r.json;
  }

  /** Signs in by password and makes an API token, which later requests use. */
  async signIn(user, password) {
    const s = await this.request('POST', '/api/v1/session', { user, password });
    if (s.status !== 200) throw new Error(`sign-in: ${s.status} ${s.text}`);
    const cookie = s.headers['set-cookie'][0].split(';')[0];
    const t = await this.request('POST', '/api/v1/tokens', { name: 'e2e', role: 'admin' },
      { cookie, 'x-csrf-token': s.json.csrf });
    if (t.status < 200 || t.status > 201) throw new Error(`token: ${t.status} ${t.text}`);
    this.token = t.json.token;
  }

  alerts(filter) {
    return this.get(`/alerts?filter=${encodeURIComponent(filter)}`).then((r) => r.items);
  }

  /** skep ARGS… --data of this one. */
  cli(...args) {
    const p = spawnSync(skepPath, [...args, '--data', this.data], { encoding: 'utf8', timeout: 15000 });
    return { code: p.status, out: p.stdout, err: p.stderr };
  }

  remove() {
    this.agent?.destroy();
    rmSync(this.data, { recursive: true, force: true });
  }
}

/** The way to the browser, or undefined. */
export function chromiumPath() {
  for (const name of [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome']) {
    if (!name) continue;
    const p = spawnSync('sh', ['-c', `command -v "$1"`, 'sh', name], { encoding: 'utf8' });
    const found = p.stdout.trim();
    if (p.status === 0 && existsSync(found)) return found;
  }
  return undefined;
}

export async function openBrowser() {
  const { chromium } = await import('playwright-core');
  return chromium.launch({
    executablePath: chromiumPath(),
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--force-color-profile=srgb'],
  });
}

export const byTestId = (page, id) => page.locator(`[data-testid="${id}"]`);

/** Sets the first password through the link that skep printed; the page is signed in afterwards. */
export async function firstSignIn(page, skep, password) {
  await page.goto(skep.firstLink);
  await byTestId(page, 'first-password').fill(password);
  await byTestId(page, 'first-submit').click();
  await byTestId(page, 'nav-overview').waitFor({ timeout: 10000 });
}
