/** The id of a run, short. Ids begin with their time: of runs that were made together, the ends tell them apart. */
export function shortId(id: string): string {
  return id.length <= 14 ? id : `${id.slice(0, 8)}…${id.slice(-4)}`;
}
