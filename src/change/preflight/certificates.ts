/** The certificates that the manifest names, as they are now: what runs has read them as they were. */
import { flagsOf } from '../../core/diagnosis/patient';
import { joinPath } from '../../core/manifest/paths';
import type { Server } from '../../core/manifest/server';
import { certificateFindings, certificateQuestions } from '../../core/preflight/certificates';
import { MANIFEST_LIMIT } from '../manifest';
import type { Files } from '../ports';
import type { Check } from './preflight';

export const certificates: Check = async ({ files, clock, node, certificates: read }, { live, next }) => {
  const own = usesOwnEtcd(next.server, node.addresses());
  const etcd = own ? await textOf(files, joinPath(live.folder, 'etcd.yaml')) : undefined;
  const asked = certificateQuestions(next.server, etcd === undefined ? undefined : flagsOf(etcd, undefined));
  const found = certificateFindings({
    at: clock.now(),
    manifestPath: next.doc.file ?? live.path,
    text: next.text,
    certificates: await read(asked).catch(() => []),
  });
  if (found.length === 0) return [];
  // Where no server runs there is none to lose, and the files may be elsewhere.
  const runs = (await node.processes(live.endpoint.port)).some(({ listening }) => listening);
  return runs ? found : found.map((finding) => ({ ...finding, severity: 'warning' }));
};

/** An etcd beside the server need not be the one it talks to. */
function usesOwnEtcd(server: Server, addresses: readonly string[]): boolean {
  const hosts = (server.effectiveValue('etcd-servers') ?? '')
    .split(',')
    .map((each) => /^https?:\/\/\[?([^\]/]+?)\]?:\d+\/?$/.exec(each.trim())?.[1]);
  return hosts.some((host) => host !== undefined && ['127.0.0.1', 'localhost', '::1', ...addresses].includes(host));
}

async function textOf(files: Files, path: string): Promise<string | undefined> {
  return files.read(path, MANIFEST_LIMIT).then(
    ({ bytes }) => new TextDecoder().decode(bytes),
    () => undefined,
  );
}
