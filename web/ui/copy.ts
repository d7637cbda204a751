/** Puts text on the clipboard, and says so. */
import { toast } from './toast.tsx';

/** `what` as in `The run's id`. */
export async function copyText(text: string, what: string): Promise<void> {
  const isDone = (await writeText(text)) || writeBySelection(text);
  toast(
    isDone
      ? { text: `${what} is copied` }
      : { text: `${what} could not be copied: the browser refuses it`, tone: 'fail' },
  );
}

async function writeText(text: string): Promise<boolean> {
  try {
    // Missing where the page comes over plain HTTP from another machine.
    if (navigator.clipboard === undefined) return false;
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function writeBySelection(text: string): boolean {
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'visually-hidden';
  document.body.append(field);
  field.select();
  const isDone = document.execCommand('copy');
  field.remove();
  return isDone;
}
