import { listPath, type Page } from '../../api/client';
import { useLive } from '../../api/live';
import { type Agent, kindInfo } from '../../api/schema';
import { useGet, useThrottled } from '../../api/use';
import { AgentHealth } from '../../components/AgentHealth';
import { Card, Loaded, Nothing, Text } from '../../components/bits';
import { useI18n } from '../../i18n';
import { Link, paths } from '../../router';

export function Agents() {
  const { t } = useI18n();
  const agents = useGet<Page<Agent>>(
    listPath(kindInfo.agent.plural, { sort: 'hostname', limit: 200 }),
  );
  const reload = useThrottled(agents.reload, 3000);
  useLive(['agent'], reload, reload);
  return (
    <Loaded of={agents} rows={8}>
      {({ items }) =>
        items.length === 0 ? (
          <Card>
            <Nothing title={t('agent.empty')} hint={t('agent.emptyHint')} />
          </Card>
        ) : (
          <div className="stacked">
            {items.map((a) => (
              <Card
                key={a.id}
                title={
                  <Link to={paths.host(a.id)}>
                    <Text value={a.hostname ?? a.id} max={120} />
                  </Link>
                }
              >
                <AgentHealth agent={a} />
              </Card>
            ))}
          </div>
        )
      }
    </Loaded>
  );
}
