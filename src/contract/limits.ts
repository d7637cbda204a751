/**
 * Every published bound of the engine, in one place: what crosses it is refused (413, 422, 429, 503) or cut, never
 * swallowed. The documentation and the OpenAPI document read their figures from here.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  stepsMax: 20_000,
  jsonDepthMax: 64,
  /** Groups (steps with `forEach` or `repeat`) within each other. */
  groupDepthMax: 3,
  /** Workflows that steps run, below each other. */
  childDepthMax: 5,
  /** Steps written within a group. */
  innerStepsMax: 100,
  /** Lists of one `forEach`. */
  itemNamesMax: 3,
  roundsMax: 1_000,
  /** Steps of `finally` times steps: each of those waits for each of these. */
  finallyEdgesMax: 200_000,
  conditionLengthMax: 1_000,
  labelLengthMax: 200,
  /** An item's label as it is bound. */
  labelShownMax: 64,
  /** Of a decision. */
  commentLengthMax: 10_000,
  /** The pattern of an address that a step takes data from. */
  urlPatternLengthMax: 1_000,
  /** The message of an approval as it is shown, in characters. */
  messageLengthMax: 16 * KiB,
  /** Slots of a schedule that pass without a workflow and are kept, and that one look at the clock may start. */
  passedSlotsMax: 100,
  durationMsMax: 366 * 24 * 60 * 60 * 1000,
  /** JSON tokens of a body; creating calls may hold 20,000 steps of some 70 tokens each. */
  bodyTokensMax: 100_000,
  creatingBodyTokensMax: 1_500_000,
  /** Keys of a body, the fields of steps aside, and those of one object: an object of many keys is slow to handle. */
  bodyKeysMax: 50_000,
  bodyKeysOfOneMax: 10_000,
  bodyBytesMax: MiB,
  creatingBodyBytesMax: 8 * MiB,
  nameLengthMax: 1_000,
  tagsMax: 64,
  idempotencyKeyLengthMax: 255,
  /** Outputs above this many bytes of JSON become a blob beside state.json. */
  outputsInlineBytesMax: 64 * KiB,
  /** One step's outputs, as JSON. More fails the step with OUTPUT_TOO_LARGE. */
  outputsBytesMax: 64 * MiB,
  /** Inline outputs, logs, metadata and errors of all steps of a workflow together, in characters of its text. */
  workflowResultsMax: 64 * MiB,
  stepParamsBytesMax: 64 * MiB,
  /** JSON that is read to ask one condition, or to make one list. */
  inquiryBytesMax: 128 * MiB,
  /** Metadata of external data, as JSON: it stands in the workflow's file, beside the outputs that may lie in a blob. */
  metadataBytesMax: 64 * KiB,
  logLinesMax: 1_000,
  logLineLengthMax: 4 * KiB,
  errorLengthMax: 4 * KiB,
  listLimitDefault: 200,
  listLimitMax: 1_000,
  listOutputsBytesMax: 4 * KiB,
  listAnswerBytesMax: 16 * MiB,
  /** Rows of an answer about costs; what else there is stands together in one more. */
  costRowsMax: 10_000,
  answerBytesMax: 64 * MiB,
  /** Bodies and answers that a server holds at once, all together; beyond it, 503. */
  heldBytesMax: 256 * MiB,
  /** A request that holds no more than this is never refused for it. */
  heldBytesFree: 64 * KiB,
  waitSecondsMax: 60,
  /** Events kept for clients that reconnect with Last-Event-ID. */
  eventWindowMax: 10_000,
  /** Workflows that one common stream is narrowed to, and those whose texts it tells. */
  streamWorkflowsMax: 100,
  streamTextsMax: 16,
  /** Attempts of a step that are kept, and of the error of each so many characters. */
  attemptsShownMax: 20,
  attemptErrorLengthMax: 300,
  /** Workflows of one lineage, and of one bulk call. */
  lineageMax: 500,
  bulkMax: 1_000,
  /** Values of a facet; the most frequent. */
  facetValuesMax: 100,
  /** Of a search in a run: hits, the length of what is looked for, and outputs that are looked into. */
  searchHitsMax: 1_000,
  searchLengthMax: 200,
  searchOutputsBytesMax: 4 * MiB,
  /** Lines of one answer of the merged log. */
  mergedLinesMax: 20_000,
  /** Part of an output, and bound params, in one answer. */
  outputPartBytesMax: 4 * MiB,
  boundParamsBytesMax: 256 * KiB,
  /** Dry runs and validations at once, and how long one may take. */
  rehearsalsMax: 2,
  rehearsalMsMax: 10_000,
  /** JSON answers from this size on are compressed for those who ask for it. */
  compressBytesMin: 16 * KiB,
  /** Tickets for event streams: how many wait, and how long one may. */
  ticketsMax: 1_000,
  ticketMsMax: 60_000,
  /** Of the code that pairs an extension: how long it is good, and how many wrong tries end it. */
  pairingMsMax: 120_000,
  pairingTriesMax: 5,
  pairBodyBytesMax: 4 * KiB,
  /** Paired extensions, and programs with a token of their own. */
  clientsMax: 100,
  eventStreamsMax: 32,
  /** Of the texts that running steps tell while they make them, in characters: of one attempt, of all that run together. */
  liveTextLengthMax: 256 * KiB,
  liveTextsLengthMax: 16 * MiB,
  /** Of such texts, what waits for one reader who has not taken it yet, in characters. */
  liveTextsWaitingMax: MiB,
  /** Commands waiting for the coordinator; beyond it, 503. */
  inboxCommandsMax: 10_000,
  inboxBytesMax: 64 * MiB,
  /** One journal batch: this many bytes, or one larger record. */
  batchBytesMax: MiB,
  batchRecordsMax: 1_024,
  connectionsMax: 256,
  attemptsMax: 100,
  timeoutMsMax: 24 * 60 * 60 * 1000,
} as const;
