/**
 * Outputs of any size as a tree. The values stay in the worker; each opened entry asks for a hundred of its children.
 * Two levels are open at first. Strings show 400 characters, then as much as a person asks for.
 */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { useRunScope } from '../run/run-context.ts';
import type { TreeNode, TreePath, TreeSource } from '../run/run-messages.ts';
import { childrenOf, toNode, toReference, valueAt } from '../run/tree.ts';
import { copyText } from '../ui/copy.ts';
import { Icon } from '../ui/icon.tsx';
import { bytesText, counted, countText } from '../ui/money.ts';
import { detailOf } from '../wire/problem.ts';
import { toSafeLine, toSafeText } from './safe-text.ts';

const pageSize = 100;
const openLevels = 2;
/** Entries that are open from the start, in all: a tree of thousands opens one level. */
const openSizeMax = 40;
const stringMax = 256 * 1024;

/** Where a tree's values come from. */
interface TreeReader {
  children(path: TreePath, from: number, limit: number): Promise<{ nodes: TreeNode[]; total: number }>;
  text(path: TreePath, lengthMax: number): Promise<{ text: string; length: number }>;
  /** What a definition calls the value; null where it can name none. */
  referenceOf(path: TreePath): string | null;
}

interface JsonTreeProps {
  readonly stepId: string;
  readonly source: TreeSource;
  /** Of the step's read: another one asks for everything again. */
  readonly turn: number;
  readonly label: string;
}

export function JsonTree({ stepId, source, turn, label }: JsonTreeProps) {
  const { store } = useRunScope();
  const [query, setQuery] = useState('');
  const reader = useMemo<TreeReader>(
    () => ({
      children: (path, from, limit) => store.worker.call('children', { stepId, source, path, from, limit }),
      text: (path, lengthMax) => store.worker.call('text', { stepId, source, path, lengthMax }),
      referenceOf: (path) => (source === 'outputs' ? toReference(stepId, source, path) : null),
    }),
    [stepId, source, turn],
  );
  return (
    <section class="json" aria-label={label}>
      <label class="finder json-finder">
        <Icon name="search" size={14} />
        <span class="visually-hidden">Find in {label.toLowerCase()}</span>
        <input
          type="search"
          placeholder={`Find in ${label.toLowerCase()}`}
          value={query}
          onInput={({ currentTarget }) => setQuery(currentTarget.value)}
        />
      </label>
      {query.trim() === '' ? (
        <Children key={turn} reader={reader} path={[]} level={0} />
      ) : (
        <Hits key={`${turn} ${query}`} stepId={stepId} source={source} query={query.trim()} reader={reader} />
      )}
    </section>
  );
}

/** A value that the page holds already. */
export function JsonValue({ value }: { value: unknown }) {
  const reader = useMemo<TreeReader>(
    () => ({
      children: (path, from, limit) => Promise.resolve(childrenOf(valueAt(value, path), from, limit)),
      text: (path) => {
        const text = String(valueAt(value, path));
        return Promise.resolve({ text, length: text.length });
      },
      referenceOf: () => null,
    }),
    [value],
  );
  if (typeof value !== 'object' || value === null) {
    return (
      <div class="json">
        <Leaf reader={reader} path={[]} node={toNode('', value)} />
      </div>
    );
  }
  return (
    <div class="json">
      <Children reader={reader} path={[]} level={0} />
    </div>
  );
}

interface BranchProps {
  readonly reader: TreeReader;
  readonly path: TreePath;
  readonly level: number;
}

function Children({ reader, path, level }: BranchProps) {
  const [nodes, setNodes] = useState<readonly TreeNode[] | null>(null);
  const [total, setTotal] = useState(0);
  const [fault, setFault] = useState<string | null>(null);
  const read = async (): Promise<void> => {
    try {
      const known = nodes ?? [];
      const answer = await reader.children(path, known.length, pageSize);
      setNodes([...known, ...answer.nodes]);
      setTotal(answer.total);
    } catch (error) {
      setFault(detailOf(error));
    }
  };
  useEffect(() => void read(), [reader]);
  if (fault !== null) return <p class="none">{fault}</p>;
  if (nodes === null) return null;
  const left = total - nodes.length;
  return (
    <ul class="json-list">
      {nodes.map((node) => (
        <li key={node.key}>
          <Node reader={reader} path={[...path, node.key]} node={node} level={level} isFew={total <= openSizeMax} />
        </li>
      ))}
      {left > 0 ? (
        <li>
          <button type="button" class="text-button json-more" onClick={() => void read()}>
            {countText(Math.min(left, pageSize))} more of {countText(total)}
          </button>
        </li>
      ) : null}
    </ul>
  );
}

