// A rule file under change: the editor when it is loaded, a plain box until then or where it fails.
import { Input } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { useI18n } from '../i18n';
import type { Editor, Problem } from '../lib/editor';

interface Props {
  text: string;
  onChange: (text: string) => void;
  problem?: Problem;
  readOnly?: boolean;
}

export function RuleEditor({ text, onChange, problem, readOnly }: Props) {
  const { t } = useI18n();
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | undefined>(undefined);
  const latest = useRef({ text, onChange, problem });
  latest.current = { text, onChange, problem };
  const [state, setState] = useState<'loading' | 'there' | 'failed'>('loading');
  const label = t('rulefile.text');

  useEffect(() => {
    let gone = false;
    import('../lib/editor')
      .then(({ mountEditor }) => {
        if (gone || !place.current) return;
        editor.current = mountEditor(place.current, {
          text: latest.current.text,
          label,
          readOnly,
          onChange: (s) => latest.current.onChange(s),
        });
        editor.current.setProblem(latest.current.problem);
        setState('there');
      })
      .catch(() => setState('failed'));
    return () => {
      gone = true;
      editor.current?.destroy();
      editor.current = undefined;
    };
  }, [label, readOnly]);

  useEffect(() => {
    const e = editor.current;
    if (e && e.text() !== text) e.setText(text);
  }, [text]);
  useEffect(() => editor.current?.setProblem(problem), [problem]);

  return (
    <div
      className={`editor ${problem ? 'editor-bad' : ''}`}
      data-testid="rule-editor"
      data-state={state}
    >
      <div ref={place} hidden={state !== 'there'} />
      {state !== 'there' && (
        <Input.TextArea
          aria-label={label}
          className="mono"
          value={text}
          readOnly={readOnly}
          spellCheck={false}
          autoSize={{ minRows: 16, maxRows: 40 }}
          onChange={(e) => onChange(e.target.value)}
        />
      )}
    </div>
  );
}
