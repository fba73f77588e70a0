// Triage as a person does it: in the queue, on an incident, in the matrix.
import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { Alert, Incident } from '../src/api/schema';
import { emit, mock, start } from './harness';

const key = (k: string) => fireEvent.keyDown(document.body, { key: k });
const rows = () => screen.findAllByTestId('alert-row');
const sent = (path: string) =>
  mock.log
    .filter((l: { path: string; method: string }) => l.path === path && l.method !== 'GET')
    .map((l: { body: string }) => JSON.parse(l.body || '{}'));
const alertOf = (id: string | undefined): Alert =>
  mock.world.alerts.find((a: Alert) => a.id === id);

// a short list: the document of the tests draws slowly
const few = '/alerts?engine=drift&priority=emergency,alert,error';

describe('the queue', () => {
  it('stands in the order of need: open ones, worst first', async () => {
    await start(few);
    const order = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice'];
    const shown = (await rows()).map((r) => alertOf(r.dataset.id));
    expect(shown.every((a) => a.state === 'open')).toBe(true);
    const ranks = shown.map((a) => order.indexOf(a.priority));
    expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
  });

  it('closes what is selected by keys, at once, and takes it back', async () => {
    await start(few);
    const ids = (await rows()).slice(0, 3).map((r) => r.dataset.id);
    for (const k of ['j', 'x', 'j', 'x']) key(k);
    const bar = await screen.findByTestId('bulk-bar');
    expect(bar.textContent).toContain('2 selected');
    key('b');
    await waitFor(() =>
      expect(screen.getAllByTestId('alert-row').map((r) => r.dataset.id)).not.toContain(ids[0]),
    );
    const toast = await screen.findByTestId('triage-toast');
    expect(toast.textContent).toContain('2 closed as: Benign');
    expect(sent('/alerts/bulk')).toEqual([
      { ids: [ids[0], ids[1]], set: { state: 'closed', verdict: 'benign' } },
    ]);
    expect([alertOf(ids[0]).verdict, alertOf(ids[2]).state]).toEqual(['benign', 'open']);
    expect(screen.queryByTestId('bulk-bar')).toBeNull();

    fireEvent.click(within(toast).getByTestId('triage-undo'));
    await waitFor(() => expect(alertOf(ids[0]).state).toBe('open'));
    expect(alertOf(ids[1])).toMatchObject({ state: 'open', verdict: 'none' });
  });

  it('leaves the keys to who writes, and to an open dialog', async () => {
    await start(few);
    await rows();
    fireEvent.keyDown(screen.getByTestId('filter-input'), { key: 'x' });
    key('j');
    key('?');
    const help = await screen.findByTestId('shortcut-help');
    expect(help.textContent).toContain('assign to me');
    key('b');
    await new Promise((r) => setTimeout(r, 200));
    expect(mock.log.every((l: { method: string }) => l.method === 'GET')).toBe(true);
  });

  it('assigns to me with one key, and then shows what is mine', async () => {
    await start(`${few}&assignee=none`);
    const first = (await rows())[0]?.dataset.id;
    key('j');
    key('a');
    await waitFor(() => expect(alertOf(first).assignee).toBe('admin'));
    expect(sent(`/alerts/${first}`)).toEqual([{ assignee: 'admin' }]);
  });

  it('says so when a change is refused, and shows what still is', async () => {
    await start(few);
    const first = (await rows())[0]?.dataset.id;
    mock.state.scenario = 'error';
    key('j');
    key('t');
    await screen.findByText(/the store does not answer/);
    await waitFor(() =>
      expect(screen.getAllByTestId('alert-row').map((r) => r.dataset.id)).toContain(first),
    );
  });

  it('writes one comment on many', async () => {
    await start(few);
    await rows();
    for (const k of ['j', 'x', 'j', 'x', 'c']) key(k);
    const text = await screen.findByTestId('comment-text');
    fireEvent.change(text, { target: { value: 'asked the team' } });
    fireEvent.click(screen.getByTestId('comment-save'));
    await waitFor(() => expect(sent('/alerts/bulk')[0]?.comment).toBe('asked the team'));
  });
});

describe('an alert', () => {
  const openAlert = async (choose: (a: Alert) => boolean) => {
    await start('/');
    const a = mock.world.alerts.find(choose);
    window.history.replaceState(null, '', `/alerts/${a.id}`);
    window.dispatchEvent(new PopStateEvent('popstate'));
    await screen.findByTestId('alert-detail');
    return a as Alert;
  };

  it('tells what is known around it, and leads to its incident and the recorder', async () => {
    const a = await openAlert((x) => !!x.incident_id && x.rule === 'Reverse shell');
    const link = await screen.findByTestId('alert-incident');
    expect(link.getAttribute('href')).toBe(`/incidents/${a.incident_id}`);
    expect(screen.getByTestId('alert-recorded').getAttribute('href')).toContain(
      `/recorder?container=${a.container?.id}&since=`,
    );
    const advice = await screen.findByTestId('alert-advice');
    expect(advice.textContent).toContain('Freeze the container before anything else');
  });

  it('gives an exception: proposed, tried, refused with its place, saved', async () => {
    const a = await openAlert((x) => x.rule === 'Reverse shell' && x.state === 'open');
    fireEvent.click(screen.getByTestId('exception-write'));
    const field = await screen.findByTestId('exception-condition');
    expect((field as HTMLTextAreaElement).value).toContain('proc.exepath = ');
    const would = await screen.findByText(/Would have held back \d+ of \d+/);
    expect(would).toBeTruthy();
    fireEvent.change(field, { target: { value: 'proc.nmae = x' } });
    const wrong = await screen.findByTestId('exception-error');
    expect(wrong.textContent).toContain('^');
    expect(screen.getByTestId('exception-save')).toHaveProperty('disabled', true);
    fireEvent.change(field, { target: { value: 'proc.exepath = "/usr/bin/sh"' } });
    await waitFor(() => expect(screen.queryByTestId('exception-error')).toBeNull());
    fireEvent.click(screen.getByTestId('exception-save'));
    await waitFor(() => expect(sent('/exceptions')).toHaveLength(1));
    const saved = sent('/exceptions')[0];
    expect(saved).toMatchObject({
      rule: 'Reverse shell',
      condition: 'proc.exepath = "/usr/bin/sh"',
      owner: 'admin',
      alert_id: a.id,
    });
    expect(Date.parse(saved.expires)).toBeGreaterThan(Date.now() + 29 * 86400_000);
  });
});