interface NodeProps extends BranchProps {
  readonly node: TreeNode;
  readonly isFew: boolean;
}

function Node({ reader, path, node, level, isFew }: NodeProps) {
  const isContainer = node.kind === 'object' || node.kind === 'array';
  const [isOpen, setOpen] = useState(isContainer && level + 1 < openLevels && isFew && node.size <= openSizeMax);
  if (!isContainer || node.size === 0) return <Leaf reader={reader} path={path} node={node} />;
  return (
    <>
      <div class="json-line">
        <button type="button" class="json-toggle" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <Icon name="down" size={11} />
          <span class="json-key">{toSafeLine(String(node.key))}</span>
          <span class="json-size">
            {node.kind === 'array' ? counted(node.size, 'item') : counted(node.size, 'field')}
          </span>
        </button>
        <CopyPath reader={reader} path={path} />
      </div>
      {isOpen ? <Children reader={reader} path={path} level={level + 1} /> : null}
    </>
  );
}

function Leaf({ reader, path, node }: { reader: TreeReader; path: TreePath; node: TreeNode }) {
  const [whole, setWhole] = useState<{ text: string; length: number } | null>(null);
  const shown = whole?.text ?? node.text;
  const isCut = node.kind === 'string' && shown.length < node.size;
  const text =
    node.kind === 'string'
      ? `"${toSafeText(shown)}${isCut ? '…' : '"'}`
      : node.kind === 'object'
        ? '{}'
        : node.kind === 'array'
          ? '[]'
          : node.text;
  const showAll = async (): Promise<void> => setWhole(await reader.text(path, stringMax));
  return (
    <div class="json-line">
      {node.key === '' ? null : <span class="json-key">{toSafeLine(String(node.key))}</span>}
      <span class={`json-value is-${node.kind}`}>{text}</span>
      {isCut && whole === null ? (
        <button type="button" class="text-button" onClick={() => void showAll()}>
          show {node.size <= stringMax ? 'all' : bytesText(stringMax)} ({bytesText(node.size)})
        </button>
      ) : null}
      <CopyPath reader={reader} path={path} />
    </div>
  );
}

function CopyPath({ reader, path }: { reader: TreeReader; path: TreePath }) {
  const reference = reader.referenceOf(path);
  const copyValue = async (): Promise<void> => {
    const { text } = await reader.text(path, stringMax);
    await copyText(text, 'The value');
  };
  return (
    <span class="json-tools">
      <button
        type="button"
        class="json-tool"
        aria-label="Copy the value"
        title="Copy the value"
        onClick={() => void copyValue()}
      >
        <Icon name="copy" size={12} />
      </button>
      {reference === null ? null : (
        <button
          type="button"
          class="json-tool"
          aria-label="Copy the path"
          title={`Copy {{${reference}}}`}
          onClick={() => void copyText(`{{${reference}}}`, 'The path')}
        >
          <Icon name="link" size={12} />
        </button>
      )}
    </span>
  );
}

interface HitsProps {
  readonly stepId: string;
  readonly source: TreeSource;
  readonly query: string;
  readonly reader: TreeReader;
}

function Hits({ stepId, source, query, reader }: HitsProps) {
  const { store } = useRunScope();
  const [found, setFound] = useState<{ hits: { path: TreePath; node: TreeNode }[]; isCut: boolean } | null>(null);
  useEffect(() => {
    let isWanted = true;
    void store.worker.call('search', { stepId, source, query, limit: pageSize }).then((answer) => {
      if (isWanted) setFound(answer);
    });
    return () => {
      isWanted = false;
    };
  }, [reader, query]);
  if (found === null) return null;
  if (found.hits.length === 0) return <p class="none">Nothing has “{toSafeLine(query)}” in its name or value.</p>;
  return (
    <ul class="json-list">
      {found.hits.map(({ path, node }) => (
        <li key={path.join('/')}>
          <p class="json-path">{toSafeLine(path.join(' › '))}</p>
          <Leaf reader={reader} path={path} node={{ ...node, key: '' }} />
        </li>
      ))}
      {found.isCut ? <li class="muted">and more: look for something longer</li> : null}
    </ul>
  );
}
