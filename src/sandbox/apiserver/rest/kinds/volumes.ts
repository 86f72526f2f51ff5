/** Volumes and claims of them: a row each. */
import { arr, at, isObj, obj, str, type Obj } from '../value';
import { AGE, NAME, accessModes, textColumn } from './columns';
import { kindRow, type Kind } from './kind';

const core = { group: '', version: 'v1' };

export const VOLUME_KINDS: readonly Kind[] = [
  kindRow({
    ...core,
    resource: 'persistentvolumeclaims',
    kind: 'PersistentVolumeClaim',
    shortNames: ['pvc'],
    status: true,
    columns: [
      NAME,
      { name: 'Status', description: 'Its phase.', cell: (object) => phase(object) },
      textOrEmpty('Volume', 'The volume it is bound to.', ['spec', 'volumeName']),
      textOrEmpty('Capacity', 'The size of the volume.', ['status', 'capacity', 'storage']),
      {
        name: 'Access Modes',
        description: 'How it may be mounted.',
        cell: (object) => accessModes(at(object, 'status', 'accessModes')),
      },
      textOrEmpty('StorageClass', 'The class it asks for.', ['spec', 'storageClassName']),
      AGE,
      textColumn('VolumeMode', 'File system or block device.', ['spec', 'volumeMode'], true),
    ],
    defaults(object) {
      object.spec = { volumeMode: 'Filesystem', ...obj(object.spec) };
    },
    prepare(object, before) {
      if (before === undefined) object.status = { phase: 'Pending' };
    },
    validate({ spec }, errors) {
      if (arr(at(spec, 'accessModes')).length === 0)
        errors.required('spec.accessModes', 'at least 1 access mode is required');
      if (at(spec, 'resources', 'requests', 'storage') === undefined) errors.required('spec.resources[storage]');
    },
  }),
  kindRow({
    ...core,
    resource: 'persistentvolumes',
    kind: 'PersistentVolume',
    shortNames: ['pv'],
    namespaced: false,
    status: true,
    columns: [
      NAME,
      textOrEmpty('Capacity', 'Its size.', ['spec', 'capacity', 'storage']),
      {
        name: 'Access Modes',
        description: 'How it may be mounted.',
        cell: (object) => accessModes(at(object, 'spec', 'accessModes')),
      },
      textOrEmpty('Reclaim Policy', 'What becomes of it.', ['spec', 'persistentVolumeReclaimPolicy']),
      { name: 'Status', description: 'Its phase.', cell: (object) => phase(object) },
      {
        name: 'Claim',
        description: 'Who has it.',
        cell: (object) => {
          const claim = at(object, 'spec', 'claimRef');
          return isObj(claim) ? `${str(claim.namespace)}/${str(claim.name)}` : '';
        },
      },
      textOrEmpty('StorageClass', 'Its class.', ['spec', 'storageClassName']),
      textOrEmpty('Reason', 'Why it is in its phase.', ['status', 'reason']),
      AGE,
      textColumn('VolumeMode', 'File system or block device.', ['spec', 'volumeMode'], true),
    ],
    defaults(object) {
      object.spec = { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem', ...obj(object.spec) };
    },
    prepare(object, before) {
      if (before === undefined) object.status = { phase: 'Pending' };
    },
    validate({ spec }, errors) {
      if (arr(at(spec, 'accessModes')).length === 0) errors.required('spec.accessModes');
      if (Object.keys(obj(at(spec, 'capacity'))).length === 0) errors.required('spec.capacity');
    },
  }),
];

function textOrEmpty(name: string, description: string, path: readonly string[]): Kind['columns'][number] {
  return { name, description, cell: (object) => str(at(object, ...path)) };
}

function phase(object: Obj): string {
  return at(object, 'metadata', 'deletionTimestamp') === undefined ? str(at(object, 'status', 'phase')) : 'Terminating';
}
