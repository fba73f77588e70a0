import { Button, Drawer, Dropdown, Tooltip } from 'antd';
import { type ReactNode, useEffect, useState } from 'react';
import { type LiveState, useLive, useLiveState } from './api/live';
import type { Overview } from './api/schema';
import { useSession } from './api/session';
import { useGet, useThrottled } from './api/use';
import { Text } from './components/bits';
import {
  AlertOutlined,
  AppstoreOutlined,
  CloudServerOutlined,
  ContainerOutlined,
  DashboardOutlined,
  DesktopOutlined,
  HistoryOutlined,
  LogoutOutlined,
  MenuOutlined,
  MoonOutlined,
  ProfileOutlined,
  SafetyCertificateOutlined,
  SafetyOutlined,
  SettingOutlined,
  SunOutlined,
  TableOutlined,
  ThunderboltOutlined,
  UserOutlined,
} from './components/icons';
import { Logo } from './components/logo';
import { type Key, useI18n } from './i18n';
import { compact } from './lib/format';
import { Link, navigate } from './router';
import { useNarrow, useTheme, type Wish } from './theme';

const areas: { id: string; to: string; icon: ReactNode; also?: string[] }[] = [
  { id: 'overview', to: '/', icon: <DashboardOutlined /> },
  { id: 'alerts', to: '/alerts', icon: <AlertOutlined /> },
  { id: 'incidents', to: '/incidents', icon: <ThunderboltOutlined /> },
  { id: 'containers', to: '/containers', icon: <ContainerOutlined /> },
  { id: 'images', to: '/images', icon: <AppstoreOutlined /> },
  { id: 'hosts', to: '/hosts', icon: <CloudServerOutlined /> },
  { id: 'recorder', to: '/recorder', icon: <HistoryOutlined /> },
  { id: 'actions', to: '/actions', icon: <SafetyOutlined />, also: ['/evidence'] },
  { id: 'profiles', to: '/profiles', icon: <ProfileOutlined /> },
  {
    id: 'rules',
    to: '/rules',
    icon: <SafetyCertificateOutlined />,
    also: ['/exceptions', '/indicators'],
  },
  { id: 'attack', to: '/attack', icon: <TableOutlined /> },
  { id: 'settings', to: '/settings', icon: <SettingOutlined /> },
];

function isHere(to: string, path: string): boolean {
  return to === '/'
    ? path === '/' || path === '/overview'
    : path === to || path.startsWith(`${to}/`);
}

const inArea = (a: (typeof areas)[number], path: string) =>
  [a.to, ...(a.also ?? [])].some((to) => isHere(to, path));

function useUrgent(): number {
  const overview = useGet<Overview>('/overview');
  const reload = useThrottled(overview.reload, 5000);
  useLive(['alert'], reload, reload);
  const open = overview.data?.alerts_open ?? {};
  return ['emergency', 'alert', 'critical'].reduce((n, p) => n + (open[p] ?? 0), 0);
}

