/** The kubeconfig with which the API server finds the receiver of its audit webhook. */
import { stringify } from 'yaml';
import { UserError } from './errors';

/** @param ca PEM bytes of the certificate authority that the receiver's certificate is signed by. */
export function webhookKubeconfig(url: string, ca?: Uint8Array): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (error) {
    throw new UserError('invalid-url', `--webhook-url ${url} is no URL`, {
      cause: error,
      hints: ['https://HOST:PORT/PATH'],
    });
  }
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:') {
    throw new UserError('invalid-url', `--webhook-url must be an http or https URL, not ${parsed.protocol}`);
  }
  const authority = ca && { 'certificate-authority-data': btoa(String.fromCharCode(...ca)) };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'audit', cluster: { server: url, ...authority } }],
    contexts: [{ name: 'audit', context: { cluster: 'audit', user: '' } }],
    'current-context': 'audit',
  });
}
