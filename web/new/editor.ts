/**
 * CodeMirror, in a shadow root: there it styles itself through adopted sheets, which the page's policy allows. Loaded when
 * somebody edits.
 */
import { autocompletion, type CompletionContext, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { yaml } from '@codemirror/lang-yaml';
import {
  bracketMatching,
  defaultHighlightStyle,
  HighlightStyle,
  indentUnit,
  syntaxHighlighting,
} from '@codemirror/language';
import { type Diagnostic, setDiagnostics } from '@codemirror/lint';
import { Compartment, EditorState } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import type { CompletionList } from './complete.ts';
import type { DefinitionFormat, TextFault } from './definition-text.ts';

export interface EditorParts {
  readonly text: string;
  readonly format: DefinitionFormat;
  onChange(text: string): void;
  complete(text: string, cursor: number): CompletionList | null;
  dryRun(): void;
  run(): void;
}

export interface DefinitionEditor {
  setText(text: string, format: DefinitionFormat): void;
  showFaults(faults: readonly TextFault[]): void;
  select(from: number, to: number): void;
  destroy(): void;
}

/** Colours of the page: custom properties reach into the shadow root. */
const look = EditorView.theme({
  '&': { height: '100%', fontSize: '12.5px', color: 'var(--text)', backgroundColor: 'var(--surface)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '19px' },
  '.cm-content': { caretColor: 'var(--accent)', padding: '10px 0' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)' },
  '.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--text-3)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'color-mix(in srgb, var(--surface-2) 60%, transparent)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--accent-tint)',
  },
  '.cm-tooltip': {
    border: '1px solid var(--line-strong)',
    borderRadius: '8px',
    backgroundColor: 'var(--surface)',
    color: 'var(--text)',
    overflow: 'hidden',
  },
  '.cm-tooltip-autocomplete > ul > li': { padding: '3px 10px', fontFamily: 'var(--mono)' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent-tint)', color: 'var(--text)' },
  '.cm-completionDetail': {
    color: 'var(--text-3)',
    fontStyle: 'normal',
    fontFamily: 'var(--sans)',
    marginLeft: '10px',
  },
  '.cm-diagnostic': { padding: '6px 10px', fontFamily: 'var(--sans)' },
});

const colours = HighlightStyle.define(
  defaultHighlightStyle.specs.map((spec) => ({ ...spec, ...(spec.color ? { color: toToken(spec.color) } : {}) })),
);

/** The default style's colours are for a white page. */
function toToken(colour: string): string {
  switch (colour) {
    case '#a11':
    case '#e40':
      return 'var(--ok)';
    case '#164':
    case '#219':
      return 'var(--stop)';
    case '#940':
      return 'var(--text-3)';
    case '#f00':
      return 'var(--fail)';
    default:
      return 'var(--run)';
  }
}

export function createEditor(place: HTMLElement, parts: EditorParts): DefinitionEditor {
  const root = place.shadowRoot ?? place.attachShadow({ mode: 'open' });
  const language = new Compartment();
  const source = (context: CompletionContext) => {
    const found = parts.complete(context.state.doc.toString(), context.pos);
    if (found === null || (found.from === context.pos && !context.explicit && !isOpening(context))) return null;
    return {
      from: found.from,
      options: found.choices.map(({ text, detail, insert }) => ({ label: text, detail, apply: insert ?? text })),
      validFor: /^[\w.-]*$/,
    };
  };
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: parts.text,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        highlightActiveLine(),
        bracketMatching(),
        indentUnit.of('  '),
        syntaxHighlighting(colours),
        autocompletion({ override: [source], icons: false }),
        language.of(toLanguage(parts.format)),
        keymap.of([
          { key: 'Mod-Enter', run: () => doneBy(parts.dryRun) },
          { key: 'Mod-Shift-Enter', run: () => doneBy(parts.run) },
          ...completionKeymap,
          ...defaultKeymap,
          ...historyKeymap,
          indentWithTab,
        ]),
        look,
        EditorView.domEventHandlers({ beforeinput: replaceSelection }),
        EditorView.contentAttributes.of({ 'aria-label': 'Definition of the run', tabindex: '0' }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) parts.onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    setText(text, format) {
      view.dispatch({
        changes: { from: 0, to: view.state.doc.length, insert: text },
        effects: language.reconfigure(toLanguage(format)),
      });
    },
    showFaults(faults) {
      const max = view.state.doc.length;
      const shown = faults.map(
        ({ from, to, message, severity }): Diagnostic => ({
          from: Math.min(from, max),
          to: Math.min(Math.max(to, from), max),
          message,
          severity,
        }),
      );
      view.dispatch(setDiagnostics(view.state, shown));
    },
    select(from, to) {
      view.dispatch({ selection: { anchor: from, head: Math.min(to, view.state.doc.length) }, scrollIntoView: true });
      view.focus();
    },
    destroy() {
      view.destroy();
    },
  };
}

/**
 * Where a person types over what is chosen, the browser would keep its look in a style attribute, which the policy refuses
 * and reports. So the editor replaces it itself.
 */
function replaceSelection(event: InputEvent, view: EditorView): boolean {
  if (event.inputType !== 'insertText' || event.isComposing || event.data === null) return false;
  if (view.state.selection.main.empty) return false;
  event.preventDefault();
  view.dispatch(view.state.replaceSelection(event.data), { userEvent: 'input.type', scrollIntoView: true });
  return true;
}

/** Tells the editor that nothing else is to be done with the key. */
function doneBy(act: () => void): true {
  act();
  return true;
}

/** After `{{` or `steps.` choices come by themselves. */
function isOpening(context: CompletionContext): boolean {
  return context.matchBefore(/(?:\{\{\s*|steps\.|params\.|action:\s)$/) !== null;
}

function toLanguage(format: DefinitionFormat) {
  return format === 'json' ? json() : yaml();
}
