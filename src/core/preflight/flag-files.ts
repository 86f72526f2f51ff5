/** The files that flags of the API server name, and the mounts through which it sees them. */
import { expand, known } from '../manifest/expand';
import type { Flag } from '../manifest/flags';
import { resolveMount } from '../manifest/mounts';
import type { ResolvedMount } from '../manifest/mounts';
import { normalPath } from '../manifest/paths';
import type { Server } from '../manifest/server';

export interface FlagFile {
  flag: Flag;
  /** Inside the container, normal. */
  path: string;
  mount: ResolvedMount | undefined;
}

/** Flags whose value is a file that must be there when the server starts. Source: cmd/kube-apiserver/app/options. */
const FILES = new Set([
  'admission-control-config-file',
  'audit-policy-file',
  'audit-webhook-config-file',
  'authentication-config',
  'authentication-token-webhook-config-file',
  'authorization-config',
  'authorization-policy-file',
  'authorization-webhook-config-file',
  'client-ca-file',
  'cloud-config',
  'egress-selector-config-file',
  'encryption-provider-config',
  'etcd-cafile',
  'etcd-certfile',
  'etcd-keyfile',
  'kubelet-certificate-authority',
  'kubelet-client-certificate',
  'kubelet-client-key',
  'oidc-ca-file',
  'peer-ca-file',
  'proxy-client-cert-file',
  'proxy-client-key-file',
  'requestheader-client-ca-file',
  'service-account-key-file',
  'service-account-signing-key-file',
  'tls-cert-file',
  'tls-private-key-file',
  'token-auth-file',
  'tracing-config-file',
]);

/** Every file that the server needs at its start; those whose path is not known from the manifest are left out. */
export function flagFiles(server: Server): FlagFile[] {
  return server.flags.flatMap((flag) => {
    if (!FILES.has(flag.name) && flag.name !== 'tls-sni-cert-key') return [];
    const value = flag.value === undefined ? undefined : known(expand(flag.value, server.environment));
    if (value === undefined || value === '') return [];
    const paths = flag.name === 'tls-sni-cert-key' ? value.replace(/:.*$/, '').split(',') : [value];
    return paths.map((path) => {
      const inside = normalPath(`/${path}`);
      return { flag, path: inside, mount: resolveMount(server, inside) };
    });
  });
}
