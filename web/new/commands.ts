/** The same run as a command to paste. Pure. */

export interface RunCommand {
  readonly template: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** As in `http://127.0.0.1:8000`. */
  readonly origin: string;
  readonly needsToken: boolean;
}

export function toCurl({ template, params, origin, needsToken }: RunCommand): string {
  const lines = [
    `curl ${quote(`${origin}/api/workflows/from-template?template_id=${encodeURIComponent(template)}`)}`,
    ...(needsToken ? ['-H "Authorization: Bearer $API_TOKEN"'] : []),
    `-H 'Content-Type: application/json'`,
    `--data-binary ${quote(JSON.stringify(params))}`,
  ];
  return lines.join(' \\\n  ');
}

export function toCli({ template, params, origin }: RunCommand): string {
  const given = Object.entries(params).map(([name, value]) => {
    const text = typeof value === 'string' ? value.replace(/^@/, '@@') : JSON.stringify(value);
    return `--param ${quote(`${name}=${text}`)}`;
  });
  return ['hybrid-engine run', quote(template), ...given, '--server', quote(origin)].join(' ');
}

/** For a POSIX shell. */
function quote(text: string): string {
  return /^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