function Nav({ path, urgent, done }: { path: string; urgent: number; done?: () => void }) {
  const { t, lang } = useI18n();
  return (
    <nav className="nav" aria-label={t('nav.label')}>
      <Link to="/" className="brand" onClick={done}>
        <Logo />
        <b>skep</b>
      </Link>
      <ul>
        {areas.map((a) => (
          <li key={a.id}>
            <Link
              to={a.to}
              data-testid={`nav-${a.id}`}
              aria-current={inArea(a, path) ? 'page' : undefined}
              onClick={done}
            >
              {a.icon}
              <span>{t(`nav.${a.id}` as Key)}</span>
              {a.id === 'alerts' && urgent > 0 && (
                <i className="badge num" title={t('nav.urgent', { n: urgent })}>
                  {compact(urgent, lang)}
                </i>
              )}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function LiveDot() {
  const state = useLiveState();
  const { t } = useI18n();
  return (
    <Tooltip title={t(`live.${state}Doc` as Key)}>
      <span
        className={`live live-${state}`}
        data-testid="live-state"
        data-state={state}
        role="status"
      >
        <i aria-hidden="true" />
        <span>{t(`live.${state}` as Key)}</span>
      </span>
    </Tooltip>
  );
}

export function LangSwitch() {
  const { lang, setLang, t } = useI18n();
  return (
    <Tooltip title={t('lang.switch')}>
      <Button
        type="text"
        data-testid="lang-switch"
        aria-label={t('lang.switch')}
        className="lang"
        onClick={() => setLang(lang === 'en' ? 'zh' : 'en')}
      >
        {lang === 'en' ? '中文' : 'EN'}
      </Button>
    </Tooltip>
  );
}

export function ThemeSwitch() {
  const { wish, setWish, dark } = useTheme();
  const { t } = useI18n();
  const items: { key: Wish; label: string; icon: ReactNode }[] = [
    { key: 'system', label: t('theme.system'), icon: <DesktopOutlined /> },
    { key: 'light', label: t('theme.light'), icon: <SunOutlined /> },
    { key: 'dark', label: t('theme.dark'), icon: <MoonOutlined /> },
  ];
  return (
    <Dropdown
      trigger={['click']}
      menu={{ items, selectedKeys: [wish], onClick: (e) => setWish(e.key as Wish) }}
    >
      <Button
        type="text"
        data-testid="theme-switch"
        aria-label={t('theme.switch')}
        icon={dark ? <MoonOutlined /> : <SunOutlined />}
      />
    </Dropdown>
  );
}

function UserMenu() {
  const { user, signOut } = useSession();
  const { t, maybe } = useI18n();
  const narrow = useNarrow();
  return (
    <Dropdown
      trigger={['click']}
      menu={{
        items: [
          {
            key: 'who',
            disabled: true,
            label: (
              <>
                <Text value={user?.name} max={40} /> · {maybe(`role.${user?.role}`) ?? user?.role}
              </>
            ),
          },
          { type: 'divider' },
          { key: 'password', label: t('password.change') },
          { key: 'out', icon: <LogoutOutlined />, label: t('session.signOut') },
        ],
        onClick: (e) => {
          if (e.key === 'out') void signOut();
          if (e.key === 'password') navigate('/settings/password');
        },
      }}
    >
      <Button
        type="text"
        icon={<UserOutlined />}
        aria-label={t('session.menu')}
        data-testid="user-menu"
      >
        {!narrow && <Text value={user?.name} max={24} />}
      </Button>
    </Dropdown>
  );
}

export function Shell({ path, children }: { path: string; children: ReactNode }) {
  const { t } = useI18n();
  const narrow = useNarrow();
  const [menu, setMenu] = useState(false);
  const urgent = useUrgent();
  const area = areas.find((a) => inArea(a, path));
  const title = area ? t(`nav.${area.id}` as Key) : t('notFound.title');
  const state: LiveState = useLiveState();

  useEffect(() => {
    document.title = `${urgent ? `(${urgent}) ` : ''}${title} · skep`;
  }, [title, urgent]);

  return (
    <div className="shell">
      <a className="skip" href="#main">
        {t('nav.skip')}
      </a>
      {!narrow && (
        <aside className="side">
          <Nav path={path} urgent={urgent} />
        </aside>
      )}
      <div className="stage">
        <header className="top">
          {narrow && (
            <>
              <Button
                type="text"
                icon={<MenuOutlined />}
                aria-label={t('nav.menu')}
                data-testid="nav-menu"
                onClick={() => setMenu(true)}
              />
              <Logo size={24} />
            </>
          )}
          <span className="top-title">{title}</span>
          <LiveDot />
          <LangSwitch />
          <ThemeSwitch />
          <UserMenu />
        </header>
        {state === 'reconnecting' && (
          <div className="strip" role="status">
            {t('live.strip')}
          </div>
        )}
        <main id="main" tabIndex={-1}>
          {children}
        </main>
      </div>
      <Drawer
        open={narrow && menu}
        onClose={() => setMenu(false)}
        placement="left"
        size={240}
        closable={false}
        classNames={{ body: 'side' }}
        styles={{ body: { padding: 0 } }}
      >
        <Nav path={path} urgent={urgent} done={() => setMenu(false)} />
      </Drawer>
    </div>
  );
}
