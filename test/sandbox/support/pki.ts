/** An etcd's authority with a serving certificate for 127.0.0.1 and a client's, made for one test run. */
import { createAuthority, type Signed } from '../../../src/sandbox/certificates';

export interface Pki {
  ca: string;
  server: { cert: string; key: string };
  client: { cert: string; key: string };
}

export async function makePki(): Promise<Pki> {
  const authority = await createAuthority('etcd-ca');
  const pair = ({ crt, key }: Signed): Pki['server'] => ({ cert: crt, key });
  return {
    ca: authority.crt,
    server: pair(await authority.server('cp1', ['127.0.0.1'], true)),
    client: pair(await authority.client('kube-apiserver-etcd-client')),
  };
}
