import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError, get } from './client';

export interface Loaded<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  reload: () => void;
  set: (data: T) => void;
}

export const asApiError = (e: unknown): ApiError =>
  e instanceof ApiError ? e : new ApiError(0, 'unknown', String(e));

/** Loads one path, again when it changes; what was shown stays until the new answer is there. */
export function useGet<T>(path: string | undefined): Loaded<T> {
  const [state, setState] = useState<{ path?: string; data?: T; error?: ApiError }>({});
  const [busy, setBusy] = useState(false);
  const running = useRef<AbortController | undefined>(undefined);

  const run = useCallback(() => {
    running.current?.abort();
    if (!path) return;
    const ctl = new AbortController();
    running.current = ctl;
    setBusy(true);
    get<T>(path, ctl.signal)
      .then((data) => setState({ path, data }))
      .catch((e) => {
        if (ctl.signal.aborted) return;
        setState((s) => ({
          path,
          data: s.path === path ? s.data : undefined,
          error: asApiError(e),
        }));
      })
      .finally(() => {
        if (running.current === ctl) setBusy(false);
      });
  }, [path]);

  useEffect(() => {
    run();
    return () => running.current?.abort();
  }, [run]);

  const fresh = state.path === path;
  return {
    data: fresh ? state.data : undefined,
    error: fresh ? state.error : undefined,
    loading: busy || !fresh,
    reload: run,
    set: useCallback((data: T) => setState({ path, data }), [path]),
  };
}

/** Calls fn at most once each ms, the last call always made. */
export function useThrottled(fn: () => void, ms: number): () => void {
  const latest = useRef(fn);
  latest.current = fn;
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const last = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    if (timer.current !== undefined) return;
    const wait = Math.max(0, last.current + ms - Date.now());
    timer.current = setTimeout(() => {
      timer.current = undefined;
      last.current = Date.now();
      latest.current();
    }, wait);
  }, [ms]);
}
