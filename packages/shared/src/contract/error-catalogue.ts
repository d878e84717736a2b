/** What is known of an error before it happens. */
export type ErrorEntry = {
  /** What went wrong, in general. */
  meaning: string
  /** What the reader should do. */
  next: string
  /** Whether trying the same thing again, later, can help. */
  retryable: boolean
  httpStatus: number
  /** sysexits-like: 1 the work failed, 2 usage, 69 unavailable, 78 configuration. */
  exitCode: 1 | 2 | 69 | 78
}

const entry = (
  exitCode: ErrorEntry['exitCode'],
  httpStatus: number,
  retryable: boolean,
  meaning: string,
  next: string,
): ErrorEntry => ({
  meaning,
  next,
  retryable,
  httpStatus,
  exitCode,
})

/** Every error that crosses a package, process or wire boundary. */
export const ERRORS = {
  // what somebody sent
  'task.malformed': entry(2, 400, false, 'the task is not valid', 'correct the named fields and submit it again'),
  'task.not-json': entry(2, 400, false, 'the task is not JSON', 'send one JSON object as UTF-8'),
  'task.version': entry(2, 400, false, 'the task has an unknown version', 'send "v": 1'),
  'task.too-large': entry(2, 413, false, 'the task is too large', 'shorten the text, or put it into the source'),
  'task.subject': entry(
    2,
    400,
    false,
    'the task came on a subject of another kind or priority',
    'publish it on sf.task.<priority>.<kind>',
  ),
  'task.unsupported': entry(
    2,
    422,
    false,
    'this fleet cannot run that kind of task',
    'see docs/protocol.md for what can be queued',
  ),
  'task.not-allowed': entry(
    2,
    403,
    false,
    'the task asks for what this fleet does not allow',
    'ask for less, or have the operator allow it in SPECFLEET_POLICY',
  ),
  'fact.malformed': entry(1, 400, false, 'the fact is not valid', 'see docs/protocol.md'),
  'fact.misplaced': entry(
    1,
    400,
    false,
    'the fact names another spec, run or epoch than its subject',
    'publish it under its own subject',
  ),
  'request.malformed': entry(2, 400, false, 'the request is not valid', 'correct the named fields'),
  'spec.unknown': entry(2, 404, false, 'there is no such spec', 'see `specfleet list`'),
  'run.unknown': entry(2, 404, false, 'there is no such run', 'see `specfleet list`'),
  'command.refused': entry(1, 409, false, 'the spec is not in a state that allows this', 'see `specfleet show`'),
  'spec.text-missing': entry(2, 422, false, 'the task names a spec that has no text yet', 'submit it with "text"'),
  'spec.binary': entry(2, 422, false, 'the spec is not text', 'give a UTF-8 text or Markdown file'),
  // source
  'source.not-found': entry(
    2,
    422,
    false,
    'the source path does not exist',
    'give a path or URL that this host can read',
  ),
  'source.not-a-repository': entry(
    2,
    422,
    false,
    'the source is no git repository',
    'run `git init` and commit there, or name another',
  ),
  'source.has-password': entry(
    2,
    422,
    false,
    'the URL of the source holds a password or token, which would be kept for everybody to read',
    "leave it out, and give it to this host's git by a credential helper or a key",
  ),
  'source.empty': entry(2, 422, false, 'the source repository has no commit', 'commit something first'),
  'source.too-large': entry(
    2,
    422,
    false,
    'the source is larger than this fleet accepts',
    'raise SOURCE_MAX_MB, or use a smaller repository',
  ),
  'source.ref-unknown': entry(2, 422, false, 'the source has no such ref', 'name an existing branch, tag or commit'),
  'source.unreachable': entry(
    1,
    502,
    true,
    'the source could not be fetched',
    "check the URL and this host's git access",
  ),
  // configuration
  'config.invalid': entry(78, 500, false, 'the configuration is not valid', 'correct the named variable'),
  'sandbox-env.invalid': entry(
    78,
    500,
    false,
    'the environment of the sandbox is contradictory or malformed',
    'correct the named variable',
  ),
  'sandbox-env.never-came': entry(
    1,
    500,
    true,
    'the environment of the sandbox never came',
    'its maker ended on the way, and it is made again',
  ),
  'sandbox.disk-full': entry(
    1,
    507,
    true,
    'the disk of the sandbox is full',
    'raise SANDBOX_DISK_MB, or let it store less',
  ),
  'context.invalid': entry(78, 500, false, 'PHASE_CONTEXT_B64 cannot be read', 'give base64 of one UTF-8 JSON object'),
  // the bus
  'bus.unreachable': entry(
    69,
    503,
    true,
    'the bus cannot be reached',
    'check NATS_URL, or start one with `specfleet up`',
  ),
  'bus.refused': entry(78, 500, false, 'the bus refused the credentials', 'check NATS_CREDS'),
  'bus.too-old': entry(78, 500, false, 'the NATS server is too old', 'use nats-server 2.12 or newer'),
  'bus.no-jetstream': entry(78, 500, false, 'the NATS account has no JetStream', 'enable JetStream for the account'),
  'bus.topology': entry(
    78,
    500,
    false,
    'a stream or bucket differs in a way that cannot be migrated',
    'see docs/operations.md for the manual step',
  ),
  'bus.timeout': entry(69, 503, true, 'the bus did not answer in time', 'try again'),
  'bus.conflict': entry(1, 409, true, 'somebody else wrote first', 'read again and decide again'),
  'bus.full': entry(
    1,
    507,
    false,
    'the stream takes no more messages of that subject',
    'nothing: its sender floods, or the stream is at its limit',
  ),
  'record.malformed': entry(
    1,
    500,
    false,
    'a record does not match its schema',
    'it was written by another version or by hand: see docs/operations.md',
  ),
  'bus.too-large': entry(1, 413, false, 'the message is over the payload limit', 'send it in parts'),
  'bus.no-signing-key': entry(
    78,
    500,
    false,
    'the operator signing key is missing, so no sandbox account can be made',
    'set NATS_OPERATOR_SEED_FILE (see `specfleet nats init`)',
  ),
  'nats.not-found': entry(
    78,
    500,
    false,
    'no nats-server 2.12 or newer could be found or fetched',
    'install nats-server 2.12 or newer and put it on the PATH',
  ),
  'nats.failed': entry(
    69,
    503,
    true,
    'the embedded NATS server did not start',
    'read its log, which is named in the message',
  ),
  'duplex.cancelled': entry(1, 499, false, 'the peer cancelled the call', 'nothing, if this was intended'),
  'duplex.stalled': entry(69, 504, true, 'the peer went silent in the middle of a call', 'try again'),
  'duplex.broken': entry(69, 502, true, 'a frame of the call was lost', 'try again'),
  'duplex.refused': entry(1, 502, true, 'nobody served the call', 'try again'),
  'desk.unknown-service': entry(1, 404, false, 'the desk has no such service', 'see docs/protocol.md'),
  'desk.forbidden': entry(
    1,
    403,
    false,
    'this incarnation may not ask for that',
    'nothing: it is fenced or asks for what is not its own',
  ),
  'desk.quota': entry(
    1,
    429,
    false,
    'this run has stored as much as a run may',
    'nothing: raise RUN_BLOBS_MAX_MB if its work needs more',
  ),
  'blob.unknown': entry(1, 404, false, 'there is no such blob', 'nothing: it was removed or never stored'),
  'blob.corrupt': entry(1, 502, true, 'the blob does not match its hash', 'fetch it again'),
  'blob.too-large': entry(1, 413, false, 'the blob is larger than this fleet accepts', 'send less'),
  // sandboxes
  'provider.unavailable': entry(
    78,
    503,
    false,
    'no sandbox engine can be used',
    'install bubblewrap or Docker, or choose process-unsafe by name',
  ),
  'provider.unknown': entry(78, 422, false, 'there is no such provider', 'use docker, process or process-unsafe'),
  'provider.failed': entry(1, 502, true, 'the engine failed to make the sandbox', 'read the message of the engine'),
  'provider.engine-gone': entry(
    1,
    503,
    true,
    'the container engine cannot be reached',
    'start it, or mend DOCKER_HOST',
  ),
  'provider.refused': entry(78, 502, false, 'the container engine refuses what it is asked', 'read its words'),
  'provider.no-space': entry(1, 507, true, 'the container engine has no room', 'free some, see `docker system df`'),
  'provider.image': entry(
    78,
    503,
    false,
    'the image of sandboxes is missing or stale',
    'run `specfleet image build`, or name another by SPECFLEET_IMAGE',
  ),
  'task.image': entry(
    1,
    422,
    false,
    'the image that the run asks for cannot be used',
    'have it brought to the engine, or ask for another',
  ),
  'provider.conflict': entry(1, 409, false, 'the sandbox id is taken', 'destroy what has it, or use another id'),
  'worker.bundle': entry(78, 500, false, 'the worker bundle cannot be found or built', 'run `npm run build`'),
  // the model
  'model.upstream': entry(
    1,
    502,
    true,
    'the model provider cannot be reached',
    'check ANTHROPIC_BASE_URL and the network',
  ),
  'model.unknown-upstream': entry(
    78,
    500,
    false,
    'the configured model upstream is unknown',
    'use offline or anthropic',
  ),
  'model.key-missing': entry(
    78,
    500,
    false,
    'the model upstream needs a key',
    'set ANTHROPIC_API_KEY_FILE, or choose offline',
  ),
  'budget.exhausted': entry(1, 402, false, 'the budget of the run is used up', 'submit it with a larger one'),
  'budget.unpriced': entry(
    1,
    402,
    false,
    'the price of the model is unknown, so that no budget in US dollars can be kept',
    'name a model with a known price, or leave out budget.usd',
  ),
  // the command line
  usage: entry(2, 400, false, 'the command was not understood', 'see --help'),
  'work.failed': entry(1, 500, false, 'the work failed', 'see `specfleet show`'),
  internal: entry(1, 500, false, 'something that should not happen happened', 'please report it with the log'),
} as const satisfies Record<string, ErrorEntry>

/** The name of one of them, the same in every language and for ever. */
export type ErrorCode = keyof typeof ERRORS

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code)
