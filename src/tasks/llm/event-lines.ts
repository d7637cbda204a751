/**
 * Server-sent events, handed to the client line by whole line and without their `event:` fields: data is all a model's
 * stream is made of, and the client prints what it cannot read of events with certain names.
 */
export function createEventLines() {
  let waiting: string[] = [];
  return {
    /** What can be passed on, up to the last end of a line. */
    add(text: string): string {
      const end = text.lastIndexOf('\n');
      if (end === -1) {
        waiting.push(text);
        return '';
      }
      const whole = waiting.join('') + text.slice(0, end + 1);
      waiting = [text.slice(end + 1)];
      return withoutNames(whole);
    },
    rest(): string {
      const whole = waiting.join('');
      waiting = [];
      return withoutNames(whole);
    },
  };
}

/** Whether these whole lines hold the one after which nothing of an answer comes. */
export function endsAnswer(lines: string): boolean {
  return /^data: ?\[DONE\]\s*$/m.test(lines);
}

function withoutNames(lines: string): string {
  return lines.replace(/(^|[\r\n])\ufeff?event(?=[:\r\n]|$)[^\r\n]*/g, '$1:');
}
