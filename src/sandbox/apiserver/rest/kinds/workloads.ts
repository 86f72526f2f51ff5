/** What makes pods: apps and batch, a row each. The sandbox has no controllers: they stay as they were asked for. */
import type { FieldErrors } from '../status';
import { at, isObj, num, obj, str, type KubeObject, type Obj } from '../value';
import { AGE, NAME, NONE, humanDuration, numberColumn, since, templateColumns } from './columns';
import { kindRow, type Kind } from './kind';
import { defaultPodSpec } from './pod-defaults';
import { formatLabels } from '../selectors';
import { validatePodSpec, validateWorkload } from './validate';

const apps = { group: 'apps', version: 'v1' };
const batch = { group: 'batch', version: 'v1' };
const TEMPLATE = ['spec', 'template'];
const SELECTOR = ['spec', 'selector'];

export const WORKLOAD_KINDS: readonly Kind[] = [
  kindRow({
    ...apps,
    resource: 'controllerrevisions',
    kind: 'ControllerRevision',
    columns: [NAME, numberColumn('Revision', 'The number of the revision.', ['revision']), AGE],
  }),
  kindRow({
    ...apps,
    resource: 'daemonsets',
    kind: 'DaemonSet',
    shortNames: ['ds'],
    categories: ['all'],
    status: true,
    generation: true,
    columns: [
      NAME,
      numberColumn('Desired', 'How many pods are wanted.', ['status', 'desiredNumberScheduled']),
      numberColumn('Current', 'How many pods there are.', ['status', 'currentNumberScheduled']),
      numberColumn('Ready', 'How many pods are ready.', ['status', 'numberReady']),
      numberColumn('Up-to-date', 'How many pods are of the latest revision.', ['status', 'updatedNumberScheduled']),
      numberColumn('Available', 'How many pods are available.', ['status', 'numberAvailable']),
      {
        name: 'Node Selector',
        description: 'On which nodes.',
        cell: (object) => formatLabels(at(object, ...TEMPLATE, 'spec', 'nodeSelector')),
      },
      AGE,
      ...templateColumns(TEMPLATE, SELECTOR),
    ],
    defaults(object) {
      const spec = workloadSpec(object);
      spec.updateStrategy = obj(spec.updateStrategy);
      defaultStrategy(spec.updateStrategy as Obj, { maxUnavailable: 1, maxSurge: 0 });
      spec.revisionHistoryLimit ??= 10;
      object.status = {
        currentNumberScheduled: 0,
        numberMisscheduled: 0,
        desiredNumberScheduled: 0,
        numberReady: 0,
        ...obj(object.status),
      };
    },
    validate: validateWorkload,
  }),
  kindRow({
    ...apps,
    resource: 'deployments',
    kind: 'Deployment',
    shortNames: ['deploy'],
    categories: ['all'],
    status: true,
    scale: true,
    generation: true,
    columns: [
      NAME,
      readyColumn(),
      numberColumn('Up-to-date', 'How many pods are of the latest revision.', ['status', 'updatedReplicas']),
      numberColumn('Available', 'How many pods are available.', ['status', 'availableReplicas']),
      AGE,
      ...templateColumns(TEMPLATE, SELECTOR),
    ],
    defaults(object) {
      const spec = workloadSpec(object);
      spec.replicas ??= 1;
      spec.strategy = obj(spec.strategy);
      defaultStrategy(spec.strategy as Obj, { maxUnavailable: '25%', maxSurge: '25%' });
      spec.revisionHistoryLimit ??= 10;
      spec.progressDeadlineSeconds ??= 600;
      object.status = obj(object.status);
    },
    validate: validateWorkload,
  }),
  kindRow({
    ...apps,
    resource: 'replicasets',
    kind: 'ReplicaSet',
    shortNames: ['rs'],
    categories: ['all'],
    status: true,
    scale: true,
    generation: true,
    columns: [
      NAME,
      numberColumn('Desired', 'How many pods are wanted.', ['spec', 'replicas']),
      numberColumn('Current', 'How many pods there are.', ['status', 'replicas']),
      numberColumn('Ready', 'How many pods are ready.', ['status', 'readyReplicas']),
      AGE,
      ...templateColumns(TEMPLATE, SELECTOR),
    ],
    defaults(object) {
      workloadSpec(object).replicas ??= 1;
      object.status = { replicas: 0, ...obj(object.status) };
    },
    validate: validateWorkload,
  }),
  kindRow({
    ...apps,
    resource: 'statefulsets',
    kind: 'StatefulSet',
    shortNames: ['sts'],
    categories: ['all'],
    status: true,
    scale: true,
    generation: true,
    columns: [NAME, readyColumn(), AGE, ...templateColumns(TEMPLATE)],
    defaults(object) {
      const spec = workloadSpec(object);
      spec.replicas ??= 1;
      spec.podManagementPolicy ??= 'OrderedReady';
      spec.updateStrategy = obj(spec.updateStrategy);
      defaultStrategy(spec.updateStrategy as Obj, { partition: 0 });
      spec.revisionHistoryLimit ??= 10;
      spec.persistentVolumeClaimRetentionPolicy ??= { whenDeleted: 'Retain', whenScaled: 'Retain' };
      object.status = { replicas: 0, availableReplicas: 0, ...obj(object.status) };
    },
    validate: validateWorkload,
  }),
  kindRow({
    ...batch,
    resource: 'cronjobs',
    kind: 'CronJob',
    shortNames: ['cj'],
    categories: ['all'],
    status: true,
    generation: true,
    columns: [
      NAME,
      { name: 'Schedule', description: 'When it runs.', cell: (object) => str(at(object, 'spec', 'schedule')) },
      {
        name: 'Timezone',
        description: 'Of the schedule.',
        cell: (object) => str(at(object, 'spec', 'timeZone')) || NONE,
      },
      {
        name: 'Suspend',
        type: 'boolean',
        description: 'Whether it rests.',
        cell: (object) => (at(object, 'spec', 'suspend') === true ? 'True' : 'False'),
      },
      {
        name: 'Active',
        type: 'integer',
        description: 'How many jobs run.',
        cell: (object) =>
          Array.isArray(at(object, 'status', 'active')) ? (at(object, 'status', 'active') as []).length : 0,
      },
      {
        name: 'Last Schedule',
        description: 'How long ago it ran last.',
        cell: (object, now) => {
          const last = at(object, 'status', 'lastScheduleTime');
          return last === undefined ? NONE : since(last, now);
        },
      },
      AGE,
      ...templateColumns(['spec', 'jobTemplate', 'spec', 'template'], ['spec', 'jobTemplate', 'spec', 'selector']),
    ],
    defaults(object) {
      const spec = (object.spec = obj(object.spec));
      spec.concurrencyPolicy ??= 'Allow';
      spec.suspend ??= false;
      spec.successfulJobsHistoryLimit ??= 3;
      spec.failedJobsHistoryLimit ??= 1;
      const template = at(spec, 'jobTemplate', 'spec', 'template', 'spec');
      if (isObj(template)) defaultPodSpec(template);
      object.status = obj(object.status);
    },
    validate(object, errors) {
      const spec = obj(object.spec);
      const schedule = str(spec.schedule);
      if (schedule === '') errors.required('spec.schedule');
      else if (!/^@|^(\S+\s+){4}\S+$/.test(schedule.trim())) {
        const count = schedule.trim().split(/\s+/).length;
        errors.wrong('spec.schedule', schedule, `expected exactly 5 fields, found ${count}: [${schedule.trim()}]`);
      }
      const policies = ['Allow', 'Forbid', 'Replace'];
      if (!policies.includes(str(spec.concurrencyPolicy))) {
        errors.unsupported('spec.concurrencyPolicy', spec.concurrencyPolicy, policies);
      }
      validateJobTemplate(at(spec, 'jobTemplate', 'spec', 'template'), 'spec.jobTemplate.spec.template.spec', errors);
    },
  }),
  kindRow({
    ...batch,
    resource: 'jobs',
    kind: 'Job',
    categories: ['all'],
    status: true,
    generation: true,
    fields: { 'status.successful': (object) => String(num(at(object, 'status', 'succeeded'))) },
    columns: [
      NAME,
      { name: 'Status', description: 'How far it is.', cell: jobStatus },
      { name: 'Completions', description: 'How many pods have succeeded.', cell: jobCompletions },
      { name: 'Duration', description: 'How long it took.', cell: jobDuration },
      AGE,
      ...templateColumns(TEMPLATE, SELECTOR),
    ],
    defaults(object) {
      const spec = (object.spec = obj(object.spec));
      spec.parallelism ??= 1;
      spec.completions ??= 1;
      spec.backoffLimit ??= 6;
      spec.completionMode ??= 'NonIndexed';
      spec.suspend ??= false;
      const template = at(spec, 'template', 'spec');
      if (isObj(template)) defaultPodSpec(template);
      object.status = obj(object.status);
    },
    prepare(object, before) {
      if (before === undefined && at(object, 'spec', 'manualSelector') !== true) selectByUid(object);
    },
    validate(object, errors) {
      validateJobTemplate(at(object, 'spec', 'template'), 'spec.template.spec', errors);
    },
  }),
];

