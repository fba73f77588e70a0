import type { Rule } from '../api/schema';
import { useI18n } from '../i18n';
import { words } from '../lib/rules';
import { visible } from '../lib/text';
import { Copy, Facts, Tags, Technique, Text } from './bits';

/** The name of a rule in the reader's language, when the rule has one. */
export function useRuleTitle() {
  const { lang } = useI18n();
  return (r: Pick<Rule, 'name' | 'title_zh'>) =>
    lang === 'zh' && r.title_zh ? r.title_zh : r.name;
}

export function useRuleDesc() {
  const { lang } = useI18n();
  return (r: Rule) => (lang === 'zh' && r.desc_zh) || r.desc;
}

export function Code({ text }: { text: string }) {
  return (
    <div className="code">
      <pre>
        <Text value={text} />
      </pre>
      <Copy text={text} />
    </div>
  );
}

/** The words of a condition in their colours; text of rule files is hostile as all other is. */
export function Condition({ text }: { text: string }) {
  let at = 0;
  return (
    <div className="code">
      <pre className="condition">
        {words(text).map((w) => {
          const key = at;
          at += w.text.length;
          return (
            <span key={key} className={`w-${w.type}`}>
              {visible(w.text, 20000)}
            </span>
          );
        })}
      </pre>
      <Copy text={text} />
    </div>
  );
}

/** inAlert: what the alert itself shows is left out. */
export function RuleView({ rule: r, inAlert }: { rule: Rule; inAlert?: boolean }) {
  const { t, lang } = useI18n();
  const desc = useRuleDesc()(r);
  const advice = (lang === 'zh' && r.advice_zh) || r.advice;
  const techniques = inAlert ? [] : (r.techniques ?? []);
  const tags = r.tags?.filter((x) => !r.techniques?.includes(x));
  return (
    <div className="rule">
      {desc && (
        <p>
          <Text value={desc.trim()} />
        </p>
      )}
      {advice && !inAlert && (
        <>
          <h4>{t('rule.advice')}</h4>
          <p className="pre">
            <Text value={advice.trim()} />
          </p>
        </>
      )}
      {techniques.length > 0 && (
        <div className="tags">
          {techniques.map((x) => (
            <Technique key={x} id={x} />
          ))}
        </div>
      )}
      {r.condition && (
        <>
          <h4>{t('rule.condition')}</h4>
          <Condition text={r.condition.trim()} />
        </>
      )}
      {r.output && (
        <>
          <h4>{t('rule.output')}</h4>
          <Code text={r.output.trim()} />
        </>
      )}
      <Facts
        items={[
          [t('f.source'), r.source && visible(r.source)],
          [
            t('rule.file'),
            r.file && (
              <span className="mono">
                <Text value={r.line ? `${r.file}:${r.line}` : r.file} />
              </span>
            ),
          ],
          [t('f.tags'), tags?.length ? <Tags values={tags} /> : undefined],
        ]}
      />
    </div>
  );
}
