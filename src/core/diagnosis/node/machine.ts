/** The machine below: disks, and who holds the API server's port. */
import { cause, type Cause } from '../cause';
import type { Disk } from '../node-sight';
import type { Patient } from '../patient';
import { flagAt } from '../patient';

const MIB = 1 << 20;

export function diskRules(patient: Patient): Cause[] {
  return patient.sight.disks.flatMap((disk) => diskCauses(patient, disk));
}

function diskCauses(patient: Patient, disk: Disk): Cause[] {
  const { path, freeBytes, totalBytes, freeInodes, totalInodes, readOnly } = disk;
  const isLog = path === patient.audit?.log?.hostPath?.replace(/\/[^/]*$/, '');
  const probe = (text: string) => [{ source: 'probe' as const, where: `df ${path}`, text }];
  if (readOnly) {
    return [
      cause('disk-read-only', {
        title: `${path} lies on a file system that is mounted read-only`,
        evidence: probe('read-only'),
        remedy: [`findmnt -T ${path}`, 'dmesg --level=err,warn | tail', `mount -o remount,rw …`],
        brings: ['audit-log-read-only', 'audit-events-lost'],
      }),
    ];
  }
  // Some file systems have no fixed number of inodes and say 0 of 0.
  const full =
    freeBytes < Math.min(MIB, totalBytes * 0.001)
      ? 'no space'
      : totalInodes > 0 && freeInodes < 8
        ? 'no inodes'
        : undefined;
  if (full) {
    return [
      cause('disk-full', {
        title: `${full === 'no space' ? 'the disk' : 'the inode table'} is full where ${path} lies${isLog ? ': no audit event can be written' : ''}`,
        evidence: probe(`${freeBytes} of ${totalBytes} bytes, ${freeInodes} of ${totalInodes} inodes free`),
        remedy: [
          full === 'no space' ? `df -h ${path}` : `df -i ${path}`,
          ...(isLog
            ? ['remove old rotated logs; then hold it smaller: kube-auditctl enable --max-size 50 --max-backup 5']
            : [`du -xh ${path} | sort -h | tail`]),
        ],
        brings: ['audit-log-disk-full', 'audit-events-lost', 'etcd-not-running', 'kubelet-failing'],
      }),
    ];
  }
  if (totalBytes > 0 && freeBytes / totalBytes < 0.05) {
    return [
      cause('disk-nearly-full', {
        title: `only ${Math.floor((100 * freeBytes) / totalBytes)} % (${Math.floor(freeBytes / MIB)} MiB) are free where ${path} lies`,
        when: 'later',
        evidence: probe(`${freeBytes} of ${totalBytes} bytes free`),
        remedy: [`df -h ${path}`],
      }),
    ];
  }
  return [];
}

export function portRules(patient: Patient): Cause[] {
  const { port, servers } = patient.sight;
  const own = new Set(servers.map(({ pid }) => pid));
  return port.holders
    .filter(({ pid }) => !own.has(pid))
    .slice(0, 1)
    .map(({ pid, argv, address }) => {
      const flag = flagAt(patient, 'secure-port');
      return cause('port-in-use', {
        title: `another process listens on ${address}: pid ${pid} (${argv.slice(0, 3).join(' ').slice(0, 120)})`,
        ...flag,
        evidence: [{ source: 'process', where: `/proc/${pid}`, text: argv.join(' ').slice(0, 300) }, ...flag.evidence],
        // On another address of the node it need not be in the way.
        certain: !patient.healthy,
        when: patient.healthy ? 'later' : 'now',
        remedy: [`ps -fp ${pid}`, 'stop that process, or change --secure-port'],
        brings: ['server-not-started', 'server-refused'],
      });
    });
}
