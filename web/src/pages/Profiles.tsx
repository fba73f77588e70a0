// Learned profiles: what workloads usually do, and how strictly that is taken.
import { App, Button, Input, Modal, Alert as Notice, Select, Space, Tabs, Upload } from 'antd';
import { useEffect, useMemo, useState } from 'react';
import {
  type ApiError,
  call,
  callText,
  fileHref,
  listPath,
  objectPath,
  type Page,
} from '../api/client';
import { useLive } from '../api/live';
import type { Profile, ProfileAspect, ProfileEntry, ProfileVersion } from '../api/schema';
import { useMay } from '../api/session';
import { asApiError, useGet, useThrottled } from '../api/use';
import {
  Card,
  Facts,
  Failed,
  Line,
  Loaded,
  Nothing,
  PageHead,
  Text,
  Time,
  Waiting,
} from '../components/bits';
import { ArrowUpOutlined, DownloadOutlined, UploadOutlined } from '../components/icons';
import { KindTable } from '../components/KindTable';
import { aspects, ProfileModes } from '../components/ProfileModes';
import { type Key, useI18n } from '../i18n';
import { diffLines, hunks } from '../lib/diff';
import { count } from '../lib/format';
import { quote, visible } from '../lib/text';
import { Link, navigate, paths, useLocation, useSetQuery } from '../router';
import { alertCells, alertColumns, alertWidths } from './alertColumns';
import { useChange } from './settings/common';

const ENTRIES_SHOWN = 200;
const columns = ['name', 'image', 'owner', 'version', 'containers', 'deviations', 'updated'];
const widths = { name: 440, version: 80, containers: 100, deviations: 110, updated: 130 };
const modes = ['learn', 'watch', 'enforce', 'off'] as const;

export function ProfilesPage() {
  const { t } = useI18n();
  return (
    <>
      <PageHead title={t('nav.profiles')} sub={t('profile.intro')} />
      <KindTable
        kind="profile"
        columns={columns}
        widths={widths}
        cells={{
          name: (p) => (
            <span className="profile-name">
              <Line value={p.name ?? p.id} />
              <ProfileModes of={p.aspects} />
            </span>
          ),
        }}
        testid="profile-row"
        live
        onOpen={(p) => navigate(paths.profile(p.id))}
        empty={{ title: t('profile.empty'), hint: t('profile.emptyHint') }}
      />
    </>
  );
}

interface Edit {
  modes?: Record<string, string>;
  promote?: string[];
  allow?: Partial<ProfileEntry>[];
  deny?: Partial<ProfileEntry>[];
  remove?: Partial<ProfileEntry>[];
}
type Apply = (e: Edit, done: string) => Promise<boolean>;

const next: Record<string, (typeof modes)[number]> = { learn: 'watch', watch: 'enforce' };

