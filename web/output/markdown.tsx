/**
 * Markdown as elements. Only the lexer of `marked` is used: no HTML text exists at any time. HTML in the text is
 * shown as text; pictures are links; links go to http, https and mailto alone, and say their host.
 */
import { Lexer, type Token, type Tokens } from 'marked';
import type { ComponentChildren, JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { toSafeText } from './safe-text.ts';

/** Deeper nesting is shown as text. */
const depthMax = 40;

export function Markdown({ text }: { text: string }) {
  const tokens = useMemo(() => lex(text), [text]);
  if (tokens === null) return <article class="output-text">{toSafeText(text)}</article>;
  return <article class="markdown">{toBlocks(tokens, 0)}</article>;
}

function lex(text: string): Token[] | null {
  try {
    return Lexer.lex(text, { gfm: true });
  } catch {
    // A text that the lexer cannot take is shown as it is.
    return null;
  }
}

function toBlocks(tokens: readonly Token[], depth: number): ComponentChildren {
  return tokens.map((token, at) => <Block key={`${at} ${token.type}`} token={token} depth={depth} />);
}

const headings = ['h3', 'h3', 'h4', 'h5', 'h6', 'h6'] as const;

function Block({ token, depth }: { token: Token; depth: number }): JSX.Element | null {
  if (depth > depthMax) return <p>{toSafeText(token.raw)}</p>;
  switch (token.type) {
    case 'space':
    case 'def':
      return null;
    case 'hr':
      return <hr />;
    case 'heading': {
      const Heading = headings[(token as Tokens.Heading).depth - 1] ?? 'h6';
      return <Heading>{toInline(token.tokens, depth)}</Heading>;
    }
    case 'paragraph':
      return <p>{toInline(token.tokens, depth)}</p>;
    case 'code':
      return (
        <pre>
          <code>{toSafeText((token as Tokens.Code).text)}</code>
        </pre>
      );
    case 'blockquote':
      return <blockquote>{toBlocks(token.tokens ?? [], depth + 1)}</blockquote>;
    case 'list':
      return <List list={token as Tokens.List} depth={depth} />;
    case 'table':
      return <Table table={token as Tokens.Table} depth={depth} />;
    case 'text':
      return <>{token.tokens ? toInline(token.tokens, depth) : toSafeText((token as Tokens.Text).text)}</>;
    default:
      // HTML and whatever else there is: as text.
      return <p class="raw">{toSafeText(token.raw)}</p>;
  }
}

function List({ list, depth }: { list: Tokens.List; depth: number }) {
  const items = list.items.map((item, at) => (
    <li key={`${at} ${item.raw.length}`}>
      {item.task ? (item.checked ? '☑ ' : '☐ ') : ''}
      {toBlocks(item.tokens, depth + 1)}
    </li>
  ));
  return list.ordered ? <ol start={Number(list.start) || 1}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ table, depth }: { table: Tokens.Table; depth: number }) {
  return (
    <div class="markdown-table">
      <table>
        <thead>
          <tr>
            {table.header.map((cell, at) => (
              <th key={`${at} ${cell.text}`} scope="col">
                {toInline(cell.tokens, depth)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, at) => (
            <tr key={at}>
              {row.map((cell, column) => (
                <td key={column}>{toInline(cell.tokens, depth)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function toInline(tokens: readonly Token[] | undefined, depth: number): ComponentChildren {
  return (tokens ?? []).map((token, at) => <Inline key={`${at} ${token.type}`} token={token} depth={depth + 1} />);
}

function Inline({ token, depth }: { token: Token; depth: number }): JSX.Element {
  if (depth > depthMax) return <>{toSafeText(token.raw)}</>;
  switch (token.type) {
    case 'strong':
      return <strong>{toInline(token.tokens, depth)}</strong>;
    case 'em':
      return <em>{toInline(token.tokens, depth)}</em>;
    case 'del':
      return <del>{toInline(token.tokens, depth)}</del>;
    case 'codespan':
      return <code>{toSafeText((token as Tokens.Codespan).text)}</code>;
    case 'br':
      return <br />;
    case 'link':
      return <Link href={(token as Tokens.Link).href}>{toInline(token.tokens, depth)}</Link>;
    case 'image': {
      const { href, text } = token as Tokens.Image;
      return <Link href={href}>{toSafeText(text || 'picture')}</Link>;
    }
    case 'text':
      return <>{token.tokens ? toInline(token.tokens, depth) : toSafeText(toPlainText((token as Tokens.Text).text))}</>;
    case 'escape':
      return <>{toSafeText((token as Tokens.Escape).text)}</>;
    default:
      return <>{toSafeText(token.raw)}</>;
  }
}

/** The lexer leaves entities in plain text as they are. */
function toPlainText(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}

function Link({ href, children }: { href: string; children: ComponentChildren }) {
  const target = toTarget(href);
  if (target === null) return <span title="This link is not followed">{children}</span>;
  return (
    <a class="link" href={target.href} target="_blank" rel="noopener noreferrer" title={toSafeText(href)}>
      {children}
      <small class="link-host">{target.host}</small>
    </a>
  );
}

/** null for every other kind of address, such as `javascript:` or `data:`. */
export function toTarget(href: string): { href: string; host: string } | null {
  let url: URL;
  try {
    url = new URL(href);
  } catch {
    return null;
  }
  if (url.protocol === 'mailto:') return { href: url.href, host: 'mail' };
  return url.protocol === 'http:' || url.protocol === 'https:' ? { href: url.href, host: url.host } : null;
}
