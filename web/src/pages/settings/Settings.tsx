import { Tabs } from 'antd';
import { useMay } from '../../api/session';
import { PageHead } from '../../components/bits';
import { useI18n } from '../../i18n';
import { navigate } from '../../router';
import { About } from './About';
import { Agents } from './Agents';
import { AuditLog } from './AuditLog';
import { Password } from './Password';
import { Tokens } from './Tokens';
import { Users } from './Users';

export function SettingsPage({ tab }: { tab?: string }) {
  const { t } = useI18n();
  const admin = useMay('admin');
  const items = [
    { key: 'agents', label: t('settings.agents'), children: <Agents /> },
    ...(admin
      ? [
          { key: 'users', label: t('settings.users'), children: <Users /> },
          { key: 'tokens', label: t('settings.tokens'), children: <Tokens /> },
          { key: 'audit', label: t('settings.audit'), children: <AuditLog /> },
        ]
      : []),
    { key: 'password', label: t('settings.password'), children: <Password /> },
    { key: 'about', label: t('settings.about'), children: <About /> },
  ];
  const known = items.some((i) => i.key === tab) ? tab : 'agents';
  return (
    <>
      <PageHead title={t('nav.settings')} />
      <Tabs
        activeKey={known}
        onChange={(k) => navigate(`/settings/${k}`)}
        destroyOnHidden
        items={items}
      />
    </>
  );
}
