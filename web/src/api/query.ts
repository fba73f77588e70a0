// A question to the flight recorder of a host: asked as an action, answered in pieces.
import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError, call, get, listPath, objectPath, type Page } from './client';
import type { Action, Alert, Event, Slice } from './schema';
import { asApiError } from './use';

export interface RecordFacts {
  events_read: number;
  blocks_read: number;
  blocks_skipped: number;
  damaged: number;
  not_recorded: number;
  lost: number;
}
/** What the last piece says of the whole (cmd/query_read.c). */
export interface Summary {
  events: number;
  first?: string;
  last?: string;
  not_watched?: string;
  given?: number;
  truncated?: boolean;
  left_out?: number;
  record: RecordFacts;
  gaps: { from: string; to: string; events: number }[];
  // when rules were tried
  rules?: number;
  alerts_total?: number;
  items?: {
    rule: string;
    priority: string;
    alerts: number;
    times: number;
    first: string;
    last: string;
  }[];
  alerts?: Alert[];
}
export interface Question {
  container_id?: string;
  host_id?: string;
  reason: string;
  params: string[];
}
export interface Answer {
  phase: 'idle' | 'asked' | 'reading' | 'done' | 'failed';
  progress?: string;
  events: Event[];
  summary?: Summary;
  error?: ApiError;
}

const POLL_MS = 400;
const PIECES = 4;
const none: Answer = { phase: 'idle', events: [] };

function summaryOf(s: Slice): Summary | undefined {
  try {
    return s.summary ? (JSON.parse(s.summary) as Summary) : undefined;
  } catch {
    return undefined;
  }
}

const wait = (ms: number, signal: AbortSignal) =>
  new Promise<void>((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      done();
    });
  });

async function follow(id: string, set: (a: Answer) => void, signal: AbortSignal): Promise<void> {
  const answer: Answer = { phase: 'asked', events: [] };
  let part = 0;
  let last = false;
  while (!signal.aborted) {
    const act = await get<Action>(objectPath('actions', id), signal);
    if (act.state === 'failed' || act.state === 'refused')
      throw new ApiError(409, act.state, act.error ?? '');
    if (act.state === 'running') answer.phase = 'reading';
    answer.progress = act.state === 'running' ? act.result : undefined;
    for (;;) {
      const filter = `action_id = "${id}" and part >= ${part}`;
      const page = await get<Page<Slice>>(
        listPath('slices', { filter, sort: 'part', limit: PIECES }),
        signal,
      );
      for (const s of page.items) {
        if (s.part !== part) break;
        part++;
        if (s.items?.length) answer.events = answer.events.concat(s.items);
        answer.summary = summaryOf(s) ?? answer.summary;
        last ||= s.last;
      }
      if (page.items.length < PIECES || last) break;
    }
    if (last && act.state === 'done') {
      set({ ...answer, phase: 'done', progress: undefined });
      return;
    }
    set({ ...answer });
    await wait(POLL_MS, signal);
  }
}

/** One question at a time; a new one, or leaving the page, withdraws the one before. */
export function useQuestion() {
  const [answer, setAnswer] = useState<Answer>(none);
  const running = useRef<{ ctl: AbortController; id?: string } | undefined>(undefined);

  const cancel = useCallback(() => {
    const r = running.current;
    running.current = undefined;
    if (!r) return;
    r.ctl.abort();
    if (r.id) call('DELETE', objectPath('actions', r.id)).catch(() => undefined);
  }, []);
  useEffect(() => cancel, [cancel]);

  const ask = useCallback(
    (q: Question) => {
      cancel();
      const r: { ctl: AbortController; id?: string } = { ctl: new AbortController() };
      running.current = r;
      const set = (a: Answer) => {
        if (running.current === r) setAnswer(a);
      };
      setAnswer({ phase: 'asked', events: [] });
      call<Action>('POST', '/actions', { kind: 'record_query', ...q })
        .then((act) => {
          r.id = act.id;
          if (!r.ctl.signal.aborted) return follow(act.id, set, r.ctl.signal);
          return call('DELETE', objectPath('actions', act.id)).then(() => undefined);
        })
        .catch((e) => {
          if (!r.ctl.signal.aborted) set({ phase: 'failed', events: [], error: asApiError(e) });
        })
        .finally(() => {
          if (running.current === r) running.current = undefined;
        });
    },
    [cancel],
  );
  const stop = useCallback(() => {
    cancel();
    setAnswer(none);
  }, [cancel]);
  return { answer, ask, stop };
}
