// What people make of alerts and incidents: verdict, assignee, comments, one by one and many at once.
import { App, Button, Dropdown, Input, Modal, Segmented, Space } from 'antd';
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import { call, objectPath, type Page } from '../api/client';
import type { Alert, Comment, Incident, User } from '../api/schema';
import { kindInfo } from '../api/schema';
import { useMay, useSession } from '../api/session';
import { asApiError, useGet } from '../api/use';
import { type Key, useI18n } from '../i18n';
import { visible } from '../lib/text';
import {
  type Change,
  changed,
  inverse,
  shortcutKeys,
  type VerdictName,
  verdicts,
} from '../lib/triage';
import { Text, Time, useErrorText } from './bits';
import { DownOutlined } from './icons';

type Subject = Alert | Incident;

export function Engine({ value }: { value: string }) {
  const { maybe } = useI18n();
  return (
    <span className="tag engine" title={maybe(`engine.${value}.doc`)}>
      {maybe(`engine.${value}`) ?? visible(value, 40)}
    </span>
  );
}

const shapes: Record<string, ReactNode> = {
  true_positive: <path d="M8 1 15 15H1z" />,
  false_positive: (
    <path d="M2 2 14 14M14 2 2 14" fill="none" stroke="currentColor" strokeWidth="2.4" />
  ),
  benign: <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="2.4" />,
};

/** Told by shape as well as by colour. */
export function Verdict({ value }: { value: string }) {
  const { maybe } = useI18n();
  if (!value || value === 'none') return null;
  return (
    <span className={`verdict-mark verdict-${value}`}>
      <svg viewBox="0 0 16 16" width="10" height="10" aria-hidden="true" fill="currentColor">
        {shapes[value]}
      </svg>
      {maybe(`verdict.${value}`) ?? visible(value, 40)}
    </span>
  );
}

export function Assignee({ name }: { name?: string }) {
  const { t } = useI18n();
  const { user } = useSession();
  if (!name) return null;
  return (
    <span className={`assignee ${name === user?.name ? 'me' : ''}`} title={t('f.assignee')}>
      <i aria-hidden="true">{[...name][0]?.toUpperCase()}</i>
      <Text value={name} max={40} />
    </span>
  );
}

/** How long what was done can be taken back from the message that tells of it. */
const UNDO_S = 8;
const OVERLAY_MS = 6000;

/** Makes changes at once on the screen, then at the console; offers to take them back. */
export function useTriage<T extends Subject>(kind: 'alert' | 'incident', done?: () => void) {
  const { t } = useI18n();
  const { message } = App.useApp();
  const words = useErrorText();
  const [overlay, setOverlay] = useState<ReadonlyMap<string, Change>>(new Map());
  const [busy, setBusy] = useState(false);
  const plural = kindInfo[kind].plural;
  const latest = useRef(done);
  latest.current = done;

  const lay = useCallback((ids: readonly string[], c: Change) => {
    setOverlay((m) => {
      const next = new Map(m);
      for (const id of ids) next.set(id, { ...next.get(id), ...c });
      return next;
    });
  }, []);
  const lift = useCallback((ids: readonly string[]) => {
    setOverlay((m) => {
      const next = new Map(m);
      for (const id of ids) next.delete(id);
      return next;
    });
  }, []);
  const fail = useCallback(
    (e: unknown) => {
      const w = words(asApiError(e));
      message.error([w.title, w.detail].filter(Boolean).join(': '));
    },
    [message, words],
  );
  const send = useCallback(
    async (ids: string[], set: Change, comment?: string) => {
      if (ids.length === 1 && !comment) await call('PATCH', objectPath(plural, ids[0] ?? ''), set);
      else
        await call('POST', `/${plural}/bulk`, {
          ids,
          ...(Object.keys(set).length > 0 && { set }),
          ...(comment && { comment }),
        });
    },
    [plural],
  );

  const undo = useCallback(
    async (key: string, before: readonly T[], set: Change) => {
      message.destroy(key);
      try {
        for (const part of inverse(before, set)) {
          lay(part.ids, part.set);
          await send(part.ids, part.set);
        }
        message.success(t('triage.undone'));
      } catch (e) {
        fail(e);
      }
      lift(before.map((b) => b.id));
      latest.current?.();
    },
    [message, lay, lift, send, fail, t],
  );

  const apply = useCallback(
    async (before: readonly T[], set: Change, said: string, comment?: string) => {
      if (!before.length) return false;
      const ids = before.map((b) => b.id);
      const key = `triage-${ids[0]}-${Date.now()}`;
      lay(ids, set);
      setBusy(true);
      try {
        await send(ids, set, comment);
      } catch (e) {
        lift(ids);
        fail(e);
        setBusy(false);
        return false;
      }
      setBusy(false);
      setTimeout(() => lift(ids), OVERLAY_MS);
      latest.current?.();
      message.open({
        key,
        type: 'success',
        duration: UNDO_S,
        content: (
          <span data-testid="triage-toast">
            {said}
            {Object.keys(set).length > 0 && (
              <Button
                type="link"
                size="small"
                data-testid="triage-undo"
                onClick={() => void undo(key, before, set)}
              >
                {t('triage.undo')}
              </Button>
            )}
          </span>
        ),
      });
      return true;
    },
    [lay, lift, send, fail, message, undo, t],
  );

  const amend = useCallback(
    (row: T): T => {
      const c = overlay.get(row.id);
      return c ? (changed(row, c) as T) : row;
    },
    [overlay],
  );
  return { apply, amend, busy, fail };
}

