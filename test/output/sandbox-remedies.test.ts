/** Remedies in a sandbox: none of them acts on the machine below. */
import { forSandbox, remediesIn } from '../../src/output/sandbox-remedies';

test.each<[line: string, suited: string[]]>([
  ['systemctl start kubelet', ['kube-auditctl sandbox start /box']],
  ['systemctl enable kubelet', []],
  ['systemctl start containerd', []],
  ['journalctl -u kubelet -n 100 | grep etcd', ['kube-auditctl sandbox journal /box | grep etcd']],
  ['crictl ps -a --name kube-apiserver', ['kube-auditctl sandbox status /box']],
  ['sudo ls -l /etc/kubernetes/admin.conf', ['ls -l /box/node/etc/kubernetes/admin.conf']],
  ['df -h /var/lib/etcd', ['df -h /box/node/var/lib/etcd']],
  ['give it longer: --timeout 10m', ['give it longer: --timeout 10m']],
])('%s', (line, suited) => {
  expect(remediesIn([line], '/box')).toEqual(suited);
});

test('wherever they stand in a value, and nothing else of it', () => {
  const value = { title: 'systemctl start kubelet', causes: [{ remedy: ['systemctl start kubelet'], at: 1 }] };
  expect(forSandbox(value, undefined)).toBe(value);
  expect(forSandbox(value, '/a box')).toEqual({
    title: 'systemctl start kubelet',
    causes: [{ remedy: ["kube-auditctl sandbox start '/a box'"], at: 1 }],
  });
});
