import { kubectlRequests } from '../../../src/core/policy/kubectl';

/** The requests besides discovery, as `METHOD path`. */
function requests(line: string, objects?: Parameters<typeof kubectlRequests>[1]): string[] {
  const plan = kubectlRequests(line.split(' '), objects);
  return plan.requests.filter(({ discovery }) => discovery !== true).map(({ method, path }) => `${method} ${path}`);
}

const NS = '/api/v1/namespaces/default';
const APPS = '/apis/apps/v1/namespaces/default';

test.each<[string, string[]]>([
  ['kubectl get pods', [`GET ${NS}/pods?limit=500`]],
  ['get pod x -n a', ['GET /api/v1/namespaces/a/pods/x']],
  ['get po x y', [`GET ${NS}/pods/x`, `GET ${NS}/pods/y`]],
  ['get pods -A -l a=b', ['GET /api/v1/pods?labelSelector=a%3Db&limit=500']],
  ['get pods,svc', [`GET ${NS}/pods?limit=500`, `GET ${NS}/services?limit=500`]],
  ['get deploy/x svc/y', [`GET ${APPS}/deployments/x`, `GET ${NS}/services/y`]],
  ['get nodes -n a', ['GET /api/v1/nodes?limit=500']],
  [
    'get deploy x -w',
    [`GET ${APPS}/deployments/x`, `GET ${APPS}/deployments?fieldSelector=metadata.name%3Dx&watch=true`],
  ],
  ['get pods --watch-only', [`GET ${NS}/pods?watch=true`]],
  ['get pods --field-selector metadata.name=x', [`GET ${NS}/pods?fieldSelector=metadata.name%3Dx&limit=500`]],
  ['get cm x --subresource=status', [`GET ${NS}/configmaps/x/status`]],
  ['get --raw /healthz', ['GET /healthz']],
  ['get certificates.cert-manager.io x', ['GET /apis/cert-manager.io/v1/namespaces/default/certificates/x']],
  ['get deployments.v1.apps', [`GET ${APPS}/deployments?limit=500`]],
  ['describe pod x', [`GET ${NS}/pods/x`, `GET ${NS}/events?fieldSelector=involvedObject.name%3Dx`]],
  ['create ns foo', ['POST /api/v1/namespaces']],
  ['create deployment d --image i', [`POST ${APPS}/deployments`]],
  ['create deployment d --image=i --dry-run=server', [`POST ${APPS}/deployments?dryRun=All`]],
  ['create deployment d --image=i --dry-run=client', []],
  ['create secret generic s --from-literal=a=b', [`POST ${NS}/secrets`]],
  ['create token sa1', [`POST ${NS}/serviceaccounts/sa1/token`]],
  ['create clusterrole r --verb=get --resource=pods', ['POST /apis/rbac.authorization.k8s.io/v1/clusterroles']],
  [
    'delete pod x',
    [
      `DELETE ${NS}/pods/x`,
      `GET ${NS}/pods/x`,
      `GET ${NS}/pods?fieldSelector=metadata.name%3Dx`,
      `GET ${NS}/pods?fieldSelector=metadata.name%3Dx&watch=true`,
    ],
  ],
  ['delete pod x --wait=false', [`DELETE ${NS}/pods/x`]],
  ['delete pods --all --wait=false', [`GET ${NS}/pods`, `DELETE ${NS}/pods/EACH`]],
  ['delete ns x --wait=false', ['DELETE /api/v1/namespaces/x']],
  ['label pod x a=b c-', [`GET ${NS}/pods/x`, `PATCH ${NS}/pods/x`]],
  ['annotate pods --all a=b', [`GET ${NS}/pods`, `PATCH ${NS}/pods/EACH`]],
  ['patch deploy x -p {"spec":{}}', [`GET ${APPS}/deployments/x`, `PATCH ${APPS}/deployments/x`]],
  ['edit deploy x', [`GET ${APPS}/deployments/x`, `PATCH ${APPS}/deployments/x`]],
  ['scale deploy x --replicas=2', [`GET ${APPS}/deployments/x`, `PATCH ${APPS}/deployments/x/scale`]],
  [
    'scale deploy/x --replicas=2 --current-replicas=1',
    [`GET ${APPS}/deployments/x`, `GET ${APPS}/deployments/x/scale`, `PUT ${APPS}/deployments/x/scale`],
  ],
  [
    'autoscale deploy x --max=3',
    [`GET ${APPS}/deployments/x`, 'POST /apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers'],
  ],
  ['rollout restart deploy x', [`GET ${APPS}/deployments/x`, `PATCH ${APPS}/deployments/x`]],
  [
    'rollout status deploy/x',
    [
      `GET ${APPS}/deployments/x`,
      `GET ${APPS}/deployments?fieldSelector=metadata.name%3Dx`,
      `GET ${APPS}/deployments?fieldSelector=metadata.name%3Dx&watch=true`,
    ],
  ],
  ['rollout history sts x', [`GET ${APPS}/statefulsets/x`, `GET ${APPS}/controllerrevisions`]],
  ['rollout undo deploy x', [`GET ${APPS}/deployments/x`, `GET ${APPS}/replicasets`, `PATCH ${APPS}/deployments/x`]],
  ['set image deploy/x c=j', [`GET ${APPS}/deployments/x`, `PATCH ${APPS}/deployments/x`]],
  ['logs x', [`GET ${NS}/pods/x`, `GET ${NS}/pods/x/log`]],
  [
    'logs -f deploy/x -c c',
    [`GET ${APPS}/deployments/x`, `GET ${NS}/pods`, `GET ${NS}/pods/EACH/log?container=c&follow=true`],
  ],
  ['logs -l a=b', [`GET ${NS}/pods?labelSelector=a%3Db`, `GET ${NS}/pods/EACH/log`]],
  [
    'exec -it x -n a -- sh',
    [
      'GET /api/v1/namespaces/a/pods/x',
      'GET /api/v1/namespaces/a/pods/x/exec?command=sh',
      'POST /api/v1/namespaces/a/pods/x/exec?command=sh',
    ],
  ],
  ['attach x', [`GET ${NS}/pods/x`, `GET ${NS}/pods/x/attach`, `POST ${NS}/pods/x/attach`]],
  [
    'port-forward svc/x 8080:80',
    [
      `GET ${NS}/services/x`,
      `GET ${NS}/pods`,
      `GET ${NS}/pods/EACH`,
      `GET ${NS}/pods/EACH/portforward`,
      `POST ${NS}/pods/EACH/portforward`,
    ],
  ],
  [
    'cp a/x:/etc/passwd .',
    [
      'GET /api/v1/namespaces/a/pods/x',
      'GET /api/v1/namespaces/a/pods/x/exec?command=tar',
      'POST /api/v1/namespaces/a/pods/x/exec?command=tar',
    ],
  ],
  ['run r --image=i', [`POST ${NS}/pods`]],
  ['expose deploy x --port=80', [`GET ${APPS}/deployments/x`, `POST ${NS}/services`]],
  [
    'drain n1 --force',
    [
      'GET /api/v1/nodes/n1',
      'PATCH /api/v1/nodes/n1',
      'GET /api/v1/pods?fieldSelector=spec.nodeName%3Dn1',
      'POST /api/v1/namespaces/EACH/pods/EACH/eviction',
      'GET /api/v1/namespaces/EACH/pods/EACH',
    ],
  ],
  ['cordon node/n1', ['GET /api/v1/nodes/n1', 'PATCH /api/v1/nodes/n1']],
  ['taint node n1 a=b:NoSchedule', ['GET /api/v1/nodes/n1', 'PATCH /api/v1/nodes/n1']],
  ['top pods', ['GET /apis/metrics.k8s.io/v1beta1/namespaces/default/pods']],
  ['top node', ['GET /apis/metrics.k8s.io/v1beta1/nodes', 'GET /api/v1/nodes']],
  ['auth can-i get secrets', ['POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews']],
  ['auth can-i --list', ['POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews']],
  ['auth whoami', ['POST /apis/authentication.k8s.io/v1/selfsubjectreviews']],
  [
    'certificate approve c1',
    [
      'GET /apis/certificates.k8s.io/v1/certificatesigningrequests/c1',
      'PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/c1/approval',
    ],
  ],
  ['debug x --image=b', [`GET ${NS}/pods/x`, `PATCH ${NS}/pods/x/ephemeralcontainers`]],
  ['debug node/n1 --image=b', ['GET /api/v1/nodes/n1', `POST ${NS}/pods`]],
  ['events -A', ['GET /api/v1/events?limit=500']],
  ['version', ['GET /version']],
  ['config view', []],
  ['api-resources', []],
])('%s', (line, expected) => {
  expect(requests(line)).toEqual(expected);
});

