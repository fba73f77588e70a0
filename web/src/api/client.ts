export interface Page<T> {
  items: T[];
  next?: string;
  total?: number;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

const base = '/api/v1';
let csrf: string | undefined;
let onSignedOut: (() => void) | undefined;

export function setCsrf(token: string | undefined): void {
  csrf = token;
}

/** Called when an answer says that the session is over. */
export function setSignedOut(fn: (() => void) | undefined): void {
  onSignedOut = fn;
}

function errorOf(status: number, body: unknown): ApiError {
  const e = (body as { error?: { code?: string; message?: string; hint?: string } } | null)?.error;
  return new ApiError(status, e?.code ?? `http_${status}`, e?.message ?? `HTTP ${status}`, e?.hint);
}

export async function call<T>(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET' && csrf) headers['X-CSRF-Token'] = csrf;
  let res: Response;
  try {
    res = await fetch(base + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
      cache: 'no-store',
      signal,
    });
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e;
    throw new ApiError(0, 'unreachable', '');
  }
  const text = await res.text();
  let data: unknown = null;
  if (text) {
    try {
      data = JSON.parse(text);
    } catch {
      if (res.ok) throw new ApiError(res.status, 'bad_answer', text.slice(0, 200));
    }
  }
  if (!res.ok) {
    if (res.status === 401 && !path.startsWith('/session')) onSignedOut?.();
    throw errorOf(res.status, data);
  }
  return data as T;
}

export const get = <T>(path: string, signal?: AbortSignal) =>
  call<T>('GET', path, undefined, signal);

/** What is no JSON: text that is asked for, or given to be read by the console. */
export async function callText(
  method: 'GET' | 'POST',
  path: string,
  body?: string,
): Promise<string> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['Content-Type'] = 'text/plain; charset=utf-8';
  if (method !== 'GET' && csrf) headers['X-CSRF-Token'] = csrf;
  let res: Response;
  try {
    res = await fetch(base + path, {
      method,
      headers,
      body,
      credentials: 'same-origin',
      cache: 'no-store',
    });
  } catch {
    throw new ApiError(0, 'unreachable', '');
  }
  const text = await res.text();
  if (res.ok) return text;
  if (res.status === 401) onSignedOut?.();
  let data: unknown = null;
  try {
    data = JSON.parse(text);
  } catch {
    // an error without a body of ours: its number says what there is to say
  }
  throw errorOf(res.status, data);
}

export const fileHref = (path: string) => base + path;

export interface ListQuery {
  filter?: string;
  sort?: string;
  limit?: number;
  cursor?: string;
}

export function listPath(plural: string, q: ListQuery, suffix = ''): string {
  const p = new URLSearchParams();
  if (q.filter) p.set('filter', q.filter);
  if (q.sort) p.set('sort', q.sort);
  if (q.limit) p.set('limit', String(q.limit));
  if (q.cursor) p.set('cursor', q.cursor);
  const s = p.toString();
  return `/${plural}${suffix}${s ? `?${s}` : ''}`;
}

export const csvHref = (plural: string, q: ListQuery) => base + listPath(plural, q, '.csv');
export const openapiHref = `${base}/openapi.json`;

export const objectPath = (plural: string, id: string) => `/${plural}/${encodeURIComponent(id)}`;
