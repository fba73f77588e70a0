import type { Container } from '../api/schema';
import { Line, State, Time } from '../components/bits';
import type { Cells } from '../components/KindTable';
import { Link, paths } from '../router';

export const containerColumns = ['name', 'state', 'image', 'command', 'ip', 'created'];
export const containerWidths = { state: 110, ip: 130, created: 130, started: 130 };
export const containerCells: Cells<Container> = {
  name: (c) => (
    <Link to={paths.container(c.id)} className="strong">
      <Line value={c.name ?? c.id.slice(0, 12)} />
    </Link>
  ),
  state: (c) => <State value={c.state} />,
  image: (c) => <Line value={c.image} mono />,
  created: (c) => <Time value={c.created} relative />,
  started: (c) => <Time value={c.started} relative />,
};
