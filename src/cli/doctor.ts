/** `doctor`: why the API server does not come back, and with --fix the mends that are certain. */
import { Command } from 'commander';
import { runDoctor } from '../change/doctor';
import { doctorJson, doctorText } from '../output/doctor';
import { openWorld, requireRoot } from './change-options';
import { globals, styles, worldOf, type Context } from './context';

export function doctorCommand(context: Context): Command {
  const command = new Command('doctor')
    .summary('why the API server does not come back, where, and what to type')
    .description(
      'Looks at the whole node (manifest, kubelet, containers, etcd, certificates, disks) and names what keeps the API server away. Needs no API and no record; writes nothing.',
    );
  return command.action(async () => {
    const options = globals(command);
    const world = openWorld(context, options);
    requireRoot(world, options);
    const { sight, examination } = await runDoctor(world, context.doctor(worldOf(options)), {
      manifestPath: options.manifest,
      stateDir: options.stateDir,
    });
    const exitCode = examination.healthy ? 0 : 1;
    const { out } = styles(context, options);
    context.streams.out(
      options.output === 'json'
        ? `${JSON.stringify(doctorJson(sight, examination, exitCode), null, 2)}\n`
        : doctorText(sight, examination, out, options.verbose),
    );
    context.exit(exitCode);
  });
}
