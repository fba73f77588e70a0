// SPDX-License-Identifier: Apache-2.0
// What the end-to-end tests share: the lab's engine, a running skep, the API, a browser.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, '../..');
export const skepFile = process.env.SKEP ?? join(root, 'build/release/skep');
const run = promisify(execFile);
const labScript = join(root, 'tests/lab/lab.sh');

export const PASSWORD = 'correct horse battery';
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Why the tests cannot run here, or null.
export function missing() {
  if (process.getuid() !== 0) return 'needs root for kernel events';
  if (!existsSync('/sys/kernel/btf/vmlinux')) return 'this kernel has no BTF, so no BPF';
  try {
    execFileSync('bash', [labScript, 'check'], { stdio: 'pipe' });
  } catch (e) {
    return `no Docker engine can run here: ${String(e.stdout) || String(e.stderr)}`.trim();
  }
  return null;
}

export function chromium() {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome'])
    for (const dir of (process.env.PATH ?? '').split(':')) if (existsSync(join(dir, name))) return join(dir, name);
  return null;
}

// The lab: a Docker engine of its own with the images of the tests.
export class Lab {
  constructor() {
    this.dir = process.env.SKEP_LAB ?? mkdtempSync(join(tmpdir(), 'skep-e2e-lab-'));
    this.env = { ...process.env, SKEP_LAB: this.dir };
  }
  async lab(...args) {
    return (await run('bash', [labScript, ...args], { env: this.env, maxBuffer: 1 << 24 })).stdout;
  }
  async up() {
    await this.lab('up');
    await this.lab('image', 'base');
    const env = await this.lab('env');
    const host = /DOCKER_HOST=(\S+)/.exec(env)[1];
    this.env.DOCKER_HOST = host;
    this.socket = host.replace('unix://', '');
  }
  async docker(...args) {
    return (await run('docker', args, { env: this.env })).stdout.trim();
  }
  async down() {
    await this.lab('down').catch(() => {});
  }
}

// One skep on a data directory of its own.
export class Skep {
  constructor(socket, extra = []) {
    this.data = mkdtempSync(join(tmpdir(), 'skep-e2e-data-'));
    this.socket = socket;
    this.extra = extra;
    this.out = '';
  }
  async start() {
    this.out = '';
    this.child = spawn(skepFile, ['up', '--data', this.data, '--listen', '127.0.0.1:0', '--docker', this.socket, ...this.extra]);
    this.child.stdout.on('data', (d) => (this.out += d));
    this.child.stderr.on('data', (d) => (this.out += d));
    const ended = new Promise((done) => this.child.once('exit', (code) => done(code)));
    this.ended = ended;
    await until(() => /Ctrl-C stops/.test(this.out) || this.child.exitCode !== null, 15000, () => this.out);
    if (this.child.exitCode !== null) throw new Error(`skep up ended with ${this.child.exitCode}: ${this.out}`);
    this.url = /console {2}(https:\S+)\//.exec(this.out)[1];
    this.first = /sign in once with {2}(\S+)/.exec(this.out)?.[1] ?? null;
    const local = JSON.parse(readFileSync(join(this.data, 'console.json'), 'utf8'));
    this.token = local.token;
    this.ca = readFileSync(join(this.data, 'tls/ca.pem'));
  }
  async stop(signal = 'SIGINT') {
    this.child.kill(signal);
    return this.ended;
  }
  remove() {
    rmSync(this.data, { recursive: true, force: true });
  }
  // GET of the API; the certificate is checked against skep's own CA.
  get(path) {
    return new Promise((done, fail) => {
      const req = https.get(this.url + path, { ca: this.ca, headers: { Authorization: `Bearer ${this.token}` } }, (res) => {
        let text = '';
        res.on('data', (d) => (text += d));
        res.on('end', () => done({ status: res.statusCode, body: text ? JSON.parse(text) : null }));
      });
      req.on('error', fail);
    });
  }
  async list(kind, filter) {
    const answer = await this.get(`/api/v1/${kind}?limit=500${filter ? `&filter=${encodeURIComponent(filter)}` : ''}`);
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    return answer.body.items;
  }
  async cli(...args) {
    return (await run(skepFile, [...args, '--data', this.data], { maxBuffer: 1 << 24 })).stdout;
  }
}

// Polls until fn gives something; throws with what said() knows when time is up.
export async function until(fn, ms, said = () => '') {
  const end = Date.now() + ms;
  for (;;) {
    const got = await fn();
    if (got) return got;
    if (Date.now() > end) throw new Error(`not within ${ms} ms. ${said()}`);
    await sleep(25);
  }
}

export async function browser() {
  const { chromium: engine } = await import('playwright-core');
  return engine.launch({
    executablePath: chromium(),
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

// Signs in through the one-time link and gives the page.
export async function firstSignIn(b, skep, options = {}) {
  const context = await b.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 }, locale: 'en-US', ...options });
  const page = await context.newPage();
  await page.goto(skep.first);
  await page.getByTestId('first-password').fill(PASSWORD);
  const again = page.locator('input[type=password]');
  for (let i = 1; i < (await again.count()); i++) await again.nth(i).fill(PASSWORD);
  await page.getByTestId('first-submit').click();
  await page.getByTestId('nav-alerts').waitFor({ timeout: 15000 });
  return page;
}
