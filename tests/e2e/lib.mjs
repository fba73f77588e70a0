// SPDX-License-Identifier: Apache-2.0
// What the end-to-end tests share: the lab's engine, a running skep, the API, a browser.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
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

// Why the kernel cannot be watched here, or null.
export function blind() {
  if (process.getuid() !== 0) return 'needs root for kernel events';
  if (!existsSync('/sys/kernel/btf/vmlinux')) return 'this kernel has no BTF, so no BPF';
  return null;
}

// Why the tests cannot run here, or null.
export function missing() {
  const why = blind();
  if (why) return why;
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

// One skep process on a data directory of its own; ready: what it prints when it is up.
export class Program {
  constructor(data) {
    this.own = data === undefined;
    this.data = data ?? mkdtempSync(join(tmpdir(), 'skep-e2e-data-'));
    this.out = '';
  }
  async spawn(args, ready) {
    this.out = '';
    const [file, ...before] = [...(this.within ?? []), skepFile]; // within: a program that runs it
    this.child = spawn(file, [...before, ...args, '--data', this.data]);
    this.child.stdout.on('data', (d) => (this.out += d));
    this.child.stderr.on('data', (d) => (this.out += d));
    this.ended = new Promise((done) => this.child.once('exit', (code) => done(code)));
    const how = () => this.child.exitCode ?? this.child.signalCode; // null while it runs
    await until(() => ready.test(this.out) || how() !== null, 15000, () => this.out);
    if (how() !== null) throw new Error(`skep ${args[0]} ended with ${how()}: ${this.out}`);
  }
  async stop(signal = 'SIGINT') {
    this.child?.kill(signal);
    return this.ended;
  }
  remove() {
    if (this.own) rmSync(this.data, { recursive: true, force: true });
  }
  async cli(...args) {
    return (await run(skepFile, [...args, '--data', this.data], { maxBuffer: 1 << 24 })).stdout;
  }
}

// A console: what answers the API.
export class Console extends Program {
  async console(args, ready) {
    await this.spawn(args, ready);
    this.url = /console {2}(https:\S+)\//.exec(this.out)[1];
    this.first = /sign in once with {2}(\S+)/.exec(this.out)?.[1] ?? null;
    const local = JSON.parse(readFileSync(join(this.data, 'console.json'), 'utf8'));
    this.token = local.token;
    this.ca = readFileSync(join(this.data, 'tls/ca.pem'));
  }
  // A call of the API; the certificate is checked against skep's own CA.
  call(method, path, body) {
    return new Promise((done, fail) => {
      const headers = { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json' };
      const req = https.request(this.url + path, { method, ca: this.ca, headers }, (res) => {
        let text = '';
        res.on('data', (d) => (text += d));
        res.on('end', () => done({ status: res.statusCode, body: text ? JSON.parse(text) : null }));
      });
      req.on('error', fail);
      req.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
  get(path) {
    return this.call('GET', path);
  }
  async list(kind, filter) {
    const answer = await this.get(`/api/v1/${kind}?limit=500${filter ? `&filter=${encodeURIComponent(filter)}` : ''}`);
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    return answer.body.items;
  }
}

// skep up
export class Skep extends Console {
  constructor(socket, extra = [], data = undefined) {
    super(data);
    this.socket = socket;
    this.extra = extra;
  }
  start() {
    return this.console(['up', '--listen', '127.0.0.1:0', '--docker', this.socket, ...this.extra], /Ctrl-C stops/);
  }
}

// A rule file with one rule: a file whose path begins so was opened.
export const markerRule = (prefix) => `- rule: Marker opened
  desc: A file that the test makes was opened
  condition: evt.type in (open, openat) and fd.name startswith ${prefix}
  output: Marker opened (file=%fd.name)
  priority: NOTICE
`;

// Makes the file marker-NAME, by a program called NAME: alerts of one program alike are folded.
export function touch(file) {
  const program = file.replace(/marker-/, '');
  if (!existsSync(program)) symlinkSync('/bin/sh', program);
  execFileSync(program, ['-c', 'echo x > "$1"', 'sh', file]);
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
