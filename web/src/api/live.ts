// One EventSource for the whole console. Who wants to hear of a kind subscribes; objects come in
// batches, four a second, so that a busy host does not keep the browser painting.
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { get } from './client';

export type LiveState = 'off' | 'connecting' | 'live' | 'reconnecting';
export interface LiveItem {
  kind: string;
  data: Record<string, unknown>;
  removed: boolean;
}
interface Subscriber {
  kinds: readonly string[];
  onBatch: (items: LiveItem[]) => void;
  onReset: () => void;
}

const always = ['alert', 'container', 'image', 'host', 'agent'];
const plural: Record<string, string> = { process: 'processes', evidence: 'evidence' };
const BATCH_MS = 250;
const QUEUE_MAX = 5000;

class Live {
  private source: EventSource | undefined;
  private kinds = '';
  private subs = new Set<Subscriber>();
  private watchers = new Set<() => void>();
  private queue: LiveItem[] = [];
  private flushTimer: ReturnType<typeof setTimeout> | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private regroupTimer: ReturnType<typeof setTimeout> | undefined;
  private tries = 0;
  private wanted = false;
  private wasOpen = false;
  state: LiveState = 'off';

  start(): void {
    this.wanted = true;
    this.regroup();
  }

  stop(): void {
    this.wanted = false;
    this.close();
    clearTimeout(this.retryTimer);
    this.wasOpen = false;
    this.setState('off');
  }

  subscribe(s: Subscriber): () => void {
    this.subs.add(s);
    this.regroupSoon();
    return () => {
      this.subs.delete(s);
      this.regroupSoon();
    };
  }

  watch = (fn: () => void): (() => void) => {
    this.watchers.add(fn);
    return () => this.watchers.delete(fn);
  };

  private setState(s: LiveState): void {
    if (s === this.state) return;
    this.state = s;
    for (const fn of this.watchers) fn();
  }

  private close(): void {
    this.source?.close();
    this.source = undefined;
  }

  private regroupSoon(): void {
    clearTimeout(this.regroupTimer);
    this.regroupTimer = setTimeout(() => this.regroup(), 80);
  }

  private regroup(): void {
    if (!this.wanted) return;
    const all = new Set(always);
    for (const s of this.subs) for (const k of s.kinds) all.add(k);
    const kinds = [...all]
      .sort()
      .map((k) => plural[k] ?? `${k}s`)
      .join(',');
    if (this.source && kinds === this.kinds) return;
    this.kinds = kinds;
    this.open([...all]);
  }

  private open(kinds: string[]): void {
    this.close();
    clearTimeout(this.retryTimer);
    this.setState(this.wasOpen ? 'reconnecting' : 'connecting');
    const es = new EventSource(`/api/v1/live?kinds=${this.kinds}`);
    this.source = es;
    let opened = false;
    es.onopen = () => {
      this.tries = 0;
      // a new source starts at now: what came in between is fetched by whoever shows it
      if (!opened && this.wasOpen) this.reset();
      opened = true;
      this.wasOpen = true;
      this.setState('live');
    };
    es.onerror = () => {
      if (this.source !== es) return;
      this.setState('reconnecting');
      if (es.readyState === EventSource.CLOSED) this.retry(kinds);
    };
    es.addEventListener('reset', () => this.reset());
    for (const kind of kinds) {
      es.addEventListener(kind, (e) => this.take(kind, false, e));
      es.addEventListener(`${kind}.removed`, (e) => this.take(kind, true, e));
    }
  }

  private retry(kinds: string[]): void {
    this.close();
    const wait = Math.min(30000, 1000 * 2 ** this.tries++);
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => {
      if (!this.wanted) return;
      // tells a session that is over (which signs out) from a console that is away
      get('/overview')
        .catch(() => undefined)
        .finally(() => {
          if (this.wanted && !this.source) this.open(kinds);
        });
    }, wait);
  }

  private reset(): void {
    this.queue = [];
    for (const s of this.subs) s.onReset();
  }

  private take(kind: string, removed: boolean, e: MessageEvent<string>): void {
    let data: unknown;
    try {
      data = JSON.parse(e.data);
    } catch {
      return;
    }
    if (typeof data !== 'object' || data === null) return;
    this.queue.push({ kind, data: data as Record<string, unknown>, removed });
    if (this.queue.length > QUEUE_MAX) this.queue.splice(0, this.queue.length - QUEUE_MAX);
    this.flushTimer ??= setTimeout(() => this.flush(), BATCH_MS);
  }

  private flush(): void {
    this.flushTimer = undefined;
    const items = this.queue;
    this.queue = [];
    for (const s of this.subs) {
      const mine = items.filter((i) => s.kinds.includes(i.kind));
      if (mine.length) s.onBatch(mine);
    }
  }
}

export const live = new Live();

export function useLiveState(): LiveState {
  return useSyncExternalStore(live.watch, () => live.state);
}

export function useLive(
  kinds: readonly string[],
  onBatch: (items: LiveItem[]) => void,
  onReset: () => void,
): void {
  const latest = useRef({ onBatch, onReset });
  latest.current = { onBatch, onReset };
  const key = kinds.join(',');
  useEffect(() => {
    if (!key) return;
    return live.subscribe({
      kinds: key.split(','),
      onBatch: (items) => latest.current.onBatch(items),
      onReset: () => latest.current.onReset(),
    });
  }, [key]);
}
