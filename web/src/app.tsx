import { App as AntApp, ConfigProvider } from 'antd';
import enUS from 'antd/locale/en_US';
import zhCN from 'antd/locale/zh_CN';
import dayjs from 'dayjs';
import 'dayjs/locale/zh-cn';
import { useEffect, useMemo } from 'react';
import { SessionProvider, useSession } from './api/session';
import { Failed } from './components/bits';
import { Logo } from './components/logo';
import { RuleTitles } from './components/RuleName';
import { I18nProvider, useI18n } from './i18n';
import { ActionsPage } from './pages/Actions';
import { AlertsPage } from './pages/Alerts';
import { AttackPage } from './pages/Attack';
import { ContainerPage } from './pages/Container';
import { ContainersPage } from './pages/Containers';
import { EvidenceOnePage, EvidencePage } from './pages/Evidence';
import { ExceptionsPage } from './pages/Exceptions';
import { HostPage, HostsPage } from './pages/Hosts';
import { ImagesPage } from './pages/Images';
import { IncidentsPage } from './pages/Incidents';
import { IndicatorsPage } from './pages/Indicators';
import { NotFound } from './pages/NotFound';
import { OverviewPage } from './pages/Overview';
import { ProfilePage, ProfilesPage } from './pages/Profiles';
import { RecorderPage } from './pages/Recorder';
import { RuleFilePage, RuleFilesPage } from './pages/RuleFiles';
import { RulesPage } from './pages/Rules';
import { FirstPage, LoginPage } from './pages/SignIn';
import { SettingsPage } from './pages/settings/Settings';
import { match, navigate, useLocation } from './router';
import { Shell } from './shell';
import { antdTheme, ThemeProvider, useTheme } from './theme';

function Page({ path }: { path: string }) {
  if (path === '/' || path === '/overview') return <OverviewPage />;
  if (path === '/hosts') return <HostsPage />;
  const host = match('/hosts/:id', path);
  if (host?.id) return <HostPage id={host.id} />;
  if (path === '/containers') return <ContainersPage />;
  const container = match('/containers/:id', path);
  if (container?.id) return <ContainerPage id={container.id} />;
  if (path === '/images') return <ImagesPage />;
  const alert = match('/alerts/:id', path);
  if (path === '/alerts' || alert) return <AlertsPage id={alert?.id} />;
  if (path === '/rules') return <RulesPage />;
  if (path === '/recorder') return <RecorderPage />;
  if (path === '/actions') return <ActionsPage />;
  if (path === '/evidence') return <EvidencePage />;
  const evidence = match('/evidence/:id', path);
  if (evidence?.id) return <EvidenceOnePage id={evidence.id} />;
  if (path === '/profiles') return <ProfilesPage />;
  const profile = match('/profiles/:id', path);
  if (profile?.id) return <ProfilePage id={profile.id} />;
  if (path === '/exceptions') return <ExceptionsPage />;
  if (path === '/indicators') return <IndicatorsPage />;
  if (path === '/rules/files') return <RuleFilesPage />;
  const rulefile = match('/rules/files/:id', path);
  if (rulefile?.id) return <RuleFilePage id={rulefile.id} />;
  const incident = match('/incidents/:id', path);
  if (path === '/incidents' || incident) return <IncidentsPage id={incident?.id} />;
  if (path === '/attack') return <AttackPage />;
  const tab = match('/settings/:tab', path)?.tab;
  if (path === '/settings' || tab) return <SettingsPage tab={tab} />;
  return <NotFound />;
}

function Routes() {
  const { path, query } = useLocation();
  const { status, error, retry } = useSession();
  const signIn = path === '/login' || path === '/first';

  useEffect(() => {
    if (status === 'out' && !signIn) {
      const from = window.location.pathname + window.location.search;
      navigate(from === '/' ? '/login' : `/login?next=${encodeURIComponent(from)}`, {
        replace: true,
      });
    }
    if (status === 'in' && signIn) {
      const next = query.get('next') ?? '/';
      // only paths of this console: "//host" would leave it
      navigate(/^\/(?![/\\])/.test(next) ? next : '/', { replace: true });
    }
  }, [status, signIn, query]);

  if (status === 'loading')
    return (
      <div className="splash" aria-busy="true">
        <Logo size={56} />
      </div>
    );
  if (status === 'unreachable' && error)
    return (
      <div className="splash">
        <Logo size={56} />
        <Failed error={error} retry={retry} />
      </div>
    );
  if (status === 'out') return path === '/first' ? <FirstPage /> : <LoginPage />;
  if (signIn) return null;
  return (
    <RuleTitles>
      <Shell path={path}>
        <Page path={path} />
      </Shell>
    </RuleTitles>
  );
}

function Themed() {
  const { lang } = useI18n();
  const { dark } = useTheme();
  const theme = useMemo(() => antdTheme(dark), [dark]);
  dayjs.locale(lang === 'zh' ? 'zh-cn' : 'en');
  return (
    <ConfigProvider
      theme={theme}
      locale={lang === 'zh' ? zhCN : enUS}
      button={{ autoInsertSpace: false }}
    >
      <AntApp message={{ maxCount: 3 }}>
        <SessionProvider>
          <Routes />
        </SessionProvider>
      </AntApp>
    </ConfigProvider>
  );
}

export function App() {
  return (
    <I18nProvider>
      <ThemeProvider>
        <Themed />
      </ThemeProvider>
    </I18nProvider>
  );
}
