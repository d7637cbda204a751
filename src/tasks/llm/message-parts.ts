/**
 * The text, the reasoning and the refusal of one message, or of one piece of a streamed message, in the forms in which
 * servers write them: content as text or as a list of parts, reasoning under its several names.
 */

export interface MessageParts {
  readonly text: string;
  readonly reasoning: string;
  readonly refusal: string;
  readonly callsTool: boolean;
  /** Kinds of parts that hold no text: `image_url`, `reference`. */
  readonly otherKinds: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

/** The first that holds something counts: servers that send several of them say the same in each. */
const reasoningNames = [
  'reasoning_content',
  'reasoning',
  'reasoning_text',
  'reasoning_details',
  'thinking',
  'thinking_blocks',
  'thoughts',
];
const reasoningKinds = /^(?:thinking|reasoning|thought|redacted_thinking)/;
const textKinds = new Set(['text', 'output_text', 'text_delta', 'input_text']);
const toolKinds = /^(?:tool_use|tool_call|function|server_tool_use|input_json)/;
/** Beside a thinking, and of no use without its server. */
const silentKinds = /^signature/;

export function readMessageParts(message: unknown): MessageParts {
  const parts = createCollector();
  if (typeof message === 'string') parts.addContent(message);
  if (!isFields(message)) return parts.collected();
  parts.addContent(message.content);
  parts.addReasoning(readNamedReasoning(message));
  if (typeof message.refusal === 'string') parts.addRefusal(message.refusal);
  if (saysSomething(message.tool_calls) || saysSomething(message.function_call)) parts.addToolCall();
  return parts.collected();
}

function readNamedReasoning(message: Fields): string {
  const places = [message, message.provider_specific_fields].filter(isFields);
  for (const place of places) {
    for (const name of reasoningNames) {
      const text = toText(place[name]);
      if (text !== '') return text;
    }
  }
  return '';
}

function createCollector() {
  let text = '';
  let reasoning = '';
  let refusal = '';
  let callsTool = false;
  const otherKinds = new Set<string>();

  function addPart(part: unknown): void {
    if (typeof part === 'string') text += part;
    if (!isFields(part)) return;
    const kind = typeof part.type === 'string' ? part.type : 'text';
    if (textKinds.has(kind)) text += toText(part.text ?? part.content);
    else if (reasoningKinds.test(kind)) reasoning += toText(part);
    else if (kind === 'refusal') refusal += toText(part.refusal);
    else if (toolKinds.test(kind)) callsTool = true;
    else if (!silentKinds.test(kind)) otherKinds.add(kind.slice(0, 40));
  }

  return {
    /** What is neither text nor parts is a JSON value, which some servers send in place of its text. */
    addContent(content: unknown): void {
      if (content === null || content === undefined) return;
      if (typeof content === 'string') text += content;
      else if (Array.isArray(content) && content.every(isPart)) for (const part of content) addPart(part);
      else if (isKnownPart(content)) addPart(content);
      else text += JSON.stringify(content);
    },
    addReasoning(more: string): void {
      // Parts of the content that are reasoning say the same as a field beside it.
      if (reasoning === '') reasoning = more;
    },
    addRefusal(more: string): void {
      refusal += more;
    },
    addToolCall(): void {
      callsTool = true;
    },
    collected: (): MessageParts => ({ text, reasoning, refusal, callsTool, otherKinds: [...otherKinds] }),
  };
}

/** One that stands alone, without a list, may as well be the model's own JSON: `{"type": "invoice"}`. */
function isKnownPart(value: unknown): boolean {
  if (!isFields(value)) return false;
  const { type, text } = value;
  if (typeof type !== 'string') return typeof text === 'string' && Object.keys(value).length === 1;
  return textKinds.has(type) || reasoningKinds.test(type) || type === 'refusal' || toolKinds.test(type);
}

/** Strings may stand among the parts; an object is one by its type or its text. */
function isPart(value: unknown): boolean {
  if (typeof value === 'string') return true;
  return isFields(value) && (typeof value.type === 'string' || typeof value.text === 'string');
}

const textNames = ['text', 'content', 'thinking', 'reasoning', 'summary', 'value'];

/** Text that stands alone, in a list, or under one of its usual names. */
function toText(value: unknown, depth = 0): string {
  if (typeof value === 'string') return value;
  if (depth > 4) return '';
  if (Array.isArray(value)) return value.map((item) => toText(item, depth + 1)).join('');
  if (!isFields(value)) return '';
  for (const name of textNames) {
    const text = toText(value[name], depth + 1);
    if (text !== '') return text;
  }
  return '';
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `null`, `""`, `{}` and `{code: 0, message: ""}` say that all is well. */
export function saysSomething(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(saysSomething);
  if (isFields(value)) return Object.values(value).some(saysSomething);
  return value !== undefined && value !== null && value !== '' && value !== 0 && value !== false;
}
