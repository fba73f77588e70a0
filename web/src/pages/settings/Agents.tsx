import { App, Button } from 'antd';
import { useState } from 'react';
import { call, listPath, objectPath, type Page } from '../../api/client';
import { useLive } from '../../api/live';
import { type Agent, kindInfo } from '../../api/schema';
import { useMay } from '../../api/session';
import { useGet, useThrottled } from '../../api/use';
import { AgentHealth } from '../../components/AgentHealth';
import { Card, Loaded, Nothing, Text, Time } from '../../components/bits';
import { DownOutlined, RightOutlined } from '../../components/icons';
import { useI18n } from '../../i18n';
import { count, parseTime } from '../../lib/format';
import { Link, paths } from '../../router';
import { useChange } from './common';
import { JoinTokens } from './JoinTokens';

const SILENT_MS = 60000; // an agent reports every few seconds

function stateOf(a: Agent): 'revoked' | 'connected' | 'away' {
  if (a.revoked) return 'revoked';
  return a.connected && Date.now() - (parseTime(a.seen) ?? 0) < SILENT_MS ? 'connected' : 'away';
}

function AgentState({ agent: a }: { agent: Agent }) {
  const { t } = useI18n();
  const state = stateOf(a);
  return (
    <>
      <span className={`state state-${state === 'connected' ? 'running' : 'failed'}`}>
        <i aria-hidden="true" />
        {t(`agent.${state}`)}
      </span>
      {a.revoked && (
        <div className="dim">
          <Time value={a.revoked} relative />
          {a.revoked_by && (
            <>
              {' · '}
              <Text value={a.revoked_by} max={40} />
            </>
          )}
        </div>
      )}
    </>
  );
}

function Row({ agent: a, opened, reload }: { agent: Agent; opened: boolean; reload: () => void }) {
  const { t, lang } = useI18n();
  const { modal } = App.useApp();
  const change = useChange();
  const admin = useMay('admin');
  const [open, setOpen] = useState(opened);
  const revoke = () =>
    modal.confirm({
      title: t('agent.revokeAsk', { name: a.hostname ?? a.id }),
      content: t('agent.revokeHint'),
      okText: t('agent.revoke'),
      okButtonProps: { danger: true },
      onOk: () =>
        change(
          () => call('POST', `${objectPath('agents', a.id)}/revoke`),
          t('agent.revokedDone'),
        ).finally(reload),
    });
  return (
    <>
      <tr data-testid="agent-row">
        <td className="nowrap">
          <Button
            size="small"
            type="text"
            aria-expanded={open}
            aria-label={t('agent.health')}
            icon={open ? <DownOutlined /> : <RightOutlined />}
            onClick={() => setOpen(!open)}
          />{' '}
          <Link to={paths.host(a.id)}>
            <Text value={a.hostname ?? a.id} max={60} />
          </Link>
        </td>
        <td className="nowrap">
          <AgentState agent={a} />
        </td>
        <td className="nowrap">
          <Text value={a.version} max={20} />
        </td>
        <td className="nowrap">
          <Time value={a.seen} relative />
        </td>
        <td className="nowrap">
          {a.certificate_expires ? (
            <Time value={a.certificate_expires} />
          ) : (
            t('agent.noCertificate')
          )}
        </td>
        <td className="num right">
          <span className={a.events_lost ? 'bad' : ''}>{count(a.events_lost, lang)}</span>
        </td>
        <td className="right nowrap">
          {admin && a.certificate_expires && !a.revoked && (
            <Button size="small" type="link" danger onClick={revoke} data-testid="agent-revoke">
              {t('agent.revoke')}
            </Button>
          )}
        </td>
      </tr>
      {open && (
        <tr className="details">
          <td colSpan={7}>
            <AgentHealth agent={a} />
          </td>
        </tr>
      )}
    </>
  );
}

export function Agents() {
  const { t } = useI18n();
  const admin = useMay('admin');
  const agents = useGet<Page<Agent>>(
    listPath(kindInfo.agent.plural, { sort: 'hostname', limit: 500 }),
  );
  const reload = useThrottled(agents.reload, 3000);
  useLive(['agent'], reload, reload);
  return (
    <div className="stacked">
      <Loaded of={agents} rows={8}>
        {({ items }) => (
          <Card title={t('agent.title')}>
            {items.length === 0 ? (
              <Nothing title={t('agent.empty')} hint={t('agent.emptyHint')} />
            ) : (
              <div className="scroll-x">
                <table className="plain people">
                  <thead>
                    <tr>
                      <th>{t('f.hostname')}</th>
                      <th>{t('agent.state')}</th>
                      <th>{t('f.version')}</th>
                      <th>{t('f.seen')}</th>
                      <th>{t('agent.certificate')}</th>
                      <th className="right">{t('f.events_lost')}</th>
                      <th aria-label={t('users.actions')} />
                    </tr>
                  </thead>
                  <tbody>
                    {items.map((a) => (
                      <Row
                        key={a.id}
                        agent={a}
                        opened={items.length === 1}
                        reload={agents.reload}
                      />
                    ))}
                  </tbody>
                </table>
              </div>
            )}
          </Card>
        )}
      </Loaded>
      {admin && <JoinTokens />}
    </div>
  );
}