describe('objects from files', () => {
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd', namespace: 'web' };
  const gateway = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway', name: 'g' };
  const path = '/apis/apps/v1/namespaces/web/deployments';

  test.each<[string, string[]]>([
    ['apply -f x.yaml', [`GET ${path}/d`, `POST ${path}`, `PATCH ${path}/d`]],
    ['apply --server-side -f x.yaml', [`PATCH ${path}/d`]],
    ['create -f x.yaml', [`POST ${path}`]],
    ['replace -f x.yaml', [`GET ${path}/d`, `PUT ${path}/d`]],
    ['diff -f x.yaml', [`GET ${path}/d`, `PATCH ${path}/d?dryRun=All`]],
    ['delete -f x.yaml --wait=false', [`DELETE ${path}/d`]],
    ['get -f x.yaml', [`GET ${path}/d`]],
  ])('%s', (line, expected) => {
    expect(requests(line, [deployment])).toEqual(expected);
  });

  test('kinds of other groups, in the namespace of the command line', () => {
    expect(requests('create -f x.yaml -n edge', [gateway])).toEqual([
      'POST /apis/gateway.networking.k8s.io/v1/namespaces/edge/gateways',
    ]);
  });

  test('without the files it says what they would decide', () => {
    expect(kubectlRequests(['apply', '-f', 'x.yaml']).notes).toEqual([
      'The requests depend on the objects in the files: a get of each, then a patch of what is there and differs, or a create of what is not.',
    ]);
  });
});

