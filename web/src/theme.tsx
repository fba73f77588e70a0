import { theme as antd, type ThemeConfig } from 'antd';
import type { ReactNode } from 'react';
import { createContext, useContext, useEffect, useMemo, useState } from 'react';
import { load, save } from './lib/storage';

export type Wish = 'system' | 'light' | 'dark';
interface ThemeState {
  wish: Wish;
  setWish: (w: Wish) => void;
  dark: boolean;
}

const Context = createContext<ThemeState>({ wish: 'system', setWish: () => {}, dark: false });
const isWish = (v: unknown): v is Wish => v === 'system' || v === 'light' || v === 'dark';

export function ThemeProvider({ children }: { children: ReactNode }) {
  const [wish, setState] = useState<Wish>(() => load<Wish>('theme', 'system', isWish));
  const dark = useMedia('(prefers-color-scheme: dark)');
  const isDark = wish === 'system' ? dark : wish === 'dark';
  useEffect(() => {
    document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
  }, [isDark]);
  const value = useMemo<ThemeState>(
    () => ({
      wish,
      dark: isDark,
      setWish: (w) => {
        save('theme', w);
        setState(w);
      },
    }),
    [wish, isDark],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export const useTheme = () => useContext(Context);

export function useMedia(query: string): boolean {
  const [hit, setHit] = useState(() => window.matchMedia?.(query).matches ?? false);
  useEffect(() => {
    const m = window.matchMedia?.(query);
    if (!m) return;
    const fn = () => setHit(m.matches);
    fn();
    m.addEventListener('change', fn);
    return () => m.removeEventListener('change', fn);
  }, [query]);
  return hit;
}

export const useNarrow = () => useMedia('(max-width: 720px)');

const fonts =
  'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", ' +
  '"Noto Sans CJK SC", "Noto Sans SC", sans-serif';
const mono =
  'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", ' +
  '"Noto Sans Mono CJK SC", monospace';

export function antdTheme(dark: boolean): ThemeConfig {
  return {
    algorithm: dark
      ? [antd.darkAlgorithm, antd.compactAlgorithm]
      : [antd.defaultAlgorithm, antd.compactAlgorithm],
    token: {
      colorPrimary: dark ? '#2fa7ab' : '#0b6e75',
      colorLink: dark ? '#5fc9cb' : '#0b6e75',
      colorInfo: dark ? '#2fa7ab' : '#0b6e75',
      colorInfoBg: dark ? '#13262a' : '#eaf4f4',
      colorInfoBorder: dark ? '#24535a' : '#b3d6d8',
      colorError: dark ? '#f0646c' : '#c8283a',
      colorWarning: dark ? '#e0a93b' : '#b97a08',
      colorSuccess: dark ? '#4fb477' : '#25804a',
      colorBgBase: dark ? '#13181b' : '#ffffff',
      colorBgLayout: dark ? '#0e1214' : '#f3f4f2',
      colorBgContainer: dark ? '#171d20' : '#ffffff',
      colorBgElevated: dark ? '#1e2529' : '#ffffff',
      colorTextBase: dark ? '#e3e8e9' : '#1a2123',
      colorBorder: dark ? '#354046' : '#d3d8d5',
      colorBorderSecondary: dark ? '#273035' : '#e5e8e5',
      borderRadius: 5,
      fontFamily: fonts,
      fontFamilyCode: mono,
      // the compact algorithm makes 13 and 30 of these
      fontSize: 15,
      controlHeight: 34,
      motionDurationMid: '0.12s',
      motionDurationSlow: '0.18s',
    },
    components: {
      Table: {
        headerBg: dark ? '#1b2226' : '#f7f8f6',
        headerSplitColor: 'transparent',
        cellPaddingBlockSM: 5,
        cellPaddingInlineSM: 10,
        rowHoverBg: dark ? '#1f272b' : '#f5f8f7',
      },
      Tabs: { horizontalMargin: '0 0 12px 0' },
      Descriptions: { itemPaddingBottom: 6 },
    },
  };
}
