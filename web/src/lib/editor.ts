// The editor of rule files: CodeMirror, loaded when somebody edits. Nothing here may import React
// or antd, or they would be pulled into a chunk that both halves need.
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { HighlightStyle, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { type Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { EditorState } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';

export interface Problem {
  line: number; // from 1
  col: number; // from 1
  message: string;
}
export interface Editor {
  text: () => string;
  setText: (text: string) => void;
  setProblem: (p: Problem | undefined) => void;
  go: (line: number, col: number) => void;
  destroy: () => void;
}

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--good)' },
  { tag: [tags.comment, tags.lineComment], color: 'var(--dim)', fontStyle: 'italic' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--p-error)' },
  { tag: [tags.keyword, tags.typeName, tags.labelName], color: 'var(--p-notice)' },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket], color: 'var(--dim)' },
]);

const look = EditorView.theme({
  '&': { backgroundColor: 'var(--surface)', color: 'var(--text)', fontSize: '12.5px' },
  '&.cm-focused': { outline: '2px solid var(--honey)', outlineOffset: '-1px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': {
    backgroundColor: 'var(--raised)',
    color: 'var(--dim)',
    borderRight: '1px solid var(--line)',
  },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--accent-soft)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground':
    { backgroundColor: 'var(--honey-soft)' },
  '.cm-selectionMatch': { backgroundColor: 'var(--accent-soft)' },
  '.cm-tooltip, .cm-panels': {
    backgroundColor: 'var(--surface)',
    color: 'var(--text)',
    borderColor: 'var(--line-strong)',
  },
  '.cm-diagnostic': { whiteSpace: 'pre-wrap', fontFamily: 'var(--mono)' },
});

export function mountEditor(
  parent: HTMLElement,
  o: { text: string; label: string; readOnly?: boolean; onChange: (text: string) => void },
): Editor {
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: o.text,
      extensions: [
        lineNumbers(),
        lintGutter(),
        history(),
        drawSelection(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        highlightSelectionMatches(),
        indentUnit.of('  '),
        yaml(),
        syntaxHighlighting(colours),
        look,
        keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap]),
        EditorState.readOnly.of(o.readOnly ?? false),
        EditorView.contentAttributes.of({
          'aria-label': o.label,
          spellcheck: 'false',
          autocapitalize: 'off',
        }),
        EditorView.updateListener.of((u) => {
          if (u.docChanged) o.onChange(u.state.doc.toString());
        }),
      ],
    }),
  });
  /** Where line and column are; in bytes as the console counts, in characters here: near enough. */
  const at = (line: number, col: number) => {
    const l = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
    return Math.min(l.from + Math.max(col - 1, 0), l.to);
  };
  return {
    text: () => view.state.doc.toString(),
    setText: (text) =>
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    setProblem: (p) => {
      const list: Diagnostic[] = [];
      if (p) {
        const from = at(p.line, p.col);
        const word = /^[\w.-]+/.exec(view.state.sliceDoc(from, from + 80))?.[0].length ?? 0;
        const end = view.state.doc.lineAt(from).to;
        list.push({
          from,
          to: Math.min(end, from + Math.max(word, 1)),
          severity: 'error',
          message: p.message,
        });
      }
      view.dispatch(setDiagnostics(view.state, list));
    },
    go: (line, col) => {
      view.dispatch({ selection: { anchor: at(line, col) }, scrollIntoView: true });
      view.focus();
    },
    destroy: () => view.destroy(),
  };
}