test('discovery comes first, and is told apart', () => {
  expect(kubectlRequests(['get', 'pods']).requests.slice(0, 2)).toEqual([
    expect.objectContaining({ method: 'GET', path: '/api', discovery: true }),
    expect.objectContaining({ method: 'GET', path: '/apis', discovery: true }),
  ]);
  expect(kubectlRequests(['version']).requests).toHaveLength(1);
});

test('--as does not change whom the policy is asked about', () => {
  expect(kubectlRequests(['get', 'pods', '--as=bob', '--as-group', 'ops']).notes[0]).toBe(
    'The policy is asked about the user who logs in, not about bob, group ops: impersonation comes after it. The event names both, in user and impersonatedUser.',
  );
});

test('the verb of exec depends on kubectl', () => {
  expect(kubectlRequests(['exec', 'x', '--', 'ls']).notes[0]).toBe(
    'The verb of pods/exec is get with kubectl 1.31 and newer, create before: a rule with verbs needs both.',
  );
});

test.each([
  [['gte', 'pods'], 'kubectl has no command gte', 'kubectl get pods'],
  [
    ['get', 'pdos'],
    'no resource is called pdos',
    'Resources of your own are given with their group: certificates.cert-manager.io',
  ],
  [[], 'kubectl has no command (none given)', undefined],
  [['toString'], 'kubectl has no command toString', undefined],
])('%j is refused', (argv, message, hint) => {
  expect(() => kubectlRequests(argv)).toThrow(
    expect.objectContaining({ name: 'UserError', message, hints: hint === undefined ? [] : [hint] }),
  );
});
