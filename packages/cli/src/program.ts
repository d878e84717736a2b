import { Argument, Command, Option } from 'commander'
import type { CommandContext, Outcome } from './commands/context.ts'
import { LISTS, type List } from './commands/list.ts'
import type { SubmitFlags } from './commands/task-from-files.ts'

type Done = (outcome: Outcome) => void

/**
 * The command line. Each command's code is loaded when it is run, so that `--help` and
 * small commands start at once.
 */
export function buildProgram(context: CommandContext, done: Done): Command {
  const program = new Command('specfleet')
    .description('Turns specs into working code with a fleet of isolated AI workers')
    .version('0.1.0')
    .exitOverride()
    .showHelpAfterError()
    .addHelpText(
      'after',
      `
Environment:
  NATS_URL, NATS_CREDS   an external bus; without them the one of SPECFLEET_HOME is used
  SPECFLEET_HOME         where the embedded server keeps its data (default .specfleet)
  DOCKER_HOST            the container engine of this host (default unix:///var/run/docker.sock);
                         over TLS with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH
  SPECFLEET_IMAGE        what containers are made of (default: what "image build" makes)

Exit codes: 0 done, 1 the work failed, 2 usage, 69 the bus cannot be reached, 78 configuration,
  130 interrupted`,
    )
  addStackCommands(program, context, done)
  addReadingCommands(program, context, done)
  addDecisions(program, context, done)
  addSetupCommands(program, context, done)
  return program
}

const PROVIDERS = 'auto, docker, process, several in overflow order, or process-unsafe for no isolation (default: auto)'

const json = () => new Option('--json', 'print JSON')

function addStackCommands(program: Command, context: CommandContext, done: Done): void {
  program
    .command('demo')
    .description('bring everything up, take a spec through all phases to an executable plan, and show it')
    .option('--spec <file>', 'your own spec (Markdown)')
    .option('--source <path-or-url>', 'your own git repository')
    .option('--provider <name>', PROVIDERS)
    .option('--upstream <name>', 'model upstream: offline or anthropic')
    .option('--out <folder>', 'where the plan is written')
    .action(async (flags) => done(await (await import('./commands/demo.ts')).demo(flags, context)))
  program
    .command('up')
    .description('run NATS and an orchestrator in the foreground until Ctrl-C (first drains, second forces)')
    .option('--slots <n>', 'runs at the same time')
    .option('--provider <name>', PROVIDERS)
    .option('--upstream <name>', 'model upstream: offline or anthropic')
    .addOption(new Option('--json', 'print the log as JSON lines'))
    .action(async (flags) => done(await (await import('./commands/up.ts')).up(flags, context)))
  program
    .command('submit')
    .description('put a spec or a prompt on the queue')
    .option('--spec <file>', 'run this spec through the phases')
    .option('--prompt <text>', 'run a plain prompt')
    .option('--skill', 'let the agent drive: inject the spec-driven skill instead of running the phase machine')
    .option('--source <path-or-url>', 'git repository to work on')
    .option('--ref <ref>', 'branch, tag or commit of the source')
    .option('--id <id>', 'id of the spec (default: from the file name)')
    .option('--task <id>', 'id of the task: the same id runs once, however often it is submitted')
    .option('--project <id>', 'project the spec belongs to')
    .option('--title <text>', 'title (default: the first heading)')
    .addOption(new Option('--priority <priority>').choices(['high', 'normal', 'low']))
    .option('--model <id>', 'model to use')
    .option('--phase <phase>', 'first phase to run')
    .option('--provider <name>', 'sandbox provider')
    .option('--image <name>', 'image of its sandboxes, out of those that the fleet allows')
    .option('--limits <list>', 'of one sandbox, such as memoryMb=512,cpus=0.5; also diskMb, pids, minutes, outputMb')
    .option('--approval <gates>', 'auto, or phases a person approves: requirements,design,tasks')
    .option('--usd <n>', 'spending limit')
    .option('--turns <n>', 'limit of model replies')
    .option('--minutes <n>', 'wall-clock limit of one try')
    .option('--watch', 'show it until it ends')
    .addOption(json())
    .action(async (flags: SubmitFlags) => done(await (await import('./commands/submit.ts')).submit(flags, context)))
}