/** What is said when a change is made. */
export function useSaid() {
  const { t, maybe } = useI18n();
  return {
    verdict: (v: string, n: number) =>
      t('triage.closedAs', { n, verdict: maybe(`verdict.${v}`) ?? v }),
    mine: (n: number) => t('triage.nowYours', { n }),
    assigned: (n: number, name: string) =>
      name ? t('triage.assignedTo', { n, name: visible(name, 40) }) : t('triage.nobodys', { n }),
    commented: (n: number) => t('triage.commented', { n }),
  };
}

export function VerdictButtons(props: {
  value?: string;
  disabled?: boolean;
  size?: 'small';
  choose: (v: VerdictName) => void;
}) {
  const { t } = useI18n();
  return (
    <Space.Compact>
      {verdicts.map((v) => (
        <Button
          key={v}
          size={props.size}
          disabled={props.disabled}
          type={props.value === v ? 'primary' : 'default'}
          ghost={props.value === v}
          aria-pressed={props.value === v}
          data-testid={`verdict-${v}`}
          title={t(`verdict.${v}.doc` as Key)}
          className={`verdict-button verdict-${v}`}
          icon={
            <svg viewBox="0 0 16 16" width="10" height="10" aria-hidden="true" fill="currentColor">
              {shapes[v]}
            </svg>
          }
          onClick={() => props.choose(v)}
        >
          {t(`verdict.${v}` as Key)}
        </Button>
      ))}
    </Space.Compact>
  );
}

/** Assigns to oneself with one click; to others and to nobody from its menu. */
export function AssignButton(props: {
  name?: string;
  size?: 'small';
  disabled?: boolean;
  choose: (name: string) => void;
}) {
  const { t } = useI18n();
  const { user } = useSession();
  const admin = useMay('admin');
  const [wanted, setWanted] = useState(false);
  const users = useGet<Page<User>>(admin && wanted ? '/users?limit=200' : undefined);
  const me = user?.name ?? '';
  const others = (users.data?.items ?? []).filter((u) => !u.disabled && u.name && u.name !== me);
  return (
    <Space.Compact>
      <Button
        size={props.size}
        disabled={props.disabled || props.name === me}
        data-testid="assign-me"
        onClick={() => props.choose(me)}
      >
        {props.name === me ? t('triage.isYours') : t('triage.assignMe')}
      </Button>
      <Dropdown
        trigger={['click']}
        disabled={props.disabled}
        onOpenChange={setWanted}
        menu={{
          items: [
            ...others.map((u) => ({ key: `u:${u.name}`, label: visible(u.name ?? '', 60) })),
            ...(others.length ? [{ type: 'divider' as const }] : []),
            { key: 'nobody', label: t('triage.nobody') },
          ],
          onClick: (e) => props.choose(e.key === 'nobody' ? '' : e.key.slice(2)),
        }}
      >
        <Button
          size={props.size}
          disabled={props.disabled}
          icon={<DownOutlined />}
          aria-label={t('triage.assignOther')}
        />
      </Dropdown>
    </Space.Compact>
  );
}

