/**
 * The journal as a person reads it: lines of text, JSON behind the fifty-third byte. Knows nothing of checksums and
 * shares no code with the engine, so that the two can disagree.
 */
export interface JournalLine {
  /** Of the line's first byte, and of the byte behind its line break. */
  readonly from: number;
  readonly end: number;
  /** null for a segment's header. */
  readonly batch: number | null;
  /** null for a header or a marker. */
  readonly event: JournalFact | null;
}

interface JournalFact {
  readonly kind: string;
  readonly workflowId: string;
  readonly stepId?: string;
  readonly outputs?: { readonly json?: unknown };
}

export function readLines(segment: Buffer): JournalLine[] {
  const lines: JournalLine[] = [];
  for (let from = 0; from < segment.length; ) {
    const end = segment.indexOf(0x0a, from) + 1;
    if (end === 0) throw new Error(`no line break behind offset ${from}`);
    const text = segment.toString('utf8', from, end - 1);
    const isHeader = text.startsWith('HJ1 SEGMENT');
    const json = text.slice(53);
    lines.push({
      from,
      end,
      batch: isHeader ? null : Number.parseInt(text.slice(15, 23), 16),
      event: isHeader || json === '' ? null : (JSON.parse(json) as JournalFact),
    });
    from = end;
  }
  return lines;
}

/** Workflow → step → recorded result, by the events of these lines; workflows without any result are there too. */
export function resultsOf(lines: readonly JournalLine[]): Map<string, Map<string, string>> {
  const results = new Map<string, Map<string, string>>();
  for (const { event } of lines) {
    if (event === null) continue;
    if (event.kind === 'workflow.created') results.set(event.workflowId, new Map());
    if (event.stepId !== undefined && event.outputs !== undefined)
      results.get(event.workflowId)?.set(event.stepId, JSON.stringify(event.outputs.json));
  }
  return results;
}