function Modes({ p, apply }: { p: Profile; apply: Apply }) {
  const { t, lang } = useI18n();
  const { modal } = App.useApp();
  const may = useMay('operator');
  const set = (a: ProfileAspect, mode: string) => {
    const go = () => apply({ modes: { [a.aspect]: mode } }, t('profile.changed'));
    if (mode !== 'enforce') return void go();
    modal.confirm({
      title: t('profile.enforceAsk', { aspect: t(`aspect.${a.aspect}` as Key) }),
      content: t('profile.enforceHint'),
      onOk: go,
    });
  };
  return (
    <Card title={t('profile.modes')}>
      <div className="scroll-x">
        <table className="plain people profile-modes">
          <thead>
            <tr>
              <th>{t('profile.aspect')}</th>
              <th>{t('profile.mode')}</th>
              <th>{t('profile.since')}</th>
              <th className="right">{t('profile.evidence')}</th>
              <th>{t('profile.learned')}</th>
              <th aria-label={t('users.actions')} />
            </tr>
          </thead>
          <tbody>
            {p.aspects?.map((a) => {
              const to = next[a.mode];
              return (
                <tr key={a.aspect} data-testid="profile-aspect" data-aspect={a.aspect}>
                  <td>
                    <b>{t(`aspect.${a.aspect}` as Key)}</b>
                    {a.aspect === 'capability' && (
                      <div className="dim">{t('aspect.capability.doc')}</div>
                    )}
                  </td>
                  <td>
                    {may ? (
                      <Select
                        size="small"
                        className="mode-select"
                        aria-label={t('profile.mode')}
                        value={a.mode}
                        onChange={(m) => set(a, m)}
                        options={modes.map((m) => ({ value: m, label: t(`mode.${m}`) }))}
                      />
                    ) : (
                      <span className={`mode mode-${a.mode}`}>{t(`mode.${a.mode}` as Key)}</span>
                    )}
                  </td>
                  <td className="nowrap" data-label={t('profile.since')}>
                    <Time value={a.since} />
                  </td>
                  <td className="right num" data-label={t('profile.evidence')}>
                    {count(a.evidence, lang)}
                  </td>
                  <td className="nowrap" data-label={t('profile.learned')}>
                    <Time value={a.changed} />
                  </td>
                  <td className="right nowrap">
                    {may && to && (
                      <Button size="small" onClick={() => set(a, to)} data-testid="profile-promote">
                        {t('profile.promoteTo', { mode: t(`mode.${to}`) })}
                      </Button>
                    )}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

const keyOf = (e: ProfileEntry): Partial<ProfileEntry> => ({
  aspect: e.aspect,
  value: e.value,
  parent_exe: e.parent_exe,
  shape: e.shape,
});

function EntryRow({ e, apply }: { e: ProfileEntry; apply: Apply }) {
  const { t, lang } = useI18n();
  const may = useMay('operator');
  const exec = e.aspect === 'exec';
  return (
    <tr className={e.denied ? 'bad' : ''} data-testid="profile-entry">
      <td className="mono">
        <Text value={e.value} max={512} />
        {e.denied && <span className="mark">{t('profile.denied')}</span>}
        {e.by_person && !e.denied && <span className="mark plain">{t('profile.byPerson')}</span>}
        {e.digest && (
          <span className="mark plain" title={visible(e.digest)}>
            {t('profile.newImage')}
          </span>
        )}
        {e.parent_exe && (
          <div className="dim">
            {e.parent_exe === '*' ? (
              t(exec ? 'profile.anyParent' : 'profile.anyProgram')
            ) : (
              <>
                {t(exec ? 'profile.parent' : 'profile.program')}{' '}
                <Text value={e.parent_exe} max={200} />
              </>
            )}
            {exec && e.shape && (
              <>
                {' · '}
                {e.shape === '*' ? (
                  t('profile.anyShape')
                ) : (
                  <>
                    {t('profile.shape')} <Text value={e.shape} max={300} />
                  </>
                )}
              </>
            )}
          </div>
        )}
      </td>
      <td className="right num" data-label={t('f.count')}>
        {count(e.count, lang)}
      </td>
      <td className="nowrap" data-label={t('try.first')}>
        {e.count ? <Time value={e.first} /> : '–'}
      </td>
      <td className="nowrap" data-label={t('try.last')}>
        {e.count ? <Time value={e.last} /> : '–'}
      </td>
      <td className="right nowrap">
        {may && (
          <Space size={2}>
            {(e.denied || !e.by_person) && (
              <Button
                size="small"
                type="link"
                onClick={() => apply({ allow: [keyOf(e)] }, t('profile.allowedDone'))}
              >
                {t('profile.allow')}
              </Button>
            )}
            {!e.denied && (
              <Button
                size="small"
                type="link"
                onClick={() => apply({ deny: [keyOf(e)] }, t('profile.deniedDone'))}
              >
                {t('profile.deny')}
              </Button>
            )}
            <Button
              size="small"
              type="link"
              danger
              onClick={() => apply({ remove: [keyOf(e)] }, t('profile.removedDone'))}
            >
              {t('profile.remove')}
            </Button>
          </Space>
        )}
      </td>
    </tr>
  );
}

function AddEntry({ apply }: { apply: Apply }) {
  const { t } = useI18n();
  const [aspect, setAspect] = useState<string>('exec');
  const [value, setValue] = useState('');
  const entry = [{ aspect, value: value.trim() } as Partial<ProfileEntry>];
  const go = (how: 'allow' | 'deny') =>
    apply({ [how]: entry }, t(how === 'allow' ? 'profile.allowedDone' : 'profile.deniedDone')).then(
      (ok) => ok && setValue(''),
    );
  return (
    <Space.Compact className="profile-add">
      <Select
        aria-label={t('profile.aspect')}
        value={aspect}
        onChange={setAspect}
        popupMatchSelectWidth={false}
        options={aspects.map((a) => ({ value: a, label: t(`aspect.${a}`) }))}
      />
      <Input
        className="mono"
        aria-label={t('profile.value')}
        placeholder={t(`profile.example.${aspect}` as Key)}
        value={value}
        maxLength={512}
        onChange={(e) => setValue(e.target.value)}
        data-testid="profile-value"
      />
      <Button disabled={!value.trim()} onClick={() => go('allow')} data-testid="profile-allow">
        {t('profile.allow')}
      </Button>
      <Button disabled={!value.trim()} onClick={() => go('deny')}>
        {t('profile.deny')}
      </Button>
    </Space.Compact>
  );
}

function Entries({ p, apply }: { p: Profile; apply: Apply }) {
  const { t, lang } = useI18n();
  const may = useMay('operator');
  const [search, setSearch] = useState('');
  const [all, setAll] = useState<ReadonlySet<string>>(new Set());
  const found = useMemo(() => {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    return (p.entries ?? []).filter((e) => {
      const text = `${e.value} ${e.parent_exe ?? ''} ${e.shape ?? ''}`.toLowerCase();
      return words.every((w) => text.includes(w));
    });
  }, [p.entries, search]);
  const groups = aspects
    .map((a) => ({ aspect: a, list: found.filter((e) => e.aspect === a) }))
    .filter((g) => g.list.length);
  return (
    <div className="stacked">
      <Space wrap>
        <Input
          allowClear
          className="search"
          placeholder={t('profile.search')}
          aria-label={t('profile.search')}
          value={search}
          onChange={(e) => setSearch(e.target.value)}
        />
        {may && <AddEntry apply={apply} />}
      </Space>
      {groups.length === 0 && (
        <Card className="flush">
          <Nothing
            title={p.entries?.length ? t('list.noMatch') : t('profile.noEntries')}
            hint={p.entries?.length ? undefined : t('profile.noEntriesHint')}
          />
        </Card>
      )}
      {groups.map((g) => {
        const shown = all.has(g.aspect) ? g.list : g.list.slice(0, ENTRIES_SHOWN);
        return (
          <Card key={g.aspect} title={`${t(`aspect.${g.aspect}`)} (${count(g.list.length, lang)})`}>
            <div className="scroll-x">
              <table className="plain profile-entries">
                <thead>
                  <tr>
                    <th>{t('profile.value')}</th>
                    <th className="right">{t('f.count')}</th>
                    <th>{t('try.first')}</th>
                    <th>{t('try.last')}</th>
                    <th aria-label={t('users.actions')} />
                  </tr>
                </thead>
                <tbody>
                  {shown.map((e) => (
                    <EntryRow key={`${e.value} ${e.parent_exe} ${e.shape}`} e={e} apply={apply} />
                  ))}
                </tbody>
              </table>
            </div>
            {shown.length < g.list.length && (
              <Button size="small" onClick={() => setAll(new Set([...all, g.aspect]))}>
                {t('tree.unfold')}
              </Button>
            )}
          </Card>
        );
      })}
    </div>
  );
}

function Diff({ profile, from, to }: { profile: string; from: number; to: number }) {
  const { t } = useI18n();
  const [texts, setTexts] = useState<[string, string]>();
  const [error, setError] = useState<ApiError>();
  useEffect(() => {
    let gone = false;
    setTexts(undefined);
    setError(undefined);
    const text = (v: number) =>
      callText('GET', `${objectPath('profile-versions', `${profile}:${v}`)}/yaml`);
    Promise.all([text(from), text(to)])
      .then((v) => !gone && setTexts(v))
      .catch((e) => !gone && setError(asApiError(e)));
    return () => {
      gone = true;
    };
  }, [profile, from, to]);
  const lines = useMemo(() => texts && hunks(diffLines(...texts)), [texts]);
  if (error) return <Failed error={error} />;
  if (!lines) return <Waiting />;
  if (!lines.length) return <Nothing title={t('profile.same')} />;
  return (
    <pre className="diff" data-testid="profile-diff">
      {lines.map((l, i) =>
        l ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity but their place
          <span key={i} className={l.sign === '+' ? 'diff-in' : l.sign === '-' ? 'diff-out' : ''}>
            {`${l.sign} ${visible(l.text)}\n`}
          </span>
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: the same
          <i key={i}>{'⋯\n'}</i>
        ),
      )}
    </pre>
  );
}

function Versions({ p }: { p: Profile }) {
  const { t } = useI18n();
  const filter = `profile_id = ${quote(p.id)}`;
  const list = useGet<Page<ProfileVersion>>(
    listPath('profile-versions', { filter, sort: '-version', limit: 60 }),
  );
  const [pair, setPair] = useState<[number, number]>();
  const items = list.data?.items ?? [];
  const [from, to] = pair ?? [items[1]?.version, items[0]?.version];
  const pick = (side: 0 | 1, v: number) => setPair(side === 0 ? [v, to ?? v] : [from ?? v, v]);
  return (
    <Loaded of={list}>
      {({ items: all }) =>
        all.length === 0 ? (
          <Card className="flush">
            <Nothing title={t('profile.noVersions')} hint={t('profile.noVersionsHint')} />
          </Card>
        ) : (
          <div className="stacked">
            <Card>
              <div className="scroll-x">
                <table className="plain people">
                  <thead>
                    <tr>
                      <th className="pick">{t('profile.from')}</th>
                      <th className="pick">{t('profile.to')}</th>
                      <th>{t('f.version')}</th>
                      <th>{t('f.time')}</th>
                      <th>{t('rulefile.by')}</th>
                      <th>{t('profile.change')}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {all.map((v) => (
                      <tr key={v.id} data-testid="profile-version">
                        {([0, 1] as const).map((side) => (
                          <td key={side} className="pick">
                            <input
                              type="radio"
                              name={side ? 'to' : 'from'}
                              aria-label={`${t(side ? 'profile.to' : 'profile.from')} ${v.version}`}
                              checked={(side ? to : from) === v.version}
                              onChange={() => pick(side, v.version)}
                            />
                          </td>
                        ))}
                        <td className="num">{v.version}</td>
                        <td className="nowrap">
                          <Time value={v.time} />
                        </td>
                        <td>
                          <Text value={v.user} max={60} />
                        </td>
                        <td>
                          <Text value={v.change} max={400} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </Card>
            {from !== undefined && to !== undefined && from !== to && (
              <Card title={t('profile.diff', { from: String(from), to: String(to) })}>
                <Diff profile={p.id} from={from} to={to} />
              </Card>
            )}
          </div>
        )
      }
    </Loaded>
  );
}

function Import({ p, done }: { p: Profile; done: (changed: boolean) => void }) {
  const { t } = useI18n();
  const { message } = App.useApp();
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const go = () => {
    setBusy(true);
    setError(undefined);
    callText('POST', `${objectPath('profiles', p.id)}/yaml`, text)
      .then(() => {
        message.success(t('profile.imported'));
        done(true);
      })
      .catch((e) => setError(asApiError(e)))
      .finally(() => setBusy(false));
  };
  return (
    <Modal
      open
      width={760}
      title={t('profile.importTitle', { name: visible(p.name ?? p.id, 80) })}
      okText={t('profile.import')}
      okButtonProps={{ disabled: !text.trim() }}
      confirmLoading={busy}
      onOk={go}
      onCancel={() => done(false)}
    >
      <p className="gap">{t('profile.importHint')}</p>
      {error && <Failed error={error} />}
      <Upload.Dragger
        accept=".yaml,.yml"
        showUploadList={false}
        beforeUpload={(f) => {
          void f.text().then(setText);
          return false;
        }}
      >
        <UploadOutlined /> {t('profile.file')}
      </Upload.Dragger>
      <Input.TextArea
        className="mono profile-import"
        aria-label="YAML"
        placeholder={t('profile.paste')}
        value={text}
        spellCheck={false}
        autoSize={{ minRows: 8, maxRows: 20 }}
        onChange={(e) => setText(e.target.value)}
      />
    </Modal>
  );
}

/** The output of such an alert ends with the name of the workload (detect/profile_alert.c). */
const deviationsOf = (p: Profile) =>
  `engine = profile and output endswith ${quote(` workload=${p.name ?? ''})`)}`;

export function ProfilePage({ id }: { id: string }) {
  const { t, lang } = useI18n();
  const { modal } = App.useApp();
  const { query } = useLocation();
  const setQuery = useSetQuery();
  const may = useMay('operator');
  const change = useChange();
  const profile = useGet<Profile>(objectPath('profiles', id));
  const [importing, setImporting] = useState(false);
  const reload = useThrottled(profile.reload, 1000);
  useLive(['profile'], (b) => b.some((i) => i.data.id === id) && reload(), reload);
  const apply: Apply = async (e, done) => {
    const p = await change(() => call<Profile>('PATCH', objectPath('profiles', id), e), done);
    if (p) profile.set(p);
    return p !== undefined;
  };
  const promoteAll = (p: Profile) => {
    const go = () => apply({ promote: [] }, t('profile.changed'));
    const strict = (p.aspects ?? []).filter((a) => a.mode === 'watch');
    if (!strict.length) return void go();
    modal.confirm({
      title: t('profile.enforceAsk', {
        aspect: strict.map((a) => t(`aspect.${a.aspect}` as Key)).join(' · '),
      }),
      content: t('profile.enforceHint'),
      onOk: go,
    });
  };
  const forget = (p: Profile) =>
    modal.confirm({
      title: t('profile.deleteAsk', { name: visible(p.name ?? p.id, 80) }),
      content: t('profile.deleteHint'),
      okText: t('users.delete'),
      okButtonProps: { danger: true },
      onOk: () =>
        change(() => call('DELETE', objectPath('profiles', id)), t('profile.deleted')).then(
          (r) => r !== undefined && navigate('/profiles'),
        ),
    });
  return (
    <Loaded of={profile} rows={10}>
      {(p) => (
        <>
          <PageHead
            title={<Text value={p.name ?? p.id} max={160} />}
            sub={
              <>
                <Link to="/profiles">{t('nav.profiles')}</Link> ·{' '}
                <Text value={p.image} mono max={200} />
              </>
            }
          >
            <Space wrap size={6}>
              <Button
                icon={<DownloadOutlined />}
                href={fileHref(`${objectPath('profiles', id)}/yaml`)}
                download={`${(p.name ?? p.id).replace(/[^\w.-]+/g, '-')}.yaml`}
                data-testid="profile-export"
              >
                {t('profile.export')}
              </Button>
              {may && (
                <>
                  <Button icon={<UploadOutlined />} onClick={() => setImporting(true)}>
                    {t('profile.import')}
                  </Button>
                  <Button
                    icon={<ArrowUpOutlined />}
                    onClick={() => promoteAll(p)}
                    data-testid="profile-promote-all"
                  >
                    {t('profile.promoteAll')}
                  </Button>
                  <Button danger onClick={() => forget(p)}>
                    {t('profile.forget')}
                  </Button>
                </>
              )}
            </Space>
          </PageHead>
          {p.grace_until && Date.parse(p.grace_until) > Date.now() && (
            <Notice
              type="info"
              showIcon
              className="gap"
              title={
                <>
                  {t('profile.grace')} <Time value={p.grace_until} relative />
                </>
              }
            />
          )}
          <div className="stacked">
            <Modes p={p} apply={apply} />
            <Card>
              <Facts
                items={[
                  [t('f.profile.owner'), <Text value={p.owner} />],
                  [t('f.version'), count(p.version, lang)],
                  [t('f.updated'), <Time value={p.updated} />],
                  [t('f.updated_by'), p.updated_by && <Text value={p.updated_by} max={60} />],
                  [t('f.containers'), count(p.containers, lang)],
                  [t('f.deviations'), count(p.deviations, lang)],
                  [t('f.created'), <Time value={p.created} />],
                  [t('f.image_digest'), p.image_digest && <Text value={p.image_digest} mono />],
                ]}
              />
            </Card>
          </div>
          <Tabs
            className="profile-tabs"
            activeKey={query.get('tab') ?? 'entries'}
            onChange={(k) => setQuery({ tab: k === 'entries' ? undefined : k })}
            destroyOnHidden
            items={[
              {
                key: 'entries',
                label: t('profile.entries'),
                children: <Entries p={p} apply={apply} />,
              },
              {
                key: 'deviations',
                label: t('f.deviations'),
                children: (
                  <KindTable
                    kind="alert"
                    columns={alertColumns}
                    widths={alertWidths}
                    cells={alertCells}
                    fixed={deviationsOf(p)}
                    withFilter={false}
                    live
                    onOpen={(a) => navigate(paths.alert(a.id))}
                    empty={{ title: t('profile.noDeviations') }}
                  />
                ),
              },
              {
                key: 'versions',
                label: t('profile.versions'),
                children: <Versions key={p.version} p={p} />,
              },
            ]}
          />
          {importing && (
            <Import
              p={p}
              done={(changed) => {
                setImporting(false);
                if (changed) profile.reload();
              }}
            />
          )}
        </>
      )}
    </Loaded>
  );
}
