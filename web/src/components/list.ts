// What a list shows: one page by cursor, kept up to date by live events without ever jumping while
// someone reads. Objects already shown are replaced in place. New ones go in on top when the list
// stands at its top; else they are counted and wait.
import { useCallback, useEffect, useReducer, useRef } from 'react';
import { type ApiError, get, type ListQuery, listPath, type Page } from '../api/client';
import { type LiveItem, useLive } from '../api/live';
import type { KindName } from '../api/schema';
import { kindInfo } from '../api/schema';
import { asApiError, useThrottled } from '../api/use';

export interface Row {
  id: string;
}

export interface ListState<T extends Row> {
  items: T[];
  pending: T[]; // newer than items, waiting to be shown; newest first
  fresh: ReadonlySet<string>; // ids that came in live, for a short highlight
  next?: string;
  total?: number;
  loaded: boolean;
  loading: boolean;
  error?: ApiError;
}

export type ListAction<T extends Row> =
  | { do: 'load' }
  | { do: 'page'; page: Page<T> }
  | { do: 'fail'; error: ApiError }
  | { do: 'clear' }
  | { do: 'changed'; items: T[]; removed: string[] }
  | { do: 'new'; items: T[]; show: boolean; limit: number }
  | { do: 'show'; limit: number };

export const emptyList = <T extends Row>(): ListState<T> => ({
  items: [],
  pending: [],
  fresh: new Set(),
  loaded: false,
  loading: true,
});

export function reduceList<T extends Row>(s: ListState<T>, a: ListAction<T>): ListState<T> {
  switch (a.do) {
    case 'load':
      return { ...s, loading: true };
    case 'clear':
      return emptyList();
    case 'page':
      return {
        items: a.page.items,
        pending: [],
        fresh: s.fresh,
        next: a.page.next,
        total: a.page.total,
        loaded: true,
        loading: false,
      };
    case 'fail':
      return { ...s, loading: false, error: a.error };
    case 'changed': {
      const byId = new Map(a.items.map((i) => [i.id, i]));
      const gone = new Set(a.removed);
      const swap = (list: T[]) =>
        list.filter((i) => !gone.has(i.id)).map((i) => byId.get(i.id) ?? i);
      const items = swap(s.items);
      const lost = s.items.length - items.length;
      return {
        ...s,
        items,
        pending: swap(s.pending),
        total: s.total === undefined ? undefined : Math.max(0, s.total - lost),
      };
    }
    case 'new': {
      const known = new Set([...s.items, ...s.pending].map((i) => i.id));
      const added = a.items.filter((i) => !known.has(i.id));
      if (!added.length) return s;
      const total = s.total === undefined ? undefined : s.total + added.length;
      const pending = [...added, ...s.pending].slice(0, 1000);
      if (!a.show) return { ...s, pending, total };
      return {
        ...s,
        items: [...pending, ...s.items].slice(0, a.limit),
        pending: [],
        fresh: new Set(added.map((i) => i.id)),
        total,
      };
    }
    case 'show':
      return {
        ...s,
        items: [...s.pending, ...s.items].slice(0, a.limit),
        fresh: new Set(s.pending.map((i) => i.id)),
        pending: [],
      };
  }
}

export const PAGE_SIZE = 50;
const atTop = () => window.scrollY < 60;

interface Options {
  filter: string;
  sort: string;
  /** the list is in the order in which new objects come: they belong on top */
  newestFirst: boolean;
  cursor?: string;
  /** something is open over the list: keep it still */
  hold: boolean;
  live: boolean;
}

export function useKindList<T extends Row>(kind: KindName, o: Options) {
  const [state, dispatch] = useReducer(reduceList<T>, undefined, emptyList<T>);
  const running = useRef<AbortController | undefined>(undefined);
  const items = useRef<ListState<T>>(state);
  items.current = state;
  const firstPage = !o.cursor;
  const still = useRef(o.hold);
  still.current = o.hold;

  const query: ListQuery = {
    filter: o.filter,
    sort: o.sort,
    limit: PAGE_SIZE,
    cursor: o.cursor,
  };
  const path = listPath(kindInfo[kind].plural, query);

  const load = useCallback(() => {
    running.current?.abort();
    const ctl = new AbortController();
    running.current = ctl;
    dispatch({ do: 'load' });
    get<Page<T>>(path, ctl.signal)
      .then((page) => dispatch({ do: 'page', page }))
      .catch((e) => {
        if (!ctl.signal.aborted) dispatch({ do: 'fail', error: asApiError(e) });
      });
  }, [path]);

  useEffect(() => {
    load();
    return () => running.current?.abort();
  }, [load]);

  // with a filter, only the console can say whether a new object belongs here: ask for the first page
  const ask = useThrottled(() => {
    get<Page<T>>(path)
      .then((page) => {
        if (atTop() && !still.current) return dispatch({ do: 'page', page });
        dispatch({ do: 'changed', items: page.items, removed: [] });
        dispatch({ do: 'new', items: page.items, show: false, limit: PAGE_SIZE });
      })
      .catch(() => undefined);
  }, 1000);

  const onBatch = (batch: LiveItem[]) => {
    const known = new Set([...items.current.items, ...items.current.pending].map((i) => i.id));
    const latest = new Map<string, LiveItem>();
    for (const i of batch) latest.set(String(i.data.id), i);
    const all = [...latest.values()];
    const row = (i: LiveItem) => i.data as unknown as T;
    const changed = all.filter((i) => known.has(String(i.data.id)));
    if (changed.length)
      dispatch({
        do: 'changed',
        items: changed.filter((i) => !i.removed).map(row),
        removed: changed.filter((i) => i.removed).map((i) => String(i.data.id)),
      });
    const added = all.filter((i) => !i.removed && !known.has(String(i.data.id)));
    if (!firstPage || (!added.length && !(o.filter && changed.length))) return;
    if (o.filter || !o.newestFirst) return ask();
    const newest = added.map(row).reverse();
    dispatch({ do: 'new', items: newest, show: atTop() && !still.current, limit: PAGE_SIZE });
  };
  useLive(o.live ? [kind] : [], onBatch, firstPage ? ask : () => undefined);

  return {
    ...state,
    query,
    reload: load,
    showPending: () => {
      window.scrollTo({ top: 0 });
      dispatch({ do: 'show', limit: PAGE_SIZE });
    },
  };
}
