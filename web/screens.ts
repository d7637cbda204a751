/**
 * The screens beside the list and a run, in one chunk: more chunks would cut what all share into crumbs, and a crumb costs
 * more than it holds.
 */
export { CostsPage } from './costs/costs-page.tsx';
export { DiffPage } from './diff/diff-page.tsx';
export { EnginePage } from './engine/engine-page.tsx';
export { KeyHelp } from './help.tsx';
export { Jump } from './jump/jump.tsx';
export { NewPage } from './new/new-page.tsx';
export { SchedulesPage } from './schedules/schedules-page.tsx';
