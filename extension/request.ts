/** The call that brings a capture to its target. The same capture and target make the same bytes, however often it is sent. */
import type { Capture } from './capture.ts';
import type { Target } from './target.ts';

/** What the engine reads of one call: `creatingBodyBytesMax` of src/contract/limits.ts. */
export const bodyBytesMax = 8 * 1024 * 1024;
/** The longest address that the engine takes. */
const addressLengthMax = 8_192;
const titleLengthMax = 1_000;

export interface CaptureRequest {
  readonly path: string;
  /** JSON. */
  readonly body: string;
}

export function toRequest(capture: Capture, target: Target): CaptureRequest {
  const { html, text, lang } = capture;
  const title = capture.title.slice(0, titleLengthMax);
  const url = toWebAddress(capture.url);
  if (target.kind === 'template') {
    const { parts } = target;
    const params: Record<string, string> = {};
    const fill = (param: string | undefined, value: string | null) => {
      if (param !== undefined && value !== null && value !== '') params[param] = value;
    };
    fill(parts.html, html);
    fill(parts.text, text);
    fill(parts.url, url);
    fill(parts.title, title);
    fill(parts.lang, lang);
    return { path: '/api/workflows/from-template', body: JSON.stringify({ template_id: target.templateId, params }) };
  }
  return {
    path: `/api/workflows/${encodeURIComponent(target.workflowId)}/external-data`,
    body: JSON.stringify({
      step_id: target.stepId,
      content: html,
      content_type: 'html',
      ...(url === null ? {} : { source_url: url }),
      metadata: { captured: capture.kind, title, lang, captured_at: capture.capturedAt },
    }),
  };
}

/** Null for what is no page of the web, such as a file; an address that is too long loses its query. */
function toWebAddress(address: string): string | null {
  if (!/^https?:/.test(address)) return null;
  if (address.length <= addressLengthMax) return address;
  const { origin, pathname } = new URL(address);
  return origin.length + pathname.length <= addressLengthMax ? `${origin}${pathname}` : origin;
}

/** Null where the engine takes it; else a sentence that says how much there is, and what helps. */
export function tooLarge({ kind }: Capture, { body }: CaptureRequest): string | null {
  const bytes = new TextEncoder().encode(body).length;
  if (bytes <= bodyBytesMax) return null;
  const way = kind === 'page' ? 'Capture the article or a selection' : 'Select less of it';
  // Rounded up, so that no size reads like the bound that it is above.
  const mebibytes = (Math.ceil((bytes / 1024 / 1024) * 100) / 100).toFixed(2);
  return `This is ${mebibytes} MiB, and the engine takes 8 MiB at once. ${way}.`;
}
