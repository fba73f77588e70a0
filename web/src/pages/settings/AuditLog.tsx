import type { Audit } from '../../api/schema';
import { Line, Time } from '../../components/bits';
import { type Cells, KindTable } from '../../components/KindTable';
import { useI18n } from '../../i18n';

const columns = ['time', 'user', 'action', 'target', 'detail', 'ip', 'ok'];
const widths = { time: 130, user: 140, action: 170, ip: 140, ok: 90 };

export function AuditLog() {
  const { t } = useI18n();
  const cells: Cells<Audit> = {
    time: (a) => <Time value={a.time} />,
    action: (a) => <Line value={a.action} mono />,
    ok: (a) => (a.ok ? t('audit.ok') : <b className="bad">{t('audit.refused')}</b>),
  };
  return (
    <KindTable
      kind="audit"
      columns={columns}
      widths={widths}
      cells={cells}
      testid="audit-row"
      empty={{ title: t('audit.empty') }}
    />
  );
}