function workloadSpec(object: Obj): Obj {
  const spec = (object.spec = obj(object.spec));
  const template = at(spec, 'template', 'spec');
  if (isObj(template)) defaultPodSpec(template);
  return spec;
}

function defaultStrategy(strategy: Obj, rolling: Obj): void {
  strategy.type ??= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') strategy.rollingUpdate = { ...rolling, ...obj(strategy.rollingUpdate) };
}

function readyColumn(): Kind['columns'][number] {
  return {
    name: 'Ready',
    description: 'How many pods are ready, of how many.',
    cell: (object) => `${num(at(object, 'status', 'readyReplicas'))}/${num(at(object, 'spec', 'replicas'))}`,
  };
}

function selectByUid(job: KubeObject): void {
  const spec = obj(job.spec);
  const template = (spec.template = obj(spec.template));
  const metadata = (template.metadata = obj(template.metadata));
  const uid = str(job.metadata.uid);
  metadata.labels = {
    ...obj(metadata.labels),
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': job.metadata.name,
    'controller-uid': uid,
    'job-name': job.metadata.name,
  };
  spec.selector = { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } };
}

function validateJobTemplate(template: unknown, path: string, errors: FieldErrors): void {
  const spec = obj(at(template, 'spec'));
  validatePodSpec(spec, path, errors);
  if (spec.restartPolicy === 'Always') {
    errors.required(`${path}.restartPolicy`, 'valid values: "OnFailure", "Never"');
  }
}

function conditionIs(job: Obj, type: string): boolean {
  const conditions = at(job, 'status', 'conditions');
  return (
    Array.isArray(conditions) && conditions.some((one) => at(one, 'type') === type && at(one, 'status') === 'True')
  );
}

function jobStatus(job: Obj): string {
  if (conditionIs(job, 'Complete')) return 'Complete';
  if (conditionIs(job, 'Failed')) return 'Failed';
  if (at(job, 'metadata', 'deletionTimestamp') !== undefined) return 'Terminating';
  return conditionIs(job, 'Suspended') ? 'Suspended' : 'Running';
}

function jobCompletions(job: Obj): string {
  const succeeded = num(at(job, 'status', 'succeeded'));
  const completions = at(job, 'spec', 'completions');
  return typeof completions === 'number' ? `${succeeded}/${completions}` : `${succeeded}/1`;
}

function jobDuration(job: Obj, now: Date): string {
  const start = Date.parse(str(at(job, 'status', 'startTime')));
  if (Number.isNaN(start)) return '';
  const end = Date.parse(str(at(job, 'status', 'completionTime')));
  return humanDuration((Number.isNaN(end) ? now.getTime() : end) - start);
}
