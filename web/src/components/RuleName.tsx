import type { ReactNode } from 'react';
import { createContext, useContext, useMemo } from 'react';
import type { Rules } from '../api/schema';
import { useGet } from '../api/use';
import { useI18n } from '../i18n';
import { Line } from './bits';

const Titles = createContext<ReadonlyMap<string, string>>(new Map());

/** Alerts name their rule in English; its Chinese title comes from the rules in use. */
export function RuleTitles({ children }: { children: ReactNode }) {
  const { lang } = useI18n();
  const rules = useGet<Rules>(lang === 'zh' ? '/rules' : undefined);
  const titles = useMemo(() => {
    const all = new Map<string, string>();
    for (const r of rules.data?.items ?? []) if (r.title_zh) all.set(r.name, r.title_zh);
    return all;
  }, [rules.data]);
  return <Titles.Provider value={titles}>{children}</Titles.Provider>;
}

export function RuleName({ name }: { name?: string }) {
  const titles = useContext(Titles);
  return <Line value={(name && titles.get(name)) ?? name} />;
}
