/**
 * Goal: one name, one thing, and functions that a reader can hold in mind. Method: every source is parsed. No exported type or
 * class has the name of another, no rule number has two owners, and no function is longer than its bound.
 */
import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const functionLinesMax = 70;
/** Functions that are one table: routes with their handlers, and the switch that says what each event does. */
const tables = new Set([
  'src/server/routes/workflows.ts: makingRoutes',
  'src/server/routes/workflows.ts: readingRoutes',
  'src/server/routes/operations.ts: operationRoutes',
  'src/server/routes/rehearsals.ts: rehearsalRoutes',
  'src/server/routes/run-views.ts: runViewRoutes',
  'src/core/evolve.ts: applyToSteps',
]);

interface Source {
  readonly file: string;
  readonly text: string;
}

function readSources(): Source[] {
  return fs
    .readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => ({ file: path.join('src', name), text: fs.readFileSync(path.join('src', name), 'utf8') }));
}

function parse({ file, text }: Source): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
}

/** Names that belong to more than one file, with their files. */
function findTwice(sources: readonly Source[], namesOf: (source: Source) => string[]): Record<string, string[]> {
  const owners = new Map<string, string[]>();
  for (const source of sources)
    for (const name of namesOf(source)) owners.set(name, [...(owners.get(name) ?? []), source.file]);
  return Object.fromEntries([...owners].filter(([, files]) => files.length > 1));
}

function exportedTypes(source: Source): string[] {
  return parse(source).statements.flatMap((statement) => {
    const isNamed =
      ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement) || ts.isClassDeclaration(statement);
    const isExported = isNamed && statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    return isExported && statement.name ? [statement.name.text] : [];
  });
}

/** Rules are listed in the head of their file, each on a line of its own: ` *   K1  write, then speak`. */
function ruleNumbers({ text }: Source): string[] {
  return [...text.matchAll(/^ \*\s{1,6}([A-Z]{1,3}\d{1,2})\s{2}\S/gm)].map(([, number]) => number ?? '');
}

function longFunctions(source: Source): string[] {
  const found: string[] = [];
  const file = parse(source);
  const lineOf = (position: number) => file.getLineAndCharacterOfPosition(position).line;
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      const lines = lineOf(node.end) - lineOf(node.getStart()) + 1;
      const name = node.name ?? (ts.isVariableDeclaration(node.parent) ? node.parent.name : undefined);
      const title = `${source.file}: ${name?.getText() ?? 'a function without a name'}`;
      if (lines > functionLinesMax && !tables.has(title)) found.push(`${title} has ${lines} lines`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const sources = readSources();

describe('in src', () => {
  it('no two exported types have one name', () => {
    expect(findTwice(sources, exportedTypes)).toEqual({});
    expect(sources.flatMap(exportedTypes).length).toBeGreaterThan(200);
  });

  it('no rule number has two owners', () => {
    expect(findTwice(sources, ruleNumbers)).toEqual({});
    expect(sources.flatMap(ruleNumbers).length).toBeGreaterThan(80);
  });

  it(`no function has more than ${functionLinesMax} lines`, () => {
    expect(sources.flatMap(longFunctions)).toEqual([]);
  });
});

describe('these tests', () => {
  const made = (text: string, file = 'src/made.ts') => ({ file, text });

  it('find a type of another file', () => {
    const [one, two] = [made('export class Lane {}', 'src/a.ts'), made('export type Lane = 1;', 'src/b.ts')];
    expect(findTwice([one, two], exportedTypes)).toEqual({ Lane: ['src/a.ts', 'src/b.ts'] });
  });

  it('find a rule of another file', () => {
    const rule = (file: string) => made('/**\n *   K1  write, then speak.\n */', file);
    expect(findTwice([rule('src/a.ts'), rule('src/b.ts')], ruleNumbers)).toEqual({ K1: ['src/a.ts', 'src/b.ts'] });
  });

  it('find a long function, and none at the bound', () => {
    const lines = (count: number) => made(`function f() {\n${'f();\n'.repeat(count - 2)}}`);
    expect(longFunctions(lines(functionLinesMax))).toEqual([]);
    expect(longFunctions(lines(functionLinesMax + 1))).toEqual([`src/made.ts: f has ${functionLinesMax + 1} lines`]);
  });
});