function addReadingCommands(program: Command, context: CommandContext, done: Done): void {
  program
    .command('watch <id>')
    .description('show a run, or the latest one of a spec, until it ends')
    .addOption(json())
    .action(async (id, flags) => done(await (await import('./commands/watch.ts')).watch(id, flags, context)))
  program
    .command('list')
    .description('list specs, runs, orchestrators or dead letters')
    .addArgument(new Argument('[what]').choices(LISTS).default('specs'))
    .option('--limit <n>', 'at most so many', '100')
    .addOption(json())
    .action(async (what: List, flags) => done(await (await import('./commands/list.ts')).list(what, flags, context)))
  program
    .command('show <id>')
    .description('show a spec: state, runs, deaths, spending, plan')
    .addOption(json())
    .action(async (id, flags) => done(await (await import('./commands/show.ts')).show(id, flags, context)))
  program
    .command('logs <id>')
    .description('what the workers of a spec or run said and did')
    .option('--follow', 'go on until Ctrl-C')
    .addOption(json())
    .action(async (id, flags) => done(await (await import('./commands/logs.ts')).logs(id, flags, context)))
  program
    .command('export <id>')
    .description('write the plan of a spec as JSON and Markdown')
    .option('--out <folder>', 'default: plans/<spec> in SPECFLEET_HOME')
    .action(async (id, flags) => done(await (await import('./commands/export.ts')).exportSpec(id, flags, context)))
}

function addDecisions(program: Command, context: CommandContext, done: Done): void {
  const decide = async (command: string, id: string, details: Record<string, unknown>, flags: { json?: boolean }) =>
    done(await (await import('./commands/control.ts')).control(command, id, details, flags, context))
  const simple = (name: string, description: string) =>
    program
      .command(`${name} <id>`)
      .description(description)
      .addOption(json())
      .action((id, flags) => decide(name, id, {}, flags))
  simple('pause', 'stop after the turn in progress and keep everything')
  simple('resume', 'go on after a pause')
  simple('retry', 'go on with a failed spec or a parked run from its last checkpoint')
  simple('archive', 'put an ended spec away')
  program
    .command('cancel <id>')
    .description('end a spec for good')
    .option('--reason <text>')
    .addOption(json())
    .action((id, { reason, ...flags }) => decide('cancel', id, { reason }, flags))
  program
    .command('approve <id>')
    .description('let a spec go on behind its approval gate')
    .option('--gate <phase>')
    .addOption(json())
    .action((id, { gate, ...flags }) => decide('approve', id, { gate }, flags))
  program
    .command('reject <id>')
    .description('send a phase back with a reason')
    .requiredOption('--reason <text>')
    .option('--gate <phase>')
    .addOption(json())
    .action((id, { gate, reason, ...flags }) => decide('reject', id, { gate, reason }, flags))
  program
    .command('steer <id> <text>')
    .description('tell a running agent something; it reads it before its next turn')
    .addOption(json())
    .action((id, text, flags) => decide('steer', id, { text }, flags))
  program
    .command('rerun <id>')
    .description('do a phase and those behind it again')
    .requiredOption('--from <phase>')
    .addOption(json())
    .action((id, { from, ...flags }) => decide('rerun', id, { from }, flags))
  program
    .command('edit <id>')
    .description('replace the text of a spec; what was planned from it is done again')
    .requiredOption('--spec <file>')
    .option('--from <phase>')
    .addOption(json())
    .action(async (id, { spec, from, ...flags }) => {
      const { readSpec } = await import('./commands/task-from-files.ts')
      await decide('edit', id, { text: await readSpec(spec), from }, flags)
    })
}

function addSetupCommands(program: Command, context: CommandContext, done: Done): void {
  program
    .command('doctor')
    .description('say what this machine has and lacks, each with the next step')
    .addOption(json())
    .action(async (flags) => done(await (await import('./commands/doctor.ts')).doctor(flags, context)))
  const images = program.command('image').description('the image that containers are made of')
  images
    .command('build')
    .description('build it on the engine of this host')
    .option('--base <image>', 'your own toolchain, on which the worker is put')
    .addOption(json())
    .action(async (flags) => done(await (await import('./commands/image.ts')).image('build', flags, context)))
  images
    .command('check')
    .description('say whether the engine has it, with this very worker in it')
    .addOption(json())
    .action(async (flags) => done(await (await import('./commands/image.ts')).image('check', flags, context)))
  program
    .command('nats')
    .description('set up a NATS server of your own')
    .command('init')
    .description('write the configuration of a server or cluster, and the keys')
    .option('--out <folder>', 'where to write', 'nats')
    .option('--hosts <list>', 'host of each member, with commas', '127.0.0.1')
    .option('--port <n>', 'client port', '4222')
    .option('--cluster-port <n>', 'port between members', '6222')
    .option('--data <folder>', 'data folder on each host', '/var/lib/nats')
    .action(async (flags) => done(await (await import('./commands/nats-init.ts')).natsInit(flags, context)))
}
