// The whole console in a test: over the mock API, with a source of live events that the test feeds.
import { act, render } from '@testing-library/react';
import { afterEach, beforeEach, vi } from 'vitest';
// @ts-expect-error plain JavaScript, for development only
import { createMock } from '../dev/mock.mjs';
import { live } from '../src/api/live';
import { App } from '../src/app';

type Mock = ReturnType<typeof createMock>;
export let mock: Mock;
let base: string;

/** Hears what the mock emits, as a browser would. */
export class Source extends EventTarget {
  static CLOSED = 2;
  static all: Source[] = [];
  readyState = 1;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  constructor(readonly url: string) {
    super();
    Source.all.push(this);
    setTimeout(() => this.onopen?.());
  }
  close() {
    this.readyState = 2;
  }
}
export const emit = (kind: string, data: unknown) =>
  act(async () => {
    for (const s of Source.all)
      if (s.readyState === 1)
        s.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data) }));
    await new Promise((r) => setTimeout(r, 300));
  });

export async function start(path: string, options: Record<string, unknown> = {}) {
  mock = createMock({ signedIn: true, ...options });
  base = `http://127.0.0.1:${await mock.listen()}`;
  window.history.replaceState(null, '', path);
  render(<App />);
}

beforeEach(() => {
  localStorage.clear();
  localStorage.setItem('skep.lang', '"en"');
  Source.all = [];
  const real = globalThis.fetch;
  vi.stubGlobal('EventSource', Source);
  vi.stubGlobal('fetch', (path: string, init: RequestInit) =>
    // the signal is of another realm than the fetch of Node
    real(base + path, { ...init, signal: undefined }),
  );
});

afterEach(async () => {
  live.stop();
  vi.unstubAllGlobals();
  await mock.close();
});
