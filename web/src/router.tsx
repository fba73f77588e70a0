import type { AnchorHTMLAttributes, MouseEvent, ReactNode } from 'react';
import { useCallback, useMemo, useSyncExternalStore } from 'react';

const listeners = new Set<() => void>();

function changed() {
  for (const fn of listeners) fn();
}

function subscribe(fn: () => void) {
  listeners.add(fn);
  window.addEventListener('popstate', fn);
  return () => {
    listeners.delete(fn);
    window.removeEventListener('popstate', fn);
  };
}

const here = () => window.location.pathname + window.location.search;

export function navigate(to: string, how: { replace?: boolean; keepScroll?: boolean } = {}): void {
  if (to === here()) return;
  if (how.replace) window.history.replaceState(null, '', to);
  else window.history.pushState(null, '', to);
  if (!how.replace && !how.keepScroll) window.scrollTo(0, 0);
  changed();
}

export function useLocation(): { path: string; query: URLSearchParams } {
  const at = useSyncExternalStore(subscribe, here);
  return useMemo(() => {
    const [path, search] = at.split('?', 2);
    return { path: path || '/', query: new URLSearchParams(search ?? '') };
  }, [at]);
}

/** Changes some query parameters of the present page; undefined or '' takes one away. */
export function useSetQuery() {
  return useCallback((changes: Record<string, string | undefined>) => {
    const q = new URLSearchParams(window.location.search);
    for (const [k, v] of Object.entries(changes)) {
      if (v) q.set(k, v);
      else q.delete(k);
    }
    const s = q.toString();
    navigate(window.location.pathname + (s ? `?${s}` : ''), { replace: true });
  }, []);
}

/** "/hosts/:id" against a path: the named parts, or undefined. */
export function match(pattern: string, path: string): Record<string, string> | undefined {
  const want = pattern.split('/');
  const have = path.replace(/\/+$/, '').split('/');
  if (want.length !== have.length) return undefined;
  const found: Record<string, string> = {};
  for (let i = 0; i < want.length; i++) {
    const w = want[i] ?? '';
    const h = have[i] ?? '';
    if (w.startsWith(':')) {
      if (!h) return undefined;
      try {
        found[w.slice(1)] = decodeURIComponent(h);
      } catch {
        return undefined;
      }
    } else if (w !== h) return undefined;
  }
  return found;
}

interface LinkProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href'> {
  to: string;
  keepScroll?: boolean;
  children?: ReactNode;
}

export function Link({ to, keepScroll, onClick, children, ...rest }: LinkProps) {
  const click = (e: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(e);
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey)
      return;
    e.preventDefault();
    e.stopPropagation();
    navigate(to, { keepScroll });
  };
  return (
    <a {...rest} href={to} onClick={click}>
      {children}
    </a>
  );
}

export const paths = {
  host: (id: string) => `/hosts/${encodeURIComponent(id)}`,
  container: (id: string) => `/containers/${encodeURIComponent(id)}`,
  alert: (id: string) => `/alerts/${encodeURIComponent(id)}`,
  incident: (id: string) => `/incidents/${encodeURIComponent(id)}`,
  technique: (id: string) => `/attack?technique=${encodeURIComponent(id)}`,
  evidence: (id: string) => `/evidence/${encodeURIComponent(id)}`,
  profile: (id: string) => `/profiles/${encodeURIComponent(id)}`,
  recorder: (container: string, around?: string) =>
    `/recorder?container=${encodeURIComponent(container)}${around ? `&around=${encodeURIComponent(around)}` : ''}`,
  rule: (name: string) => `/rules?rule=${encodeURIComponent(name)}`,
  alerts: (filter: string) => `/alerts?state=all&filter=${encodeURIComponent(filter)}`,
};
