/** The people of the sandbox's cluster: for practice, for demonstrations of RBAC, and to have somebody to look for in a log. */

export interface User {
  name: string;
  groups: readonly string[];
  /** The namespace of the user's kubeconfig, and of the role; the whole cluster when absent. */
  namespace?: string;
  /** A cluster role; none: may do what everybody who is known may. */
  role?: string;
  about: string;
}

export const USERS: readonly User[] = [
  {
    name: 'jane',
    groups: ['developers'],
    namespace: 'staging',
    role: 'view',
    about: 'looks at namespace staging, but not at its Secrets',
  },
  {
    name: 'dave',
    groups: ['developers'],
    namespace: 'production',
    role: 'edit',
    about: 'changes what is in namespace production, its Secrets included',
  },
  { name: 'olga', groups: ['auditors'], role: 'view', about: 'looks at the whole cluster, but not at Secrets' },
  { name: 'mallory', groups: [], about: 'has a certificate, and is allowed nothing' },
];

export const NAMESPACES: readonly string[] = [...new Set(USERS.flatMap(({ namespace }) => namespace ?? []))].sort();

/** What has to be there for the users to be allowed what they are: paths and objects, in order. */
export function grants(): { path: string; object: object }[] {
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  return [
    ...NAMESPACES.map((name) => ({
      path: '/api/v1/namespaces',
      object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    })),
    ...USERS.flatMap(({ name, namespace, role }) => {
      if (role === undefined) return [];
      const kind = namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding';
      const object = {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind,
        metadata: { name: `${name}-${role}`, ...(namespace === undefined ? {} : { namespace }) },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
      };
      const path =
        namespace === undefined ? `${rbac}/clusterrolebindings` : `${rbac}/namespaces/${namespace}/rolebindings`;
      return [{ path, object }];
    }),
  ];
}
