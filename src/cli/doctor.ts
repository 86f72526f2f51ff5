/** `doctor`: why the API server does not come back, and with --fix the mends that are certain. */
import { Command } from 'commander';
import type { DoctorOptions } from '../change/doctor';
import type { Examination } from '../core/diagnosis/examine';
import type { NodeSight } from '../core/diagnosis/node-sight';
import { UserError } from '../core/errors';
import { exitCodeOf, type ExitCode, type Outcome } from '../core/outcome';
import { doctorJson, doctorText } from '../output/doctor';
import { outcomeJson, outcomeText } from '../output/outcome';
import { sandboxLine } from '../output/sandbox';
import { forSandbox } from '../output/sandbox-remedies';
import { openWorld, requireRoot } from './change-options';
import { globals, sandboxField, styles, worldOf, type Context, type GlobalOptions } from './context';
import { duration, patience } from './parse';

interface DoctorFlags {
  fix: boolean;
  yes: boolean;
  dryRun: boolean;
  timeout: number;
  guard: number;
}

export function doctorCommand(context: Context): Command {
  const command = new Command('doctor')
    .summary('why the API server does not come back, where, and what to type')
    .description(
      'Looks at the whole node (manifest, kubelet, containers, etcd, certificates, disks) and names what keeps the API server away. Needs no API and no record; writes nothing without --fix.',
    )
    .option('--fix', 'mend what is certain: recorded, watched, and taken back when it does not help', false)
    .option('--yes', 'with --fix: do not ask', false)
    .option('--dry-run', 'with --fix: show what would be done and write nothing', false)
    .option('--timeout <time>', 'with --fix: how long the server may take, e.g. 5m', patience, 300_000)
    .option(
      '--guard <time>',
      'with --fix: how soon the guard acts when this process is gone; 0 for none',
      duration,
      20_000,
    );
  return command.action(async (flags: DoctorFlags) => {
    const options = globals(command);
    const world = openWorld(context, options);
    requireRoot(world, options);
    const suited = <T>(value: T): T => forSandbox(value, options.sandbox);
    // Loaded when it is asked for: it brings all of lint with it, and every other command would pay for that.
    const { runDoctor } = await import('../change/doctor');
    const doctor = await context.doctor(worldOf(options));
    const where: DoctorOptions = { manifestPath: options.manifest, stateDir: options.stateDir };
    const { sight, examination: found } = await runDoctor(world, doctor, where);
    const examination = suited(found);
    const healthy: ExitCode = examination.healthy ? 0 : 1;
    if (!flags.fix) {
      print(context, options, sight, examination, healthy);
      return;
    }
    const fixing = { ...where, timeoutMs: flags.timeout, guardSeconds: Math.ceil(flags.guard / 1000) };
    const { carryOut, planFix, plannedOutcome } = await import('../change/doctor-fix');
    const plan = await planFix(world, sight, examination, fixing);
    if (!plan) {
      print(context, options, sight, examination, healthy);
      if (healthy !== 0) context.streams.talk('Nothing of it is for a program to mend.\n');
      return;
    }
    if (flags.dryRun) {
      print(context, options, sight, examination, 0, suited(plannedOutcome(plan, options.manifest)));
      return;
    }
    if (!flags.yes) {
      const shown = suited(plannedOutcome(plan, options.manifest));
      await agree(context, options, world.interrupts.first, sight, examination, shown);
    }
    const outcome = suited(await carryOut(world, doctor, plan, sight, fixing));
    print(context, options, sight, examination, exitCodeOf(outcome), outcome);
  });
}

/** Nothing is mended that nobody agreed to. */
async function agree(
  context: Context,
  options: GlobalOptions,
  stop: AbortSignal,
  sight: NodeSight,
  examination: Examination,
  planned: Outcome,
): Promise<void> {
  const terminal = context.terminal();
  const { talk } = styles(context, options);
  context.streams.talk(doctorText(sight, examination, talk, { verbose: false, sandbox: options.sandbox }));
  context.streams.talk(outcomeText('doctor --fix', planned, talk, { diff: true }));
  if (!terminal) {
    throw new UserError('not-agreed', 'nothing was mended: there is no terminal to ask on', {
      hints: ['kube-auditctl doctor --fix --dry-run', 'kube-auditctl doctor --fix --yes'],
    });
  }
  const answer = await terminal.ask('Do it? [y/N] ', stop);
  if (!/^y(?:es)?$/i.test(answer?.trim() ?? '')) throw new UserError('not-agreed', 'nothing was mended: you said no');
}

function print(
  context: Context,
  options: GlobalOptions,
  sight: NodeSight,
  examination: Examination,
  exitCode: ExitCode,
  outcome?: Outcome,
): void {
  const { out } = styles(context, options);
  if (options.output === 'json') {
    const document = {
      ...doctorJson(sight, examination, exitCode),
      ...sandboxField(options),
      ...(outcome ? { mended: outcomeJson('doctor --fix', outcome) } : {}),
    };
    context.streams.out(`${JSON.stringify(document, null, 2)}\n`);
  } else {
    context.streams.out(doctorText(sight, examination, out, { verbose: options.verbose, sandbox: options.sandbox }));
    if (outcome) context.streams.out(outcomeText('doctor --fix', outcome, out, { diff: false }));
    context.streams.out(sandboxLine(options.sandbox, out));
  }
  context.exit(exitCode);
}
