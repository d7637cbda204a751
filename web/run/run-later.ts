/**
 * What the run page needs a moment after its graph is drawn, in one chunk: the first load of the page stays small. The
 * page asks for it as soon as it is shown.
 */
export { askDelete, askStop, downloadLog, resume, retry, stop, toCurl } from './actions-run.ts';
export { Announcer } from './announcer.tsx';
export { FoundPanel } from './found-panel.tsx';
export { BoxList, GraphTip } from './graph-words.tsx';
export { drawMinimap } from './minimap.ts';
export { mergeChanges } from './read-run.ts';
