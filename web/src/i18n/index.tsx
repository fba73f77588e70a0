import type { ReactNode } from 'react';
import { createContext, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import type { Lang } from '../lib/format';
import { load, save } from '../lib/storage';
import { en } from './en';
import { zh } from './zh';

export type Key = keyof typeof en;
export type Catalogue = Record<Key, string>;
export type Params = Record<string, string | number>;
export type Translate = (key: Key, params?: Params) => string;

export const catalogues: Record<Lang, Catalogue> = { en, zh };

const plurals: Record<Lang, Intl.PluralRules> = {
  en: new Intl.PluralRules('en'),
  zh: new Intl.PluralRules('zh'),
};

/** "{name}" is the parameter; "{n|alert|alerts}" chooses by the number n, which is put before it. */
export function fill(text: string, lang: Lang, params?: Params): string {
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (all, name: string, one, other) => {
    const v = params?.[name];
    if (v === undefined) return all;
    const shown = typeof v === 'number' ? new Intl.NumberFormat(lang).format(v) : v;
    if (one === undefined) return shown;
    return `${shown} ${plurals[lang].select(Number(v)) === 'one' ? one : other}`;
  });
}

interface I18n {
  lang: Lang;
  setLang: (l: Lang) => void;
  t: Translate;
  /** Translation of a key made at run time, or undefined when there is none. */
  maybe: (key: string) => string | undefined;
}

const Context = createContext<I18n | undefined>(undefined);

const isLang = (v: unknown): v is Lang => v === 'en' || v === 'zh';

function preferred(): Lang {
  const first = navigator.languages?.find((l) => /^(zh|en)\b/i.test(l)) ?? navigator.language;
  return /^zh/i.test(first ?? '') ? 'zh' : 'en';
}

export function I18nProvider({ children }: { children: ReactNode }) {
  const [lang, setState] = useState<Lang>(() => load('lang', preferred(), isLang));
  const setLang = useCallback((l: Lang) => {
    save('lang', l);
    setState(l);
  }, []);
  useEffect(() => {
    document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
  }, [lang]);
  const value = useMemo<I18n>(() => {
    const c = catalogues[lang];
    return {
      lang,
      setLang,
      t: (key, params) => fill(c[key], lang, params),
      maybe: (key) => (Object.hasOwn(c, key) ? c[key as Key] : undefined),
    };
  }, [lang, setLang]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useI18n(): I18n {
  const c = useContext(Context);
  if (!c) throw new Error('no language provider');
  return c;
}
