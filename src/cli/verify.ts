/** `verify`: proves audit logging end to end, now. */
import { Command } from 'commander';
import { readLiveManifest } from '../change/manifest';
import { proveAudit } from '../change/verify';
import { proofText } from '../output/proof';
import { sandboxLine } from '../output/sandbox';
import { forSandbox } from '../output/sandbox-remedies';
import { openWorld, requireRoot } from './change-options';
import { globals, sandboxField, styles, type Context } from './context';

export function verifyCommand(context: Context): Command {
  const command = new Command('verify')
    .summary('prove it end to end now')
    .description(
      'Sends a request that the policy must log and looks for its event in the file; the value of a (dry-run) Secret must not be there.',
    );
  return command.action(async () => {
    const options = globals(command);
    const world = openWorld(context, options);
    requireRoot(world, options);
    const live = await readLiveManifest(world.files, options.manifest);
    const processes = await world.node.processes(live.endpoint.port);
    const server = processes.find((process) => process.listening);
    const proof = forSandbox(await proveAudit(world, live, server), options.sandbox);
    const good = proof.state === 'proven' && proof.secret?.state !== 'leaked';
    const { out } = styles(context, options);
    context.streams.out(
      options.output === 'json'
        ? `${JSON.stringify({ command: 'verify', exitCode: good ? 0 : 1, ...sandboxField(options), ...proof }, null, 2)}\n`
        : proofText(proof, out) + sandboxLine(options.sandbox, out),
    );
    context.exit(good ? 0 : 1);
  });
}
