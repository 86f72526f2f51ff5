/** /flagz and /statusz (component-base/zpages), from 1.36 on: which flags this very process runs with, and since when. */
import type { Flags } from './flags/parse';
import type { TextAnswer } from './health';
import { versionInfo, type ServerVersion } from './version';

export interface ZPages {
  flags: Flags;
  version: ServerVersion;
  /** Milliseconds since the epoch. */
  startedAt: number;
  now: () => number;
}

/** undefined: not one of these pages, or a server too old for them. */
export function zpage(path: string, accept: string, pages: ZPages): TextAnswer | undefined {
  const kind = path === '/flagz' ? 'Flagz' : path === '/statusz' ? 'Statusz' : undefined;
  if (kind === undefined || pages.version.minor < 36) return undefined;
  const content = kind === 'Flagz' ? { flags: Object.fromEntries(pages.flags.entries()) } : status(pages);
  if (wantsObject(accept, kind)) {
    const head = { kind, apiVersion: 'config.k8s.io/v1beta1', metadata: { name: 'kube-apiserver' } };
    return {
      status: 200,
      text: `${JSON.stringify({ ...head, ...content })}\n`,
      type: 'application/json',
      nosniff: false,
    };
  }
  if (accept !== '' && !/text\/plain|text\/\*|\*\/\*/.test(accept)) {
    return { status: 406, text: 'not acceptable\n', type: 'text/plain; charset=utf-8', nosniff: true };
  }
  return { status: 200, text: plain(kind, content), type: 'text/plain; charset=utf-8', nosniff: false };
}

function wantsObject(accept: string, kind: string): boolean {
  return accept
    .split(',')
    .some(
      (part) =>
        part.trim().startsWith('application/json') && part.includes(`as=${kind}`) && part.includes('g=config.k8s.io'),
    );
}

function status({ version, startedAt, now }: ZPages): Readonly<Record<string, unknown>> {
  return {
    startTime: new Date(startedAt).toISOString().replace(/\.\d+Z$/, 'Z'),
    uptimeSeconds: Math.floor((now() - startedAt) / 1000),
    goVersion: versionInfo(version)['goVersion'],
    binaryVersion: version.git.replace(/^v/, ''),
    emulationVersion: `1.${version.minor}`,
    paths: ['/healthz', '/livez', '/metrics', '/readyz', '/version'],
  };
}

/** The separator of the real one is drawn by lot, so that nobody parses it. */
function plain(kind: string, content: Readonly<Record<string, unknown>>): string {
  const separator = ['=', ':', ' '][Math.floor(Math.random() * 3)] ?? '=';
  const values = (kind === 'Flagz' ? content['flags'] : content) as Readonly<Record<string, unknown>>;
  const lines = Object.entries(values).map(([name, value]) => `${name}${separator}${String(value)}`);
  return `\nkube-apiserver ${kind.toLowerCase()}\nWarning: This endpoint is not meant to be machine parseable.\n\n${lines.join('\n')}\n`;
}
