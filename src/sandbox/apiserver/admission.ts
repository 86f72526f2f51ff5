/** What a starting server tells of its admission controllers; they themselves are not simulated. */
import { messageOf } from '../../core/errors';
import { goQuote } from '../../core/policy/go-text';
import type { ContainerFiles } from './files';
import type { Flags } from './flags/parse';
import type { Klog } from './klog';

const MUTATING = [
  'NamespaceLifecycle',
  'LimitRanger',
  'ServiceAccount',
  'NodeRestriction',
  'TaintNodesByCondition',
  'Priority',
  'DefaultTolerationSeconds',
  'DefaultStorageClass',
  'StorageObjectInUseProtection',
  'RuntimeClass',
  'DefaultIngressClass',
  'MutatingAdmissionWebhook',
];
const VALIDATING = [
  'LimitRanger',
  'ServiceAccount',
  'Priority',
  'PersistentVolumeClaimResize',
  'RuntimeClass',
  'CertificateApproval',
  'CertificateSigning',
  'CertificateSubjectRestriction',
  'ValidatingAdmissionWebhook',
  'ResourceQuota',
];

/** @throws with the server's message. */
export function setUpAdmission(flags: Flags, files: ContainerFiles, klog: Klog, minor: number): void {
  const path = flags.string('admission-control-config-file');
  if (path !== '') readConfig(path, files);
  const off = new Set(flags.list('disable-admission-plugins'));
  // The only one of those named here that is not on by itself.
  if (!flags.list('enable-admission-plugins').includes('NodeRestriction')) off.add('NodeRestriction');
  const tell = (kind: string, place: string, all: readonly string[]) => {
    const names = all.filter((name) => !off.has(name));
    const list = `in the following order: ${names.join(',')}.`;
    klog.info(place, `Loaded ${names.length} ${kind} admission controller(s) successfully ${list}`);
  };
  tell('mutating', minor >= 24 ? 'plugins.go:157' : 'plugins.go:158', MUTATING);
  tell('validating', minor >= 24 ? 'plugins.go:160' : 'plugins.go:161', VALIDATING);
}

function readConfig(path: string, files: ContainerFiles): void {
  try {
    files.read(path);
  } catch (error) {
    const words = `unable to read admission control configuration from ${goQuote(path)} [${messageOf(error)}]`;
    throw new Error(`failed to initialize admission: failed to read plugin config: ${words}`);
  }
}