describe('an incident', () => {
  const openIncident = async () => {
    await start('/incidents');
    await screen.findAllByTestId('incident-row');
    const i: Incident = mock.world.incidents[0];
    window.history.replaceState(null, '', `/incidents/${i.id}`);
    window.dispatchEvent(new PopStateEvent('popstate'));
    await screen.findByTestId('incident');
    return i;
  };

  it('tells its steps in order, how far it came, and its processes over time', async () => {
    const i = await openIncident();
    const steps = screen.getAllByTestId('story-step');
    expect(steps).toHaveLength(i.story?.length ?? 0);
    expect(steps[0]?.textContent).toContain('Reverse shell');
    const reached = screen.getByTestId('attack-chain').querySelectorAll('li.reached');
    expect([...reached].map((l) => (l as HTMLElement).dataset.tactic)).toEqual([
      'execution',
      'persistence',
      'privilege_escalation',
      'defense_evasion',
      'credential_access',
      'impact',
    ]);
    const lanes = await screen.findByTestId('process-lanes');
    expect(lanes.querySelectorAll('.lane-step').length).toBeGreaterThan(3);
    fireEvent.click(steps[0]?.querySelector('a.story-link') as HTMLElement);
    expect(window.location.pathname).toBe(`/alerts/${i.story?.[0]?.alert_id}`);
  });

  it('is contained, closed with a verdict, and shows what others do to it', async () => {
    const i = await openIncident();
    fireEvent.click(screen.getByTestId('incident-contain'));
    await waitFor(() => expect(mock.world.incidents[0].state).toBe('contained'));
    fireEvent.click(screen.getByTestId('verdict-true_positive'));
    await waitFor(() =>
      expect(mock.world.incidents[0]).toMatchObject({ state: 'closed', verdict: 'true_positive' }),
    );
    const other = { ...mock.world.incidents[0], assignee: 'somebody else' };
    mock.world.incidents[0] = other;
    await emit('incident', other);
    await screen.findByText('somebody else');
    expect(i.state).toBe('open');
  });
});

describe('an incident over two hosts', () => {
  it('is one row of the list, with both of its hosts', async () => {
    await start('/incidents');
    const rows = await screen.findAllByTestId('incident-row');
    const whole: Incident = mock.world.incidents.find((i: Incident) => i.members);
    const row = rows.filter((r) => whole.hosts?.every((h) => r.textContent?.includes(h)));
    expect(row).toHaveLength(1);
    for (const m of whole.members ?? [])
      expect(rows.some((r) => r.querySelector(`a[href="/incidents/${m.id}"]`))).toBe(false);
  });

  it('tells what joins it, and where each step was; its members lead back to it', async () => {
    await start('/incidents');
    await screen.findAllByTestId('incident-row');
    const whole: Incident = mock.world.incidents.find((i: Incident) => i.members);
    const go = (id: string) => {
      window.history.replaceState(null, '', `/incidents/${id}`);
      window.dispatchEvent(new PopStateEvent('popstate'));
    };
    go(whole.id);
    const members = await screen.findByTestId('incident-members');
    const [first, second] = whole.members ?? [];
    expect(members.textContent).toContain(
      `Joined with ${first?.hostname}: connection to 10.20.0.12:8080`,
    );
    const places = [...screen.getByTestId('story').querySelectorAll('.story-place')];
    expect(places.map((p) => p.textContent)).toEqual([
      expect.stringContaining(first?.hostname ?? '-'),
      expect.stringContaining(second?.hostname ?? '-'),
    ]);
    const alerts = [...document.querySelectorAll('a')].map((a) => a.getAttribute('href') ?? '');
    expect(alerts.some((a) => decodeURIComponent(a).includes(`"${second?.id}"`))).toBe(true);
    go(second?.id ?? '');
    const back = await screen.findByTestId('incident-part-of');
    expect(back.getAttribute('href')).toBe(`/incidents/${whole.id}`);
  });
});

describe('the matrix', () => {
  it('opens a technique with its rules, drills and alerts', async () => {
    await start('/attack');
    const cell = (await screen.findAllByTestId('matrix-cell')).find(
      (c) => c.dataset.technique === 'T1611',
    ) as HTMLElement;
    expect(cell.dataset.coverage).toBe('partly');
    fireEvent.click(cell);
    const panel = await screen.findByTestId('matrix-panel');
    expect(panel.textContent).toContain('Write below the release_agent of a cgroup');
    expect(within(panel).getAllByTestId('matrix-drill')[0]?.textContent).toContain('missed');
    expect(screen.queryByTestId('drill-hint')).toBeNull();
  });

  it('tells how to run drills when none ran', async () => {
    await start('/attack', { scenario: 'empty' });
    const hint = await screen.findByTestId('drill-hint');
    expect(hint.textContent).toContain('skep drill run');
  });

  it('says what failed', async () => {
    await start('/attack', { scenario: 'error' });
    await screen.findAllByText(/the store does not answer/);
  });
});
