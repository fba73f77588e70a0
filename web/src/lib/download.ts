// A file that may have to be fetched from its host first: 202 until it is here.
import { ApiError } from '../api/client';

/** The bytes, or undefined while they are on their way. */
export async function answerOf(href: string, signal: AbortSignal): Promise<Blob | undefined> {
  let res: Response;
  try {
    res = await fetch(href, { credentials: 'same-origin', cache: 'no-store', signal });
  } catch (e) {
    if (signal.aborted) throw e;
    throw new ApiError(0, 'unreachable', '');
  }
  if (res.status === 202) return undefined;
  if (res.ok) return res.blob();
  const body = (await res.json().catch(() => null)) as {
    error?: { code?: string; message?: string; hint?: string };
  } | null;
  const e = body?.error;
  throw new ApiError(
    res.status,
    e?.code ?? `http_${res.status}`,
    e?.message ?? `HTTP ${res.status}`,
    e?.hint,
  );
}
