import { useEffect, useState } from 'react';
import { get, listPath, type Page } from '../api/client';
import type { Container } from '../api/schema';
import { quote } from '../lib/text';

const MAX = 50;

/** The containers of these ids, as far as the console still knows them. */
export function useContainers(ids: readonly string[] | undefined): Container[] | undefined {
  const [found, setFound] = useState<Container[]>();
  const key = ids?.slice(0, MAX).join() ?? '';
  useEffect(() => {
    if (!key) return setFound([]);
    const ctl = new AbortController();
    const filter = `id in (${key.split(',').map(quote).join(', ')})`;
    get<Page<Container>>(listPath('containers', { filter, limit: MAX }), ctl.signal)
      .then((page) => setFound(page.items))
      .catch(() => undefined); // their names are a help, no more
    return () => ctl.abort();
  }, [key]);
  return found;
}
