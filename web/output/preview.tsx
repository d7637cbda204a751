/**
 * HTML as a page, only when a person asks for it. The frame has `sandbox=""`: no script runs, no form is sent, and it
 * inherits the page's policy, so that it loads nothing from anywhere.
 */
import { useEffect, useRef } from 'preact/hooks';
import { previewHtml } from '../wire/trusted.ts';

export function Preview({ html }: { html: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  useEffect(() => {
    if (frame.current) frame.current.srcdoc = previewHtml(html);
  }, [html]);
  return <iframe ref={frame} class="output-preview" title="The output as a page" sandbox="" />;
}