/** A comment on one or many, which may close them at the same time. */
export function CommentDialog(props: {
  open: boolean;
  n: number;
  close: () => void;
  save: (text: string, verdict: VerdictName | undefined) => Promise<unknown>;
}) {
  const { t } = useI18n();
  const [text, setText] = useState('');
  const [verdict, setVerdict] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (!props.open) return;
    setText('');
    setVerdict('');
  }, [props.open]);
  const ok = text.trim() !== '';
  const save = async () => {
    if (!ok || busy) return;
    setBusy(true);
    const saved = await props.save(
      text.trim(),
      verdicts.find((v) => v === verdict),
    );
    setBusy(false);
    if (saved) props.close();
  };
  return (
    <Modal
      open={props.open}
      title={t('triage.commentOn', { n: props.n })}
      onCancel={props.close}
      onOk={save}
      okText={verdict ? t('triage.commentClose') : t('triage.commentSave')}
      cancelText={t('triage.cancel')}
      okButtonProps={{
        disabled: !ok,
        loading: busy,
        ...({ 'data-testid': 'comment-save' } as object),
      }}
      destroyOnHidden
    >
      <Input.TextArea
        autoFocus
        rows={4}
        maxLength={2000}
        value={text}
        data-testid="comment-text"
        aria-label={t('triage.comment')}
        placeholder={t('triage.commentPlaceholder')}
        onChange={(e) => setText(e.target.value)}
        onKeyDown={(e) => {
          if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) void save();
        }}
      />
      <div className="comment-close">
        <span className="dim">{t('triage.closeAs')}</span>
        <Segmented
          size="small"
          value={verdict}
          data-testid="comment-verdict"
          options={[
            { value: '', label: t('triage.stays') },
            ...verdicts.map((v) => ({ value: v, label: t(`verdict.${v}` as Key) })),
          ]}
          onChange={(v) => setVerdict(String(v))}
        />
      </div>
      <p className="dim hint">{t('triage.commentKeys')}</p>
    </Modal>
  );
}

/** Notes on one object, and a place for a new one. */
export function Comments(props: {
  comments?: readonly Comment[];
  add?: (text: string) => Promise<boolean>;
}) {
  const { t } = useI18n();
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const add = async () => {
    if (!text.trim() || busy || !props.add) return;
    setBusy(true);
    if (await props.add(text.trim())) setText('');
    setBusy(false);
  };
  return (
    <div className="comments">
      {!props.comments?.length && !props.add && <p className="dim">{t('triage.noComments')}</p>}
      <ul>
        {props.comments?.map((c) => (
          <li key={`${c.time} ${c.user} ${c.text}`}>
            <div>
              <b>
                <Text value={c.user} max={60} />
              </b>
              <Time value={c.time} relative />
            </div>
            <p className="pre">
              <Text value={c.text} max={4000} />
            </p>
          </li>
        ))}
      </ul>
      {props.add && (
        <div className="comment-new">
          <Input.TextArea
            autoSize={{ minRows: 1, maxRows: 8 }}
            maxLength={2000}
            value={text}
            data-testid="comment-inline"
            aria-label={t('triage.comment')}
            placeholder={t('triage.commentPlaceholder')}
            onChange={(e) => setText(e.target.value)}
            onKeyDown={(e) => {
              if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) void add();
            }}
          />
          <Button disabled={!text.trim()} loading={busy} onClick={add} data-testid="comment-add">
            {t('triage.commentSave')}
          </Button>
        </div>
      )}
    </div>
  );
}

export function ShortcutHelp({ open, close }: { open: boolean; close: () => void }) {
  const { t } = useI18n();
  return (
    <Modal
      open={open}
      onCancel={close}
      footer={null}
      title={t('keys.title')}
      width={440}
      destroyOnHidden
    >
      <dl className="keys" data-testid="shortcut-help">
        {shortcutKeys.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key === 'Escape' ? 'Esc' : key}</kbd>
            </dt>
            <dd>{t(`keys.${does}` as Key)}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}

/** Below the list while rows are selected. */
export function BulkBar(props: {
  n: number;
  busy: boolean;
  verdict: (v: VerdictName) => void;
  assign: (name: string) => void;
  comment: () => void;
  clear: () => void;
  children?: ReactNode;
}) {
  const { t } = useI18n();
  if (!props.n) return null;
  return (
    <div className="bulk-bar" role="toolbar" aria-label={t('triage.bulk')} data-testid="bulk-bar">
      <b className="num">{t('triage.selected', { n: props.n })}</b>
      <VerdictButtons disabled={props.busy} choose={props.verdict} />
      <AssignButton disabled={props.busy} choose={props.assign} />
      <Button disabled={props.busy} onClick={props.comment} data-testid="bulk-comment">
        {t('triage.commentDo')}
      </Button>
      {props.children}
      <Button type="text" onClick={props.clear}>
        {t('triage.clear')}
      </Button>
    </div>
  );
}

/** Is something open above the page that takes the keys for itself? */
export function dialogOpen(): boolean {
  return [...document.querySelectorAll<HTMLElement>('.ant-modal-wrap')].some(
    (e) => e.style.display !== 'none',
  );
}
