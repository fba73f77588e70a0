import type { Alert } from '../api/schema';
import { Line, Priority, State, Technique, Time } from '../components/bits';
import type { Cells } from '../components/KindTable';
import { RuleName } from '../components/RuleName';
import { Assignee, Engine, Verdict } from '../components/triage';
import { Link, paths } from '../router';

export const alertColumns = [
  'time',
  'priority',
  'rule',
  'engine',
  'container.name',
  'container.image',
  'proc.cmdline',
  'assignee',
  'state',
];
export const alertWidths = {
  time: 146,
  priority: 114,
  state: 96,
  rule: 232,
  engine: 92,
  assignee: 104,
  'container.name': 128,
  'container.image': 128,
  count: 70,
};
export const alertCells: Cells<Alert> = {
  time: (a) => <Time value={a.time} />,
  priority: (a) => <Priority value={a.priority} />,
  rule: (a) => (
    <span className="rule-cell">
      <Link to={paths.alert(a.id) + window.location.search} keepScroll className="strong">
        <RuleName name={a.rule} />
      </Link>
      {a.count > 1 && <i className="times num">×{a.count}</i>}
    </span>
  ),
  // no link of its own: a click anywhere in the row opens the alert
  'container.name': (a) => <Line value={a.container?.name ?? a.container?.id.slice(0, 12)} />,
  engine: (a) => <Engine value={a.engine} />,
  verdict: (a) => <Verdict value={a.verdict} />,
  assignee: (a) => <Assignee name={a.assignee} />,
  // a verdict says more than that it is closed
  state: (a) =>
    a.state === 'closed' && a.verdict !== 'none' && a.verdict ? (
      <Verdict value={a.verdict} />
    ) : (
      <State value={a.state} />
    ),
  techniques: (a) => (
    <span className="tags">
      {a.techniques?.map((x) => (
        <Technique key={x} id={x} />
      ))}
    </span>
  ),
};
