/** What Go's net package says where Node.js has a code. */

/** @param error what a socket or a request failed with. */
export function goNetworkError(error: unknown, host: string, port: number): string {
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const { code, message = String(error) } = error as Partial<NodeJS.ErrnoException>;
  switch (code) {
    case 'ECONNREFUSED':
      return `dial tcp ${where}: connect: connection refused`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `read tcp ${where}: read: connection reset by peer`;
    case 'EHOSTUNREACH':
      return `dial tcp ${where}: connect: no route to host`;
    case 'ETIMEDOUT':
      return `dial tcp ${where}: i/o timeout`;
    case 'ENOTFOUND':
      return `dial tcp: lookup ${host}: no such host`;
    default:
      return /certificate|self-signed|CERT/.test(`${code ?? ''} ${message}`)
        ? 'tls: failed to verify certificate: x509: certificate signed by unknown authority'
        : message;
  }
}
